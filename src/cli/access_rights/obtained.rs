//! `claviger access-rights obtained`

use super::pages::all;
use crate::api::access::Obtained as Object;
use crate::cli::error::Error;
use crate::cli::report::Report;
use crate::client::Client;

/// Print the objects of others on which something is granted to you, one on a line: `ID STATE OWNER: OPERATIONS`
#[derive(clap::Args)]
pub(in crate::cli) struct Obtained {}

impl Obtained {
    pub(super) async fn run(self, client: &Client) -> Result<Report, Error> {
        let objects = all(client, "/access/obtained?", |object: &Object| &object.object_id).await?;
        Ok(Report::of(objects.iter().map(line), &objects))
    }
}

fn line(object: &Object) -> String {
    let Object { object_id, owner_id, state, operations, .. } = object;
    format!("{object_id} {state} {owner_id}: {}", operations.join(", "))
}
