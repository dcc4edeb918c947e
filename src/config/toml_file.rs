//! A TOML file whose keys are options. An error names line and key, but no value, because it may be secret.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use toml::de::DeTable;

/// The contents of a file, with the line of each key.
#[derive(Debug)]
pub struct FromFile<T> {
    /// The options.
    pub options: T,
    /// The line of each key, from 1, by the option's name written with `_`.
    pub lines: BTreeMap<String, usize>,
}

/// Reads options from TOML. `-` and `_` are the same in keys, so that flags can be copied. The values of `secrets` must
/// be strings, and are never part of an error.
///
/// # Errors
/// The reason, on one line, with line and key if known.
pub fn parse<T: DeserializeOwned>(text: &str, secrets: &[&str]) -> Result<FromFile<T>, String> {
    // The parser's own message quotes the line, which may hold a password.
    let shown = |error: &toml::de::Error| {
        let line = error.span().map_or(String::new(), |span| format!("line {}: ", line_of(text, span.start)));
        // For a duplicate key, the message shows only its name.
        let key = error.span().filter(|_| error.message().contains("duplicate key")).and_then(|span| text.get(span));
        one_line(&format!("{line}{} {}", error.message(), key.unwrap_or_default()))
    };
    let table: toml::Table = toml::from_str(text).map_err(|error| shown(&error))?;
    let places = places(text);
    let (mut renamed, mut lines) = (toml::Table::new(), BTreeMap::new());
    for (key, value) in table {
        let (name, line) = (key.replace('-', "_"), places.get(&key).copied().unwrap_or(1));
        if secrets.contains(&name.as_str()) && !value.is_str() {
            return Err(format!("line {line}: the value of `{key}` must be a string in quotation marks"));
        }
        if lines.insert(name.clone(), line).is_some() {
            return Err(format!("line {line}: the key `{key}` is given twice"));
        }
        // Each key is parsed separately: the parser does not report which of several keys has the wrong value.
        let alone = toml::Table::from_iter([(name.clone(), value.clone())]);
        let read: Result<T, toml::de::Error> = alone.try_into();
        if let Err(error) = read {
            return Err(one_line(&format!("line {line}, key `{key}`: {}", error.message())));
        }
        renamed.insert(name, value);
    }
    let options = renamed.try_into().map_err(|error: toml::de::Error| one_line(error.message()))?;
    Ok(FromFile { options, lines })
}

/// Returns the line of each key of the outermost table.
fn places(text: &str) -> BTreeMap<String, usize> {
    let Ok(table) = DeTable::parse(text) else { return BTreeMap::new() };
    let keys = table.get_ref().iter().map(|(key, _)| (key.get_ref().to_string(), line_of(text, key.span().start)));
    keys.collect()
}

/// The line of a byte, from 1.
#[must_use]
pub fn line_of(text: &str, byte: usize) -> usize {
    text.bytes().take(byte).filter(|byte| *byte == b'\n').count() + 1
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
