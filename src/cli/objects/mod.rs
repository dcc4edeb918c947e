//! `claviger objects`: the inventory, for administrators and auditors.

use clap::Subcommand;

use super::access_rights::list_of;
use super::error::Error;
use super::report::Report;
use crate::api::objects::{Known, Object};
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
        let objects: Vec<Object> = list_of(client, &format!("/objects?{filter}"), "objects", limit).await?;
        Ok(Report::of(objects.iter().map(line), &objects))
    }
}

fn line(object: &Object) -> String {
    let Object { unique_identifier: id, known, last_used, .. } = object;
    let Some(Known { object: about, owner, project, .. }) = known else {
        return format!("{id} was changed in the database and is refused");
    };
    let (state, kind) = (about.state.as_deref().unwrap_or("?"), about.object_type.as_deref().unwrap_or("?"));
    let [project, last_used] = [project, last_used].map(|own| own.as_deref().unwrap_or("-"));
    let algorithm = about.cryptographic_algorithm.as_deref().unwrap_or("-");
    let length = about.cryptographic_length.unwrap_or_default();
    let names = if about.names.is_empty() { String::new() } else { format!(" {}", about.names.join(", ")) };
    format!("{id} {state} {owner} {project} {kind} {algorithm}-{length} {last_used}{names}")
}
