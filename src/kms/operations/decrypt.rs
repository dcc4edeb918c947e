//! Decrypt (KMIP 2.1 section 6.1.11).

use super::super::cipher_mode::Mode;
use super::super::cipher_stream::CipherStream;
use super::super::first_input::FirstInput;
use super::super::gate::Usable;
use super::super::streams::{State, Stream};
use super::super::{Call, Error, Kms, rsa_encryption};
use crate::custody::Direction;
use crate::kmip::enumerations::Operation;
use crate::kmip::payloads::decrypt::{Request, Response};
use crate::kmip::{CryptographicParameters, Tag};
use crate::secret::Bytes;

pub(in crate::kms) fn run(kms: &Kms, call: &Call<'_>, mut request: Request) -> Result<Response, Error> {
    let grant = kms.authorize_part(call, request.unique_identifier.as_ref(), &request.multi_part)?;
    let key = grant.usable()?;
    let stream = key.stream(Operation::Decrypt, &request.multi_part, request.cryptographic_parameters.take())?;
    if key.object().kind.is_private() {
        stream.check_whole()?;
        let data = request.data.as_ref().ok_or(Error::Missing(Tag::Data))?;
        if rsa_encryption::can_sign(key.object(), Some(&stream.parameters))? {
            kms.authorize_beside(call, Operation::Sign, request.unique_identifier.as_ref())?;
        }
        let data = rsa_encryption::decrypt(&key, Some(&stream.parameters), data)?;
        return Ok(Response { unique_identifier: key.object().id.clone(), data: Some(data), correlation_value: None });
    }
    let mode = Mode::of(key.object(), &stream.parameters)?;
    let tags_apart = call.context.way.has_authentication_tags();
    let tag = request.authenticated_encryption_tag.take().filter(|_| tags_apart || mode.tag_bytes().is_none());
    let aad = request.authenticated_encryption_additional_data.take();
    if mode.tag_bytes().is_none() && (tag.is_some() || aad.is_some()) {
        return Err(Error::BadParameters("this mode has neither tag nor additional data"));
    }
    if stream.is_later() {
        if aad.is_some() || request.iv_counter_nonce.is_some() {
            return Err(Error::BadParameters("the IV and additional data belong to the first part"));
        }
        return part(&key, stream, None, &request.data.unwrap_or_default(), (tag, tags_apart));
    }
    if stream.is_whole() && request.data.is_none() {
        return Err(Error::Missing(Tag::Data));
    }
    let iv = match request.iv_counter_nonce {
        None if matches!(mode, Mode::Ecb { .. } | Mode::Des3Ecb { .. }) => Bytes::default(),
        iv => iv.ok_or(Error::Missing(Tag::IVCounterNonce))?,
    };
    let first = FirstInput::given(mode, &stream.parameters, &iv)?;
    let aad = aad.unwrap_or_default();
    if !stream.is_whole() {
        let beginning = CipherStream::begin(Direction::Decrypt, mode, (first, true), aad)?;
        return part(&key, stream, Some(beginning), &request.data.unwrap_or_default(), (tag, tags_apart));
    }
    let data = request.data.unwrap_or_default();
    first.check_fits(data.len())?;
    let plaintext = match mode.tag_bytes() {
        None => Bytes::from(key.decrypt(&first.cipher(&aad)?, &data)?.expose()),
        Some(_) => open(&key, (mode, &first, &stream.parameters), &aad, &data, (tag, tags_apart))?,
    };
    Ok(Response { unique_identifier: key.object().id.clone(), data: Some(plaintext), correlation_value: None })
}

/// Decrypts a ciphertext with a tag, which is an item of its own or the end of the data.
fn open(
    key: &Usable<'_>,
    (mode, first, parameters): (Mode, &FirstInput, &CryptographicParameters),
    aad: &[u8],
    data: &[u8],
    (tag, tags_apart): (Option<Bytes>, bool),
) -> Result<Bytes, Error> {
    if !tags_apart {
        if mode.tag_bytes().is_some_and(|tag_bytes| data.len() < tag_bytes) {
            return Err(Error::Decryption);
        }
        return Ok(Bytes::from(key.decrypt(&first.cipher(aad)?, data)?.expose()));
    }
    let tag = tag.ok_or(Error::Missing(Tag::AuthenticatedEncryptionTag))?;
    let first = first.with_mode(mode.with_tag(tag.len(), parameters.tag_length)?);
    let mut joined = Vec::with_capacity(data.len() + tag.len());
    joined.extend_from_slice(data);
    joined.extend_from_slice(&tag);
    Ok(Bytes::from(key.decrypt(&first.cipher(aad)?, &joined)?.expose()))
}

/// Decrypts a part of a ciphertext: the first one, or a later one. Of a ciphertext with a tag, all plaintext is returned
/// after the last part.
fn part(
    key: &Usable<'_>,
    mut stream: Stream<'_>,
    beginning: Option<CipherStream>,
    data: &[u8],
    tag: (Option<Bytes>, bool),
) -> Result<Response, Error> {
    let is_last = stream.is_last();
    let cipher = match beginning {
        Some(beginning) => beginning,
        None => stream.cipher()?,
    };
    let (plaintext, next) = match cipher {
        CipherStream::Chained(mut chained) => {
            let decrypted =
                chained.part(data, is_last, |cipher, data| Ok(Bytes::from(key.decrypt(cipher, data)?.expose())))?;
            (decrypted, CipherStream::Chained(chained))
        }
        CipherStream::Authenticated(mut authenticated) => {
            authenticated.collect(data)?;
            if is_last {
                let (first, mode, aad, data) = authenticated.collected();
                let data = Some(open(key, (mode, &first, &stream.parameters), &aad, &data, tag)?);
                return Ok(Response { unique_identifier: key.object().id.clone(), data, correlation_value: None });
            }
            (Bytes::default(), CipherStream::Authenticated(authenticated))
        }
    };
    let correlation_value = if is_last { None } else { Some(stream.go_on(State::Cipher(next))?) };
    let data = Some(plaintext).filter(|plaintext| is_last || !plaintext.is_empty());
    Ok(Response { unique_identifier: key.object().id.clone(), data, correlation_value })
}
