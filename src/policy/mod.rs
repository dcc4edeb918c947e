//! Authorization: one model of owners, grants, roles and projects, and the one function that decides.

mod account;
mod action;
mod change;
mod configured;
mod conjur;
mod decide;
mod decision;
mod definition;
mod document;
mod duties;
mod exchanged;
mod fault;
mod file;
pub mod glob;
mod grants;
mod hosts;
mod identity;
mod kinds;
mod lasting;
mod model;
mod names;
mod own;
mod ownership;
#[cfg(test)]
mod properties;
mod recovery;
mod relation;
mod resource;
mod role;
mod subject;
mod terms;
#[cfg(test)]
mod tests;
mod token_settings;
mod universal_auth;

pub use action::{Action, Capability};
pub use configured::read;
pub use conjur::{
    AuthenticatorDocument, HOST_TOKEN_LIFETIME, HostDocument, NO_RESTRICTION, aliases, authenticator_name, enforced,
    host_username,
};
pub use decision::{Decision, Refusal, Rule};
pub use definition::{Definition, Documents, Kind};
pub use document::{Effect, PolicyDocument, ProjectDocument, RoleDocument, UserDocument};
pub use fault::{Fault, MAX_ENTRIES, MAX_NAME, check_count, check_name};
pub use file::{FileError, TomlFile};
pub use grants::{Grant, Grantee, Grants, MAX_GRANTEES, Unreadable};
pub use identity::{
    ConfigurationType, IdentityDocument, JwtAuthDocument, JwtBounds, OidcAuthDocument, OrganizationRole,
    check_jwt_auth, check_oidc_auth, identity_username, jwt_auth_basis, oidc_auth_basis,
};
pub use model::Policy;
pub use resource::{Account, Properties, Resource};
pub use subject::{Subject, SubjectError};
pub use terms::{MAX_TOKEN_TTL, Terms};
pub use token_settings::{MemberFault, TokenSettings};
pub use universal_auth::{MAX_CLIENT_ID, UniversalAuthDocument, check_universal_auth};
