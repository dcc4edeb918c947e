//! Renames logs that have the name of former releases, in which a log was not named after its database.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use super::error::OpenError;
use super::file::{Log, directory_of, rotated};
use super::found;
use super::line::{Hash, Head};
use crate::hexadecimal;

/// Renames the log at `former` and its rotated files to `own`, if it is the log of the database: it contains the line
/// `head`, and `key` signs its checkpoints. Does nothing if a log exists at `own`, or no log at `former`. Returns
/// whether the log was renamed.
///
/// A database without a head may be new. A log that another key signs then belongs to another database, and is not
/// touched.
///
/// # Errors
/// The database knows a head, and the log at `former` is not its log; or a file cannot be read or renamed.
pub fn adopt(former: &Path, own: &Path, head: Option<Head>, key: &Hash) -> Result<bool, OpenError> {
    if own.exists() || !former.exists() {
        return Ok(false);
    }
    let failed = |source| OpenError::File { path: former.to_owned(), source };
    let log = match Log::open(former) {
        Err(OpenError::InUse(_)) if head.is_none() => return Ok(false),
        opened => opened?,
    };
    let found = found::read(&log, head).map_err(failed)?;
    match (head, found.loss) {
        (Some(_), Some(loss)) => {
            return Err(OpenError::Foreign { path: former.to_owned(), own: own.to_owned(), loss });
        }
        (None, _) if found.signed_by.as_deref() != Some(hexadecimal::lower(key).as_bytes()) => {
            tracing::warn!(file = %former.display(), "this audit log is another database's: it is not touched");
            return Ok(false);
        }
        _ => {}
    }
    // The log itself is renamed last, so that a later call resumes an interrupted renaming.
    for file in rotated(former).map_err(failed)? {
        let new = renamed(&file.path, former, own);
        fs::rename(&file.path, new).map_err(failed)?;
    }
    fs::rename(former, own).map_err(failed)?;
    File::open(directory_of(own)).and_then(|directory| directory.sync_all()).map_err(failed)?;
    tracing::info!(from = %former.display(), to = %own.display(), "the audit log is named after its database now");
    Ok(true)
}

/// Returns `own` followed by the part of the file name that comes after `former`.
fn renamed(path: &Path, former: &Path, own: &Path) -> PathBuf {
    let rest = path
        .file_name()
        .zip(former.file_name())
        .and_then(|(name, former)| Some(name.to_str()?.strip_prefix(former.to_str()?)?.to_owned()));
    let mut name = own.as_os_str().to_owned();
    name.push(rest.unwrap_or_default());
    PathBuf::from(name)
}
