//! Why a command fails: one line that says what failed and what to try.

use std::io;
use std::path::PathBuf;

use super::config;
use super::sealed::Error as SealedError;
use crate::audit::verify;
use crate::file::Unreadable;
use crate::{client, kmip};

/// The failure of a command.
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
    /// A key file is not what its format says.
    #[error("{} is not {format} ({fault}): give -f with the format that it has", path.display())]
    KeyFile { path: PathBuf, format: &'static str, fault: KeyFileFault },
    /// The file to decrypt is damaged, or no such file at all.
    #[error("{}: {source}", path.display())]
    Sealed { path: PathBuf, source: SealedError },
    /// What went wrong with the key that an encrypted file names.
    #[error("{source} (the file names the key {key_id:?}: give another with -k)")]
    NamedKey { key_id: String, source: Box<Error> },
    /// The answer lacks what the operation promises.
    #[error("the server's answer has no {0}: is it a Claviger server of this version?")]
    Incomplete(&'static str),
    /// Standard output cannot be written, because its reader went away or for another reason.
    #[error("cannot write to standard output: {0}")]
    Stdout(io::Error),
    #[error("{0}")]
    Audit(#[from] AuditError),
    /// Neither HOME nor XDG_CONFIG_HOME.
    #[error("there is no place for the login: set HOME or XDG_CONFIG_HOME")]
    NoHome,
    #[error("there is no login to end")]
    NotLoggedIn,
    #[error("{} holds no JWT: three parts with dots between them", .0.display())]
    NoJwt(PathBuf),
    #[error("{0:?} is not an issuer: give an identity's ID, oidc-auth/ID, or authn-jwt/SERVICE/ACCOUNT[/LOGIN]")]
    Issuer(String),
    /// Neither a file nor a variable.
    #[error("there is no {what}: give {flag} FILE (`-` for standard input), or set {variable}")]
    NoSecret { what: &'static str, flag: &'static str, variable: &'static str },
    #[error("{} holds no {what}", path.display())]
    EmptySecret { what: &'static str, path: PathBuf },
    /// The credential of a login is wrong, or may not be used here and now.
    #[error("the server refused the {credential}: {}", said(refusal))]
    LoginRefused { credential: &'static str, refusal: Box<client::Refusal> },
    #[error("--claim names {0:?} twice: give its values in one, as in {0}=A,B")]
    ClaimTwice(String),
    /// The first of two changes was made, and the second was not.
    #[error(
        "the change was made, but the access tokens of {id} were not ended ({source}): run \
         `claviger identities update {id} --end-tokens`"
    )]
    TokensNotEnded { id: String, source: Box<Error> },
    #[error("{p} is readable by others: run `chmod 600 {p}`, and log in again", p = .0.display())]
    ExposedLogin(PathBuf),
    #[error("{} is not a login of this program: log out or in again", .0.display())]
    BadLogin(PathBuf),
    /// No header of an encrypted file can hold the key id.
    #[error("a key id has 1 to 255 bytes")]
    KeyId,
    #[error("there is no randomness: {0}")]
    Random(openssl::error::ErrorStack),
    #[error("cannot start the runtime: {0}")]
    Runtime(io::Error),
    #[error("{0}")]
    Interrupted(Signal),
}

/// What goes wrong with files.
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
    #[error("{} is larger than the server takes ({limit} bytes)", path.display())]
    Large { path: PathBuf, limit: usize },
}

impl FileError {
    /// What the server would not take.
    pub(super) fn large(path: PathBuf, limit: usize) -> Self {
        Self::Large { path, limit }
    }
}

/// What can be wrong with the text of a key.
#[derive(Debug, thiserror::Error)]
pub(super) enum KeyFileFault {
    #[error("{0}")]
    Base64(data_encoding::DecodeError),
    #[error("{0}")]
    Kmip(#[from] kmip::Error),
    #[error("its document is a `{0}`, not a SymmetricKey")]
    NotSymmetricKey(String),
}

/// What can be wrong with an audit log.
#[derive(Debug, thiserror::Error)]
pub(super) enum AuditError {
    #[error("{}: {source}", path.display())]
    Key { path: PathBuf, source: verify::KeyError },
    #[error("the head in {} is not a checkpoint of this key: {source}", path.display())]
    Head { path: PathBuf, source: verify::Fault },
    #[error("{0}")]
    Verify(verify::Error),
    /// The server's search ended at its limit.
    #[error("these are the newest lines that fit; older files were not looked at: search in the files themselves")]
    NotSearched,
    /// Lines after the last checkpoint, or no checkpoint at all.
    #[error("intact, but its end is not signed: the last line is {last}, the last checkpoint {signed}")]
    Unsigned { last: u64, signed: u64 },
}

/// What the server says of a login, and where to find more.
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
    /// Whether the reader of standard output went away, which is not a failure to report.
    pub(super) fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Stdout(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }

    /// How many bytes the server's HSM takes in one call, if the server refused because of that.
    pub(super) fn most_bytes(&self) -> Option<u64> {
        match self {
            Self::Client(client::Error::Refused(refusal)) => refusal.most_bytes,
            _ => None,
        }
    }

    /// The exit status; for signals it is the shells' custom.
    pub(super) fn status(&self) -> u8 {
        match self {
            Self::Interrupted(Signal::Interrupt) => 130,
            Self::Interrupted(Signal::Terminate) => 143,
            Self::Audit(AuditError::Unsigned { .. }) => 3,
            _ => 1,
        }
    }
}
