//! Client secrets and API keys from a file, standard input, a variable or the keys of a terminal. No flag takes one, because arguments are
//! visible to every user of the machine.

use std::path::Path;

use crate::cli::config;
use crate::cli::error::{Error, FileError};
use crate::cli::stream::Source;
use crate::cli::terminal::typed;
use crate::client;
use crate::file;
use crate::secret::Password;

/// The longest client secret or API key, in bytes; those of this server have 68 and 64.
const MAX_SECRET: usize = 4 << 10;

/// A kind of secret, and its sources.
pub(super) struct Kind {
    what: &'static str,
    flag: &'static str,
    variable: &'static str,
}

/// The client secret of an identity with Universal Auth.
pub(super) const CLIENT_SECRET: Kind =
    Kind { what: "client secret", flag: "--client-secret-file", variable: "CLAVIGER_CLIENT_SECRET" };

/// The API key of a Conjur host.
pub(super) const API_KEY: Kind = Kind { what: "API key", flag: "--api-key-file", variable: "CLAVIGER_API_KEY" };

impl Kind {
    /// Reads the file without its last line end, or the variable if no file is named. At a terminal, asks for the secret
    /// if there is neither, or if the file is standard input.
    ///
    /// # Errors
    /// The file cannot be read, is too large, empty or not UTF-8; or there is no file, no terminal, and the variable is
    /// unset or empty; or nothing is typed.
    pub(super) async fn read(&self, file: Option<&Path>) -> Result<Password, Error> {
        let Self { what, flag, variable } = *self;
        let given = match file {
            Some(_) => None,
            None => config::secret_variable(variable)?.filter(|secret| !secret.is_empty()),
        };
        if let Some(given) = given {
            return Ok(given);
        }
        if let Some(typed) = typed(file, &format!("The {what}: "))? {
            return if typed.is_empty() { Err(Error::NothingTyped(what)) } else { Ok(typed) };
        }
        let path = file.ok_or(Error::NoSecret { what, flag, variable })?;
        let bytes = Source::whole(path, MAX_SECRET, FileError::large).await?;
        match client::without_line_end(file::utf8("", path, &bytes)?) {
            "" => Err(Error::EmptySecret { what, path: path.to_owned() }),
            secret => Ok(Password::from(secret.to_owned())),
        }
    }
}
