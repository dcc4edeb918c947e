//! `claviger sym keys list`, which was `locate`

use serde_json::json;

use crate::cli::error::Error;
use crate::cli::report::Report;
use crate::cli::words;
use crate::client::Client;
use crate::kmip::attributes::Name;
use crate::kmip::enumerations::{CryptographicAlgorithm, ObjectType, State};
use crate::kmip::payloads::locate::{Criteria, Request};
use crate::kmip::{Attributes, StorageStatusMask};

/// The number of identifiers in one request. The server returns at most 1000.
const PAGE: u32 = 500;

/// Print the unique identifiers of the keys that you may use, one per line; `keys list` prints a table
///
/// These are your own keys, and keys that you may use by a grant or by a role in a project. Only keys that match all
/// given options are printed. `access-rights list --owned` prints only your own keys, `access-rights list --obtained`
/// only those of other owners.
#[derive(clap::Args)]
pub(in crate::cli) struct List {
    /// Type of the object
    #[arg(long = "type", value_name = "TYPE", value_parser = words::object_type(), default_value = "symmetric-key")]
    object_type: ObjectType,
    /// Name of the key
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Tag of the key; for several, repeat the option: the key must have all of them
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,
    /// Project that holds the key
    #[arg(long, value_name = "PROJECT")]
    project: Option<String>,
    /// State of the key [default: any except destroyed]
    #[arg(long, value_name = "STATE", value_parser = words::state())]
    state: Option<State>,
    /// Algorithm of the key
    #[arg(long, value_name = "ALGORITHM", value_parser = words::algorithm())]
    algorithm: Option<CryptographicAlgorithm>,
    /// Length in bits
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(1..))]
    bits: Option<i32>,
    /// Maximum number of identifiers [default: all]
    #[arg(long, value_name = "N")]
    max: Option<u32>,
    /// Number of identifiers to skip
    #[arg(long, value_name = "N", default_value_t = 0)]
    offset: u32,
}

impl List {
    pub(super) async fn run(self, client: &Client) -> Result<Report, Error> {
        let mut left = self.max.unwrap_or(u32::MAX);
        let mut found: Vec<String> = Vec::new();
        // The server returns the number of items with the last page only.
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

    /// Returns the request for the first page, or for the page after an object.
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
