//! Files of the configuration in TOML. Errors report the line and the key.

use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::fault::Fault;
use crate::config::toml_file::line_of;
use crate::file::{self, Unreadable};
use crate::secret::Password;

/// The largest policy file, in bytes.
const MAX_FILE: u64 = 4 << 20;

/// Errors of the configuration of permissions.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// An option is not valid.
    #[error("--{0}")]
    Option(Fault),
    /// The option and the policy file both set the value.
    #[error("--{0} is given, and the policy file sets {0}: set it in one place only")]
    Twice(&'static str),
    /// The definition is in two files.
    #[error("the {kind} {name:?} is defined in the policy file and in the IAM file: define it in one of them")]
    TwoFiles {
        /// The kind of the definition.
        kind: &'static str,
        /// The name of the definition.
        name: String,
    },
    /// It cannot be read.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    /// The file is not TOML of this shape, or contradicts itself.
    #[error("the {what} {}, line {line}: {fault}", path.display())]
    Faulty {
        /// The kind of file, for messages.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The key and the reason.
        fault: String,
    },
}

/// A file of the configuration.
pub struct TomlFile<'a> {
    what: &'static str,
    path: &'a Path,
    text: Password,
}

impl<'a> TomlFile<'a> {
    /// Reads a file of at most 4 MiB. `what` describes the file in errors.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn open(what: &'static str, path: &'a Path) -> Result<Self, FileError> {
        Ok(Self { what, path, text: file::text(what, path, MAX_FILE)? })
    }

    /// The text of the file.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Parses the file.
    ///
    /// # Errors
    /// The file is not TOML of this shape.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, FileError> {
        toml::from_str(&self.text).map_err(|error| {
            let start = error.span().map_or(0, |span| span.start);
            if error.message().contains("duplicate key")
                && let Some(fault) = second_table(&self.text, line_of(&self.text, start))
            {
                return self.at(line_of(&self.text, start), fault);
            }
            let fault = format!("{}{}", key_at(&self.text, start), error.message().replace('\n', " "));
            self.at(line_of(&self.text, start), fault)
        })
    }

    /// Returns the error for a fault, with the line of the innermost key of its path that is in the file.
    #[must_use]
    pub fn faulty(&self, fault: &Fault) -> FileError {
        self.at(locate(&self.text, fault), fault.to_string())
    }

    fn at(&self, line: usize, fault: String) -> FileError {
        FileError::Faulty { what: self.what, path: self.path.to_owned(), line, fault }
    }
}

/// Returns the error text for a table that the file defines twice, from the line of its second header. Returns `None`
/// if that line is not a header, or if the first header is written in another way.
fn second_table(text: &str, second: usize) -> Option<String> {
    let header = |line: &str| Some(format!("{}]", line.trim().strip_prefix('[')?.split_once(']')?.0.trim()));
    let own = header(text.lines().nth(second.checked_sub(1)?)?)?;
    let first = text.lines().take(second - 1).position(|line| header(line).as_ref() == Some(&own))?;
    Some(format!(
        "a second [{own}; line {} has the first: keep one of them, and put the tables of both under it",
        first + 1
    ))
}

/// Returns the table and the key in which the byte is. The parser's message does not name them.
fn key_at(text: &str, byte: usize) -> String {
    let (mut table, mut key) = ("", "");
    for line in text.lines().take(line_of(text, byte)).map(str::trim) {
        if let Some(header) = line.strip_prefix('[') {
            (table, key) = (header.trim_end_matches(']'), "");
        } else if let Some((own, _)) = line.split_once('=') {
            key = own.trim();
        }
    }
    let path: Vec<&str> = [table, key].into_iter().filter(|part| !part.is_empty()).collect();
    if path.is_empty() { String::new() } else { format!("{}: ", path.join(".")) }
}

/// Returns the line of the innermost key of a fault's path that is in the file.
fn locate(text: &str, fault: &Fault) -> usize {
    let Ok(table) = DeTable::parse(text) else { return 1 };
    let mut table: Option<&DeTable<'_>> = Some(table.get_ref());
    let mut line = 1;
    for key in &fault.path {
        let Some((found, value)) = table.and_then(|table| find(table, key)) else { break };
        line = line_of(text, found);
        table = match value.get_ref() {
            DeValue::Table(table) => Some(table),
            _ => None,
        };
    }
    line
}

/// Returns the position of a key of a table, in bytes, and its value.
fn find<'a, 'b>(table: &'a DeTable<'b>, key: &str) -> Option<(usize, &'a Spanned<DeValue<'b>>)> {
    table.iter().find(|(own, _)| own.get_ref() == key).map(|(own, value)| (own.span().start, value))
}
