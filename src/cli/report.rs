//! What a command has to say, for people or for programs.

use std::io::{self, Write as _};

use serde_json::Value;

use super::error::Error;

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
        let mut text = String::new();
        match (&self.json, as_json) {
            (Some(json), true) => text = format!("{json}\n"),
            (None, true) => {}
            (_, false) => self.lines.iter().for_each(|line| {
                text.push_str(&printable(line));
                text.push('\n');
            }),
        }
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(Error::Stdout)?;
        Ok(self.good)
    }
}

/// Prints a failure. Where standard error is gone too, there is nobody left to tell.
pub(super) fn complain(error: &Error) {
    let _ = writeln!(io::stderr().lock(), "claviger: {}", printable(&error.to_string()));
}

/// A text on one line and without what a terminal would obey: names and file names are chosen by others.
fn printable(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { '\u{FFFD}' } else { character }).collect()
}
