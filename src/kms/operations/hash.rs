//! Hash (KMIP 2.1 section 6.1.24). The data is not a key, so OpenSSL computes the hash, outside of the HSM.

use std::time::Instant;

use openssl::hash::{MessageDigest, hash};

use super::super::streams::{Hashed, Holder};
use super::super::{Call, Error, Kms};
use crate::custody::Error as CustodyError;
use crate::kmip::Tag;
use crate::kmip::enumerations::{HashingAlgorithm, Operation};
use crate::kmip::payloads::hash::{Request, Response};
use crate::secret::Bytes;

pub(in crate::kms) fn run(kms: &Kms, call: &Call<'_>, request: Request) -> Result<Response, Error> {
    kms.authorize_server(call, Operation::Hash)?;
    let algorithm = request.cryptographic_parameters.hashing_algorithm;
    let digest = digest(algorithm.ok_or(Error::Missing(Tag::HashingAlgorithm))?)?;
    let holder = || Holder { user: call.caller().username.as_str().to_owned(), operation: Operation::Hash, key: None };
    let parameters = Some(request.cryptographic_parameters);
    let stream = kms.streams().at(holder, &request.multi_part, parameters, None, Instant::now())?;
    match stream.hash(digest, request.data.as_ref(), None)? {
        Hashed::Whole => {
            let data = request.data.ok_or(Error::Missing(Tag::Data))?;
            let hashed = hash(digest, &data).map_err(|error| Error::Internal(CustodyError::Hash(error)))?;
            Ok(Response { data: Some(Bytes::from(hashed.to_vec())), correlation_value: None })
        }
        Hashed::Done(hashed) => Ok(Response { data: Some(Bytes::from(hashed)), correlation_value: None }),
        Hashed::Open(value) => Ok(Response { data: None, correlation_value: Some(value) }),
    }
}

fn digest(algorithm: HashingAlgorithm) -> Result<MessageDigest, Error> {
    Ok(match algorithm {
        HashingAlgorithm::SHA_1 => MessageDigest::sha1(),
        HashingAlgorithm::SHA_224 => MessageDigest::sha224(),
        HashingAlgorithm::SHA_256 => MessageDigest::sha256(),
        HashingAlgorithm::SHA_384 => MessageDigest::sha384(),
        HashingAlgorithm::SHA_512 => MessageDigest::sha512(),
        HashingAlgorithm::SHA_512_224 => named("SHA512-224")?,
        HashingAlgorithm::SHA_512_256 => named("SHA512-256")?,
        HashingAlgorithm::SHA3_224 => MessageDigest::sha3_224(),
        HashingAlgorithm::SHA3_256 => MessageDigest::sha3_256(),
        HashingAlgorithm::SHA3_384 => MessageDigest::sha3_384(),
        HashingAlgorithm::SHA3_512 => MessageDigest::sha3_512(),
        _ => return Err(Error::UnsupportedParameters("hashes are SHA-1, SHA-2 (224 to 512 bits) and SHA-3")),
    })
}

/// A hash that the binding does not have by name.
fn named(name: &str) -> Result<MessageDigest, Error> {
    MessageDigest::from_name(name).ok_or(Error::UnsupportedParameters("this system's OpenSSL does not have the hash"))
}
