//! What the configuration says: the policy file, and the command line beside it.

use std::path::Path;

use super::definition::Documents;
use super::file::{FileError, TomlFile};
use super::model::Policy;
use crate::config::Permission;

/// Everything that the configuration says: the file, and the command line beside it.
///
/// # Errors
/// See [`FileError`].
pub fn read(permission: &Permission) -> Result<Documents, FileError> {
    let mut documents = permission.file.as_deref().map_or_else(|| Ok(Documents::default()), read_file)?;
    for (key, given, in_file) in [
        ("create", &permission.create, &mut documents.create),
        ("administrators", &permission.administrators, &mut documents.administrators),
    ] {
        match (given, in_file.is_some()) {
            (Some(_), true) => return Err(FileError::Twice(key)),
            (Some(given), false) => *in_file = Some(given.clone()),
            (None, _) => {}
        }
    }
    // Only what came from the command line can still be faulty, and its path is the option.
    match Policy::new(&documents, false) {
        Ok(_) => Ok(documents.canonical()),
        Err(fault) => Err(FileError::Option(fault)),
    }
}

/// Reads the file and checks it by itself: what it names, it must define.
fn read_file(path: &Path) -> Result<Documents, FileError> {
    let file = TomlFile::open("policy file", path)?;
    let documents: Documents = file.parse()?;
    match Policy::new(&documents, false) {
        Ok(_) => Ok(documents),
        Err(fault) => Err(file.faulty(&fault)),
    }
}
