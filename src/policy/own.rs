//! Tests for whether a change of the policy concerns the caller. The audit log marks changes by which administrators
//! change their own access.

use super::definition::Kind;
use super::document::ProjectDocument;
use super::model::Policy;
use super::relation::Name;
use super::subject::Subject;
use crate::principal::Caller;

/// Whether a subject includes the caller: it is the caller's subject, has the caller's user name, or is `*`.
fn means(subject: &Subject, caller: &Caller) -> bool {
    *subject == Subject::Everyone || subject.name() == Some(caller.username.as_str()) || *subject == Subject::of(caller)
}

/// Whether a subject, as the policy file writes it, includes the caller.
pub(super) fn is_meant(subject: &str, caller: &Caller) -> bool {
    Subject::parse(subject).is_ok_and(|subject| means(&subject, caller))
}

impl Policy {
    /// Whether replacing a project's document by this one, or removing it with `None`, changes the caller's roles in
    /// the project.
    pub(super) fn changes_own_role(&self, caller: &Caller, project: &str, document: Option<&ProjectDocument>) -> bool {
        let is_own = |(subject, _): &(Subject, &str)| means(subject, caller);
        let members = self.projects.get(project).into_iter().flatten();
        let mut before: Vec<(Subject, &str)> =
            members.map(|(subject, own)| (subject.clone(), own.role.as_str())).filter(is_own).collect();
        let members = document.into_iter().flat_map(|document| &document.members);
        let mut after: Vec<(Subject, &str)> = members
            .filter_map(|(member, role)| Some((Subject::parse(member).ok()?, role.as_str())))
            .filter(is_own)
            .collect();
        before.sort();
        after.sort();
        before != after
    }

    /// Whether the caller has this role, from the credential, from the configuration or in a project.
    pub(super) fn has_own_role(&self, caller: &Caller, role: &str) -> bool {
        let own = |Name { kind, name }: &Name| match kind {
            Kind::User => is_meant(name, caller),
            Kind::Project => {
                let mut members = self.projects.get(name).into_iter().flatten();
                members.any(|(subject, own)| own.role == role && means(subject, caller))
            }
            _ => false,
        };
        // Only the definitions that refer to the role are read: there may be thousands of others.
        caller.role.as_deref() == Some(role) || self.references.of(&Name::new(Kind::Role, role)).any(own)
    }

    /// Whether a role of the caller, from the credential, from the configuration or in a project, refers to this
    /// policy.
    pub(super) fn has_own_policy(&self, caller: &Caller, policy: &str) -> bool {
        self.references.of(&Name::new(Kind::Policy, policy)).any(|role| self.has_own_role(caller, &role.name))
    }
}
