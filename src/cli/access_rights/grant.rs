//! `claviger access-rights grant`

use super::grantee::Change;
use crate::api::Success;
use crate::cli::error::Error;
use crate::cli::report::{Report, changed};
use crate::client::Client;

/// Let another user, or everyone with a role, do something with an object
#[derive(clap::Args)]
pub(in crate::cli) struct Grant {
    #[command(flatten)]
    change: Change,
}

impl Grant {
    pub(super) async fn run(self, client: &Client) -> Result<Report, Error> {
        let change = self.change.body();
        let _: Success = client.post_json("/access/grant", &change).await?;
        Ok(changed(&change.unique_identifier))
    }
}
