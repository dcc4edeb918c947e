//! Environments, folders and tags of projects, by which clients that know them order secrets. They decide nothing about
//! access: a caller who may add secrets to the project may change them, and a caller with access to its secrets may see
//! them. In the account `default` without a project, where every caller may add secrets, only the caller who made one and
//! administrators may change it.

mod environments;
mod folders;
mod tags;

pub use environments::{Environment, EnvironmentChange};
pub use folders::{Folder, FolderChange, FolderName};
pub use tags::{Tag, TagChange, TagName};

use super::gate::SHARE;
use super::secret_place::check_segment;
use super::{Error, PlaceFault};
use crate::store;

/// Maximum length of a name, description or colour, in bytes.
const MAX_TEXT: usize = 255;

/// The error of a project that has all the rows it may have, or of a caller who has made as many as one caller may.
fn full(error: Error, what: &'static str, most: usize) -> Error {
    match error {
        Error::Store(store::Error::Full) => PlaceFault::Full(what, most).into(),
        Error::Store(store::Error::Share) => PlaceFault::Share(what, most / SHARE).into(),
        error => error,
    }
}

/// Checks the length and the characters of a text for people.
fn check_text(member: &'static str, text: &str) -> Result<(), Error> {
    if text.len() > MAX_TEXT || text.chars().any(crate::text::is_unprintable) {
        return Err(PlaceFault::Text(member).into());
    }
    Ok(())
}
