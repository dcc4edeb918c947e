//! The result of a command, for people or for programs. Names and texts from outside are escaped here, and nothing is
//! truncated.

use std::io::{self, IsTerminal as _, Write as _};

use serde::Serialize;
use serde_json::{Value, json};

use super::error::{Error, FileError};
use crate::secret::Bytes;
use crate::text::{self, Whole};

/// The result of a command.
pub(super) struct Report {
    lines: Vec<String>,
    /// Binary data for standard output, instead of lines.
    bytes: Option<Bytes>,
    json: Option<Value>,
    /// The exit status.
    status: u8,
}

impl Report {
    /// Creates a report of lines for people and of JSON for programs.
    pub(super) fn new(lines: impl IntoIterator<Item = String>, json: Value) -> Self {
        Self { lines: lines.into_iter().collect(), bytes: None, json: Some(json), status: 0 }
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
        Self { lines: Vec::new(), bytes: None, json: None, status: 0 }
    }

    /// Creates a report of binary data, which is not printed to a terminal, and of JSON for programs.
    pub(super) fn bytes(bytes: Bytes, json: Value) -> Self {
        Self { lines: Vec::new(), bytes: Some(bytes), json: Some(json), status: 0 }
    }

    /// Returns the same report for a negative answer, with its exit status.
    pub(super) fn with_status(self, status: u8) -> Self {
        Self { status, ..self }
    }

    /// Returns the same report for a negative answer.
    pub(super) fn failed(self) -> Self {
        self.with_status(1)
    }

    /// Prints the report. Returns the exit status.
    pub(super) fn print(&self, as_json: bool) -> Result<u8, Error> {
        let mut out = String::new();
        match (&self.json, as_json) {
            (Some(json), true) => out = format!("{}\n", text::json(&json.to_string())),
            (None, true) => {}
            (_, false) => self.lines.iter().for_each(|line| {
                out.push_str(&format!("{}\n", Whole(line)));
            }),
        }
        let mut stdout = io::stdout().lock();
        let bytes = self.bytes.as_ref().filter(|_| !as_json);
        if bytes.is_some() && stdout.is_terminal() {
            return Err(FileError::Terminal.into());
        }
        stdout
            .write_all(bytes.map_or(out.as_bytes(), Bytes::as_slice))
            .and_then(|()| stdout.flush())
            .map_err(Error::Stdout)?;
        Ok(self.status)
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

/// Prints an error to standard error: as a line for people, or as JSON. Errors of standard error itself are ignored.
pub(super) fn complain(error: &Error, as_json: bool) {
    let mut stderr = io::stderr().lock();
    let _ = if as_json {
        writeln!(stderr, "{}", text::json(&error.json().to_string()))
    } else {
        writeln!(stderr, "claviger: {}", Whole(error))
    };
}
