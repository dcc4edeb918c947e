//! A chunk of an encrypted file.

use super::error::Error;
use crate::cli::error::Error as CommandError;
use crate::cli::stream::Source;
use crate::secret::Bytes;

/// The length of an IV, in bytes.
pub(crate) const IV: usize = 12;
/// The length of a tag, in bytes.
pub(crate) const TAG: usize = 16;

/// The length of the part before the ciphertext, in bytes.
const FIXED: usize = 1 + IV + 4;

/// A chunk.
#[derive(Debug)]
pub(crate) struct Chunk {
    pub(crate) iv: [u8; IV],
    pub(crate) ciphertext: Bytes,
    pub(crate) tag: [u8; TAG],
}

impl Chunk {
    /// Encodes the chunk for the file; `None` if it is too long.
    pub(super) fn encode(&self, last: bool) -> Option<Bytes> {
        let length = u32::try_from(self.ciphertext.len()).ok()?;
        let mut encoded = Vec::with_capacity(FIXED + self.ciphertext.len() + TAG);
        encoded.push(u8::from(last));
        encoded.extend_from_slice(&self.iv);
        encoded.extend_from_slice(&length.to_be_bytes());
        encoded.extend_from_slice(&self.ciphertext);
        encoded.extend_from_slice(&self.tag);
        Some(Bytes::from(encoded))
    }

    /// Reads a chunk. Returns it, and whether it is the last one.
    pub(super) async fn read(
        source: &mut Source,
        chunk_size: usize,
        number: u64,
    ) -> Result<Result<(Self, bool), Error>, CommandError> {
        let fixed = source.read(FIXED).await?;
        let (last, iv, length) = match Self::fixed(&fixed, chunk_size, number) {
            Ok(fixed) => fixed,
            Err(error) => return Ok(Err(error)),
        };
        let ciphertext = source.read(length).await?;
        let tag = source.read(TAG).await?;
        Ok(match <[u8; TAG]>::try_from(tag.as_slice()) {
            Ok(tag) if ciphertext.len() == length => Ok((Self { iv, ciphertext, tag }, last)),
            _ => Err(Error::Truncated(number)),
        })
    }

    fn fixed(bytes: &[u8], chunk_size: usize, number: u64) -> Result<(bool, [u8; IV], usize), Error> {
        let (last, rest) = bytes.split_first().ok_or(Error::Truncated(number))?;
        let (iv, rest) = rest.split_first_chunk().ok_or(Error::Truncated(number))?;
        let length = rest.try_into().map(u32::from_be_bytes).map_err(|_| Error::Truncated(number))?;
        let length = usize::try_from(length).map_err(|_| Error::Chunk(number))?;
        match last {
            0 if length == chunk_size => Ok((false, *iv, length)),
            1 if length <= chunk_size => Ok((true, *iv, length)),
            _ => Err(Error::Chunk(number)),
        }
    }
}
