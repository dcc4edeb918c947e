//! The JSON bodies of the server's own API. The server and the command line use the same definitions, for reading and
//! for writing. The JSON fields have the names of the struct fields; times are in RFC 3339 format unless a field states
//! otherwise.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub mod about;
pub mod access;
pub mod audit;
pub mod definitions;
pub mod issuers;
pub mod logins;
pub mod objects;
pub mod ownership;
pub mod tokens;

/// A word from a fixed set, such as the name of a state.
pub type Word = Cow<'static, str>;

/// The answer to a successful change.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Success {
    /// A message for people.
    pub success: Word,
}

/// A body without fields.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}
