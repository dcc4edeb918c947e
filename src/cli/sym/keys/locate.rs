//! `claviger sym keys locate`

use serde_json::json;

use crate::cli::error::Error;
use crate::cli::report::Report;
use crate::cli::words;
use crate::client::Client;
use crate::kmip::attributes::Name;
use crate::kmip::enumerations::{CryptographicAlgorithm, ObjectType, State};
use crate::kmip::payloads::locate::{Criteria, Request};
use crate::kmip::{Attributes, StorageStatusMask};

/// How many identifiers are asked for at a time; the server gives no more than 1000.
const PAGE: u32 = 500;

/// Print the unique identifiers of the keys that you may use, one on a line
///
/// Your own, and those of others with which they or a project's role let you do something. The options narrow it to those
/// that match all; `access-rights owned` and `access-rights obtained` tell yours and theirs apart.
#[derive(clap::Args)]
pub(in crate::cli) struct Locate {
    /// Kind of the object
    #[arg(long = "type", value_name = "TYPE", value_parser = words::object_type(), default_value = "symmetric-key")]
    object_type: ObjectType,
    /// Name that the key has
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Tag that the key has; repeat the option for several, which it must all have
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,
    /// Project that holds the key
    #[arg(long, value_name = "PROJECT")]
    project: Option<String>,
    /// State that the key is in [default: any but destroyed]
    #[arg(long, value_name = "STATE", value_parser = words::state())]
    state: Option<State>,
    /// Algorithm that the key is for
    #[arg(long, value_name = "ALGORITHM", value_parser = words::algorithm())]
    algorithm: Option<CryptographicAlgorithm>,
    /// Length in bits
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(1..))]
    bits: Option<i32>,
    /// Print so many at most [default: all]
    #[arg(long, value_name = "N")]
    max: Option<u32>,
    /// Leave out so many first
    #[arg(long, value_name = "N", default_value_t = 0)]
    offset: u32,
}

impl Locate {
    pub(super) async fn run(self, client: &Client) -> Result<Report, Error> {
        let mut left = self.max.unwrap_or(u32::MAX);
        let mut found: Vec<String> = Vec::new();
        // The server tells how many there are where it gives the last of them.
        let total = loop {
            let wanted = PAGE.min(left);
            let answer = client.execute(self.request(found.last(), wanted)).await?;
            let given = count(&answer.unique_identifiers);
            let before = if found.is_empty() { 0 } else { count(&found).saturating_add(self.offset) };
            found.extend(answer.unique_identifiers);
            left = left.saturating_sub(given);
            if let Some(located) = answer.located_items.and_then(|items| u32::try_from(items).ok()) {
                break Some(before.saturating_add(located));
            }
            if given == 0 {
                break None;
            }
            if left == 0 {
                break None;
            }
        };
        let json = json!({ "located_items": total, "unique_identifiers": found });
        Ok(Report::new(found, json))
    }

    /// The request for a page: the first one, or that after an object.
    fn request(&self, after: Option<&String>, wanted: u32) -> Request {
        let mut attributes = Attributes {
            names: self.name.iter().map(Name::text).collect(),
            object_type: Some(self.object_type),
            state: self.state,
            cryptographic_algorithm: self.algorithm,
            cryptographic_length: self.bits,
            ..Attributes::default()
        };
        attributes.set_tags(&self.tags);
        if let Some(project) = &self.project {
            attributes.set_project(project);
        }
        if let Some(after) = after {
            attributes.set_after(after);
        }
        // Destroyed objects are no longer on line (KMIP 2.1 section 12.3).
        let destroyed = matches!(self.state, Some(State::Destroyed | State::DestroyedCompromised));
        Request {
            maximum_items: i32::try_from(wanted).ok(),
            offset_items: after.is_none().then(|| i32::try_from(self.offset).unwrap_or(i32::MAX)),
            storage_status_mask: destroyed.then_some(StorageStatusMask::ON_LINE | StorageStatusMask::DESTROYED),
            object_group_member: None,
            criteria: Some(Box::new(Criteria { attributes, ranges: Vec::new() })),
        }
    }
}

fn count(found: &[String]) -> u32 {
    u32::try_from(found.len()).unwrap_or(u32::MAX)
}
