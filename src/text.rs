//! Escaping of text from outside for readers: the one place that decides which characters may reach a log, a terminal
//! or an answer.
//!
//! Names, paths, header values, subjects of certificates and the messages of other programs are chosen by others. Text
//! for readers must not contain characters that are invisible, that change the order of the text, or that control a
//! terminal. They are written as `\n`, `\r`, `\t` or `\u{…}`, as in Rust. A backslash is not escaped, so that a text
//! may be escaped more than once. In JSON the same characters are written as `\u…` (RFC 8259 section 7), which every
//! JSON parser decodes.

use std::fmt::{self, Display, Write};

/// The length after which [`Shown`] cuts a text, in bytes after escaping, without the mark.
pub const LIMIT: usize = 512;

/// The mark at the end of a text that was cut.
const CUT: char = '…';

/// A text from outside, escaped and cut to at most [`LIMIT`] bytes in whole characters. `…` marks a text that was cut.
#[derive(Debug, Clone, Copy)]
pub struct Shown<T>(pub T);

/// A text from outside, escaped and cut as [`Shown`] does, at the given number of bytes. For one of several texts in a
/// line.
#[derive(Debug, Clone, Copy)]
pub struct Part<T>(pub T, pub usize);

/// A text from outside, escaped but not cut. For texts that must be complete, such as a name that is used again.
#[derive(Debug, Clone, Copy)]
pub struct Whole<T>(pub T);

impl<T: Display> Display for Shown<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        show(formatter, LIMIT, format_args!("{}", self.0))
    }
}

impl<T: Display> Display for Part<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        show(formatter, self.1, format_args!("{}", self.0))
    }
}

impl<T: Display> Display for Whole<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        show(formatter, usize::MAX, format_args!("{}", self.0))
    }
}

/// Writes `text` to `out`, escaped. After at most `limit` bytes it writes the mark and stops.
///
/// # Errors
/// `out` returned an error.
fn show(out: &mut dyn Write, limit: usize, text: fmt::Arguments<'_>) -> fmt::Result {
    let mut escaping = Escaping { out, left: limit, is_cut: false };
    match escaping.write_fmt(text) {
        Err(_) if escaping.is_cut => Ok(()),
        result => result,
    }
}

/// A writer that escapes its input, and fails when the bound is reached.
struct Escaping<'a> {
    out: &'a mut dyn Write,
    /// The number of bytes that may still be written.
    left: usize,
    is_cut: bool,
}

impl Escaping<'_> {
    fn put(&mut self, form: &str) -> fmt::Result {
        match self.left.checked_sub(form.len()) {
            Some(left) => {
                self.left = left;
                self.out.write_str(form)
            }
            None => {
                self.is_cut = true;
                self.out.write_char(CUT)?;
                Err(fmt::Error)
            }
        }
    }
}

impl Write for Escaping<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.chars().try_for_each(|character| match character {
            '\n' => self.put("\\n"),
            '\r' => self.put("\\r"),
            '\t' => self.put("\\t"),
            character if is_unprintable(character) => self.put(&format!("\\u{{{:x}}}", u32::from(character))),
            character => self.put(character.encode_utf8(&mut [0; 4])),
        })
    }
}

/// Escapes the unprintable characters of a JSON document. Line feeds between its tokens remain.
#[must_use]
pub fn json(document: &str) -> String {
    let mut out = String::with_capacity(document.len());
    for character in document.chars() {
        // Within a string, a line feed is escaped already (RFC 8259 section 7).
        if character == '\n' || !is_unprintable(character) {
            out.push(character)
        } else {
            push_units(&mut out, character)
        }
    }
    out
}

/// Quotes the text as one word of a POSIX shell, so that a printed command can be run as printed.
#[must_use]
pub fn shell_word(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._/:@+=,".contains(&byte);
    if !text.is_empty() && text.bytes().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// Appends a text as the content of a JSON string, escaped for JSON and for readers.
pub fn push_json(out: &mut String, text: &str) {
    // Most texts are names and identifiers, which need no escape.
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\')) {
        return out.push_str(text);
    }
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            character if is_unprintable(character) => push_units(out, character),
            character => out.push(character),
        }
    }
}

fn push_units(out: &mut String, character: char) {
    for unit in character.encode_utf16(&mut [0; 2]) {
        // Writing to a `String` does not fail.
        let _ = write!(out, "\\u{unit:04x}");
    }
}

/// Whether the character is invisible or changes the order of a text: control, bidirectional and zero-width characters,
/// line separators, tags, private use and noncharacters.
#[must_use]
pub fn is_unprintable(character: char) -> bool {
    // The last two code points of each plane are noncharacters (Unicode 16.0 section 23.7).
    let is_last_of_plane = u32::from(character) & 0xFFFE == 0xFFFE;
    character.is_control()
        || is_last_of_plane
        || matches!(
            character,
            '\u{00AD}'
                | '\u{034F}'
                | '\u{061C}'
                | '\u{115F}'..='\u{1160}'
                | '\u{17B4}'..='\u{17B5}'
                | '\u{180B}'..='\u{180F}'
                | '\u{200B}'..='\u{200F}'
                | '\u{2028}'..='\u{202E}'
                | '\u{2060}'..='\u{206F}'
                | '\u{3164}'
                | '\u{E000}'..='\u{F8FF}'
                | '\u{FDD0}'..='\u{FDEF}'
                | '\u{FE00}'..='\u{FE0F}'
                | '\u{FEFF}'
                | '\u{FFA0}'
                | '\u{FFF0}'..='\u{FFFB}'
                | '\u{FFFD}'
                | '\u{1BCA0}'..='\u{1BCA3}'
                | '\u{1D173}'..='\u{1D17A}'
                | '\u{E0000}'..='\u{10FFFF}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One character of each kind.
    const HOSTILE: &str = "a\0\u{7}\n\r\t\u{1b}[31m\u{7f}\u{80}\u{9b}\u{ad}\u{61c}\u{200b}\u{200e}\u{200f}\u{2028}\u{2029}\
                           \u{202a}\u{202e}\u{2060}\u{2066}\u{2069}\u{feff}\u{fdd0}\u{fffe}\u{1fffe}\u{e0001}\u{10ffff}\\\"z";

    fn is_clean(text: &str) -> bool {
        !text.chars().any(is_unprintable)
    }

    #[test]
    fn what_must_not_be_seen_is_escaped() {
        let shown = Shown(HOSTILE).to_string();
        assert!(is_clean(&shown), "{shown}");
        assert!(shown.starts_with(r"a\u{0}\u{7}\n\r\t\u{1b}[31m\u{7f}\u{80}\u{9b}\u{ad}"), "{shown}");
        assert!(shown.ends_with("\\u{10ffff}\\\"z"), "{shown}");
        assert_eq!(Shown(&shown).to_string(), shown, "a second time it stays");
        assert_eq!(Whole(HOSTILE).to_string(), shown);
        assert_eq!(Shown("naïve 漢字 🔑 …").to_string(), "naïve 漢字 🔑 …");
    }

    #[test]
    fn what_is_too_long_is_cut_between_characters() {
        let fits = "x".repeat(LIMIT);
        assert_eq!(Shown(&fits).to_string(), fits);
        for text in [format!("{fits}y"), "ü".repeat(LIMIT), "\u{9b}".repeat(LIMIT), format!("{}\n\n", "x".repeat(511))]
        {
            let shown = Shown(&text).to_string();
            let body = shown.strip_suffix(CUT).unwrap();
            assert!(body.len() <= LIMIT && body.len() > LIMIT - 10, "{shown}");
            assert!(Whole(&text).to_string().starts_with(body));
            assert_eq!(Shown(&shown).to_string(), shown);
        }
        assert!(Whole("x".repeat(5000)).to_string().len() == 5000);
    }

    #[test]
    fn json_is_escaped_and_means_the_same() {
        let value = serde_json::json!({ HOSTILE: [HOSTILE, 1] });
        for document in [value.to_string(), serde_json::to_string_pretty(&value).unwrap()] {
            let escaped = json(&document);
            assert!(escaped.split('\n').all(is_clean), "{escaped}");
            assert_eq!(serde_json::from_str::<serde_json::Value>(&escaped).unwrap(), value);
        }
        let mut text = "\"".to_owned();
        push_json(&mut text, HOSTILE);
        text.push('"');
        assert!(is_clean(&text));
        assert_eq!(serde_json::from_str::<String>(&text).unwrap(), HOSTILE);
    }
}
