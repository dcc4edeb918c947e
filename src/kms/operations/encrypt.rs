//! Encrypt (KMIP 2.1 section 6.1.17).

use openssl::rand::rand_bytes;

use super::super::gate::Usable;
use super::super::mechanism::{AesMode, Beginning, can_decrypt};
use super::super::{Call, Error, Kms, mechanism};
use super::Purpose;
use crate::custody::{Cipher, Encrypted, Error as CustodyError};
use crate::kmip::enumerations::Operation;
use crate::kmip::payloads::encrypt::{Request, Response};
use crate::kmip::{Tag, UniqueIdentifier};
use crate::secret::Bytes;

pub(in crate::kms) fn run(kms: &Kms, call: &Call<'_>, request: Request) -> Result<Response, Error> {
    let grant = kms.authorize(call, request.unique_identifier.as_ref())?;
    let key = grant.usable()?;
    let object = key.object();
    let parameters = request.cryptographic_parameters.as_ref();
    let mode = mechanism::aes_mode(object, parameters)?;
    let part = &request.multi_part;
    let beginning = match &request.iv_counter_nonce {
        Some(_) => Beginning::Chosen,
        None if part.is_partial() && part.init_indicator != Some(true) => Beginning::Continued,
        None => Beginning::Fresh,
    };
    if can_decrypt(mode, beginning) {
        authorize_decryption(kms, call, request.unique_identifier.as_ref(), beginning)?;
    }
    mechanism::check_whole(&request.multi_part)?;
    let data = request.data.ok_or(Error::Missing(Tag::Data))?;
    let random_iv = parameters.and_then(|parameters| parameters.random_iv).unwrap_or(false);
    if random_iv && request.iv_counter_nonce.is_some() {
        return Err(Error::BadParameters("RandomIV and an IV exclude each other"));
    }
    let aad = request.authenticated_encryption_additional_data;
    if aad.is_some() && !matches!(mode, AesMode::Gcm { .. }) {
        return Err(Error::BadParameters("CBC authenticates no additional data"));
    }
    let aad = aad.as_ref().map_or(&[][..], Bytes::as_slice);
    key.use_up(data.len())?;
    let (mut encrypted, made_iv) = match request.iv_counter_nonce {
        Some(iv) => (key.encrypt(&cipher(mode, &iv, aad)?, &data)?, None),
        None => {
            let iv = fresh_iv(&key, mode)?;
            let Encrypted { data, own_iv } = key.encrypt_afresh(&cipher(mode, &iv, aad)?, &data)?;
            (data, Some(own_iv.unwrap_or(iv)))
        }
    };
    let tag = match mode {
        AesMode::Gcm { tag_bytes } => {
            let end = encrypted.len().checked_sub(tag_bytes).ok_or(Error::Internal(CustodyError::Length))?;
            Some(Bytes::from(encrypted.split_off(end)))
        }
        AesMode::CbcPadded | AesMode::Cbc => None,
    };
    Ok(Response {
        unique_identifier: object.id.clone(),
        data: Bytes::from(encrypted),
        iv_counter_nonce: made_iv.map(Bytes::from),
        authenticated_encryption_tag: tag,
    })
}

/// Refuses if the caller could decrypt by this encryption but may not decrypt by the key now.
fn authorize_decryption(
    kms: &Kms,
    call: &Call<'_>,
    id: Option<&UniqueIdentifier>,
    beginning: Beginning,
) -> Result<(), Error> {
    let (chosen, bit) = match beginning {
        Beginning::Continued => ("a later part of a stream", "Decrypt, which a later part of a stream needs too"),
        Beginning::Fresh | Beginning::Chosen => ("an IVCounterNonce", "Decrypt, which an IVCounterNonce needs too"),
    };
    let grant = kms.authorize_beside(call, Operation::Decrypt, id).map_err(|error| match error {
        Error::NotPermitted { refusal, .. } => Error::Chosen { chosen, refusal },
        error => error,
    })?;
    grant.usable_for(Purpose { name: bit, ..Purpose::DECRYPT }).map(drop)
}

/// An IV that the caller did not choose: for GCM from custody, for CBC a block from OpenSSL's generator.
fn fresh_iv(key: &Usable<'_>, mode: AesMode) -> Result<Vec<u8>, Error> {
    if let AesMode::Gcm { .. } = mode {
        return Ok(key.fresh_gcm_iv()?.to_vec());
    }
    let mut iv = vec![0; mechanism::BLOCK];
    rand_bytes(&mut iv).map_err(CustodyError::Random)?;
    Ok(iv)
}

/// The HSM token's cipher for a mode.
pub(in crate::kms) fn cipher<'a>(mode: AesMode, iv: &'a [u8], aad: &'a [u8]) -> Result<Cipher<'a>, Error> {
    let block =
        || <&[u8; mechanism::BLOCK]>::try_from(iv).map_err(|_| Error::BadParameters("the IV of CBC has 16 bytes"));
    Ok(match mode {
        AesMode::Gcm { tag_bytes } => Cipher::AesGcm { iv, aad, tag_bits: tag_bytes * 8 },
        AesMode::CbcPadded => Cipher::AesCbcPad { iv: block()? },
        AesMode::Cbc => Cipher::AesCbc { iv: block()? },
    })
}
