//! A role with its policies. A deny overrides every allow, and at least one policy must allow.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::action::{Action, Capability};
use super::document::{Effect, PolicyDocument, RoleDocument};
use super::fault::{Fault, MAX_PARTS, check_count, check_patterns};
use super::glob;
use super::names::Names;

/// A role, compiled for decisions.
#[derive(Debug)]
pub(super) struct Role {
    /// `None` for all capabilities.
    capabilities: Option<BTreeSet<Capability>>,
    deny: Vec<Arc<Statement>>,
    allow: Vec<Arc<Statement>>,
}

/// A policy, compiled for decisions.
#[derive(Debug)]
pub(super) struct Statement {
    name: String,
    effect: Effect,
    operations: Vec<String>,
    resources: Vec<String>,
}

/// The outcome of evaluating a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Judgement<'a> {
    /// This policy allows the action, and no policy denies it.
    Allowed { policy: &'a str },
    /// This policy denies the action.
    Denied { policy: &'a str },
    /// The role does not have this capability, which includes the action; `None` if no capability includes it.
    Incapable(Option<Capability>),
    /// No policy matches the action and the object.
    Silent,
}

impl Statement {
    pub(super) fn new(name: &str, document: &PolicyDocument) -> Result<Self, Fault> {
        let path = |key| ["policies", name, key];
        check_patterns(&path("operations"), &document.operations)?;
        check_patterns(&path("resources"), &document.resources)?;
        for pattern in &document.operations {
            let known = |word: &str| glob::matches(pattern, word);
            if !Action::words().split(", ").any(known) && Action::from_word(pattern).is_none() {
                let problem = format!("{pattern:?} matches no operation; there are {}", Action::words());
                return Err(Fault::at(&path("operations"), problem));
            }
        }
        if let Some(pattern) = document.resources.iter().find(|own| !can_match(own)) {
            let problem =
                format!("{pattern:?} matches nothing: resources are objects/ID, projects/PROJECT/ID and tags/TAG");
            return Err(Fault::at(&path("resources"), problem));
        }
        if document.reasons.as_ref().is_some_and(|reasons| reasons.iter().any(|reason| reason != "*")) {
            return Err(Fault::at(&path("reasons"), "requests have no reasons: use only \"*\""));
        }
        Ok(Self {
            name: name.to_owned(),
            effect: document.policy_type,
            operations: document.operations.iter().map(|word| canonical(word)).collect(),
            resources: document.resources.clone(),
        })
    }

    fn means(&self, action: Action) -> bool {
        self.operations.iter().any(|pattern| glob::matches(pattern, action.word()))
    }

    fn matches(&self, action: Action, resources: &[String]) -> bool {
        self.means(action)
            && self.resources.iter().any(|pattern| resources.iter().any(|own| glob::matches(pattern, own)))
    }
}

/// Replaces another KMIP spelling of an operation by the name of its action. A pattern is returned as it is.
fn canonical(pattern: &str) -> String {
    Action::from_word(pattern).map_or_else(|| pattern.to_owned(), |action| action.word().to_owned())
}

/// Whether the pattern can match a resource name: `objects/ID`, `projects/PROJECT/ID` or `tags/TAG`, in which no part
/// is empty.
fn can_match(pattern: &str) -> bool {
    ["objects/", "projects/", "tags/"].iter().any(|kind| {
        let mut rest = pattern.chars();
        for wanted in kind.chars() {
            match rest.next() {
                // `*` can match the whole rest.
                Some('*') => return true,
                Some(own) if own == '?' || own == wanted => {}
                _ => return false,
            }
        }
        let rest: Vec<char> = rest.collect();
        let is_divided =
            || rest.iter().enumerate().any(|(at, own)| "/?".contains(*own) && at > 0 && at + 1 < rest.len());
        rest.contains(&'*') || !rest.is_empty() && (*kind != "projects/" || is_divided())
    })
}

impl Role {
    pub(super) fn new(
        name: &str,
        document: &RoleDocument,
        statement: impl Fn(&str) -> Option<Arc<Statement>>,
    ) -> Result<Self, Fault> {
        let path = |key| ["roles", name, key];
        check_count(&path("capabilities"), document.capabilities.len(), MAX_PARTS)?;
        check_count(&path("policies"), document.policies.len(), MAX_PARTS)?;
        let mut listed = BTreeSet::new();
        for word in document.capabilities.iter().filter(|word| *word != "*") {
            let unknown = || format!("{word:?} is not a capability; there are {} and *", Capability::words());
            listed.insert(Capability::from_word(word).ok_or_else(|| Fault::at(&path("capabilities"), unknown()))?);
        }
        let all = document.capabilities.iter().any(|word| word == "*");
        let capabilities = (!all).then_some(listed);
        let mut role = Self { capabilities, deny: Vec::new(), allow: Vec::new() };
        for name in &document.policies {
            let statement =
                statement(name).ok_or_else(|| Fault::at(&path("policies"), format!("there is no policy {name:?}")))?;
            match statement.effect {
                Effect::Allow => role.allow.push(statement),
                Effect::Deny => role.deny.push(statement),
            }
        }
        Ok(role)
    }

    /// Whether the role allows the action on every object, whatever its identifier, project and tags.
    pub(super) fn allows_all(&self, action: Action) -> bool {
        let Some(capability) = action.capability() else { return false };
        let is_capable = self.capabilities.as_ref().is_none_or(|own| own.contains(&capability));
        let is_everything = |own: &Arc<Statement>| own.means(action) && own.resources.iter().any(|own| own == "*");
        is_capable && !self.denies_some(action) && self.allow.iter().any(is_everything)
    }

    /// Whether a policy of the role denies the action on some objects.
    pub(super) fn denies_some(&self, action: Action) -> bool {
        self.deny.iter().any(|own| own.means(action))
    }

    /// Whether a policy of the role denies something by one of these names, but not by the others.
    pub(super) fn denies_only(&self, names: &[String], others: &[String]) -> bool {
        let matches = |pattern: &str, names: &[String]| names.iter().any(|own| glob::matches(pattern, own));
        let mut patterns = self.deny.iter().flat_map(|own| &own.resources);
        patterns.any(|pattern| matches(pattern, names) && !matches(pattern, others))
    }

    /// Judges an operation of the server that concerns no object. A policy means it by its operations. A deny of some
    /// objects does not mean it, unless it names exactly this operation.
    pub(super) fn judge_server(&self, action: Action) -> Judgement<'_> {
        let Some(capability) = action.capability() else { return Judgement::Incapable(None) };
        let is_everything = |own: &Statement| own.resources.iter().any(|pattern| pattern == "*");
        let names_it = |own: &Statement| own.operations.iter().any(|word| word == action.word());
        let denies = |own: &&Arc<Statement>| own.means(action) && (is_everything(own) || names_it(own));
        if let Some(statement) = self.deny.iter().find(denies) {
            return Judgement::Denied { policy: &statement.name };
        }
        if self.capabilities.as_ref().is_some_and(|own| !own.contains(&capability)) {
            return Judgement::Incapable(Some(capability));
        }
        match self.allow.iter().find(|own| own.means(action)) {
            Some(statement) => Judgement::Allowed { policy: &statement.name },
            None => Judgement::Silent,
        }
    }

    pub(super) fn judge(&self, action: Action, names: &Names) -> Judgement<'_> {
        let Some(capability) = action.capability() else { return Judgement::Incapable(None) };
        let denies = |own: &&Arc<Statement>| own.matches(action, &names.own) || own.matches(action, &names.denied);
        if let Some(statement) = self.deny.iter().find(denies) {
            return Judgement::Denied { policy: &statement.name };
        }
        if self.capabilities.as_ref().is_some_and(|own| !own.contains(&capability)) {
            return Judgement::Incapable(Some(capability));
        }
        match self.allow.iter().find(|own| own.matches(action, &names.own)) {
            Some(statement) => Judgement::Allowed { policy: &statement.name },
            None => Judgement::Silent,
        }
    }
}
