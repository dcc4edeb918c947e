//! What a command has to say, for people or for programs. Names and texts of others are escaped here, and nothing is cut.

use std::io::{self, Write as _};

use serde::Serialize;
use serde_json::{Value, json};

use super::error::Error;
use crate::text::{self, Whole};

/// The result of a command.
pub(super) struct Report {
    lines: Vec<String>,
    json: Option<Value>,
    /// Whether what was asked is so.
    good: bool,
}

impl Report {
    /// Lines for people, and the same for programs.
    pub(super) fn new(lines: impl IntoIterator<Item = String>, json: Value) -> Self {
        Self { lines: lines.into_iter().collect(), json: Some(json), good: true }
    }

    /// Lines for people, and what they are made of for programs.
    pub(super) fn of(lines: impl IntoIterator<Item = String>, json: &impl Serialize) -> Self {
        Self::new(lines, serde_json::to_value(json).unwrap_or_default())
    }

    /// Nothing for people: it went well.
    pub(super) fn quiet(json: Value) -> Self {
        Self::new([], json)
    }

    /// Nothing for anyone: standard output holds the data that was asked for.
    pub(super) fn none() -> Self {
        Self { lines: Vec::new(), json: None, good: true }
    }

    /// The same, and the answer to what was asked is no.
    pub(super) fn failed(self) -> Self {
        Self { good: false, ..self }
    }

    /// Prints it; whether what was asked is so.
    pub(super) fn print(&self, as_json: bool) -> Result<bool, Error> {
        let mut out = String::new();
        match (&self.json, as_json) {
            (Some(json), true) => out = format!("{}\n", text::json(&json.to_string())),
            (None, true) => {}
            (_, false) => self.lines.iter().for_each(|line| {
                out.push_str(&format!("{}\n", Whole(line)));
            }),
        }
        let mut stdout = io::stdout().lock();
        stdout.write_all(out.as_bytes()).and_then(|()| stdout.flush()).map_err(Error::Stdout)?;
        Ok(self.good)
    }
}

/// What is said of a new key: its identifier, and nothing else.
pub(super) fn made(unique_identifier: &str) -> Report {
    Report::new([unique_identifier.to_owned()], json!({ "unique_identifier": unique_identifier }))
}

/// What is said of an object that was changed, or whose access was.
pub(super) fn changed(unique_identifier: &str) -> Report {
    Report::quiet(json!({ "unique_identifier": unique_identifier }))
}

/// Prints what would have been the better command line.
pub(super) fn hint(text: &str) {
    let _ = writeln!(io::stderr().lock(), "claviger: {text}");
}

/// Prints a failure. Where standard error is gone too, there is nobody left to tell.
pub(super) fn complain(error: &Error) {
    let _ = writeln!(io::stderr().lock(), "claviger: {}", Whole(error));
}
