//! Conversion between bytes and hexadecimal digits. All such conversions of the program are here.

use zeroize::Zeroize as _;

/// The reason why a text is not hexadecimal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The number of digits is odd. The offset is that of the last digit.
    #[error("invalid length at {0}")]
    Length(usize),
    /// The byte at this offset is not a digit.
    #[error("invalid symbol at {0}")]
    Symbol(usize),
}

/// Returns the bytes as lower-case digits.
#[must_use]
pub fn lower(bytes: &[u8]) -> String {
    let mut digits = vec![0; 2 * bytes.len()];
    // The buffer has the right size, so this cannot fail.
    let _ = const_hex::encode_to_slice(bytes, &mut digits);
    String::from_utf8(digits).unwrap_or_default()
}

/// Returns the bytes as upper-case digits.
#[must_use]
pub fn upper(bytes: &[u8]) -> String {
    let mut digits = Vec::new();
    append_upper(bytes, &mut digits);
    String::from_utf8(digits).unwrap_or_default()
}

/// Appends the bytes as upper-case digits.
pub fn append_upper(bytes: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    out.resize(start + 2 * bytes.len(), 0);
    if let Some(room) = out.get_mut(start..) {
        // The buffer has the right size, so this cannot fail.
        let _ = const_hex::encode_to_slice_upper(bytes, room);
    }
}

/// Whether the digits are the bytes in lower case. `false` for more than 32 bytes.
#[must_use]
pub fn is_lower(digits: &[u8], bytes: &[u8]) -> bool {
    let mut room = [0; 64];
    let own = room.get_mut(..2 * bytes.len());
    own.is_some_and(|own| const_hex::encode_to_slice(bytes, &mut *own).is_ok() && *own == *digits)
}

/// Decodes digits in lower or upper case.
///
/// # Errors
/// The number of digits is odd, or another character is among them.
pub fn decode(digits: &[u8]) -> Result<Vec<u8>, Fault> {
    if !digits.len().is_multiple_of(2) {
        return Err(Fault::Length(digits.len() - 1));
    }
    let mut bytes = vec![0; digits.len() / 2];
    // `decode_to_slice` ignores a leading `0x`. The number of bytes is then wrong, and it fails.
    if const_hex::decode_to_slice(digits, &mut bytes).is_ok() {
        return Ok(bytes);
    }
    // Part of the bytes may be a secret.
    bytes.zeroize();
    Err(Fault::Symbol(digits.iter().position(|digit| !digit.is_ascii_hexdigit()).unwrap_or(digits.len())))
}

#[cfg(test)]
mod tests {
    use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE, HEXUPPER};

    use super::*;

    /// Lengths around the sizes that vector instructions process at once.
    fn lengths() -> impl Iterator<Item = usize> {
        (0..140).chain([255, 256, 257, 4095, 65_537])
    }

    fn bytes(length: usize) -> Vec<u8> {
        (0..=u8::MAX).cycle().skip(length).step_by(151).take(length).collect()
    }

    #[test]
    fn every_length_is_what_another_crate_makes_of_it() {
        for length in lengths() {
            let bytes = bytes(length);
            let (small, capital) = (HEXLOWER.encode(&bytes), HEXUPPER.encode(&bytes));
            assert_eq!((lower(&bytes), upper(&bytes)), (small.clone(), capital.clone()));
            let mut out = b"x".to_vec();
            append_upper(&bytes, &mut out);
            assert_eq!(out, format!("x{capital}").as_bytes());
            let mixed: String = small
                .chars()
                .zip(capital.chars())
                .enumerate()
                .map(|(at, both)| if at % 3 == 0 { both.1 } else { both.0 })
                .collect();
            for digits in [&small, &capital, &mixed] {
                assert_eq!(decode(digits.as_bytes()), Ok(bytes.clone()));
            }
            assert_eq!(is_lower(small.as_bytes(), &bytes), length <= 32);
            assert!(!is_lower(capital.as_bytes(), &bytes) || small == capital);
        }
    }

    #[test]
    fn whatever_is_no_digit_is_refused_where_it_stands() {
        for length in lengths().filter(|length| (1..=257).contains(length)) {
            let digits = upper(&bytes(length)).into_bytes();
            let place = (length * 7) % digits.len();
            for other in 0..=u8::MAX {
                let mut text = digits.clone();
                text[place] = other;
                let theirs = HEXLOWER_PERMISSIVE.decode(&text).map_err(|error| error.to_string());
                assert_eq!(decode(&text).map_err(|fault| fault.to_string()), theirs, "{other:#x} at {place}");
            }
            let odd = &digits[..digits.len() - 1];
            let theirs = HEXLOWER_PERMISSIVE.decode(odd).map_err(|error| error.to_string());
            assert_eq!(decode(odd).map_err(|fault| fault.to_string()), theirs);
        }
        assert_eq!(decode(b"0x00"), Err(Fault::Symbol(1)));
    }
}
