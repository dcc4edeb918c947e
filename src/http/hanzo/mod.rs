//! The dialect of Hanzo KMS and Infisical: identities, what they are known by, their access tokens, projects and keys.

mod attached;
mod client_secrets;
mod environments;
mod folders;
mod identities;
mod jwt_auth;
mod keys;
mod login;
mod memberships;
mod oidc_auth;
mod projects;
mod search;
mod secrets;
mod shapes;
mod table;
mod tags;
mod tokens;
mod universal_auth;

pub(super) use shapes::iso;
pub(super) use table::API;
