//! What an object says of the secret that it holds.

use std::ops::RangeInclusive;

use super::error::NoEffect;
use super::object::{Object, is_destroyed};
use super::secret_path::{SecretPath, account, name_of, path_of};
use crate::store::object::Object as Row;

impl SecretPath {
    /// Whether the object holds the secret of this path, by what its bound row says.
    pub(super) fn is_of(&self, object: &Object) -> bool {
        name_of(&object.attributes) == Some(&self.name())
    }
}

impl Object {
    /// Whether it leaves its project when it gets another owner: a secret stays in the project of its account, which decides
    /// about its name.
    pub(super) fn leaves_project(&self) -> bool {
        self.access.project.is_some() && check_project(self, None).is_ok()
    }
}

/// Refuses to put a secret into another project than its account's, and to take it out of there while it is kept: its name
/// would be taken by somebody about whom the project does not decide.
pub(super) fn check_project(object: &Object, project: Option<&str>) -> Result<(), NoEffect> {
    let Some(account) = account(&object.attributes) else { return Ok(()) };
    let is_destroyed = is_destroyed(object.attributes.state);
    let stays = match project {
        Some(project) => project != account.name,
        None => !account.is_former && !is_destroyed && object.access.project.as_deref() == Some(&*account.name),
    };
    if stays { Err(NoEffect::OfAccount(account.name)) } else { Ok(()) }
}

/// What a secret's row promises.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptSecret {
    /// The numbers of its values.
    pub values: RangeInclusive<i64>,
    /// The name under which the index has it; `None` for a former secret, whose identifier is made of its name.
    pub name: Option<String>,
}

/// What a secret's row promises, for a check; `None` for what holds no secret, or was destroyed.
#[must_use]
pub fn kept_secret(row: Row) -> Option<KeptSecret> {
    let object = Object::from_row(row).ok()?;
    let values = object.kind.values().filter(|_| !is_destroyed(object.attributes.state))?;
    Some(KeptSecret { values, name: path_of(&object.attributes).cloned() })
}
