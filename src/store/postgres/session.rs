//! The connection of the writer.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::address::Address;
use super::contact::{Contact, Ended};
use super::lease::{self, Purpose};
use super::link::Link;
use crate::store::engine;
use crate::store::error::Error;
use crate::store::pulse;
use crate::store::row::Value;
use crate::store::sql::{Connection, Each};

/// How long a new connection waits for the end of the former one.
const SUCCESSION: Duration = Duration::from_secs(2);

/// The pause between two attempts to find out whether a transaction was committed.
const PAUSE: Duration = Duration::from_millis(250);

pub(in crate::store) struct Session {
    address: Arc<Address>,
    contact: Arc<Contact>,
    link: Option<Link>,
    /// Whether the store is being closed.
    closes: Arc<AtomicBool>,
    /// Whether the last part of the transaction has to be ended before the next one.
    is_in_part: Cell<bool>,
}

impl Session {
    /// `link` has the lock, and the lease is that of `contact`.
    pub(super) fn new(address: Arc<Address>, contact: Arc<Contact>, link: Link, closes: Arc<AtomicBool>) -> Self {
        let link = Some(link.heard_by(&contact));
        Self { address, contact, link, closes, is_in_part: Cell::new(false) }
    }

    fn link(&self) -> Result<&Link, Error> {
        self.link.as_ref().ok_or(Error::Unanswered)
    }

    /// Opens a connection after the former one was lost. Returns it and the number of the last commit.
    fn succeed(&self) -> Result<(Link, i64), Error> {
        let link = lease::connect(&self.address, Purpose::Write)?.heard_by(&self.contact);
        lease::lock(&link, &self.address.to_string(), SUCCESSION)?;
        let number = lease::settled(&link, &self.contact)?;
        Ok((link, number))
    }

    /// Opens another connection if the present one was lost.
    fn make_usable(&mut self) -> Result<(), Error> {
        self.contact.check_own()?;
        if self.link.as_ref().is_none_or(Link::is_lost) {
            self.link = None;
            let (link, number) = self.succeed()?;
            if number != self.contact.committed() {
                return Err(self.contact.end(Ended::CommitsLost));
            }
            tracing::info!("connected to the database again");
            self.link = Some(link);
        }
        Ok(())
    }

    /// Begins a transaction that changes the row of the lease.
    fn try_begin(&mut self) -> Result<(), Error> {
        self.is_in_part.set(false);
        self.make_usable()?;
        let (number, holder, link) = (self.contact.committed(), &self.contact.holder, self.link()?);
        link.forgive();
        let asked = Instant::now();
        let counts = link.batch(&format!(
            "BEGIN ISOLATION LEVEL READ COMMITTED; \
             UPDATE lease SET number = {number} + 1 WHERE one = 1 AND holder = '{holder}' AND number = {number}"
        ))?;
        if counts.last() == Some(&1) {
            self.contact.hear(asked);
            return Ok(());
        }
        link.batch("ROLLBACK")?;
        lease::present(link, &self.contact)?;
        Err(self.contact.end(Ended::CommitsLost))
    }

    /// Finds out whether the transaction after that with the number `before` was committed, when the connection was lost
    /// while it was being committed. Returns when that is known.
    fn resolve(&mut self, before: i64, lost: Error) -> Result<(), Error> {
        tracing::warn!(error = %lost, "the connection was lost during a commit: finding out whether it was done");
        self.link = None;
        loop {
            match self.succeed() {
                Ok((link, number)) => {
                    self.link = Some(link);
                    return match number {
                        _ if number == before + 1 => Ok(()),
                        _ if number == before => Err(lost),
                        _ => Err(self.contact.end(Ended::CommitsLost)),
                    };
                }
                Err(Error::TakenOver) => return Err(Error::Unknown),
                Err(_) if self.closes.load(Ordering::SeqCst) => return Err(Error::Unknown),
                Err(error) => tracing::debug!(%error, "the database cannot be asked yet"),
            }
            pulse::outside(|| thread::sleep(PAUSE));
        }
    }
}

impl Connection for Session {
    fn execute(&self, sql: &str, values: &[Value<'_>]) -> Result<usize, Error> {
        self.link()?.execute(sql, values)
    }

    fn query(&self, sql: &str, values: &[Value<'_>], each: &mut Each<'_>) -> Result<(), Error> {
        self.link()?.query(sql, values, each)
    }

    fn schema_version(&self) -> Result<i64, Error> {
        self.link()?.schema_version()
    }

    fn touch(&self) -> Result<(), Error> {
        self.link()?.touch()
    }
}

impl engine::Session for Session {
    fn begin(&mut self, _is_held: bool) -> Result<(), Error> {
        match self.try_begin() {
            // The connection had been lost before, while nothing was written.
            Err(Error::Lost(_)) => self.try_begin(),
            begun => begun,
        }
    }

    fn commit(&mut self) -> Result<(), Error> {
        let before = self.contact.committed();
        let link = self.link()?;
        if link.has_failed() {
            // PostgreSQL would undo the transaction, and call that a success.
            return Err(Error::Commit("a statement failed".to_owned()));
        }
        match link.batch("COMMIT") {
            Err(lost @ (Error::Lost(_) | Error::Unanswered)) => self.resolve(before, lost)?,
            done => drop(done?),
        }
        self.contact.note_commit(before + 1);
        Ok(())
    }

    fn roll_back(&mut self) {
        let Some(link) = self.link.as_ref().filter(|link| !link.is_lost()) else { return };
        if let Err(error) = link.batch("ROLLBACK") {
            tracing::warn!(%error, "a transaction could not be undone: its connection is closed");
            self.link = None;
        }
    }

    fn begin_part(&self) -> Result<(), Error> {
        let former = if self.is_in_part.replace(true) { "RELEASE SAVEPOINT job; " } else { "" };
        self.link()?.batch(&format!("{former}SAVEPOINT job")).map(drop)
    }

    fn undo_part(&self) -> Result<(), Error> {
        let link = self.link()?;
        link.batch("ROLLBACK TO SAVEPOINT job")?;
        link.forgive();
        Ok(())
    }

    fn end_part(&self) -> Result<(), Error> {
        // Together with the beginning of the next one, or with the commit.
        if self.link()?.has_failed() { Err(Error::Commit("a statement failed".to_owned())) } else { Ok(()) }
    }

    fn empty_log(&mut self) -> Result<bool, Error> {
        Ok(true)
    }
}
