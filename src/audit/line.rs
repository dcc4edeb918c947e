//! Lines of the log: their strict form, and the form of a checkpoint.

use std::fmt::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

use data_encoding::BASE64;
use openssl::sha::Sha256;
use time::OffsetDateTime;

use crate::hexadecimal;

/// The SHA-256 of a complete line without its newline.
pub type Hash = [u8; 32];

/// The `prev` of the first line of a log.
pub(super) const NO_LINE: Hash = [0; 32];

/// The longest line, in bytes. This program writes no longer ones.
pub(super) const MAX_LINE: usize = 64 * 1024;

/// Enough of a file to read the header of its first line, in bytes.
pub(super) const MAX_START: usize = 1024;

/// Returns the present time in milliseconds since 1970-01-01 UTC.
pub(super) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// Formats milliseconds since 1970-01-01 UTC as RFC 3339: 24 characters, which sort in order of time.
pub(super) fn timestamp(milliseconds: i64) -> String {
    let nanoseconds = i128::from(milliseconds) * 1_000_000;
    let time = OffsetDateTime::from_unix_timestamp_nanos(nanoseconds).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let (hour, minute, second, milli) = time.time().as_hms_milli();
    let (year, month, day) = (time.year(), u8::from(time.month()), time.day());
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
}

/// Returns the hash of a line.
pub(super) fn hash(line: &[u8]) -> Hash {
    // `openssl::sha::sha256` would look up the algorithm for each line.
    let mut state = Sha256::new();
    state.update(line);
    state.finish()
}

/// Appends a line with its newline, and returns the hash of the line. `members` are the JSON members from `event` on;
/// `server` is the name of the server, in letters that need no escape, or empty.
pub(super) fn append(out: &mut String, seq: u64, time: i64, prev: &Hash, members: &str, server: &str) -> Hash {
    let start = out.len();
    let (time, prev) = (timestamp(time), hexadecimal::lower(prev));
    // Writing to a `String` does not fail.
    let _ = write!(out, "{{\"seq\":{seq},\"time\":\"{time}\",\"prev\":\"{prev}\",{members}");
    if !server.is_empty() {
        let _ = write!(out, ",\"server\":\"{server}\"");
    }
    out.push('}');
    let hash = hash(out.get(start..).unwrap_or_default().as_bytes());
    out.push('\n');
    hash
}

/// The members that every line begins with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Header<'a> {
    pub(super) seq: u64,
    pub(super) time: &'a [u8],
    /// The value in the line: 64 bytes that are not checked.
    pub(super) prev: &'a [u8],
    pub(super) event: &'a [u8],
    /// The text after the value of `event`.
    rest: &'a [u8],
}

impl<'a> Header<'a> {
    /// Parses the beginning of a line; `None` if it does not have the strict form.
    pub(super) fn read(line: &'a [u8]) -> Option<Self> {
        let rest = line.strip_prefix(b"{\"seq\":")?;
        let (seq, rest) = number(rest)?;
        let (time, rest) = rest.strip_prefix(b",\"time\":\"")?.split_at_checked(24)?;
        let (prev, rest) = rest.strip_prefix(b"\",\"prev\":\"")?.split_at_checked(64)?;
        let rest = rest.strip_prefix(b"\",\"event\":\"")?;
        let end = rest.iter().position(|byte| !byte.is_ascii_lowercase() && *byte != b'-')?;
        let (event, rest) = rest.split_at_checked(end)?;
        let rest = rest.strip_prefix(b"\"")?;
        (is_time(time) && !event.is_empty()).then_some(Self { seq, time, prev, event, rest })
    }

    /// Whether `prev` is this hash.
    pub(super) fn follows(&self, hash: &Hash) -> bool {
        hexadecimal::is_lower(self.prev, hash)
    }
}

/// Parses a decimal number without leading zeros. Returns it and the text after it.
fn number(text: &[u8]) -> Option<(u64, &[u8])> {
    let end = text.iter().position(|byte| !byte.is_ascii_digit())?;
    let (digits, rest) = text.split_at_checked(end)?;
    if digits.first().is_none_or(|first| *first == b'0') {
        return None;
    }
    let mut value = 0_u64;
    for digit in digits {
        value = value.checked_mul(10)?.checked_add(u64::from(digit - b'0'))?;
    }
    Some((value, rest))
}

fn is_time(text: &[u8]) -> bool {
    const FORM: &[u8; 24] = b"0000-00-00T00:00:00.000Z";
    text.len() == FORM.len()
        && text.iter().zip(FORM).all(|(own, form)| if *form == b'0' { own.is_ascii_digit() } else { own == form })
}

/// The event of a line that signs the lines before it.
pub(super) const CHECKPOINT: &str = "checkpoint";

/// The last line of the log, as the database stores it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// The sequence number of the line.
    pub seq: u64,
    /// The hash of the line.
    pub hash: Hash,
}

/// A signed checkpoint that is on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedHead {
    /// The sequence number of the line.
    pub seq: u64,
    /// The hash of the line.
    pub hash: Hash,
    /// The line without its newline.
    pub line: String,
}

/// A checkpoint, parsed in its strict form.
pub(super) struct Checkpoint<'a> {
    /// The signed text: everything before `,"signature":`.
    pub(super) signed: &'a [u8],
    /// The value in the line: 64 bytes that are not checked.
    pub(super) key: &'a [u8],
    /// The signature in DER.
    pub(super) signature: Vec<u8>,
}

impl<'a> Checkpoint<'a> {
    pub(super) fn read(line: &'a [u8], header: &Header<'a>) -> Option<Self> {
        let (key, rest) = header.rest.strip_prefix(b",\"key\":\"")?.split_at_checked(64)?;
        let after = rest.strip_prefix(b"\"")?;
        let text = after.strip_prefix(b",\"signature\":\"")?.strip_suffix(b"\"}")?;
        let signature = BASE64.decode(text).ok()?;
        let signed = line.get(..line.len().checked_sub(after.len())?)?;
        Some(Self { signed, key, signature })
    }
}

/// Returns the beginning of a checkpoint, which is the text that is signed.
pub(super) fn to_sign(seq: u64, time: i64, prev: &Hash, key: &Hash) -> String {
    let (time, prev, key) = (timestamp(time), hexadecimal::lower(prev), hexadecimal::lower(key));
    format!("{{\"seq\":{seq},\"time\":\"{time}\",\"prev\":\"{prev}\",\"event\":\"{CHECKPOINT}\",\"key\":\"{key}\"")
}

/// Returns the checkpoint line for a signed text, without its newline.
pub(super) fn checkpoint(signed: &str, signature: &[u8]) -> String {
    format!("{signed},\"signature\":\"{}\"}}", BASE64.encode(signature))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let mut text = String::new();
        let hash = append(&mut text, 7, 1_700_000_000_123, &NO_LINE, "\"event\":\"note\",\"detail\":\"x\"", "one");
        let line = text.strip_suffix('\n').unwrap().as_bytes();
        assert_eq!(hash, super::hash(line));
        let header = Header::read(line).unwrap();
        assert_eq!((header.seq, header.event), (7, &b"note"[..]));
        assert!(text.ends_with(",\"detail\":\"x\",\"server\":\"one\"}\n"), "{text}");
        assert_eq!(header.time, b"2023-11-14T22:13:20.123Z");
        assert!(header.follows(&NO_LINE) && !header.follows(&hash));
        assert!(Checkpoint::read(line, &header).is_none());
    }

    #[test]
    fn a_checkpoint_has_one_form() {
        let signed = to_sign(8, 0, &NO_LINE, &[7; 32]);
        let line = checkpoint(&signed, b"signature");
        let read = |line: &str| {
            let header = Header::read(line.as_bytes())?;
            Checkpoint::read(line.as_bytes(), &header).map(|found| (found.signed.to_vec(), found.signature))
        };
        assert_eq!(read(&line), Some((signed.into_bytes(), b"signature".to_vec())));
        for other in [
            line.replace(",\"key\"", ",\"a\":1,\"key\""),
            line.replace(",\"sig", ", \"sig"),
            line.replace("\"}", "\",\"a\":1}"),
            line.replace("c2lnbmF0dXJl", "c2lnbmF0dXJ"),
            line.replace("{\"seq\":8", "{\"seq\":08"),
            format!("{line} "),
        ] {
            assert_eq!(read(&other), None, "{other}");
        }
    }
}
