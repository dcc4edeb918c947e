//! Writes the tree as XML, directly into the bytes of an answer.

use super::super::spelled::{self, append, prefixed};
use super::super::{Document, Item, ItemType, Value};
use crate::dialect::Dialect;
use crate::tag::Tag;

/// Appends a document, with the XML declaration. Structures have no `type` attribute, because Structure is the default.
///
/// XML 1.0 cannot contain most control characters: they are written as U+FFFD.
pub fn write(document: &Document, dialect: Dialect, out: &mut Vec<u8>) {
    out.extend_from_slice(b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let tag = Tag::from_name(&document.name);
    element(tag, Some(&document.name), &document.value, dialect, out);
}

fn element(tag: Option<Tag>, name: Option<&str>, value: &Value, dialect: Dialect, out: &mut Vec<u8>) {
    out.push(b'<');
    match name {
        Some(name) => out.extend_from_slice(name.as_bytes()),
        None => {
            out.extend_from_slice(b"TTLV tag=\"");
            prefixed(u64::from(tag.map_or(0, Tag::code)), 6, out);
            out.push(b'"');
        }
    }
    match value {
        Value::Structure(items) if !items.is_empty() => {
            out.push(b'>');
            for Item { tag, value } in items {
                element(Some(*tag), tag.name(), value, dialect, out);
            }
            out.extend_from_slice(b"</");
            out.extend_from_slice(name.unwrap_or("TTLV").as_bytes());
            out.push(b'>');
        }
        // A value that could not be read is not written; it does not occur in answers, which are built from values.
        Value::Structure(_) | Value::Invalid(_) => out.extend_from_slice(b"/>"),
        scalar => {
            out.extend_from_slice(b" type=\"");
            out.extend_from_slice(scalar.item_type().map_or("", ItemType::name).as_bytes());
            out.extend_from_slice(b"\" value=\"");
            match scalar {
                Value::TextString(string) => text(string, out),
                other => spelled::scalar(tag, other, dialect, out),
            }
            out.extend_from_slice(b"\"/>");
        }
    }
}

/// Appends the value of an attribute. A reader would convert line ends and tabs to spaces, so they are written as
/// references.
fn text(text: &str, out: &mut Vec<u8>) {
    for character in text.chars() {
        match character {
            '&' => out.extend_from_slice(b"&amp;"),
            '<' => out.extend_from_slice(b"&lt;"),
            '>' => out.extend_from_slice(b"&gt;"),
            '"' => out.extend_from_slice(b"&quot;"),
            '\t' | '\n' | '\r' => append(out, format_args!("&#{};", u32::from(character))),
            '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => out.extend_from_slice("\u{fffd}".as_bytes()),
            other => out.extend_from_slice(other.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
}
