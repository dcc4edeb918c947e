//! What a definition of each kind does in the policy.

use super::conjur::{AuthenticatorDocument, HostDocument, host_username};
use super::definition::{Definition, Documents, Kind, each_kind};
use super::document::{PolicyDocument, ProjectDocument, RoleDocument, UserDocument};
use super::fault::Fault;
use super::identity::{IdentityDocument, identity_username};
use super::model::Policy;
use super::own::is_meant;
use super::relation::Name;
use crate::principal::Caller;

/// What a kind of definition does.
pub(super) trait Document: Sized {
    /// Puts the definition in the place of the one of this name; `None` removes that. Returns what is wrong now and was not before.
    fn set(policy: &mut Policy, own: &Name, document: Option<Self>) -> Vec<Fault>;

    /// Whether what the caller may do themselves depends on the definition that is about to be put there (or removed: `None`).
    fn concerns(policy: &Policy, caller: &Caller, name: &str, document: Option<&Self>) -> bool;
}

macro_rules! dispatch {
    ($($kind:ident, $word:literal, $table:ident, $document:ty, $about:literal;)*) => {
        impl Policy {
            /// Adds a definition, or replaces the one of the same kind and name. A faulty definition is left out. That never
            /// gives more access: users keep a role that is left out, and it permits nothing; the members of a project lose
            /// what the project loses.
            ///
            /// Returns the faults that did not exist before.
            pub fn put(&mut self, name: &str, definition: Definition) -> Vec<Fault> {
                let own = Name::new(definition.kind(), name);
                let mut arisen = match definition {
                    $(Definition::$kind(document) => Document::set(self, &own, Some(*document)),)*
                };
                arisen.extend(self.count(&own, true));
                arisen
            }

            /// Removes a definition. Returns the faults that did not exist before.
            pub fn remove(&mut self, kind: Kind, name: &str) -> Vec<Fault> {
                let own = Name::new(kind, name);
                let arisen = match kind {
                    $(Kind::$kind => <$document as Document>::set(self, &own, None),)*
                };
                self.count(&own, false);
                arisen
            }

            /// Whether what the caller may do themselves depends on a definition that they are about to write (or to remove: `None`).
            #[must_use]
            pub fn concerns(&self, caller: &Caller, kind: Kind, name: &str, definition: Option<&Definition>) -> bool {
                match kind {
                    $(Kind::$kind => {
                        let document = match definition {
                            Some(Definition::$kind(document)) => Some(document.as_ref()),
                            _ => None,
                        };
                        <$document as Document>::concerns(self, caller, name, document)
                    })*
                }
            }
        }
    };
}
each_kind!(dispatch);

impl Policy {
    /// Adds every definition of the documents.
    pub(super) fn put_all(&mut self, documents: &Documents) -> Vec<Fault> {
        let mut all = documents.clone().into_definitions();
        // A definition must be added after those that it names.
        all.sort_by_key(|(_, definition)| definition.kind() != Kind::Policy);
        all.into_iter().flat_map(|(name, definition)| self.put(&name, definition)).collect()
    }
}

impl Document for RoleDocument {
    fn set(policy: &mut Policy, own: &Name, document: Option<Self>) -> Vec<Fault> {
        policy.set_role(own, document)
    }

    fn concerns(policy: &Policy, caller: &Caller, name: &str, _: Option<&Self>) -> bool {
        policy.has_own_role(caller, name)
    }
}

impl Document for PolicyDocument {
    fn set(policy: &mut Policy, own: &Name, document: Option<Self>) -> Vec<Fault> {
        policy.set_statement(own, document.as_ref())
    }

    fn concerns(policy: &Policy, caller: &Caller, name: &str, _: Option<&Self>) -> bool {
        policy.has_own_policy(caller, name)
    }
}

impl Document for UserDocument {
    fn set(policy: &mut Policy, own: &Name, document: Option<Self>) -> Vec<Fault> {
        policy.set_user(own, document.as_ref())
    }

    fn concerns(_: &Policy, caller: &Caller, name: &str, _: Option<&Self>) -> bool {
        is_meant(name, caller)
    }
}

impl Document for ProjectDocument {
    fn set(policy: &mut Policy, own: &Name, document: Option<Self>) -> Vec<Fault> {
        policy.set_project(own, document.as_ref())
    }

    fn concerns(policy: &Policy, caller: &Caller, name: &str, document: Option<&Self>) -> bool {
        policy.changes_own_role(caller, name, document)
    }
}

impl Document for IdentityDocument {
    fn set(policy: &mut Policy, own: &Name, document: Option<Self>) -> Vec<Fault> {
        policy.set_identity(own, document)
    }

    fn concerns(_: &Policy, caller: &Caller, name: &str, _: Option<&Self>) -> bool {
        identity_username(name) == caller.username.as_str()
    }
}

impl Document for AuthenticatorDocument {
    fn set(policy: &mut Policy, own: &Name, document: Option<Self>) -> Vec<Fault> {
        policy.set_authenticator(own, document)
    }

    fn concerns(_: &Policy, _: &Caller, _: &str, _: Option<&Self>) -> bool {
        false
    }
}

impl Document for HostDocument {
    fn set(policy: &mut Policy, own: &Name, document: Option<Self>) -> Vec<Fault> {
        policy.set_host(own, document)
    }

    fn concerns(_: &Policy, caller: &Caller, name: &str, _: Option<&Self>) -> bool {
        host_username(name) == caller.username.as_str()
    }
}
