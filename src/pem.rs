//! Certificates in PEM (RFC 7468), read so that no block vanishes: what is not wanted is named, and what nobody knows is
//! refused.

use std::fmt;
use std::path::Path;

use openssl::error::ErrorStack;
use openssl::x509::{X509, X509Ref};

use crate::public_key::{self, Unsound, Warning};
use crate::text::Whole;

/// The most blocks that a message names.
const MAX_TOLD: usize = 8;

/// One block, with the line of the text on which it begins, from 1.
#[derive(Debug)]
pub struct Block {
    /// What its boundaries say that it is.
    pub label: String,
    /// The line of its first boundary.
    pub line: usize,
    /// From the first boundary to the last, without white space at the ends of lines.
    pub text: Vec<u8>,
}

/// What a block is, by its label.
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

/// A block that is passed over, because it stands beside those that are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// What its boundaries say that it is.
    pub label: String,
    /// The line of its first boundary.
    pub line: usize,
}

/// Why a PEM text cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PemError {
    /// A block without its end, or with another one's.
    #[error("the block {label} of line {line} has no end")]
    NoEnd {
        /// Its label.
        label: String,
        /// Its line.
        line: usize,
    },
    /// What looks like a boundary and is none would make a block vanish.
    #[error("line {0} is not the beginning of a PEM block, though it looks like one")]
    Boundary(usize),
    /// A block that is neither wanted nor known to be harmless.
    #[error("line {line} begins a block {label:?}{hint}", hint = hint(label))]
    Refused {
        /// Its label.
        label: String,
        /// Its line.
        line: usize,
    },
    /// A block that is not what its label says.
    #[error("the block {label} of line {line} cannot be read: {source}")]
    Damaged {
        /// Its label.
        label: String,
        /// Its line.
        line: usize,
        /// What OpenSSL says.
        source: ErrorStack,
    },
    /// Nothing of what is wanted.
    #[error("it holds no certificate{holds}", holds = Holds(.0))]
    NoCertificate(Vec<Skipped>),
    /// A certificate whose key proves nothing.
    #[error("the key of {subject} (line {line}) cannot be trusted: {source}")]
    Unsound {
        /// The subject of the certificate.
        subject: String,
        /// Its line.
        line: usize,
        /// Why.
        source: Unsound,
    },
}

/// What a file holds in the place of what is wanted, in a message.
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

/// What to do about a block that is refused.
fn hint(label: &str) -> &'static str {
    match label {
        "TRUSTED CERTIFICATE" => ", whose trust settings are not looked at: convert it by `openssl x509`",
        "PKCS7" | "CMS" => ": take its certificates out by `openssl pkcs7 -print_certs`",
        _ => ", which is not known: remove it",
    }
}

/// The certificates of a PEM text.
#[derive(Debug)]
pub struct Certificates {
    /// Each with its line.
    pub certificates: Vec<(usize, X509)>,
    /// What stands beside them.
    pub skipped: Vec<Skipped>,
    /// What is to be said of their keys, by their subjects.
    pub warnings: Vec<(String, Warning)>,
}

impl Certificates {
    /// Says in the log what stands beside the certificates of a file, and what is to be said of their keys.
    pub fn tell(&self, path: &Path) {
        tell(path, &self.skipped);
        for (subject, warning) in &self.warnings {
            tracing::warn!(file = %path.display(), subject, %warning, "the key of an authority is weak");
        }
    }
}

/// Says in the log which blocks of a file are passed over.
pub fn tell(path: &Path, skipped: &[Skipped]) {
    for Skipped { label, line } in skipped {
        tracing::warn!(file = %path.display(), line, block = label, "this PEM block is not looked at: it is not what the file is for");
    }
}

/// Reads the certificates of a PEM text, whose keys must be sound. Keys, CRLs and parameters beside them are skipped; any other
/// block is refused.
///
/// # Errors
/// The text is not well-formed, holds a block that is refused, or a certificate that cannot be read or trusted.
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

/// What a block is.
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

/// The blocks of a PEM text. Text between them is passed over, as RFC 7468 section 5.2 allows.
///
/// # Errors
/// A block has no end, or something looks like a block and is none.
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

/// What somebody meant to be the first line of a block.
fn is_like_a_boundary(line: &[u8]) -> bool {
    line.starts_with(b"--") && line.windows(6).any(|word| word == b"BEGIN ")
}

/// The subject as one line for messages, escaped by [`crate::text`].
#[must_use]
pub fn subject(certificate: &X509Ref) -> String {
    let entries = certificate.subject_name().entries().map(|entry| {
        let name = entry.object().nid().short_name().unwrap_or("?");
        match entry.data().to_string() {
            Ok(value) => format!("{name}={}", Whole(value)),
            Err(_) => format!("{name}={}", entry.data().as_slice().escape_ascii()),
        }
    });
    entries.collect::<Vec<_>>().join(", ")
}
