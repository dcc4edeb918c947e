//! `claviger whoami`

use super::error::Error;
use super::report::Report;
use crate::api::about as api;
use crate::client::Client;

/// Print your user name at the server, how you are authenticated, and your role if you have one
#[derive(clap::Args)]
pub(super) struct WhoAmI {}

impl WhoAmI {
    pub(super) async fn run(self, client: &Client) -> Result<Report, Error> {
        let answer: api::WhoAmI = client.get_json("/whoami").await?;
        let api::WhoAmI { username, method, role, .. } = &answer;
        let mut lines = vec![format!("username: {username}"), format!("method: {method}")];
        lines.extend(role.iter().map(|role| format!("role: {role}")));
        Ok(Report::of(lines, &api::WhoAmI { host: None, ..answer }))
    }
}
