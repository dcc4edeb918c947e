//! Encrypted files: a header and authenticated chunks.
//!
//! ```text
//! file   = header chunk+
//! header = "CLVG" version(1) chunk-size(4) file-id(16) key-id-length(1) key-id
//! chunk  = last(1) iv(12) length(4) ciphertext(length) tag(16)
//! ```
//!
//! Numbers are big-endian; the version is 1; the key id is the unique identifier of the AES key, in UTF-8. The chunks
//! of a file are counted from 0. Each but the last holds as many bytes as the chunk size says, the last as many or
//! less; `last` is 1 there and 0 before. Each is encrypted by AES-GCM, with a tag of 128 bits, and with this
//! additional data:
//!
//! ```text
//! "CLVG" version(1) SHA-256(header)(32) number(8) last(1) the caller's own additional data
//! ```
//!
//! So a chunk verifies only in its own file and at its own place. Chunks that were cut off, appended, swapped or taken
//! from
//! another file are detected (this is STREAM: Hoang, Reyhanitabar, Rogaway, Vizár, "Online Authenticated-Encryption and
//! its Nonce-Reuse Misuse-Resistance", 2015). The file id is random, and so are the IVs, which the server chooses.

mod chunk;
mod error;
mod flight;
mod header;

pub(super) use chunk::{Chunk, IV, TAG};
pub(super) use error::Error;
pub(super) use header::{CHUNK, Header};

use super::error::Error as CommandError;
use super::stream::Source;
use super::target::Target;
use crate::secret::Bytes;
use flight::{Chunks, in_order};
use header::Binding;

/// Encrypts the source chunk by chunk, several at a time. The header is written with the first chunk. If `encrypt`
/// fails for the first chunk, nothing is written, and the source can be rewound.
///
/// `encrypt` receives a plaintext and its additional data.
pub(super) async fn seal(
    source: &mut Source,
    header: &Header,
    aad: &[u8],
    target: &mut Target,
    encrypt: impl AsyncFn(Bytes, Bytes) -> Result<Chunk, CommandError>,
) -> Result<(), CommandError> {
    let path = source.path().to_owned();
    let too_many = || CommandError::Sealed { path: path.clone(), source: Error::TooManyChunks };
    let size = header.chunk_size();
    let encoded = header.encode();
    let binding = Binding::new(&encoded);
    let kept = source.keep();
    let read = async |chunks: &Chunks<_>| {
        let mut number = 0_u64;
        let mut plaintext = source.read(size).await?;
        loop {
            // A full chunk is the last one if the next one is empty, so the next one is read first.
            let next = if plaintext.len() == size { source.read(size).await? } else { Bytes::default() };
            let last = next.is_empty();
            chunks.put((number, last, plaintext)).await;
            if last {
                return Ok(());
            }
            number = number.checked_add(1).ok_or_else(too_many)?;
            plaintext = next;
        }
    };
    in_order(target, read, async |(number, last, plaintext)| {
        let chunk = encrypt(plaintext, binding.aad(number, last, aad)).await?;
        let chunk = chunk.encode(last).ok_or_else(too_many)?;
        if number > 0 {
            return Ok(chunk);
        }
        kept.settle();
        Ok(Bytes::from([&encoded, chunk.as_slice()].concat()))
    })
    .await
}

/// Decrypts the rest of a source whose header was read, chunk by chunk, several at a time. Only verified plaintext is
/// written to the target. It is complete only if this returns without an error.
///
/// `decrypt` receives a chunk and its additional data, and returns `None` if the chunk does not verify.
pub(super) async fn open(
    source: &mut Source,
    header: &Header,
    aad: &[u8],
    target: &mut Target,
    decrypt: impl AsyncFn(Chunk, Bytes) -> Result<Option<Bytes>, CommandError>,
) -> Result<(), CommandError> {
    let path = source.path().to_owned();
    let refuse = |source| CommandError::Sealed { path: path.clone(), source };
    let binding = Binding::new(&header.encode());
    let read = async |chunks: &Chunks<_>| {
        let mut number = 0_u64;
        loop {
            let (chunk, last) = Chunk::read(source, header.chunk_size(), number).await?.map_err(refuse)?;
            chunks.put((number, last, chunk)).await;
            if last {
                break;
            }
            number = number.checked_add(1).ok_or_else(|| refuse(Error::TooManyChunks))?;
        }
        if source.read(1).await?.is_empty() { Ok(()) } else { Err(refuse(Error::Trailing)) }
    };
    in_order(target, read, async |(number, last, chunk)| {
        let plaintext = decrypt(chunk, binding.aad(number, last, aad)).await?;
        plaintext.ok_or_else(|| refuse(Error::Unverified(number)))
    })
    .await
}

#[cfg(test)]
mod tests;
