//! The data that is signed or verified. The server hashes it; what is too long for one request is hashed here.

use std::path::Path;

use openssl::hash::{Hasher, MessageDigest};

use super::cipher::MOST;
use crate::cli::error::{Error, FileError};
use crate::cli::stream::Source;
use crate::kmip::enumerations::HashingAlgorithm;
use crate::secret::Bytes;

/// The number of bytes that are read at one time for hashing.
const CHUNK: usize = 1 << 20;

/// Data, or its digest: exactly one of the two.
pub(super) struct Message {
    pub(super) data: Option<Bytes>,
    pub(super) digest: Option<Bytes>,
}

impl Message {
    /// Reads a file. `is_digest` says that it holds a digest.
    ///
    /// # Errors
    /// It cannot be read, or is too long for one request and no hash is given.
    pub(super) async fn read(path: &Path, hash: Option<HashingAlgorithm>, is_digest: bool) -> Result<Self, Error> {
        let mut source = Source::open(path)?;
        let start = source.read(MOST + 1).await?;
        if is_digest {
            return Ok(Self { data: None, digest: Some(start) });
        }
        if start.len() <= MOST {
            return Ok(Self { data: Some(start), digest: None });
        }
        let unhashed = || FileError::Unhashed { path: path.to_owned(), limit: MOST };
        let algorithm = hash.and_then(algorithm).ok_or_else(unhashed)?;
        let mut hasher = Hasher::new(algorithm).map_err(Error::Hash)?;
        let mut part = start;
        while !part.is_empty() {
            hasher.update(&part).map_err(Error::Hash)?;
            part = source.read(CHUNK).await?;
        }
        let digest = hasher.finish().map_err(Error::Hash)?;
        Ok(Self { data: None, digest: Some(Bytes::from(&digest[..])) })
    }
}

fn algorithm(hash: HashingAlgorithm) -> Option<MessageDigest> {
    match hash {
        HashingAlgorithm::SHA_1 => Some(MessageDigest::sha1()),
        HashingAlgorithm::SHA_224 => Some(MessageDigest::sha224()),
        HashingAlgorithm::SHA_256 => Some(MessageDigest::sha256()),
        HashingAlgorithm::SHA_384 => Some(MessageDigest::sha384()),
        HashingAlgorithm::SHA_512 => Some(MessageDigest::sha512()),
        HashingAlgorithm::SHA_512_224 => MessageDigest::from_name("SHA512-224"),
        HashingAlgorithm::SHA_512_256 => MessageDigest::from_name("SHA512-256"),
        HashingAlgorithm::SHA3_224 => Some(MessageDigest::sha3_224()),
        HashingAlgorithm::SHA3_256 => Some(MessageDigest::sha3_256()),
        HashingAlgorithm::SHA3_384 => Some(MessageDigest::sha3_384()),
        HashingAlgorithm::SHA3_512 => Some(MessageDigest::sha3_512()),
        _ => None,
    }
}
