//! The dialect of Conjur: authenticators, by which hosts exchange a JWT for an access token.

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

pub(super) use info::root;
pub(super) use table::API;
