//! Where the database is.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::error::Error;
use super::options::Options;
use super::secret_file::SecretSource;

/// The database.
#[derive(Debug, Clone)]
pub enum Database {
    /// The file of an SQLite database.
    Sqlite(PathBuf),
    /// A PostgreSQL server.
    Postgres(Arc<Postgres>),
}

/// A database of a PostgreSQL server.
#[derive(Debug)]
pub struct Postgres {
    /// The URL, without a password.
    pub url: String,
    /// The name of this server among those that use the database.
    pub server: String,
    /// The password; `None` if the server asks for none.
    pub password: Option<SecretSource>,
    /// Authorities of the server's certificate, PEM; `None` for the system's authorities.
    pub ca_file: Option<PathBuf>,
    /// The client certificate and its private key, PEM.
    pub client: Option<(PathBuf, PathBuf)>,
}

/// The file, or the URL.
impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "{}", path.display()),
            Self::Postgres(settings) => f.write_str(&settings.url),
        }
    }
}

impl Database {
    /// The file of an SQLite database.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::Sqlite(path) => Some(path),
            Self::Postgres(_) => None,
        }
    }

    /// The name of this server among those that use the database; empty if there is only one.
    pub(super) fn server(&self) -> &str {
        match self {
            Self::Sqlite(_) => "",
            Self::Postgres(settings) => &settings.server,
        }
    }
}

/// The longest name of a server, in bytes.
const LONGEST_NAME: usize = 64;

/// Whether a text can be the name of a server (`--server-name`).
#[must_use]
pub fn is_server_name(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    (1..=LONGEST_NAME).contains(&text.len()) && text.bytes().all(is_plain)
}

/// The database that the options name.
pub(super) fn database(options: &Options) -> Result<Database, Error> {
    let others = [
        ("database-password-file", &options.database_password_file),
        ("database-ca-file", &options.database_ca_file),
        ("database-client-cert-file", &options.database_client_cert_file),
        ("database-client-key-file", &options.database_client_key_file),
    ];
    let needs = others.into_iter().find(|(_, given)| given.is_some()).map(|(name, _)| name);
    let needs = needs.or_else(|| options.server_name.as_ref().map(|_| "server-name"));
    let Some(url) = options.database_url.clone() else {
        return match needs {
            Some(name) => Err(Error::Needs(name, "database-url")),
            None => Ok(Database::Sqlite(options.sqlite_path.clone().unwrap_or_else(|| PathBuf::from("./claviger.db")))),
        };
    };
    if options.sqlite_path.is_some() {
        return Err(Error::Conflict("database-url", "sqlite-path"));
    }
    if has_password(&url) {
        return Err(Error::PasswordInUrl("database-url"));
    }
    let client = match (options.database_client_cert_file.clone(), options.database_client_key_file.clone()) {
        (Some(_), None) => return Err(Error::Needs("database-client-cert-file", "database-client-key-file")),
        (None, Some(_)) => return Err(Error::Needs("database-client-key-file", "database-client-cert-file")),
        (certificate, key) => certificate.zip(key),
    };
    let password = options.database_password_file.clone();
    let password = password.map(|path| SecretSource::File { what: "the password of the database", path });
    let server = options.server_name.clone().unwrap_or_else(|| "main".to_owned());
    if !is_server_name(&server) {
        return Err(Error::ServerName(server));
    }
    let ca_file = options.database_ca_file.clone();
    Ok(Database::Postgres(Arc::new(Postgres { url, server, password, ca_file, client })))
}

/// The database that `--migrate-to` names. The options about PostgreSQL are those of the one database of the two that is of
/// PostgreSQL; those of the target are taken out of `options`.
pub(super) fn target(options: &mut Options, to: &str) -> Result<Database, Error> {
    if to.is_empty() {
        return Err(Error::Value { option: "migrate-to", fault: "it is empty: give a URL or a file" });
    }
    if to.contains("://") == options.database_url.is_some() {
        return Err(Error::SameKind);
    }
    if !to.contains("://") {
        return Ok(Database::Sqlite(PathBuf::from(to)));
    }
    if has_password(to) {
        return Err(Error::PasswordInUrl("migrate-to"));
    }
    let own = Options {
        database_url: Some(to.to_owned()),
        server_name: options.server_name.take(),
        database_password_file: options.database_password_file.take(),
        database_ca_file: options.database_ca_file.take(),
        database_client_cert_file: options.database_client_cert_file.take(),
        database_client_key_file: options.database_client_key_file.take(),
        ..Options::default()
    };
    database(&own)
}

/// Whether there may be a password in a URL: after the user, or as an option.
fn has_password(url: &str) -> bool {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let (place, options) = rest.split_once('?').unwrap_or((rest, ""));
    let authority = place.split_once('/').map_or(place, |(authority, _)| authority);
    let (user, hosts) = authority.rsplit_once('@').unwrap_or(("", authority));
    // A slash that is not escaped ends the hosts: what is not a port may be the beginning of a password.
    let is_port = |port: &str| port.ends_with(']') || port.bytes().all(|byte| byte.is_ascii_digit());
    let is_cut = !hosts.split(',').all(|host| host.rsplit_once(':').is_none_or(|(_, port)| is_port(port)));
    is_cut || user.contains(':') || options.split('&').any(|option| option.starts_with("password="))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_in_a_url_is_seen() {
        for with in [
            "postgres://a:b/e@c/d",
            "postgres://a:b@c/d",
            "postgres://a:@c:1/d",
            "postgres://a@c/d?sslmode=require&password=b",
        ] {
            assert!(has_password(with), "{with}");
        }
        for without in [
            "postgres://a@[::1]/d",
            "postgres://a@[::1]:5/d",
            "postgres://a@c:1/d",
            "postgres://a@%2Frun:1/d?sslmode=disable",
            "postgres://c:1,e:2/d@f:g",
        ] {
            assert!(!has_password(without), "{without}");
        }
    }
}
