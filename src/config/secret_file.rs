//! Files that hold a PIN or a password.

use std::fs::{File, Metadata};
use std::io::{self, Read as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use super::error::Error;
use crate::secret::{Masked, Password};

/// The largest PIN or password file, in bytes.
const MAX_SECRET: u64 = 4096;

/// Where a PIN or a password comes from.
#[derive(Debug)]
pub enum SecretSource {
    /// Given as an option or variable.
    Kept(Masked),
    /// A file, without its last line end; read again each time.
    File {
        /// What it is for.
        what: &'static str,
        /// Where it is.
        path: PathBuf,
    },
}

impl SecretSource {
    pub(super) fn kept(password: Password) -> Result<Self, Error> {
        Masked::new(password).map(Self::Kept).map_err(Error::Random)
    }

    /// The PIN or password itself.
    ///
    /// # Errors
    /// The file cannot be read, or is readable by others.
    pub fn read(&self) -> Result<Password, Error> {
        match self {
            Self::Kept(masked) => Ok(masked.read()),
            Self::File { what, path } => read_text(what, path),
        }
    }
}

/// Reads a whole UTF-8 file of at most `limit` bytes.
pub(super) fn read_bounded(what: &'static str, path: &Path, limit: u64) -> Result<String, Error> {
    let unreadable = |source| Error::Unreadable { what, path: path.to_owned(), source };
    read(what, path, File::open(path).map_err(unreadable)?, limit)
}

fn read(what: &'static str, path: &Path, file: File, limit: u64) -> Result<String, Error> {
    let unreadable = |source| Error::Unreadable { what, path: path.to_owned(), source };
    // Longer than its full length, so that no shorter copy stays behind: the library reads the last bytes by way of the stack if there
    // is little room.
    let room = file.metadata().map_or(0, |found| found.len()).min(limit);
    let mut text = String::with_capacity(usize::try_from(room).unwrap_or_default() + 64);
    file.take(limit + 1).read_to_string(&mut text).map_err(unreadable)?;
    if u64::try_from(text.len()).unwrap_or(u64::MAX) > limit {
        return Err(unreadable(io::Error::other(format!("it is larger than {limit} bytes"))));
    }
    Ok(text)
}

/// A secret in a file that only those may read who have to: its text without the last line end.
fn read_text(what: &'static str, path: &Path) -> Result<Password, Error> {
    let unreadable = |source| Error::Unreadable { what, path: path.to_owned(), source };
    // Of the open file: a path can name another one a moment later.
    let file = File::open(path).map_err(unreadable)?;
    check_access(what, path, &file.metadata().map_err(unreadable)?)?;
    Ok(text_of(read(what, path, file, MAX_SECRET)?))
}

/// Refuses a file that others can read. A group may, as Kubernetes (fsGroup) and systemd (LoadCredential, by an access list, whose
/// mask shows as the group's bits) have it: if the file is root's, or the process is in that group. It may never write.
fn check_access(what: &'static str, path: &Path, metadata: &Metadata) -> Result<(), Error> {
    let (mode, owner, group) = (metadata.permissions().mode() & 0o777, metadata.uid(), metadata.gid());
    let found = if mode & 0o007 != 0 {
        "readable by others"
    } else if mode & 0o030 != 0 {
        "not only readable by others of its group, who can change it"
    } else if mode & 0o040 != 0 && owner != 0 && !is_in_group(group) {
        "readable by others, of a group in which this process is not"
    } else {
        return Ok(());
    };
    Err(Error::Exposed { what, path: path.to_owned(), found, mode, owner, group })
}

fn is_in_group(group: u32) -> bool {
    use rustix::process::{getegid, getgroups};
    getegid().as_raw() == group || getgroups().is_ok_and(|groups| groups.iter().any(|own| own.as_raw() == group))
}

fn text_of(text: String) -> Password {
    let text = Password::from(text);
    Password::from(text.trim_end_matches(['\r', '\n']).to_owned())
}

/// Where the user PIN comes from: its file or `KMS_HSM_PIN`. Whether one is needed, the token knows.
pub(super) fn pin(file: Option<&Path>, variable: Option<Password>) -> Result<Option<SecretSource>, Error> {
    let source = match (file, variable) {
        (Some(_), Some(_)) => return Err(Error::Conflict("hsm-pin-file", "KMS_HSM_PIN (environment)")),
        (None, None) => return Ok(None),
        (None, Some(pin)) => SecretSource::kept(pin)?,
        (Some(path), None) => SecretSource::File { what: "PIN file", path: path.to_owned() },
    };
    // What is wrong with it is said before anything else happens.
    if source.read()?.is_empty() {
        return Err(Error::NoPin);
    }
    Ok(Some(source))
}
