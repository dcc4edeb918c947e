//! AES over data that is too long for one call of the token. Each part is a call of its own, and the result is that of
//! a single call.

use zeroize::Zeroizing;

use crate::cipher::Cipher;
use crate::error::Error;
use crate::raw::Direction;

/// Length in bytes of an AES block.
pub(crate) const BLOCK: usize = 16;

/// The maximum number of parts of one text or message, so that a request does not occupy a token for long.
const MOST_PARTS: usize = 512;

/// Returns [`Error::TooLong`] if `length` needs too many parts of `most` bytes.
pub(crate) fn few_parts(length: usize, most: usize) -> Result<(), Error> {
    let whole = most.saturating_mul(MOST_PARTS);
    if length > whole { Err(Error::TooLong { length, most: whole }) } else { Ok(()) }
}

/// Runs a mode of AES other than GCM over `data`, in parts of at most `most` bytes. `run` processes one part in one
/// call.
///
/// CBC continues from the last block of ciphertext, padding is only at the end, and the counter of CTR continues. A
/// token that refuses an overflow of the counter within a call refuses the part in which it would overflow.
///
/// # Errors
/// Those of `run`; [`Error::TooLong`] for GCM, whose tag covers the whole text, and for more than 512 parts.
pub fn in_parts<T: AsRef<[u8]>, E: From<Error>>(
    cipher: &Cipher<'_>,
    direction: Direction,
    data: &[u8],
    most: usize,
    run: impl Fn(&Cipher<'_>, &[u8]) -> Result<T, E>,
) -> Result<Zeroizing<Vec<u8>>, E> {
    let size = most - most % BLOCK;
    few_parts(data.len(), size)?;
    let mut before = match cipher {
        Cipher::AesCbcPad { iv } | Cipher::AesCbc { iv } if size > 0 => **iv,
        Cipher::AesCtr { counter } if size > 0 => **counter,
        Cipher::AesEcb if size > 0 => [0; BLOCK],
        _ => return Err(Error::TooLong { length: data.len(), most }.into()),
    };
    // The whole capacity is allocated at the start, because a growing vector would leave copies of the plaintext
    // behind.
    let mut output = Zeroizing::new(Vec::with_capacity(data.len() + BLOCK));
    let mut rest = data;
    while !cipher.fits(direction, rest.len(), size) {
        let (part, later) = rest.split_at_checked(size).unwrap_or((rest, &[]));
        let done = run(&from(cipher, &before, false), part)?;
        let done = done.as_ref();
        before = after(cipher, direction, &before, part, done)?;
        output.extend_from_slice(done);
        rest = later;
    }
    output.extend_from_slice(run(&from(cipher, &before, true), rest)?.as_ref());
    Ok(output)
}

/// Returns the mode for a part that follows the block `before`.
fn from<'a>(cipher: &Cipher<'_>, before: &'a [u8; BLOCK], is_last: bool) -> Cipher<'a> {
    match cipher {
        Cipher::AesCbcPad { .. } if is_last => Cipher::AesCbcPad { iv: before },
        Cipher::AesCbcPad { .. } | Cipher::AesCbc { .. } => Cipher::AesCbc { iv: before },
        Cipher::AesCtr { .. } => Cipher::AesCtr { counter: before },
        Cipher::AesEcb | Cipher::AesGcm { .. } => Cipher::AesEcb,
    }
}

/// Returns the block that the next part follows. A part is whole blocks.
fn after(
    cipher: &Cipher<'_>,
    direction: Direction,
    before: &[u8; BLOCK],
    part: &[u8],
    done: &[u8],
) -> Result<[u8; BLOCK], Error> {
    if done.len() != part.len() {
        return Err(Error::Binding(cryptoki::error::Error::InvalidValue));
    }
    let ciphertext = match direction {
        Direction::Encrypt => done,
        Direction::Decrypt => part,
    };
    Ok(match cipher {
        Cipher::AesCtr { .. } => {
            let blocks = u128::try_from(part.len() / BLOCK).unwrap_or_default();
            u128::from_be_bytes(*before).wrapping_add(blocks).to_be_bytes()
        }
        _ => *ciphertext.last_chunk().unwrap_or(before),
    })
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
            Cipher::AesEcb | Cipher::AesGcm { .. } => (symm::Cipher::aes_256_ecb(), None, false),
        };
        let mode = match direction {
            Direction::Encrypt => symm::Mode::Encrypt,
            Direction::Decrypt => symm::Mode::Decrypt,
        };
        let mut crypter = symm::Crypter::new(theirs, mode, &KEY, iv).unwrap();
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
        for most in [32, 33, 47, 48, 100, 4096] {
            for length in [0, 1, 15, 16, 17, 31, 32, 33, 48, 95, 96, 97, 1000, 4095, 4096, 4097, 8192, 10_000] {
                let data: Vec<u8> = (0..=u8::MAX).cycle().take(length).collect();
                for cipher in [
                    Cipher::AesCbcPad { iv: &iv },
                    Cipher::AesCbc { iv: &iv },
                    Cipher::AesCtr { counter: &iv },
                    Cipher::AesCtr { counter: &low },
                    Cipher::AesCtr { counter: &end },
                    Cipher::AesEcb,
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
