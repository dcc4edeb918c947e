//! `claviger access-rights owned` and `obtained`

use super::pages::all;
use crate::api::access as api;
use crate::cli::error::Error;
use crate::cli::report::Report;
use crate::client::Client;

/// Print the objects that you own, one per line: `ID STATE`
#[derive(clap::Args)]
pub(in crate::cli) struct Owned {}

/// Print the objects of other owners on which you have grants, one per line: `ID STATE OWNER: OPERATIONS`
#[derive(clap::Args)]
pub(in crate::cli) struct Obtained {}

impl Owned {
    pub(super) async fn run(self, client: &Client) -> Result<Report, Error> {
        let objects = all(client, "/access/owned?", |object: &api::Owned| &object.object_id).await?;
        let line = |api::Owned { object_id, state, .. }: &api::Owned| format!("{object_id} {state}");
        Ok(Report::of(objects.iter().map(line), &objects))
    }
}

impl Obtained {
    pub(super) async fn run(self, client: &Client) -> Result<Report, Error> {
        let objects = all(client, "/access/obtained?", |object: &api::Obtained| &object.object_id).await?;
        Ok(Report::of(objects.iter().map(line), &objects))
    }
}

fn line(object: &api::Obtained) -> String {
    let api::Obtained { object_id, owner_id, state, operations, .. } = object;
    format!("{object_id} {state} {owner_id}: {}", operations.join(", "))
}
