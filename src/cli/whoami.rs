//! `claviger whoami`

use serde::Deserialize;
use serde_json::json;

use super::{Error, Report};
use crate::client::Client;

/// Print who you are to the server, and how it knows
#[derive(clap::Args)]
pub(super) struct WhoAmI {}

#[derive(Deserialize)]
struct Answer {
    username: String,
    method: String,
}

impl WhoAmI {
    pub(super) async fn run(self, client: &Client) -> Result<Report, Error> {
        let Answer { username, method } = client.get_json("/whoami").await?;
        let lines = [format!("username: {username}"), format!("method: {method}")];
        Ok(Report::new(lines, json!({ "username": username, "method": method })))
    }
}
