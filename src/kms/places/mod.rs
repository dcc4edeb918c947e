//! Environments, folders and tags of projects: how clients that know them sort secrets. They are names, and decide about no access:
//! those may make and change them who may add secrets to the project, those may see them who may do something with its secrets.

mod environments;
mod folders;
mod tags;

pub use environments::{Environment, EnvironmentChange};
pub use folders::{Folder, FolderChange, FolderName};
pub use tags::{Tag, TagChange, TagName};

use super::secret_place::check_segment;
use super::{Error, PlaceFault};

/// The longest name, description or colour, in bytes.
const MAX_TEXT: usize = 255;

/// A text for people.
fn check_text(member: &'static str, text: &str) -> Result<(), Error> {
    if text.len() > MAX_TEXT || text.chars().any(crate::text::is_unprintable) {
        return Err(PlaceFault::Text(member).into());
    }
    Ok(())
}
