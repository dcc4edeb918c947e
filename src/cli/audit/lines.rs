//! Lines of the audit log as the result of a command.

use std::io::{self, IsTerminal as _};
use std::path::PathBuf;

use serde_json::Value;

use crate::audit::logs::{Duplicate, Files, Grouped, group};
use crate::audit::merge::{Line, Merged, merged};
use crate::audit::search::Filter;
use crate::audit::verify::Broken;
use crate::cli::error::Error;
use crate::cli::report::{Report, hint};
use crate::cli::table;
use crate::text::Whole;

const HEADER: [&str; 6] = ["TIME", "OPERATION", "USER", "OBJECT", "OUTCOME", "DETAIL"];

/// The same for several logs.
const MERGED: [&str; 7] = ["TIME", "SERVER", "OPERATION", "USER", "OBJECT", "OUTCOME", "DETAIL"];

/// Returns a report of log lines: at a terminal a table of their most important members, elsewhere the unchanged
/// lines, or one JSON array.
pub(super) fn lines(found: Vec<String>) -> Report {
    let values: Vec<Value> = found.iter().map(|line| value(line)).collect();
    if !io::stdout().is_terminal() {
        return Report::new(found, values.into());
    }
    let rows: Vec<[String; 6]> = values.iter().map(cells).collect();
    Report::new(table::lines(HEADER, &rows), values.into())
}

/// Returns the lines of files that match: in the order of time, if the files are of several logs. The JSON has the file
/// of each line then.
pub(super) fn of_files(files: &[PathBuf], filter: &Filter, limit: usize) -> Result<Report, Error> {
    let grouped = group(files)?;
    let logs = &grouped.logs;
    let searched: Vec<(&Files, Filter)> = logs.iter().map(|log| (log, filter.clone())).collect();
    let found = merged(&searched, limit)?;
    doubts(&grouped, &found).iter().for_each(|doubt| hint(doubt));
    let found = found.lines;
    if logs.len() < 2 {
        return Ok(lines(found.into_iter().map(|line| line.text).collect()));
    }
    let json: Vec<Value> = found.iter().map(with_file).collect();
    if !io::stdout().is_terminal() {
        return Ok(Report::new(found.into_iter().map(|line| line.text), json.into()));
    }
    let rows: Vec<[String; 7]> = found.iter().map(cells_of).collect();
    Ok(Report::new(table::lines(MERGED, &rows), json.into()))
}

/// What is wrong with the files, as far as it is seen without verifying them.
pub(super) fn doubts(grouped: &Grouped, found: &Merged) -> Vec<String> {
    let Grouped { logs, duplicates } = grouped;
    let copies = duplicates.iter().filter(|Duplicate { file, of }| file != of).map(|Duplicate { file, of }| {
        format!("{} is not read: it has no line that {} does not have", Whole(file.display()), Whole(of.display()))
    });
    let forks = logs.iter().filter_map(|log| log.fork.as_ref()).map(|fork| {
        let doubt = Broken::from(fork).to_string();
        format!("{}: run `claviger audit verify`", Whole(doubt))
    });
    let rivals = logs.iter().zip(1..).filter_map(|(log, next)| {
        let rival = logs.get(next..)?.iter().find(|other| log.server.is_some() && log.is_rival_of(other))?;
        let doubt = Broken::rival(log, rival).to_string();
        Some(format!("{}: run `claviger audit verify`", Whole(doubt)))
    });
    let formless = found.formless.iter().map(|file| {
        let file = Whole(file.display());
        format!("{file}: a line does not have the form of a line of the log: run `claviger audit verify`")
    });
    copies.chain(forks).chain(rivals).chain(formless).collect()
}

/// Returns a log line as the row of a table that has no end; `of_several` for lines of several logs.
pub(super) fn row(line: &Line, of_several: bool) -> String {
    let shown = |cell: &String| if cell.is_empty() { "-".to_owned() } else { Whole(cell).to_string() };
    let cells = if of_several { cells_of(line).to_vec() } else { cells(&value(&line.text)).to_vec() };
    cells.iter().map(shown).collect::<Vec<_>>().join("  ").trim_end_matches("  -").to_owned()
}

fn value(line: &str) -> Value {
    serde_json::from_str(line).unwrap_or_default()
}

fn with_file(line: &Line) -> Value {
    let mut value = value(&line.text);
    if let Some(members) = value.as_object_mut() {
        members.insert("file".to_owned(), line.file.to_string_lossy().into());
    }
    value
}

fn cells(line: &Value) -> [String; 6] {
    let text = |name: &str| line.get(name).and_then(Value::as_str).map(str::to_owned);
    // A line without an operation is about the log or the server itself.
    let operation = text("operation").or_else(|| text("event"));
    [text("time"), operation, text("user"), text("object"), text("outcome"), text("detail")]
        .map(Option::unwrap_or_default)
}

/// The cells of a line of one of several logs: with its server, or its file if the line does not name the server.
fn cells_of(line: &Line) -> [String; 7] {
    let value = value(&line.text);
    let server = value.get("server").and_then(Value::as_str).map(str::to_owned);
    let server = server.unwrap_or_else(|| line.file.to_string_lossy().into_owned());
    let [time, operation, user, object, outcome, detail] = cells(&value);
    [time, server, operation, user, object, outcome, detail]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_row() {
        let line = |text: &str| Line { log: 0, file: "a.jsonl".into(), text: text.to_owned() };
        let decision = line(
            r#"{"seq":2,"time":"T","event":"decision","user":"a\nb","operation":"Revoke","outcome":"success","server":"s"}"#,
        );
        let checkpoint = line(r#"{"time":"T","event":"checkpoint","detail":"d"}"#);
        assert_eq!(row(&decision, false), "T  Revoke  a\\nb  -  success");
        assert_eq!(row(&checkpoint, false), "T  checkpoint  -  -  -  d");
        assert_eq!(row(&decision, true), "T  s  Revoke  a\\nb  -  success");
        assert_eq!(row(&checkpoint, true), "T  a.jsonl  checkpoint  -  -  -  d");
        assert_eq!(with_file(&checkpoint)["file"], "a.jsonl");
    }
}
