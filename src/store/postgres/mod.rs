//! PostgreSQL 13 or newer, or a database that speaks its protocol and its SQL. Several servers may use it, each under a name of its own.

mod address;
mod contact;
mod dialect;
mod failure;
mod heart;
mod lease;
mod link;
mod moving;
mod opening;
mod pool;
mod schema;
mod session;
mod value;
mod waiting;

pub use contact::DatabaseState;
pub use failure::Failure;
pub(super) use moving::Moving;
pub(super) use opening::{Opened, Watch, is_open, open, read_only};
