//! `claviger pki`: an authority and its certificates, as files of one directory. It needs no server.

mod authority;
mod crl;
mod directory;
pub(super) mod error;
mod host;
mod init;
mod issued;
mod leaf;
mod password;
mod revoke;
mod trusted;
mod usage;

use std::path::PathBuf;

use clap::Subcommand;
use clap::builder::NonEmptyStringValueParser;
use serde_json::json;

use super::error::Error as CliError;
use super::labels;
use super::report::{Report, hint};
use crate::principal::Username;
use crate::text::Whole;
use crate::x509;
use authority::{Authority, Purpose};
use directory::{Access, Directory};
use error::Error;
use host::Host;
use leaf::Wanted;
use password::PasswordOptions;

/// Make certificates for a laptop or a small installation, without a server
///
/// This is not a certificate authority: a person with the key of the authority, which is an encrypted file, can be every
/// caller. A larger installation uses step-ca, cert-manager or Vault.
#[derive(Subcommand)]
pub(super) enum Pki {
    Init(init::Init),
    Server(ServerCertificate),
    Client(ClientCertificate),
    List(revoke::List),
    Revoke(revoke::Revoke),
    Crl(revoke::Renew),
}

/// The directory of the files.
#[derive(clap::Args)]
pub(super) struct Place {
    /// Directory of the authority and all certificates
    #[arg(long, value_name = "DIR", env = "CLAVIGER_PKI_DIR", default_value = "pki")]
    dir: PathBuf,
}

/// Who may read files, beside their owner.
#[derive(clap::Args)]
struct Readers {
    /// Let the group of the files read them (mode 0640, directory 0750), for a server in a container with `docker run
    /// --group-add GID`; the authority's key stays yours [default: as the existing files]
    #[arg(long)]
    group_readable: bool,
    /// The same for this group, by its number; root may give any, others one of their own
    #[arg(long, value_name = "GID")]
    group: Option<u32>,
}

impl Readers {
    fn access(&self) -> Option<Access> {
        (self.group_readable || self.group.is_some()).then_some(Access::Group(self.group))
    }
}

/// The options of every certificate.
#[derive(clap::Args)]
struct Common {
    /// Days until the certificate ends; it ends with the authority at the latest
    #[arg(long, value_name = "DAYS", default_value_t = 365, value_parser = clap::value_parser!(u32).range(1..=3650))]
    days: u32,
    #[command(flatten)]
    readers: Readers,
    /// Replace existing files of this name
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    password: PasswordOptions,
}

/// Make a server's certificate, unless it is valid for another week: NAME.p12 with NAME.password, and the same as
/// NAME.pem and NAME.key
#[derive(clap::Args)]
pub(super) struct ServerCertificate {
    /// Name of the files
    #[arg(value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    name: String,
    /// DNS names and IP addresses by which clients call the server [default: those of the existing certificate, or
    /// localhost, 127.0.0.1 and ::1]
    #[arg(value_name = "HOST")]
    hosts: Vec<String>,
    #[command(flatten)]
    common: Common,
}

/// Make a caller's certificate, unless it is valid for another week: NAME.p12 with NAME.password, and the same as
/// NAME.pem and NAME.key; print how the caller uses them
#[derive(clap::Args)]
pub(super) struct ClientCertificate {
    /// Name of the files
    #[arg(value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    name: String,
    /// User name that the server takes from the certificate (its CN) [default: NAME]
    #[arg(long, value_name = "NAME")]
    username: Option<String>,
    #[command(flatten)]
    common: Common,
}

impl Pki {
    /// Runs the command. `url` is that of the server, for what is printed.
    pub(super) fn run(self, url: &str) -> Result<Report, CliError> {
        match self {
            Self::Init(command) => command.run(),
            Self::Server(command) => command.run(),
            Self::Client(command) => command.run(url),
            Self::List(command) => command.run(),
            Self::Revoke(command) => command.run(),
            Self::Crl(command) => command.run(),
        }
    }
}

impl ServerCertificate {
    fn run(&self) -> Result<Report, CliError> {
        let hosts = self.hosts.iter().map(|host| Host::parse(host)).collect::<Result<Vec<_>, _>>()?;
        let wanted = Wanted {
            hosts: (!hosts.is_empty()).then_some(hosts),
            ..self.common.wanted(&self.name, &self.name, Purpose::Server)
        };
        let existing = self.common.get(&wanted)?;
        let hosts: Vec<String> = Host::of(&existing.certificate).iter().map(Host::to_string).collect();
        let files = usage::Files::new(&self.common.place.dir, &self.name)?;
        let mut lines = vec![format!(
            "{} is for {}, until {}",
            files.shown("pem"),
            hosts.join(", "),
            x509::end(&existing.certificate)
        )];
        lines.extend(files.server());
        let json = files.json(&existing, "hosts", json!(hosts))?;
        Ok(Report::new(lines, json))
    }
}

impl ClientCertificate {
    fn run(&self, url: &str) -> Result<Report, CliError> {
        let username = self.username.as_deref().unwrap_or(&self.name);
        let wanted = self.common.wanted(&self.name, username, Purpose::Client);
        let existing = self.common.get(&wanted)?;
        let files = usage::Files::new(&self.common.place.dir, &self.name)?;
        let mut lines = vec![format!(
            "{} is for the user {}, until {}",
            files.shown("pem"),
            Whole(username),
            x509::end(&existing.certificate)
        )];
        lines.extend(files.client(url));
        let json = files.json(&existing, "username", json!(username))?;
        Ok(Report::new(lines, json))
    }
}

impl Common {
    fn wanted<'a>(&self, name: &'a str, common_name: &'a str, purpose: Purpose) -> Wanted<'a> {
        let (days, access, force) = (self.days, self.readers.access(), self.force);
        Wanted { name, common_name, purpose, hosts: None, days, access, force }
    }

    fn get(&self, wanted: &Wanted<'_>) -> Result<leaf::Existing, CliError> {
        wanted.check_name()?;
        let name = wanted.common_name;
        Username::new(name).map_err(|fault| Error::Username { name: name.to_owned(), fault })?;
        if name.chars().count() > error::MAX_CN {
            return Err(Error::LongName(name.to_owned()).into());
        }
        let directory = Directory::open(&self.place.dir)?;
        let now = labels::now().0;
        let authority = Authority::open(&directory, &self.password, now)?;
        let existing = wanted.get(&directory, &authority, now)?;
        if !existing.is_new {
            hint("the certificate is valid for another week, and is kept");
        }
        Ok(existing)
    }
}
