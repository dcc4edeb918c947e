//! The database: one writer with group commit, readers on their own connections. The statements are the same for every
//! database; what is only one's is below the module with its name.

pub mod access_token;
pub mod api_key;
pub mod audit_head;
mod change;
mod claim;
pub mod client_secret;
mod command;
mod database;
pub mod due;
mod engine;
pub mod erasure;
mod error;
pub mod gcm_use;
pub mod inventory;
mod material;
mod moving;
pub mod object;
pub mod policy_entry;
mod postgres;
mod pulse;
mod reader;
pub mod root_key;
mod row;
pub mod search;
pub mod secret_path;
pub mod secret_place;
pub mod secret_version;
mod sql;
mod sqlite;
pub mod usage_limit;
mod writer;

pub use crate::config::Database as Location;
pub use change::{Change, Follower, Heard};
pub use claim::claim;
pub use command::Command;
pub use database::Store;
pub use error::Error;
pub use moving::{Source, Target};
pub use postgres::{DatabaseState, Failure as PostgresFailure};
pub use pulse::Pulse;
pub use reader::Readers;
pub use row::BadColumn;
pub use sqlite::{Failure as SqliteFailure, Snapshot};
pub use writer::Poster;
