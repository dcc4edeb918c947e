//! Changes of the instances of one attribute. Instances are counted from 0, in the order in which Get Attributes
//! returns them.

use super::super::error::Error;
use super::super::ttlv::{Field as _, Item, Value};
use super::{AttributeReference, Attributes, SingleAttribute};

/// A change of the instances of one attribute.
#[derive(Clone, Debug, PartialEq)]
pub enum Edit {
    /// Adds this instance after the present ones.
    Insert(SingleAttribute),
    /// Puts another instance in the place of the one with this index.
    Replace(usize, SingleAttribute),
    /// Removes the instance with this index.
    Remove(AttributeReference, usize),
    /// Removes all instances.
    RemoveAll(AttributeReference),
}

impl Attributes {
    /// The instances of an attribute, in order.
    #[must_use]
    pub fn instances(&self, reference: &AttributeReference) -> Vec<Item> {
        let mut items = self.to_items();
        items.retain(|item| reference.names(item));
        items
    }

    /// Returns these attributes after a change. An index that no instance has changes nothing.
    ///
    /// # Errors
    /// The result is above the bounds of this module.
    pub fn edited(&self, edit: &Edit) -> Result<Self, Error> {
        let mut items = self.to_items();
        let place = |items: &[Item], reference: &AttributeReference, index: usize| {
            let named = items.iter().enumerate().filter(|(_, item)| reference.names(item));
            named.map(|(place, _)| place).nth(index)
        };
        match edit {
            Edit::Insert(new) => items.push(new.item().clone()),
            Edit::Replace(index, new) => {
                let place = place(&items, &new.reference(), *index);
                if let Some(item) = place.and_then(|place| items.get_mut(place)) {
                    *item = new.item().clone();
                }
            }
            Edit::Remove(reference, index) => {
                if let Some(place) = place(&items, reference, *index) {
                    items.remove(place);
                }
            }
            Edit::RemoveAll(reference) => items.retain(|item| !reference.names(item)),
        }
        Self::read(Value::Structure(items))
    }
}

impl Edit {
    /// The instance that the change of these attributes adds, changes or removes, with its index; `None` if it removes
    /// several.
    #[must_use]
    pub fn instance(&self, present: &Attributes) -> Option<(Item, usize)> {
        match self {
            Self::Insert(new) => Some((new.item().clone(), present.instances(&new.reference()).len())),
            Self::Replace(index, new) => Some((new.item().clone(), *index)),
            Self::Remove(reference, index) => Some((present.instances(reference).into_iter().nth(*index)?, *index)),
            Self::RemoveAll(reference) => match present.instances(reference).as_slice() {
                [item] => Some((item.clone(), 0)),
                _ => None,
            },
        }
    }
}
