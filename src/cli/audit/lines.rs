//! Lines of the audit log as the result of a command.

use crate::cli::report::Report;

/// Returns a report of log lines: the unchanged lines, or one JSON array.
pub(super) fn lines(found: Vec<String>) -> Report {
    let values = found.iter().map(|line| serde_json::from_str(line).unwrap_or_default()).collect();
    Report::new(found, serde_json::Value::Array(values))
}
