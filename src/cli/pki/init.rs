//! `claviger pki init`

use std::path::Path;

use serde_json::json;

use super::authority::{self, Authority};
use super::directory::{Access, Directory};
use super::error::Error as PkiError;
use super::{Place, crl, issued, password};
use crate::cli::error::Error;
use crate::cli::labels;
use crate::cli::report::{Report, hint};
use crate::text::shell_word;
use crate::x509;

/// All files of an authority.
const FILES: [&str; 5] = [authority::CERTIFICATE, authority::KEY, password::FILE, issued::FILE, crl::FILE];

/// Make the authority: ca.pem, and ca.key encrypted under a password of 12 characters or more
///
/// An authority that exists is kept. In its last week this is an error, because certificates would end with it: its
/// successor needs --force.
#[derive(clap::Args)]
pub(in crate::cli) struct Init {
    /// Make a password, and store it in ca.password, which only you can read. It is beside the key then: move it to
    /// another machine, or keep it for tests only
    #[arg(long, conflicts_with = "password_file")]
    store_password: bool,
    /// Days until the authority ends
    #[arg(long, value_name = "DAYS", default_value_t = 3650, value_parser = clap::value_parser!(u32).range(30..=10950))]
    days: u32,
    /// Replace an existing authority, which is kept in a directory former-N; its certificates are no longer accepted
    /// where only the new one is
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    password: password::PasswordOptions,
}

impl Init {
    pub(super) fn run(&self) -> Result<Report, Error> {
        let directory = Directory::create(&self.place.dir)?;
        let now = labels::now().0;
        if !self.force
            && let Some(certificate) = Authority::certificate(&directory)?
        {
            authority::check_lasts(&directory, &certificate, now)?;
            hint("the authority exists, and is kept");
            return Ok(self.report(&directory, &certificate, None, false));
        }
        self.check_absence(&directory)?;
        let password = if self.store_password { password::random()? } else { self.password.of_a_new_key()? };
        let made = Authority::new(self.days, now).map_err(PkiError::from)?;
        let key = made.encrypted_key(&password).map_err(PkiError::from)?;
        let pem = made.certificate.to_pem().map_err(PkiError::from)?;
        let access = authority::public_access(&directory);
        let stored = password::stored(&password);
        let mut files = vec![
            (authority::KEY.to_owned(), &*key, Access::Owner),
            (authority::CERTIFICATE.to_owned(), &*pem, access),
            // The record of a former authority is kept with it.
            (issued::FILE.to_owned(), &b""[..], Access::Owner),
        ];
        if self.store_password {
            files.push((password::FILE.to_owned(), &stored, Access::Owner));
        }
        // Its certificates can be revoked as long as servers accept it.
        let former = directory.keep(&FILES, access)?;
        directory.write(&files)?;
        directory.remove(crl::FILE)?;
        if !self.store_password {
            directory.remove(password::FILE)?;
        }
        Ok(self.report(&directory, &made.certificate, former.as_deref(), true))
    }

    /// Refuses to replace files, unless that is forced.
    fn check_absence(&self, directory: &Directory) -> Result<(), Error> {
        match FILES.into_iter().find(|name| !self.force && directory.has(name)) {
            Some(name) => {
                let fault = "there is no authority that it belongs to".to_owned();
                Err(PkiError::Taken { path: directory.path(name), fault }.into())
            }
            None => Ok(()),
        }
    }

    fn report(
        &self,
        directory: &Directory,
        certificate: &openssl::x509::X509Ref,
        former: Option<&Path>,
        is_new: bool,
    ) -> Report {
        let path = |name: &str| directory.path(name).display().to_string();
        let (certificate_path, key) = (path(authority::CERTIFICATE), path(authority::KEY));
        let mut lines = vec![
            format!(
                "{certificate_path} is the authority {}, until {}",
                x509::subject(certificate),
                x509::end(certificate)
            ),
            format!("{key} is its key, encrypted: a person with it and the password can pass as any caller"),
        ];
        let has_stored = directory.has(password::FILE);
        if has_stored {
            lines
                .push(format!("{} is the password: keep it elsewhere, unless this is for tests", path(password::FILE)));
        }
        let former = former.map(|former| former.display().to_string());
        if let Some(former) = &former {
            lines.push(format!(
                "{former} has the former authority: while servers accept it, its {} must stay in their --crl-file, and be written \
                 again before it ends: claviger pki crl --dir {}",
                crl::FILE,
                shell_word(former)
            ));
        }
        lines.push("it serves a laptop or a small installation, and is not a certificate authority".to_owned());
        lines.push("next: claviger pki server NAME [HOST]..., claviger pki client NAME".to_owned());
        let json = json!({
            "certificate": certificate_path, "key": key, "new": is_new, "not_after": x509::end(certificate),
            "subject": x509::subject(certificate), "former": former, "password_file": has_stored.then(|| path(password::FILE)),
        });
        Report::new(lines, json)
    }
}
