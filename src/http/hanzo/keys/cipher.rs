//! `/api/v1/kms/keys/:id/encrypt` and `/decrypt`.

use data_encoding::BASE64;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use warp::http::StatusCode;

use super::super::super::answer::Answer;
use super::super::super::app::App;
use super::super::super::caller_request::CallerRequest;
use super::super::super::problem::Problem;
use super::super::super::typed::{Gives, Typed, typed};
use super::super::shapes::{invalid, read_of_key};
use super::id;
use crate::base64;
use crate::kmip::enumerations::BlockCipherMode;
use crate::kmip::payloads::{MultiPart, decrypt as decrypting, encrypt as encrypting};
use crate::kmip::{CryptographicParameters, UniqueIdentifier};
use crate::kms;
use crate::secret::Bytes;

/// Bodies of requests and answers, for the description of the routes.
pub(in crate::http::hanzo) const PLAIN: Typed = typed::<Plain>;
pub(in crate::http::hanzo) const CIPHERED: Typed = typed::<Ciphered>;
pub(in crate::http::hanzo) const ENCRYPTED: Gives = Gives::One(typed::<Encrypted>);
pub(in crate::http::hanzo) const DECRYPTED: Gives = Gives::One(typed::<Decrypted>);

/// The first byte of every ciphertext. It identifies the layout.
const VERSION: u8 = 1;

/// The lengths of IV and tag, in bytes. The IV precedes the encrypted data, the tag follows it.
const IV: usize = 12;
const TAG: usize = 16;

#[derive(Deserialize, JsonSchema)]
struct Plain {
    plaintext: String,
}

#[derive(Deserialize, JsonSchema)]
struct Ciphered {
    ciphertext: String,
}

#[derive(Serialize, JsonSchema)]
struct Encrypted {
    ciphertext: String,
}

#[derive(Serialize, JsonSchema)]
struct Decrypted {
    plaintext: String,
}

/// Decodes a member in base64. The error does not quote the value.
pub(super) fn decoded(text: &str, member: &str) -> Result<Vec<u8>, Problem> {
    base64::decode(text.as_bytes()).ok_or_else(|| invalid(format!("{member}: it must be base64")))
}

fn gcm() -> Option<CryptographicParameters> {
    Some(CryptographicParameters {
        block_cipher_mode: Some(BlockCipherMode::GCM),
        ..CryptographicParameters::default()
    })
}

/// `POST .../encrypt {plaintext}`. The answer is the base64 of a version byte, and IV, ciphertext and tag of AES-GCM.
pub(in crate::http) fn encrypt(app: &App, request: &CallerRequest<'_>) -> Result<Answer, Problem> {
    let Plain { plaintext } = read_of_key(request)?;
    let operation = encrypting::Request {
        unique_identifier: Some(UniqueIdentifier::from(id(request))),
        cryptographic_parameters: gcm(),
        data: Some(Bytes::from(decoded(&plaintext, "plaintext")?)),
        iv_counter_nonce: None,
        multi_part: MultiPart::default(),
        authenticated_encryption_additional_data: None,
    };
    let answer = app.kms.execute(&request.context, operation)?;
    if answer.iv_counter_nonce.as_ref().is_none_or(|iv| iv.len() != IV) {
        let fault = "the HSM generates IVs that are not 12 bytes long, which this format requires: use KMIP";
        return Err(kms::Error::UnsupportedParameters(fault).into());
    }
    let parts = [answer.iv_counter_nonce, answer.data, answer.authenticated_encryption_tag];
    let mut ciphertext = vec![VERSION];
    for part in parts.iter().flatten() {
        ciphertext.extend_from_slice(part);
    }
    Ok(Answer::json(StatusCode::OK, &Encrypted { ciphertext: BASE64.encode(&ciphertext) }))
}

/// `POST .../decrypt {ciphertext}`
pub(in crate::http) fn decrypt(app: &App, request: &CallerRequest<'_>) -> Result<Answer, Problem> {
    let Ciphered { ciphertext } = read_of_key(request)?;
    let sealed = decoded(&ciphertext, "ciphertext")?;
    let parts = sealed.strip_prefix(&[VERSION]).and_then(|sealed| {
        let (iv, sealed) = sealed.split_at_checked(IV)?;
        let (data, tag) = sealed.split_at_checked(sealed.len().checked_sub(TAG)?)?;
        Some((iv, data, tag))
    });
    let (iv, data, tag) = parts.ok_or_else(|| invalid("ciphertext: it was not made by encrypt"))?;
    let operation = decrypting::Request {
        unique_identifier: Some(UniqueIdentifier::from(id(request))),
        cryptographic_parameters: gcm(),
        data: Some(Bytes::from(data)),
        iv_counter_nonce: Some(Bytes::from(iv)),
        multi_part: MultiPart::default(),
        authenticated_encryption_additional_data: None,
        authenticated_encryption_tag: Some(Bytes::from(tag)),
    };
    let answer = app.kms.execute(&request.context, operation)?;
    Ok(Answer::json(StatusCode::OK, &Decrypted { plaintext: BASE64.encode(&answer.data.unwrap_or_default()) }))
}
