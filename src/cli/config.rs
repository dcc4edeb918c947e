//! Options are merged from flags, environment and file, then checked.

use std::env;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::options::Options;
use crate::client::{self, IdentityFiles, Settings, UrlError};
use crate::config::toml_file;
use crate::file::{self, Unreadable};
use crate::secret::Password;

/// The URL of a server that was started with the default port.
pub(super) const DEFAULT_URL: &str = "https://localhost:9998";

/// The default time to wait for an answer, in seconds.
const DEFAULT_TIMEOUT: u16 = 60;

/// The largest configuration file, in bytes.
const MAX_FILE: u64 = 1 << 20;

/// The keys of the file whose values are secrets.
const SECRETS: [&str; 2] = ["access_token", "client_p12_password"];

/// An error of the configuration.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// The configuration file cannot be read.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    /// The file has a syntax error, an unknown key or a value of a wrong type.
    #[error("{}: {message}", path.display())]
    Toml { path: PathBuf, message: String },
    /// The file holds a secret and is readable by other users.
    #[error(
        "the configuration file {p} holds `{key}` and is readable by others (mode {mode:03o}): run `chmod 600 {p}`",
        p = path.display()
    )]
    Exposed { path: PathBuf, key: &'static str, mode: u32 },
    /// `--url` is not a URL.
    #[error("--url: {0}")]
    Url(#[from] UrlError),
    /// `timeout` of the file is out of its range; clap checks the flag.
    #[error("--timeout: give 1 to 3600 seconds")]
    Timeout,
    /// The password is given twice in one source.
    #[error("the password of the PKCS#12 file is given both as a text and as a file: give one")]
    TwoPasswords,
    /// Two client certificates are given.
    #[error("both --client-p12 and --client-cert-file are given: give one")]
    TwoIdentities,
    /// A certificate is given without its key, or a key without its certificate.
    #[error("--client-cert-file and --client-key-file belong together: give both")]
    HalfAnIdentity,
    /// Two credentials are given, but only one can be sent.
    #[error("both --access-token and --auth-token (PVAULT_AUTH_TOKEN) are given: give one")]
    TwoTokens,
    /// The variable is not UTF-8.
    #[error("{0} is not valid UTF-8")]
    PasswordEncoding(&'static str),
    /// A password is given without the file that it opens.
    #[error("a password for --client-p12 is given, but no --client-p12")]
    PasswordWithoutP12,
    /// The password file cannot be read.
    #[error(transparent)]
    Client(#[from] client::Error),
}

impl Error {
    /// Whether options are invalid, or do not go together.
    pub(super) fn is_of_usage(&self) -> bool {
        match self {
            Self::Url(_)
            | Self::Timeout
            | Self::TwoPasswords
            | Self::TwoIdentities
            | Self::HalfAnIdentity
            | Self::TwoTokens
            | Self::PasswordWithoutP12 => true,
            Self::Unreadable(_)
            | Self::Toml { .. }
            | Self::Exposed { .. }
            | Self::PasswordEncoding(_)
            | Self::Client(_) => false,
        }
    }
}

/// The path of a configuration file.
pub(super) enum Place {
    /// A path named by the user: the file must exist.
    Named(PathBuf),
    /// The default path: the file may be missing.
    Usual(PathBuf),
}

impl Place {
    /// Returns the default path, in the XDG base directory for configuration.
    pub(super) fn usual(xdg_config_home: Option<PathBuf>, home: Option<PathBuf>) -> Option<Self> {
        let base = xdg_config_home.filter(|path| path.is_absolute());
        let base = base.or_else(|| Some(home.filter(|path| path.is_absolute())?.join(".config")))?;
        Some(Self::Usual(base.join("claviger/claviger.toml")))
    }
}

/// Returns the secret in an environment variable; `None` if the variable is not set.
///
/// # Errors
/// The value is not UTF-8.
pub(super) fn secret_variable(name: &'static str) -> Result<Option<Password>, Error> {
    match env::var(name) {
        Ok(secret) => Ok(Some(Password::from(secret))),
        Err(env::VarError::NotPresent) => Ok(None),
        Err(env::VarError::NotUnicode(_)) => Err(Error::PasswordEncoding(name)),
    }
}

/// Returns the path of the file with the access token of a login, next to the default configuration file.
pub(super) fn login_file(xdg_config_home: Option<PathBuf>, home: Option<PathBuf>) -> Option<PathBuf> {
    match Place::usual(xdg_config_home, home)? {
        Place::Usual(path) | Place::Named(path) => Some(path.with_file_name("login.json")),
    }
}

/// The options of the client certificate that are given as flags.
#[derive(Clone, Copy)]
pub(super) struct ByFlag {
    /// `--client-p12-password-file`.
    pub(super) password_file: bool,
    /// `--client-p12`.
    pub(super) p12: bool,
    /// `--client-cert-file` or `--client-key-file`.
    pub(super) pem: bool,
}

impl ByFlag {
    /// Of a PKCS#12 file and PEM files, drops those of the environment if the others are given as flags.
    pub(super) fn beats_environment(self, options: &mut Options) {
        match (self.p12, self.pem) {
            (true, false) => options.drop_pem(),
            (false, true) => options.drop_p12(),
            (true, true) | (false, false) => {}
        }
    }
}

impl Options {
    fn drop_p12(&mut self) {
        self.client_p12 = None;
        self.client_p12_password = None;
        self.client_p12_password_file = None;
    }

    fn drop_pem(&mut self) {
        self.client_cert_file = None;
        self.client_key_file = None;
    }
}

/// Merges `given` (flags and environment) with the file, fills in defaults and checks the result.
pub(super) fn settings(given: Options, file: Option<Place>) -> Result<Settings, Error> {
    let file = match file {
        Some(Place::Named(path)) => read(&path)?,
        Some(Place::Usual(path)) => match read(&path) {
            Err(Error::Unreadable(error)) if file::is_missing(&error.source) => Options::default(),
            result => result?,
        },
        None => Options::default(),
    };
    let options = merge(given, file)?;
    let timeout = options.timeout.unwrap_or(DEFAULT_TIMEOUT);
    if !(1..=3600).contains(&timeout) {
        return Err(Error::Timeout);
    }
    let access_token = match (options.access_token.clone(), options.auth_token.clone()) {
        (Some(_), Some(_)) => return Err(Error::TwoTokens),
        (access, auth) => access.or(auth),
    };
    Ok(Settings {
        url: options.url.as_deref().or(options.pvault_addr.as_deref()).unwrap_or(DEFAULT_URL).parse()?,
        identity: identity(&options)?,
        ca_file: options.ca_file,
        access_token,
        timeout: Duration::from_secs(timeout.into()),
    })
}

fn merge(given: Options, mut file: Options) -> Result<Options, Error> {
    let passwords = |options: &Options| {
        usize::from(options.client_p12_password.is_some()) + usize::from(options.client_p12_password_file.is_some())
    };
    if passwords(&given) > 1 || passwords(&file) > 1 {
        return Err(Error::TwoPasswords);
    }
    // The password and the password file are one option: one from the command line or the environment overrides both of
    // the file.
    if passwords(&given) > 0 {
        file.client_p12_password = None;
        file.client_p12_password_file = None;
    }
    // So are the files of a client certificate.
    let has_p12 = |options: &Options| options.client_p12.is_some();
    let has_pem = |options: &Options| options.client_cert_file.is_some() || options.client_key_file.is_some();
    if (has_p12(&given) && has_pem(&given)) || (has_p12(&file) && has_pem(&file)) {
        return Err(Error::TwoIdentities);
    }
    if has_p12(&given) {
        file.drop_pem();
    }
    if has_pem(&given) {
        file.drop_p12();
    }
    Ok(given.or(file))
}

fn identity(options: &Options) -> Result<Option<IdentityFiles>, Error> {
    match (p12(options)?, &options.client_cert_file, &options.client_key_file) {
        (p12, None, None) => Ok(p12),
        (None, Some(certificate), Some(key)) => {
            Ok(Some(IdentityFiles::Pem { certificate: certificate.clone(), key: key.clone() }))
        }
        (None, ..) => Err(Error::HalfAnIdentity),
        (Some(_), ..) => Err(Error::TwoIdentities),
    }
}

fn p12(options: &Options) -> Result<Option<IdentityFiles>, Error> {
    let password = match (&options.client_p12_password, &options.client_p12_password_file) {
        (Some(password), _) => Some(password.clone()),
        (None, Some(path)) if options.client_p12.is_some() => Some(client::read_password(path)?),
        (None, Some(_)) => Some(Password::default()),
        (None, None) => None,
    };
    match (&options.client_p12, password) {
        (Some(file), password) => {
            Ok(Some(IdentityFiles::P12 { file: file.clone(), password: password.unwrap_or_default() }))
        }
        (None, Some(_)) => Err(Error::PasswordWithoutP12),
        (None, None) => Ok(None),
    }
}

/// Reads the TOML file. `-` and `_` are the same in its keys, so that flags can be copied.
fn read(path: &Path) -> Result<Options, Error> {
    let file = file::open("configuration file", path)?;
    let mode = file.metadata()?.permissions().mode() & 0o777;
    let text = file.text(MAX_FILE)?;
    let read = toml_file::parse(&text, &SECRETS).map_err(|message| Error::Toml { path: path.to_owned(), message });
    let mut options: Options = read?.options;
    let given = options.names();
    if let Some(key) = SECRETS.into_iter().find(|key| given.contains(key))
        && mode & 0o077 != 0
    {
        return Err(Error::Exposed { path: path.to_owned(), key, mode });
    }
    // Paths in the file are relative to the file, because commands may run in any directory.
    if let Some(directory) = path.parent() {
        let files = [
            &mut options.ca_file,
            &mut options.client_p12,
            &mut options.client_p12_password_file,
            &mut options.client_cert_file,
            &mut options.client_key_file,
        ];
        for path in files.into_iter().flatten() {
            *path = directory.join(&*path);
        }
    }
    Ok(options)
}

#[cfg(test)]
mod tests;
