//! Writes the tree as JSON, directly into the bytes of an answer.

use super::super::spelled::{self, append, prefixed};
use super::super::{Document, Item, ItemType, Value};
use crate::dialect::Dialect;
use crate::tag::Tag;

/// Appends a document. Hexadecimal digits are upper case. Structures have no `type` member, because Structure is the
/// default.
pub fn write(document: &Document, dialect: Dialect, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"tag\":");
    text(&document.name, out);
    value(Tag::from_name(&document.name), &document.value, dialect, out);
}

fn item(item: &Item, dialect: Dialect, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"tag\":\"");
    match item.tag.name() {
        Some(name) => out.extend_from_slice(name.as_bytes()),
        None => prefixed(u64::from(item.tag.code()), 6, out),
    }
    out.push(b'"');
    value(Some(item.tag), &item.value, dialect, out);
}

/// Appends the rest of an item, after its tag.
fn value(tag: Option<Tag>, value: &Value, dialect: Dialect, out: &mut Vec<u8>) {
    // A part that could not be read is written as a null structure. It does not occur in answers, which are built from
    // values.
    let kind = value.item_type().unwrap_or(ItemType::Structure);
    if kind != ItemType::Structure {
        out.extend_from_slice(b",\"type\":\"");
        out.extend_from_slice(kind.name().as_bytes());
        out.push(b'"');
    }
    out.extend_from_slice(b",\"value\":");
    match value {
        Value::Structure(items) => {
            out.push(b'[');
            for (index, inner) in items.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                item(inner, dialect, out);
            }
            out.push(b']');
        }
        scalar => self::scalar(tag, scalar, dialect, out),
    }
    out.push(b'}');
}

fn scalar(tag: Option<Tag>, value: &Value, dialect: Dialect, out: &mut Vec<u8>) {
    match value {
        Value::TextString(string) => text(string, out),
        Value::Structure(_) | Value::Invalid(_) => out.extend_from_slice(b"null"),
        // A number is used as long as every JSON reader represents it exactly: below 2^52 (section 4.1.6.5).
        Value::LongInteger(number) if number.unsigned_abs() >= 1 << 52 => {
            out.push(b'"');
            prefixed(number.cast_unsigned(), 16, out);
            out.push(b'"');
        }
        Value::Integer(_) | Value::Interval(_) | Value::LongInteger(_) | Value::Boolean(_) => {
            spelled::scalar(tag, value, dialect, out);
        }
        quoted => {
            out.extend_from_slice(if matches!(quoted, Value::BigInteger(_)) { b"\"0x" } else { b"\"" });
            spelled::scalar(tag, quoted, dialect, out);
            out.push(b'"');
        }
    }
}

fn text(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            0..=0x1F => append(out, format_args!("\\u{byte:04X}")),
            _ => out.push(byte),
        }
    }
    out.push(b'"');
}
