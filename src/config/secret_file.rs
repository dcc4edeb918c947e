//! Files that hold a PIN or a password.

use std::fs::Metadata;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use super::error::Error;
use crate::file;
use crate::secret::{Bytes, Masked, Password};

/// The largest PIN or password file, in bytes.
const MAX_SECRET: u64 = 4096;

/// The source of a PIN or a password.
#[derive(Debug)]
pub enum SecretSource {
    /// The value of an option or a variable, kept masked in memory.
    Kept(Masked),
    /// A file, which is read again each time. Line ends at its end are removed.
    File {
        /// The purpose of the file, for messages.
        what: &'static str,
        /// The path.
        path: PathBuf,
    },
}

impl SecretSource {
    pub(super) fn kept(password: Password) -> Result<Self, Error> {
        Masked::new(password).map(Self::Kept).map_err(Error::Random)
    }

    /// Returns the PIN or password.
    ///
    /// # Errors
    /// The file cannot be read, or other users have access to it.
    pub fn read(&self) -> Result<Password, Error> {
        match self {
            Self::Kept(masked) => Ok(masked.read()),
            Self::File { what, path } => read_text(what, path),
        }
    }
}

/// Reads a secret from a file that other users must not have access to. Line ends at its end are removed.
fn read_text(what: &'static str, path: &Path) -> Result<Password, Error> {
    let file = file::open(what, path)?;
    check_access(what, path, &file.metadata()?)?;
    Ok(Password::from(file.text(MAX_SECRET)?.trim_end_matches(['\r', '\n']).to_owned()))
}

/// Reads a file with a private key, which other users must not have access to. `most` is the limit in bytes.
///
/// # Errors
/// The file cannot be read, is larger, or other users have access to it.
pub fn private(what: &'static str, path: &Path, most: u64) -> Result<Bytes, Error> {
    let file = file::open(what, path)?;
    check_access(what, path, &file.metadata()?)?;
    Ok(file.bytes(most)?)
}

/// Refuses a file that other users can read. Its group may read it if root owns the file or the process is in that
/// group: Kubernetes (fsGroup) and systemd (LoadCredential, with an access list whose mask appears as the group's bits)
/// mount secrets this way. The group may never write it.
///
/// # Errors
/// Other users have access to the file.
pub fn check_access(what: &'static str, path: &Path, metadata: &Metadata) -> Result<(), Error> {
    let Some(found) = exposure(metadata) else { return Ok(()) };
    let (mode, owner, group) = (metadata.permissions().mode() & 0o777, metadata.uid(), metadata.gid());
    Err(Error::Exposed { what, path: path.to_owned(), found, mode, owner, group })
}

/// Returns how other users can read a file with a secret; `None` if they cannot. The exceptions for groups are those of
/// the server's files.
#[must_use]
pub fn exposure(metadata: &Metadata) -> Option<&'static str> {
    let (mode, owner, group) = (metadata.permissions().mode() & 0o777, metadata.uid(), metadata.gid());
    if mode & 0o007 != 0 {
        Some("readable by others")
    } else if mode & 0o030 != 0 {
        Some("not only readable by others of its group, who can change it")
    } else if mode & 0o040 != 0 && owner != 0 && !is_in_group(group) {
        Some("readable by others, of a group in which this process is not")
    } else {
        None
    }
}

fn is_in_group(group: u32) -> bool {
    use rustix::process::{getegid, getgroups};
    getegid().as_raw() == group || getgroups().is_ok_and(|groups| groups.iter().any(|own| own.as_raw() == group))
}

/// Returns the source of the user PIN: its file or `KMS_HSM_PIN`. `None` is valid: the HSM token may not need a PIN.
pub(super) fn pin(file: Option<&Path>, variable: Option<Password>) -> Result<Option<SecretSource>, Error> {
    let source = match (file, variable) {
        (Some(_), Some(_)) => return Err(Error::Conflict("hsm-pin-file", "KMS_HSM_PIN (environment)")),
        (None, None) => return Ok(None),
        (None, Some(pin)) => SecretSource::kept(pin)?,
        (Some(path), None) => SecretSource::File { what: "PIN file", path: path.to_owned() },
    };
    // The PIN is read now, so that an error is reported before anything else happens.
    if source.read()?.is_empty() {
        return Err(Error::NoPin);
    }
    Ok(Some(source))
}
