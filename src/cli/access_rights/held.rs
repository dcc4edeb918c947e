//! `claviger access-rights list --owned` and `--obtained`

use super::pages::all;
use crate::api::access as api;
use crate::cli::error::Error;
use crate::cli::report::Report;
use crate::cli::table;
use crate::client::Client;

/// Print a table of the objects that you own: the former spelling of `list --owned`
#[derive(clap::Args)]
pub(in crate::cli) struct Owned {}

/// Print a table of the objects of other owners on which you have grants: the former spelling of `list --obtained`
#[derive(clap::Args)]
pub(in crate::cli) struct Obtained {}

impl Owned {
    pub(super) async fn run(self, client: &Client) -> Result<Report, Error> {
        let objects = all(client, "/access/owned?", |object: &api::Owned| &object.object_id).await?;
        let row = |api::Owned { object_id, state, .. }: &api::Owned| [object_id.clone(), state.to_string()];
        let rows: Vec<_> = objects.iter().map(row).collect();
        Ok(Report::of(table::lines(["IDENTIFIER", "STATE"], &rows), &objects))
    }
}

impl Obtained {
    pub(super) async fn run(self, client: &Client) -> Result<Report, Error> {
        let objects = all(client, "/access/obtained?", |object: &api::Obtained| &object.object_id).await?;
        let rows: Vec<_> = objects.iter().map(row).collect();
        Ok(Report::of(table::lines(["IDENTIFIER", "STATE", "OWNER", "OPERATIONS"], &rows), &objects))
    }
}

fn row(object: &api::Obtained) -> [String; 4] {
    let api::Obtained { object_id, owner_id, state, operations, .. } = object;
    [object_id.clone(), state.to_string(), owner_id.clone(), operations.join(", ")]
}
