//! Encryption by public RSA keys, which OpenSSL does, and decryption by private ones, which the HSM token does.

use openssl::pkey::PKey;
use openssl::pkey_ctx::PkeyCtx;
use openssl::rsa::Padding;

use super::error::Error;
use super::gate::Usable;
use super::key_fault::KeyFault;
use super::object::Object;
use super::signature::of_hash;
use super::streams::MAX_LABEL;
use crate::custody::{self, Hash, Oaep, RsaPadding, md};
use crate::kmip::enumerations::{CryptographicAlgorithm, MaskGenerator, PaddingMethod};
use crate::kmip::{CryptographicParameters, UsageMask};
use crate::secret::Bytes;

/// Encrypts by a public key. The result is as long as the modulus.
pub(super) fn encrypt(
    key: &Usable<'_>,
    requested: Option<&CryptographicParameters>,
    data: &Bytes,
) -> Result<Bytes, Error> {
    encrypt_padded(key, padding(key.object(), requested)?, data)
}

/// The same with a padding that was checked.
pub(super) fn encrypt_padded(key: &Usable<'_>, padding: RsaPadding<'_>, data: &Bytes) -> Result<Bytes, Error> {
    check_length(key.object(), padding, data)?;
    key.use_up(data.len())?;
    let failed = |error| Error::Internal(custody::Error::PublicKey(error));
    let encrypted = PKey::public_key_from_der(key.public_key()?).and_then(|own| {
        let mut context = PkeyCtx::new(&own)?;
        context.encrypt_init()?;
        match padding {
            RsaPadding::Pkcs1v15 => context.set_rsa_padding(Padding::PKCS1)?,
            RsaPadding::Oaep(Oaep { hash, mask, label }) => {
                context.set_rsa_padding(Padding::PKCS1_OAEP)?;
                context.set_rsa_oaep_md(md(hash))?;
                context.set_rsa_mgf1_md(md(mask))?;
                if !label.is_empty() {
                    context.set_rsa_oaep_label(label)?;
                }
            }
        }
        let mut encrypted = Vec::new();
        context.encrypt_to_vec(data, &mut encrypted)?;
        Ok(encrypted)
    });
    encrypted.map(Bytes::from).map_err(failed)
}

/// Whether decryption with these parameters tells a forger about PKCS#1 v1.5: whoever can ask whether many ciphertexts are
/// well-formed can also sign by the key (Bleichenbacher 1998).
pub(super) fn can_sign(object: &Object, requested: Option<&CryptographicParameters>) -> Result<bool, Error> {
    let is_pkcs1 = matches!(padding(object, requested)?, RsaPadding::Pkcs1v15);
    Ok(is_pkcs1 && object.permits(UsageMask::SIGN))
}

/// Decrypts by a private key. There is one error for every damaged ciphertext.
pub(super) fn decrypt(
    key: &Usable<'_>,
    requested: Option<&CryptographicParameters>,
    data: &Bytes,
) -> Result<Bytes, Error> {
    let decrypted = key.decrypt_rsa(padding(key.object(), requested)?, data).map_err(|error| match error {
        Error::Decryption => KeyFault::Decryption.into(),
        error => error,
    })?;
    Ok(Bytes::from(decrypted.expose()))
}

/// The padding of the request; else that of the object's own parameters; else OAEP with SHA-256. MGF1 has the same hash
/// unless another one is named.
pub(super) fn padding<'a>(
    object: &'a Object,
    requested: Option<&'a CryptographicParameters>,
) -> Result<RsaPadding<'a>, Error> {
    if object.algorithm() != Some(CryptographicAlgorithm::RSA) {
        return Err(Error::UnsupportedParameters("of private and public keys, only those of RSA encrypt and decrypt"));
    }
    let Some(parameters) = requested.or(object.attributes.cryptographic_parameters.first()) else {
        return Ok(RsaPadding::Oaep(Oaep { hash: Hash::Sha256, mask: Hash::Sha256, label: &[] }));
    };
    if parameters.cryptographic_algorithm.is_some_and(|named| named != CryptographicAlgorithm::RSA) {
        return Err(Error::BadParameters("the CryptographicAlgorithm of the request is not that of the key"));
    }
    match parameters.padding_method {
        Some(PaddingMethod::PKCS1V1_5) => Ok(RsaPadding::Pkcs1v15),
        None | Some(PaddingMethod::OAEP) => {
            if parameters.mask_generator.is_some_and(|generator| generator != MaskGenerator::MGF1) {
                return Err(Error::UnsupportedParameters("OAEP is served with MGF1"));
            }
            let hash = parameters.hashing_algorithm.map(of_hash).transpose()?.unwrap_or(Hash::Sha256);
            let mask = parameters.mask_generator_hashing_algorithm.map(of_hash).transpose()?.unwrap_or(hash);
            let label = parameters.p_source.as_ref().map_or(&[][..], Bytes::as_slice);
            if label.len() > MAX_LABEL {
                return Err(Error::BadParameters("PSource has at most 4096 bytes"));
            }
            Ok(RsaPadding::Oaep(Oaep { hash, mask, label }))
        }
        Some(_) => Err(Error::UnsupportedParameters("RSA encrypts with padding OAEP or PKCS1v1.5")),
    }
}

/// Refuses data that is too long for the modulus (RFC 8017 sections 7.1.1 and 7.2.1).
fn check_length(object: &Object, padding: RsaPadding<'_>, data: &[u8]) -> Result<(), Error> {
    let bits = object.attributes.cryptographic_length.and_then(|bits| usize::try_from(bits).ok()).unwrap_or_default();
    let taken = match padding {
        RsaPadding::Oaep(Oaep { hash, .. }) => 2 * hash.bytes() + 2,
        RsaPadding::Pkcs1v15 => 11,
    };
    let most = bits.div_ceil(8).saturating_sub(taken);
    if data.len() > most { Err(KeyFault::TooLong { length: data.len(), most }.into()) } else { Ok(()) }
}
