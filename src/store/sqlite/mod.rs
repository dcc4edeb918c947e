//! SQLite in WAL mode: a file, which one server at a time opens.

mod connection;
mod failure;
mod moving;
mod opening;
mod reader;
mod schema;
mod session;
mod snapshot;
mod wal;

pub use failure::Failure;
pub(super) use moving::Moving;
pub(super) use opening::{is_open, lock, read_only};
pub(super) use reader::Pool;
pub(super) use session::open;
pub use snapshot::Snapshot;
pub(super) use wal::Log;
