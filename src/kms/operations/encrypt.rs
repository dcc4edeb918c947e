//! Encrypt (KMIP 2.1 section 6.1.17).

use super::super::cipher_mode::{Beginning, Mode, can_decrypt};
use super::super::cipher_stream::CipherStream;
use super::super::first_input::FirstInput;
use super::super::gate::Usable;
use super::super::streams::{State, Stream};
use super::super::{Call, Error, Kms, rsa_encryption};
use super::Purpose;
use crate::custody::{Direction, Encrypted, Error as CustodyError};
use crate::kmip::enumerations::Operation;
use crate::kmip::payloads::encrypt::{Request, Response};
use crate::kmip::{CryptographicParameters, Tag, UniqueIdentifier};
use crate::secret::Bytes;

pub(in crate::kms) fn run(kms: &Kms, call: &Call<'_>, mut request: Request) -> Result<Response, Error> {
    let grant = kms.authorize_part(call, request.unique_identifier.as_ref(), &request.multi_part)?;
    let key = grant.usable()?;
    let stream = key.stream(Operation::Encrypt, &request.multi_part, request.cryptographic_parameters.take())?;
    if key.object().kind.is_public() {
        return by_public_key(&key, &stream, request.data.as_ref());
    }
    let mode = Mode::of(key.object(), &stream.parameters)?;
    let beginning = if stream.is_later() {
        // A stream that began with a chosen input is one to its end.
        if stream.began_chosen() { Beginning::Chosen } else { Beginning::Continued }
    } else {
        Beginning::of(mode, &stream.parameters, request.iv_counter_nonce.is_some())
    };
    if can_decrypt(mode, beginning) {
        authorize_decryption(kms, call, request.unique_identifier.as_ref(), (mode, beginning))?;
    }
    let aad = request.authenticated_encryption_additional_data.take();
    if aad.is_some() && mode.tag_bytes().is_none() {
        return Err(Error::BadParameters(
            "this mode authenticates no additional data: use GCM, CCM or ChaCha20-Poly1305",
        ));
    }
    if stream.is_later() {
        if aad.is_some() || request.iv_counter_nonce.is_some() {
            return Err(Error::BadParameters("the IV and additional data belong to the first part"));
        }
        let data = request.data.unwrap_or_default();
        key.go_on_using_up(data.len())?;
        return part(&key, stream, None, &data);
    }
    let (first, is_fresh) = first_input(&key, mode, &stream.parameters, request.iv_counter_nonce.as_deref())?;
    let aad = aad.unwrap_or_default();
    if !stream.is_whole() {
        let data = request.data.unwrap_or_default();
        first.check_fits(data.len())?;
        key.begin_encryption(&first.cipher(&aad)?, data.len())?;
        key.use_up(data.len())?;
        let shown = if is_fresh { first.shown() } else { None };
        let begun = CipherStream::begin(Direction::Encrypt, mode, (first, beginning != Beginning::Fresh), aad)?;
        return part(&key, stream, Some((begun, shown)), &data);
    }
    let data = request.data.ok_or(Error::Missing(Tag::Data))?;
    whole(&key, mode, (&first, is_fresh), &aad, &data)
}

/// Encrypts a text in one part. The IV is in the answer if the server chose it.
fn whole(
    key: &Usable<'_>,
    mode: Mode,
    (first, is_fresh): (&FirstInput, bool),
    aad: &[u8],
    data: &[u8],
) -> Result<Response, Error> {
    first.check_fits(data.len())?;
    let cipher = first.cipher(aad)?;
    key.use_up(data.len())?;
    let (mut encrypted, made_iv) = if is_fresh {
        let Encrypted { data, own_iv } = key.encrypt_afresh(&cipher, data)?;
        (data, own_iv.or_else(|| first.shown()))
    } else {
        (key.encrypt(&cipher, data)?, None)
    };
    let tag = match mode.tag_bytes() {
        Some(tag_bytes) => {
            let end = encrypted.len().checked_sub(tag_bytes).ok_or(Error::Internal(CustodyError::Length))?;
            Some(Bytes::from(encrypted.split_off(end)))
        }
        None => None,
    };
    Ok(Response {
        unique_identifier: key.object().id.clone(),
        data: Some(Bytes::from(encrypted)),
        iv_counter_nonce: made_iv.map(Bytes::from),
        correlation_value: None,
        authenticated_encryption_tag: tag,
    })
}

/// Encrypts by a public key, in one part.
fn by_public_key(key: &Usable<'_>, stream: &Stream<'_>, data: Option<&Bytes>) -> Result<Response, Error> {
    stream.check_whole()?;
    let data = data.ok_or(Error::Missing(Tag::Data))?;
    Ok(Response {
        unique_identifier: key.object().id.clone(),
        data: Some(rsa_encryption::encrypt(key, Some(&stream.parameters), data)?),
        iv_counter_nonce: None,
        correlation_value: None,
        authenticated_encryption_tag: None,
    })
}

/// The first input of an encryption, and whether the server chose it.
fn first_input(
    key: &Usable<'_>,
    mode: Mode,
    parameters: &CryptographicParameters,
    given: Option<&[u8]>,
) -> Result<(FirstInput, bool), Error> {
    match given {
        Some(_) if parameters.random_iv == Some(true) => {
            Err(Error::BadParameters("RandomIV and an IV exclude each other"))
        }
        Some(iv) => Ok((FirstInput::given(mode, parameters, iv)?, false)),
        None => Ok((FirstInput::fresh(mode, parameters, || key.fresh_gcm_iv())?, true)),
    }
}

/// Encrypts a part of a text: the first one, whose IV may be shown, or a later one.
fn part(
    key: &Usable<'_>,
    mut stream: Stream<'_>,
    beginning: Option<(CipherStream, Option<Vec<u8>>)>,
    data: &[u8],
) -> Result<Response, Error> {
    let is_last = stream.is_last();
    let (mut cipher, shown) = match beginning {
        Some(beginning) => beginning,
        None => (stream.cipher()?, None),
    };
    let (encrypted, tag) = match &mut cipher {
        CipherStream::Chained(chained) => {
            (chained.part(data, is_last, |cipher, data| key.go_on_encrypting(cipher, data).map(Bytes::from))?, None)
        }
        CipherStream::Authenticated(authenticated) => {
            authenticated.encrypt(data, is_last, |cipher, data| key.go_on_encrypting(cipher, data))?
        }
    };
    let correlation_value = if is_last { None } else { Some(stream.go_on(State::Cipher(cipher))?) };
    Ok(Response {
        unique_identifier: key.object().id.clone(),
        data: Some(encrypted).filter(|encrypted| is_last || !encrypted.is_empty()),
        iv_counter_nonce: shown.map(Bytes::from),
        correlation_value,
        authenticated_encryption_tag: tag,
    })
}

/// Refuses if the caller could decrypt by this encryption but may not decrypt by the key now.
fn authorize_decryption(
    kms: &Kms,
    call: &Call<'_>,
    id: Option<&UniqueIdentifier>,
    (mode, beginning): (Mode, Beginning),
) -> Result<(), Error> {
    let (chosen, bit) = match (mode, beginning) {
        (Mode::Ecb { .. } | Mode::Des3Ecb { .. }, _) => ("the mode ECB", "Decrypt, which the mode ECB needs too"),
        (_, Beginning::Continued) => ("a later part of a stream", "Decrypt, which a later part of a stream needs too"),
        (Mode::Ctr, Beginning::Chosen) => (
            "an IVCounterNonce, or an InitialCounterValue with a CounterLength of more than 32 bits,",
            "Decrypt, which an IVCounterNonce or an InitialCounterValue needs too",
        ),
        (_, Beginning::Fresh | Beginning::Chosen) => {
            ("an IVCounterNonce", "Decrypt, which an IVCounterNonce needs too")
        }
    };
    let grant = kms.authorize_beside(call, Operation::Decrypt, id).map_err(|error| match error {
        Error::NotPermitted { refusal, .. } => Error::Chosen { chosen, refusal },
        error => error,
    })?;
    grant.usable_for(Purpose { name: bit, ..Purpose::DECRYPT }).map(drop)
}
