//! `claviger keys show`

use clap::builder::NonEmptyStringValueParser;

use crate::cli::attributes::shown;
use crate::cli::error::Error;
use crate::cli::named::{KEYS, resolve};
use crate::cli::report::Report;
use crate::client::Client;

/// Print the attributes of a key, one per line: `Name: value`
#[derive(clap::Args)]
pub(in crate::cli) struct Show {
    /// Unique identifier or name of the key
    #[arg(value_name = "KEY", value_parser = NonEmptyStringValueParser::new())]
    key: String,
}

impl Show {
    pub(super) async fn run(self, client: &Client) -> Result<Report, Error> {
        let id = resolve(client, &self.key, &KEYS).await?;
        shown(client, id, Vec::new()).await
    }
}
