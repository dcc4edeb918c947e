//! `claviger kmip`: what the server says about its KMIP.

use serde_json::{Map, Value as Json, json};

use super::error::Error;
use super::report::Report;
use super::value;
use crate::client::Client;
use crate::kmip::enumerations::QueryFunction;
use crate::kmip::payloads::query::Request;
use crate::kmip::ttlv::{Field as _, Item, Value};

/// The functions that this server answers.
const FUNCTIONS: [QueryFunction; 5] = [
    QueryFunction::QueryServerInformation,
    QueryFunction::QueryOperations,
    QueryFunction::QueryObjects,
    QueryFunction::QueryCapabilities,
    QueryFunction::QueryRNGs,
];

/// Print what the server supports of KMIP
#[derive(clap::Subcommand)]
pub(super) enum Kmip {
    Query(Query),
}

/// Print the operations, object types and capabilities of the server, one property per line: `Name: values`
#[derive(clap::Args)]
pub(super) struct Query {}

impl Kmip {
    pub(super) async fn run(self, client: &Client) -> Result<Report, Error> {
        let Self::Query(Query {}) = self;
        let answer = client.execute(Request { query_functions: FUNCTIONS.to_vec(), object_groups: None }).await?;
        let Value::Structure(items) = answer.write() else { return Err(Error::Incomplete("items")) };
        let (names, properties) = grouped(&items);
        let line = |name: &String| {
            let value = properties.get(name).unwrap_or(&Json::Null);
            format!("{name}: {}", value::text(value))
        };
        Ok(Report::new(names.iter().map(line), Json::Object(properties.clone())))
    }
}

/// Returns the properties with all their values, and their names in the order of the answer.
fn grouped(items: &[Item]) -> (Vec<String>, Map<String, Json>) {
    let mut names = Vec::new();
    let mut properties = Map::new();
    for item in items {
        let name = item.tag.to_string();
        if !properties.contains_key(&name) {
            names.push(name.clone());
        }
        let values = properties.entry(name).or_insert_with(|| json!([]));
        values.as_array_mut().into_iter().for_each(|values| values.push(value::json(item)));
    }
    (names, properties)
}
