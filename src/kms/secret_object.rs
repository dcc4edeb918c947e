//! The relation of objects to the secrets that they hold.

use std::ops::RangeInclusive;

use super::error::NoEffect;
use super::object::{Object, is_destroyed};
use super::secret_path::{SecretPath, account, name_of, path_of};
use crate::store::object::{Index, Object as Row};

impl SecretPath {
    /// Whether the object holds the secret of this path, according to its bound row.
    pub(super) fn is_of(&self, object: &Object) -> bool {
        name_of(&object.attributes) == Some(&self.name())
    }
}

impl Object {
    /// Whether the object leaves its project with a change of owner. A secret stays in the project of its account,
    /// which decides about its name.
    pub(super) fn leaves_project(&self) -> bool {
        self.access.project.is_some() && check_project(self, None).is_ok()
    }
}

/// Refuses to move a secret into another project than that of its account, and to take it out of its project while it
/// exists. Otherwise its name would be used by a secret over which the project has no control.
pub(super) fn check_project(object: &Object, project: Option<&str>) -> Result<(), NoEffect> {
    let Some(account) = account(&object.attributes) else { return Ok(()) };
    let is_destroyed = is_destroyed(object.attributes.state);
    let stays = match project {
        Some(project) => project != account.name,
        None => !account.is_former && !is_destroyed && object.access.project.as_deref() == Some(&*account.name),
    };
    if stays { Err(NoEffect::OfAccount(account.name)) } else { Ok(()) }
}

/// The texts by which searches find an object, for a copy of the database. `None` if the row is not one of an object.
#[must_use]
pub fn index_of(row: Row) -> Option<Index> {
    Some(Object::from_row(row).ok()?.index())
}

/// The values and the index entry that belong to a secret according to its row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptSecret {
    /// The numbers of its values.
    pub values: RangeInclusive<i64>,
    /// The name in the index; `None` for a secret from before accounts were projects, whose identifier is derived from
    /// its name.
    pub name: Option<String>,
}

/// The values and the index entry that must exist according to the row of a secret, for a check of the database. `None`
/// if the object holds no secret or was destroyed.
#[must_use]
pub fn kept_secret(row: Row) -> Option<KeptSecret> {
    let object = Object::from_row(row).ok()?;
    let values = object.kind.values().filter(|_| !is_destroyed(object.attributes.state))?;
    Some(KeptSecret { values, name: path_of(&object.attributes).cloned() })
}
