//! `claviger keys export`

use std::path::{Path, PathBuf};

use clap::builder::NonEmptyStringValueParser;
use serde_json::json;

use super::material::{self, Format};
use crate::cli::error::Error;
use crate::cli::named::{EXPORTED, resolve};
use crate::cli::report::Report;
use crate::cli::stream::DASH;
use crate::cli::target::{Existing, Target};
use crate::client::Client;
use crate::kmip::payloads::export::Request;

/// Write a key that may leave to a file that only you can read
#[derive(clap::Args)]
pub(in crate::cli) struct Export {
    /// Unique identifier or name of the key
    #[arg(value_name = "KEY", value_parser = NonEmptyStringValueParser::new())]
    key: String,
    /// File to write; `-` for standard output
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Format of the file [default: pem for private and public keys, json-ttlv for symmetric keys]
    #[arg(short, long, value_name = "FORMAT", value_enum)]
    format: Option<Format>,
    /// Replace the file if it exists
    #[arg(long)]
    force: bool,
}

impl Export {
    pub(super) async fn run(self, client: &Client) -> Result<Report, Error> {
        let existing = Existing::forced(self.force);
        let is_binary = self.format.is_some_and(Format::is_binary);
        let mut target =
            if is_binary { Target::binary(&self.file, existing) } else { Target::create(&self.file, existing) }?;
        let id = resolve(client, &self.key, &EXPORTED).await?;
        let answer = client
            .execute(Request {
                unique_identifier: Some(id.into()),
                key_format_type: None,
                key_wrap_type: None,
                key_compression_type: None,
                key_wrapping_specification: None,
            })
            .await?;
        let object = answer.object.ok_or(Error::Incomplete("key"))?;
        target.write(material::write(self.format, object)?).await?;
        target.finish()?;
        Ok(written(&answer.unique_identifier, &self.file))
    }
}

/// Returns the report of a file that was written.
pub(in crate::cli) fn written(id: &str, file: &Path) -> Report {
    if file == Path::new(DASH) {
        return Report::none();
    }
    Report::quiet(json!({ "unique_identifier": id, "file": file.to_string_lossy() }))
}
