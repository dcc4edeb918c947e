//! The textual form of scalars in JSON and XML.

use std::io::Write as _;

use time::OffsetDateTime;

use super::Value;
use crate::dialect::Dialect;
use crate::enumerations;
use crate::hexadecimal;
use crate::tag::Tag;

/// Appends a value as both spell it, without quotation marks. A text and a structure, which each escapes in its own way, are left out.
pub(super) fn scalar(tag: Option<Tag>, value: &Value, dialect: Dialect, out: &mut Vec<u8>) {
    match value {
        Value::Integer(number) => decimal(i64::from(*number), out),
        Value::Interval(interval) => decimal(i64::from(interval.0), out),
        Value::LongInteger(number) => decimal(*number, out),
        Value::Boolean(value) => out.extend_from_slice(if *value { b"true" } else { b"false" }),
        Value::ByteString(bytes) | Value::BigInteger(bytes) => hexadecimal::append_upper(bytes, out),
        Value::Enumeration(code) => enumeration(tag, *code, dialect, out),
        Value::DateTime(seconds) => date_time(seconds.0, out),
        Value::DateTimeExtended(microseconds) => prefixed(microseconds.cast_unsigned(), 16, out),
        Value::TextString(_) | Value::Structure(_) | Value::Invalid(_) => {}
    }
}

/// Appends the name of an enumeration's value, or its code.
fn enumeration(tag: Option<Tag>, code: u32, dialect: Dialect, out: &mut Vec<u8>) {
    let name = match tag {
        Some(Tag::AttributeReference | Tag::Tag) => Tag::from_code(code).and_then(Tag::name),
        Some(tag) => enumerations::carried_by(tag).and_then(|table| table.name_of(code, dialect)),
        None => None,
    };
    match name {
        Some(name) => out.extend_from_slice(name.as_bytes()),
        None => prefixed(u64::from(code), 8, out),
    }
}

/// Appends a time as ISO 8601, or as its seconds if the year does not have four digits.
fn date_time(seconds: i64, out: &mut Vec<u8>) {
    match OffsetDateTime::from_unix_timestamp(seconds) {
        Ok(time) if (0..=9999).contains(&time.year()) => {
            let (date, (hour, minute, second)) = (time.date(), time.to_hms());
            let (year, month, day) = (date.year(), u8::from(date.month()), date.day());
            append(out, format_args!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z"));
        }
        _ => prefixed(seconds.cast_unsigned(), 16, out),
    }
}

/// Appends a decimal number.
fn decimal(number: i64, out: &mut Vec<u8>) {
    append(out, format_args!("{number}"));
}

/// Appends `0x` and `width` hexadecimal digits.
pub(super) fn prefixed(number: u64, width: usize, out: &mut Vec<u8>) {
    append(out, format_args!("0x{number:0width$X}"));
}

/// Appends a formatted text.
pub(super) fn append(out: &mut Vec<u8>, arguments: std::fmt::Arguments<'_>) {
    // Writing to a vector does not fail.
    let _: Result<(), std::io::Error> = out.write_fmt(arguments);
}
