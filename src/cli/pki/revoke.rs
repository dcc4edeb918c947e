//! `claviger pki list`, `claviger pki revoke`, `claviger pki crl`

use openssl::error::ErrorStack;
use serde_json::json;

use super::authority::{self, Authority};
use super::crl::Revoked;
use super::directory::{Access, Directory};
use super::error::Error as PkiError;
use super::issued::{self, Issued, Record};
use super::password::PasswordOptions;
use super::{Place, crl};
use crate::cli::confirmation::Confirmation;
use crate::cli::error::Error;
use crate::cli::report::Report;
use crate::cli::{labels, table, words};
use crate::x509;

/// Print a table of the certificates that have not expired
#[derive(clap::Args)]
pub(in crate::cli) struct List {
    #[command(flatten)]
    place: Place,
}

/// Revoke all certificates of a name, and write crl.pem for `clavigerd --crl-file`
#[derive(clap::Args)]
pub(in crate::cli) struct Revoke {
    /// Name of the certificate's files
    #[arg(value_name = "NAME")]
    name: String,
    #[command(flatten)]
    confirmation: Confirmation,
    #[command(flatten)]
    list: NewList,
}

/// Write crl.pem again, before the former one ends
#[derive(clap::Args)]
pub(in crate::cli) struct Renew {
    #[command(flatten)]
    list: NewList,
}

#[derive(clap::Args)]
struct NewList {
    /// Time until the list ends; the server then refuses all certificates of this authority, so write it again before
    #[arg(long, value_name = "TIME", default_value = "30d", value_parser = words::duration)]
    valid_for: u32,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    password: PasswordOptions,
}

impl List {
    pub(super) fn run(&self) -> Result<Report, Error> {
        let directory = Directory::open(&self.place.dir)?;
        let record = Record::read(&directory)?;
        let now = labels::now().0;
        let lasting = record.issued.iter().filter(|own| own.not_after >= now);
        let all: Vec<_> = lasting.map(|own| (own, record.has_revoked(&own.serial))).collect();
        let row = |(own, is_revoked): &(&Issued, bool)| {
            let username = own.username.clone().unwrap_or_default();
            let state = if *is_revoked { "revoked" } else { "valid" };
            [own.name.clone(), own.purpose.name().to_owned(), username, x509::date(own.not_after), state.to_owned()]
        };
        let rows: Vec<_> = all.iter().map(row).collect();
        let json = all.iter().map(|(own, is_revoked)| {
            json!({
                "name": own.name, "purpose": own.purpose, "username": own.username, "serial": own.serial,
                "not_after": x509::date(own.not_after), "revoked": is_revoked,
            })
        });
        let lines = table::lines(["NAME", "PURPOSE", "USER", "UNTIL", "STATE"], &rows);
        Ok(Report::new(lines, json!({ "certificates": json.collect::<Vec<_>>() })))
    }
}

impl Revoke {
    pub(super) fn run(&self) -> Result<Report, Error> {
        let directory = Directory::open(&self.list.place.dir)?;
        let now = labels::now().0;
        let record = Record::read(&directory)?;
        let lasting = record.issued.iter().filter(|own| own.not_after >= now);
        let valid: Vec<&Issued> = lasting.filter(|own| !record.has_revoked(&own.serial)).collect();
        let of_name = valid.iter().filter(|own| own.name == self.name);
        let serials: Vec<String> = of_name.map(|own| own.serial.clone()).collect();
        if serials.is_empty() {
            let mut known: Vec<&str> = valid.iter().map(|own| &*own.name).collect();
            known.sort_unstable();
            known.dedup();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            return Err(PkiError::NotIssued { name: self.name.clone(), known }.into());
        }
        let question = format!("{} certificates of {} are revoked.", serials.len(), self.name);
        self.confirmation.ask("pki revoke", &question)?;
        self.list.write(&directory, record, serials, now)
    }
}

impl Renew {
    pub(super) fn run(&self) -> Result<Report, Error> {
        let directory = Directory::open(&self.list.place.dir)?;
        let record = Record::read(&directory)?;
        self.list.write(&directory, record, Vec::new(), labels::now().0)
    }
}

impl NewList {
    fn write(
        &self,
        directory: &Directory,
        mut record: Record,
        serials: Vec<String>,
        now: i64,
    ) -> Result<Report, Error> {
        let authority = Authority::open_to_revoke(directory, &self.password)?;
        let seconds = i64::from(self.valid_for);
        record.add(serials.iter().map(|serial| Revoked { serial: serial.clone(), at: now }).collect());
        let revoked: Vec<String> = record.revoked.iter().map(|own| own.serial.clone()).collect();
        let made = || {
            let number = record.next_number()?;
            let pem = crl::make(&authority, &record.revoked, number, now, seconds)?.to_pem()?;
            Ok((record.written()?, pem))
        };
        let (record, pem) = made().map_err(|error: ErrorStack| PkiError::from(error))?;
        directory.write(&[
            (issued::FILE.to_owned(), &record, Access::Owner),
            (crl::FILE.to_owned(), &pem, authority::public_access(directory)),
        ])?;
        let (path, end) = (directory.path(crl::FILE).display().to_string(), x509::date(now + seconds));
        let lines = [
            format!("{path} is the list of revoked certificates, until {end}: give it to the server by --crl-file"),
            "the server reads it again by itself; write it again before it ends: claviger pki crl".to_owned(),
        ];
        Ok(Report::new(lines, json!({ "crl": path, "next_update": end, "revoked": revoked })))
    }
}
