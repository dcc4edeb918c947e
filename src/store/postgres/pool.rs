//! Connections that only read, one for each reader at one time.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
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

#[derive(Default)]
struct Places {
    idle: Vec<Link>,
    /// Number of connections in use.
    used: usize,
}

pub(in crate::store) struct Pool {
    address: Arc<Address>,
    contact: Arc<Contact>,
    places: Mutex<Places>,
    freed: Condvar,
}

/// A place among the connections in use.
struct Place<'a>(&'a Pool);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.lock().used -= 1;
        self.0.freed.notify_one();
    }
}

impl Pool {
    pub(super) fn new(address: Arc<Address>, contact: Arc<Contact>) -> Self {
        Self { address, contact, places: Mutex::default(), freed: Condvar::new() }
    }

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

    fn keep(&self, link: Link) {
        if !link.is_lost() {
            self.lock().idle.push(link);
        }
    }
}

impl engine::Pool for Pool {
    fn run(&self, query: &mut Query<'_>) -> Result<(), Error> {
        self.contact.check()?;
        let (_place, idle) = self.place()?;
        if let Some(link) = idle {
            match query(&link) {
                // The connection had been lost before: so have the other ones probably.
                Err(Error::Lost(_)) => self.lock().idle.clear(),
                answer => {
                    self.keep(link);
                    return answer;
                }
            }
        }
        let link = self.connect()?;
        let answer = query(&link);
        self.keep(link);
        answer
    }
}
