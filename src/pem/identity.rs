//! A private key and its certificates in PEM, as cert-manager, step and Vault issue them: the key in PKCS#8 (RFC 5958),
//! PKCS#1 (RFC 8017) or SEC 1 (RFC 5915), the own certificate first, then those of its issuers.

use openssl::error::ErrorStack;
use openssl::pkey::{PKey, Private};
use openssl::x509::X509;
use zeroize::Zeroize as _;

use super::{Block, Kind, PemError, Skipped, blocks, certificates, kind};

/// A private key and its certificates.
pub struct Identity {
    /// The private key.
    pub key: PKey<Private>,
    /// The certificate of the key.
    pub certificate: X509,
    /// The other certificates, in the order of the file.
    pub others: Vec<X509>,
}

/// The reason why two PEM texts are not an identity.
#[derive(Debug, thiserror::Error)]
pub enum IdentityFault {
    /// The text of the certificates cannot be used.
    #[error(transparent)]
    Certificates(PemError),
    /// The text of the key cannot be used.
    #[error(transparent)]
    Key(PemError),
    /// The text of the key holds no private key.
    #[error("it holds no private key")]
    NoKey,
    /// The text of the key holds several private keys.
    #[error("it holds several private keys: keep the one of the certificate")]
    SeveralKeys,
    /// The private key is encrypted.
    #[error(
        "its private key is encrypted: give a PKCS#12 file in its place, or decrypt it with `openssl pkey -in FILE -out PLAIN` \
         and keep PLAIN from other users"
    )]
    Encrypted,
    /// None of the certificates is the key's.
    #[error("none of the certificates is of the private key: was one of the two files replaced?")]
    Mismatch,
}

impl IdentityFault {
    /// Whether the fault is one of the text of the key.
    #[must_use]
    pub fn is_of_key(&self) -> bool {
        matches!(self, Self::Key(_) | Self::NoKey | Self::SeveralKeys | Self::Encrypted)
    }
}

/// Reads a private key and its certificates. The two texts may be the same. The own certificate should be the first one;
/// if it is not, the first one with the private key's public key is taken.
///
/// # Errors
/// See [`IdentityFault`].
pub fn identity(certificate_pem: &[u8], key_pem: &[u8]) -> Result<Identity, IdentityFault> {
    let key = private_key(key_pem)?;
    let read = certificates(certificate_pem).map_err(IdentityFault::Certificates)?;
    if read.certificates.is_empty() {
        let skipped = read.skipped.into_iter().filter(|Skipped { label, .. }| kind(label) != Kind::PrivateKey);
        return Err(IdentityFault::Certificates(PemError::NoCertificate(skipped.collect())));
    }
    let mut others: Vec<X509> = read.certificates.into_iter().map(|(_, certificate)| certificate).collect();
    let is_own = |certificate: &X509| certificate.public_key().is_ok_and(|public| key.public_eq(&public));
    let place = others.iter().position(is_own).ok_or(IdentityFault::Mismatch)?;
    let certificate = others.remove(place);
    Ok(Identity { key, certificate, others })
}

/// Reads the only private key of a text. Certificates and parameters beside it are ignored.
fn private_key(pem: &[u8]) -> Result<PKey<Private>, IdentityFault> {
    let mut blocks = blocks(pem).map_err(IdentityFault::Key)?;
    let read = only_key(&blocks);
    for block in &mut blocks {
        block.text.zeroize();
    }
    read
}

fn only_key(blocks: &[Block]) -> Result<PKey<Private>, IdentityFault> {
    let mut keys = blocks.iter().filter(|block| kind(&block.label) == Kind::PrivateKey);
    let block = match (keys.next(), keys.next()) {
        (None, _) => return Err(IdentityFault::NoKey),
        (Some(_), Some(_)) => return Err(IdentityFault::SeveralKeys),
        (Some(block), None) => block,
    };
    // The second form is that of OpenSSL before PKCS#8 (RFC 1421 section 4.6.1.1).
    if block.label.starts_with("ENCRYPTED") || block.text.windows(10).any(|window| window == b"ENCRYPTED\n") {
        return Err(IdentityFault::Encrypted);
    }
    // Without the callback, OpenSSL would ask a terminal for a password.
    PKey::private_key_from_pem_callback(&block.text, |_| Err(ErrorStack::get())).map_err(|source| {
        IdentityFault::Key(PemError::Damaged { label: block.label.clone(), line: block.line, source })
    })
}
