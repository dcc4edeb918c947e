//! Writes the tree as JSON, directly into the bytes of an answer.

use std::io::Write as _;

use time::OffsetDateTime;

use super::super::{Document, Item, ItemType, Value};
use crate::dialect::Dialect;
use crate::enumerations;
use crate::hexadecimal;
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
        Value::Integer(number) => decimal(i64::from(*number), out),
        Value::Interval(interval) => decimal(i64::from(interval.0), out),
        Value::LongInteger(number) => long_integer(*number, out),
        Value::Boolean(value) => out.extend_from_slice(if *value { b"true" } else { b"false" }),
        Value::TextString(string) => text(string, out),
        Value::ByteString(bytes) => {
            out.push(b'"');
            hexadecimal::append_upper(bytes, out);
            out.push(b'"');
        }
        Value::BigInteger(bytes) => {
            out.extend_from_slice(b"\"0x");
            hexadecimal::append_upper(bytes, out);
            out.push(b'"');
        }
        Value::Enumeration(code) => enumeration(tag, *code, dialect, out),
        Value::DateTime(seconds) => date_time(seconds.0, out),
        Value::DateTimeExtended(microseconds) => quoted(microseconds.cast_unsigned(), 16, out),
        Value::Structure(_) | Value::Invalid(_) => out.extend_from_slice(b"null"),
    }
}

fn enumeration(tag: Option<Tag>, code: u32, dialect: Dialect, out: &mut Vec<u8>) {
    let name = match tag {
        Some(Tag::AttributeReference | Tag::Tag) => Tag::from_code(code).and_then(Tag::name),
        Some(tag) => enumerations::carried_by(tag).and_then(|table| table.name_of(code, dialect)),
        None => None,
    };
    match name {
        Some(name) => text(name, out),
        None => quoted(u64::from(code), 8, out),
    }
}

/// Appends a number below 2^52, which every JSON parser represents exactly, as a JSON number, and others as hexadecimal
/// digits (section 4.1.6.5).
fn long_integer(number: i64, out: &mut Vec<u8>) {
    if number.unsigned_abs() < 1 << 52 {
        decimal(number, out);
    } else {
        quoted(number.cast_unsigned(), 16, out);
    }
}

/// Appends a time in ISO 8601, or its seconds in hexadecimal digits if the year does not have four digits.
fn date_time(seconds: i64, out: &mut Vec<u8>) {
    match OffsetDateTime::from_unix_timestamp(seconds) {
        Ok(time) if (0..=9999).contains(&time.year()) => {
            let (date, (hour, minute, second)) = (time.date(), time.to_hms());
            let (year, month, day) = (date.year(), u8::from(date.month()), date.day());
            append(out, format_args!("\"{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z\""));
        }
        _ => quoted(seconds.cast_unsigned(), 16, out),
    }
}

fn decimal(number: i64, out: &mut Vec<u8>) {
    append(out, format_args!("{number}"));
}

fn quoted(number: u64, width: usize, out: &mut Vec<u8>) {
    out.push(b'"');
    prefixed(number, width, out);
    out.push(b'"');
}

fn prefixed(number: u64, width: usize, out: &mut Vec<u8>) {
    append(out, format_args!("0x{number:0width$X}"));
}

fn append(out: &mut Vec<u8>, arguments: std::fmt::Arguments<'_>) {
    // Writing to a vector does not fail.
    let _: Result<(), std::io::Error> = out.write_fmt(arguments);
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
