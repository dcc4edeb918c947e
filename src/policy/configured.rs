//! The configuration of permissions: the policy file and the options of the command line.

use std::path::Path;

use super::definition::Documents;
use super::file::{FileError, TomlFile};
use super::model::Policy;
use crate::config::Permission;

/// Reads the policy file and the options of the command line, and checks both.
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
    // The file is checked already. A fault that is found here comes from an option, and its path begins with the
    // option's name.
    match Policy::new(&documents, false) {
        Ok(_) => Ok(documents.canonical()),
        Err(fault) => Err(FileError::Option(fault)),
    }
}

/// Reads and checks the policy file without the command line. Everything that the file refers to must be defined in it.
fn read_file(path: &Path) -> Result<Documents, FileError> {
    let file = TomlFile::open("policy file", path)?;
    let documents: Documents = file.parse()?;
    match Policy::new(&documents, false) {
        Ok(_) => Ok(documents),
        Err(fault) => Err(file.faulty(&fault)),
    }
}
