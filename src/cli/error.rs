//! Errors of commands: one line that says what failed and what to try.

use std::io;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::config;
use super::pki::error::Error as PkiError;
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
    /// A file does not hold what it should.
    #[error("{} is not {format} ({fault})", path.display())]
    NotReadable { path: PathBuf, format: &'static str, fault: KeyFileFault },
    /// The key has another form than the requested format is for.
    #[error("the key cannot be written as {0}: give another -f")]
    Format(&'static str),
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
    #[error("no {0} was typed")]
    NothingTyped(&'static str),
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
    #[error("the file cannot be hashed: {0}")]
    Hash(openssl::error::ErrorStack),
    #[error("no random bytes: {0}")]
    Random(openssl::error::ErrorStack),
    #[error("cannot start the runtime: {0}")]
    Runtime(io::Error),
    #[error("{0}")]
    Interrupted(Signal),
    #[error("nothing can be read from the terminal: {0}")]
    Terminal(io::Error),
    #[error(transparent)]
    Pki(#[from] PkiError),
    /// The options of the command do not go together. It has the exit status of a usage error.
    #[error("{0}")]
    Usage(String),
    /// The command cannot be undone, was not confirmed by `--yes`, and nobody can be asked.
    #[error("{0} cannot be undone: confirm it with --yes")]
    Unconfirmed(&'static str),
    /// The answer to the question was not yes.
    #[error("nothing was changed")]
    Declined,
    /// An active object was to be destroyed.
    #[error("conflict: the object {id} is Active: revoke it first (claviger {noun} revoke {id})")]
    Active { noun: &'static str, id: String },
    /// Several objects have the name, or one has it as its identifier.
    #[error("{name:?} names several objects: give the identifier of one: {}", candidates.join(", "))]
    Ambiguous { name: String, candidates: Vec<String> },
    /// The caller knows of no object with this name.
    #[error("not found: no object that you may use has the name {0:?}")]
    NoSuchName(String),
    /// A text is not a value of the attribute.
    #[error("{value:?} is not a value of {attribute}: {expected}")]
    AttributeValue { attribute: String, value: String, expected: String },
    /// A ciphertext that was not encrypted in chunks does not verify.
    #[error("{} does not verify: the key, the options or --aad-hex are wrong, or the file was changed", .0.display())]
    Unverified(PathBuf),
    /// A wrapped key does not verify.
    #[error("{} cannot be unwrapped: it was wrapped under another key than -k, or the file was changed", .0.display())]
    NotUnwrapped(PathBuf),
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
        "{} holds {bytes} bytes, and an AES key has 16, 24 or 32: name the algorithm of the key by {flag}", path.display()
    )]
    NotAes { path: PathBuf, bytes: usize, flag: &'static str },
    #[error("{} is larger than the server takes ({limit} bytes)", path.display())]
    Large { path: PathBuf, limit: usize },
    #[error("the output is binary, and standard output is a terminal: give -o FILE, or `-f base64` where there is -f")]
    Terminal,
    #[error("{} is larger than {limit} bytes: give --hash, and the file is hashed on this machine", path.display())]
    Unhashed { path: PathBuf, limit: usize },
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
    #[error("its document is a `{0}`, not a SymmetricKey, PrivateKey or PublicKey")]
    NotKey(String),
    #[error("it has no PEM block")]
    NoPem,
    #[error("its PEM block is a `{0}`, not a key")]
    OtherPem(String),
    #[error("it is encrypted: decrypt it with `openssl pkey`, and pipe the result to `claviger keys import -`")]
    Encrypted,
    #[error("OpenSSL cannot read it")]
    NotCertificate,
    #[error("it is not a private or public key of RSA, an elliptic curve, Ed25519 or X25519")]
    NotDer,
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
    /// A file of a log is given twice.
    #[error("{} is given twice: give it once", .0.display())]
    Twice(PathBuf),
    /// A file has only lines that another one has too.
    #[error("{} has no line that {} does not have: give only the latter", file.display(), of.display())]
    Duplicate { file: PathBuf, of: PathBuf },
    /// A server that must have a log has none.
    #[error("no intact log of the server {0} is among the files")]
    NoLog(String),
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

    /// Returns the server's refusal, if it is the reason of the error.
    pub(super) fn refusal(&self) -> Option<&client::Refusal> {
        match self {
            Self::Client(client::Error::Refused(refusal)) | Self::LoginRefused { refusal, .. } => Some(refusal),
            Self::NamedKey { source, .. } | Self::TokensNotEnded { source, .. } => source.refusal(),
            _ => None,
        }
    }

    /// Returns the number of bytes that the server's HSM takes in one call, if the server refused the request because
    /// of this limit.
    pub(super) fn most_bytes(&self) -> Option<u64> {
        match self {
            Self::Client(client::Error::Refused(refusal)) => refusal.most_bytes,
            _ => None,
        }
    }

    /// Returns the exit status: the one place that decides it. For signals it follows the convention of shells.
    pub(super) fn status(&self) -> u8 {
        match self {
            Self::Interrupted(Signal::Interrupt) => 130,
            Self::Interrupted(Signal::Terminate) => 143,
            Self::Usage(_) | Self::Unconfirmed(_) | Self::AttributeValue { .. } => USAGE,
            Self::LoginRefused { refusal, .. } => of_refusal(refusal),
            Self::Client(error) => of_client(error),
            Self::NamedKey { source, .. } | Self::TokensNotEnded { source, .. } => source.status(),
            Self::Sealed { source, .. } if source.is_tampering() => TAMPERED,
            Self::Unverified(_) | Self::NotUnwrapped(_) | Self::Audit(AuditError::Verify(verify::Error::Broken(_))) => {
                TAMPERED
            }
            Self::NoSuchName(_) | Self::Pki(PkiError::NotIssued { .. }) => NOT_FOUND,
            Self::Pki(error) if error.is_of_usage() => USAGE,
            Self::Config(error) if error.is_of_usage() => USAGE,
            Self::Audit(AuditError::Unsigned { .. }) => UNSIGNED,
            Self::Audit(AuditError::Twice(_) | AuditError::Duplicate { .. } | AuditError::NoLog(_)) => TAMPERED,
            _ => FAILURE,
        }
    }

    /// Returns the error for programs, on one line.
    pub(super) fn json(&self) -> Value {
        let mut json = json!({ "error": self.to_string(), "exit_status": self.status() });
        if let (Some(refusal), Some(json)) = (self.refusal(), json.as_object_mut()) {
            json.insert("http_status".to_owned(), refusal.status.as_u16().into());
            json.insert("result_reason".to_owned(), refusal.result_reason.clone().into());
            json.insert("request_id".to_owned(), refusal.request_id.clone().into());
        }
        json
    }
}

/// The exit status of a failure that has no other one.
pub(super) const FAILURE: u8 = 1;

/// The exit status of a command line that is not understood.
pub(super) const USAGE: u8 = 2;

/// The exit status if the caller is not authenticated.
pub(super) const NOT_AUTHENTICATED: u8 = 3;

/// The exit status if the caller lacks a right.
pub(super) const NOT_PERMITTED: u8 = 4;

/// The exit status if the object is not found.
pub(super) const NOT_FOUND: u8 = 5;

/// The exit status if the server is unavailable.
pub(super) const UNAVAILABLE: u8 = 6;

/// The exit status when data, a signature or an audit log does not verify.
pub(super) const TAMPERED: u8 = 7;

/// The exit status when an audit log is intact, but its end is not signed.
pub(super) const UNSIGNED: u8 = 8;

/// Returns the exit status for an error of the client.
pub(super) fn of_client(error: &client::Error) -> u8 {
    match error {
        client::Error::Refused(refusal) => of_refusal(refusal),
        client::Error::Http(error) => of_http(error),
        _ => FAILURE,
    }
}

fn of_refusal(refusal: &client::Refusal) -> u8 {
    match refusal.status.as_u16() {
        401 => NOT_AUTHENTICATED,
        403 => NOT_PERMITTED,
        404 => NOT_FOUND,
        429 | 502..=504 => UNAVAILABLE,
        _ => FAILURE,
    }
}

fn of_http(error: &client::http::Error) -> u8 {
    use client::http::Error as E;
    match error {
        E::CertificateWanted { .. } | E::CertificateRefused { .. } => NOT_AUTHENTICATED,
        E::Resolve { .. }
        | E::Connect { .. }
        | E::ConnectTimeout { .. }
        | E::Closed { .. }
        | E::Exchange { .. }
        | E::Timeout { .. } => UNAVAILABLE,
        E::Setup(_)
        | E::Untrusted { .. }
        | E::WrongName { .. }
        | E::NotTls { .. }
        | E::Handshake { .. }
        | E::TooLarge { .. }
        | E::Request(_) => FAILURE,
    }
}
