//! The API of Hanzo KMS and Infisical: identities, their authentication methods and access tokens, projects, secrets
//! and keys.

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
