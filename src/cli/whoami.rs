//! `claviger whoami`

use serde::Deserialize;
use serde_json::json;

use super::error::Error;
use super::report::Report;
use crate::client::Client;

/// Print your user name at the server, how you are authenticated, and your role if you have one
#[derive(clap::Args)]
pub(super) struct WhoAmI {}

#[derive(Deserialize)]
struct Answer {
    username: String,
    method: String,
    role: Option<String>,
}

impl WhoAmI {
    pub(super) async fn run(self, client: &Client) -> Result<Report, Error> {
        let Answer { username, method, role } = client.get_json("/whoami").await?;
        let mut lines = vec![format!("username: {username}"), format!("method: {method}")];
        let mut json = json!({ "username": username, "method": method });
        if let (Some(role), Some(json)) = (role, json.as_object_mut()) {
            lines.push(format!("role: {role}"));
            json.insert("role".to_owned(), role.into());
        }
        Ok(Report::new(lines, json))
    }
}
