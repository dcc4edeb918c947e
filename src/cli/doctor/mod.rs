//! `claviger doctor`: connects step by step, and names the first thing that is wrong.

mod hindrance;
mod key;
mod step;
mod tls;

use std::net::SocketAddr;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;
use tokio::net::{TcpStream, lookup_host};

use super::error::{Error, FAILURE, NOT_AUTHENTICATED, UNAVAILABLE, of_client};
use super::labels;
use super::report::Report;
use crate::api::about::{Health, ServerInfo, WhoAmI};
use crate::client::handshake::dial;
use crate::client::http::Error as HttpError;
use crate::client::{self, Client, Refusal, Settings, read_authorities, read_identity};
use crate::x509;
use step::{CONNECT, CONNECTION, Steps, Wrong};
use tls::Files;

/// The tolerated difference between the clocks, in seconds: that of JWTs, by default.
const CLOCK: i64 = 60;

/// The name of the step that asks for the version.
const SERVER: &str = "server";

/// Connect step by step, and print the first thing that is wrong with its remedy
///
/// The steps: files and certificates, the name of the server, the connection, TLS, versions and clocks, the health of the
/// server, who you are, and with -k what you may do with a key. The exit status is that of other commands with the same
/// fault.
#[derive(clap::Args)]
pub(super) struct Doctor {
    #[command(flatten)]
    key: key::Questions,
}

impl Doctor {
    /// Runs all steps.
    pub(super) async fn run(self, settings: &Settings) -> Result<Report, Error> {
        let mut steps = Steps::default();
        let wrong = self.examine(settings, &mut steps).await.err();
        Ok(steps.report(wrong.as_ref()))
    }

    async fn examine(&self, settings: &Settings, steps: &mut Steps) -> Result<(), Wrong> {
        let now = labels::now().0;
        let files = read(settings, steps)?;
        if let Some(own) = &files.own {
            tls::check_own(own, now, steps)?;
        }
        let addresses = resolve(settings, steps).await?;
        let tcp = connect(settings, &addresses, steps).await?;
        if settings.url.is_tls() {
            tls::check_server(settings, &files, tcp, now, steps).await?;
        } else {
            steps.good("TLS", "none: the URL begins with http://, so that others in the network can read everything");
        }
        let client = Client::new(settings).map_err(|error| files_wrong(&error))?;
        let asked = Asked { client: &client, files: &files, has_token: settings.access_token.is_some() };
        asked.server(steps).await?;
        asked.health(steps).await?;
        let username = asked.caller(steps).await?;
        self.key.ask(&asked, &username, steps).await
    }
}

/// Returns the report of a diagnosis that ends with its settings.
pub(super) fn unsettled(error: &Error) -> Report {
    Steps::default().report(Some(&settings_wrong(error.to_string())))
}

/// Reads the files of the settings.
fn read(settings: &Settings, steps: &mut Steps) -> Result<Files, Wrong> {
    let own = settings.identity.as_ref().map(read_identity).transpose().map_err(|error| files_wrong(&error))?;
    let authorities = settings.ca_file.as_deref().map(read_authorities).transpose();
    let authorities = authorities.map_err(|error| files_wrong(&error))?;
    let authorities = authorities.map(|read| read.certificates.into_iter().map(|(_, own)| own).collect::<Vec<_>>());
    let trusted = match &settings.ca_file {
        Some(path) => format!("the authorities of {}", path.display()),
        None => "the system's authorities".to_owned(),
    };
    let with = match (&own, &settings.access_token) {
        (Some(_), Some(_)) => "a client certificate and a bearer token",
        (Some(_), None) => "a client certificate",
        (None, Some(_)) => "a bearer token",
        (None, None) => "neither certificate nor bearer token",
    };
    steps.good("settings", format!("{}, {trusted}, {with}", settings.url));
    Ok(Files { own, authorities })
}

fn files_wrong(error: &client::Error) -> Wrong {
    settings_wrong(error.to_string())
}

fn settings_wrong(detail: String) -> Wrong {
    let remedy = "correct the option, the variable or the file that names it: claviger --help".to_owned();
    Wrong { name: "settings", fault: "settings", detail, remedy, status: FAILURE }
}

/// Looks up the addresses of the server.
async fn resolve(settings: &Settings, steps: &mut Steps) -> Result<Vec<SocketAddr>, Wrong> {
    let (host, port) = (settings.url.host(), settings.url.port());
    let found = lookup_host((host, port)).await.map(Iterator::collect::<Vec<_>>);
    let why = match found {
        Ok(addresses) if !addresses.is_empty() => {
            let shown: Vec<String> = addresses.iter().map(|address| address.ip().to_string()).collect();
            steps.good("name", format!("{host} is {}", shown.join(", ")));
            return Ok(addresses);
        }
        Ok(_) => "it has no address".to_owned(),
        Err(error) => error.to_string(),
    };
    let (detail, remedy) =
        (format!("{host} cannot be resolved: {why}"), "correct --url, or the name service".to_owned());
    Err(Wrong { name: "name", fault: "no-address", detail, remedy, status: UNAVAILABLE })
}

/// Connects to one of the addresses.
async fn connect(settings: &Settings, addresses: &[SocketAddr], steps: &mut Steps) -> Result<TcpStream, Wrong> {
    let (connected, failures) = dial(addresses, CONNECT).await;
    if let Some((address, tcp)) = connected {
        steps.good(CONNECTION, format!("{address} accepts connections"));
        return Ok(tcp);
    }
    let failures: Vec<String> = failures.iter().map(|(address, why)| format!("{address}: {why}")).collect();
    let port = settings.url.port();
    let remedy = format!("start the server, correct the port {port} of --url, or let the firewall pass it");
    Err(Wrong { name: CONNECTION, fault: "no-connection", detail: failures.join("; "), remedy, status: UNAVAILABLE })
}

/// The connection of the steps that ask the server.
struct Asked<'a> {
    client: &'a Client,
    files: &'a Files,
    has_token: bool,
}

impl Asked<'_> {
    /// Returns the fault of a request that failed.
    fn wrong(&self, name: &'static str, error: &client::Error) -> Wrong {
        match error {
            client::Error::Http(HttpError::CertificateWanted { .. }) => {
                tls::refused(&Files { own: None, authorities: None }, "certificate required")
            }
            client::Error::Http(HttpError::CertificateRefused { alert, .. }) => tls::refused(self.files, alert),
            client::Error::Http(HttpError::Closed { .. }) if !self.client.url().is_tls() => Wrong {
                name,
                fault: "closed",
                detail: error.to_string(),
                remedy: format!("give https://{} in --url: the server wants TLS", self.client.url().authority()),
                status: UNAVAILABLE,
            },
            client::Error::Refused(refusal) if refusal.is_unauthenticated() => self.unauthenticated(name, refusal),
            client::Error::Refused(refusal) if refusal.status.as_u16() == 429 => Wrong {
                name,
                fault: "too-many-requests",
                detail: error.to_string(),
                remedy: "wait a minute: the server bounds the failures of one address (--auth-failure-limit) and the \
                         requests of one caller"
                    .to_owned(),
                status: of_client(error),
            },
            client::Error::Http(HttpError::Exchange { source, .. }) if source.is_parse() => {
                not_claviger(name, error, "this may be the KMIP port, which does not speak HTTP (HTTPS has 9998)")
            }
            client::Error::Answer { .. } => not_claviger(name, error, "another program seems to answer"),
            _ => {
                let remedy = "the server's log says more".to_owned();
                Wrong { name, fault: "request", detail: error.to_string(), remedy, status: of_client(error) }
            }
        }
    }

    /// Returns the fault of a request without a credential that the server accepts.
    fn unauthenticated(&self, name: &'static str, refusal: &Refusal) -> Wrong {
        if self.files.own.is_none() && !self.has_token {
            return Wrong {
                name: tls::CERTIFICATE,
                fault: "no-certificate",
                detail: "the server wants a client certificate or a bearer token, and none is given".to_owned(),
                remedy: tls::GIVE.to_owned() + "; for a bearer token: --access-token or claviger login",
                status: NOT_AUTHENTICATED,
            };
        }
        let names = self.files.own.as_ref().and_then(|own| tls::common_names(&own.certificate));
        let of_certificate = match (&names, &self.files.own) {
            (Some(names), _) => format!(": {names}"),
            (None, Some(_)) => ": is the certificate revoked, or is its name not a user of this server?".to_owned(),
            (None, None) => String::new(),
        };
        let detail = format!("the server does not accept the credential{of_certificate}");
        Wrong { name, fault: "not-authenticated", detail, remedy: refusal.to_string(), status: NOT_AUTHENTICATED }
    }

    /// Asks for the version, and compares it and the clocks.
    async fn server(&self, steps: &mut Steps) -> Result<(), Wrong> {
        let answer = self.client.get("/server-info").await.map_err(|error| match &error {
            // A server of this kind has the route, and describes its refusals. A proxy in front of it has these statuses.
            client::Error::Refused(refusal)
                if refusal.status.as_u16() == 404
                    || (refusal.detail.is_none() && !matches!(refusal.status.as_u16(), 401 | 429 | 502..=504)) =>
            {
                not_claviger(SERVER, &error, "another program seems to answer; this may be the probe port")
            }
            _ => self.wrong(SERVER, &error),
        })?;
        let Ok(ServerInfo { version }) = serde_json::from_slice(&answer.body) else {
            let detail = format!("{} does not answer as a Claviger server does", self.client.url());
            let remedy = "correct --url: another program seems to answer".to_owned();
            return Err(Wrong { name: SERVER, fault: "not-claviger", detail, remedy, status: FAILURE });
        };
        compare_versions(&version, steps);
        let now = labels::now().0;
        let date = answer.headers.get("date").and_then(|date| date.to_str().ok());
        let Some(date) = date.and_then(|date| OffsetDateTime::parse(date, &Rfc2822).ok()) else {
            steps.good("clock", "the server's answer has no date");
            return Ok(());
        };
        let ahead = now - date.unix_timestamp();
        let (word, seconds) = (if ahead > 0 { "ahead of" } else { "behind" }, ahead.abs());
        if seconds > CLOCK {
            let detail = format!(
                "the clock of this machine is {seconds} s {word} the server's, which says {}",
                x509::date(now - ahead)
            );
            let remedy = "set both clocks: certificates, JWTs and access tokens have times".to_owned();
            return Err(Wrong { name: "clock", fault: "clock", detail, remedy, status: FAILURE });
        }
        steps.good("clock", "the same as the server's, within a minute");
        Ok(())
    }

    /// Asks for the health of the server.
    async fn health(&self, steps: &mut Steps) -> Result<(), Wrong> {
        const NAME: &str = "health";
        let answer = self.client.get_any("/health").await.map_err(|error| self.wrong(NAME, &error))?;
        let health: Result<Health, _> = serde_json::from_slice(&answer.body);
        let Ok(health) = health else {
            let detail = format!("/health is answered by HTTP status {}", answer.status.as_u16());
            let remedy = "try again later; the server's log says more".to_owned();
            return Err(Wrong { name: NAME, fault: "request", detail, remedy, status: UNAVAILABLE });
        };
        let parts = [
            ("hsm-unavailable", "HSM token", &health.token, "look at the HSM and its PIN"),
            ("store-unavailable", "database", &health.store, "look at the disk of the database"),
            ("audit-unavailable", "audit log", &health.audit, "look at the disk of the audit log"),
        ];
        for (fault, part, word, what) in parts {
            if *word != "ok" {
                let detail = format!("the server's {part} is unavailable: {word}");
                let remedy =
                    format!("{what}; the server's log says why, and the server goes on by itself when it is back");
                return Err(Wrong { name: NAME, fault, detail, remedy, status: UNAVAILABLE });
            }
        }
        if !answer.status.is_success() {
            let (detail, remedy) = if health.process == "stopping" {
                ("the server is about to stop".to_owned(), "try again: a load balancer then gives another server")
            } else {
                (format!("/health is answered by HTTP status {}", answer.status.as_u16()), "the server's log says why")
            };
            let remedy = remedy.to_owned();
            return Err(Wrong { name: NAME, fault: "request", detail, remedy, status: UNAVAILABLE });
        }
        steps.good(NAME, "HSM token, database and audit log are available");
        Ok(())
    }

    /// Asks who the caller is. Returns the user name.
    async fn caller(&self, steps: &mut Steps) -> Result<String, Wrong> {
        const NAME: &str = "caller";
        let WhoAmI { username, method, role, .. } =
            self.client.get_json("/whoami").await.map_err(|error| self.wrong(NAME, &error))?;
        let role = role.map_or_else(|| "no role".to_owned(), |role| format!("the role {role}"));
        steps.good(NAME, format!("you are {username} by {method}, with {role}"));
        Ok(username)
    }
}

/// Returns the fault of an answer that no server of this kind gives.
fn not_claviger(name: &'static str, error: &client::Error, why: &str) -> Wrong {
    let remedy = format!("correct --url: {why}");
    Wrong { name, fault: "not-claviger", detail: error.to_string(), remedy, status: FAILURE }
}

/// Adds the versions of the server and of this program.
fn compare_versions(server: &str, steps: &mut Steps) {
    let own = env!("CARGO_PKG_VERSION");
    let told = format!("version {server}; this program has version {own}");
    if server == own {
        steps.good(SERVER, told);
    } else {
        steps.warning(SERVER, format!("{told}: use programs of one version"));
    }
}
