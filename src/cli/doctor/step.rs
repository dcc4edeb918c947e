//! The steps of a diagnosis, and its result.

use std::time::Duration;

use serde_json::{Value, json};

use crate::cli::report::Report;

/// The longest time for each address, and for the handshake.
pub(super) const CONNECT: Duration = Duration::from_secs(10);

/// The name of the step that connects.
pub(super) const CONNECTION: &str = "connection";

/// The width of the column with the names of steps.
const WIDTH: usize = 12;

/// A step that did not end the diagnosis.
pub(super) struct Done {
    /// `ok` or `warn`.
    outcome: &'static str,
    name: &'static str,
    detail: String,
}

/// The first thing that is wrong.
pub(super) struct Wrong {
    /// The step.
    pub(super) name: &'static str,
    /// A word for the fault, for programs.
    pub(super) fault: &'static str,
    /// What is wrong.
    pub(super) detail: String,
    /// What to do about it.
    pub(super) remedy: String,
    /// The exit status, as other commands have it for this fault.
    pub(super) status: u8,
}

/// The steps so far.
#[derive(Default)]
pub(super) struct Steps(Vec<Done>);

impl Steps {
    /// Adds a step whose result is good.
    pub(super) fn good(&mut self, name: &'static str, detail: impl Into<String>) {
        self.0.push(Done { outcome: "ok", name, detail: detail.into() });
    }

    /// Adds a remark about a step that is not at fault.
    pub(super) fn warning(&mut self, name: &'static str, detail: impl Into<String>) {
        self.0.push(Done { outcome: "warn", name, detail: detail.into() });
    }

    /// Returns the report of all steps, and of what is wrong.
    pub(super) fn report(self, wrong: Option<&Wrong>) -> Report {
        let line = |outcome: &str, name: &str, detail: &str| format!("{outcome:<7}{name:<WIDTH$}{detail}");
        let mut lines: Vec<String> = self.0.iter().map(|done| line(done.outcome, done.name, &done.detail)).collect();
        let step =
            |outcome: &str, name: &str, detail: &str| json!({ "outcome": outcome, "step": name, "detail": detail });
        let mut steps: Vec<Value> = self.0.iter().map(|done| step(done.outcome, done.name, &done.detail)).collect();
        if let Some(Wrong { name, detail, remedy, .. }) = wrong {
            lines.extend([line("wrong", name, detail), line("", "remedy", remedy)]);
            steps.push(step("wrong", name, detail));
        }
        let status = wrong.map_or(0, |wrong| wrong.status);
        let json = json!({
            "steps": steps, "fault": wrong.map(|wrong| wrong.fault), "remedy": wrong.map(|wrong| &wrong.remedy),
            "exit_status": status,
        });
        Report::new(lines, json).with_status(status)
    }
}
