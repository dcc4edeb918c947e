//! Decrypt (KMIP 2.1 section 6.1.11).

use super::super::mechanism::AesMode;
use super::super::{Call, Error, Kms, mechanism, rsa_encryption};
use super::encrypt::cipher;
use crate::kmip::Tag;
use crate::kmip::payloads::decrypt::{Request, Response};
use crate::secret::Bytes;

pub(in crate::kms) fn run(kms: &Kms, call: &Call<'_>, request: Request) -> Result<Response, Error> {
    mechanism::check_whole(&request.multi_part)?;
    let data = request.data.ok_or(Error::Missing(Tag::Data))?;
    let grant = kms.authorize(call, request.unique_identifier.as_ref())?;
    let key = grant.usable()?;
    let object = key.object();
    let parameters = request.cryptographic_parameters.as_ref();
    if object.kind.is_private() {
        let data = rsa_encryption::decrypt(&key, parameters, &data)?;
        return Ok(Response { unique_identifier: object.id.clone(), data });
    }
    let mode = mechanism::aes_mode(object, parameters)?;
    let iv = request.iv_counter_nonce.ok_or(Error::Missing(Tag::IVCounterNonce))?;
    let aad = request.authenticated_encryption_additional_data;
    let aad = aad.as_ref().map_or(&[][..], Bytes::as_slice);
    let tag = request.authenticated_encryption_tag;
    let plaintext = match mode {
        // The tag is the end of the data.
        AesMode::Gcm { tag_bytes } if !call.context.way.has_authentication_tags() => {
            if data.len() < tag_bytes {
                return Err(Error::Decryption);
            }
            key.decrypt(&cipher(mode, &iv, aad)?, &data)?
        }
        AesMode::Gcm { .. } => {
            let tag = tag.ok_or(Error::Missing(Tag::AuthenticatedEncryptionTag))?;
            let stated = parameters.and_then(|parameters| parameters.tag_length);
            if stated.is_some_and(|stated| usize::try_from(stated) != Ok(tag.len())) {
                return Err(Error::BadParameters("TagLength is not the length of the tag"));
            }
            let mut joined = Vec::with_capacity(data.len() + tag.len());
            joined.extend_from_slice(&data);
            joined.extend_from_slice(&tag);
            key.decrypt(&cipher(AesMode::Gcm { tag_bytes: tag.len() }, &iv, aad)?, &joined)?
        }
        AesMode::CbcPadded | AesMode::Cbc if tag.is_some() || !aad.is_empty() => {
            return Err(Error::BadParameters("CBC has neither tag nor additional data"));
        }
        AesMode::CbcPadded | AesMode::Cbc => key.decrypt(&cipher(mode, &iv, aad)?, &data)?,
    };
    Ok(Response { unique_identifier: object.id.clone(), data: Bytes::from(plaintext.expose()) })
}
