//! `claviger access-rights owned`

use super::pages::all;
use crate::api::access::Owned as Object;
use crate::cli::error::Error;
use crate::cli::report::Report;
use crate::client::Client;

/// Print the objects that you own, one on a line: `ID STATE`
#[derive(clap::Args)]
pub(in crate::cli) struct Owned {}

impl Owned {
    pub(super) async fn run(self, client: &Client) -> Result<Report, Error> {
        let objects = all(client, "/access/owned?", |object: &Object| &object.object_id).await?;
        let line = |Object { object_id, state, .. }: &Object| format!("{object_id} {state}");
        Ok(Report::of(objects.iter().map(line), &objects))
    }
}
