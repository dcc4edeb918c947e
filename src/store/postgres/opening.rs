//! Opening a database.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::address::Address;
use super::contact::{Contact, DatabaseState};
use super::heart::Heart;
use super::lease::{self, Lock, Purpose};
use super::link::Link;
use super::pool::Pool;
use super::schema;
use super::session::Session;
use crate::config::Postgres;
use crate::store::change::Follower;
use crate::store::error::Error;
use crate::store::sql::Connection;

/// An open database.
pub(in crate::store) struct Opened {
    pub(in crate::store) session: Session,
    pub(in crate::store) pool: Pool,
    pub(in crate::store) watch: Watch,
}

/// Watches whether the database answers, as long as the store is open.
pub(in crate::store) struct Watch {
    contact: Arc<Contact>,
    closes: Arc<AtomicBool>,
    /// The connection with the lock of the server that starts; `None` once it has started.
    starting: Mutex<Option<Link>>,
    _heart: Heart,
}

/// How long a server waits for others that start.
const STARTING: Duration = Duration::from_secs(60);

/// How long a server waits until it has followed the others.
const FIRST: Duration = Duration::from_secs(10);

impl Watch {
    /// Whether what was read before may be used.
    ///
    /// # Errors
    /// The database has not answered for a second, or is not this server's any more.
    pub(in crate::store) fn check(&self) -> Result<(), Error> {
        self.contact.check()
    }

    /// Whether the database could be read the last time. It is not asked.
    ///
    /// # Errors
    /// Readers have no connection, and none could be opened.
    pub(in crate::store) fn check_readable(&self) -> Result<(), Error> {
        self.contact.check_readable()
    }

    /// Follows the changes of other servers from now on; returns when those up to now were followed.
    ///
    /// # Errors
    /// The database does not answer, or the changes cannot be followed.
    pub(in crate::store) fn follow(&self, follower: Follower) -> Result<(), Error> {
        self.contact.follow(follower);
        let (began, rounds) = (Instant::now(), self.contact.rounds());
        while self.contact.rounds() == rounds {
            self.contact.check_own()?;
            if began.elapsed() > FIRST {
                return Err(Error::Unanswered);
            }
            thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    /// The last commit of all servers that this one has followed.
    pub(in crate::store) fn followed(&self) -> i64 {
        self.contact.followed()
    }

    /// What is known of the database. It is not asked.
    pub(in crate::store) fn state(&self) -> DatabaseState {
        self.contact.state()
    }

    /// Lets other servers start.
    pub(in crate::store) fn has_started(&self) {
        drop(self.starting.lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    /// The name of this server among those that use the database.
    pub(in crate::store) fn server(&self) -> &str {
        &self.contact.server
    }

    /// The store is being closed: nothing is waited for any more.
    pub(in crate::store) fn close(&self) {
        self.closes.store(true, Ordering::SeqCst);
    }
}

/// Opens the database and upgrades its schema. `holder` tells this start from others. No other
/// server starts before [`Watch::has_started`].
///
/// # Errors
/// Another server has it open, its schema is newer, or it cannot be used.
pub(in crate::store) fn open(settings: &Arc<Postgres>, holder: String) -> Result<Opened, Error> {
    let (address, server) = (Arc::new(Address::new(settings)?), settings.server.as_str());
    let name = address.to_string();
    let link = lease::connect(&address, Purpose::Write)?;
    check_server(&link, &name)?;
    // Checked before anything is waited for.
    schema::check(&link, &name)?;
    lease::lock(&link, Lock::Name(server), lease::PATIENCE)?;
    let starting = lease::connect(&address, Purpose::Write)?;
    lease::lock(&starting, Lock::Start, STARTING)?;
    schema::migrate(&link, &name)?;
    let committed = lease::take(&link, server, &holder)?;
    let followed = lease::last_commit(&link)?;
    let contact = Arc::new(Contact::new((server.to_owned(), holder), committed, followed));
    let closes = Arc::new(AtomicBool::new(false));
    let heart = Heart::start(Arc::clone(&address), Arc::clone(&contact))?;
    Ok(Opened {
        session: Session::new(Arc::clone(&address), Arc::clone(&contact), link, Arc::clone(&closes)),
        pool: Pool::new(address, Arc::clone(&contact)),
        watch: Watch { contact, closes, starting: Mutex::new(Some(starting)), _heart: heart },
    })
}

pub(super) fn check_server(link: &Link, name: &str) -> Result<(), Error> {
    let encoding = link.text("SELECT current_setting('server_encoding')")?.unwrap_or_default();
    if encoding != "UTF8" {
        return Err(Error::Encoding { name: name.to_owned(), encoding });
    }
    if link.text("SELECT current_setting('fsync', true)")?.is_some_and(|fsync| fsync == "off") {
        tracing::warn!("PostgreSQL runs with fsync = off: a failure of its machine loses what was acknowledged");
    }
    Ok(())
}

/// Reads the database as it is; `None` if it has no schema yet.
///
/// # Errors
/// Its schema is newer, or it cannot be read.
pub(in crate::store) fn read_only<T>(
    settings: &Arc<Postgres>,
    read: impl FnOnce(&dyn Connection) -> Result<T, Error>,
) -> Result<Option<T>, Error> {
    let address = Address::new(settings)?;
    let link = lease::connect(&address, Purpose::Read)?;
    let is_empty = schema::check(&link, &address.to_string())? == 0;
    if is_empty { Ok(None) } else { read(&link).map(Some) }
}

/// Whether a server has the database open now.
///
/// # Errors
/// The lock cannot be tested.
pub(in crate::store) fn is_open(settings: &Arc<Postgres>) -> Result<bool, Error> {
    let address = Address::new(settings)?;
    let link = lease::connect(&address, Purpose::Read)?;
    let name = Lock::Name(&settings.server);
    match lease::lock(&link, name, Duration::ZERO) {
        Ok(()) => {
            lease::unlock(&link, name);
            Ok(false)
        }
        Err(Error::NameInUse(_)) => Ok(true),
        Err(error) => Err(error),
    }
}
