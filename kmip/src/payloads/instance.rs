//! The instance of an attribute that an operation has changed.

use crate::Error;
use crate::ttlv::fields::Group;
use crate::ttlv::{Fields, Item};

/// The instance of an attribute that an operation has added, changed or deleted, for the answer of KMIP 1.x, which
/// repeats it. It is not part of the answer of 2.x and is not written there.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Instance(Option<(Item, usize)>);

impl Instance {
    /// The instance and its index, counted from 0; `None` if the operation has deleted several.
    #[must_use]
    pub fn new(instance: Option<(Item, usize)>) -> Self {
        Self(instance)
    }

    /// The instance and its index.
    pub(crate) fn into_inner(self) -> Option<(Item, usize)> {
        self.0
    }
}

impl Group for Instance {
    fn take(_: &mut Fields) -> Result<Self, Error> {
        Ok(Self::default())
    }

    fn put(self, _: &mut Vec<Item>) {}
}
