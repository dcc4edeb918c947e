//! Verification of signatures: the one implementation for JWTs, KMIP and the audit log. It uses no secrets and makes no
//! signatures.

use openssl::bn::BigNum;
use openssl::ecdsa::EcdsaSig;
use openssl::error::ErrorStack;
use openssl::md::MdRef;
use openssl::md_ctx::MdCtx;
use openssl::pkey::{PKeyRef, Public};
use openssl::pkey_ctx::PkeyCtx;
use openssl::rsa::Padding;
use openssl::sign::{RsaPssSaltlen, Verifier};

/// A signature scheme.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// RSASSA-PKCS1-v1_5 (RFC 8017 section 8.2).
    Pkcs1v15,
    /// RSASSA-PSS (RFC 8017 section 8.1) with MGF1 of the same hash and a salt of its length.
    Pss,
    /// ECDSA; the signature is an ECDSA-Sig-Value in DER (RFC 3279 section 2.2.3). OpenSSL accepts only its one DER
    /// encoding, with r and s from 1 to below the curve's order.
    Ecdsa,
}

/// Whether `signature` is a valid signature of a digest by the private half of `key`; false if OpenSSL cannot parse it.
#[must_use]
pub fn is_of_digest(key: &PKeyRef<Public>, scheme: Scheme, hash: &MdRef, digest: &[u8], signature: &[u8]) -> bool {
    or_false(verify(key, scheme, hash, digest, signature))
}

/// Whether `signature` is a valid RSASSA-PSS signature of a digest, with these hashes of the message and of MGF1, and a
/// salt of this length in bytes; `None`: of any length.
#[must_use]
pub fn is_pss_of_digest(
    key: &PKeyRef<Public>,
    hashes: [&MdRef; 2],
    salt: Option<usize>,
    digest: &[u8],
    signature: &[u8],
) -> bool {
    or_false(verify_pss(key, hashes, salt, digest, signature))
}

/// Whether `signature` is a valid signature of a message.
#[must_use]
pub fn is_of_message(key: &PKeyRef<Public>, scheme: Scheme, hash: &MdRef, message: &[u8], signature: &[u8]) -> bool {
    or_false(digest(hash, message).and_then(|digest| verify(key, scheme, hash, &digest, signature)))
}

/// Whether `signature` is a valid ECDSA signature of a message, as r and s in sequence, each as long as the curve's
/// order (RFC 7518 section 3.4).
#[must_use]
pub fn is_of_message_in_parts(key: &PKeyRef<Public>, hash: &MdRef, message: &[u8], signature: &[u8]) -> bool {
    let is_whole = usize::try_from(key.bits().div_ceil(8)).is_ok_and(|part| signature.len() == 2 * part);
    is_whole && or_false(ecdsa_to_der(signature).map(|der| is_of_message(key, Scheme::Ecdsa, hash, message, &der)))
}

/// Whether `signature` is a valid signature of a message by an Ed25519 key (RFC 8032 section 5.1.7).
#[must_use]
pub fn is_ed25519(key: &PKeyRef<Public>, message: &[u8], signature: &[u8]) -> bool {
    or_false(Verifier::new_without_digest(key).and_then(|mut own| own.verify_oneshot(signature, message)))
}

/// Converts r and s in sequence to an ECDSA-Sig-Value in DER (RFC 3279 section 2.2.3).
///
/// # Errors
/// OpenSSL failed.
pub fn ecdsa_to_der(signature: &[u8]) -> Result<Vec<u8>, ErrorStack> {
    let (r, s) = signature.split_at(signature.len() / 2);
    EcdsaSig::from_private_components(BigNum::from_slice(r)?, BigNum::from_slice(s)?)?.to_der()
}

/// Removes the errors of OpenSSL from the thread's queue; otherwise the next TLS connection of the thread would report
/// them as its own.
fn or_false(verified: Result<bool, ErrorStack>) -> bool {
    verified.unwrap_or_else(|_| {
        let _ = ErrorStack::get();
        false
    })
}

fn digest(hash: &MdRef, message: &[u8]) -> Result<Vec<u8>, ErrorStack> {
    let (mut context, mut digest) = (MdCtx::new()?, vec![0; hash.size()]);
    context.digest_init(hash)?;
    context.digest_update(message)?;
    context.digest_final(&mut digest)?;
    Ok(digest)
}

fn verify(
    key: &PKeyRef<Public>,
    scheme: Scheme,
    hash: &MdRef,
    digest: &[u8],
    signature: &[u8],
) -> Result<bool, ErrorStack> {
    // The length must be that of the modulus (RFC 8017 sections 8.1.2 and 8.2.2); OpenSSL accepts a PSS signature
    // without its leading zeros.
    if scheme != Scheme::Ecdsa && signature.len() != key.size() {
        return Ok(false);
    }
    let mut context = PkeyCtx::new(key)?;
    context.verify_init()?;
    match scheme {
        Scheme::Pkcs1v15 => context.set_rsa_padding(Padding::PKCS1)?,
        Scheme::Pss => {
            context.set_rsa_padding(Padding::PKCS1_PSS)?;
            context.set_rsa_pss_saltlen(RsaPssSaltlen::DIGEST_LENGTH)?;
            context.set_rsa_mgf1_md(hash)?;
        }
        Scheme::Ecdsa => {}
    }
    context.set_signature_md(hash)?;
    context.verify(digest, signature)
}

fn verify_pss(
    key: &PKeyRef<Public>,
    [hash, mask]: [&MdRef; 2],
    salt: Option<usize>,
    digest: &[u8],
    signature: &[u8],
) -> Result<bool, ErrorStack> {
    // OpenSSL reads this constant as any length when it verifies (RSA_PSS_SALTLEN_AUTO).
    let any = RsaPssSaltlen::MAXIMUM_LENGTH;
    let salt = match salt.map(i32::try_from) {
        None => any,
        Some(Ok(salt)) => RsaPssSaltlen::custom(salt),
        Some(Err(_)) => return Ok(false),
    };
    if signature.len() != key.size() {
        return Ok(false);
    }
    let mut context = PkeyCtx::new(key)?;
    context.verify_init()?;
    context.set_rsa_padding(Padding::PKCS1_PSS)?;
    context.set_signature_md(hash)?;
    context.set_rsa_pss_saltlen(salt)?;
    context.set_rsa_mgf1_md(mask)?;
    context.verify(digest, signature)
}

#[cfg(test)]
mod tests {
    use openssl::ec::{EcGroup, EcKey};
    use openssl::hash::MessageDigest;
    use openssl::md::Md;
    use openssl::nid::Nid;
    use openssl::pkey::{PKey, Private};
    use openssl::sha::sha256;

    use super::*;

    fn key() -> (EcKey<Private>, PKey<Public>) {
        let own = EcKey::generate(&EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap()).unwrap();
        let public = EcKey::from_public_key(own.group(), own.public_key()).unwrap();
        (own, PKey::from_ec_key(public).unwrap())
    }

    #[test]
    fn parts_become_the_der_that_openssl_verifies() {
        let (own, public) = key();
        // Some of these signatures have numbers with leading zeros, or with a high bit that needs a zero byte in DER.
        for number in 0..600_u32 {
            let message = number.to_be_bytes();
            let made = EcdsaSig::sign(&sha256(&message), &own).unwrap();
            let numbers = [made.r().to_vec_padded(32).unwrap(), made.s().to_vec_padded(32).unwrap()].concat();
            let mut verifier = Verifier::new(MessageDigest::sha256(), &public).unwrap();
            assert!(verifier.verify_oneshot(&ecdsa_to_der(&numbers).unwrap(), &message).unwrap());
            assert!(is_of_message_in_parts(&public, Md::sha256(), &message, &numbers));
        }
    }

    #[test]
    fn an_ecdsa_signature_has_one_spelling_of_numbers_within_the_order() {
        let ((own, public), md) = (key(), Md::sha256());
        let signature = EcdsaSig::sign(&sha256(b"a"), &own).unwrap();
        let (r, s) = (signature.r().to_vec_padded(32).unwrap(), signature.s().to_vec_padded(32).unwrap());
        let der = signature.to_der().unwrap();
        let is = |der: &[u8]| is_of_digest(&public, Scheme::Ecdsa, md, &sha256(b"a"), der);
        assert!(is(&der) && is_of_message(&public, Scheme::Ecdsa, md, b"a", &der));
        assert!(!is_of_message(&public, Scheme::Ecdsa, md, b"b", &der));
        // An additional byte, the long form of the length, and an empty signature.
        assert!(!is(&[&der[..], &[0]].concat()) && !is(&[&[0x30, 0x81], &der[1..]].concat()) && !is(b""));
        let parts = |signature: &[u8]| is_of_message_in_parts(&public, md, b"a", signature);
        assert!(parts(&[&r[..], &s].concat()));
        let order = [&[0xff; 4][..], &[0; 4], &[0xff; 24]].concat();
        for (r, s) in [(&r[1..], &s[..]), (&r, &s[1..]), (&[&[0], &r[..]].concat(), &[&[0], &s[..]].concat())] {
            assert!(!parts(&[r, s].concat()));
        }
        for (r, s) in [(&[0; 32][..], &s[..]), (&r, &[0; 32]), (&order, &s), (&[0; 32], &[0; 32])] {
            assert!(!parts(&[r, s].concat()));
        }
        assert!(!parts(b"") && ErrorStack::get().errors().is_empty());
    }
}
