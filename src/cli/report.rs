//! The result of a command, for people or for programs. Names and texts from outside are escaped here, and nothing is
//! truncated.

use std::io::{self, Write as _};

use serde::Serialize;
use serde_json::{Value, json};

use super::error::Error;
use crate::text::{self, Whole};

/// The result of a command.
pub(super) struct Report {
    lines: Vec<String>,
    json: Option<Value>,
    /// Whether the answer to a question is yes.
    good: bool,
}

impl Report {
    /// Creates a report of lines for people and of JSON for programs.
    pub(super) fn new(lines: impl IntoIterator<Item = String>, json: Value) -> Self {
        Self { lines: lines.into_iter().collect(), json: Some(json), good: true }
    }

    /// Creates a report of lines for people, and of the value that they show for programs.
    pub(super) fn of(lines: impl IntoIterator<Item = String>, json: &impl Serialize) -> Self {
        Self::new(lines, serde_json::to_value(json).unwrap_or_default())
    }

    /// Creates a report without lines for people.
    pub(super) fn quiet(json: Value) -> Self {
        Self::new([], json)
    }

    /// Creates an empty report, for commands that write their data to standard output.
    pub(super) fn none() -> Self {
        Self { lines: Vec::new(), json: None, good: true }
    }

    /// Returns the same report for a negative answer.
    pub(super) fn failed(self) -> Self {
        Self { good: false, ..self }
    }

    /// Prints the report. Returns whether the answer is yes.
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

/// Returns the report of a new key: only its identifier.
pub(super) fn made(unique_identifier: &str) -> Report {
    Report::new([unique_identifier.to_owned()], json!({ "unique_identifier": unique_identifier }))
}

/// Returns the report of a change to an object or its access.
pub(super) fn changed(unique_identifier: &str) -> Report {
    Report::quiet(json!({ "unique_identifier": unique_identifier }))
}

/// Prints a hint about the command line to standard error.
pub(super) fn hint(text: &str) {
    let _ = writeln!(io::stderr().lock(), "claviger: {text}");
}

/// Prints an error to standard error. Errors of standard error itself are ignored.
pub(super) fn complain(error: &Error) {
    let _ = writeln!(io::stderr().lock(), "claviger: {}", Whole(error));
}
