//! Connections that only read, one for each reader at one time.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::Duration;

use super::address::Address;
use super::contact::Contact;
use super::lease::{self, Purpose};
use super::link::Link;
use crate::store::engine::{self, Query};
use crate::store::error::Error;

/// Maximum number of connections.
const MOST: usize = 12;

/// How long a reader waits for a connection that others use.
const PATIENCE: Duration = Duration::from_secs(5);

/// The pause between two attempts to open a connection for readers.
const PAUSE: Duration = Duration::from_millis(500);

#[derive(Default)]
struct Places {
    idle: Vec<Link>,
    /// Number of connections in use.
    used: usize,
    /// Whether a thread tries to open a connection.
    is_tried: bool,
}

pub(in crate::store) struct Pool(Arc<Links>);

struct Links {
    address: Arc<Address>,
    contact: Arc<Contact>,
    places: Mutex<Places>,
    freed: Condvar,
}

/// A place among the connections in use.
struct Place<'a>(&'a Links);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.lock().used -= 1;
        self.0.freed.notify_one();
    }
}

impl Pool {
    pub(super) fn new(address: Arc<Address>, contact: Arc<Contact>) -> Self {
        Self(Arc::new(Links { address, contact, places: Mutex::default(), freed: Condvar::new() }))
    }
}

impl Links {
    fn lock(&self) -> MutexGuard<'_, Places> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a place; returns also an idle connection, if there is one.
    fn place(&self) -> Result<(Place<'_>, Option<Link>), Error> {
        let is_full = |places: &mut Places| places.used >= MOST;
        let waited = self.freed.wait_timeout_while(self.lock(), PATIENCE, is_full);
        let (mut places, waited) = waited.unwrap_or_else(PoisonError::into_inner);
        if waited.timed_out() {
            return Err(Error::NoConnection);
        }
        places.used += 1;
        let idle = places.idle.pop().filter(|link| !link.is_lost());
        drop(places);
        Ok((Place(self), idle))
    }

    fn connect(&self) -> Result<Link, Error> {
        let link = lease::connect(&self.address, Purpose::Read)?.heard_by(&self.contact);
        // Of several hosts, it must not be one that is behind what this server has heard.
        if lease::last_commit(&link)? < self.contact.followed() {
            return Err(Error::Unanswered);
        }
        Ok(link)
    }

    /// Keeps a connection that was used, for others.
    fn keep(&self, link: Link) {
        if !link.is_lost() {
            let mut places = self.lock();
            places.idle.push(link);
            if self.contact.note_readable(true) {
                tracing::info!("the database can be read again");
            }
        }
    }

    /// Notes that no connection can be opened, if there is no other one, and lets a thread try it until one can: the
    /// server is not ready meanwhile, so that no request may come that would try it.
    fn note_failure(self: &Arc<Self>, error: &Error) {
        let mut places = self.lock();
        if !places.idle.is_empty() {
            return;
        }
        if self.contact.note_readable(false) {
            tracing::error!(%error, database = %self.address, "the database cannot be read: no connection can be opened");
        }
        if !places.is_tried {
            let links = Arc::downgrade(self);
            let thread = thread::Builder::new().name("store-readers".to_owned()).spawn(move || try_again(&links));
            places.is_tried = thread.is_ok();
        }
    }

    /// Tries to open a connection. Returns whether it need not be tried again.
    fn is_tried_enough(&self) -> bool {
        let is_over = |places: &mut Places| {
            places.is_tried = self.contact.is_unreadable() && self.contact.check_own().is_ok();
            !places.is_tried
        };
        if is_over(&mut self.lock()) {
            return true;
        }
        // While nothing is heard, the heartbeat tries it.
        if self.contact.check().is_ok() {
            let tried = self.place().and_then(|(_place, idle)| idle.map_or_else(|| self.connect(), Ok));
            match tried {
                Ok(link) => self.keep(link),
                Err(error) => tracing::debug!(%error, "the database still cannot be read"),
            }
        }
        is_over(&mut self.lock())
    }
}

/// Tries to open a connection until there is one, or the store is closed.
fn try_again(links: &Weak<Links>) {
    loop {
        thread::sleep(PAUSE);
        if links.upgrade().is_none_or(|links| links.is_tried_enough()) {
            return;
        }
    }
}

impl engine::Pool for Pool {
    fn run(&self, query: &mut Query<'_>) -> Result<(), Error> {
        let Self(links) = self;
        links.contact.check()?;
        let (_place, idle) = links.place()?;
        if let Some(link) = idle {
            match query(&link) {
                // The connection had been lost before: so have the other ones probably.
                Err(Error::Lost(_)) => links.lock().idle.clear(),
                answer => {
                    links.keep(link);
                    return answer;
                }
            }
        }
        let link = links.connect().inspect_err(|error| links.note_failure(error))?;
        let answer = query(&link);
        links.keep(link);
        answer
    }
}
