//! Opening a database.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::address::Address;
use super::contact::Contact;
use super::heart::Heart;
use super::lease::{self, Purpose};
use super::link::Link;
use super::pool::Pool;
use super::schema;
use super::session::Session;
use crate::config::Postgres;
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
    _heart: Heart,
}

impl Watch {
    /// Whether what was read before may be used.
    ///
    /// # Errors
    /// The database has not answered for a second, or is not this server's any more.
    pub(in crate::store) fn check(&self) -> Result<(), Error> {
        self.contact.check()
    }

    /// The store is being closed: nothing is waited for any more.
    pub(in crate::store) fn close(&self) {
        self.closes.store(true, Ordering::SeqCst);
    }
}

/// Opens the database for this server and upgrades its schema. `holder` is the name under which this start has the lease.
///
/// # Errors
/// Another server has it open, its schema is newer, or it cannot be used.
pub(in crate::store) fn open(settings: &Arc<Postgres>, holder: String) -> Result<Opened, Error> {
    let address = Arc::new(Address::new(settings)?);
    let name = address.to_string();
    let link = lease::connect(&address, Purpose::Write)?;
    check_server(&link, &name)?;
    // Checked before anything is waited for.
    schema::check(&link, &name)?;
    lease::lock(&link, &name, lease::PATIENCE)?;
    schema::migrate(&link, &name)?;
    let committed = lease::take(&link, &holder)?;
    let contact = Arc::new(Contact::new(holder, committed));
    let closes = Arc::new(AtomicBool::new(false));
    let heart = Heart::start(Arc::clone(&address), Arc::clone(&contact))?;
    Ok(Opened {
        session: Session::new(Arc::clone(&address), Arc::clone(&contact), link, Arc::clone(&closes)),
        pool: Pool::new(address, Arc::clone(&contact)),
        watch: Watch { contact, closes, _heart: heart },
    })
}

fn check_server(link: &Link, name: &str) -> Result<(), Error> {
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
    match lease::lock(&link, &address.to_string(), std::time::Duration::ZERO) {
        Ok(()) => {
            lease::unlock(&link);
            Ok(false)
        }
        Err(Error::InUse(_)) => Ok(true),
        Err(error) => Err(error),
    }
}
