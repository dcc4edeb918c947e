//! Errors of the commands about certificates.

use std::io;
use std::path::PathBuf;

use openssl::error::ErrorStack;

use crate::principal::UsernameError;

/// An error of `claviger pki`.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The directory has no authority.
    #[error("{} has no authority: make one with `claviger pki init`, or name the directory by --dir", .0.display())]
    NoAuthority(PathBuf),
    /// Only one of the authority's two files exists.
    #[error("{} is missing, but its authority's other file exists: restore it, or replace the authority with `claviger pki init --force`", .0.display())]
    HalfAnAuthority(PathBuf),
    /// The authority's certificate has expired, or does so within a week.
    #[error(
        "the authority {} is valid until {end}: replace it with `claviger pki init --force`, make all certificates again, and let \
         servers accept both authorities meanwhile", path.display()
    )]
    Ending { path: PathBuf, end: String },
    /// The authority's key and its certificate do not belong together, or one of them cannot be read.
    #[error("{} cannot be used: {fault}", path.display())]
    Unusable { path: PathBuf, fault: &'static str },
    /// The password of the authority's key is wrong.
    #[error("the password of {} is wrong", .0.display())]
    WrongPassword(PathBuf),
    /// There is no password, and nobody can be asked for one.
    #[error("there is no password for the authority's key: give --password-file FILE, or set {variable}{hint}")]
    NoPassword { variable: &'static str, hint: &'static str },
    #[error("the password of the authority's key has fewer than {0} characters")]
    ShortPassword(usize),
    #[error("the two passwords differ")]
    PasswordsDiffer,
    /// The name of a certificate cannot be the name of its files.
    #[error("{name:?} cannot be the name of the files: {fault}")]
    Name { name: String, fault: &'static str },
    #[error("{name:?} is not a user name: {fault}")]
    Username { name: String, fault: UsernameError },
    /// The CN is longer than X.520 allows.
    #[error("the user name {0:?} is longer than the {MAX_CN} characters of a CN")]
    LongName(String),
    #[error("{0:?} is neither a DNS name nor an IP address")]
    Host(String),
    /// A file of another certificate, or of none, has the name.
    #[error("{} exists already, and {fault}: name others, or give --force to replace it", path.display())]
    Taken { path: PathBuf, fault: String },
    /// There is no certificate with the name that could be revoked.
    #[error("not found: {name:?} has no certificate that is valid and not revoked; there are: {known}")]
    NotIssued { name: String, known: String },
    /// Other users could replace the files.
    #[error("{p} can be changed by other users (mode {mode:04o}): run `chmod go-w {p}`, or name another directory by --dir", p = path.display())]
    Writable { path: PathBuf, mode: u32 },
    /// Another user owns a file or a directory, and could change it.
    #[error(
        "{p} belongs to user {owner}, who can change it: run the command as that user, name another directory by --dir, or, if you \
         trust what it holds, run `chown {own} {p}`", p = path.display()
    )]
    Foreign { path: PathBuf, owner: u32, own: u32 },
    /// Other users can read the authority's key or its password.
    #[error(transparent)]
    Exposed(#[from] crate::config::Error),
    /// Another process works in the directory.
    #[error("another `claviger pki` works in {}: try again later", .0.display())]
    Busy(PathBuf),
    #[error("group {group} cannot be given {}: {source}; run as root, or as a member of the group", path.display())]
    Group { path: PathBuf, group: u32, source: io::Error },
    #[error("OpenSSL cannot make the certificate: {0}")]
    OpenSsl(#[from] ErrorStack),
}

/// The most characters of a CN (ub-common-name of RFC 5280 appendix A.1).
pub(super) const MAX_CN: usize = 64;

impl Error {
    /// Whether the command line is wrong.
    pub(crate) fn is_of_usage(&self) -> bool {
        matches!(self, Self::Name { .. } | Self::Username { .. } | Self::LongName(_) | Self::Host(_))
    }
}
