//! The JSON bodies of the server's own API, once: the server reads requests and writes answers by them, and the command line the
//! other way round. Members are the structs' fields by their names; times are RFC 3339 unless a field says otherwise.

use std::borrow::Cow;

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

/// A word that the server has by heart, such as the name of a state.
pub type Word = Cow<'static, str>;

/// What is said of a change that succeeded.
#[derive(Debug, Serialize, Deserialize)]
pub struct Success {
    /// For people.
    pub success: Word,
}

/// A body without members.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}
