//! A change of an object that is ready to be committed, and what goes with it.

use std::sync::Arc;

use super::super::object::Object;
use crate::custody::Custody;
use crate::store::Command;
use crate::store::object::Material;
use crate::turns::Turn;

/// A key that was made for an object whose row is not committed yet. Dropping it removes the key from the token.
pub(super) struct Made {
    pub(super) custody: Arc<Custody>,
    pub(super) material: Option<Material>,
}

/// A change of the database, and what is done once it is known whether it was committed.
pub(crate) struct Prepared {
    pub(super) command: Command,
    pub(super) after: After,
    /// What it takes in memory until it is committed, in bytes.
    pub(super) size: usize,
}

/// What is done after a commit.
#[derive(Default)]
pub(super) struct After {
    /// What was made for the change.
    pub(super) made: Option<Made>,
    /// The object as it is then, what it takes in memory, and the turn to change it.
    pub(super) changed: Option<(Arc<Object>, usize, Turn)>,
    /// What the token holds for the version before, which is then not needed.
    pub(super) former: Option<Material>,
    /// Whether that object has no key any more.
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
    /// A change that adds the objects of these rows, and the key that was made for them.
    pub(super) fn addition(command: Command, made: Made, size: usize) -> Self {
        Self { command, after: After { made: Some(made), ..After::default() }, size }
    }

    /// A change of an object to this one: nobody else changes it until this one is on disk.
    pub(super) fn succession(command: Command, object: Object, size: usize, turn: Turn) -> Self {
        let changed = Some((Arc::new(object), size, turn));
        Self { command, after: After { changed, ..After::default() }, size }
    }

    /// The object has another key then, `made`, or none, and the one of before is not needed.
    pub(super) fn with_keys(mut self, made: Option<Made>, former: Option<Material>) -> Self {
        (self.after.made, self.after.former) = (made, former);
        self
    }

    /// The object is destroyed then.
    pub(super) fn ending(mut self, is_gone: bool) -> Self {
        self.after.is_gone = is_gone;
        self
    }

    /// Whether the token holds an object of its own for it. If the server ended now, nobody would know that object.
    pub(super) fn is_in_token(&self) -> bool {
        let made = self.after.made.as_ref().and_then(|made| made.material.as_ref());
        matches!(made, Some(Material::Token { .. }))
    }
}
