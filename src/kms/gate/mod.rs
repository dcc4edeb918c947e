//! The gate: the struct that holds store and custody, and the one function that gives a caller access to an object.
//!
//! Its fields are private to this folder. The operations outside of it reach a key only through a [`Grant`], and a
//! grant comes only from [`Kms::authorize`], [`Kms::authorize_new`], [`Kms::authorize_server`] and
//! [`Kms::authorize_administration`].

mod abilities;
mod adding;
mod administering;
mod amending;
mod api_token;
mod asking;
mod auditing;
mod authorizing;
mod clock;
mod committing;
mod configuring;
mod counted;
mod credentials;
mod definitions;
mod deriving;
mod encrypting;
mod erasing;
mod fair;
mod following;
mod granted;
mod health;
mod health_check;
mod invocations;
mod keeping;
mod leases;
mod limits;
mod loading;
mod naming;
mod opening;
mod pairs;
mod places;
mod prepared;
mod private;
mod questions;
mod recording;
mod recovering;
mod replacing;
mod resources;
mod secrets;
mod service;
mod shares;
mod unwrapping;
mod vault;
mod wrapping;

pub(super) use amending::Amendment;
pub(super) use asking::{End, Whose};
pub(super) use deriving::Source;
pub(super) use granted::Exchange;
pub use health::{DatabaseHealth, Health, TokenHealth};
pub(super) use limits::settle as settle_limits;
pub(super) use places::{Behind, PlaceGrant, SHARE};
pub(super) use prepared::Prepared;
pub(super) use service::{AdministrationGrant, Grant, NewGrant, ServerGrant, Usable, Use};
pub use service::{Kms, Settings};
pub use vault::Vault;
