//! The options of every command: one definition for flag, environment variable and TOML key.

use std::path::PathBuf;

use crate::config::declared::options;
use crate::secret::Password;

options! {
    pub(super) struct Options;

    /// URL of the server [default: https://localhost:9998]
    #[arg(long, env = "CLAVIGER_URL", value_name = "URL", global = true, help_heading = super::screen::CONNECTION)]
    url: String,
    /// PEM file with the authorities of the server's certificate [default: the system's]
    #[arg(long, env = "CLAVIGER_CA_FILE", value_name = "FILE", global = true, help_heading = super::screen::CONNECTION)]
    ca_file: PathBuf,
    /// PKCS#12 file with your client certificate and its private key
    #[arg(long, env = "CLAVIGER_CLIENT_P12", value_name = "FILE", global = true, help_heading = super::screen::CONNECTION)]
    client_p12: PathBuf,
    /// File that holds the password of the PKCS#12 file; CLAVIGER_CLIENT_P12_PASSWORD may hold the password itself
    /// instead
    #[arg(
        long,
        env = "CLAVIGER_CLIENT_P12_PASSWORD_FILE",
        value_name = "FILE",
        global = true,
        help_heading = super::screen::CONNECTION
    )]
    client_p12_password_file: PathBuf,
    /// The password. It has a key in the file and a variable, but no flag, because arguments are visible to every user
    /// of the machine.
    #[arg(skip)]
    client_p12_password: Password,
    /// PEM file with your client certificate and those of its issuers, in place of a PKCS#12 file
    #[arg(long, env = "CLAVIGER_CLIENT_CERT_FILE", value_name = "FILE", global = true, help_heading = "Connection")]
    client_cert_file: PathBuf,
    /// PEM file with the private key of --client-cert-file, not encrypted
    #[arg(long, env = "CLAVIGER_CLIENT_KEY_FILE", value_name = "FILE", global = true, help_heading = "Connection")]
    client_key_file: PathBuf,
    /// Access token, JWT or API token to send as `Authorization: Bearer` [default: the access token of
    /// `claviger login`]; an argument is visible to every user of the machine, so prefer the environment or the
    /// configuration file
    #[arg(
        long,
        env = "CLAVIGER_ACCESS_TOKEN",
        value_name = "TOKEN",
        hide_env_values = true,
        global = true,
        help_heading = super::screen::CONNECTION
    )]
    access_token: Password,
    /// The same as --access-token, usually a JWT, with the name that Piiano's clients use; an argument is visible to
    /// every user of the machine, so prefer the environment
    #[arg(
        long,
        alias = "authtoken",
        env = "PVAULT_AUTH_TOKEN",
        value_name = "JWT",
        hide_env_values = true,
        global = true,
        help_heading = super::screen::CONNECTION
    )]
    #[serde(skip)]
    auth_token: Password,
    /// The URL of the server for Piiano's clients. It is read only from PVAULT_ADDR, and used if no URL is given.
    #[arg(skip)]
    #[serde(skip)]
    pvault_addr: String,
    /// Seconds to wait for an answer, 1 to 3600 [default: 60]
    #[arg(
        long,
        env = "CLAVIGER_TIMEOUT",
        value_name = "SECONDS",
        value_parser = clap::value_parser!(u16).range(1..=3600),
        global = true,
        help_heading = super::screen::CONNECTION
    )]
    timeout: u16,
}
