//! What an answer of KMIP 1.x needs, and an answer of 2.1 does not contain.

use crate::Error;
use crate::ttlv::fields::Group;
use crate::ttlv::{Fields, Item};

/// A part of a response from which answers of earlier versions are made. It is not written.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Unwritten<T>(pub T);

impl<T: Default> Group for Unwritten<T> {
    fn take(_: &mut Fields) -> Result<Self, Error> {
        Ok(Self::default())
    }

    fn put(self, _: &mut Vec<Item>) {}
}
