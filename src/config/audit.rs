//! Settings of the audit log.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::database::Database;
use super::error::Error;
use super::options::{Options, RemadeKey};

/// The part of the audit log's file name that follows the database's name.
const FILE: &str = "audit.jsonl";

/// The value of `--audit-file` that turns the audit log off.
const NONE: &str = "none";

/// The default size at which a new file begins, in bytes.
const ROTATE_SIZE: u64 = 256 << 20;

/// The smallest such size, in bytes: a file has at least a first line and a checkpoint.
const MIN_ROTATE_SIZE: u64 = 4096;

/// The default age at which a new file begins, in days.
const ROTATE_AGE: u16 = 7;

/// The longest time until a line of the audit log is on disk and covered by a signature.
pub const AUDIT_INTERVAL: Duration = Duration::from_millis(800);

/// Settings of the audit log.
#[derive(Debug, Clone)]
pub struct AuditSettings {
    /// The file.
    pub file: PathBuf,
    /// The path that earlier versions used, before logs were named after their databases; `None` if `--audit-file` is
    /// given.
    pub former: Option<PathBuf>,
    /// Size at which a new file begins, in bytes; 0 for never.
    pub rotate_size: u64,
    /// Age at which a new file begins; zero for never.
    pub rotate_age: Duration,
    /// The longest time until a line is on disk and covered by a signature.
    pub interval: Duration,
    /// The name of this server among those over the same database, which its lines have; empty if there is only one.
    pub server: String,
    /// The logs of the other servers over the same database, for a check of the store.
    pub others: Vec<PathBuf>,
    /// Whether the server starts although lines that the database has a record of are missing.
    pub accept_loss: bool,
}

/// The root keys that may be generated again at this start.
#[derive(Debug, Clone, Default)]
pub struct Remake {
    /// The keys, if the database has no record of them.
    pub keys: Vec<RemadeKey>,
    /// Whether this is also allowed if the database's row about the audit log is invalid.
    pub accept_loss: bool,
}

impl Remake {
    pub(super) fn of(options: &Options) -> Self {
        let keys = options.remake_root_key.clone().unwrap_or_default();
        Self { keys, accept_loss: options.audit_accept_loss.unwrap_or(false) }
    }
}

impl AuditSettings {
    /// Returns the current path of the log: [`Self::file`], or [`Self::former`] if no server has renamed it yet.
    #[must_use]
    pub fn present(&self) -> &Path {
        let former = self.former.as_deref().filter(|former| former.exists() && !self.file.exists());
        former.unwrap_or(&self.file)
    }
}

/// Returns the default path of a database's log: `claviger.audit.jsonl` for `claviger.db`. Two databases in one folder
/// thus have two logs.
fn beside(database: &Path) -> PathBuf {
    let is_usual = database.extension().is_some_and(|extension| extension == "db");
    let name = if is_usual { database.file_stem() } else { database.file_name() };
    let mut name = name.unwrap_or_default().to_owned();
    name.push(".");
    name.push(FILE);
    database.with_file_name(name)
}

pub(super) fn settings(options: &Options, database: &Database) -> Result<Option<AuditSettings>, Error> {
    let (server, database) = (database.server(), database.file().unwrap_or(Path::new("./claviger.db")));
    let file = match &options.audit_file {
        Some(file) if file == Path::new(NONE) => return Ok(None),
        Some(file) if file.as_os_str().is_empty() => {
            return Err(Error::Value { option: "audit-file", fault: "it is empty: name a file, or `none`" });
        }
        Some(file) => file.clone(),
        None => beside(database),
    };
    let former = options.audit_file.is_none().then(|| database.with_file_name(FILE));
    let rotate_size = options.audit_rotate_size.unwrap_or(ROTATE_SIZE);
    if (1..MIN_ROTATE_SIZE).contains(&rotate_size) {
        return Err(Error::Value { option: "audit-rotate-size", fault: "4096 bytes or more, or 0 for never" });
    }
    let days = options.audit_rotate_age.unwrap_or(ROTATE_AGE);
    Ok(Some(AuditSettings {
        file,
        former,
        rotate_size,
        rotate_age: Duration::from_secs(u64::from(days) * 86_400),
        interval: AUDIT_INTERVAL,
        server: server.to_owned(),
        others: options.other_audit_file.clone().unwrap_or_default(),
        accept_loss: options.audit_accept_loss.unwrap_or(false),
    }))
}
