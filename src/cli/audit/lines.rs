//! Lines of the log as what a command has to say.

use crate::cli::report::Report;

/// Lines of the log, as they stand there or as one JSON array.
pub(super) fn lines(found: Vec<String>) -> Report {
    let values = found.iter().map(|line| serde_json::from_str(line).unwrap_or_default()).collect();
    Report::new(found, serde_json::Value::Array(values))
}
