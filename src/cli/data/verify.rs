//! `claviger verify`

use std::path::{Path, PathBuf};

use clap::builder::NonEmptyStringValueParser;
use serde_json::json;

use super::cipher::MOST;
use super::message::Message;
use super::sign::Scheme;
use crate::cli::error::{Error, FileError, TAMPERED};
use crate::cli::named::resolve;
use crate::cli::report::Report;
use crate::cli::stream::Source;
use crate::cli::sym::HexBytes;
use crate::cli::words;
use crate::client::Client;
use crate::kmip::enumerations::{ObjectType, ValidityIndicator};
use crate::kmip::payloads::{MultiPart, mac_verify, signature_verify};
use crate::secret::Bytes;

/// The longest signature, in bytes: more than any key makes.
const LONGEST: usize = 64 << 10;

/// Verify the signature or the MAC of a file, and print `valid` or `invalid`; the exit status is then 0 or 7
#[derive(clap::Args)]
#[group(id = "proof", required = true, multiple = false, args = ["signature", "mac"])]
pub(in crate::cli) struct Verify {
    /// File whose signature or MAC it is; `-` for standard input
    #[arg(value_name = "FILE", default_value = "-")]
    input: PathBuf,
    /// Unique identifier or name of the public key, or of the key of the MAC
    #[arg(short, long, value_name = "KEY", value_parser = NonEmptyStringValueParser::new())]
    key: String,
    /// File with the signature, as `sign` writes it
    #[arg(long, value_name = "FILE")]
    signature: Option<PathBuf>,
    /// MAC in hexadecimal, as `mac` prints it
    #[arg(long, value_name = "HEX", value_parser = words::hexadecimal)]
    mac: Option<HexBytes>,
    #[command(flatten)]
    scheme: Scheme,
}

impl Verify {
    pub(super) async fn run(mut self, client: &Client) -> Result<Report, Error> {
        let (id, validity) = match (self.mac.take(), self.signature.take()) {
            (Some(mac), _) => self.mac(client, mac).await?,
            (None, Some(signature)) => self.signature(client, &signature).await?,
            (None, None) => return Err(Error::Usage("give --signature or --mac".to_owned())),
        };
        let is_valid = validity == ValidityIndicator::Valid;
        let report = |line: &str| Report::new([line.to_owned()], json!({ "unique_identifier": id, "valid": is_valid }));
        Ok(if is_valid { report("valid") } else { report("invalid").with_status(TAMPERED) })
    }

    async fn mac(&self, client: &Client, mac: HexBytes) -> Result<(String, ValidityIndicator), Error> {
        let id = resolve(client, &self.key, &[ObjectType::SymmetricKey]).await?;
        let answer = client
            .execute(mac_verify::Request {
                unique_identifier: Some(id.into()),
                cryptographic_parameters: self.scheme.parameters(),
                data: Some(Source::whole(&self.input, MOST, FileError::large).await?),
                mac_data: Some(Bytes::from(mac)),
                multi_part: MultiPart::default(),
            })
            .await?;
        let validity = answer.validity_indicator.ok_or(Error::Incomplete("validity"))?;
        Ok((answer.unique_identifier, validity))
    }

    async fn signature(&self, client: &Client, file: &Path) -> Result<(String, ValidityIndicator), Error> {
        let id = resolve(client, &self.key, &[ObjectType::PublicKey]).await?;
        let signature = Source::whole(file, LONGEST, FileError::large).await?;
        let message = Message::read(&self.input, self.scheme.hash, self.scheme.digest).await?;
        let answer = client
            .execute(signature_verify::Request {
                unique_identifier: Some(id.into()),
                cryptographic_parameters: self.scheme.parameters(),
                data: message.data,
                digested_data: message.digest,
                signature_data: Some(signature),
                multi_part: MultiPart::default(),
            })
            .await?;
        let validity = answer.validity_indicator.ok_or(Error::Incomplete("validity"))?;
        Ok((answer.unique_identifier, validity))
    }
}
