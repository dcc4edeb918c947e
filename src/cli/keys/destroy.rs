//! `claviger keys destroy`

use clap::builder::NonEmptyStringValueParser;

use crate::cli::confirmation::Confirmation;
use crate::cli::error::Error;
use crate::cli::named::{KEYS, resolve};
use crate::cli::report::{Report, changed};
use crate::client::{self, Client};
use crate::kmip::enumerations::{ObjectType, State};
use crate::kmip::payloads::destroy::Request;
use crate::kmip::payloads::get_attributes;
use crate::kmip::{AttributeReference, Tag};

/// Destroy a key permanently; an active key must be revoked first
#[derive(clap::Args)]
pub(in crate::cli) struct Destroy {
    /// Unique identifier or name of the key
    #[arg(value_name = "KEY", value_parser = NonEmptyStringValueParser::new())]
    key: String,
    #[command(flatten)]
    confirmation: Confirmation,
}

impl Destroy {
    pub(super) async fn run(self, client: &Client) -> Result<Report, Error> {
        destroyed(client, ("keys", &KEYS), &self.key, &self.confirmation).await
    }
}

/// Destroys the object of one of these types that `named` names. `noun` is the word of its commands.
pub(in crate::cli) async fn destroyed(
    client: &Client,
    (noun, types): (&'static str, &[ObjectType]),
    named: &str,
    confirmation: &Confirmation,
) -> Result<Report, Error> {
    let id = resolve(client, named, types).await?;
    confirmation.ask("a destruction", &format!("The object {id} will be destroyed."))?;
    match client.execute(Request { unique_identifier: Some(id.as_str().into()) }).await {
        Ok(answer) => Ok(changed(&answer.unique_identifier)),
        Err(client::Error::Refused(refusal)) if refusal.status.as_u16() == 409 && is_active(client, &id).await => {
            Err(Error::Active { noun, id })
        }
        Err(error) => Err(error.into()),
    }
}

async fn is_active(client: &Client, id: &str) -> bool {
    let request = get_attributes::Request {
        unique_identifier: Some(id.into()),
        attribute_references: vec![AttributeReference::Tag(Tag::State)],
    };
    client.execute(request).await.is_ok_and(|answer| answer.attributes.state == Some(State::Active))
}
