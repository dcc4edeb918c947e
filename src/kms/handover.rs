//! Pending changes of owner: offers and recoveries. They are part of the object's row, so its binding covers them, and
//! a change of owner ends all of them.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::handover_fault::HandoverFault;
use super::operation::Operation;
use crate::auth;
use crate::kmip::ttlv::DateTime;
use crate::policy::{Grants, Subject};
use crate::principal::{Caller, Username};

/// Lifetime of an offer or a recovery, in seconds: 7 days.
pub(super) const LIFE: i64 = 7 * 24 * 60 * 60;

/// The pending changes of owner: at most one of each kind.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Pending {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) offer: Option<Offer>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) recovery: Option<Recovery>,
}

/// An owner's offer: the receiver becomes the owner by accepting it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Offer {
    /// The user who will own the object.
    pub(super) to: String,
    /// The owner who made the offer.
    pub(super) by: By,
    /// When it ends, in seconds since 1970-01-01 UTC.
    pub(super) expires: i64,
}

/// A proposed recovery: the new owner gets the object when enough recoverers have approved it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Recovery {
    /// Its identifier. Approvals name it, so that recoverers approve exactly what is done.
    pub(super) id: String,
    /// The user who will own the object.
    pub(super) to: String,
    /// The reason, as the proposer wrote it.
    pub(super) reason: String,
    /// Whether grants and project are kept as they were at the time of the proposal.
    pub(super) keep_access: bool,
    /// The grants and the project at the time of the proposal. A proposal that was stored without them keeps nothing.
    #[serde(default, skip_serializing_if = "Kept::is_nothing")]
    pub(super) kept: Kept,
    /// The recoverers who have approved, as the policy file writes them; the first one is the proposer.
    pub(super) approvals: Vec<String>,
    /// When it ends, in seconds since 1970-01-01 UTC.
    pub(super) expires: i64,
}

/// Grants and project at one moment. Recoverers did not agree to grants that were made later.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Kept {
    /// The project that held the object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) project: Option<String>,
    /// The grants, as in the object's row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) grants: Option<String>,
}

/// The caller who made an offer, with everything that is needed to decide about the caller again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct By {
    /// The user and the authentication method, as the policy file writes them.
    subject: String,
    /// The limits of the credential.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    narrowing: Option<String>,
    /// The role that the credential gave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    role: Option<String>,
}

/// The stored text cannot be read although the row's binding holds: a defect of the program.
#[derive(Debug)]
pub(super) struct Unreadable;

impl Pending {
    /// Reads what [`Self::to_text`] wrote.
    pub(super) fn from_text(text: &str) -> Result<Self, Unreadable> {
        serde_json::from_str(text).map_err(|_| Unreadable)
    }

    /// The text for the row; `None` if there is no pending change.
    pub(super) fn to_text(&self) -> Option<String> {
        (*self != Self::default()).then(|| serde_json::to_string(self).unwrap_or_default())
    }

    /// The keys by which lists find the object, each with the time of expiry. The keys of offers and recoveries are
    /// different.
    pub(super) fn index(&self, owner: &str) -> Vec<(String, i64)> {
        let offer = self
            .offer
            .iter()
            .flat_map(|offer| [offered_to(&offer.to), offered_by(owner)].map(|subject| (subject, offer.expires)));
        offer.chain(self.recovery.iter().map(|recovery| (RECOVERIES.to_owned(), recovery.expires))).collect()
    }

    /// The recovery with this identifier.
    pub(super) fn recovery(&self, object: &str, id: &str) -> Result<&Recovery, HandoverFault> {
        let missing = || HandoverFault::NoRecovery { object: object.to_owned(), recovery: id.to_owned() };
        self.recovery.as_ref().filter(|recovery| recovery.id == id).ok_or_else(missing)
    }

    /// The operations that end all pending changes, each with its detail for the audit log.
    pub(super) fn ended(&self) -> Vec<(Operation, String)> {
        let offer = self.offer.iter().map(|offer| (Operation::EndOffer, format!("to the user {:?}", offer.to)));
        let recovery = self.recovery.iter().map(|recovery| (Operation::WithdrawRecovery, recovery.id.clone()));
        offer.chain(recovery).collect()
    }

    /// The user to whom the object is offered, whether or not the offer has expired.
    pub(super) fn receiver(&self) -> Option<&str> {
        self.offer.as_ref().map(|offer| offer.to.as_str())
    }
}

/// The index of the objects whose recovery is proposed.
pub(super) const RECOVERIES: &str = "recovery";

/// The index of the objects that are offered to a user.
pub(super) fn offered_to(user: &str) -> String {
    format!("to:{user}")
}

/// The index of the objects that a user offers.
pub(super) fn offered_by(user: &str) -> String {
    format!("by:{user}")
}

impl Offer {
    /// An offer by this caller at `now`.
    pub(super) fn new(to: &Username, by: &Caller, now: DateTime) -> Self {
        let by = By {
            subject: Subject::of(by).to_string(),
            narrowing: by.narrowing.as_deref().map(auth::narrowing_to_text),
            role: by.role.as_deref().map(str::to_owned),
        };
        Self { to: to.as_str().to_owned(), by, expires: now.0.saturating_add(LIFE) }
    }

    /// Whether it is still pending at `now`.
    pub(super) fn is_open(&self, now: DateTime) -> bool {
        now.0 < self.expires
    }
}

impl Kept {
    fn is_nothing(&self) -> bool {
        *self == Self::default()
    }

    /// The grants; none if they cannot be read, because then recoverers agreed to nothing.
    pub(super) fn grants(&self) -> Grants {
        self.grants.as_deref().and_then(|text| Grants::from_text(text).ok()).unwrap_or_default()
    }
}

impl Recovery {
    /// Whether it is still pending at `now`.
    pub(super) fn is_open(&self, now: DateTime) -> bool {
        now.0 < self.expires
    }

    /// The approvals that still count, because the policy file still names those recoverers, together with an approval
    /// of `by`. The flag says whether that one is new.
    pub(super) fn with(&self, by: &Caller, is_named: impl Fn(&Subject) -> bool) -> (Vec<String>, bool) {
        let counts = |text: &&String| Subject::parse(text).is_ok_and(|subject| is_named(&subject));
        let mut approvals: Vec<String> = self.approvals.iter().filter(counts).cloned().collect();
        let is_new = !approvals.iter().any(|text| name(text) == by.username.as_str());
        if is_new {
            approvals.push(Subject::of(by).to_string());
        }
        (approvals, is_new)
    }
}

/// The different users who approve: one name is one user, whatever the authentication method.
pub(super) fn users(approvals: &[String]) -> BTreeSet<String> {
    approvals.iter().map(|text| name(text)).collect()
}

/// The name of a user, as the policy file writes them.
fn name(text: &str) -> String {
    let subject = Subject::parse(text).ok();
    subject.as_ref().and_then(Subject::name).unwrap_or(text).to_owned()
}

impl By {
    /// The caller who made the offer, to be judged by the present policy; `None` if it cannot be reconstructed.
    pub(super) fn caller(&self, owner: &str) -> Option<Caller> {
        let method = Subject::parse(&self.subject).ok()?.method()?;
        let username = Username::new(owner).or_else(|_| Username::exchanged(owner)).ok()?;
        let narrowing = self.narrowing.as_deref().map(auth::narrowing_from_text).transpose().ok()?;
        Some(Caller { username, method, narrowing: narrowing.map(Arc::new), role: self.role.as_deref().map(Arc::from) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_nothing_else() {
        let caller = |subject: &str, owner: &str| {
            let by = By { subject: subject.to_owned(), narrowing: None, role: Some("r".to_owned()) };
            by.caller(owner)
        };
        for (subject, owner) in [
            ("alice", "alice"),
            ("jwt:https://issuer.example/#a", "a"),
            ("identity:1", "identity:1"),
            ("host/db", "host/db"),
            ("api-token", "admin"),
            ("unauthenticated", "admin"),
            // With --force-default-username.
            ("alice", "admin"),
        ] {
            let caller = caller(subject, owner).unwrap();
            assert_eq!(caller.username.as_str(), owner);
            let offer = Offer::new(&Username::new("bob").unwrap(), &caller, DateTime(5));
            assert_eq!(
                (offer.expires, offer.is_open(DateTime(LIFE + 4)), offer.is_open(DateTime(LIFE + 5))),
                (LIFE + 5, true, false)
            );
            let pending = Pending { offer: Some(offer), recovery: None };
            let text = pending.to_text().unwrap();
            assert_eq!(Pending::from_text(&text).unwrap(), pending);
            assert!(Pending::from_text(&text.replace("\"to\"", "\"ot\"")).is_err());
        }
        assert!(caller("role:r", "alice").is_none() && caller("*", "alice").is_none());
        assert_eq!(Pending::default().to_text(), None);
    }

    #[test]
    fn approvals_are_of_different_users_who_are_still_named() {
        let recovery = |approvals: &[&str]| Recovery {
            id: String::new(),
            to: "bob".to_owned(),
            reason: "she left".to_owned(),
            keep_access: false,
            kept: Kept::default(),
            approvals: approvals.iter().map(|&text| text.to_owned()).collect(),
            expires: 0,
        };
        let by = |subject: &str| {
            let subject = Subject::parse(subject).unwrap();
            let username = Username::new(subject.name().unwrap()).unwrap();
            Caller { username, method: subject.method().unwrap(), narrowing: None, role: None }
        };
        let named = |subject: &Subject| subject.to_string() != "gone";
        let (approvals, is_new) = recovery(&["rita", "gone"]).with(&by("jwt:https://a/#rolf"), named);
        assert_eq!((approvals.as_slice(), is_new), (&["rita".to_owned(), "jwt:https://a/#rolf".to_owned()][..], true));
        assert_eq!(users(&approvals).len(), 2);
        // Two proofs of one name are one user.
        let (approvals, is_new) = recovery(&["rita"]).with(&by("jwt:https://a/#rita"), named);
        assert_eq!((users(&approvals).len(), is_new), (1, false));
    }
}
