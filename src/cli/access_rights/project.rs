//! `claviger access-rights project`

use super::ownership::change;
use super::which::Which;
use crate::api::access::InProject;
use crate::cli::error::Error;
use crate::cli::report::Report;
use crate::client::Client;

/// Move an object into a project, or out of its project
#[derive(clap::Args)]
#[command(group = clap::ArgGroup::new("place").required(true).args(["to", "none"]))]
pub(in crate::cli) struct Project {
    #[command(flatten)]
    which: Which,
    /// Project to move the object into
    #[arg(long, value_name = "PROJECT")]
    to: Option<String>,
    /// Move the object out of its project
    #[arg(long)]
    none: bool,
}

impl Project {
    pub(super) async fn run(self, client: &Client) -> Result<Report, Error> {
        let body = InProject { unique_identifier: self.which.id(client).await?, project: self.to };
        change(client, "/access/project", &body.unique_identifier, &body).await
    }
}
