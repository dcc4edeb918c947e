//! `claviger audit public-key` and `head`, and lines from the server.

use std::path::{Path, PathBuf};

use serde_json::json;

use crate::api::audit::{Found, Search};
use crate::audit::search::Filter;
use crate::cli::error::{AuditError, Error};
use crate::cli::report::{Report, complain};
use crate::cli::stream::DASH;
use crate::cli::target::{Existing, Target};
use crate::client::Client;

/// Print the public key that verifies the server's audit log, in PEM; for any caller
#[derive(clap::Args)]
pub(in crate::cli) struct PublicKey {
    #[command(flatten)]
    output: Output,
}

/// Print the last checkpoint that the server's database has a record of: keep it, so that `verify --head` detects a
/// truncated log
///
/// For administrators and auditors.
#[derive(clap::Args)]
pub(in crate::cli) struct Head {
    #[command(flatten)]
    output: Output,
}

#[derive(clap::Args)]
struct Output {
    /// File to write
    #[arg(short, long, value_name = "FILE", default_value = DASH)]
    output: PathBuf,
    /// Replace the file if it exists
    #[arg(long)]
    force: bool,
}

impl PublicKey {
    pub(super) async fn run(self, client: &Client) -> Result<Report, Error> {
        self.output.write(client, "/audit/public-key").await
    }
}

impl Head {
    pub(super) async fn run(self, client: &Client) -> Result<Report, Error> {
        self.output.write(client, "/audit/head").await
    }
}

impl Output {
    async fn write(self, client: &Client, path: &str) -> Result<Report, Error> {
        let existing = Existing::forced(self.force);
        let mut target = Target::create(&self.output, existing)?;
        target.write(client.get(path).await?.body).await?;
        target.finish()?;
        if self.output == Path::new(DASH) {
            return Ok(Report::none());
        }
        Ok(Report::quiet(json!({ "file": self.output.to_string_lossy() })))
    }
}

/// Returns the newest lines of the server's log that match the filter.
pub(super) async fn search(client: &Client, filter: Filter, limit: usize) -> Result<Vec<String>, Error> {
    let Filter { object, caller, operation, outcome, from, to, after: _ } = filter;
    let body = Search { object, caller, operation, outcome, from, to, limit: Some(limit) };
    let found: Found = client.post_json("/audit/search", &body).await?;
    if !found.complete {
        complain(&AuditError::NotSearched.into(), false);
    }
    Ok(found.lines)
}
