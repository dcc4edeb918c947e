//! `claviger access-rights revoke`

use super::grantee::Change;
use crate::api::Success;
use crate::cli::error::Error;
use crate::cli::report::{Report, changed};
use crate::client::Client;

/// Take back what was granted on an object
#[derive(clap::Args)]
pub(in crate::cli) struct Revoke {
    #[command(flatten)]
    change: Change,
}

impl Revoke {
    pub(super) async fn run(self, client: &Client) -> Result<Report, Error> {
        let change = self.change.body();
        let _: Success = client.post_json("/access/revoke", &change).await?;
        Ok(changed(&change.unique_identifier))
    }
}
