//! Errors of commands: one line that says what failed and what to try.

use std::io;
use std::path::PathBuf;

use super::config;
use super::sealed::Error as SealedError;
use crate::audit::verify;
use crate::file::Unreadable;
use crate::{client, kmip};

/// An error of a command.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error(transparent)]
    Config(#[from] config::Error),
    #[error(transparent)]
    Client(#[from] client::Error),
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    #[error("{0}")]
    File(#[from] FileError),
    /// A key file is not in the expected format.
    #[error("{} is not {format} ({fault}): give -f with the format that it has", path.display())]
    KeyFile { path: PathBuf, format: &'static str, fault: KeyFileFault },
    /// The file to decrypt is damaged, or is not an encrypted file.
    #[error("{}: {source}", path.display())]
    Sealed { path: PathBuf, source: SealedError },
    /// The key that an encrypted file names could not be used.
    #[error("{source} (the file names the key {key_id:?}: give another one with -k)")]
    NamedKey { key_id: String, source: Box<Error> },
    /// The answer lacks a required part.
    #[error("the server's answer has no {0}: is it a Claviger server of this version?")]
    Incomplete(&'static str),
    /// Standard output cannot be written, for instance because its reader has closed it.
    #[error("cannot write to standard output: {0}")]
    Stdout(io::Error),
    #[error("{0}")]
    Audit(#[from] AuditError),
    /// Neither HOME nor XDG_CONFIG_HOME is set.
    #[error("there is no directory for the access token of the login: set HOME or XDG_CONFIG_HOME")]
    NoHome,
    #[error("not logged in: there is no access token to end")]
    NotLoggedIn,
    #[error("{} does not hold a JWT: a JWT has three parts separated by dots", .0.display())]
    NoJwt(PathBuf),
    #[error("{0:?} is not an issuer: give an identity's ID, oidc-auth/ID, or authn-jwt/SERVICE/ACCOUNT[/LOGIN]")]
    Issuer(String),
    /// The secret is given neither in a file nor in a variable.
    #[error("there is no {what}: give {flag} FILE (`-` for standard input), or set {variable}")]
    NoSecret { what: &'static str, flag: &'static str, variable: &'static str },
    #[error("{} holds no {what}", path.display())]
    EmptySecret { what: &'static str, path: PathBuf },
    /// The server refused the credential of a login.
    #[error("the server refused the {credential}: {}", said(refusal))]
    LoginRefused { credential: &'static str, refusal: Box<client::Refusal> },
    #[error("--claim names {0:?} twice: give all its values in one option, as in {0}=A,B")]
    ClaimTwice(String),
    /// The first of two changes was made, but the second one failed.
    #[error(
        "the change was made, but the access tokens of {id} were not ended ({source}): run \
         `claviger identities update {id} --end-tokens`"
    )]
    TokensNotEnded { id: String, source: Box<Error> },
    #[error("{p} is readable by others: run `chmod 600 {p}`, and log in again", p = .0.display())]
    ExposedLogin(PathBuf),
    #[error("{} is not a file of `claviger login`: log out or log in again", .0.display())]
    BadLogin(PathBuf),
    /// The key id does not fit into the header of an encrypted file.
    #[error("a key id has 1 to 255 bytes")]
    KeyId,
    #[error("no random bytes: {0}")]
    Random(openssl::error::ErrorStack),
    #[error("cannot start the runtime: {0}")]
    Runtime(io::Error),
    #[error("{0}")]
    Interrupted(Signal),
}

/// An error of a file.
#[derive(Debug, thiserror::Error)]
pub(super) enum FileError {
    #[error("cannot write {}: {source}", path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error("{} exists already: name another file, or give --force to replace it", .0.display())]
    Exists(PathBuf),
    #[error("{} is not a regular file: name another, or `-` for standard output", .0.display())]
    NotRegular(PathBuf),
    #[error("{} is larger than a key can be ({limit} bytes)", path.display())]
    TooLarge { path: PathBuf, limit: usize },
    #[error(
        "{} holds {bytes} bytes, and an AES key has 16, 24 or 32: name the algorithm of the key by --algorithm", path.display()
    )]
    NotAes { path: PathBuf, bytes: usize },
    #[error("{} is larger than the server takes ({limit} bytes)", path.display())]
    Large { path: PathBuf, limit: usize },
}

impl FileError {
    /// Returns the error for a file that is too large for the server.
    pub(super) fn large(path: PathBuf, limit: usize) -> Self {
        Self::Large { path, limit }
    }
}

/// The reason why a key file cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum KeyFileFault {
    #[error("{0}")]
    Base64(data_encoding::DecodeError),
    #[error("{0}")]
    Kmip(#[from] kmip::Error),
    #[error("its document is a `{0}`, not a SymmetricKey")]
    NotSymmetricKey(String),
}

/// An error of an audit log.
#[derive(Debug, thiserror::Error)]
pub(super) enum AuditError {
    #[error("{}: {source}", path.display())]
    Key { path: PathBuf, source: verify::KeyError },
    #[error("the head in {} is not a checkpoint of this key: {source}", path.display())]
    Head { path: PathBuf, source: verify::Fault },
    #[error("{0}")]
    Verify(verify::Error),
    /// The server's search ended at its limit of time or size.
    #[error("these are the newest matching lines; older files were not searched: search the files themselves")]
    NotSearched,
    /// Lines follow the last checkpoint, or there is no checkpoint.
    #[error("intact, but its end is not signed: the last line is {last}, the last checkpoint {signed}")]
    Unsigned { last: u64, signed: u64 },
}

/// Returns the server's error about a login, with a pointer to the server's log.
fn said(refusal: &client::Refusal) -> String {
    let said = refusal.detail.clone().unwrap_or_else(|| format!("HTTP status {}", refusal.status));
    let id = refusal.request_id.as_ref().map(|id| format!(" (request {id})")).unwrap_or_default();
    format!("{said}; the server's log says why{id}")
}

/// The signals that end a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Signal {
    #[error("interrupted")]
    Interrupt,
    #[error("terminated")]
    Terminate,
}

impl Error {
    /// Returns whether the reader of standard output has closed it. This error is not reported.
    pub(super) fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Stdout(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }

    /// Returns the number of bytes that the server's HSM takes in one call, if the server refused the request because
    /// of this limit.
    pub(super) fn most_bytes(&self) -> Option<u64> {
        match self {
            Self::Client(client::Error::Refused(refusal)) => refusal.most_bytes,
            _ => None,
        }
    }

    /// Returns the exit status. For signals it follows the convention of shells.
    pub(super) fn status(&self) -> u8 {
        match self {
            Self::Interrupted(Signal::Interrupt) => 130,
            Self::Interrupted(Signal::Terminate) => 143,
            Self::Audit(AuditError::Unsigned { .. }) => 3,
            _ => 1,
        }
    }
}
