//! The header of an encrypted file, and the data that binds the chunks to it.

use openssl::rand::rand_bytes;
use openssl::sha::sha256;

use super::error::Error;
use crate::cli::error::Error as CommandError;
use crate::cli::stream::Source;
use crate::secret::Bytes;

/// The length of a chunk's plaintext, in bytes. In hexadecimal in JSON it is twice as long, which is well below the
/// server's limit.
pub(crate) const CHUNK: u32 = 1 << 20;

const MAGIC: &[u8; 4] = b"CLVG";
const VERSION: u8 = 1;
const FILE_ID: usize = 16;

/// The length of the part before the key id, in bytes.
const FIXED: usize = MAGIC.len() + 1 + 4 + FILE_ID + 1;

/// A header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    chunk_size: u32,
    file_id: [u8; FILE_ID],
    key_id: String,
}

impl Header {
    /// Creates the header of a new file; `None` if the key id does not fit.
    pub(crate) fn new(key_id: &str, chunk_size: u32) -> Result<Option<Self>, openssl::error::ErrorStack> {
        let mut file_id = [0; FILE_ID];
        rand_bytes(&mut file_id)?;
        let fits = (1..=usize::from(u8::MAX)).contains(&key_id.len());
        Ok(fits.then(|| Self { chunk_size, file_id, key_id: key_id.to_owned() }))
    }

    /// Returns the identifier of the key that encrypted the file.
    pub(crate) fn key_id(&self) -> &str {
        &self.key_id
    }

    pub(super) fn chunk_size(&self) -> usize {
        usize::try_from(self.chunk_size).unwrap_or(usize::MAX)
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut encoded = Vec::with_capacity(FIXED + self.key_id.len());
        encoded.extend_from_slice(MAGIC);
        encoded.push(VERSION);
        encoded.extend_from_slice(&self.chunk_size.to_be_bytes());
        encoded.extend_from_slice(&self.file_id);
        encoded.push(u8::try_from(self.key_id.len()).unwrap_or(u8::MAX));
        encoded.extend_from_slice(self.key_id.as_bytes());
        encoded
    }

    /// Reads the header of a file.
    pub(crate) async fn read(source: &mut Source) -> Result<Self, CommandError> {
        let path = source.path().to_owned();
        let refuse = |source| CommandError::Sealed { path: path.clone(), source };
        let fixed = source.read(FIXED).await?;
        let (header, key_id_length) = Self::fixed(&fixed).map_err(refuse)?;
        let key_id = source.read(key_id_length).await?;
        let is_whole = key_id.len() == key_id_length;
        let key_id = std::str::from_utf8(&key_id).ok().filter(|text| is_whole && !text.chars().any(char::is_control));
        Ok(Self { key_id: key_id.ok_or_else(|| refuse(Error::Header))?.to_owned(), ..header })
    }

    /// Reads the part before the key id. Returns it with the length of the key id.
    fn fixed(bytes: &[u8]) -> Result<(Self, usize), Error> {
        let rest = bytes.strip_prefix(MAGIC).ok_or(Error::NotSealed)?;
        let (version, rest) = rest.split_first().ok_or(Error::Header)?;
        if *version != VERSION {
            return Err(Error::Version(*version));
        }
        let (chunk_size, rest) = rest.split_first_chunk().ok_or(Error::Header)?;
        let chunk_size = u32::from_be_bytes(*chunk_size);
        let (file_id, rest) = rest.split_first_chunk().ok_or(Error::Header)?;
        match rest {
            // The chunk size is limited, so that a file cannot choose how much memory is allocated.
            [length] if *length > 0 && (1..=CHUNK).contains(&chunk_size) => {
                Ok((Self { chunk_size, file_id: *file_id, key_id: String::new() }, usize::from(*length)))
            }
            _ => Err(Error::Header),
        }
    }
}

/// The part of the additional data that is the same for all chunks of a file.
pub(super) struct Binding(Vec<u8>);

impl Binding {
    pub(super) fn new(header: &[u8]) -> Self {
        let mut prefix = MAGIC.to_vec();
        prefix.push(VERSION);
        prefix.extend_from_slice(&sha256(header));
        Self(prefix)
    }

    /// Returns the additional data of a chunk.
    pub(super) fn aad(&self, number: u64, last: bool, own: &[u8]) -> Bytes {
        let mut aad = self.0.clone();
        aad.extend_from_slice(&number.to_be_bytes());
        aad.push(u8::from(last));
        aad.extend_from_slice(own);
        Bytes::from(aad)
    }
}
