//! `claviger wrap`

use clap::builder::NonEmptyStringValueParser;

use super::method::Method;
use super::output::Place;
use crate::cli::error::Error;
use crate::cli::keys::material::{self, Format};
use crate::cli::keys::written;
use crate::cli::named::{EXPORTED, resolve};
use crate::cli::report::Report;
use crate::cli::sym::wrapped_so;
use crate::cli::target::Target;
use crate::cli::words;
use crate::client::Client;
use crate::kmip::enumerations::HashingAlgorithm;
use crate::kmip::payloads::export::Request;

/// Write a key wrapped under another key
#[derive(clap::Args)]
pub(in crate::cli) struct Wrap {
    /// Unique identifier or name of the key to wrap
    #[arg(value_name = "KEY", value_parser = NonEmptyStringValueParser::new())]
    wrapped: String,
    /// Unique identifier or name of the wrapping key, whose usage must include wrap-key
    #[arg(short, long, value_name = "WRAPPING-KEY", value_parser = NonEmptyStringValueParser::new())]
    key: String,
    /// Method: kw (AES key wrap, RFC 3394), kwp (with padding, RFC 5649; for private keys), cbc (AES-CBC) or oaep (RSA-OAEP, under
    /// a public key)
    #[arg(long, value_name = "METHOD", value_enum, default_value = "kw", hide_possible_values = true)]
    method: Method,
    /// Hash of oaep [default: sha256]
    #[arg(long, value_name = "HASH", value_parser = words::hash(), hide_possible_values = true)]
    hash: Option<HashingAlgorithm>,
    #[command(flatten)]
    place: Place,
    /// Form of the wrapped key: raw, base64 or json-ttlv
    #[arg(short, long, value_name = "FORM", value_enum, default_value = "raw", hide_possible_values = true)]
    format: Format,
}

impl Wrap {
    pub(super) async fn run(self, client: &Client) -> Result<Report, Error> {
        if self.method == Method::Cbc && self.format != Format::JsonTtlv {
            return Err(Error::Usage("--method cbc: give --format json-ttlv, which also has the IV".to_owned()));
        }
        let (path, existing) = (self.place.path(), self.place.existing());
        let is_binary = self.format.is_binary();
        let mut target = if is_binary { Target::binary(path, existing) } else { Target::create(path, existing) }?;
        let wrapping = resolve(client, &self.key, &[self.method.wrapping_type(false)]).await?;
        let wrapped = resolve(client, &self.wrapped, &EXPORTED).await?;
        let answer = client
            .execute(Request {
                unique_identifier: Some(wrapped.into()),
                key_format_type: None,
                key_wrap_type: None,
                key_compression_type: None,
                key_wrapping_specification: Some(Box::new(wrapped_so(&wrapping, self.method.parameters(self.hash)))),
            })
            .await?;
        let object = answer.object.ok_or(Error::Incomplete("key"))?;
        target.write(material::write(Some(self.format), object)?).await?;
        target.finish()?;
        Ok(written(&answer.unique_identifier, path))
    }
}
