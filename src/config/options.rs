//! The options of `clavigerd`: one definition for flag, environment variable and TOML key.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::secret::Password;

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One human-readable line per event.
    Human,
    /// One JSON object per event.
    Json,
}

/// Where a new key is kept when both places would do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Placement {
    /// Wrapped by a key-encryption key of the token, in the database.
    Wrapped,
    /// As an object of the token.
    Token,
}

macro_rules! options {
    ($($(#[$meta:meta])* $name:ident: $ty:ty,)*) => {
        /// What was given in one place (command line and environment, or file); unset options stay `None`.
        #[derive(Debug, Default, clap::Args, serde::Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub struct Options {
            $($(#[$meta])* pub $name: Option<$ty>,)*
        }

        impl Options {
            /// Option by option: what is set here, else what is set in `weaker`.
            #[must_use]
            pub fn or(self, weaker: Self) -> Self {
                Self { $($name: self.$name.or(weaker.$name),)* }
            }
        }
    };
}

options! {
    /// Address or name to listen on [default: 0.0.0.0, or 127.0.0.1 when nothing authenticates]
    #[arg(long, env = "KMS_HOSTNAME", value_name = "HOST")]
    hostname: String,
    /// Port to listen on; 0 picks one and prints it [default: 9998]
    #[arg(long, env = "KMS_PORT", value_name = "PORT")]
    port: u16,
    /// PKCS#12 file with the server's key, certificate and chain; without it: plain HTTP
    #[arg(long, env = "KMS_HTTPS_P12_FILE", value_name = "FILE")]
    https_p12_file: PathBuf,
    /// Password of the PKCS#12 file; visible in the process list, so prefer the file or the environment
    #[arg(long, env = "KMS_HTTPS_P12_PASSWORD", value_name = "PASSWORD", hide_env_values = true)]
    https_p12_password: Password,
    /// File that holds the password of the PKCS#12 file
    #[arg(long, env = "KMS_HTTPS_P12_PASSWORD_FILE", value_name = "FILE")]
    https_p12_password_file: PathBuf,
    /// PEM file with the authorities of client certificates; makes a client certificate mandatory
    #[arg(long, env = "KMS_AUTHORITY_CERT_FILE", value_name = "FILE")]
    authority_cert_file: PathBuf,
    /// User of every request when no authentication is configured [default: admin]
    #[arg(long, env = "KMS_DEFAULT_USERNAME", value_name = "NAME")]
    default_username: String,
    /// Check credentials, then run every request as the default user
    #[arg(long, env = "KMS_FORCE_DEFAULT_USERNAME", value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    force_default_username: bool,
    /// PKCS#11 module [default: SoftHSM, where Debian and others put it]
    #[arg(long, env = "KMS_HSM_MODULE", value_name = "FILE")]
    hsm_module: PathBuf,
    /// Label of the token [default: claviger]
    #[arg(long, env = "KMS_HSM_TOKEN_LABEL", value_name = "LABEL")]
    hsm_token_label: String,
    /// File that holds the user PIN, readable by its owner alone; or the PIN itself in KMS_HSM_PIN
    #[arg(long, env = "KMS_HSM_PIN_FILE", value_name = "FILE")]
    hsm_pin_file: PathBuf,
    /// Sessions to open with the token at most, 2 to 1024 [default: 16]
    #[arg(long, env = "KMS_HSM_MAX_SESSIONS", value_name = "N", value_parser = clap::value_parser!(u16).range(2..=1024))]
    hsm_max_sessions: u16,
    /// Where new keys are kept when the token can wrap them [default: wrapped]
    #[arg(long, env = "KMS_PLACEMENT", value_name = "PLACE")]
    placement: Placement,
    /// Database file [default: ./claviger.db]
    #[arg(long, env = "KMS_SQLITE_PATH", value_name = "FILE")]
    sqlite_path: PathBuf,
    /// Plain HTTP listener for /livez and /readyz alone, e.g. 127.0.0.1:9997 [default: off]
    #[arg(long, env = "KMS_PROBE_ADDRESS", value_name = "ADDRESS:PORT")]
    probe_address: SocketAddr,
    /// How log lines are written, on standard error [default: human]
    #[arg(long, env = "KMS_LOG_FORMAT", value_name = "FORMAT")]
    log_format: LogFormat,
    /// What is logged: error, warn, info, debug, or directives as in `claviger=debug,hyper=warn` [default: info]
    #[arg(long, env = "KMS_LOG", value_name = "FILTER")]
    log: String,
}
