//! Ciphers over data that is too long for one call of the token, or that comes in parts. Each part is a call of its own,
//! and the result is that of a single call.

use std::fmt;

use zeroize::Zeroizing;

use crate::cipher::Cipher;
use crate::error::Error;
use crate::raw::Direction;

/// Length in bytes of an AES block.
pub(crate) const BLOCK: usize = 16;

/// Length in bytes of a DES block.
const DES_BLOCK: usize = 8;

/// Length in bytes of a block of the keystream of ChaCha20.
const CHACHA20_BLOCK: usize = 64;

/// The maximum number of parts of one text or message, so that a request does not occupy a token for long.
const MOST_PARTS: usize = 512;

/// Returns [`Error::TooLong`] if `length` needs too many parts of `most` bytes.
pub(crate) fn few_parts(length: usize, most: usize) -> Result<(), Error> {
    let whole = most.saturating_mul(MOST_PARTS);
    if length > whole { Err(Error::TooLong { length, most: whole }) } else { Ok(()) }
}

/// The place of a part in a text that is encrypted or decrypted in parts: a cipher, and what its next part follows.
#[derive(Clone)]
pub struct Chain {
    mode: Mode,
    /// The block of ciphertext, or of the keystream of OFB, that the next part follows, or its first counter block.
    before: Zeroizing<[u8; BLOCK]>,
    /// The same for 3DES.
    des: [u8; DES_BLOCK],
    nonce: [u8; 12],
    counter: u32,
}

/// A cipher that can be continued.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Cbc { padded: bool },
    Ecb { padded: bool },
    Ctr,
    Cfb,
    Ofb,
    ChaCha20,
    Des3Cbc { padded: bool },
    Des3Ecb { padded: bool },
}

impl Chain {
    /// Returns the beginning of a text; `None` for a cipher whose tag covers the whole text.
    pub fn of(cipher: &Cipher<'_>) -> Option<Self> {
        let none = ([0; BLOCK], [0; DES_BLOCK], [0; 12], 0);
        let (mode, (before, des, nonce, counter)) = match *cipher {
            Cipher::AesCbcPad { iv } => (Mode::Cbc { padded: true }, (*iv, none.1, none.2, 0)),
            Cipher::AesCbc { iv } => (Mode::Cbc { padded: false }, (*iv, none.1, none.2, 0)),
            Cipher::AesEcb => (Mode::Ecb { padded: false }, none),
            Cipher::AesEcbPad => (Mode::Ecb { padded: true }, none),
            Cipher::AesCtr { counter } => (Mode::Ctr, (*counter, none.1, none.2, 0)),
            Cipher::AesCfb { iv } => (Mode::Cfb, (*iv, none.1, none.2, 0)),
            Cipher::AesOfb { iv } => (Mode::Ofb, (*iv, none.1, none.2, 0)),
            Cipher::ChaCha20 { nonce, counter } => (Mode::ChaCha20, (none.0, none.1, *nonce, counter)),
            Cipher::Des3CbcPad { iv } => (Mode::Des3Cbc { padded: true }, (none.0, *iv, none.2, 0)),
            Cipher::Des3Cbc { iv } => (Mode::Des3Cbc { padded: false }, (none.0, *iv, none.2, 0)),
            Cipher::Des3Ecb => (Mode::Des3Ecb { padded: false }, none),
            Cipher::Des3EcbPad => (Mode::Des3Ecb { padded: true }, none),
            Cipher::AesGcm { .. } | Cipher::AesCcm { .. } | Cipher::ChaCha20Poly1305 { .. } => return None,
        };
        Some(Self { mode, before: Zeroizing::new(before), des, nonce, counter })
    }

    /// Returns the length in bytes of which every part but the last must be a multiple.
    pub fn unit(&self) -> usize {
        match self.mode {
            Mode::ChaCha20 => CHACHA20_BLOCK,
            Mode::Des3Cbc { .. } | Mode::Des3Ecb { .. } => DES_BLOCK,
            Mode::Cbc { .. } | Mode::Ecb { .. } | Mode::Ctr | Mode::Cfb | Mode::Ofb => BLOCK,
        }
    }

    /// Whether the last part is padded. It then has at least one byte of ciphertext.
    pub fn is_padded(&self) -> bool {
        match self.mode {
            Mode::Cbc { padded } | Mode::Ecb { padded } | Mode::Des3Cbc { padded } | Mode::Des3Ecb { padded } => padded,
            Mode::Ctr | Mode::Cfb | Mode::Ofb | Mode::ChaCha20 => false,
        }
    }

    /// Returns the cipher for the next part.
    pub fn cipher(&self, is_last: bool) -> Cipher<'_> {
        let (iv, des) = (&*self.before, &self.des);
        match self.mode {
            Mode::Cbc { padded: true } if is_last => Cipher::AesCbcPad { iv },
            Mode::Cbc { .. } => Cipher::AesCbc { iv },
            Mode::Ecb { padded: true } if is_last => Cipher::AesEcbPad,
            Mode::Ecb { .. } => Cipher::AesEcb,
            Mode::Ctr => Cipher::AesCtr { counter: iv },
            Mode::Cfb => Cipher::AesCfb { iv },
            Mode::Ofb => Cipher::AesOfb { iv },
            Mode::ChaCha20 => Cipher::ChaCha20 { nonce: &self.nonce, counter: self.counter },
            Mode::Des3Cbc { padded: true } if is_last => Cipher::Des3CbcPad { iv: des },
            Mode::Des3Cbc { .. } => Cipher::Des3Cbc { iv: des },
            Mode::Des3Ecb { padded: true } if is_last => Cipher::Des3EcbPad,
            Mode::Des3Ecb { .. } => Cipher::Des3Ecb,
        }
    }

    /// Goes on after a part of whole units, of which the token made `output`.
    ///
    /// # Errors
    /// The output is not as long as the input, or the counter of ChaCha20 overflows.
    pub fn advance(&mut self, direction: Direction, input: &[u8], output: &[u8]) -> Result<(), Error> {
        let wrong = || Error::Binding(cryptoki::error::Error::InvalidValue);
        if output.len() != input.len() || !input.len().is_multiple_of(self.unit()) {
            return Err(wrong());
        }
        let ciphertext = match direction {
            Direction::Encrypt => output,
            Direction::Decrypt => input,
        };
        match self.mode {
            Mode::Cbc { .. } | Mode::Cfb => *self.before = *ciphertext.last_chunk().unwrap_or(&self.before),
            Mode::Des3Cbc { .. } => self.des = *ciphertext.last_chunk().unwrap_or(&self.des),
            Mode::Ofb => {
                if let (Some(one), Some(other)) = (input.last_chunk::<BLOCK>(), output.last_chunk::<BLOCK>()) {
                    self.before
                        .iter_mut()
                        .zip(one.iter().zip(other))
                        .for_each(|(byte, (one, other))| *byte = one ^ other);
                }
            }
            Mode::Ctr => {
                let blocks = u128::try_from(input.len() / BLOCK).unwrap_or_default();
                *self.before = u128::from_be_bytes(*self.before).wrapping_add(blocks).to_be_bytes();
            }
            Mode::ChaCha20 => {
                let blocks = u32::try_from(input.len() / CHACHA20_BLOCK).map_err(|_| wrong())?;
                self.counter = self.counter.checked_add(blocks).ok_or_else(wrong)?;
            }
            Mode::Ecb { .. } | Mode::Des3Ecb { .. } => {}
        }
        Ok(())
    }
}

impl fmt::Debug for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chain").field("mode", &self.mode).finish_non_exhaustive()
    }
}

/// Runs a cipher over `data`, in parts of at most `most` bytes. `run` processes one part in one call.
///
/// CBC and CFB continue from the last block of ciphertext, OFB from that of the keystream; padding is only at the end, and
/// counters continue. A token that refuses an overflow of the counter within a call refuses the part in which it would
/// overflow.
///
/// # Errors
/// Those of `run`; [`Error::TooLong`] for a cipher whose tag covers the whole text, and for more than 512 parts.
pub fn in_parts<T: AsRef<[u8]>, E: From<Error>>(
    cipher: &Cipher<'_>,
    direction: Direction,
    data: &[u8],
    most: usize,
    run: impl Fn(&Cipher<'_>, &[u8]) -> Result<T, E>,
) -> Result<Zeroizing<Vec<u8>>, E> {
    let too_long = || E::from(Error::TooLong { length: data.len(), most });
    let mut chain = Chain::of(cipher).ok_or_else(too_long)?;
    let size = most - most % chain.unit();
    if size == 0 {
        return Err(too_long());
    }
    few_parts(data.len(), size)?;
    // The whole capacity is allocated at the start, because a growing vector would leave copies of the plaintext
    // behind.
    let mut output = Zeroizing::new(Vec::with_capacity(data.len() + BLOCK));
    let mut rest = data;
    while !cipher.fits(direction, rest.len(), size) {
        let (part, later) = rest.split_at_checked(size).unwrap_or((rest, &[]));
        let done = run(&chain.cipher(false), part)?;
        chain.advance(direction, part, done.as_ref())?;
        output.extend_from_slice(done.as_ref());
        rest = later;
    }
    output.extend_from_slice(run(&chain.cipher(true), rest)?.as_ref());
    Ok(output)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "allowed in tests")]

    use std::cell::Cell;

    use openssl::symm;

    use super::*;

    const KEY: [u8; 32] = [0x2b; 32];

    /// OpenSSL in place of a token.
    fn whole(cipher: &Cipher<'_>, direction: Direction, data: &[u8]) -> Result<Vec<u8>, Error> {
        let (theirs, iv, padded) = match cipher {
            Cipher::AesCbcPad { iv } => (symm::Cipher::aes_256_cbc(), Some(&iv[..]), true),
            Cipher::AesCbc { iv } => (symm::Cipher::aes_256_cbc(), Some(&iv[..]), false),
            Cipher::AesCtr { counter } => (symm::Cipher::aes_256_ctr(), Some(&counter[..]), false),
            Cipher::AesCfb { iv } => (symm::Cipher::aes_256_cfb128(), Some(&iv[..]), false),
            Cipher::AesOfb { iv } => (symm::Cipher::aes_256_ofb(), Some(&iv[..]), false),
            Cipher::AesEcb | Cipher::AesEcbPad => {
                (symm::Cipher::aes_256_ecb(), None, matches!(cipher, Cipher::AesEcbPad))
            }
            Cipher::Des3CbcPad { iv } => (symm::Cipher::des_ede3_cbc(), Some(&iv[..]), true),
            Cipher::Des3Cbc { iv } => (symm::Cipher::des_ede3_cbc(), Some(&iv[..]), false),
            Cipher::ChaCha20 { nonce, counter } => {
                let iv: &'static [u8] = [&counter.to_le_bytes()[..], &nonce[..]].concat().leak();
                (symm::Cipher::chacha20(), Some(iv), false)
            }
            other => panic!("{other:?}"),
        };
        let mode = match direction {
            Direction::Encrypt => symm::Mode::Encrypt,
            Direction::Decrypt => symm::Mode::Decrypt,
        };
        let mut crypter = symm::Crypter::new(theirs, mode, &KEY[..theirs.key_len()], iv).unwrap();
        crypter.pad(padded);
        let mut output = vec![0; data.len() + 2 * BLOCK];
        let mut written = crypter.update(data, &mut output).unwrap();
        written += crypter.finalize(&mut output[written..]).map_err(|_| Error::DecryptionFailed)?;
        output.truncate(written);
        Ok(output)
    }

    #[test]
    fn parts_are_the_whole() {
        // The lower half of the second counter is about to overflow, and all of the third.
        let (iv, low, end) = ([0x7c; BLOCK], [[0x11; 8], [0xff; 8]].concat().try_into().unwrap(), [0xff; BLOCK]);
        for most in [64, 65, 80, 100, 127, 128, 4096] {
            for length in [0, 1, 15, 16, 17, 31, 32, 33, 48, 95, 96, 97, 1000, 4095, 4096, 4097, 8192, 10_000] {
                let data: Vec<u8> = (0..=u8::MAX).cycle().take(length).collect();
                for cipher in [
                    Cipher::AesCbcPad { iv: &iv },
                    Cipher::AesCbc { iv: &iv },
                    Cipher::AesCtr { counter: &iv },
                    Cipher::AesCtr { counter: &low },
                    Cipher::AesCtr { counter: &end },
                    Cipher::AesEcb,
                    Cipher::AesEcbPad,
                    Cipher::AesCfb { iv: &iv },
                    Cipher::AesOfb { iv: &iv },
                    Cipher::Des3CbcPad { iv: &[0x7c; 8] },
                    Cipher::ChaCha20 { nonce: &[9; 12], counter: 7 },
                ] {
                    if matches!(cipher, Cipher::AesCbc { .. } | Cipher::AesEcb) && length % BLOCK != 0 {
                        continue;
                    }
                    let parts = |direction, data: &[u8]| {
                        in_parts(&cipher, direction, data, most, |cipher, part| {
                            assert!(part.len() <= most && cipher.fits(direction, part.len(), most), "{cipher:?}");
                            whole(cipher, direction, part)
                        })
                    };
                    let encrypted = whole(&cipher, Direction::Encrypt, &data).unwrap();
                    let made = parts(Direction::Encrypt, &data).unwrap();
                    assert_eq!(*made, encrypted, "{cipher:?}: {length} bytes by {most}");
                    assert_eq!(*parts(Direction::Decrypt, &encrypted).unwrap(), data, "{cipher:?}: {length} by {most}");
                }
            }
        }
    }

    #[test]
    fn bad_padding_is_seen_at_the_end() {
        let cipher = Cipher::AesCbcPad { iv: &[1; BLOCK] };
        let mut encrypted = whole(&cipher, Direction::Encrypt, &[7; 100]).unwrap();
        let end = encrypted.len() - BLOCK - 1;
        encrypted[end] ^= 1;
        let opened = in_parts(&cipher, Direction::Decrypt, &encrypted, 32, |cipher, part| {
            whole(cipher, Direction::Decrypt, part)
        });
        assert!(matches!(opened, Err(Error::DecryptionFailed)), "{opened:?}");
    }

    #[test]
    fn what_cannot_be_split_is_not_begun() {
        let calls = Cell::new(0);
        for (cipher, most) in [
            (Cipher::AesGcm { iv: &[1; 12], aad: b"", tag_bits: 128 }, 4096),
            (Cipher::AesEcb, 15),
            (Cipher::AesEcb, 0),
            (Cipher::AesEcb, 16),
        ] {
            let refused = in_parts(&cipher, Direction::Encrypt, &[0; 8208], most, |_, part| {
                calls.set(calls.get() + 1);
                Ok::<_, Error>(part.to_vec())
            });
            assert!(matches!(refused, Err(Error::TooLong { length: 8208, .. })), "{refused:?}");
        }
        assert_eq!(calls.get(), 0);
    }

    #[test]
    fn a_failure_in_the_middle_is_that_of_the_whole() {
        let calls = Cell::new(0);
        let failed = in_parts(&Cipher::AesEcb, Direction::Encrypt, &[0; 8192], 1024, |cipher, part| {
            calls.set(calls.get() + 1);
            if calls.get() == 4 { Err(Error::Busy) } else { whole(cipher, Direction::Encrypt, part) }
        });
        assert!(matches!(failed, Err(Error::Busy)));
        assert_eq!(calls.get(), 4);
    }
}
