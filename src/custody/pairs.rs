//! Key pairs of callers. The private half is kept like any other key; the public half is a SubjectPublicKeyInfo.

use claviger_pkcs11::{Curve, Hash, PairKind, PublicParts, SignatureMechanism as Signature, Uses};
use openssl::bn::{BigNum, BigNumContext};
use openssl::ec::{EcGroup, EcKey, EcPoint};
use openssl::error::ErrorStack;
use openssl::md::{Md, MdRef};
use openssl::nid::Nid;
use openssl::pkey::{Id, PKey};
use openssl::rsa::Rsa;

use super::error::Error;
use super::key::{ManagedKey, private_spec};
use super::placed::PLACED_LABEL;
use super::state::Custody;
use crate::metrics::HsmCall;
use crate::signature::{self, Scheme, ecdsa_to_der, is_of_digest};
use crate::store::object::{Class, Material};

impl Custody {
    /// Makes a pair inside the token, whose private half has these uses. Returns the place of its private half, and its
    /// public half as a SubjectPublicKeyInfo in DER (RFC 5280 section 4.1.2.7).
    ///
    /// # Errors
    /// The token is unavailable, or [`Error::NoPairs`].
    pub fn generate_pair(&self, class: Class, kind: PairKind, uses: Uses) -> Result<(Material, Vec<u8>), Error> {
        if !self.makes(kind) {
            return Err(Error::NoPairs(kind));
        }
        let (material, parts) = if self.is_placing() || !self.abilities.wraps(kind) {
            let spec = private_spec(class, kind, uses);
            self.place(HsmCall::Pair, |device, id| Ok(device.generate_token_pair(id, PLACED_LABEL, &spec)?))?
        } else {
            self.run(HsmCall::Pair, |device| {
                let roots = self.roots();
                let kek = roots.kek(class).ok_or(Error::UnknownKek)?;
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

    /// Whether the token makes pairs of this kind.
    #[must_use]
    pub fn makes(&self, kind: PairKind) -> bool {
        self.abilities.makes(kind)
    }

    /// Signs a digest in the token; by Ed25519 the data itself. For ECDSA, returns an ECDSA-Sig-Value in DER (RFC 3279
    /// section 2.2.3).
    ///
    /// # Errors
    /// The token is unavailable, or the key does not fit the mechanism.
    pub fn sign(&self, key: &ManagedKey, mechanism: Signature, data: &[u8]) -> Result<Vec<u8>, Error> {
        key.expect_signing(mechanism)?;
        let signature = self.with(HsmCall::Sign, key, |device, handle| device.sign(handle, mechanism, data))?;
        match mechanism {
            Signature::Ecdsa { .. } => ecdsa_to_der(&signature).map_err(Error::Signature),
            Signature::Pkcs1v15(_) | Signature::Pss { .. } | Signature::Ed25519 => Ok(signature),
        }
    }
}

/// Whether `signature` is a signature of the digest, or by Ed25519 of the data, by the private half of `public_key`, a
/// SubjectPublicKeyInfo in DER. OpenSSL verifies it without the token, because nothing in it is secret.
///
/// # Errors
/// OpenSSL cannot read the key.
pub fn is_signature(
    public_key: &[u8],
    mechanism: Signature,
    data: &[u8],
    signature: &[u8],
) -> Result<bool, ErrorStack> {
    let key = PKey::public_key_from_der(public_key)?;
    Ok(match mechanism {
        Signature::Pkcs1v15(hash) => is_of_digest(&key, Scheme::Pkcs1v15, md(hash), data, signature),
        Signature::Ecdsa { hash, .. } => is_of_digest(&key, Scheme::Ecdsa, md(hash), data, signature),
        Signature::Pss { hash, mask, salt } => {
            signature::is_pss_of_digest(&key, [md(hash), md(mask)], salt, data, signature)
        }
        Signature::Ed25519 => signature::is_ed25519(&key, data, signature),
    })
}

/// OpenSSL's implementation of a hash.
#[must_use]
pub fn md(hash: Hash) -> &'static MdRef {
    match hash {
        Hash::Sha1 => Md::sha1(),
        Hash::Sha224 => Md::sha224(),
        Hash::Sha256 => Md::sha256(),
        Hash::Sha384 => Md::sha384(),
        Hash::Sha512 => Md::sha512(),
    }
}

/// OpenSSL's number of a curve.
#[must_use]
pub fn curve_name(curve: Curve) -> Nid {
    match curve {
        Curve::P256 => Nid::X9_62_PRIME256V1,
        Curve::P384 => Nid::SECP384R1,
        Curve::P521 => Nid::SECP521R1,
        Curve::Secp256k1 => Nid::SECP256K1,
    }
}

fn public_key_info(parts: &PublicParts) -> Result<Vec<u8>, ErrorStack> {
    match parts {
        PublicParts::Rsa { modulus, exponent } => {
            Rsa::from_public_components(BigNum::from_slice(modulus)?, BigNum::from_slice(exponent)?)?
                .public_key_to_der()
        }
        PublicParts::Ec(curve, point) => {
            let group = EcGroup::from_curve_name(curve_name(*curve))?;
            let point = EcPoint::from_bytes(&group, point, &mut *BigNumContext::new()?)?;
            let key = EcKey::from_public_key(&group, &point)?;
            key.check_key()?;
            key.public_key_to_der()
        }
        PublicParts::Ed25519(point) => PKey::public_key_from_raw_bytes(point, Id::ED25519)?.public_key_to_der(),
        PublicParts::X25519(point) => PKey::public_key_from_raw_bytes(point, Id::X25519)?.public_key_to_der(),
    }
}
