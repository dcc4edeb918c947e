//! Where the database is, and how a connection to it is opened.

use std::fmt;
use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

use native_tls::{Certificate, Identity, TlsConnector};
use postgres_native_tls::MakeTlsConnector;
use tokio::runtime::{Builder, Runtime};
use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};
use tokio_postgres::{Config, NoTls};

use super::failure::Failure;
use super::link::Link;
use super::waiting::wait;
use crate::config::{self, Postgres};
use crate::store::error::Error;

/// How long one host is waited for.
const CONNECT: Duration = Duration::from_secs(2);

/// How long all hosts together are waited for.
const CONNECT_ALL: Duration = Duration::from_secs(5);

/// After this time without an acknowledgement of TCP, a connection is lost.
const UNACKNOWLEDGED: Duration = Duration::from_secs(3);

/// The largest file with a private key, in bytes.
const MAX_KEY: u64 = 1 << 16;

/// The thread that moves the bytes of all connections.
struct Driver(Option<Runtime>);

impl Drop for Driver {
    fn drop(&mut self) {
        // A runtime that is dropped waits for its tasks, which is forbidden in a task of another runtime.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

pub(super) struct Address {
    settings: Arc<Postgres>,
    config: Config,
    hosts: String,
    driver: Driver,
}

/// The hosts and the name of the database.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.hosts, self.config.get_dbname().or(self.config.get_user()).unwrap_or_default())
    }
}

impl Address {
    pub(super) fn new(settings: &Arc<Postgres>) -> Result<Self, Error> {
        let mut config: Config = written(&settings.url).parse().map_err(|error| url(&error))?;
        if config.get_hosts().is_empty() {
            return Err(Error::Url("it names no host".to_owned()));
        }
        let is_chosen = settings.url.contains("sslmode=");
        let is_plain = is_local(&config) && settings.ca_file.is_none();
        if is_chosen && config.get_ssl_mode() == SslMode::Prefer {
            return Err(Error::Url("sslmode=prefer would go on without TLS: give require or disable".to_owned()));
        }
        if !is_chosen {
            config.ssl_mode(if is_plain { SslMode::Disable } else { SslMode::Require });
        }
        let hosts = hosts(&config);
        config
            .application_name("clavigerd")
            .connect_timeout(CONNECT)
            .tcp_user_timeout(UNACKNOWLEDGED)
            .keepalives_idle(Duration::from_secs(1))
            .keepalives_interval(Duration::from_secs(1))
            .keepalives_retries(3)
            // Of several hosts, the one that is the primary now.
            .target_session_attrs(TargetSessionAttrs::ReadWrite);
        let driver = Builder::new_multi_thread().worker_threads(1).thread_name("store-postgres").enable_all().build();
        let driver = Driver(Some(driver.map_err(Error::Driver)?));
        Ok(Self { settings: Arc::clone(settings), config, hosts, driver })
    }

    /// Opens a connection. Password and certificates are read again, because they may have been replaced.
    pub(super) fn connect(&self) -> Result<Link, Error> {
        let runtime = self.driver.0.as_ref().ok_or(Error::Stopped)?;
        let mut config = self.config.clone();
        if let Some(password) = &self.settings.password {
            let password = password.read().map_err(|source| Error::Password(Box::new(source)))?;
            config.password(password.as_bytes());
        }
        let began = Instant::now();
        let gives_up = || began.elapsed() > CONNECT_ALL;
        let connecting = if config.get_ssl_mode() == SslMode::Disable {
            runtime.spawn(async move {
                let (client, connection) = config.connect(NoTls).await?;
                let moving = tokio::spawn(async move { drop(connection.await) });
                Ok((client, moving.abort_handle()))
            })
        } else {
            let tls = self.tls()?;
            runtime.spawn(async move {
                let (client, connection) = config.connect(tls).await?;
                let moving = tokio::spawn(async move { drop(connection.await) });
                Ok((client, moving.abort_handle()))
            })
        };
        let stop = connecting.abort_handle();
        match wait(connecting, gives_up) {
            Some(Ok(Ok((client, moving)))) => Ok(Link::new(client, moving)),
            Some(Ok(Err(error))) => Err(self.unreachable(error)),
            Some(Err(_)) | None => {
                stop.abort();
                Err(Error::Unanswered)
            }
        }
    }

    /// The host of a connection: the only one of the URL, or else the address at which it serves.
    pub(super) fn host(&self, link: &Link) -> String {
        if self.config.get_hosts().len() == 1 {
            return self.hosts.clone();
        }
        let own = "SELECT COALESCE(host(inet_server_addr()) || ' ' || CAST(inet_server_port() AS TEXT), '')";
        let found = link.text(own).ok().flatten();
        // Some other databases do not know these functions.
        link.forgive();
        let found = found.as_deref().and_then(|found| found.split_once(' '));
        found.map_or_else(
            || self.hosts.clone(),
            |(address, port)| match address.contains(':') {
                true => format!("[{address}]:{port}"),
                false => format!("{address}:{port}"),
            },
        )
    }

    fn unreachable(&self, error: tokio_postgres::Error) -> Error {
        let source = Failure::from(error);
        Error::Unreachable { name: self.to_string(), advice: source.advice(), source }
    }

    fn tls(&self) -> Result<MakeTlsConnector, Error> {
        let unusable =
            |what: &'static str, source: &dyn fmt::Display| Error::DatabaseTls { what, why: source.to_string() };
        let mut builder = TlsConnector::builder();
        if let Some(file) = &self.settings.ca_file {
            let what = "--database-ca-file";
            let pem = fs::read(file).map_err(|error| unusable(what, &error))?;
            let authorities = Certificate::stack_from_pem(&pem).map_err(|error| unusable(what, &error))?;
            builder.disable_built_in_roots(true);
            for authority in authorities {
                builder.add_root_certificate(authority);
            }
        }
        if let Some((certificate, key)) = &self.settings.client {
            let what = "--database-client-cert-file";
            let certificate = fs::read(certificate).map_err(|error| unusable(what, &error))?;
            let what = "--database-client-key-file";
            let key = config::private(what, key, MAX_KEY).map_err(|error| unusable(what, &error))?;
            let identity = Identity::from_pkcs8(&certificate, &key).map_err(|error| unusable(what, &error))?;
            builder.identity(identity);
        }
        let connector = builder.build().map_err(|error| unusable("TLS", &error))?;
        Ok(MakeTlsConnector::new(connector))
    }
}

/// The URL in the words of the driver: certificates and names of hosts are always verified.
fn written(url: &str) -> String {
    url.replace("sslmode=verify-full", "sslmode=require").replace("sslmode=verify-ca", "sslmode=require")
}

fn url(error: &tokio_postgres::Error) -> Error {
    let source = std::error::Error::source(error).map(ToString::to_string);
    Error::Url(source.unwrap_or_else(|| error.to_string()))
}

/// The hosts with their ports.
fn hosts(config: &Config) -> String {
    let ports = config.get_ports();
    let host = |(place, host): (usize, &Host)| {
        let port = ports.get(place).or(ports.first()).copied().unwrap_or(5432);
        match host {
            Host::Tcp(name) => format!("{name}:{port}"),
            Host::Unix(path) => format!("{}:{port}", path.display()),
        }
    };
    let hosts: Vec<String> = config.get_hosts().iter().enumerate().map(host).collect();
    hosts.join(",")
}

/// Whether every host is on this machine.
fn is_local(config: &Config) -> bool {
    config.get_hosts().iter().all(|host| match host {
        Host::Unix(_) => true,
        Host::Tcp(name) => name == "localhost" || name.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback()),
    })
}
