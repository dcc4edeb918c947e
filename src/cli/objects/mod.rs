//! `claviger objects`: the inventory, for administrators and auditors.

use clap::Subcommand;

use super::access_rights::list_of;
use super::error::Error;
use super::report::Report;
use super::table;
use crate::api::Word;
use crate::api::objects::{Known, Object};
use crate::client::{Client, segment};

/// List all objects with their owners; for administrators and auditors
#[derive(Subcommand)]
pub(super) enum Objects {
    List(List),
}

/// Print a table of the objects, the oldest first
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

/// The state of an object whose row in the database does not verify.
const REFUSED: &str = "refused: changed in the database";

impl Objects {
    pub(super) async fn run(self, client: &Client) -> Result<Report, Error> {
        let Self::List(List { owner, project, limit }) = self;
        let owner = owner.map(|owner| format!("&owner={}", segment(&owner)));
        let project = project.map(|project| format!("&project={}", segment(&project)));
        let filter = owner.or(project).unwrap_or_default();
        let objects: Vec<Object> = list_of(client, &format!("/objects?{filter}"), "objects", limit).await?;
        let header = ["IDENTIFIER", "NAME", "KIND", "STATE", "ALGORITHM", "OWNER", "PROJECT", "LAST USED"];
        let rows: Vec<_> = objects.iter().map(row).collect();
        Ok(Report::of(table::lines(header, &rows), &objects))
    }
}

fn row(object: &Object) -> [String; 8] {
    let Object { unique_identifier: id, known, last_used, .. } = object;
    let none = String::new;
    let Some(Known { object: about, owner, project, .. }) = known else {
        return [id.clone(), none(), none(), REFUSED.to_owned(), none(), none(), none(), none()];
    };
    let word = |own: &Option<Word>| own.as_deref().unwrap_or_default().to_owned();
    let algorithm = match (&about.cryptographic_algorithm, about.cryptographic_length) {
        (Some(algorithm), Some(bits)) => format!("{algorithm}-{bits}"),
        (algorithm, _) => word(algorithm),
    };
    let [kind, state] = [&about.object_type, &about.state].map(word);
    let [project, used] = [project, last_used].map(|own| own.clone().unwrap_or_default());
    [id.clone(), about.names.join(", "), kind, state, algorithm, owner.clone(), project, used]
}
