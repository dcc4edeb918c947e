//! `claviger objects`: the inventory, for administrators and auditors.

use clap::Subcommand;
use serde_json::Value;

use super::access_rights::{list_of, text};
use super::error::Error;
use super::report::Report;
use crate::client::{Client, segment};

/// List all objects with their owners; for administrators and auditors
#[derive(Subcommand)]
pub(super) enum Objects {
    List(List),
}

/// Print the objects, the oldest first, one per line: `ID STATE OWNER PROJECT TYPE ALGORITHM-LENGTH LAST-USE NAMES`
#[derive(clap::Args)]
pub(super) struct List {
    /// Print only the objects of this user
    #[arg(long, value_name = "USER", conflicts_with = "project")]
    owner: Option<String>,
    /// Print only the objects in this project
    #[arg(long, value_name = "PROJECT")]
    project: Option<String>,
    /// Maximum number of objects
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
}

impl Objects {
    pub(super) async fn run(self, client: &Client) -> Result<Report, Error> {
        let Self::List(List { owner, project, limit }) = self;
        let owner = owner.map(|owner| format!("&owner={}", segment(&owner)));
        let project = project.map(|project| format!("&project={}", segment(&project)));
        let filter = owner.or(project).unwrap_or_default();
        let objects = list_of(client, &format!("/objects?{filter}"), "objects", limit).await?;
        Ok(Report::new(objects.iter().map(line).collect::<Vec<_>>(), Value::Array(objects)))
    }
}

fn line(object: &Value) -> String {
    let id = text(object, "unique_identifier");
    if object.get("intact") == Some(&Value::Bool(false)) {
        return format!("{id} was changed in the database and is refused");
    }
    let or_none = |name| object.get(name).and_then(Value::as_str).unwrap_or("-");
    let part = |name| text(object, name);
    let length = object.get("cryptographic_length").and_then(Value::as_i64).unwrap_or_default();
    let names = object.get("names").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let names: Vec<&str> = names.iter().filter_map(Value::as_str).collect();
    let names = if names.is_empty() { String::new() } else { format!(" {}", names.join(", ")) };
    format!(
        "{id} {} {} {} {} {}-{length} {}{names}",
        part("state"),
        part("owner"),
        or_none("project"),
        part("object_type"),
        or_none("cryptographic_algorithm"),
        or_none("last_used"),
    )
}
