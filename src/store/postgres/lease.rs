//! The right to use a database under a name, which one server at a time has.
//!
//! An advisory lock of the writer's connection refuses a second server of the same name, and is lost with the connection.
//! The server's row of the table `lease` names the start that used the name last, and has the number of its last commit:
//! each transaction of the writer changes it, so that a transaction of a server that lost the lease changes nothing, and
//! so that after a lost connection the number says whether the last transaction was committed.
//!
//! Another lock is held by one server at a time while it starts, so that the schema and the root keys are made once.

use std::thread;
use std::time::{Duration, Instant};

use openssl::sha::sha256;

use super::address::Address;
use super::contact::{Contact, Ended};
use super::link::{LIMIT, LONGEST, Link};
use crate::store::error::Error;
use crate::store::row::values;
use crate::store::sql;

/// The advisory lock of the server that starts: "CLVG", and 1.
const START: i64 = 0x434C_5647_0000_0001;

/// How long the lock is waited for. PostgreSQL notices within this time that a server is gone with its machine, because
/// of the settings of each session.
pub(super) const PATIENCE: Duration = Duration::from_secs(8);

/// How long the first answers of a connection are waited for.
const GREETING: Duration = Duration::from_secs(5);

const PAUSE: Duration = Duration::from_millis(100);

/// How long no session of a server is seen before none runs: longer than the pause between two heartbeats, in which a lost
/// connection is opened again.
const QUIET: Duration = Duration::from_secs(2);

/// Settings of a session that some other databases do not know.
const OPTIONAL: [(&str, &str); 5] = [
    ("tcp_keepalives_idle", "2"),
    ("tcp_keepalives_interval", "1"),
    ("tcp_keepalives_count", "3"),
    ("tcp_user_timeout", "5000"),
    ("client_connection_check_interval", "2000"),
];

/// An advisory lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lock<'a> {
    /// That of the server that starts.
    Start,
    /// That of a name of a server.
    Name(&'a str),
}

impl Lock<'_> {
    /// The number of the lock.
    fn number(self) -> i64 {
        match self {
            Self::Start => START,
            Self::Name(name) => {
                let [a, b, c, d, e, f, g, h, ..] = sha256(name.as_bytes());
                i64::from_be_bytes([a, b, c, d, e, f, g, h])
            }
        }
    }
}

/// What a connection is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Read,
    Write,
}

/// Opens a connection and sets what every session needs.
pub(super) fn connect(address: &Address, purpose: Purpose) -> Result<Link, Error> {
    let link = address.connect()?.within(GREETING);
    // A commit must not be interrupted: PostgreSQL would report success before the synchronous standby has it.
    let (read_only, longest) = match purpose {
        Purpose::Read => ("on", LONGEST.as_millis()),
        Purpose::Write => ("off", 0),
    };
    link.batch(&format!(
        "SET statement_timeout = {longest}; SET lock_timeout = 5000; SET idle_in_transaction_session_timeout = 60000; \
         SET default_transaction_read_only = {read_only}; SET client_min_messages = warning"
    ))?;
    if purpose == Purpose::Write {
        for (name, value) in OPTIONAL {
            if let Err(error) = link.batch(&format!("SET {name} = {value}")) {
                if link.is_lost() {
                    return Err(error);
                }
                tracing::debug!(name, %error, "the database does not know a setting");
            }
        }
        be_durable(&link)?;
        link.forgive();
    }
    Ok(link.within(LIMIT))
}

/// Has each commit wait until it is on disk, and on the disk of a synchronous standby if there is one.
fn be_durable(link: &Link) -> Result<(), Error> {
    // remote_apply waits for more than on; the others wait for less.
    let found = link.text("SELECT current_setting('synchronous_commit')")?;
    if found.is_none_or(|found| found != "on" && found != "remote_apply") {
        link.batch("SET synchronous_commit = on")?;
    }
    Ok(())
}

/// Takes the lock for as long as the connection lives.
///
/// # Errors
/// [`Error::NameInUse`] or [`Error::Starting`] if another connection has it for longer than `patience`.
pub(super) fn lock(link: &Link, lock: Lock<'_>, patience: Duration) -> Result<(), Error> {
    let began = Instant::now();
    let sql = format!("SELECT CAST(pg_try_advisory_lock({}) AS TEXT)", lock.number());
    loop {
        match link.text(&sql) {
            Ok(Some(answer)) if answer == "true" => return Ok(()),
            Ok(_) if began.elapsed() > patience => {
                return Err(match lock {
                    Lock::Start => Error::Starting,
                    Lock::Name(name) => Error::NameInUse(name.to_owned()),
                });
            }
            Ok(_) => thread::sleep(PAUSE),
            // The row of the lease is enough to keep two servers from changing the database, though not to refuse one.
            Err(Error::Postgres(failure)) if failure.is_unknown_function() => {
                link.forgive();
                return Ok(());
            }
            Err(error) => return Err(error),
        }
    }
}

/// Waits until no other session of clavigerd has been in this database for [`QUIET`]. A server whose writer lost its
/// connection holds no lock until it writes again, but its heart always has a session or opens one.
///
/// # Errors
/// [`Error::InUse`] with `name` if there still is one after [`PATIENCE`].
pub(super) fn await_end_of_sessions(link: &Link, name: &str) -> Result<(), Error> {
    let sql = "SELECT 1 FROM pg_catalog.pg_stat_activity WHERE application_name = 'clavigerd' \
               AND datname = current_database() AND pid <> pg_backend_pid() LIMIT 1";
    let (began, mut seen) = (Instant::now(), Instant::now());
    while seen.elapsed() < QUIET {
        match sql::any(link, sql, &[]) {
            Ok(true) if began.elapsed() > PATIENCE => return Err(Error::InUse(name.to_owned())),
            Ok(true) => seen = Instant::now(),
            Ok(false) => {}
            // Another database than PostgreSQL, which has no locks either.
            Err(Error::Postgres(failure)) if failure.is_unknown_table() => {
                link.forgive();
                return Ok(());
            }
            Err(error) => return Err(error),
        }
        thread::sleep(PAUSE);
    }
    Ok(())
}

/// Gives the lock back, so that a server can start.
pub(super) fn unlock(link: &Link, lock: Lock<'_>) {
    let _ = link.batch(&format!("SELECT pg_advisory_unlock({})", lock.number()));
}

/// Makes the start `holder` the one that uses the name; returns the number of its last commit.
pub(super) fn take(link: &Link, server: &str, holder: &str) -> Result<i64, Error> {
    let sql = "INSERT INTO lease (server, holder, number) VALUES (?1, ?2, 0) \
               ON CONFLICT (server) DO UPDATE SET holder = excluded.holder RETURNING number";
    sql::one(link, sql, values![server, holder], sql::column)?.ok_or_else(|| Error::Malformed("lease".to_owned()))
}

/// The number of the last commit of all servers.
pub(super) fn last_commit(link: &Link) -> Result<i64, Error> {
    let sql = "SELECT number FROM commit_order WHERE one = 1";
    sql::one(link, sql, &[], sql::column)?.ok_or_else(|| Error::Malformed("commit_order".to_owned()))
}

/// Returns the number of the last commit, if the lease is still this server's.
///
/// # Errors
/// [`Error::TakenOver`], for good; or the database cannot be read.
pub(super) fn present(link: &Link, contact: &Contact) -> Result<i64, Error> {
    let sql = "SELECT holder, number FROM lease WHERE server = ?1";
    let found = sql::one(link, sql, values![contact.server], sql::pair::<String, i64>)?;
    match found {
        Some((holder, number)) if holder == contact.holder => Ok(number),
        _ => Err(contact.end(Ended::TakenOver)),
    }
}

/// Like [`present`], after each transaction of this server's former connections has ended, and what they committed is on
/// disk and on that of the synchronous standby: a connection that is lost while it waits for the standby leaves its commit
/// visible before. A later commit waits for all earlier ones.
pub(super) fn settled(link: &Link, contact: &Contact) -> Result<i64, Error> {
    sql::execute(link, "UPDATE lease SET number = number WHERE server = ?1", values![contact.server])?;
    present(link, contact)
}
