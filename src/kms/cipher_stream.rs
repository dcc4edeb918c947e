//! Encryption and decryption in several parts.

use zeroize::Zeroizing;

use super::cipher_fault::CipherFault;
use super::cipher_mode::Mode;
use super::error::Error;
use super::first_input::{FirstInput, overflow};
use crate::custody::{Chain, Cipher, Direction, Error as CustodyError, MOST_IN_ONE_CALL};
use crate::secret::Bytes;

/// The share of the ciphertext that was returned already, by which new data is encrypted before the last part. All of the
/// text is encrypted again each time, because a tag covers it; so the work stays proportional to the text.
const SHARE: usize = 4;

/// An encryption or decryption between two parts.
pub(super) enum CipherStream {
    /// A cipher whose parts are calls of their own.
    Chained(Chained),
    /// A cipher with a tag.
    Authenticated(Authenticated),
}

/// A cipher whose parts are calls of their own.
pub(super) struct Chained {
    chain: Chain,
    direction: Direction,
    is_chosen: bool,
    /// Data that is not a whole unit of the cipher, and the block that may be padding.
    pending: Zeroizing<Vec<u8>>,
    /// The number of bytes until the counter would overflow.
    left: Option<u128>,
}

/// A cipher whose tag covers the whole text.
pub(super) struct Authenticated {
    first: FirstInput,
    mode: Mode,
    is_chosen: bool,
    aad: Bytes,
    data: Zeroizing<Vec<u8>>,
    /// The length of the ciphertext that was returned already, in bytes.
    given: usize,
}

impl CipherStream {
    /// The beginning of a text. `is_chosen` says whether the caller chose the first input.
    pub(super) fn begin(
        direction: Direction,
        mode: Mode,
        (first, is_chosen): (FirstInput, bool),
        aad: Bytes,
    ) -> Result<Self, Error> {
        let chain = Chain::of(&first.cipher(&aad)?);
        Ok(match chain {
            Some(chain) => {
                let left = first.left;
                Self::Chained(Chained { chain, direction, is_chosen, pending: Zeroizing::default(), left })
            }
            None => {
                Self::Authenticated(Authenticated { first, mode, is_chosen, aad, data: Zeroizing::default(), given: 0 })
            }
        })
    }

    /// Whether the caller chose the first input.
    pub(super) fn is_chosen(&self) -> bool {
        match self {
            Self::Chained(own) => own.is_chosen,
            Self::Authenticated(own) => own.is_chosen,
        }
    }

    /// The memory that it takes, in bytes.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Chained(chained) => chained.pending.capacity(),
            Self::Authenticated(own) => own.data.capacity() + own.aad.len(),
        }
    }
}

impl Chained {
    /// Processes a part, and what was left over of the former one. `run` encrypts or decrypts by the key.
    pub(super) fn part(
        &mut self,
        data: &[u8],
        is_last: bool,
        run: impl Fn(&Cipher<'_>, &[u8]) -> Result<Bytes, Error>,
    ) -> Result<Bytes, Error> {
        let length = u128::try_from(data.len()).map_err(|_| overflow())?;
        self.left = self.left.map(|left| left.checked_sub(length).ok_or_else(overflow)).transpose()?;
        let mut input = Zeroizing::new(Vec::with_capacity(self.pending.len() + data.len()));
        input.extend_from_slice(&self.pending);
        input.extend_from_slice(data);
        if is_last {
            return run(&self.chain.cipher(true), &input);
        }
        let unit = self.chain.unit();
        let mut size = input.len() - input.len() % unit;
        if self.chain.is_padded() && self.direction == Direction::Decrypt && size == input.len() {
            size = size.saturating_sub(unit);
        }
        let (part, rest) = input.split_at_checked(size).unwrap_or((&input, &[]));
        self.pending = Zeroizing::new(rest.to_vec());
        if part.is_empty() {
            return Ok(Bytes::default());
        }
        let output = run(&self.chain.cipher(false), part)?;
        self.chain.advance(self.direction, part, &output).map_err(CustodyError::Token)?;
        Ok(output)
    }
}

impl Authenticated {
    /// Encrypts a part; `run` encrypts by the key. Returns what can be returned of the ciphertext, and the tag after the last part.
    pub(super) fn encrypt(
        &mut self,
        data: &[u8],
        is_last: bool,
        run: impl Fn(&Cipher<'_>, &[u8]) -> Result<Vec<u8>, Error>,
    ) -> Result<(Bytes, Option<Bytes>), Error> {
        append(&mut self.data, data)?;
        let pending = self.data.len() - self.given;
        if !is_last && (pending == 0 || pending.saturating_mul(SHARE) < self.given) {
            return Ok((Bytes::default(), None));
        }
        let mut encrypted = run(&self.first.cipher(&self.aad)?, &self.data)?;
        if encrypted.len() < self.data.len() {
            return Err(Error::Internal(CustodyError::Length));
        }
        let tag = encrypted.split_off(self.data.len());
        let part = encrypted.split_off(self.given.min(encrypted.len()));
        self.given = self.data.len();
        Ok((Bytes::from(part), is_last.then(|| Bytes::from(tag))))
    }

    /// Collects a part of a ciphertext: nothing is returned before the tag has been verified.
    pub(super) fn collect(&mut self, data: &[u8]) -> Result<(), Error> {
        append(&mut self.data, data)
    }

    /// The first input, the mode, the additional data and the ciphertext after the last part.
    pub(super) fn collected(self) -> (FirstInput, Mode, Bytes, Zeroizing<Vec<u8>>) {
        (self.first, self.mode, self.aad, self.data)
    }
}

/// Appends to a buffer. One that becomes too small is overwritten.
pub(super) fn append(buffer: &mut Zeroizing<Vec<u8>>, more: &[u8]) -> Result<(), Error> {
    let length = buffer.len().saturating_add(more.len());
    if length > MOST_IN_ONE_CALL {
        return Err(CipherFault::TooMuchStreamed { whose: "this operation", most: MOST_IN_ONE_CALL }.into());
    }
    if length > buffer.capacity() {
        let mut larger = Zeroizing::new(Vec::with_capacity(length.saturating_mul(2).min(MOST_IN_ONE_CALL)));
        larger.extend_from_slice(buffer);
        *buffer = larger;
    }
    buffer.extend_from_slice(more);
    Ok(())
}
