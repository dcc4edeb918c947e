//! The options of every command: one definition for flag, environment variable and TOML key.

use std::path::PathBuf;

use crate::config::declared::options;
use crate::secret::Password;

options! {
    pub(super) struct Options;

    /// Server to talk to [default: https://localhost:9998]
    #[arg(long, env = "CLAVIGER_URL", value_name = "URL", global = true, help_heading = "Connection")]
    url: String,
    /// PEM file with the authorities of the server's certificate [default: those of the system]
    #[arg(long, env = "CLAVIGER_CA_FILE", value_name = "FILE", global = true, help_heading = "Connection")]
    ca_file: PathBuf,
    /// PKCS#12 file with your private key and certificate, by which the server knows you
    #[arg(long, env = "CLAVIGER_CLIENT_P12", value_name = "FILE", global = true, help_heading = "Connection")]
    client_p12: PathBuf,
    /// File that holds the password of the PKCS#12 file; or the password itself in CLAVIGER_CLIENT_P12_PASSWORD
    #[arg(
        long,
        env = "CLAVIGER_CLIENT_P12_PASSWORD_FILE",
        value_name = "FILE",
        global = true,
        help_heading = "Connection"
    )]
    client_p12_password_file: PathBuf,
    /// A key of the file and a variable, but no flag: arguments are visible to everyone on this machine.
    #[arg(skip)]
    client_p12_password: Password,
    /// Access token, JWT or API token to send as `Authorization: Bearer` [default: the access token of `claviger login`]; as an
    /// argument it is visible to everyone on this machine, so prefer the environment or the configuration file
    #[arg(
        long,
        env = "CLAVIGER_ACCESS_TOKEN",
        value_name = "TOKEN",
        hide_env_values = true,
        global = true,
        help_heading = "Connection"
    )]
    access_token: Password,
    /// The same as --access-token, usually a JWT, by the name that Piiano's clients use; as an argument it is visible to everyone
    /// on this machine, so prefer the environment
    #[arg(
        long,
        alias = "authtoken",
        env = "PVAULT_AUTH_TOKEN",
        value_name = "JWT",
        hide_env_values = true,
        global = true,
        help_heading = "Connection"
    )]
    #[serde(skip)]
    auth_token: Password,
    /// Where Piiano's clients find the server; read from PVAULT_ADDR only, and used if no URL is given.
    #[arg(skip)]
    #[serde(skip)]
    pvault_addr: String,
    /// How long to wait for an answer, 1 to 3600 [default: 60]
    #[arg(
        long,
        env = "CLAVIGER_TIMEOUT",
        value_name = "SECONDS",
        value_parser = clap::value_parser!(u16).range(1..=3600),
        global = true,
        help_heading = "Connection"
    )]
    timeout: u16,
}
