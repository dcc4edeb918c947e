//! Certificates in PEM (RFC 7468). No block is dropped silently: blocks of other known kinds are reported, and unknown
//! blocks are refused.

mod identity;

use std::fmt;
use std::path::Path;

use openssl::error::ErrorStack;
use openssl::x509::X509;

use crate::public_key::{self, Unsound, Warning};
use crate::x509::subject;

pub use identity::{Identity, IdentityFault, identity};

/// The largest number of blocks that a message lists.
const MAX_TOLD: usize = 8;

/// One block of a PEM text.
#[derive(Debug)]
pub struct Block {
    /// The label in the boundaries of the block.
    pub label: String,
    /// The line of the first boundary, from 1.
    pub line: usize,
    /// The text from the first boundary to the last, without white space at the ends of lines.
    pub text: Vec<u8>,
}

/// The kind of a block, by its label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// An X.509 certificate.
    Certificate,
    /// A certificate revocation list.
    Crl,
    /// A public key.
    PublicKey,
    /// A private key, encrypted or not.
    PrivateKey,
    /// Parameters of a group or a curve.
    Parameters,
    /// Anything else.
    Other,
}

/// A block that is ignored, because it is of another kind than the wanted ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// The label in the boundaries of the block.
    pub label: String,
    /// The line of the first boundary, from 1.
    pub line: usize,
}

/// The reason why a PEM text cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PemError {
    /// A block has no end, or another block's.
    #[error("the block {label} of line {line} has no end")]
    NoEnd {
        /// The label of the block.
        label: String,
        /// The line of the block.
        line: usize,
    },
    /// A line looks like a boundary but is not one. Ignoring it could drop a block silently.
    #[error("line {0} looks like the beginning of a PEM block, but is not one")]
    Boundary(usize),
    /// A block that is neither wanted nor known to be harmless.
    #[error("line {line} begins a block {label:?}{hint}", hint = hint(label))]
    Refused {
        /// The label of the block.
        label: String,
        /// The line of the block.
        line: usize,
    },
    /// A block whose content does not match its label.
    #[error("the block {label} of line {line} cannot be read: {source}")]
    Damaged {
        /// The label of the block.
        label: String,
        /// The line of the block.
        line: usize,
        /// The error of OpenSSL.
        source: ErrorStack,
    },
    /// There is no certificate, only these blocks.
    #[error("it holds no certificate{holds}", holds = Holds(.0))]
    NoCertificate(Vec<Skipped>),
    /// A certificate whose key is unsound.
    #[error("the key of {subject} (line {line}) cannot be trusted: {source}")]
    Unsound {
        /// The subject of the certificate.
        subject: String,
        /// The line of the certificate.
        line: usize,
        /// The reason.
        source: Unsound,
    },
}

/// The blocks that a file contains instead of the wanted ones, for a message.
pub struct Holds<'a>(pub &'a [Skipped]);

impl fmt::Display for Holds<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, Skipped { label, line }) in self.0.iter().take(MAX_TOLD).enumerate() {
            let word = if number == 0 { ": it holds a" } else { ", a" };
            write!(formatter, "{word} {label:?} (line {line})")?;
        }
        Ok(())
    }
}

/// Returns what to do about a block that is refused.
fn hint(label: &str) -> &'static str {
    match label {
        "TRUSTED CERTIFICATE" => ", whose trust settings are not supported: convert it with `openssl x509`",
        "PKCS7" | "CMS" => ": extract its certificates with `openssl pkcs7 -print_certs`",
        _ => ", which is unknown: remove it",
    }
}

/// The certificates of a PEM text.
#[derive(Debug)]
pub struct Certificates {
    /// The certificates, each with its line.
    pub certificates: Vec<(usize, X509)>,
    /// The other blocks, which were ignored.
    pub skipped: Vec<Skipped>,
    /// Warnings about the keys of the certificates, each with the certificate's subject.
    pub warnings: Vec<(String, Warning)>,
}

impl Certificates {
    /// Logs the ignored blocks of a file, and the warnings about the keys.
    pub fn log_findings(&self, path: &Path) {
        log_skipped(path, &self.skipped);
        for (subject, warning) in &self.warnings {
            tracing::warn!(file = %path.display(), subject, %warning, "the key of an authority is weak");
        }
    }
}

/// Logs the ignored blocks of a file.
pub fn log_skipped(path: &Path, skipped: &[Skipped]) {
    for Skipped { label, line } in skipped {
        tracing::warn!(file = %path.display(), line, block = label, "this PEM block is ignored: the file should not contain blocks of this kind");
    }
}

/// Reads the certificates of a PEM text. Their keys must be sound. Keys, CRLs and parameters are ignored; any other
/// block is refused.
///
/// # Errors
/// The text is not well-formed, contains a block that is refused, or contains a certificate that cannot be read or
/// trusted.
pub fn certificates(pem: &[u8]) -> Result<Certificates, PemError> {
    let mut read = Certificates { certificates: Vec::new(), skipped: Vec::new(), warnings: Vec::new() };
    for Block { label, line, text } in blocks(pem)? {
        match kind(&label) {
            Kind::Certificate => {}
            Kind::Other => return Err(PemError::Refused { label, line }),
            _ => {
                read.skipped.push(Skipped { label, line });
                continue;
            }
        }
        let certificate = X509::from_pem(&text);
        let key = certificate.and_then(|own| own.public_key().map(|key| (own, key)));
        let (certificate, key) = key.map_err(|source| PemError::Damaged { label, line, source })?;
        match public_key::check(&key) {
            Ok(warning) => read.warnings.extend(warning.map(|warning| (subject(&certificate), warning))),
            Err(source) => return Err(PemError::Unsound { subject: subject(&certificate), line, source }),
        }
        read.certificates.push((line, certificate));
    }
    Ok(read)
}

/// Returns the kind of a block from its label.
#[must_use]
pub fn kind(label: &str) -> Kind {
    match label {
        "CERTIFICATE" | "X509 CERTIFICATE" => Kind::Certificate,
        "X509 CRL" => Kind::Crl,
        "PUBLIC KEY" | "RSA PUBLIC KEY" | "DSA PUBLIC KEY" | "EC PUBLIC KEY" => Kind::PublicKey,
        "PRIVATE KEY"
        | "ENCRYPTED PRIVATE KEY"
        | "ANY PRIVATE KEY"
        | "RSA PRIVATE KEY"
        | "EC PRIVATE KEY"
        | "DSA PRIVATE KEY"
        | "OPENSSH PRIVATE KEY" => Kind::PrivateKey,
        "DH PARAMETERS" | "X9.42 DH PARAMETERS" | "EC PARAMETERS" | "DSA PARAMETERS" => Kind::Parameters,
        _ => Kind::Other,
    }
}

/// Returns the blocks of a PEM text. Text between blocks is ignored, as RFC 7468 section 5.2 allows.
///
/// # Errors
/// A block has no end, or a line looks like a boundary but is not one.
pub fn blocks(pem: &[u8]) -> Result<Vec<Block>, PemError> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    let text = pem.strip_prefix("\u{feff}".as_bytes()).unwrap_or(pem);
    for (number, line) in text.split(|byte| *byte == b'\n').enumerate() {
        let line = line.trim_ascii();
        let label = |prefix: &[u8]| {
            let label = line.strip_prefix(prefix)?.strip_suffix(b"-----")?;
            std::str::from_utf8(label).ok().filter(|label| !label.contains("--"))
        };
        match (&mut open, label(b"-----BEGIN "), label(b"-----END ")) {
            (None, Some(label), _) => {
                let text = [line, b"\n"].concat();
                open = Some(Block { label: label.to_owned(), line: number + 1, text });
            }
            (None, None, None) if is_like_a_boundary(line) => return Err(PemError::Boundary(number + 1)),
            (None, ..) => {}
            (Some(block), begun, ended) => {
                block.text.extend([line, b"\n"].concat());
                if begun.is_some() || ended.is_some_and(|label| label != block.label) {
                    return Err(PemError::NoEnd { label: block.label.clone(), line: block.line });
                }
                if ended.is_some() {
                    blocks.extend(open.take());
                }
            }
        }
    }
    match open {
        Some(Block { label, line, .. }) => Err(PemError::NoEnd { label, line }),
        None => Ok(blocks),
    }
}

/// Whether a line was probably meant to be the first line of a block.
fn is_like_a_boundary(line: &[u8]) -> bool {
    line.starts_with(b"--") && line.windows(6).any(|word| word == b"BEGIN ")
}
