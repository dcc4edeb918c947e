//! `claviger access-rights revoke`

use serde_json::Value;

use super::grantee::Change;
use crate::cli::error::Error;
use crate::cli::report::{Report, changed};
use crate::client::Client;

/// Revoke grants on an object
#[derive(clap::Args)]
pub(in crate::cli) struct Revoke {
    #[command(flatten)]
    change: Change,
}

impl Revoke {
    pub(super) async fn run(self, client: &Client) -> Result<Report, Error> {
        let _: Value = client.post_json("/access/revoke", &self.change.body()).await?;
        Ok(changed(self.change.key_id()))
    }
}
