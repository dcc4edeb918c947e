//! Writes the tree as TTLV, directly into the bytes of an answer.

use super::super::{Document, Item, ItemType, Value};
use super::read::HEAD;
use crate::tag::Tag;

/// Appends a document whose name is a tag.
///
/// A value that could not be read ([`Value::Invalid`]) is written as an empty structure; it does not occur in answers,
/// which are built from values.
/// Returns false, and appends nothing, if the name is not a tag, an item is one that only the bare dialect has, or an item is longer
/// than 2^32 - 1 bytes.
#[must_use]
pub fn write(document: &Document, out: &mut Vec<u8>) -> bool {
    let start = out.len();
    let is_written = Tag::from_name(&document.name).is_some_and(|tag| item(tag, &document.value, out).is_some());
    if !is_written {
        out.truncate(start);
    }
    is_written
}

/// `None` if the tag does not fit into its three bytes, or the length into its four.
fn item(tag: Tag, value: &Value, out: &mut Vec<u8>) -> Option<()> {
    let [0, code @ ..] = tag.code().to_be_bytes() else { return None };
    out.extend_from_slice(&code);
    out.push(value.item_type().unwrap_or(ItemType::Structure).code());
    let length_at = out.len();
    out.extend_from_slice(&[0; 4]);
    match value {
        Value::Structure(items) => {
            for Item { tag, value } in items {
                item(*tag, value, out)?;
            }
        }
        Value::Integer(number) => out.extend_from_slice(&number.to_be_bytes()),
        Value::LongInteger(number) | Value::DateTimeExtended(number) => out.extend_from_slice(&number.to_be_bytes()),
        Value::DateTime(seconds) => out.extend_from_slice(&seconds.0.to_be_bytes()),
        Value::Enumeration(code) => out.extend_from_slice(&code.to_be_bytes()),
        Value::Interval(interval) => out.extend_from_slice(&interval.0.to_be_bytes()),
        Value::Boolean(value) => out.extend_from_slice(&u64::from(*value).to_be_bytes()),
        Value::TextString(text) => out.extend_from_slice(text.as_bytes()),
        Value::ByteString(bytes) => out.extend_from_slice(bytes),
        Value::BigInteger(bytes) => big_integer(bytes, out),
        Value::Invalid(_) => {}
    }
    let start = length_at + HEAD - 4;
    let length = u32::try_from(out.len() - start).ok()?;
    out.get_mut(length_at..start)?.copy_from_slice(&length.to_be_bytes());
    out.resize(start + (out.len() - start).next_multiple_of(8), 0);
    Some(())
}

/// Appends a Big Integer. Its length is a multiple of eight bytes: the sign is extended to the left (section 10.1.4).
fn big_integer(bytes: &[u8], out: &mut Vec<u8>) {
    let missing = bytes.len().max(1).next_multiple_of(8) - bytes.len();
    let sign = if bytes.first().is_some_and(|first| first & 0x80 != 0) { 0xFF } else { 0 };
    out.resize(out.len() + missing, sign);
    out.extend_from_slice(bytes);
}
