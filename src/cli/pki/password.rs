//! The password of the authority's key.

use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};

use super::directory::Directory;
use super::error::Error as PkiError;
use crate::cli::config;
use crate::cli::error::Error;
use crate::cli::report::hint;
use crate::cli::terminal::Terminal;
use crate::client;
use crate::config::exposure;
use crate::file;
use crate::hexadecimal;
use crate::secret::{Bytes, Password};
use crate::text::Whole;

/// The file that holds the password if `init` stores it.
pub(super) const FILE: &str = "ca.password";

const VARIABLE: &str = "CLAVIGER_PKI_PASSWORD";

/// The fewest characters of a new password: OpenSSL derives the key with 2048 iterations only, so that a short password
/// could be found by trying.
const FEWEST: usize = 12;

/// The source of the password.
#[derive(clap::Args)]
pub(super) struct PasswordOptions {
    /// File with the password of the authority's key, which has 12 characters or more [default: ca.password of the
    /// directory, if it exists]; CLAVIGER_PKI_PASSWORD may hold the password itself; otherwise you are asked
    #[arg(long, env = "CLAVIGER_PKI_PASSWORD_FILE", value_name = "FILE")]
    pub(super) password_file: Option<PathBuf>,
}

impl PasswordOptions {
    /// Returns the password of an existing key.
    pub(super) fn existing(&self, directory: &Directory) -> Result<Password, Error> {
        if let Some(given) = self.given()? {
            return Ok(given);
        }
        if let Some(stored) = directory.read_private("password of the authority's key", FILE)? {
            let path = directory.path(FILE);
            let stored = file::utf8("", &path, &stored)?;
            return Ok(Password::from(client::without_line_end(stored).to_owned()));
        }
        let hint = ", or restore ca.password";
        let mut terminal = Terminal::open().ok_or(PkiError::NoPassword { variable: VARIABLE, hint })?;
        terminal.ask("Password of the authority's key: ")
    }

    /// Returns the password for a new key.
    pub(super) fn of_a_new_key(&self) -> Result<Password, Error> {
        let password = match self.given()? {
            Some(given) => given,
            None => {
                let hint = ", or let `init` make and store one: --store-password";
                let mut terminal = Terminal::open().ok_or(PkiError::NoPassword { variable: VARIABLE, hint })?;
                let first =
                    terminal.ask(&format!("New password of the authority's key, {FEWEST} characters or more: "))?;
                check(&first)?;
                if *first != *terminal.ask("The same again: ")? {
                    return Err(PkiError::PasswordsDiffer.into());
                }
                first
            }
        };
        check(&password)?;
        Ok(password)
    }

    fn given(&self) -> Result<Option<Password>, Error> {
        match &self.password_file {
            Some(path) => read(path).map(Some),
            None => Ok(config::secret_variable(VARIABLE)?.filter(|password| !password.is_empty())),
        }
    }
}

/// Reads a file with the password, and says so if other users can read it.
fn read(path: &Path) -> Result<Password, Error> {
    let password = client::read_password(path)?;
    // A pipe or a terminal has no other readers, whatever its mode is.
    if let Some(metadata) = fs::metadata(path).ok().filter(Metadata::is_file)
        && let Some(found) = exposure(&metadata)
    {
        let shown = Whole(path.display());
        hint(&format!("the password file {shown} is {found}: run `chmod 600` on it, and choose another password"));
    }
    Ok(password)
}

fn check(password: &Password) -> Result<(), Error> {
    if password.chars().count() < FEWEST { Err(PkiError::ShortPassword(FEWEST).into()) } else { Ok(()) }
}

/// Makes a random password.
pub(super) fn random() -> Result<Password, PkiError> {
    let mut bytes = [0; 24];
    openssl::rand::rand_bytes(&mut bytes)?;
    Ok(Password::from(hexadecimal::lower(&bytes)))
}

/// Returns the content of a file with a password.
pub(super) fn stored(password: &Password) -> Bytes {
    Bytes::from(format!("{}\n", &**password).into_bytes())
}
