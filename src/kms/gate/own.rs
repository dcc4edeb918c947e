//! Which changes of the policy concern the one who makes them.

use crate::policy::{Kind, Policy, ProjectDocument, host_username, identity_username, is_meant};
use crate::principal::Caller;

/// Whether what the caller may do themselves depends on a definition that they are about to write (or to remove: `None`).
pub(super) fn concerns(policy: &Policy, caller: &Caller, kind: Kind, name: &str, document: Option<&str>) -> bool {
    let username = caller.username.as_str();
    match kind {
        Kind::Project => {
            let document: Option<ProjectDocument> = document.and_then(|text| serde_json::from_str(text).ok());
            policy.changes_own_role(caller, name, document.as_ref())
        }
        Kind::User => is_meant(name, caller),
        Kind::Role => policy.has_own_role(caller, name),
        Kind::Policy => policy.has_own_policy(caller, name),
        Kind::Identity => identity_username(name) == username,
        Kind::Host => host_username(name) == username,
        Kind::Authenticator => false,
    }
}
