//! The database: SQLite in WAL mode, one writer with group commit, readers on their own connections.

pub mod access_token;
pub mod api_key;
pub mod audit_head;
pub mod client_secret;
mod command;
mod connection;
mod database;
pub mod due;
pub mod erasure;
mod error;
pub mod gcm_use;
pub mod inventory;
mod material;
pub mod object;
mod opening;
pub mod policy_entry;
mod pulse;
mod reader;
pub mod root_key;
mod schema;
pub mod search;
pub mod secret_path;
pub mod secret_place;
pub mod secret_version;
mod snapshot;
mod sql;
pub mod usage_limit;
mod wal;
mod writer;

pub use command::Command;
pub use database::Store;
pub use error::Error;
pub use pulse::Pulse;
pub use reader::Readers;
pub use snapshot::Snapshot;
pub use writer::Poster;
