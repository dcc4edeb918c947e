//! `/api/v1/kms/keys/:id/sign`, `/verify`, `/public-key` and `/signing-algorithms`.

use data_encoding::BASE64;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use warp::http::StatusCode;

use super::super::super::answer::Answer;
use super::super::super::app::App;
use super::super::super::caller_request::CallerRequest;
use super::super::super::names::is_same;
use super::super::super::problem::Problem;
use super::super::super::typed::{Gives, Typed, typed};
use super::super::shapes::{invalid, read_of_key};
use super::cipher::decoded;
use super::{Usage, attributes, id, kind, no_such_key};
use crate::kmip::enumerations::{
    CryptographicAlgorithm, DigitalSignatureAlgorithm as Algorithm, HashingAlgorithm, ValidityIndicator,
};
use crate::kmip::payloads::{MultiPart, sign as signing, signature_verify as verifying};
use crate::kmip::{CryptographicParameters, UniqueIdentifier};
use crate::kms;
use crate::secret::Bytes;

/// Bodies of requests and answers, for the description of the routes.
pub(in crate::http::hanzo) const TO_SIGN: Typed = typed::<ToSign>;
pub(in crate::http::hanzo) const TO_VERIFY: Typed = typed::<ToVerify>;
pub(in crate::http::hanzo) const SIGNED: Gives = Gives::One(typed::<Signed<'static>>);
pub(in crate::http::hanzo) const VERIFIED: Gives = Gives::One(typed::<Verified<'static>>);
pub(in crate::http::hanzo) const PUBLIC_KEY: Gives = Gives::One(typed::<PublicKey>);
pub(in crate::http::hanzo) const ALGORITHMS_OF_KEY: Gives = Gives::One(typed::<SigningAlgorithms>);

/// The signing algorithms with their KMIP equivalents.
const ALGORITHMS: [(&str, Algorithm, HashingAlgorithm); 9] = [
    ("RSASSA_PSS_SHA_512", Algorithm::RSASSA_PSS, HashingAlgorithm::SHA_512),
    ("RSASSA_PSS_SHA_384", Algorithm::RSASSA_PSS, HashingAlgorithm::SHA_384),
    ("RSASSA_PSS_SHA_256", Algorithm::RSASSA_PSS, HashingAlgorithm::SHA_256),
    ("RSASSA_PKCS1_V1_5_SHA_512", Algorithm::SHA_512WithRSAEncryption, HashingAlgorithm::SHA_512),
    ("RSASSA_PKCS1_V1_5_SHA_384", Algorithm::SHA_384WithRSAEncryption, HashingAlgorithm::SHA_384),
    ("RSASSA_PKCS1_V1_5_SHA_256", Algorithm::SHA_256WithRSAEncryption, HashingAlgorithm::SHA_256),
    ("ECDSA_SHA_512", Algorithm::ECDSAWithSHA512, HashingAlgorithm::SHA_512),
    ("ECDSA_SHA_384", Algorithm::ECDSAWithSHA384, HashingAlgorithm::SHA_384),
    ("ECDSA_SHA_256", Algorithm::ECDSAWithSHA256, HashingAlgorithm::SHA_256),
];

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct ToSign {
    data: String,
    signing_algorithm: String,
    #[serde(default)]
    is_digest: bool,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct ToVerify {
    data: String,
    signature: String,
    signing_algorithm: String,
    #[serde(default)]
    is_digest: bool,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Signed<'a> {
    signature: String,
    key_id: &'a str,
    signing_algorithm: &'a str,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Verified<'a> {
    signature_valid: bool,
    key_id: &'a str,
    signing_algorithm: &'a str,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct PublicKey {
    public_key: String,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct SigningAlgorithms {
    signing_algorithms: Vec<&'static str>,
}

/// Returns the canonical name and the KMIP parameters of a signing algorithm.
fn parameters(named: &str) -> Result<(&'static str, CryptographicParameters), Problem> {
    let found = ALGORITHMS.iter().find(|(own, ..)| is_same(named, own)).ok_or_else(|| {
        let names = ALGORITHMS.map(|(own, ..)| own).join(", ");
        invalid(format!("signingAlgorithm: one of {names}"))
    });
    let (name, algorithm, hash) = found?;
    let parameters = CryptographicParameters {
        digital_signature_algorithm: Some(*algorithm),
        hashing_algorithm: Some(*hash),
        ..CryptographicParameters::default()
    };
    Ok((name, parameters))
}

/// Returns data and digest, of which exactly one is present.
fn split(data: Bytes, is_digest: bool) -> (Option<Bytes>, Option<Bytes>) {
    if is_digest { (None, Some(data)) } else { (Some(data), None) }
}

/// `POST .../sign {data, signingAlgorithm, isDigest}`
pub(in crate::http) fn sign(app: &App, request: &CallerRequest<'_>) -> Result<Answer, Problem> {
    let ToSign { data, signing_algorithm, is_digest } = read_of_key(request)?;
    let (data, digested_data) = split(Bytes::from(decoded(&data, "data")?), is_digest);
    let (signing_algorithm, parameters) = parameters(&signing_algorithm)?;
    let operation = signing::Request {
        unique_identifier: Some(UniqueIdentifier::from(id(request))),
        cryptographic_parameters: Some(parameters),
        data,
        digested_data,
        multi_part: MultiPart::default(),
    };
    let answer = app.kms.execute(&request.context, operation)?;
    let signature = BASE64.encode(&answer.signature_data.unwrap_or_default());
    let signed = Signed { signature, key_id: id(request), signing_algorithm };
    Ok(Answer::json(StatusCode::OK, &signed))
}

/// `POST .../verify {data, signature, signingAlgorithm, isDigest}`
pub(in crate::http) fn verify(app: &App, request: &CallerRequest<'_>) -> Result<Answer, Problem> {
    let ToVerify { data, signature, signing_algorithm, is_digest } = read_of_key(request)?;
    let (data, digested_data) = split(Bytes::from(decoded(&data, "data")?), is_digest);
    let (signing_algorithm, parameters) = parameters(&signing_algorithm)?;
    let operation = verifying::Request {
        unique_identifier: Some(UniqueIdentifier::from(id(request))),
        cryptographic_parameters: Some(parameters),
        data,
        digested_data,
        signature_data: Some(Bytes::from(decoded(&signature, "signature")?)),
        multi_part: MultiPart::default(),
    };
    let answer = app.kms.verify_by_pair(&request.context, operation)?;
    let signature_valid = answer.validity_indicator == Some(ValidityIndicator::Valid);
    let verified = Verified { signature_valid, key_id: id(request), signing_algorithm };
    Ok(Answer::json(StatusCode::OK, &verified))
}

/// `GET .../public-key`: a SubjectPublicKeyInfo, DER in base64.
pub(in crate::http) fn public_key(app: &App, request: &CallerRequest<'_>) -> Result<Answer, Problem> {
    let info = app.kms.public_key_of_pair(&request.context, id(request))?;
    Ok(Answer::json(StatusCode::OK, &PublicKey { public_key: BASE64.encode(&info) }))
}

/// `GET .../signing-algorithms`: an encryption key is refused.
pub(in crate::http) fn algorithms(app: &App, request: &CallerRequest<'_>) -> Result<Answer, Problem> {
    let attributes = attributes(app, request, id(request))?;
    let (usage, _) = kind(&attributes).ok_or_else(|| no_such_key(id(request)))?;
    if kms::is_disabled(&attributes) {
        return Err(kms::Error::Disabled(id(request).to_owned()).into());
    }
    if usage != Usage::SignVerify {
        return Err(invalid("the key encrypts and does not sign"));
    }
    let is_rsa = attributes.cryptographic_algorithm == Some(CryptographicAlgorithm::RSA);
    let names = ALGORITHMS.iter().map(|(own, ..)| *own).filter(|own| own.starts_with("RSASSA") == is_rsa);
    Ok(Answer::json(StatusCode::OK, &SigningAlgorithms { signing_algorithms: names.collect() }))
}
