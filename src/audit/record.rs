//! What producers record: the members of an event, escaped and bounded, before it has a place in the log.

use std::fmt::Write as _;
use std::net::IpAddr;

use super::line::Hash;
use crate::hexadecimal;
use crate::text::push_json;

/// The longest name, in bytes of UTF-8; what is longer is cut and ends with `…`.
pub const MAX_NAME: usize = 255;

/// The longest name of an object, in bytes of UTF-8: no two may be cut to one.
pub const MAX_OBJECT: usize = 1100;

/// The longest text of reason or detail, in bytes of UTF-8.
pub const MAX_TEXT: usize = 512;

/// What the members of most events take, in bytes.
const USUAL: usize = 512;

/// How a decision ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It was permitted, and done.
    Success,
    /// It was not permitted.
    Refused,
    /// It was permitted, and failed.
    Failed,
}

impl Outcome {
    /// The word in the log.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }
}

/// One decision. Names from outside may be anything: they are escaped and bounded here.
#[derive(Debug, Clone, Copy)]
pub struct Decision<'a> {
    /// The request's id.
    pub request_id: &'a str,
    /// Who asked.
    pub user: &'a str,
    /// How it was proved: `certificate`, `jwt`, `api-token` or `default`.
    pub method: &'a str,
    /// The certificate's thumbprint in hexadecimal, or the issuer.
    pub proof: Option<&'a str>,
    /// The address that the request came from.
    pub peer: Option<IpAddr>,
    /// What was asked for.
    pub operation: &'a str,
    /// What it was asked of.
    pub object: Option<&'a str>,
    /// The version that the row got: changes of lifecycle and permissions alone have one.
    pub version: Option<i64>,
    /// How it ended.
    pub outcome: Outcome,
    /// The rule that decided.
    pub rule: Option<&'a str>,
    /// Why it was refused or failed.
    pub reason: Option<&'a str>,
    /// More about it. Never a secret, a plaintext or a credential.
    pub detail: Option<&'a str>,
    /// Whether it changes what the one who asked may do: `self` in the log.
    pub concerns_caller: bool,
}

/// The members of one event, ready to be put into a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record(String);

impl Record {
    /// The record of a decision.
    #[must_use]
    pub fn decision(decision: &Decision<'_>) -> Self {
        let mut record = Self::event("decision");
        record.name("request_id", decision.request_id);
        record.name("user", decision.user);
        record.name("method", decision.method);
        record.optional("proof", decision.proof, MAX_NAME);
        record.address(decision.peer);
        record.name("operation", decision.operation);
        record.optional("object", decision.object, MAX_OBJECT);
        if let Some(version) = decision.version {
            record.number("version", version);
        }
        record.name("outcome", decision.outcome.name());
        record.optional("rule", decision.rule, MAX_NAME);
        record.optional("reason", decision.reason, MAX_TEXT);
        record.optional("detail", decision.detail, MAX_TEXT);
        if decision.concerns_caller {
            record.flag("self");
        }
        record
    }

    /// The record of something that an auditor should know and that is no decision.
    #[must_use]
    pub fn note(detail: &str) -> Self {
        let mut record = Self::event("note");
        record.optional("detail", Some(detail), MAX_TEXT);
        record
    }

    /// The record that the bytes are gone which `version` of an object's row does not have any more.
    #[must_use]
    pub fn erased(object: &str, version: i64) -> Self {
        let mut record = Self::event("erased");
        record.optional("object", Some(object), MAX_OBJECT);
        record.number("version", version);
        record
    }

    /// An event without members; lowercase letters and `-`.
    pub(super) fn event(name: &'static str) -> Self {
        let mut members = String::with_capacity(USUAL);
        let _ = write!(members, "\"event\":\"{name}\"");
        Self(members)
    }

    /// The members, from `event` on.
    pub(super) fn members(&self) -> &str {
        &self.0
    }

    /// What it takes of a bound on bytes, the rest of its line included.
    pub(super) fn cost(&self) -> usize {
        self.0.len() + 160
    }

    pub(super) fn name(&mut self, name: &'static str, value: &str) {
        self.optional(name, Some(value), MAX_NAME);
    }

    pub(super) fn number(&mut self, name: &'static str, value: impl std::fmt::Display) {
        let _ = write!(self.0, ",\"{name}\":{value}");
    }

    /// A member that is true.
    fn flag(&mut self, name: &'static str) {
        let _ = write!(self.0, ",\"{name}\":true");
    }

    pub(super) fn address(&mut self, peer: Option<IpAddr>) {
        if let Some(peer) = peer {
            let _ = write!(self.0, ",\"peer\":\"{peer}\"");
        }
    }

    /// A list of sequence numbers.
    pub(super) fn sequences(&mut self, name: &'static str, values: &[u64]) {
        let list: Vec<String> = values.iter().map(u64::to_string).collect();
        let _ = write!(self.0, ",\"{name}\":[{}]", list.join(","));
    }

    /// A sequence number and the hash of its line.
    pub(super) fn place(&mut self, name: &'static str, place: Option<(u64, Hash)>) {
        if let Some((seq, hash)) = place {
            let _ = write!(self.0, ",\"{name}_seq\":{seq},\"{name}_hash\":\"{}\"", hexadecimal::lower(&hash));
        }
    }

    fn optional(&mut self, name: &'static str, value: Option<&str>, limit: usize) {
        let Some(value) = value else { return };
        let _ = write!(self.0, ",\"{name}\":\"");
        push_json(&mut self.0, bounded(value, limit));
        if value.len() > limit {
            self.0.push('…');
        }
        self.0.push('"');
    }
}

/// As many whole characters as fit into `limit` bytes.
fn bounded(text: &str, limit: usize) -> &str {
    if text.len() <= limit { text } else { text.get(..text.floor_char_boundary(limit)).unwrap_or_default() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::is_unprintable;

    #[test]
    fn names_from_outside_are_escaped_and_bounded() {
        let mut record = Record::event("note");
        let hostile = "a\"}\n\\\u{202e}\u{e0001}\u{7f}é";
        record.name("user", hostile);
        record.name("object", &"ü".repeat(1000));
        let text = format!("{{{}}}", record.members());
        assert!(text.chars().all(|character| !is_unprintable(character)), "{text}");
        let read: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(read["user"], hostile);
        assert_eq!(read["object"], format!("{}…", "ü".repeat(127)));
    }

    #[test]
    fn a_decision_has_what_is_known_of_it() {
        let decision = Decision {
            request_id: "r",
            user: "alice",
            method: "certificate",
            proof: None,
            peer: Some("2001:db8::1".parse().unwrap()),
            operation: "Destroy",
            object: Some("k"),
            version: Some(3),
            outcome: Outcome::Success,
            rule: None,
            reason: None,
            detail: None,
            concerns_caller: false,
        };
        let members = "\"event\":\"decision\",\"request_id\":\"r\",\"user\":\"alice\",\"method\":\"certificate\",\
             \"peer\":\"2001:db8::1\",\"operation\":\"Destroy\",\"object\":\"k\",\"version\":3,\"outcome\":\"success\"";
        assert_eq!(Record::decision(&decision).members(), members);
        let decision = Decision { concerns_caller: true, ..decision };
        assert_eq!(Record::decision(&decision).members(), format!("{members},\"self\":true"));
    }
}
