//! The object that a command about access concerns.

use clap::builder::NonEmptyStringValueParser;

use crate::cli::account::Account;
use crate::cli::error::Error;
use crate::cli::named::{named, resolve};
use crate::client::Client;
use crate::kmip::enumerations::ObjectType;

/// An object, by its identifier or name, or a secret by its name.
#[derive(clap::Args)]
pub(super) struct Which {
    /// Unique identifier or name of the object
    #[arg(short, long, value_name = "KEY", value_parser = NonEmptyStringValueParser::new())]
    #[arg(required_unless_present = "secret", conflicts_with = "secret")]
    pub(super) key_id: Option<String>,
    /// Name of a secret, instead of -k
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    pub(super) secret: Option<String>,
    #[command(flatten)]
    pub(super) account: Account,
}

impl Which {
    /// Returns the identifier of the object.
    ///
    /// # Errors
    /// The name is ambiguous, no secret has it, or the server cannot be asked.
    pub(super) async fn id(&self, client: &Client) -> Result<String, Error> {
        match (&self.key_id, &self.secret) {
            (_, Some(secret)) => {
                let name = named(&format!("{}:variable:{secret}", self.account.name));
                resolve(client, &name, &[ObjectType::SecretData]).await
            }
            (key, None) => resolve(client, key.as_deref().unwrap_or_default(), &[]).await,
        }
    }
}
