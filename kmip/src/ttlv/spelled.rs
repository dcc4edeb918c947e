//! The textual form of scalars in JSON and XML.

use std::io::Write as _;

use time::OffsetDateTime;

use crate::dialect::Dialect;
use crate::enumerations;
use crate::tag::Tag;

/// Appends the name of an enumeration's value, or its code.
pub(super) fn enumeration(tag: Option<Tag>, code: u32, dialect: Dialect, out: &mut Vec<u8>) {
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
pub(super) fn date_time(seconds: i64, out: &mut Vec<u8>) {
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
pub(super) fn decimal(number: i64, out: &mut Vec<u8>) {
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
