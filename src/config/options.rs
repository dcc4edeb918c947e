//! The options of `clavigerd`: one definition for flag, environment variable and TOML key.

use std::net::SocketAddr;
use std::path::PathBuf;

use super::declared::{Printed, options};
use super::kmip::KmipPort;
use super::mechanism_number::MechanismNumber;
use crate::secret::Password;

/// The format of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One human-readable line per event.
    Human,
    /// One JSON object per event.
    Json,
}

/// The place of a new key that can be kept both in the database and in the HSM token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Placement {
    /// In the database, wrapped by a key-encryption key of the HSM token.
    Wrapped,
    /// As an object of the HSM token.
    Token,
}

/// A root key that may be generated again if the database has no record of it. Key-encryption keys and the binding key
/// cannot: all data that depends on them is lost with them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum RemadeKey {
    /// The key that signs the audit log.
    Audit,
    /// The keys that sign access tokens.
    Token,
}

impl std::fmt::Display for RemadeKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Audit => "audit",
            Self::Token => "token",
        })
    }
}

/// A protection that root keys may lack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WeakerCustody {
    /// CKA_MODIFIABLE is not false.
    Modifiable,
    /// CKA_COPYABLE is not false.
    Copyable,
    /// CKA_DESTROYABLE is not false.
    Destroyable,
}

/// Whether callers must present a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClientCert {
    /// The TLS handshake fails without a certificate.
    Required,
    /// A caller without a certificate may authenticate in another way.
    Optional,
}

/// The part of a client certificate that is the user name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClientCertUsername {
    /// The CN of the subject; there must be exactly one.
    Cn,
    /// The URI in subjectAltName, such as a SPIFFE ID; there must be exactly one.
    SanUri,
    /// The e-mail address in subjectAltName; there must be exactly one.
    SanEmail,
    /// The DNS name in subjectAltName; there must be exactly one.
    SanDns,
}

impl ClientCertUsername {
    /// Returns its name for messages.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Cn => "CN",
            Self::SanUri => "subjectAltName URI",
            Self::SanEmail => "subjectAltName e-mail",
            Self::SanDns => "subjectAltName DNS name",
        }
    }
}

/// Prints values of these types by their names.
macro_rules! print_by_name {
    ($($type:ty),*) => {
        $(impl Printed for $type {
            fn printed(&self) -> Option<toml::Value> {
                Some(clap::ValueEnum::to_possible_value(self)?.get_name().into())
            }
        })*
    };
}

print_by_name!(LogFormat, Placement, RemadeKey, WeakerCustody, ClientCert, ClientCertUsername);

/// Reads a list from the file. A list with one element may be written without brackets; an empty list is refused.
fn one_or_several<'de, T, D>(deserializer: D) -> Result<Option<Vec<T>>, D::Error>
where
    T: serde::Deserialize<'de>,
    D: serde::Deserializer<'de>,
{
    #[derive(serde::Deserialize)]
    #[serde(untagged)]
    enum OneOrSeveral<T> {
        One(T),
        Several(Vec<T>),
    }
    match <OneOrSeveral<T> as serde::Deserialize>::deserialize(deserializer)? {
        OneOrSeveral::One(one) => Ok(Some(vec![one])),
        // An empty list would count as not configured, and authentication could be off.
        OneOrSeveral::Several(several) if several.is_empty() => Err(serde::de::Error::custom("the list is empty")),
        OneOrSeveral::Several(several) => Ok(Some(several)),
    }
}

options! {
    pub struct Options;

    /// Address or name to listen on [default: 0.0.0.0, or 127.0.0.1 when no authentication is configured]
    #[arg(long, env = "KMS_HOSTNAME", value_name = "HOST")]
    hostname: String,
    /// Port to listen on; 0 chooses a free port and prints it [default: 9998]
    #[arg(long, env = "KMS_PORT", value_name = "PORT")]
    port: u16,
    /// Port of the KMIP socket; 0 chooses a free port and prints it; off: no socket. Without TLS and an authority there is
    /// no socket. If the default port is busy, the server starts without the socket [default: 5696]
    #[arg(long, env = "KMS_KMIP_PORT", value_name = "PORT")]
    kmip_port: KmipPort,
    /// Address or name that the KMIP socket listens on [default: that of --hostname]
    #[arg(long, env = "KMS_KMIP_HOSTNAME", value_name = "HOST")]
    kmip_hostname: String,
    /// Offer cipher suites without forward secrecy or authenticated encryption on the KMIP socket, for old appliances
    /// (TLS 1.2) [default: false]
    #[arg(long, env = "KMS_KMIP_LEGACY_TLS", value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    kmip_legacy_tls: bool,
    /// Accept the operation Interop, by which test suites announce their test cases [default: false]
    #[arg(long, env = "KMS_KMIP_INTEROP", value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    kmip_interop: bool,
    /// Use keys of algorithms that are no longer secure: 3DES and HMAC-MD5 [default: false]
    #[arg(long, env = "KMS_ALLOW_LEGACY_ALGORITHMS", value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    allow_legacy_algorithms: bool,
    /// Network of load balancers, as in 10.0.0.0/28, whose connections begin with a header of the PROXY protocol, version
    /// 2, which says whose they are; for several, repeat the option, or write `[A,B]` [default: none]
    #[arg(long, env = "KMS_PROXY_PROTOCOL_FROM", value_name = "NETWORK")]
    #[serde(deserialize_with = "one_or_several")]
    proxy_protocol_from: Vec<String>,
    /// PKCS#12 file with the server's key, certificate and chain; without it: plain HTTP
    #[arg(long, env = "KMS_HTTPS_P12_FILE", value_name = "FILE")]
    https_p12_file: PathBuf,
    /// Password of the PKCS#12 file; visible in the process list, so prefer the file or the environment
    #[arg(long, env = "KMS_HTTPS_P12_PASSWORD", value_name = "PASSWORD", hide_env_values = true)]
    https_p12_password: Password,
    /// File that holds the password of the PKCS#12 file
    #[arg(long, env = "KMS_HTTPS_P12_PASSWORD_FILE", value_name = "FILE")]
    https_p12_password_file: PathBuf,
    /// PEM file with the server's certificate and those of its issuers, in place of a PKCS#12 file
    #[arg(long, env = "KMS_HTTPS_CERT_FILE", value_name = "FILE")]
    https_cert_file: PathBuf,
    /// PEM file with the private key of --https-cert-file, not encrypted; other users must not have access to it
    #[arg(long, env = "KMS_HTTPS_KEY_FILE", value_name = "FILE")]
    https_key_file: PathBuf,
    /// PEM file with authorities of client certificates; for several, repeat the option, or write `[A,B]`
    #[arg(long, env = "KMS_AUTHORITY_CERT_FILE", value_name = "FILE")]
    #[serde(deserialize_with = "one_or_several")]
    authority_cert_file: Vec<PathBuf>,
    /// Prefix of the user names of an authority's certificates; for several authorities, repeat the option after each
    /// authority that it applies to, or write `[A,B]` in their order
    #[arg(long, env = "KMS_USERNAME_PREFIX", value_name = "PREFIX")]
    #[serde(deserialize_with = "one_or_several")]
    username_prefix: Vec<String>,
    /// Whether a client certificate is mandatory once an authority is given [default: required]
    #[arg(long, env = "KMS_CLIENT_CERT", value_name = "WHETHER")]
    client_cert: ClientCert,
    /// Part of a client certificate that is the user name [default: cn]
    #[arg(long, env = "KMS_CLIENT_CERT_USERNAME", value_name = "PART")]
    client_cert_username: ClientCertUsername,
    /// PEM file with revocation lists of the authorities; for several, repeat the option, or write `[A,B]`
    #[arg(long, env = "KMS_CRL_FILE", value_name = "FILE")]
    #[serde(deserialize_with = "one_or_several")]
    crl_file: Vec<PathBuf>,
    /// Issuer of JWTs, exactly as in their `iss` claim; for several, repeat the option, or write `[A,B]`
    #[arg(long, env = "KMS_JWT_ISSUER_URI", value_name = "URI")]
    #[serde(deserialize_with = "one_or_several")]
    jwt_issuer_uri: Vec<String>,
    /// URL of an issuer's key set; for several issuers, repeat the option after each issuer that it applies to, or
    /// write `[A,B]` in their order [default: ISSUER/.well-known/jwks.json]
    #[arg(long, env = "KMS_JWKS_URI", value_name = "URI")]
    #[serde(deserialize_with = "one_or_several")]
    jwks_uri: Vec<String>,
    /// Audience that an issuer's JWTs must have; for several issuers, as with --jwks-uri [default: any]
    #[arg(long, env = "KMS_JWT_AUDIENCE", value_name = "AUDIENCE")]
    #[serde(deserialize_with = "one_or_several")]
    jwt_audience: Vec<String>,
    /// Claim that holds the user name: one for all issuers, or one for each, repeated or as `[A,B]` in their order
    /// [default: sub]
    #[arg(long, env = "KMS_JWT_USERNAME_CLAIM", value_name = "CLAIM")]
    #[serde(deserialize_with = "one_or_several")]
    jwt_username_claim: Vec<String>,
    /// Prefix of the user names of an issuer's JWTs; for several issuers, as with --jwks-uri
    #[arg(long, env = "KMS_JWT_USERNAME_PREFIX", value_name = "PREFIX")]
    #[serde(deserialize_with = "one_or_several")]
    jwt_username_prefix: Vec<String>,
    /// Tolerated difference between an issuer's clock and the server's, in seconds, 0 to 300 [default: 60]
    #[arg(long, env = "KMS_JWT_LEEWAY", value_name = "SECONDS", value_parser = clap::value_parser!(u16).range(0..=300))]
    jwt_leeway: u16,
    /// PEM file with the authorities of the servers that issuers' keys are fetched from [default: the system's]
    #[arg(long, env = "KMS_JWKS_CA_FILE", value_name = "FILE")]
    jwks_ca_file: PathBuf,
    /// Allow key sets to be fetched by plain http://, where an attacker in the network can replace them
    #[arg(long, env = "KMS_JWKS_ALLOW_HTTP", value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    jwks_allow_http: bool,
    /// Identifier of the symmetric key whose bytes, in base64, are the API token of the default user
    #[arg(long, alias = "api_token_id", env = "KMS_API_TOKEN_ID", value_name = "SYMMETRIC_KEY_ID")]
    api_token_id: String,
    /// Failed attempts that one address may make in a minute, before its requests are answered with 429; 0 = no limit
    /// [default: 1000]
    #[arg(long, env = "KMS_AUTH_FAILURE_LIMIT", value_name = "N")]
    auth_failure_limit: u32,
    /// User of every request when no authentication is configured [default: admin]
    #[arg(long, env = "KMS_DEFAULT_USERNAME", value_name = "NAME")]
    default_username: String,
    /// Check credentials, then run every request as the default user
    #[arg(long, env = "KMS_FORCE_DEFAULT_USERNAME", value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    force_default_username: bool,
    /// TOML file with roles, policies, users, projects, authenticators and hosts, and with the callers that may create,
    /// administer, audit and recover (`create`, `administrators`, `auditors`, `recoverers`, `recovery_approvals`)
    #[arg(long, env = "KMS_POLICY_FILE", value_name = "FILE")]
    policy_file: PathBuf,
    /// TOML file with idps, users, roles and policies in the format of Piiano Vault: issuers whose JWTs name a role
    #[arg(long, env = "KMS_IAM_FILE", value_name = "FILE")]
    iam_file: PathBuf,
    /// Callers that may create objects: NAME (of a certificate), jwt:ISSUER#NAME, identity:ID, host/ID, api-token,
    /// role:NAME, or `*`; for several, repeat the option, or write `[A,B]`; without brackets, a comma is part of a name
    /// in the option, and an error in the variable [default: every authenticated caller]
    #[arg(long, env = "KMS_CREATE", value_name = "WHO")]
    #[serde(deserialize_with = "one_or_several")]
    create: Vec<String>,
    /// Administrators: callers that may write roles, policies, users, projects, identities, authenticators and hosts,
    /// and read the audit log and the inventory; written as for --create; for several, repeat the option, or write
    /// `[A,B]` [default: none; in default mode, the default user]
    #[arg(long, env = "KMS_ADMINISTRATORS", value_name = "WHO")]
    #[serde(deserialize_with = "one_or_several")]
    administrators: Vec<String>,
    /// PKCS#11 module [default: SoftHSM at the usual paths of Debian and other distributions]
    #[arg(long, env = "KMS_HSM_MODULE", value_name = "FILE")]
    hsm_module: PathBuf,
    /// Label of the HSM token [default: claviger]
    #[arg(long, env = "KMS_HSM_TOKEN_LABEL", value_name = "LABEL")]
    hsm_token_label: String,
    /// File that holds the user PIN; it must not be readable by other users, and is read again for each login.
    /// KMS_HSM_PIN may hold the PIN itself instead. Not needed if the HSM token asks for the PIN itself
    #[arg(long, env = "KMS_HSM_PIN_FILE", value_name = "FILE")]
    hsm_pin_file: PathBuf,
    /// Allow core dumps, and debuggers of the same user; both may reveal keys and the PIN [default: false]
    #[arg(long, env = "KMS_ALLOW_CORE_DUMPS", value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    allow_core_dumps: bool,
    /// Number of the HSM token's mechanism for AES key wrap without padding (RFC 3394), if the vendor has its own, such
    /// as 0x80002109 [default: CKM_AES_KEY_WRAP, 0x2109]
    #[arg(long, env = "KMS_HSM_WRAP_MECHANISM", value_name = "NUMBER")]
    hsm_wrap_mechanism: MechanismNumber,
    /// The same for AES key wrap with padding (RFC 5649), which key pairs need [default: CKM_AES_KEY_WRAP_KWP, 0x210b, or CKM_AES_KEY_WRAP_PAD, 0x210a]
    #[arg(long, env = "KMS_HSM_WRAP_PAD_MECHANISM", value_name = "NUMBER")]
    hsm_wrap_pad_mechanism: MechanismNumber,
    /// Maximum number of sessions with the HSM token, 2 to 1024 [default: 16]
    #[arg(long, env = "KMS_HSM_MAX_SESSIONS", value_name = "N", value_parser = clap::value_parser!(u16).range(2..=1024))]
    hsm_max_sessions: u16,
    /// Maximum number of keys to keep unwrapped in the HSM token, 1 to 10000000 [default: as many as --cache-size
    /// holds]
    #[arg(long, env = "KMS_HSM_MAX_OBJECTS", value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    hsm_max_objects: u32,
    /// Seconds that a call of the HSM may take, 1 to 600; generating a key pair may always take 60 [default: 10]
    #[arg(long, env = "KMS_HSM_CALL_TIMEOUT", value_name = "SECONDS", value_parser = clap::value_parser!(u16).range(1..=600))]
    hsm_call_timeout: u16,
    /// Accept root keys without this protection, if the HSM token does not support it; several are separated by commas
    /// [default: such an HSM token is refused]
    #[arg(long, env = "KMS_ACCEPT_WEAKER_CUSTODY", value_name = "NAME", value_delimiter = ',')]
    #[serde(deserialize_with = "one_or_several")]
    accept_weaker_custody: Vec<WeakerCustody>,
    /// Place of new keys [default: wrapped, or the HSM token if it cannot wrap them]
    #[arg(long, env = "KMS_PLACEMENT", value_name = "PLACE")]
    placement: Placement,
    /// Maximum number of AES-GCM encryptions with one key, 1 to 4294967296 [default: 4294967296]
    #[arg(long, env = "KMS_GCM_LIMIT", value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1 << 32))]
    gcm_limit: u64,
    /// Database file [default: ./claviger.db]
    #[arg(long, env = "KMS_SQLITE_PATH", value_name = "FILE")]
    sqlite_path: PathBuf,
    /// URL of a PostgreSQL database, in place of an SQLite file: postgres://USER@HOST:PORT/DATABASE
    #[arg(long, env = "KMS_DATABASE_URL", value_name = "URL")]
    database_url: String,
    /// Name of this server among those over the same PostgreSQL database, at most 64 of A-Z, a-z, 0-9, `.`, `_` and `-`
    /// [default: main]
    #[arg(long, env = "KMS_SERVER_NAME", value_name = "NAME")]
    server_name: String,
    /// File with the password of the PostgreSQL user
    #[arg(long, env = "KMS_DATABASE_PASSWORD_FILE", value_name = "FILE")]
    database_password_file: PathBuf,
    /// Authorities of PostgreSQL's certificate, PEM [default: the system's authorities]
    #[arg(long, env = "KMS_DATABASE_CA_FILE", value_name = "FILE")]
    database_ca_file: PathBuf,
    /// Client certificate for PostgreSQL, PEM; needs --database-client-key-file
    #[arg(long, env = "KMS_DATABASE_CLIENT_CERT_FILE", value_name = "FILE")]
    database_client_cert_file: PathBuf,
    /// Private key of the client certificate for PostgreSQL, PEM (PKCS#8)
    #[arg(long, env = "KMS_DATABASE_CLIENT_KEY_FILE", value_name = "FILE")]
    database_client_key_file: PathBuf,
    /// File of the audit log, or `none` [default: next to the database, claviger.audit.jsonl for claviger.db]
    #[arg(long, env = "KMS_AUDIT_FILE", value_name = "FILE")]
    audit_file: PathBuf,
    /// Audit logs of the other servers over the same PostgreSQL database, for --check-store and --migrate-to; several are
    /// separated by commas
    #[arg(long, env = "KMS_OTHER_AUDIT_FILE", value_name = "FILE", value_delimiter = ',')]
    other_audit_file: Vec<PathBuf>,
    /// Size at which a new file of the audit log begins, in bytes, at least 4096; 0 = never [default: 268435456]
    #[arg(long, env = "KMS_AUDIT_ROTATE_SIZE", value_name = "BYTES")]
    audit_rotate_size: u64,
    /// Age at which a new file of the audit log begins, in days; 0 = never [default: 7]
    #[arg(long, env = "KMS_AUDIT_ROTATE_AGE", value_name = "DAYS")]
    audit_rotate_age: u16,
    /// Start although the audit log lacks lines that the database has a record of, and record this in the audit log
    #[arg(long, env = "KMS_AUDIT_ACCEPT_LOSS", value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    #[serde(skip)]
    audit_accept_loss: bool,
    /// Generate this signing key again if the database has no record of it, and record this in the audit log; several
    /// are separated by commas
    #[arg(long, env = "KMS_REMAKE_ROOT_KEY", value_name = "KEY", value_delimiter = ',')]
    #[serde(skip)]
    remake_root_key: Vec<RemadeKey>,
    /// Seconds that a request may take, from the end of its headers to its answer, 1 to 3600; generating a key pair may
    /// always take 60 [default: 30]
    #[arg(long, env = "KMS_REQUEST_TIMEOUT", value_name = "SECONDS", value_parser = clap::value_parser!(u16).range(1..=3600))]
    request_timeout: u16,
    /// Seconds from SIGTERM until the server stops, 0 to 600; it is not ready, but serves: longer than a load balancer
    /// needs to see that [default: 0]
    #[arg(long, env = "KMS_DRAIN_DELAY", value_name = "SECONDS", value_parser = clap::value_parser!(u16).range(0..=600))]
    drain_delay: u16,
    /// Memory of request bodies and answers at one time, in MiB, at least 256; one caller may have an eighth [default: 512]
    #[arg(long, env = "KMS_MEMORY_LIMIT", value_name = "MIB")]
    memory_limit: u32,
    /// Memory of cached objects with the handles of their keys, in MiB, at least 16 [default: 256]
    #[arg(long, env = "KMS_CACHE_SIZE", value_name = "MIB")]
    cache_size: u32,
    /// Connections at one time, at least 64; one caller may have about a twentieth [default: 8192]
    #[arg(long, env = "KMS_MAX_CONNECTIONS", value_name = "N")]
    max_connections: u32,
    /// Plain HTTP listener for /livez, /readyz and /metrics only, e.g. 127.0.0.1:9997 [default: off]
    #[arg(long, env = "KMS_PROBE_ADDRESS", value_name = "ADDRESS:PORT")]
    probe_address: SocketAddr,
    /// Format of the log lines on standard error [default: human]
    #[arg(long, env = "KMS_LOG_FORMAT", value_name = "FORMAT")]
    log_format: LogFormat,
    /// Log level: error, warn, info, debug, or directives as in `claviger=debug,hyper=warn` [default: info]
    #[arg(long, env = "KMS_LOG", value_name = "FILTER")]
    log: String,
}
