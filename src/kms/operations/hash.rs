//! Hash (KMIP 2.1 section 6.1.24). The data is not a key, so OpenSSL computes the hash, outside of the HSM.

use openssl::hash::{MessageDigest, hash};

use super::super::{Call, Error, Kms, mechanism};
use crate::custody::Error as CustodyError;
use crate::kmip::Tag;
use crate::kmip::enumerations::{HashingAlgorithm, Operation};
use crate::kmip::payloads::hash::{Request, Response};
use crate::secret::Bytes;

pub(in crate::kms) fn run(kms: &Kms, call: &Call<'_>, request: Request) -> Result<Response, Error> {
    mechanism::check_whole(&request.multi_part)?;
    kms.authorize_server(call, Operation::Hash)?;
    let algorithm = request.cryptographic_parameters.hashing_algorithm;
    let digest = digest(algorithm.ok_or(Error::Missing(Tag::HashingAlgorithm))?)?;
    let data = request.data.ok_or(Error::Missing(Tag::Data))?;
    let hashed = hash(digest, &data).map_err(|error| Error::Internal(CustodyError::Hash(error)))?;
    Ok(Response { data: Bytes::from(hashed.to_vec()) })
}

fn digest(algorithm: HashingAlgorithm) -> Result<MessageDigest, Error> {
    Ok(match algorithm {
        HashingAlgorithm::SHA_1 => MessageDigest::sha1(),
        HashingAlgorithm::SHA_224 => MessageDigest::sha224(),
        HashingAlgorithm::SHA_256 => MessageDigest::sha256(),
        HashingAlgorithm::SHA_384 => MessageDigest::sha384(),
        HashingAlgorithm::SHA_512 => MessageDigest::sha512(),
        HashingAlgorithm::SHA3_224 => MessageDigest::sha3_224(),
        HashingAlgorithm::SHA3_256 => MessageDigest::sha3_256(),
        HashingAlgorithm::SHA3_384 => MessageDigest::sha3_384(),
        HashingAlgorithm::SHA3_512 => MessageDigest::sha3_512(),
        _ => return Err(Error::UnsupportedParameters("hashes are SHA-1, SHA-2 (224 to 512 bits) and SHA-3")),
    })
}
