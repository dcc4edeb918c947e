//! Client secrets and API keys from a file, standard input or a variable. No flag takes one, because arguments are
//! visible to every user of the machine.

use std::path::Path;

use crate::cli::config;
use crate::cli::error::{Error, FileError};
use crate::cli::stream::Source;
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
    /// Reads the file without its last line end, or the variable if no file is named.
    ///
    /// # Errors
    /// The file cannot be read, is too large, empty or not UTF-8; or there is no file, and the variable is unset or empty.
    pub(super) async fn read(&self, file: Option<&Path>) -> Result<Password, Error> {
        let Some(path) = file else {
            let secret = config::secret_variable(self.variable)?.filter(|secret| !secret.is_empty());
            let Self { what, flag, variable } = *self;
            return secret.ok_or(Error::NoSecret { what, flag, variable });
        };
        let bytes = Source::whole(path, MAX_SECRET, FileError::large).await?;
        match client::without_line_end(file::utf8("", path, &bytes)?) {
            "" => Err(Error::EmptySecret { what: self.what, path: path.to_owned() }),
            secret => Ok(Password::from(secret.to_owned())),
        }
    }
}
