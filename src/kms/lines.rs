//! The lines of one operation in the audit log: one for each decision.

use super::call::Call;
use super::error::Error;
use super::operation::Operation;
use super::trail::Decided;
use crate::audit::{Decision, Outcome, Record};
use crate::hexadecimal;
use crate::policy::{Action, Refusal};
use crate::principal::Method;

/// The content of a line, in addition to caller and operation.
struct Line<'a> {
    action: Action,
    object: Option<&'a str>,
    version: Option<i64>,
    outcome: Outcome,
    rule: Option<&'a str>,
    reason: Option<&'a str>,
}

impl Call<'_> {
    /// The record of a change that is about to be committed: record and change are committed together, or neither is.
    pub(super) fn change(&self, action: Action, object: &str, version: i64) -> Record {
        let rule = self.rule(action, object);
        self.trail.changed.borrow_mut().push(object.to_owned());
        let (outcome, object, version) = (Outcome::Success, Some(object), Some(version));
        self.line(&Line { action, object, version, outcome, rule: rule.as_deref(), reason: None })
    }

    /// The record of a change that concerns no object.
    pub(super) fn change_beside(&self, action: Action) -> Record {
        let rule = self.rule(action, "");
        let outcome = Outcome::Success;
        self.line(&Line { action, object: None, version: None, outcome, rule: rule.as_deref(), reason: None })
    }

    /// The records of the additional effects of a change.
    pub(super) fn conclusions(&self, action: Action, object: &str, version: i64) -> Vec<Record> {
        let rule = self.rule(action, object);
        let (outcome, object, version) = (Outcome::Success, Some(object), Some(version));
        let line = Line { action, object, version, outcome, rule: rule.as_deref(), reason: None };
        let conclusions = self.conclusions.borrow();
        conclusions.iter().map(|(operation, detail)| self.line_of(*operation, Some(detail), &line)).collect()
    }

    /// Marks the decisions on the changed objects as recorded, because the change is committed together with its record.
    /// If a later step fails, the operation must not be recorded as a failure as well. What was used for the change, such
    /// as a wrapping key, still gets its line.
    pub(super) fn changed(&self) {
        let changed = self.trail.changed.borrow();
        for decided in &mut *self.trail.decisions.borrow_mut() {
            let is_beside = decided.object.as_ref().is_some_and(|object| !changed.contains(object));
            decided.recorded |= changed.is_empty() || !is_beside;
        }
    }

    /// The rule that permitted the action on the object.
    fn rule(&self, action: Action, object: &str) -> Option<String> {
        let decisions = self.trail.decisions.borrow();
        let is_it = |own: &&Decided| own.action == action && own.object.as_deref().is_none_or(|own| own == object);
        decisions.iter().rev().find(is_it).map(|decided| decided.rule.to_string())
    }

    /// The record of an action that could not be decided: the object does not exist or cannot be read.
    pub(super) fn undecided(&self, action: Action, object: Option<&str>, error: &Error) -> Record {
        let reason = error.to_string();
        let (outcome, reason) = (Outcome::Failed, Some(reason.as_str()));
        self.line(&Line { action, object, version: None, outcome, rule: None, reason })
    }

    /// The record of a refusal.
    pub(super) fn refusal(&self, action: Action, object: Option<&str>, refusal: &Refusal) -> Record {
        let reason = refusal.to_string();
        let (outcome, reason) = (Outcome::Refused, Some(reason.as_str()));
        self.line(&Line { action, object, version: None, outcome, rule: None, reason })
    }

    /// The records of permitted actions that changed nothing or failed.
    pub(super) fn uses(&self, failure: Option<&str>) -> Vec<Record> {
        let decisions = self.trail.decisions.take();
        let unrecorded = decisions.iter().filter(|decided| !decided.recorded);
        let record = |decided: &Decided| {
            let outcome = if failure.is_some() { Outcome::Failed } else { Outcome::Success };
            let rule = decided.rule.to_string();
            let (action, object) = (decided.action, decided.object.as_deref());
            self.line(&Line { action, object, version: None, outcome, rule: Some(&rule), reason: failure })
        };
        unrecorded.map(record).collect()
    }

    fn line(&self, line: &Line<'_>) -> Record {
        let own = self.detail.borrow();
        // An additional permission that the operation needs; for example, wrapping needs the permission to encrypt by
        // the wrapping key.
        let is_beside = self.operation.action() != line.action && Action::on_objects().any(|own| own == line.action);
        let purpose = is_beside.then(|| format!("needs {}", line.action));
        self.line_of(self.operation, purpose.as_deref().or(own.as_deref()), line)
    }

    fn line_of(&self, operation: Operation, detail: Option<&str>, line: &Line<'_>) -> Record {
        let caller = self.context.caller;
        let (thumbprint, trusted);
        let proof = match &caller.method {
            Method::Certificate { thumbprint: bytes } => {
                thumbprint = hexadecimal::lower(bytes);
                Some(thumbprint.as_str())
            }
            Method::Jwt { issuer, table: None } => Some(&**issuer),
            Method::Jwt { issuer, table: Some(table) } => {
                trusted = format!("{issuer} by idps.{table}");
                Some(trusted.as_str())
            }
            Method::AccessToken { id, by } => {
                trusted = format!("{id} by {by}");
                Some(trusted.as_str())
            }
            Method::ApiKey { account } => Some(&**account),
            Method::ApiToken | Method::Default => None,
        };
        let version = self.context.way.version.map(|version| version.to_string());
        Record::decision(&Decision {
            request_id: self.context.request,
            user: caller.username.as_str(),
            method: caller.method.name(),
            proof,
            peer: Some(self.context.peer.ip()),
            is_socket: self.context.way.is_socket,
            kmip_version: version.as_deref(),
            operation: operation.name(),
            object: line.object,
            version: line.version,
            outcome: line.outcome,
            rule: line.rule,
            reason: line.reason,
            detail,
            concerns_caller: self.own.get(),
        })
    }
}
