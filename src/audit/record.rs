//! Records of events: their JSON members, escaped and bounded, before they get a sequence number.

use std::fmt::Write as _;
use std::net::IpAddr;

use super::line::Hash;
use crate::hexadecimal;
use crate::text::push_json;

/// The longest name, in bytes of UTF-8. Longer names are cut and end with `…`.
pub const MAX_NAME: usize = 255;

/// The longest identifier of an object, in bytes of UTF-8. It is long enough for every identifier, so that no two are
/// cut to the same text.
pub const MAX_OBJECT: usize = 1100;

/// The longest reason or detail, in bytes of UTF-8.
pub const MAX_TEXT: usize = 512;

/// What the members of most events take, in bytes.
const USUAL: usize = 512;

/// The event of a decision.
const DECISION: &str = "decision";

/// The event of a change that the server made by itself.
const CLOCK: &str = "clock";

/// Whether lines of this event record changes, each with the new version of a row.
pub(super) fn records_changes(event: &[u8]) -> bool {
    [DECISION, CLOCK].iter().any(|own| own.as_bytes() == event)
}

/// How a decision ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The operation was permitted and succeeded.
    Success,
    /// The operation was not permitted.
    Refused,
    /// The operation was permitted and failed.
    Failed,
}

impl Outcome {
    /// The name of the outcome in the log.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }
}

/// One decision. Values from outside may contain anything: they are escaped and bounded here.
#[derive(Debug, Clone, Copy)]
pub struct Decision<'a> {
    /// The request's id.
    pub request_id: &'a str,
    /// The caller.
    pub user: &'a str,
    /// The authentication method: `certificate`, `jwt`, `api-token`, `access-token`, `api-key` or `default`.
    pub method: &'a str,
    /// The thumbprint of the certificate in hexadecimal, or the issuer.
    pub proof: Option<&'a str>,
    /// The address of the client.
    pub peer: Option<IpAddr>,
    /// Whether the request came through the KMIP socket: the member `way` in the log is then `kmip`.
    pub is_socket: bool,
    /// The version of KMIP in which the request came; `None` for requests that are not messages of KMIP.
    pub kmip_version: Option<&'a str>,
    /// The requested operation.
    pub operation: &'a str,
    /// The object of the operation.
    pub object: Option<&'a str>,
    /// The new version of the object's row. Only changes of lifecycle and permissions have one.
    pub version: Option<i64>,
    /// The outcome.
    pub outcome: Outcome,
    /// The rule that decided.
    pub rule: Option<&'a str>,
    /// The reason why the operation was refused or failed.
    pub reason: Option<&'a str>,
    /// More details. Never a secret, a plaintext or a credential.
    pub detail: Option<&'a str>,
    /// Whether the operation changes the caller's own permissions: the member `self` in the log.
    pub concerns_caller: bool,
}

/// The members of one event, ready for a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record(String);

impl Record {
    /// Returns the record of a decision.
    #[must_use]
    pub fn decision(decision: &Decision<'_>) -> Self {
        let mut record = Self::event(DECISION);
        record.name("request_id", decision.request_id);
        record.name("user", decision.user);
        record.name("method", decision.method);
        record.optional("proof", decision.proof, MAX_NAME);
        record.address(decision.peer);
        if decision.is_socket {
            record.name("way", "kmip");
        }
        record.optional("kmip_version", decision.kmip_version, MAX_NAME);
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

    /// Returns the record of a change that the server made by itself, because a time was reached. `version` is the new
    /// version of the object's row.
    #[must_use]
    pub fn clock(operation: &'static str, object: &str, version: i64, detail: Option<&str>) -> Self {
        let mut record = Self::event(CLOCK);
        record.name("operation", operation);
        record.optional("object", Some(object), MAX_OBJECT);
        record.number("version", version);
        record.name("outcome", Outcome::Success.name());
        record.optional("detail", detail, MAX_TEXT);
        record
    }

    /// Returns the record of something that an auditor should know and that is not a decision.
    #[must_use]
    pub fn note(detail: &str) -> Self {
        let mut record = Self::event("note");
        record.optional("detail", Some(detail), MAX_TEXT);
        record
    }

    /// Returns the record that old bytes of an object are erased: those that its row no longer contains since
    /// `version`.
    #[must_use]
    pub fn erased(object: &str, version: i64) -> Self {
        let mut record = Self::event("erased");
        record.optional("object", Some(object), MAX_OBJECT);
        record.number("version", version);
        record
    }

    /// Returns an event without further members. The name consists of small letters and `-`.
    pub(super) fn event(name: &'static str) -> Self {
        let mut members = String::with_capacity(USUAL);
        let _ = write!(members, "\"event\":\"{name}\"");
        Self(members)
    }

    /// The members, from `event` on.
    pub(super) fn members(&self) -> &str {
        &self.0
    }

    /// The number of bytes that the record counts against a bound, including the rest of its line.
    pub(super) fn cost(&self) -> usize {
        self.0.len() + 160
    }

    pub(super) fn name(&mut self, name: &'static str, value: &str) {
        self.optional(name, Some(value), MAX_NAME);
    }

    pub(super) fn number(&mut self, name: &'static str, value: impl std::fmt::Display) {
        let _ = write!(self.0, ",\"{name}\":{value}");
    }

    /// Adds a member with the value `true`.
    fn flag(&mut self, name: &'static str) {
        let _ = write!(self.0, ",\"{name}\":true");
    }

    pub(super) fn address(&mut self, peer: Option<IpAddr>) {
        if let Some(peer) = peer {
            let _ = write!(self.0, ",\"peer\":\"{peer}\"");
        }
    }

    /// Adds a list of sequence numbers.
    pub(super) fn sequences(&mut self, name: &'static str, values: &[u64]) {
        let list: Vec<String> = values.iter().map(u64::to_string).collect();
        let _ = write!(self.0, ",\"{name}\":[{}]", list.join(","));
    }

    /// Adds a sequence number and the hash of its line.
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

/// Returns the longest prefix of whole characters that fits into `limit` bytes.
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
            is_socket: false,
            kmip_version: None,
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
        let decision = Decision { is_socket: true, kmip_version: Some("1.4"), ..decision };
        let text = Record::decision(&decision).members().to_owned();
        assert!(text.contains(",\"way\":\"kmip\",\"kmip_version\":\"1.4\",\"operation\""), "{text}");
    }
}
