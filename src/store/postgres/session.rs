//! The connection of the writer.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use super::address::Address;
use super::contact::{Contact, Ended};
use super::lease::{self, Lock, Purpose};
use super::link::Link;
use crate::store::change::{Change, KEPT};
use crate::store::engine;
use crate::store::error::Error;
use crate::store::pulse;
use crate::store::row::{ToValue as _, Value, values};
use crate::store::sql::{self, Connection, Each};

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
    /// What the transaction changes, for other servers.
    notes: RefCell<Vec<Change>>,
    /// The number of notes before the present part.
    before_part: Cell<usize>,
}

/// Number of changes that one statement writes.
const ROWS: usize = 32;

/// Old changes are removed at every commit whose number this divides.
const SWEEP: i64 = 1_024;

impl Session {
    /// `link` has the lock, and the lease is that of `contact`.
    pub(super) fn new(address: Arc<Address>, contact: Arc<Contact>, link: Link, closes: Arc<AtomicBool>) -> Self {
        let link = Some(link.heard_by(&contact));
        let (notes, before_part) = (RefCell::default(), Cell::new(0));
        Self { address, contact, link, closes, is_in_part: Cell::new(false), notes, before_part }
    }

    fn link(&self) -> Result<&Link, Error> {
        self.link.as_ref().ok_or(Error::Unanswered)
    }

    /// Opens a connection after the former one was lost. Returns it and the number of the last commit.
    fn succeed(&self) -> Result<(Link, i64), Error> {
        let link = lease::connect(&self.address, Purpose::Write)?;
        lease::lock(&link, Lock::Name(&self.contact.server), SUCCESSION)?;
        let number = lease::settled(&link, &self.contact)?;
        Ok((link.heard_by(&self.contact), number))
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

    /// Begins a transaction that changes the row of the lease, and takes the next number among the commits of all servers.
    /// No other transaction writes before this one has ended, and its statements see what all former ones wrote.
    fn try_begin(&mut self) -> Result<(), Error> {
        self.is_in_part.set(false);
        self.notes.borrow_mut().clear();
        self.make_usable()?;
        let (number, holder, link) = (self.contact.committed(), &self.contact.holder, self.link()?);
        link.forgive();
        // The holder is a random number in hexadecimal, and no two starts have the same.
        let begun = link.batch(&format!(
            "BEGIN ISOLATION LEVEL READ COMMITTED; \
             UPDATE lease SET number = {number} + 1 WHERE holder = '{holder}' AND number = {number}; \
             UPDATE commit_order SET number = number + 1 WHERE one = 1"
        ));
        let counts = match begun {
            Ok(counts) => counts,
            // The number may be another server's for too long: the transaction that was begun must end.
            Err(error) => {
                self.end_failed();
                return Err(error);
            }
        };
        if counts.iter().sum::<u64>() == 2 {
            return Ok(());
        }
        link.batch("ROLLBACK")?;
        lease::present(link, &self.contact)?;
        Err(self.contact.end(Ended::CommitsLost))
    }

    /// Refuses the transaction if another server made a change of this kind, and of this name if one is given, after the
    /// commit `since`, or may have made one that is no longer kept.
    fn check_unchanged(&self, since: i64, change: &Change, name: Option<&str>) -> Result<(), Error> {
        let sql = "SELECT 1 FROM commit_order WHERE forgotten > ?1 UNION ALL \
                   SELECT 1 FROM change WHERE number > ?1 AND kind = ?2 AND holder <> ?3 \
                   AND (CAST(?4 AS TEXT) IS NULL OR name = ?4) LIMIT 1";
        let kind = change.kind();
        let is_changed = sql::any(self.link()?, sql, values![since, kind, self.contact.holder, name])?;
        if is_changed { Err(Error::Conflict) } else { Ok(()) }
    }

    /// Undoes the transaction, or else drops the connection.
    fn end_failed(&mut self) {
        let Some(link) = self.link.as_ref().filter(|link| !link.is_lost()) else { return };
        if let Err(error) = link.batch("ROLLBACK") {
            tracing::warn!(%error, "a transaction could not be undone: its connection is closed");
            self.link = None;
        }
    }

    /// Writes down what the transaction changes, for other servers.
    fn write_notes(&self) -> Result<(), Error> {
        let (notes, holder, link) = (self.notes.take(), &self.contact.holder, self.link()?);
        for (chunk, first) in notes.chunks(ROWS).zip((0_i64..).step_by(ROWS)) {
            let mut values = vec![holder.to_value()];
            let mut rows = Vec::with_capacity(chunk.len());
            for (change, place) in chunk.iter().zip(first..) {
                let at = values.len() + 1;
                rows.push(format!("(CAST(?{at} AS BIGINT), CAST(?{} AS BIGINT), CAST(?{} AS TEXT))", at + 1, at + 2));
                values.extend([Value::Integer(place), Value::Integer(change.kind()), change.name().to_value()]);
            }
            let sql = format!(
                "INSERT INTO change (number, place, holder, kind, name) \
                 SELECT o.number, c.place, CAST(?1 AS TEXT), c.kind, c.name \
                 FROM commit_order o, (VALUES {}) AS c (place, kind, name) WHERE o.one = 1",
                rows.join(", ")
            );
            sql::execute(link, &sql, &values)?;
        }
        if (self.contact.committed() + 1) % SWEEP == 0 {
            let sql = "UPDATE commit_order SET forgotten = number - ?1 WHERE one = 1 AND number - ?1 > forgotten";
            sql::execute(link, sql, values![KEPT])?;
            let sql = "DELETE FROM change WHERE number <= (SELECT forgotten FROM commit_order WHERE one = 1)";
            sql::execute(link, sql, &[])?;
        }
        Ok(())
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

    fn note(&self, change: Change) {
        let mut notes = self.notes.borrow_mut();
        if !notes.contains(&change) {
            notes.push(change);
        }
    }

    fn check_heard(&self, kind: &Change) -> Result<(), Error> {
        self.check_unchanged(self.contact.followed(), kind, None)
    }

    fn check_unclaimed(&self, claim: &Change, since: i64) -> Result<(), Error> {
        self.check_unchanged(since, claim, Some(claim.name()))
    }

    fn server(&self) -> &str {
        &self.contact.server
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
        self.write_notes()?;
        match self.link()?.commit() {
            Err(lost @ (Error::Lost(_) | Error::Unanswered)) => self.resolve(before, lost)?,
            done => done?,
        }
        self.contact.note_commit(before + 1);
        Ok(())
    }

    fn roll_back(&mut self) {
        self.end_failed();
    }

    fn begin_part(&self) -> Result<(), Error> {
        let former = if self.is_in_part.replace(true) { "RELEASE SAVEPOINT job; " } else { "" };
        self.before_part.set(self.notes.borrow().len());
        self.link()?.batch(&format!("{former}SAVEPOINT job")).map(drop)
    }

    fn undo_part(&self) -> Result<(), Error> {
        self.notes.borrow_mut().truncate(self.before_part.get());
        let link = self.link()?;
        link.batch("ROLLBACK TO SAVEPOINT job")?;
        link.forgive();
        Ok(())
    }

    fn end_part(&self) -> Result<(), Error> {
        // Together with the beginning of the next one, or with the commit.
        self.link()?.check_unfailed()
    }

    fn empty_log(&mut self) -> Result<bool, Error> {
        Ok(true)
    }
}
