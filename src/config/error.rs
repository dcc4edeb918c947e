//! Errors of the configuration.

use std::path::PathBuf;

use super::mechanism_number::MechanismNumber;
use crate::file::Unreadable;
use crate::principal::UsernameError;

/// An error of the configuration. The message is one line.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file that an option names cannot be read.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    /// The TOML file has a syntax error, an unknown key or a value of a wrong type.
    #[error("{}: {message}", path.display())]
    Toml {
        /// The file.
        path: PathBuf,
        /// The parser's message, on one line.
        message: String,
    },
    /// An option's value is outside its bounds.
    #[error("--{option}: {fault}")]
    Value {
        /// The option's long name.
        option: &'static str,
        /// The reason, or the bounds of the value.
        fault: &'static str,
    },
    /// The same number is given for two mechanisms.
    #[error(
        "--hsm-wrap-mechanism and --hsm-wrap-pad-mechanism are both {0}: key wrap without padding (RFC 3394) and with \
         padding (RFC 5649) are two different mechanisms"
    )]
    SameMechanism(MechanismNumber),
    /// `--log` has an invalid directive.
    #[error("--log: {0}")]
    LogFilter(String),
    /// An error in a value of the configuration file.
    #[error("{}, line {line}, key `{key}`: {source}", path.display())]
    InFile {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The key.
        key: String,
        /// The error.
        source: Box<Error>,
    },
    /// A number is outside its bounds.
    #[error("--{option}: {value} is out of range: give {least} to {most}{unit}")]
    OutOfRange {
        /// The option's long name.
        option: &'static str,
        /// The number as given.
        value: u64,
        /// The least that it may be.
        least: u64,
        /// The most.
        most: u64,
        /// What is counted, after a blank, and why it has bounds; may be empty.
        unit: &'static str,
    },
    /// `--default-username` is not a user name.
    #[error("--default-username: {0}")]
    DefaultUsername(#[from] UsernameError),
    /// Two options exclude each other.
    #[error("--{0} and --{1} exclude each other: give one")]
    Conflict(&'static str, &'static str),
    /// An authority of client certificates is given without TLS: client certificates are sent over TLS only.
    #[error(
        "--authority-cert-file needs --https-p12-file, or --https-cert-file and --https-key-file: client certificates are sent over TLS only"
    )]
    AuthorityWithoutIdentity,
    /// The URL of the database contains a password, which would be visible in the list of processes.
    #[error("--{0} contains a password: write it into a file, and give that by --database-password-file")]
    PasswordInUrl(&'static str),
    /// A move would not be from one kind of database to the other.
    #[error(
        "--migrate-to moves from SQLite to PostgreSQL, or from PostgreSQL to SQLite: an SQLite database is copied by --backup, \
         and a PostgreSQL database by pg_dump"
    )]
    SameKind,
    /// An option needs another one, which is not given.
    #[error("--{0} needs --{1}")]
    Needs(&'static str, &'static str),
    /// A name of a server is not one.
    #[error("--server-name {0:?}: give 1 to 64 letters, digits, . _ and - of ASCII")]
    ServerName(String),
    /// The values of two options belong together, but cannot be paired.
    #[error(
        "{values} values of {option} cannot be paired with {owners} of {owner}: give one for each, or put each after the {owner} that it is for"
    )]
    Unpaired {
        /// The option.
        option: String,
        /// The option whose values they belong to.
        owner: String,
        /// The number of values.
        values: usize,
        /// The number of owners.
        owners: usize,
    },
    /// A text is neither a list of values nor a single value.
    #[error("{name} {value:?}: {fault}")]
    Listed {
        /// The name of the flag or of the environment variable.
        name: String,
        /// The text.
        value: String,
        /// The reason, and what to write instead.
        fault: String,
    },
    /// Two lists belong together but come from different places.
    #[error(
        "{option} comes from {place} and {owner} from {owner_place}: give both in one place, so that they belong together"
    )]
    Apart {
        /// The option.
        option: String,
        /// The source of its values.
        place: &'static str,
        /// The option whose values it belongs to.
        owner: String,
        /// The source of the owner's values.
        owner_place: &'static str,
    },
    /// Two entries would accept the same tokens.
    #[error("the issuer {issuer} is given twice for the audience {audience}")]
    IssuerTwice {
        /// The issuer.
        issuer: String,
        /// The audience.
        audience: String,
    },
    /// A prefix is the beginning of another one: a name with one prefix could be mistaken for a name with the other.
    #[error(
        "the user name prefixes {0:?} and {1:?} do not keep names apart: neither may be the beginning of the other"
    )]
    Prefixes(String, String),
    /// The value is not a URL that keys can be fetched from.
    #[error("--jwks-uri {uri}: {source}")]
    JwksUri {
        /// The URL as given, or as derived from the issuer.
        uri: String,
        /// The reason.
        source: crate::client::UrlError,
    },
    /// A password is given without the file that it opens.
    #[error("--https-p12-password needs --https-p12-file")]
    PasswordWithoutIdentity,
    /// A file that holds a secret can be read or changed by other users.
    #[error(
        "the {what} {p} is {found} (mode {mode:03o}, owner {owner}, group {group}): run `chmod 600 {p}`, or let only root or this \
         process's own group have it (mode 440)",
        p = path.display()
    )]
    Exposed {
        /// The purpose of the file.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// The access that other users have.
        found: &'static str,
        /// Its permission bits.
        mode: u32,
        /// Its owner's user id.
        owner: u32,
        /// Its group's id.
        group: u32,
    },
    /// The PIN is empty.
    #[error("no PIN for the HSM token: give --hsm-pin-file FILE or set KMS_HSM_PIN")]
    NoPin,
    /// OpenSSL has no random bytes.
    #[error("no random bytes: {0}")]
    Random(openssl::error::ErrorStack),
    /// `KMS_HSM_PIN` is not UTF-8.
    #[error("KMS_HSM_PIN is not valid UTF-8")]
    PinEncoding,
    /// `--hsm-module` is not given, and no module is at any of the usual places.
    #[error(
        "no PKCS#11 module found at the usual places of SoftHSM: give --hsm-module FILE (Debian: apt-get install softhsm2)"
    )]
    NoModule,
}

impl Error {
    /// Returns the names of the options whose values may be wrong, written with `_`, the most likely first.
    pub(super) fn options(&self) -> Vec<String> {
        let names: &[&str] = match self {
            Self::Value { option, .. } | Self::OutOfRange { option, .. } => &[option],
            Self::LogFilter(_) => &["log"],
            Self::SameMechanism(_) => &["hsm_wrap_mechanism", "hsm_wrap_pad_mechanism"],
            Self::DefaultUsername(_) => &["default_username"],
            Self::ServerName(_) => &["server_name"],
            Self::Conflict(first, second) | Self::Needs(first, second) => &[first, second],
            Self::AuthorityWithoutIdentity => &["authority_cert_file"],
            Self::PasswordInUrl("database-url") => &["database_url"],
            Self::PasswordWithoutIdentity => &["https_p12_password", "https_p12_password_file"],
            Self::Unpaired { option, owner, .. } | Self::Apart { option, owner, .. } => &[option, owner],
            Self::Listed { name, .. } => return vec![name.trim_start_matches('-').replace('-', "_")],
            Self::IssuerTwice { .. } => &["jwt_issuer_uri"],
            Self::Prefixes(..) => &["jwt_username_prefix", "username_prefix"],
            Self::JwksUri { .. } => &["jwks_uri", "jwt_issuer_uri"],
            Self::Unreadable(Unreadable { what, .. }) | Self::Exposed { what, .. } if *what == "PIN file" => {
                &["hsm_pin_file"]
            }
            _ => &[],
        };
        names.iter().map(|name| name.trim_start_matches('-').replace('-', "_")).collect()
    }
}
