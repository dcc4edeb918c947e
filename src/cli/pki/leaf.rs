//! The files of one certificate: `NAME.pem` and `NAME.key`, and the same as `NAME.p12` with its password.

use openssl::error::ErrorStack;
use openssl::pkcs12::Pkcs12;
use openssl::stack::Stack;
use openssl::x509::{X509, X509Ref};

use super::authority::{self, Authority, Purpose, Subject, WEEK};
use super::crl;
use super::directory::{Access, Directory};
use super::error::Error as PkiError;
use super::host::Host;
use super::issued::{self, Issued, Record};
use super::password;
use crate::cli::error::Error;
use crate::client::without_line_end;
use crate::secret::{Bytes, Password};
use crate::text::is_unprintable;
use crate::x509::unix_time;
use crate::{pem, pkcs12, x509};

/// The endings of the files.
const ENDINGS: [&str; 4] = ["pem", "key", "p12", "password"];

/// Names that would be those of the authority's files.
const RESERVED: [&str; 2] = ["ca", "crl"];

/// A certificate that is wanted.
pub(super) struct Wanted<'a> {
    /// The name of the files.
    pub(super) name: &'a str,
    pub(super) common_name: &'a str,
    pub(super) purpose: Purpose,
    /// The names and addresses of a server; `None` for those of the existing certificate, or of this machine.
    pub(super) hosts: Option<Vec<Host>>,
    pub(super) days: u32,
    /// Who may read the files; `None` for those who may read the existing ones.
    pub(super) access: Option<Access>,
    /// Whether existing files are replaced in any case.
    pub(super) force: bool,
}

/// A certificate that exists.
pub(super) struct Existing {
    pub(super) certificate: X509,
    /// Whether it was made now.
    pub(super) is_new: bool,
}

/// What is to be done about the existing files.
enum Standing {
    /// There are no files.
    Missing,
    /// They are complete, and the certificate is valid for another week.
    Good(X509),
    /// The certificate ends within a week, or was revoked. These are its names and addresses.
    Ending(Vec<Host>),
    /// The file of this ending is something else.
    Taken(&'static str, String),
}

impl Wanted<'_> {
    /// Checks the name of the files.
    ///
    /// # Errors
    /// It could not be the name of a file, or is that of the authority's files.
    pub(super) fn check_name(&self) -> Result<(), PkiError> {
        let fault = if self.name.contains(['/', '\0']) {
            "it contains a slash; choose another NAME, and give the user by --username"
        } else if self.name.starts_with(['.', '-']) {
            "it begins with a dot or a dash"
        } else if self.name.chars().any(is_unprintable) {
            "it contains a control or invisible character"
        } else if self.name.len() > 200 {
            "it is longer than 200 bytes"
        } else if RESERVED.contains(&self.name) {
            "the authority's own files have this name"
        } else {
            return Ok(());
        };
        Err(PkiError::Name { name: self.name.to_owned(), fault })
    }

    /// Returns the certificate, which is made unless it exists and is valid for another week.
    pub(super) fn get(&self, directory: &Directory, authority: &Authority, now: i64) -> Result<Existing, Error> {
        let hosts = match self.standing(directory, authority, now)? {
            Standing::Good(certificate) if !self.force => {
                if let Some(access) = self.access {
                    directory.open_to(access, &self.files())?;
                }
                return Ok(Existing { certificate, is_new: false });
            }
            Standing::Taken(ending, fault) if !self.force => {
                return Err(PkiError::Taken { path: directory.path(&self.file(ending)), fault }.into());
            }
            Standing::Ending(hosts) => Some(hosts),
            Standing::Good(certificate) => Some(Host::of(&certificate)),
            Standing::Missing | Standing::Taken(..) => None,
        };
        let hosts = match (self.purpose, self.hosts.clone().or(hosts)) {
            (Purpose::Client, _) => Vec::new(),
            (Purpose::Server, hosts) => hosts.unwrap_or_else(Host::of_this_machine),
        };
        let certificate = self.make(directory, authority, &hosts, now)?;
        Ok(Existing { certificate, is_new: true })
    }

    fn file(&self, ending: &str) -> String {
        format!("{}.{ending}", self.name)
    }

    /// The names of all files that others need.
    fn files(&self) -> Vec<String> {
        let public = [authority::CERTIFICATE, crl::FILE].map(str::to_owned);
        ENDINGS.iter().map(|ending| self.file(ending)).chain(public).collect()
    }

    fn standing(&self, directory: &Directory, authority: &Authority, now: i64) -> Result<Standing, Error> {
        if ENDINGS.iter().all(|ending| !directory.has(&self.file(ending))) {
            return Ok(Standing::Missing);
        }
        let read = |ending| directory.read(&self.file(ending));
        let found = (read("pem")?, read("key")?, read("p12")?, read("password")?);
        let (Some(certificates), Some(key), Some(p12), Some(password)) = found else {
            let missing = ENDINGS.iter().find(|ending| !directory.has(&self.file(ending)));
            let there = ENDINGS.into_iter().find(|ending| directory.has(&self.file(ending))).unwrap_or("pem");
            return Ok(Standing::Taken(there, format!("{} is missing", self.file(missing.unwrap_or(&"pem")))));
        };
        let Ok(certificate) = X509::from_pem(&certificates) else {
            return Ok(Standing::Taken("pem", "is not a certificate".to_owned()));
        };
        if let Some(fault) = self.other(&certificate, authority) {
            return Ok(Standing::Taken("pem", fault));
        }
        if pem::identity(&certificates, &key).is_err() {
            return Ok(Standing::Taken("key", format!("is not the private key of {}", self.file("pem"))));
        }
        if !has_both(&p12, &password, &certificate) {
            let fault = format!(
                "does not hold {} and its key under the password of {}",
                self.file("pem"),
                self.file("password")
            );
            return Ok(Standing::Taken("p12", fault));
        }
        let serial = authority::serial(&certificate).map_err(PkiError::from)?;
        let is_revoked = Record::read(directory)?.has_revoked(&serial);
        let end = unix_time(certificate.not_after()).map_err(PkiError::from)?;
        let lasts = end >= now + WEEK && !is_revoked;
        Ok(if lasts { Standing::Good(certificate) } else { Standing::Ending(Host::of(&certificate)) })
    }

    /// Returns in what an existing certificate differs from the wanted one.
    fn other(&self, certificate: &X509Ref, authority: &Authority) -> Option<String> {
        if !authority.has_issued(certificate) {
            return Some(format!("is of another authority: {}", x509::issuer(certificate)));
        }
        let (purpose, subject) = (x509::purposes(certificate), x509::subject(certificate));
        let wanted = match self.purpose {
            Purpose::Server => "serverAuth",
            Purpose::Client => "clientAuth",
        };
        if purpose != wanted {
            return Some(format!("is a certificate for {purpose}"));
        }
        let mut names = certificate.subject_name().entries_by_nid(openssl::nid::Nid::COMMONNAME);
        let is_named = names.next().is_some_and(|name| name.data().as_slice() == self.common_name.as_bytes());
        if !is_named {
            return Some(format!("is the certificate of {subject}"));
        }
        let sorted = |mut hosts: Vec<Host>| {
            hosts.sort();
            hosts.dedup();
            hosts
        };
        let (wanted, found) = (sorted(self.hosts.clone()?), sorted(Host::of(certificate)));
        let shown = |hosts: &[Host]| hosts.iter().map(Host::to_string).collect::<Vec<_>>().join(", ");
        (wanted != found).then(|| format!("is for {}", shown(&found)))
    }

    fn make(&self, directory: &Directory, authority: &Authority, hosts: &[Host], now: i64) -> Result<X509, Error> {
        let subject = Subject { common_name: self.common_name, purpose: self.purpose, hosts, days: self.days };
        let (key, certificate) = authority.issue(&subject, now).map_err(PkiError::from)?;
        // The password stays, because a running server may have read it.
        let password = match directory.read(&self.file("password"))? {
            Some(former) if !without_line(&former).is_empty() => Password::from(without_line(&former).to_owned()),
            _ => password::random()?,
        };
        let made = || -> Result<(Bytes, Vec<u8>, Vec<u8>), ErrorStack> {
            let mut stack = Stack::new()?;
            stack.push(authority.certificate.clone())?;
            let mut p12 = Pkcs12::builder();
            p12.name(self.name).pkey(&key).cert(&certificate).ca(stack);
            let p12 = p12.build2(&password)?.to_der()?;
            Ok((authority::plain_key(&key)?, certificate.to_pem()?, p12))
        };
        let (key, pem, p12) = made().map_err(PkiError::from)?;
        let stored = password::stored(&password);
        let access = self.access.or_else(|| directory.access(&self.file("key"))).unwrap_or(Access::Owner);
        let record = self.recorded(directory, &certificate, now)?;
        directory.write(&[
            (issued::FILE.to_owned(), &record, Access::Owner),
            (self.file("password"), &stored, access),
            (self.file("key"), &key, access),
            (self.file("p12"), &p12, access),
            (self.file("pem"), &pem, access),
        ])?;
        directory.open_to(access, &self.files())?;
        Ok(certificate)
    }

    /// Returns the record with this certificate, and without those that have expired.
    fn recorded(&self, directory: &Directory, certificate: &X509Ref, now: i64) -> Result<Vec<u8>, Error> {
        let mut record = Record::read(directory)?;
        record.issued.retain(|own| own.not_after >= now);
        record.issued.push(Issued {
            name: self.name.to_owned(),
            username: (self.purpose == Purpose::Client).then(|| self.common_name.to_owned()),
            purpose: self.purpose,
            serial: authority::serial(certificate).map_err(PkiError::from)?,
            not_after: unix_time(certificate.not_after()).map_err(PkiError::from)?,
        });
        Ok(record.written().map_err(PkiError::from)?)
    }
}

/// Returns whether a PKCS#12 file holds the certificate with its key.
fn has_both(p12: &[u8], password: &[u8], certificate: &X509) -> bool {
    let Ok(parsed) = pkcs12::open(p12, without_line(password)) else { return false };
    let has_key = parsed.pkey.is_some_and(|key| certificate.public_key().is_ok_and(|own| key.public_eq(&own)));
    has_key && parsed.cert.is_some_and(|own| own.to_der().ok() == certificate.to_der().ok())
}

/// Returns the password of a file; empty if it is not UTF-8.
fn without_line(bytes: &[u8]) -> &str {
    without_line_end(std::str::from_utf8(bytes).unwrap_or_default())
}
