//! Key pairs of callers. The private half is kept like any other sealed key; the public half is a SubjectPublicKeyInfo.

use claviger_pkcs11::{Hash, PairKind, PublicParts, SignatureMechanism as Signature};
use openssl::bn::BigNum;
use openssl::error::ErrorStack;
use openssl::md::{Md, MdRef};
use openssl::pkey::PKey;
use openssl::rsa::Rsa;

use super::error::Error;
use super::key::ManagedKey;
use super::placed::PLACED_LABEL;
use super::signing::on_curve;
use super::state::Custody;
use crate::metrics::HsmCall;
use crate::signature::{Scheme, ecdsa_to_der, is_of_digest};
use crate::store::object::{Class, Material};

impl Custody {
    /// Makes a pair inside the token. Returns the place of its private half, and its public half as a
    /// SubjectPublicKeyInfo in DER (RFC 5280 section 4.1.2.7).
    ///
    /// # Errors
    /// The token is unavailable or cannot make such a pair, or too many callers wait for theirs.
    pub fn generate_pair(&self, kind: PairKind) -> Result<(Material, Vec<u8>), Error> {
        let _turn = match kind {
            PairKind::Rsa { .. } => Some(self.pairs.take()?),
            PairKind::P256 => None,
        };
        let (material, parts) = if self.is_placing() {
            self.place(HsmCall::Pair, |device, id| Ok(device.generate_token_pair(id, PLACED_LABEL, kind)?))?
        } else {
            self.run(HsmCall::Pair, |device| {
                let roots = self.roots();
                let kek = roots.kek(Class::Sealing).ok_or(Error::UnknownKek)?;
                let (blob, parts) = device.generate_wrapped_pair(&kek.key, kind)?;
                Ok((Material::Wrapped { kek: kek.cka_id.clone(), blob }, parts))
            })?
        };
        match public_key_info(&parts) {
            Ok(info) => Ok((material, info)),
            Err(error) => {
                self.discard(&material)?;
                Err(Error::PublicKey(error))
            }
        }
    }

    /// Signs a digest in the token. For ECDSA, returns an ECDSA-Sig-Value in DER (RFC 3279 section 2.2.3).
    ///
    /// # Errors
    /// The token is unavailable, or the key does not fit the mechanism.
    pub fn sign(&self, key: &ManagedKey, mechanism: Signature, digest: &[u8]) -> Result<Vec<u8>, Error> {
        key.expect_signing(mechanism)?;
        let signature = self.with(HsmCall::Sign, key, |device, handle| device.sign(handle, mechanism, digest))?;
        match mechanism {
            Signature::Ecdsa(_) => ecdsa_to_der(&signature).map_err(Error::Signature),
            Signature::Pkcs1v15(_) | Signature::Pss(_) => Ok(signature),
        }
    }
}

/// Whether `signature` is a signature of the digest by the private half of `public_key`, a SubjectPublicKeyInfo in DER.
/// OpenSSL verifies it without the token, because nothing in it is secret.
///
/// # Errors
/// OpenSSL cannot read the key.
pub fn is_signature(
    public_key: &[u8],
    mechanism: Signature,
    digest: &[u8],
    signature: &[u8],
) -> Result<bool, ErrorStack> {
    let key = PKey::public_key_from_der(public_key)?;
    let scheme = match mechanism {
        Signature::Pkcs1v15(_) => Scheme::Pkcs1v15,
        Signature::Pss(_) => Scheme::Pss,
        Signature::Ecdsa(_) => Scheme::Ecdsa,
    };
    Ok(is_of_digest(&key, scheme, md(mechanism.hash()), digest, signature))
}

fn md(hash: Hash) -> &'static MdRef {
    match hash {
        Hash::Sha256 => Md::sha256(),
        Hash::Sha384 => Md::sha384(),
        Hash::Sha512 => Md::sha512(),
    }
}

fn public_key_info(parts: &PublicParts) -> Result<Vec<u8>, ErrorStack> {
    match parts {
        PublicParts::Rsa { modulus, exponent } => {
            Rsa::from_public_components(BigNum::from_slice(modulus)?, BigNum::from_slice(exponent)?)?
                .public_key_to_der()
        }
        PublicParts::P256(point) => on_curve(point)?.public_key_to_der(),
    }
}
