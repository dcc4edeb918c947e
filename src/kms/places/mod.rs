//! Environments, folders and tags of projects, by which clients that know them order secrets. They decide nothing about
//! access: a caller who may add secrets to the project may change them, and a caller with access to its secrets may see
//! them.

mod environments;
mod folders;
mod tags;

pub use environments::{Environment, EnvironmentChange};
pub use folders::{Folder, FolderChange, FolderName};
pub use tags::{Tag, TagChange, TagName};

use super::secret_place::check_segment;
use super::{Error, PlaceFault};

/// Maximum length of a name, description or colour, in bytes.
const MAX_TEXT: usize = 255;

/// Checks the length and the characters of a text for people.
fn check_text(member: &'static str, text: &str) -> Result<(), Error> {
    if text.len() > MAX_TEXT || text.chars().any(crate::text::is_unprintable) {
        return Err(PlaceFault::Text(member).into());
    }
    Ok(())
}
