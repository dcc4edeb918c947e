//! Reads TTLV into the tree, without an intermediate copy.

use std::borrow::Cow;

use super::super::{DEPTH, DateTime, Document, ITEMS, Interval, Item, ItemType, Value};
use crate::Bytes;
use crate::error::{Error, Fault};
use crate::tag::Tag;

/// The length of an item's head in bytes: tag, type and length.
pub const HEAD: usize = 8;

/// The alignment of values, in bytes.
const ALIGNMENT: usize = 8;

/// Returns the length in bytes of the message that begins with `head`, including the head. A reader of a socket calls
/// this before it waits for the rest, and compares the length with its own limit.
///
/// # Errors
/// [`Fault::Malformed`] if the head is not that of a structure: only a structure can be a message.
pub fn message_length(head: [u8; HEAD]) -> Result<usize, Error> {
    let [_, _, _, kind, length @ ..] = head;
    if ItemType::from_code(kind) != Some(ItemType::Structure) {
        return Err(malformed(3, "a message must be a structure"));
    }
    usize::try_from(u32::from_be_bytes(length))
        .ok()
        .and_then(|length| length.checked_add(HEAD))
        .ok_or_else(|| malformed(4, "the length is out of range"))
}

/// Reads a document. All of `bytes` must belong to it.
///
/// Fails for a fault of the encoding itself: a wrong length, padding that is not zero, an unknown type, a limit. A
/// fault of one item (an unknown tag, text that is not UTF-8) is stored in the item, and is reported when the item is
/// read.
///
/// # Errors
/// [`Fault::Malformed`] with the offset of the fault in bytes, [`Fault::TooDeep`] or [`Fault::TooManyItems`].
pub fn read(bytes: &[u8]) -> Result<Document, Error> {
    let mut reader = Reader { bytes, at: 0, items: 0 };
    let Item { tag, value } = reader.item(bytes.len(), 1)?;
    if reader.at != bytes.len() {
        return Err(malformed(reader.at, "bytes follow the message"));
    }
    let name = tag.name().map_or_else(|| Cow::Owned(tag.to_string()), Cow::Borrowed);
    Ok(Document { name, value })
}

fn malformed(offset: usize, what: &'static str) -> Error {
    Fault::Malformed { encoding: "TTLV", offset, what }.into()
}

struct Reader<'a> {
    bytes: &'a [u8],
    /// The offset of the next byte to read.
    at: usize,
    /// The number of items read so far.
    items: usize,
}

impl<'a> Reader<'a> {
    /// Takes `count` bytes, which must end before `end`.
    fn take(&mut self, count: usize, end: usize) -> Result<&'a [u8], Error> {
        let too_short = || malformed(self.at, "the length is greater than what follows");
        let until = self.at.checked_add(count).filter(|until| *until <= end).ok_or_else(too_short)?;
        let taken = self.bytes.get(self.at..until).ok_or_else(too_short)?;
        self.at = until;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self, end: usize) -> Result<[u8; N], Error> {
        let at = self.at;
        self.take(N, end)?.try_into().map_err(|_| malformed(at, "the length is greater than what follows"))
    }

    /// Reads the item at the current offset, which must end before `end`.
    fn item(&mut self, end: usize, depth: usize) -> Result<Item, Error> {
        if depth > DEPTH {
            return Err(Fault::TooDeep(DEPTH).into());
        }
        self.items += 1;
        if self.items > ITEMS {
            return Err(Fault::TooManyItems(ITEMS).into());
        }
        let start = self.at;
        let [high, middle, low, kind, length @ ..] = self.array::<HEAD>(end)?;
        let kind = ItemType::from_code(kind).ok_or_else(|| malformed(start + 3, "unknown type"))?;
        let length = usize::try_from(u32::from_be_bytes(length))
            .map_err(|_| malformed(start + 4, "the length is out of range"))?;
        let value = self.value(kind, length, end, depth)?;
        let code = u32::from_be_bytes([0, high, middle, low]);
        Ok(match Tag::from_code(code) {
            Some(tag) => Item { tag, value },
            None => {
                let fault = Fault::UnknownTag(format!("0x{code:06X}"));
                Item { tag: Tag::UNKNOWN, value: Value::Invalid(Box::new(fault)) }
            }
        })
    }

    fn value(&mut self, kind: ItemType, length: usize, end: usize, depth: usize) -> Result<Value, Error> {
        if kind == ItemType::Structure {
            return self.structure(length, end, depth);
        }
        let start = self.at;
        if kind.fixed_length().is_some_and(|fixed| fixed != length) {
            return Err(malformed(start - 4, "the length is not that of the type"));
        }
        let raw = self.take(length, end)?;
        let padding = self.take(length.next_multiple_of(ALIGNMENT) - length, end)?;
        if padding.iter().any(|byte| *byte != 0) {
            return Err(malformed(start + length, "the padding is not zero"));
        }
        Ok(scalar(kind, raw).unwrap_or_else(|| Value::Invalid(Box::new(Fault::BadValue(kind)))))
    }

    fn structure(&mut self, length: usize, end: usize, depth: usize) -> Result<Value, Error> {
        let start = self.at;
        let until = start
            .checked_add(length)
            .filter(|until| *until <= end)
            .ok_or_else(|| malformed(start - 4, "the length is greater than what follows"))?;
        let mut items = Vec::new();
        while self.at < until {
            items.push(self.item(until, depth + 1)?);
        }
        Ok(Value::Structure(items))
    }
}

/// The value of a scalar type; `None` if the bytes are not a value of it.
fn scalar(kind: ItemType, raw: &[u8]) -> Option<Value> {
    let long = || raw.try_into().map(i64::from_be_bytes).ok();
    let short = || raw.try_into().map(u32::from_be_bytes).ok();
    Some(match kind {
        ItemType::Structure => return None,
        ItemType::Integer => Value::Integer(short()?.cast_signed()),
        ItemType::LongInteger => Value::LongInteger(long()?),
        ItemType::BigInteger if !raw.is_empty() && raw.len().is_multiple_of(ALIGNMENT) => {
            Value::BigInteger(Bytes::from(raw))
        }
        ItemType::BigInteger => return None,
        ItemType::Enumeration => Value::Enumeration(short()?),
        ItemType::Boolean => match long()? {
            0 => Value::Boolean(false),
            1 => Value::Boolean(true),
            _ => return None,
        },
        ItemType::TextString => Value::TextString(std::str::from_utf8(raw).ok()?.to_owned()),
        ItemType::ByteString => Value::ByteString(Bytes::from(raw)),
        ItemType::DateTime => Value::DateTime(DateTime(long()?)),
        ItemType::Interval => Value::Interval(Interval(short()?)),
        ItemType::DateTimeExtended => Value::DateTimeExtended(long()?),
    })
}
