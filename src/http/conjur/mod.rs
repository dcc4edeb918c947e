//! The API of Conjur: authenticators, which issue access tokens to hosts for a JWT or an API key, and variables, which
//! hold secrets.

mod api_key;
mod authenticate;
mod authenticators;
mod info;
mod resources;
mod role;
mod roles;
mod secrets;
mod shapes;
mod status;
mod table;
mod token;
mod unserved;

pub(super) use info::{ROOT, root};
pub(super) use table::API;
