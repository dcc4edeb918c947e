//! The heartbeat: asks the database four times a second whether it is still there and still this server's, and what other
//! servers have changed.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::address::Address;
use super::contact::{self, Contact, Ended};
use super::lease::{self, Purpose};
use super::link::Link;
use crate::store::change::{Change, Heard, MOST};
use crate::store::error::Error;
use crate::store::row::values;
use crate::store::sql;

/// The pause between two heartbeats.
const PAUSE: Duration = Duration::from_millis(250);

/// How long an answer is waited for.
const LIMIT: Duration = Duration::from_secs(1);

/// The thread. Dropping it ends it.
pub(super) struct Heart {
    stop: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Heart {
    pub(super) fn start(address: Arc<Address>, contact: Arc<Contact>) -> Result<Self, Error> {
        let (stop, stopped) = sync_channel(0);
        let beats = move || beat(&address, &contact, &stopped);
        let thread = thread::Builder::new().name("store-heart".to_owned()).spawn(beats).map_err(Error::Driver)?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Heart {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn beat(address: &Address, contact: &Contact, stopped: &Receiver<()>) {
    contact::be_heart();
    let (mut link, mut is_silent) = (None, false);
    while stopped.recv_timeout(PAUSE) == Err(RecvTimeoutError::Timeout) {
        match ask(address, contact, &mut link) {
            Ok(()) if is_silent => tracing::info!("the database answers again"),
            Ok(()) => {}
            Err(Error::TakenOver | Error::CommitsLost) => return,
            Err(error) if is_silent => tracing::debug!(%error, "the database still does not answer"),
            Err(error) => tracing::error!(%error, database = %address, "the database does not answer"),
        }
        is_silent = link.is_none();
    }
}

/// What other servers have changed since the last commit that was followed, and the number of the last commit.
fn changes(link: &Link, contact: &Contact) -> Result<(i64, Heard), Error> {
    // One statement, so that the number is that of the moment at which the changes were read.
    let sql = "SELECT o.number, o.forgotten, c.kind, c.name FROM commit_order o \
               LEFT JOIN change c ON c.number > ?1 AND c.holder <> ?2 \
               WHERE o.one = 1 ORDER BY c.number, c.place LIMIT ?3";
    let followed = contact.followed();
    let rows = sql::all(link, sql, values![followed, contact.holder, sql::limit(MOST + 1)], |row| {
        let change: (Option<i64>, Option<String>) = (row.get(2)?, row.get(3)?);
        Ok((row.get::<i64>(0)?, row.get::<i64>(1)?, change))
    })?;
    let Some((number, forgotten, _)) = rows.first() else { return Err(Error::Malformed("commit_order".to_owned())) };
    let (number, is_forgotten) = (*number, *forgotten > followed);
    if is_forgotten || rows.len() > MOST {
        return Ok((number, Heard::Everything));
    }
    let changes = rows.into_iter().filter_map(|(_, _, (kind, name))| Some(Change::of_columns(kind?, name?)));
    // A kind that this program does not know is of a later one.
    Ok((number, changes.collect::<Option<Vec<_>>>().map_or(Heard::Everything, Heard::Changes)))
}

/// Asks once. A connection that failed is dropped.
fn ask(address: &Address, contact: &Contact, link: &mut Option<Link>) -> Result<(), Error> {
    let present = match link.take().filter(|link| !link.is_lost()) {
        Some(link) => link,
        None => {
            let link = lease::connect(address, Purpose::Read)?.within(LIMIT);
            contact.note_host(address.host(&link));
            link
        }
    };
    let (asked, committed) = (Instant::now(), contact.committed());
    if lease::present(&present, contact)? < committed {
        return Err(contact.end(Ended::CommitsLost));
    }
    let (number, heard) = changes(&present, contact)?;
    contact.note_answer();
    contact.note_latest(number);
    if number < contact.followed() {
        return Err(contact.end(Ended::CommitsLost));
    }
    contact.hear_changes(&heard, number)?;
    contact.hear(asked);
    *link = Some(present);
    Ok(())
}
