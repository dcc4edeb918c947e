//! `claviger opaque`

use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;

use super::{List, MAX_FILE, got, registered};
use crate::cli::confirmation::Confirmation;
use crate::cli::error::{Error, FileError};
use crate::cli::keys::{Revocation, destroyed, written};
use crate::cli::labels::Labels;
use crate::cli::named::resolve;
use crate::cli::report::{Report, made};
use crate::cli::stream::Source;
use crate::cli::target::{Existing, Target};
use crate::client::Client;
use crate::kmip::ManagedObject;
use crate::kmip::enumerations::{ObjectType, OpaqueDataType, State};
use crate::kmip::objects::OpaqueObject;

const NOUN: &str = "opaque";

const TYPES: [ObjectType; 1] = [ObjectType::OpaqueObject];

/// The type of the data. The standard defines none (KMIP 2.1, section 11.34); this is the first of the values of vendors.
const DATA: OpaqueDataType = OpaqueDataType::Vendor(0x8000_0000);

/// Register, get, list, revoke and destroy data that the server keeps and does not interpret
#[derive(clap::Subcommand)]
pub(in crate::cli) enum Opaque {
    Register(Register),
    Get(Get),
    List(List),
    Revoke(Revoke),
    Destroy(Destroy),
}

/// Register data and print its unique identifier
#[derive(clap::Args)]
pub(in crate::cli) struct Register {
    /// File with the data, just under 1 MiB at most; `-` for standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    labels: Labels,
}

/// Print data, or write it to a file that only you can read
#[derive(clap::Args)]
pub(in crate::cli) struct Get {
    /// Unique identifier or name of the object
    #[arg(value_name = "OBJECT", value_parser = NonEmptyStringValueParser::new())]
    object: String,
    /// File to write; `-` for standard output, which must not be a terminal
    #[arg(short, long, value_name = "FILE", default_value = "-")]
    output: PathBuf,
    /// Replace the file if it exists
    #[arg(long)]
    force: bool,
}

/// Revoke data
#[derive(clap::Args)]
pub(in crate::cli) struct Revoke {
    /// Unique identifier or name of the object
    #[arg(value_name = "OBJECT", value_parser = NonEmptyStringValueParser::new())]
    object: String,
    #[command(flatten)]
    revocation: Revocation,
}

/// Destroy data permanently
#[derive(clap::Args)]
pub(in crate::cli) struct Destroy {
    /// Unique identifier or name of the object
    #[arg(value_name = "OBJECT", value_parser = NonEmptyStringValueParser::new())]
    object: String,
    #[command(flatten)]
    confirmation: Confirmation,
}

impl Opaque {
    pub(in crate::cli) async fn run(self, client: &Client) -> Result<Report, Error> {
        match self {
            Self::Register(command) => command.run(client).await,
            Self::Get(command) => command.run(client).await,
            Self::List(command) => command.run(client, ObjectType::OpaqueObject).await,
            Self::Revoke(command) => command.revocation.revoked(client, &command.object, &TYPES).await,
            Self::Destroy(command) => destroyed(client, (NOUN, &TYPES), &command.object, &command.confirmation).await,
        }
    }
}

impl Register {
    async fn run(self, client: &Client) -> Result<Report, Error> {
        let opaque_data_value = Source::whole(&self.file, MAX_FILE, FileError::large).await?;
        let object = ManagedObject::OpaqueObject(OpaqueObject { opaque_data_type: DATA, opaque_data_value });
        let mut attributes = self.labels.attributes();
        // Nothing uses it, so that its destruction needs no revocation.
        attributes.state = Some(State::PreActive);
        Ok(made(&registered(client, self.labels.id, attributes, object).await?))
    }
}

impl Get {
    async fn run(self, client: &Client) -> Result<Report, Error> {
        let mut target = Target::binary(&self.output, Existing::forced(self.force))?;
        let id = resolve(client, &self.object, &TYPES).await?;
        let answer = got(client, id).await?;
        let ManagedObject::OpaqueObject(object) = answer.object else {
            return Err(Error::Incomplete("opaque object"));
        };
        target.write(object.opaque_data_value).await?;
        target.finish()?;
        Ok(written(&answer.unique_identifier, &self.output))
    }
}
