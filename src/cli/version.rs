//! `claviger version`

use serde::Deserialize;
use serde_json::json;

use super::{Error, Report};
use crate::client::{self, Client};

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Print the version of this program, and of the server if it can be reached
#[derive(clap::Args)]
pub(super) struct Version {}

#[derive(Deserialize)]
struct Answer {
    version: String,
}

impl Version {
    pub(super) async fn run(self, client: &Client) -> Result<Report, Error> {
        let own = format!("claviger {VERSION}");
        let url = client.url().to_string();
        match client.get_json::<Answer>("/version").await {
            Ok(Answer { version }) => {
                let json = json!({ "version": VERSION, "server": { "version": version, "url": url } });
                Ok(Report::new([own, format!("server {version} at {url}")], json))
            }
            // A server that is away does not make this program's version less true.
            Err(client::Error::Http(error)) => {
                let json = json!({ "version": VERSION, "server": null, "reason": error.to_string() });
                Ok(Report::new([own, format!("server not reached: {error}")], json))
            }
            Err(error) => Err(error.into()),
        }
    }
}
