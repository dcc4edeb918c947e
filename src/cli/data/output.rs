//! The output of a short result: a signature, a MAC, a hash, random bytes.

use std::path::{Path, PathBuf};

use data_encoding::BASE64;
use serde_json::{Map, Value as Json};

use crate::cli::error::Error;
use crate::cli::report::Report;
use crate::cli::stream::DASH;
use crate::cli::target::{Existing, Target};
use crate::hexadecimal;
use crate::secret::Bytes;

/// How bytes are written: in hexadecimal or base64 with a line end, or as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Form {
    Hex,
    Base64,
    Raw,
}

/// Where a result is written.
#[derive(clap::Args)]
pub(super) struct Place {
    /// File to write, readable only by you; `-` for standard output
    #[arg(short, long, value_name = "FILE", default_value = "-")]
    output: PathBuf,
    /// Replace the output file if it exists
    #[arg(long)]
    force: bool,
}

impl Form {
    fn write(self, bytes: &Bytes) -> Bytes {
        match self.line(bytes) {
            Some(line) => Bytes::from(format!("{line}\n").into_bytes()),
            None => bytes.clone(),
        }
    }

    fn line(self, bytes: &[u8]) -> Option<String> {
        match self {
            Self::Hex => Some(hexadecimal::lower(bytes)),
            Self::Base64 => Some(BASE64.encode(bytes)),
            Self::Raw => None,
        }
    }
}

impl Place {
    pub(super) fn path(&self) -> &Path {
        &self.output
    }

    /// Returns whether `--force` is given.
    pub(super) fn is_forced(&self) -> bool {
        self.force
    }

    pub(super) fn existing(&self) -> Existing {
        Existing::forced(self.force)
    }

    /// Writes a result that belongs to an object, if there is one. In JSON it is called `name`, in hexadecimal.
    pub(super) async fn put(
        self,
        bytes: Bytes,
        form: Form,
        name: &str,
        object: Option<String>,
    ) -> Result<Report, Error> {
        let mut json = Map::new();
        json.extend(object.map(|id| ("unique_identifier".to_owned(), Json::String(id))));
        if self.output == Path::new(DASH) {
            json.insert(name.to_owned(), hexadecimal::lower(&bytes).into());
            return Ok(match form.line(&bytes) {
                Some(line) => Report::new([line], Json::Object(json)),
                None => Report::bytes(bytes, Json::Object(json)),
            });
        }
        let mut target = Target::create(&self.output, self.existing())?;
        target.write(form.write(&bytes)).await?;
        target.finish()?;
        json.insert("file".to_owned(), self.output.to_string_lossy().into());
        Ok(Report::quiet(Json::Object(json)))
    }
}
