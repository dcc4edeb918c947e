//! A change of an object that is ready to be committed, and the actions that follow the commit.

use std::sync::Arc;

use super::super::object::Object;
use crate::custody::Custody;
use crate::store::object::Material;
use crate::store::{self, Command};
use crate::turns::Turn;

/// A key that was made for an object whose row is not committed yet. Dropping it removes the key from the HSM token.
pub(super) struct Made {
    pub(super) custody: Arc<Custody>,
    pub(super) material: Option<Material>,
}

/// A change of the database, and what must be done when its outcome is known.
pub(crate) struct Prepared {
    pub(super) command: Command,
    pub(super) after: After,
    /// The memory that it takes until it is committed, in bytes.
    pub(super) size: usize,
}

/// What must be done after a commit.
#[derive(Default)]
pub(super) struct After {
    /// The key that was made for the change.
    pub(super) made: Option<Made>,
    /// The objects after the change, each with its size in memory and the lock on its changes.
    pub(super) changed: Vec<(Arc<Object>, usize, Option<Turn>)>,
    /// The locks on new names of objects.
    pub(super) names: Vec<Turn>,
    /// The key of the former version in the HSM token, which is not needed after the commit.
    pub(super) former: Option<Material>,
    /// Whether the object is destroyed by the change.
    pub(super) is_gone: bool,
}

impl Made {
    /// The key of `material`.
    pub(super) fn new(custody: &Arc<Custody>, material: &Material) -> Self {
        Self { custody: Arc::clone(custody), material: Some(material.clone()) }
    }

    pub(super) fn keep(mut self) {
        self.material = None;
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        if let Some(material) = self.material.take() {
            self.custody.discard_or_warn(&material);
        }
    }
}

impl From<Command> for Prepared {
    /// A change of rows that are not kept in memory.
    fn from(command: Command) -> Self {
        Self { command, after: After::default(), size: 0 }
    }
}

impl Prepared {
    /// A change that adds the objects of these rows, with the key that was made for them.
    pub(super) fn addition(command: Command, made: Made, size: usize) -> Self {
        Self { command, after: After { made: Some(made), ..After::default() }, size }
    }

    /// A change that replaces an object by this one. No other change of the object is made until this one is on disk.
    /// `turn` is `None` if an earlier change of the same commit has it.
    pub(super) fn succession(command: Command, object: Object, size: usize, turn: Option<Turn>) -> Self {
        let changed = vec![(Arc::new(object), size, turn)];
        Self { command, after: After { changed, ..After::default() }, size }
    }

    /// A change that replaces these objects by others, which it adds with the key that was made for them.
    pub(super) fn replacement(command: Command, made: Made, changed: Vec<(Arc<Object>, usize, Option<Turn>)>) -> Self {
        let size = changed.iter().map(|(_, size, _)| size * 2).sum();
        Self { command, after: After { made: Some(made), changed, ..After::default() }, size }
    }

    /// Adds the key `made` of the new version, and the key `former` that is not needed after the commit.
    pub(super) fn with_keys(mut self, made: Option<Made>, former: Option<Material>) -> Self {
        (self.after.made, self.after.former) = (made, former);
        self
    }

    /// Adds locks on new names of objects.
    pub(super) fn holding(mut self, names: impl IntoIterator<Item = Turn>) -> Self {
        let names: Vec<Turn> = names.into_iter().collect();
        if !names.is_empty() {
            let claims = names.iter().map(|turn| (turn.name().to_owned(), turn.since())).collect();
            self.command = store::claim(claims).then(self.command);
        }
        self.after.names.extend(names);
        self
    }

    /// Sets whether the object is destroyed by the change.
    pub(super) fn ending(mut self, is_gone: bool) -> Self {
        self.after.is_gone = is_gone;
        self
    }

    /// Whether the HSM token holds an object that was made for this change. If the server stopped now, this object
    /// would be left in the HSM.
    pub(super) fn is_in_token(&self) -> bool {
        let made = self.after.made.as_ref().and_then(|made| made.material.as_ref());
        matches!(made, Some(Material::Token { .. }))
    }
}
