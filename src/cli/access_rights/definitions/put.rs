//! `claviger access-rights definitions put`

use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;

use super::kind::{kind, path};
use crate::api::definitions::Defined;
use crate::cli::error::{Error, FileError};
use crate::cli::report::Report;
use crate::cli::stream::{DASH, Source};
use crate::client::{Client, segment};
use crate::policy::Kind;

/// The largest definition, in bytes. The server has the same limit.
const MAX_FILE: usize = 256 << 10;

/// Create a definition, or replace the one with this name
///
/// The file holds JSON with the same keys as the table of the policy file:
/// {"capabilities": ["use"], "policies": ["all"]}
#[derive(clap::Args)]
pub(in crate::cli) struct Put {
    /// Kind of the definition
    #[arg(value_name = "KIND", value_parser = kind())]
    kind: Kind,
    /// Name of the definition; a user is written as in `access-rights explain`, an authenticator as ACCOUNT/SERVICE
    #[arg(value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    name: String,
    /// JSON file; `-` for standard input
    #[arg(long, value_name = "FILE", default_value = DASH)]
    file: PathBuf,
}

impl Put {
    pub(super) async fn run(self, client: &Client) -> Result<Report, Error> {
        let content = Source::whole(&self.file, MAX_FILE, FileError::large).await?;
        let path = format!("{}/{}", path(self.kind), segment(&self.name));
        let made: Defined = client.put_json(&path, content).await?;
        Ok(Report::of([], &made))
    }
}
