//! The text of a distinguished name (RFC 4514) from its DER.

use std::fmt::Write as _;

use super::super::hexadecimal;

/// The types of attributes that have a name in RFC 4514 (section 3) or among those registered for it: their object
/// identifiers, as the content of DER.
const TYPES: [(&[u8], &str); 12] = [
    (&[0x55, 4, 3], "CN"),
    (&[0x55, 4, 5], "serialNumber"),
    (&[0x55, 4, 6], "C"),
    (&[0x55, 4, 7], "L"),
    (&[0x55, 4, 8], "ST"),
    (&[0x55, 4, 9], "STREET"),
    (&[0x55, 4, 10], "O"),
    (&[0x55, 4, 11], "OU"),
    (&[0x55, 4, 12], "title"),
    (&[0x55, 4, 46], "dnQualifier"),
    (&[0x09, 0x92, 0x26, 0x89, 0x93, 0xF2, 0x2C, 0x64, 1, 25], "DC"),
    (&[0x09, 0x92, 0x26, 0x89, 0x93, 0xF2, 0x2C, 0x64, 1, 1], "UID"),
];

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const OBJECT_IDENTIFIER: u8 = 0x06;

/// The text of a Name: its parts from the last to the first. `None` if the bytes are not the DER of a Name.
pub(super) fn text(der: &[u8]) -> Option<String> {
    let (SEQUENCE, content, []) = element(der)? else { return None };
    let parts = elements(content)?.into_iter().map(|(kind, _, content)| {
        let pairs = if kind == SET { elements(content)? } else { return None };
        let pairs: Option<Vec<String>> = pairs.into_iter().map(|(kind, _, pair)| assertion(kind, pair)).collect();
        pairs.filter(|pairs| !pairs.is_empty()).map(|pairs| pairs.join("+"))
    });
    let mut parts = parts.collect::<Option<Vec<String>>>()?;
    parts.reverse();
    Some(parts.join(","))
}

/// `TYPE=VALUE`. A type without a name has its numbers, and the DER of the value (RFC 4514, section 2.4).
fn assertion(kind: u8, pair: &[u8]) -> Option<String> {
    let [(OBJECT_IDENTIFIER, _, of), (kind, whole, value)] = *elements(pair).filter(|_| kind == SEQUENCE)? else {
        return None;
    };
    let named = TYPES.iter().find(|(known, _)| *known == of).map(|(_, name)| *name);
    match (named, characters(kind, value)) {
        (Some(name), Some(text)) => Some(format!("{name}={}", escaped(&text))),
        (named, _) => {
            let name = named.map(str::to_owned).or_else(|| numbers(of))?;
            Some(format!("{name}=#{}", hexadecimal::upper(whole)))
        }
    }
}

/// The text of a string; `None` for other types, and if the bytes are no text.
fn characters(kind: u8, value: &[u8]) -> Option<String> {
    match kind {
        // UTF8String, NumericString, PrintableString, IA5String and VisibleString.
        0x0C | 0x12 | 0x13 | 0x16 | 0x1A => String::from_utf8(value.to_vec()).ok(),
        // TeletexString, which certificates use for Latin-1.
        0x14 => Some(value.iter().map(|octet| char::from(*octet)).collect()),
        // BMPString.
        0x1E => {
            let (pairs, []) = value.as_chunks::<2>() else { return None };
            String::from_utf16(&pairs.iter().map(|pair| u16::from_be_bytes(*pair)).collect::<Vec<_>>()).ok()
        }
        _ => None,
    }
}

/// Escapes a value (RFC 4514, section 2.4).
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    let last = text.chars().count().saturating_sub(1);
    for (place, character) in text.chars().enumerate() {
        let is_at_end = character == ' ' && (place == 0 || place == last);
        match character {
            '\0' => escaped.push_str("\\00"),
            '"' | '+' | ',' | ';' | '<' | '>' | '\\' => escaped.extend(['\\', character]),
            '#' if place == 0 => escaped.push_str("\\#"),
            _ if is_at_end => escaped.push_str("\\ "),
            _ => escaped.push(character),
        }
    }
    escaped
}

/// The numbers of an object identifier, with dots.
fn numbers(content: &[u8]) -> Option<String> {
    let mut text = String::new();
    let mut number: u64 = 0;
    let mut is_complete = false;
    for octet in content {
        number = number.checked_mul(128)?.checked_add(u64::from(octet & 0x7F))?;
        is_complete = octet & 0x80 == 0;
        if !is_complete {
            continue;
        }
        if text.is_empty() {
            // The first two numbers are in one.
            let first = (number / 40).min(2);
            write!(text, "{first}.{}", number - first * 40).ok()?;
        } else {
            write!(text, ".{number}").ok()?;
        }
        number = 0;
    }
    is_complete.then_some(text)
}

/// An element of DER: its tag, its bytes as a whole, and its content.
type Element<'a> = (u8, &'a [u8], &'a [u8]);

/// The elements one after another. `None` if the bytes are not a sequence of them.
fn elements(mut bytes: &[u8]) -> Option<Box<[Element<'_>]>> {
    let mut elements = Vec::new();
    while !bytes.is_empty() {
        let (kind, content, rest) = element(bytes)?;
        let whole = bytes.get(..bytes.len() - rest.len())?;
        elements.push((kind, whole, content));
        bytes = rest;
    }
    Some(elements.into_boxed_slice())
}

/// The tag and content of the first element of DER, and the bytes after it. Tags of more than one octet and contents of
/// 64 KiB or more are not read.
pub(super) fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&[kind, short], rest) = bytes.split_first_chunk::<2>()?;
    let (length, rest) = match short {
        0..=0x7F => (usize::from(short), rest),
        0x81 => rest.split_first().map(|(length, rest)| (usize::from(*length), rest))?,
        0x82 => {
            let (length, rest) = rest.split_first_chunk::<2>()?;
            (usize::from(u16::from_be_bytes(*length)), rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    (kind & 0x1F != 0x1F).then_some((kind, content, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn der(kind: u8, content: &[u8]) -> Vec<u8> {
        let length = u8::try_from(content.len()).unwrap();
        let head = if length < 0x80 { vec![kind, length] } else { vec![kind, 0x81, length] };
        [head, content.to_vec()].concat()
    }

    /// A type, the tag of a string, and its bytes.
    type Pair<'a> = (&'a [u8], u8, &'a [u8]);

    /// A Name of these parts.
    fn name(parts: &[&[Pair<'_>]]) -> Vec<u8> {
        let pair = |(of, kind, value): &Pair<'_>| der(0x30, &[der(0x06, of), der(*kind, value)].concat());
        let parts = parts.iter().map(|pairs| der(0x31, &pairs.iter().map(pair).collect::<Vec<_>>().concat()));
        der(0x30, &parts.collect::<Vec<_>>().concat())
    }

    const CN: &[u8] = &[0x55, 4, 3];

    #[test]
    fn the_parts_are_written_from_the_last_to_the_first() {
        let of = name(&[&[(&[0x55, 4, 6], 0x13, b"US")], &[(&[0x55, 4, 10], 0x13, b"TEST")], &[(CN, 0x0C, b"KMIP")]]);
        assert_eq!(text(&of).unwrap(), "CN=KMIP,O=TEST,C=US");
        let several = name(&[&[(CN, 0x13, b"a"), (&[0x55, 4, 11], 0x16, b"b")]]);
        assert_eq!(text(&several).unwrap(), "CN=a+OU=b");
        assert_eq!(text(&name(&[])).unwrap(), "");
        let long = [b'x'; 200];
        assert!(text(&name(&[&[(CN, 0x0C, &long[..100])]])).unwrap().ends_with("xx"));
        for (of, written) in TYPES {
            assert_eq!(text(&name(&[&[(of, 0x13, b"v")]])).unwrap(), format!("{written}=v"));
        }
    }

    #[test]
    fn values_are_escaped_and_what_is_no_text_is_hexadecimal() {
        let one = |kind, value: &[u8]| text(&name(&[&[(CN, kind, value)]])).unwrap();
        for (value, expected) in [
            (" a b ", "\\ a b\\ "),
            ("#1", "\\#1"),
            ("1#", "1#"),
            (" ", "\\ "),
            (r#"a,b+c"d\e<f>g;h=i"#, r#"a\,b\+c\"d\\e\<f\>g\;h=i"#),
            ("a\0b", "a\\00b"),
            ("\u{e9}", "\u{e9}"),
            ("", ""),
        ] {
            assert_eq!(one(0x0C, value.as_bytes()), format!("CN={expected}"));
        }
        assert_eq!(one(0x14, &[0xE9]), "CN=\u{e9}");
        assert_eq!(one(0x1E, &[0x03, 0x91]), "CN=\u{391}");
        assert_eq!(one(0x1E, &[0x03]), "CN=#1E0103");
        assert_eq!(one(0x1E, &[0xD8, 0]), "CN=#1E02D800");
        assert_eq!(one(0x0C, &[0xFF]), "CN=#0C01FF");
        assert_eq!(one(0x05, &[]), "CN=#0500");
        let mail: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 9, 1];
        assert_eq!(text(&name(&[&[(mail, 0x16, b"a")]])).unwrap(), "1.2.840.113549.1.9.1=#160161");
        assert_eq!(text(&name(&[&[(&[0x88, 0x37], 0x16, b"a")]])).unwrap(), "2.999=#160161");
    }

    #[test]
    fn what_is_no_name_has_no_text() {
        let whole = name(&[&[(CN, 0x0C, b"KMIP")]]);
        for end in 0..whole.len() {
            assert_eq!(text(&whole[..end]), None, "{end}");
        }
        assert_eq!(text(&[whole.as_slice(), &[0]].concat()), None);
        // Each octet changed to each value: no panic.
        for place in 0..whole.len() {
            for value in 0..=u8::MAX {
                let mut changed = whole.clone();
                changed[place] = value;
                let _ = text(&changed);
            }
        }
        assert_eq!(text(&name(&[&[]])), None);
        assert_eq!(text(&name(&[&[(&[0x55, 0x84], 0x0C, b"a")]])), None);
        let endless = [0xFF; 11];
        assert_eq!(text(&name(&[&[(&endless, 0x0C, b"a")]])), None);
        assert_eq!(element(&[0x1F, 0]), None);
        assert_eq!(element(&[0x30, 0x83, 0, 0, 0]), None);
        assert_eq!(element(&[[0x30, 0x82, 1, 0].as_slice(), &[7; 257]].concat()).unwrap().1.len(), 256);
    }
}
