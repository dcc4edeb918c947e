//! Lines of the audit log as the result of a command.

use std::io::{self, IsTerminal as _};

use serde_json::Value;

use crate::cli::report::Report;
use crate::cli::table;
use crate::text::Whole;

const HEADER: [&str; 6] = ["TIME", "OPERATION", "USER", "OBJECT", "OUTCOME", "DETAIL"];

/// Returns a report of log lines: at a terminal a table of their most important members, elsewhere the unchanged
/// lines, or one JSON array.
pub(super) fn lines(found: Vec<String>) -> Report {
    let values: Vec<Value> = found.iter().map(|line| serde_json::from_str(line).unwrap_or_default()).collect();
    if !io::stdout().is_terminal() {
        return Report::new(found, values.into());
    }
    let rows: Vec<[String; 6]> = values.iter().map(cells).collect();
    Report::new(table::lines(HEADER, &rows), values.into())
}

/// Returns a log line as the row of a table that has no end.
pub(super) fn row(line: &str) -> String {
    let shown = |cell: String| if cell.is_empty() { "-".to_owned() } else { Whole(cell).to_string() };
    cells(&serde_json::from_str(line).unwrap_or_default()).map(shown).join("  ").trim_end_matches("  -").to_owned()
}

fn cells(line: &Value) -> [String; 6] {
    let text = |name: &str| line.get(name).and_then(Value::as_str).map(str::to_owned);
    // A line without an operation is about the log or the server itself.
    let operation = text("operation").or_else(|| text("event"));
    [text("time"), operation, text("user"), text("object"), text("outcome"), text("detail")]
        .map(Option::unwrap_or_default)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_row() {
        let line = r#"{"seq":2,"time":"T","event":"decision","user":"a\nb","operation":"Revoke","outcome":"success"}"#;
        assert_eq!(row(line), "T  Revoke  a\\nb  -  success");
        assert_eq!(row(r#"{"time":"T","event":"checkpoint","detail":"d"}"#), "T  checkpoint  -  -  -  d");
    }
}
