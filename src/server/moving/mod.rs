//! `clavigerd --migrate-to`: copies the database of a stopped server into a new one, of PostgreSQL or of SQLite, and checks
//! the copy before it becomes one that a server can open.

mod error;

use std::fmt;
use std::path::PathBuf;

pub use error::MoveError;

use super::audit::is_sound;
use super::check_store::{StoreReport, UNRECORDED, examine};
use super::error::StartError;
use super::start::token_error;
use crate::config::{Config, Database};
use crate::custody::Custody;
use crate::kms;
use crate::metrics::Metrics;
use crate::store::audit_head::{self, AuditHead, moved};
use crate::store::{Source, root_key};
use crate::text::Whole;

/// What was moved.
pub struct MoveReport {
    from: String,
    to: String,
    /// The name of each table, and the number of its rows.
    tables: Vec<(String, u64)>,
    check: StoreReport,
    /// The file of the audit log, and those of other servers.
    audit: Option<(PathBuf, Vec<PathBuf>)>,
    /// The server that goes on with the log, if the new database may have several.
    server: Option<String>,
    /// Whether the new database is there. Otherwise nothing was moved, because of the findings.
    pub is_complete: bool,
}

impl MoveReport {
    /// Returns the number of faults that the check found.
    #[must_use]
    pub fn findings(&self) -> usize {
        self.check.findings.len()
    }
}

/// Moves the database of `config` to `to`. If the check finds a fault and `accepts` is false, nothing is moved.
///
/// # Errors
/// See [`MoveError`].
pub fn move_to(config: &Config, to: &Database, accepts: bool) -> Result<MoveReport, MoveError> {
    if let Some(file) = config.database.file().filter(|file| !file.exists()) {
        return Err(StartError::NoDatabase(file.to_owned()).into());
    }
    let metrics = Metrics::new()?;
    let source = Source::open(&config.database, &metrics)?;
    if root_key::all(&source)?.is_empty() {
        return Err(MoveError::Unused(config.database.to_string()));
    }
    let custody = Custody::of_recorded(&config.hsm, config.placement, &source, &metrics)
        .map_err(|error| token_error(config, error))?;
    let heads = heads(&source, &custody, to)?;
    let copy = source.copy(to, heads, &kms::index_of)?;
    let mut check = examine(config.audit.as_ref(), (&*copy, &*source), &custody)?;
    if config.audit.is_none() {
        check.notes.push(format!("note: {UNRECORDED}"));
        check.findings.extend(unread(&source)?);
    }
    let is_complete = accepts || check.findings.is_empty();
    if is_complete {
        source.check_locked()?;
        copy.complete()?;
        tracing::info!(to = %to, "the database was moved");
    }
    Ok(MoveReport {
        from: config.database.to_string(),
        to: to.to_string(),
        tables: copy.counts.clone(),
        check,
        audit: config.audit.as_ref().map(|audit| (audit.present().to_owned(), audit.others.clone())),
        server: if let Database::Postgres(settings) = to { Some(settings.server.clone()) } else { None },
        is_complete,
    })
}

/// Returns the rows about the audit logs as the new database has them. A row that was changed is refused: it would be bound
/// again, or the end of another server's log would be taken from it.
fn heads(source: &Source, custody: &Custody, to: &Database) -> Result<Vec<AuditHead>, MoveError> {
    let (covering, all) = (audit_head::covering(source)?, audit_head::of_all(source)?);
    let given = source.server_name()?;
    if !given.is_empty() && !is_sound(covering.as_ref(), custody)? {
        return Err(MoveError::Servers);
    }
    for (name, head) in &all {
        if !is_sound(head.as_ref(), custody)? {
            return Err(MoveError::Head(name.clone()));
        }
    }
    let Some((_, own)) = all.iter().find(|(name, _)| *name == given) else {
        let known = all.iter().map(|(name, _)| format!("{name:?}")).collect::<Vec<_>>().join(", ");
        return Err(MoveError::Server { given, known });
    };
    let (Some(covering), Some(own)) = (covering, own.clone()) else { return Err(MoveError::Head(given)) };
    let heads = match to {
        Database::Postgres(settings) => moved::for_several(own, &settings.server),
        Database::Sqlite(_) => moved::for_one(covering, own),
    };
    let bind = |head: AuditHead| -> Result<AuditHead, MoveError> {
        Ok(AuditHead { binding: Some(custody.bind(&head.bound())?), ..head })
    };
    heads.into_iter().map(bind).collect()
}

/// Returns a finding for each log whose end the database has, of which none is given.
fn unread(source: &Source) -> Result<Vec<String>, MoveError> {
    let known = audit_head::of_all(source)?
        .into_iter()
        .filter(|(_, head)| head.as_ref().is_some_and(|head| head.signed_line.is_some() || head.head.seq > 0));
    let finding = |(name, _): (String, _)| {
        let server = if name.is_empty() { String::new() } else { format!(" of the server {name:?}") };
        format!(
            "audit log{server}: the database has its end, and the log is not given: name it by --audit-file or --other-audit-file"
        )
    };
    Ok(known.map(finding).collect())
}

impl fmt::Display for MoveReport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { from, to, tables, check, audit, server, is_complete } = self;
        writeln!(formatter, "from: {}\nto: {}", Whole(from), Whole(to))?;
        for (table, rows) in tables.iter().filter(|(_, rows)| *rows > 0) {
            writeln!(formatter, "{}: {rows} rows", Whole(table))?;
        }
        for finding in check.notes.iter().chain(&check.findings) {
            writeln!(formatter, "{}", Whole(finding))?;
        }
        let StoreReport { rows, logged, findings, .. } = check;
        writeln!(formatter, "{rows} rows, {logged} of them known to the audit log: {} findings", findings.len())?;
        if !is_complete {
            return writeln!(
                formatter,
                "nothing was moved: the database has these faults; give --migrate-with-findings to move it with them"
            );
        }
        if let Some((file, others)) = audit {
            writeln!(formatter, "audit log: goes on: start the server with --audit-file {}", Whole(file.display()))?;
            for other in others {
                writeln!(
                    formatter,
                    "audit log: keep for --check-store: --other-audit-file {}",
                    Whole(other.display())
                )?;
            }
        }
        if let Some(server) = server {
            writeln!(formatter, "server: start it with --server-name {server}")?;
        }
        writeln!(
            formatter,
            "moved: the former database is unchanged and keeps every wrapped key; a server that starts with it \
             damages the audit log: rename it now, and delete it when the new one is proven"
        )
    }
}
