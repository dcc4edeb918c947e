//! `clavigerd --backup DIR`: copies the database, the HSM token and the audit log as of one moment. The server may be
//! running.
//!
//! The database is copied first. The key of an object enters the HSM token before its row is committed, and leaves it
//! after the row has changed. The HSM token is copied later. So its copy holds the key of every row of the database's
//! copy, except keys that were destroyed meanwhile, and also keys that were made meanwhile, which no row names. The
//! audit log is copied last. The line for a commit is written before the commit, so the log reaches at least to the
//! line that the database's copy has a record of. The copy of the log ends at that line.

mod error;
mod staging;

use std::ffi::OsStr;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, fcntl_lock};

pub use error::BackupError;

use super::error::StartError;
use super::start::token_error;
use crate::audit::Head;
use crate::audit::until::until;
use crate::config::Config;
use crate::custody::{Original, TokenInfo, softhsm_directory};
use crate::store::{Snapshot, Store};
use crate::text::Whole;
use staging::Staging;

/// The directory of a backup that holds the files of the HSM token.
const TOKEN: &str = "token";

/// The contents of a backup.
pub struct BackupReport {
    /// The directory.
    directory: PathBuf,
    /// The file of the database, its schema version, and the number of its objects.
    database: (PathBuf, i64, i64),
    token: CopiedToken,
    audit: CopiedAudit,
    /// The identifiers of objects whose key left the HSM token while the backup was taken.
    pub destroyed: Vec<String>,
}

/// The HSM token in a backup.
enum CopiedToken {
    /// The token of SoftHSM: its directory, and the number of files.
    Files { directory: PathBuf, count: usize },
    /// Another HSM, whose keys cannot be copied.
    Elsewhere(TokenInfo),
}

/// The audit log in a backup.
enum CopiedAudit {
    /// The database has no record of a line.
    Empty,
    /// The log exists, but the configuration names no file.
    NotNamed,
    /// The current file, the number of its last line, and the number of rotated files.
    Files { file: PathBuf, last: u64, rotated: usize },
}

/// Copies database, HSM token and audit log into `directory`, which appears only when it is complete. The originals may
/// be in use, and are not changed.
///
/// # Errors
/// See [`BackupError`].
pub fn backup(config: &Config, directory: &Path) -> Result<BackupReport, BackupError> {
    let database = config.database.file().ok_or(BackupError::NotSqlite)?;
    let recorded = Store::inspect(&config.database)?.ok_or_else(|| StartError::NoDatabase(database.to_owned()))?;
    if recorded.is_empty() {
        return Err(BackupError::Unused(database.to_owned()));
    }
    let mut staging = Staging::begin(directory)?;
    let original = Original::open(&config.hsm, &recorded).map_err(|error| token_error(config, error))?;
    let files = original.is_softhsm()?.then(|| original.info()).transpose()?;
    let files = files.map(|info| softhsm_directory(&info.serial)).transpose()?;

    let name = Path::new(database.file_name().unwrap_or(OsStr::new("claviger.db")));
    let snapshot = Store::snapshot(database, &staging.file(name))?;
    let token = match files {
        Some(files) => copy_token(&mut staging, &files)?,
        None => CopiedToken::Elsewhere(original.info()?),
    };
    let destroyed = destroyed(config, &original, &snapshot)?;
    let audit = match (&config.audit, snapshot.head) {
        (_, None) => CopiedAudit::Empty,
        (None, Some(_)) => CopiedAudit::NotNamed,
        (Some(settings), Some(head)) => copy_audit(&staging, settings.present(), head)?,
    };
    let directory = staging.directory().to_owned();
    staging.finish()?;
    tracing::info!(directory = %directory.display(), "the backup is complete");
    let database = (name.to_owned(), snapshot.schema, snapshot.objects);
    Ok(BackupReport { directory, database, token, audit, destroyed })
}

/// Copies the files of a SoftHSM token.
fn copy_token(staging: &mut Staging, files: &Path) -> Result<CopiedToken, BackupError> {
    let unreadable = |path: &Path, source| BackupError::Read { path: path.to_owned(), source };
    let directory = Path::new(TOKEN).join(files.file_name().unwrap_or_default());
    staging.add_directory(Path::new(TOKEN))?;
    staging.add_directory(&directory)?;
    let mut count = 0;
    for entry in fs::read_dir(files).map_err(|source| unreadable(files, source))? {
        let entry = entry.map_err(|source| unreadable(files, source))?;
        let path = entry.path();
        let file = match File::open(&path) {
            // The key of this file was destroyed after the directory was read.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            opened => opened.map_err(|source| unreadable(&path, source))?,
        };
        if !file.metadata().map_err(|source| unreadable(&path, source))?.is_file() {
            continue;
        }
        // SoftHSM locks a file with fcntl(2) while it writes it. The shared lock prevents copying a half-written file.
        fcntl_lock(&file, FlockOperation::LockShared).map_err(|error| unreadable(&path, error.into()))?;
        let name = directory.join(entry.file_name());
        staging.add(&name, &file, &path)?;
        let metadata = file.metadata().map_err(|source| unreadable(&path, source))?;
        if metadata.nlink() == 0 {
            staging.remove(&name)?;
        } else {
            count += 1;
        }
    }
    Ok(CopiedToken::Files { directory, count })
}

/// Returns the objects that have a key in the HSM token according to the database's copy, but not in the HSM token now.
/// A key that the token holds now is also in its copy: no `CKA_ID` is used twice, so the key was there all the time.
fn destroyed(config: &Config, original: &Original, snapshot: &Snapshot) -> Result<Vec<String>, BackupError> {
    let keys = original.keys(&snapshot.root_keys).map_err(|error| token_error(config, error))?;
    let gone = snapshot.in_token.iter().filter(|(_, cka_id)| !keys.contains(cka_id));
    Ok(gone.map(|(id, _)| id.clone()).collect())
}

/// Copies the audit log up to the last line that the database's copy has a record of.
fn copy_audit(staging: &Staging, file: &Path, head: Head) -> Result<CopiedAudit, BackupError> {
    let parts = until(file, head)?;
    for part in &parts {
        let from = part.open().map_err(crate::audit::until::Error::from)?;
        staging.add(Path::new(&part.name), from.take(part.len), &part.path)?;
    }
    let name = parts.last().map(|part| PathBuf::from(&part.name)).unwrap_or_default();
    Ok(CopiedAudit::Files { file: name, last: head.seq, rotated: parts.len().saturating_sub(1) })
}

impl fmt::Display for BackupReport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (database, schema, objects) = &self.database;
        let path = |name: &Path| Whole(self.directory.join(name).display().to_string());
        writeln!(formatter, "database: {} (schema {schema}, {objects} objects)", path(database))?;
        match &self.token {
            CopiedToken::Files { directory, count } => {
                writeln!(formatter, "HSM token: {} ({count} files, without the PIN)", path(directory))?;
            }
            CopiedToken::Elsewhere(info) => writeln!(
                formatter,
                "HSM token: not copied: {} of {} keeps its keys itself: back it up by its own means, now or later",
                Whole(&info.label),
                Whole(&info.manufacturer)
            )?,
        }
        match &self.audit {
            CopiedAudit::Empty => writeln!(formatter, "audit log: none")?,
            CopiedAudit::NotNamed => writeln!(
                formatter,
                "audit log: not copied, because of `--audit-file none`: a server with the copy needs --audit-accept-loss"
            )?,
            CopiedAudit::Files { file, last, rotated } => {
                writeln!(formatter, "audit log: {} (to line {last}, {rotated} rotated files)", path(file))?;
            }
        }
        for id in &self.destroyed {
            writeln!(
                formatter,
                "{}: destroyed or replaced while the backup was taken: the copy has its row, but may not have its key",
                Whole(id)
            )?;
        }
        Ok(())
    }
}
