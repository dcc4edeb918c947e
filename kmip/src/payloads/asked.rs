//! The attributes that a request for attributes has named.

use crate::ttlv::fields::Group;
use crate::ttlv::{Fields, Item};
use crate::{AttributeReference, Error};

/// The references of a request for attributes; all attributes if empty. An answer of KMIP 1.x contains some attributes
/// in two forms, of which the client gets those that it has named. It is not part of any answer and is not written.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Asked(pub Vec<AttributeReference>);

impl Group for Asked {
    fn take(_: &mut Fields) -> Result<Self, Error> {
        Ok(Self::default())
    }

    fn put(self, _: &mut Vec<Item>) {}
}
