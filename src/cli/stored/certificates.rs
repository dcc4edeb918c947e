//! `claviger certificates`

use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;
use openssl::x509::X509;

use super::{List, MAX_FILE, got, registered};
use crate::cli::confirmation::Confirmation;
use crate::cli::error::{Error, FileError, KeyFileFault};
use crate::cli::keys::{Revocation, armoured, destroyed, written};
use crate::cli::labels::{Labels, now};
use crate::cli::named::resolve;
use crate::cli::report::{Report, made};
use crate::cli::stream::Source;
use crate::cli::target::{Existing, Target};
use crate::client::Client;
use crate::kmip::ManagedObject;
use crate::kmip::enumerations::{CertificateType, ObjectType};
use crate::kmip::objects::Certificate;
use crate::secret::Bytes;

const NOUN: &str = "certificates";

const TYPES: [ObjectType; 1] = [ObjectType::Certificate];

/// Register, get, list, revoke and destroy X.509 certificates
#[derive(clap::Subcommand)]
pub(in crate::cli) enum Certificates {
    Register(Register),
    Get(Get),
    List(List),
    Revoke(Revoke),
    Destroy(Destroy),
}

/// Register a certificate and print its unique identifier
#[derive(clap::Args)]
pub(in crate::cli) struct Register {
    /// File with one certificate in PEM or DER; `-` for standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    labels: Labels,
}

/// Print a certificate in PEM, or write it to a file
#[derive(clap::Args)]
pub(in crate::cli) struct Get {
    /// Unique identifier or name of the certificate
    #[arg(value_name = "CERTIFICATE", value_parser = NonEmptyStringValueParser::new())]
    certificate: String,
    /// File to write; `-` for standard output
    #[arg(short, long, value_name = "FILE", default_value = "-")]
    output: PathBuf,
    /// Replace the file if it exists
    #[arg(long)]
    force: bool,
    /// Write DER instead of PEM
    #[arg(long)]
    der: bool,
}

/// Revoke a certificate
#[derive(clap::Args)]
pub(in crate::cli) struct Revoke {
    /// Unique identifier or name of the certificate
    #[arg(value_name = "CERTIFICATE", value_parser = NonEmptyStringValueParser::new())]
    certificate: String,
    #[command(flatten)]
    revocation: Revocation,
}

/// Destroy a certificate permanently; an active one must be revoked first
#[derive(clap::Args)]
pub(in crate::cli) struct Destroy {
    /// Unique identifier or name of the certificate
    #[arg(value_name = "CERTIFICATE", value_parser = NonEmptyStringValueParser::new())]
    certificate: String,
    #[command(flatten)]
    confirmation: Confirmation,
}

impl Certificates {
    pub(in crate::cli) async fn run(self, client: &Client) -> Result<Report, Error> {
        match self {
            Self::Register(command) => command.run(client).await,
            Self::Get(command) => command.run(client).await,
            Self::List(command) => command.run(client, ObjectType::Certificate).await,
            Self::Revoke(command) => command.revocation.revoked(client, &command.certificate, &TYPES).await,
            Self::Destroy(command) => {
                destroyed(client, (NOUN, &TYPES), &command.certificate, &command.confirmation).await
            }
        }
    }
}

impl Register {
    async fn run(self, client: &Client) -> Result<Report, Error> {
        let content = Source::whole(&self.file, MAX_FILE, FileError::large).await?;
        let read = X509::from_pem(&content).or_else(|_| X509::from_der(&content));
        let der = read.and_then(|certificate| certificate.to_der()).map_err(|_| Error::NotReadable {
            path: self.file.clone(),
            format: "a certificate in PEM or DER",
            fault: KeyFileFault::NotCertificate,
        })?;
        let mut attributes = self.labels.attributes();
        attributes.activation_date = Some(now());
        let object = ManagedObject::Certificate(Certificate {
            certificate_type: CertificateType::X_509,
            certificate_value: Bytes::from(der),
        });
        Ok(made(&registered(client, self.labels.id, attributes, object).await?))
    }
}

impl Get {
    async fn run(self, client: &Client) -> Result<Report, Error> {
        let existing = Existing::forced(self.force);
        let mut target =
            if self.der { Target::binary(&self.output, existing) } else { Target::create(&self.output, existing) }?;
        let id = resolve(client, &self.certificate, &TYPES).await?;
        let answer = got(client, id).await?;
        let ManagedObject::Certificate(certificate) = answer.object else {
            return Err(Error::Incomplete("certificate"));
        };
        let der = certificate.certificate_value;
        target.write(if self.der { der } else { armoured("CERTIFICATE", &der) }).await?;
        target.finish()?;
        Ok(written(&answer.unique_identifier, &self.output))
    }
}
