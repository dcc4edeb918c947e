//! Objects that the server keeps and gives back: `claviger certificates` and `claviger opaque`.

mod certificates;
mod opaque;

pub(super) use certificates::Certificates;
pub(super) use opaque::Opaque;

use super::error::Error;
use super::keys::{Filter, listed};
use super::report::Report;
use crate::client::Client;
use crate::kmip::Attributes;
use crate::kmip::ManagedObject;
use crate::kmip::enumerations::ObjectType;
use crate::kmip::payloads::{get, import, register};

/// The largest file, in bytes: what the server keeps at most.
const MAX_FILE: usize = 1 << 20;

/// Print a table of the objects that you may use
#[derive(clap::Args)]
pub(super) struct List {
    #[command(flatten)]
    filter: Filter,
}

impl List {
    async fn run(self, client: &Client, object_type: ObjectType) -> Result<Report, Error> {
        listed(client, &[object_type], None, &self.filter).await
    }
}

/// Registers an object, and returns its identifier.
async fn registered(
    client: &Client,
    id: Option<String>,
    attributes: Attributes,
    object: ManagedObject,
) -> Result<String, Error> {
    let (object_type, attributes) = (object.object_type(), Box::new(attributes));
    Ok(match id {
        Some(id) => {
            let unique_identifier = Some(id.into());
            let (replace_existing, key_wrap_type) = (Some(false), None);
            let request =
                import::Request { unique_identifier, object_type, replace_existing, key_wrap_type, attributes, object };
            client.execute(request).await?.unique_identifier
        }
        None => {
            let request = register::Request { object_type, attributes, object, protection_storage_masks: None };
            client.execute(request).await?.unique_identifier
        }
    })
}

/// Gets an object.
async fn got(client: &Client, id: String) -> Result<get::Response, Error> {
    let request = get::Request {
        unique_identifier: Some(id.into()),
        key_format_type: None,
        key_wrap_type: None,
        key_compression_type: None,
        key_wrapping_specification: None,
    };
    Ok(client.execute(request).await?)
}
