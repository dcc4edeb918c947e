//! `claviger access-rights grant`

use serde_json::Value;

use super::grantee::Change;
use crate::cli::error::Error;
use crate::cli::report::{Report, changed};
use crate::client::Client;

/// Allow another user, or every user with a role, to perform operations on an object
#[derive(clap::Args)]
pub(in crate::cli) struct Grant {
    #[command(flatten)]
    change: Change,
}

impl Grant {
    pub(super) async fn run(self, client: &Client) -> Result<Report, Error> {
        let _: Value = client.post_json("/access/grant", &self.change.body()).await?;
        Ok(changed(self.change.key_id()))
    }
}
