//! Configuration of the server: options are merged from flags, environment and file, then checked.

mod audit;
mod callers;
mod database;
pub(crate) mod declared;
mod environment;
mod error;
mod hsm;
mod kmip;
mod limits;
mod listed;
mod log_filter;
mod mechanism_number;
mod options;
mod places;
mod printed;
mod proxies;
mod secret_file;
pub mod toml_file;
mod within;
mod written;

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

pub use audit::{AUDIT_INTERVAL, AuditSettings, Remake};
pub use callers::{Authority, ClientCertificates, JwtIssuer};
pub use database::{Database, Postgres, is_server_name};
pub use environment::without_empty;
pub use error::Error;
pub use hsm::Hsm;
pub use kmip::{KmipPort, KmipSocket, NoSocket, NotAPort};
pub use limits::{LEAST_MEMORY, Limits};
pub use mechanism_number::{MechanismNumber, NotANumber};
pub use options::{ClientCert, ClientCertUsername, LogFormat, Options, Placement, RemadeKey, WeakerCustody};
pub use places::OptionSources;
pub use printed::print;
pub use secret_file::{SecretSource, check_access, exposure, private};

use crate::file;
use crate::network::TrustedNetwork;
use crate::principal::Username;
use crate::secret::Password;
use toml_file::FromFile;
use within::within;

/// The default port, which clients expect.
pub const DEFAULT_PORT: u16 = 9998;

/// The bounds of `--jwt-leeway`, in seconds.
const JWT_LEEWAY: RangeInclusive<u16> = 0..=300;

/// The bounds of `--gcm-limit`. A key may encrypt at most 2^32 times with AES-GCM and random IVs (NIST SP 800-38D
/// section 8.3).
const GCM_LIMIT: RangeInclusive<u64> = 1..=1 << 32;

/// The largest configuration file, in bytes.
const MAX_CONFIG_FILE: u64 = 1 << 20;

/// The server's TLS identity: its PKCS#12 file and the password.
#[derive(Debug)]
pub struct P12 {
    /// The PKCS#12 file (RFC 7292).
    pub file: PathBuf,
    /// The source of the password, read again at each reload. Without one, the password is empty.
    pub password: Option<SecretSource>,
}

/// The files with the server's private key and certificates, read again at each reload.
#[derive(Debug)]
pub enum IdentityFiles {
    /// A PKCS#12 file.
    P12(P12),
    /// Two PEM files.
    Pem(PemFiles),
}

/// The server's TLS identity in PEM (RFC 7468).
#[derive(Debug)]
pub struct PemFiles {
    /// The file with the certificate and those of its issuers.
    pub certificate: PathBuf,
    /// The file with the private key.
    pub key: PathBuf,
}

impl IdentityFiles {
    /// The paths of the files.
    #[must_use]
    pub fn paths(&self) -> Vec<PathBuf> {
        match self {
            Self::P12(P12 { file, password: Some(SecretSource::File { path, .. }) }) => {
                vec![file.clone(), path.clone()]
            }
            Self::P12(P12 { file, .. }) => vec![file.clone()],
            Self::Pem(PemFiles { certificate, key }) => vec![certificate.clone(), key.clone()],
        }
    }
}

/// The sources of permissions. They are reloaded on SIGHUP.
#[derive(Debug, Clone, Default)]
pub struct Permission {
    /// The policy file.
    pub file: Option<PathBuf>,
    /// The subjects that may create objects.
    pub create: Option<Vec<String>>,
    /// The administrators.
    pub administrators: Option<Vec<String>>,
}

/// The checked configuration.
#[derive(Debug)]
pub struct Config {
    /// Address or name to listen on.
    pub hostname: String,
    /// Port to listen on; 0 for any.
    pub port: u16,
    /// The KMIP socket, or the reason for its absence.
    pub kmip: Result<KmipSocket, NoSocket>,
    /// Whether test suites may announce their test cases by the operation Interop.
    pub kmip_interop: bool,
    /// Whether keys of algorithms that are no longer secure are used.
    pub legacy_algorithms: bool,
    /// The networks whose connections begin with a header of the PROXY protocol.
    pub proxies: Vec<TrustedNetwork>,
    /// The server's TLS identity; `None` for plain HTTP.
    pub identity: Option<IdentityFiles>,
    /// Client certificates.
    pub client_certificates: Option<ClientCertificates>,
    /// Trusted issuers of JWTs.
    pub jwt_issuers: Vec<JwtIssuer>,
    /// The IAM file with issuers, users, roles and policies; reloaded on SIGHUP.
    pub iam_file: Option<PathBuf>,
    /// The tolerated difference between an issuer's clock and the server's, in seconds.
    pub jwt_leeway: u16,
    /// Whether key sets may be fetched by plain HTTP.
    pub jwks_allow_http: bool,
    /// Authorities of the servers that issuers' keys are fetched from; `None` for the system's authorities.
    pub jwks_ca_file: Option<PathBuf>,
    /// The identifier of the key whose bytes, in base64, are the API token.
    pub api_token_id: Option<String>,
    /// The number of failed attempts that one address may make in a minute; 0 for no limit.
    pub auth_failure_limit: u32,
    /// The default user.
    pub default_username: Username,
    /// Whether every request runs as the default user.
    pub force_default_username: bool,
    /// The sources of permissions.
    pub permission: Permission,
    /// Settings of the HSM.
    pub hsm: Hsm,
    /// The place of new keys that can be kept both in the database and in the HSM token. `None` wraps them for the
    /// database, if the HSM token can.
    pub placement: Option<Placement>,
    /// The maximum number of AES-GCM encryptions with one key.
    pub gcm_limit: u64,
    /// The database.
    pub database: Database,
    /// The audit log; `None` if there is none.
    pub audit: Option<AuditSettings>,
    /// The root keys that may be generated again.
    pub remake: Remake,
    /// Limits of time, memory and connections.
    pub limits: Limits,
    /// Whether the process may leave core dumps and be read by a debugger.
    pub allow_core_dumps: bool,
    /// The probe listener.
    pub probe_address: Option<SocketAddr>,
    /// The format of log lines.
    pub log_format: LogFormat,
    /// The log filter.
    pub log: String,
}

impl Config {
    /// Returns the user name prefixes of all authorities and issuers. A user name of a source without a prefix must not
    /// begin with any of them.
    #[must_use]
    pub fn username_prefixes(&self) -> Vec<String> {
        let authorities = self.client_certificates.iter().flat_map(|clients| &clients.authorities);
        let issuers = self.jwt_issuers.iter().map(|issuer| &issuer.username_prefix);
        let all = authorities.map(|authority| &authority.username_prefix).chain(issuers);
        all.filter(|prefix| !prefix.is_empty()).cloned().collect()
    }

    /// Merges `given` (flags and environment) with the file, fills in defaults and checks the result.
    ///
    /// `pin` is the value of `KMS_HSM_PIN`, which has neither a flag nor a key in the file. `places` is needed to pair
    /// the values of repeated flags.
    ///
    /// # Errors
    /// The first error found, see [`Error`].
    pub fn new(
        given: Options,
        file: Option<&Path>,
        pin: Option<Password>,
        places: &OptionSources,
    ) -> Result<Self, Error> {
        merged(given, file, |options| Self::checked(options, pin, places))
    }

    /// The same for a move of the database to `target`, a URL or a file. Returns also that database.
    ///
    /// # Errors
    /// As for [`Self::new`]; or both databases are of one kind.
    pub fn for_move(
        given: Options,
        file: Option<&Path>,
        pin: Option<Password>,
        places: &OptionSources,
        target: &str,
    ) -> Result<(Self, Database), Error> {
        merged(given, file, |mut options| {
            let target = database::target(&mut options, target)?;
            Ok((Self::checked(options, pin, places)?, target))
        })
    }

    fn checked(options: Options, pin: Option<Password>, places: &OptionSources) -> Result<Self, Error> {
        let identity = identity(&options)?;
        let proxies = proxies::proxies(&options, places)?;
        let mut client_certificates = callers::client_certificates(&options, places)?;
        if client_certificates.is_some() && identity.is_none() {
            return Err(Error::AuthorityWithoutIdentity);
        }
        let mut jwt_issuers = callers::jwt_issuers(&options, places)?;
        let jwt_leeway = within("jwt-leeway", options.jwt_leeway.unwrap_or(60), &JWT_LEEWAY, " seconds")?;
        callers::separate_prefixes(client_certificates.as_mut(), &mut jwt_issuers)?;
        let database = database::database(&options)?;
        let audit = audit::settings(&options, &database)?;
        let remake = Remake::of(&options);
        let limits = limits(&options)?;
        let hsm = Hsm::checked(&options, pin)?;
        let api_token_id = api_token_id(&options)?;
        let authenticates = authenticates(&client_certificates, &jwt_issuers, &options.iam_file, &api_token_id);
        let hostname = hostname("hostname", options.hostname.as_deref(), authenticates)?;
        let kmip = kmip_socket(&options, &hostname, client_certificates.is_some())?;
        let log = log_directives(options.log)?;
        let gcm_limit = within("gcm-limit", options.gcm_limit.unwrap_or(*GCM_LIMIT.end()), &GCM_LIMIT, "")?;
        let subjects = |option: &'static str, given: Option<Vec<String>>| {
            given.map(|given| listed::all(option, Some(&given), places)).transpose()
        };
        Ok(Self {
            hostname,
            kmip,
            kmip_interop: options.kmip_interop.unwrap_or(false),
            legacy_algorithms: options.allow_legacy_algorithms.unwrap_or(false),
            port: options.port.unwrap_or(DEFAULT_PORT),
            proxies,
            identity,
            client_certificates,
            jwt_issuers,
            iam_file: options.iam_file,
            jwt_leeway,
            jwks_allow_http: options.jwks_allow_http.unwrap_or(false),
            jwks_ca_file: options.jwks_ca_file,
            api_token_id,
            auth_failure_limit: options.auth_failure_limit.unwrap_or(1000),
            default_username: Username::new(options.default_username.as_deref().unwrap_or("admin"))?,
            force_default_username: options.force_default_username.unwrap_or(false),
            hsm,
            permission: Permission {
                file: options.policy_file,
                create: subjects("create", options.create)?,
                administrators: subjects("administrators", options.administrators)?,
            },
            remake,
            placement: options.placement,
            gcm_limit,
            database,
            audit,
            limits,
            allow_core_dumps: options.allow_core_dumps.unwrap_or(false),
            probe_address: options.probe_address,
            log_format: options.log_format.unwrap_or(LogFormat::Human),
            log,
        })
    }

    /// Returns whether callers must authenticate.
    #[must_use]
    pub fn authenticates(&self) -> bool {
        authenticates(&self.client_certificates, &self.jwt_issuers, &self.iam_file, &self.api_token_id)
    }
}

/// Merges `given` with the file, and checks the result by `check`.
fn merged<T>(given: Options, file: Option<&Path>, check: impl FnOnce(Options) -> Result<T, Error>) -> Result<T, Error> {
    let Some(path) = file else { return check(given) };
    let FromFile { options, lines } = read_file(path)?;
    let nearer = given.names();
    check(given.or(options)).map_err(|error| {
        // A value from a flag or a variable has no line in the file.
        let of_file = |name: &String| !nearer.contains(&name.as_str()) && lines.contains_key(name);
        let Some(name) = error.options().into_iter().find(of_file) else { return error };
        let (line, key) = (lines.get(&name).copied().unwrap_or(1), name.replace('_', "-"));
        Error::InFile { path: path.to_owned(), line, key, source: Box::new(error) }
    })
}

/// Returns whether callers must authenticate with these settings.
fn authenticates(
    client_certificates: &Option<ClientCertificates>,
    jwt_issuers: &[JwtIssuer],
    iam_file: &Option<PathBuf>,
    api_token_id: &Option<String>,
) -> bool {
    // An IAM file counts even without issuers: a reload that removes its last issuer must not turn authentication off.
    client_certificates.is_some() || !jwt_issuers.is_empty() || iam_file.is_some() || api_token_id.is_some()
}

fn identity(options: &Options) -> Result<Option<IdentityFiles>, Error> {
    let p12 = p12(options)?;
    match (p12, &options.https_cert_file, &options.https_key_file) {
        (Some(_), Some(_), _) => Err(Error::Conflict("https-p12-file", "https-cert-file")),
        (Some(_), None, Some(_)) => Err(Error::Conflict("https-p12-file", "https-key-file")),
        (None, Some(_), None) => Err(Error::Needs("https-cert-file", "https-key-file")),
        (None, None, Some(_)) => Err(Error::Needs("https-key-file", "https-cert-file")),
        (None, Some(certificate), Some(key)) => {
            Ok(Some(IdentityFiles::Pem(PemFiles { certificate: certificate.clone(), key: key.clone() })))
        }
        (p12, None, None) => Ok(p12.map(IdentityFiles::P12)),
    }
}

fn p12(options: &Options) -> Result<Option<P12>, Error> {
    let password = match (&options.https_p12_password, &options.https_p12_password_file) {
        (Some(_), Some(_)) => return Err(Error::Conflict("https-p12-password", "https-p12-password-file")),
        (Some(text), None) => Some(SecretSource::kept(text.clone())?),
        (None, Some(path)) => Some(SecretSource::File { what: "password file", path: path.clone() }),
        (None, None) => None,
    };
    match (&options.https_p12_file, password) {
        (None, Some(_)) => Err(Error::PasswordWithoutIdentity),
        (None, None) => Ok(None),
        (Some(file), password) => Ok(Some(P12 { file: file.clone(), password })),
    }
}

/// Reads the TOML file.
fn read_file(path: &Path) -> Result<FromFile<Options>, Error> {
    let text = file::text("configuration file", path, MAX_CONFIG_FILE)?;
    toml_file::parse(&text, &["https_p12_password"]).map_err(|message| Error::Toml { path: path.to_owned(), message })
}

/// Returns the limits.
fn limits(options: &Options) -> Result<Limits, Error> {
    let Options { request_timeout, drain_delay, memory_limit, max_connections, cache_size, .. } = *options;
    Limits::new(request_timeout, drain_delay, memory_limit, max_connections, cache_size)
}

/// Returns the log filter.
fn log_directives(given: Option<String>) -> Result<String, Error> {
    let log = given.unwrap_or_else(|| "info".to_owned());
    log_filter::check(&log).map_err(Error::LogFilter)?;
    Ok(log)
}

/// Returns the identifier of the API token's key.
fn api_token_id(options: &Options) -> Result<Option<String>, Error> {
    match options.api_token_id.as_deref() {
        Some("") => Err(Error::Value { option: "api-token-id", fault: "it is empty" }),
        given => Ok(given.map(str::to_owned)),
    }
}

/// Returns the KMIP socket, which listens where the HTTPS port does unless it has a name of its own.
fn kmip_socket(
    options: &Options,
    hostname: &str,
    has_certificates: bool,
) -> Result<Result<KmipSocket, NoSocket>, Error> {
    let hostname = self::hostname("kmip-hostname", options.kmip_hostname.as_deref().or(Some(hostname)), true)?;
    Ok(KmipSocket::of(options.kmip_port, options.kmip_legacy_tls, &hostname, has_certificates))
}

/// Returns the name or address to listen on.
fn hostname(option: &'static str, given: Option<&str>, authenticates: bool) -> Result<String, Error> {
    // Without authentication, every client that can connect is the default user.
    let hostname = given.unwrap_or(if authenticates { "0.0.0.0" } else { "127.0.0.1" });
    if hostname.is_empty() || hostname.len() > 253 {
        return Err(Error::Value { option, fault: "a name has 1 to 253 bytes" });
    }
    Ok(hostname.to_owned())
}
