//! Structures that hold exactly one attribute (KMIP 2.1, sections 5.6 and 5.7).

use super::super::error::{Error, Fault};
use super::super::tag::Tag;
use super::super::ttlv::{Field, Item, Value};
use super::{AttributeReference, Attributes};

/// One instance of an attribute: the content of Current Attribute and New Attribute.
#[derive(Clone, Debug, PartialEq)]
pub struct SingleAttribute(Item);

impl SingleAttribute {
    /// The instance in an item.
    ///
    /// # Errors
    /// It is not an attribute that this server stores, or its value is not valid or above the bounds of this module.
    pub fn of(item: Item) -> Result<Self, Error> {
        Self::read(Value::Structure(vec![item]))
    }

    /// The instance as an item.
    #[must_use]
    pub fn item(&self) -> &Item {
        &self.0
    }

    /// The attribute of which it is an instance.
    #[must_use]
    pub fn reference(&self) -> AttributeReference {
        AttributeReference::of(&self.0)
    }
}

impl Field for SingleAttribute {
    fn read(value: Value) -> Result<Self, Error> {
        let mut items = Attributes::read(value)?.into_items();
        match (items.pop(), items.len()) {
            (Some(item), 0) => Ok(Self(item)),
            (None, _) => Err(Fault::NotOneAttribute(0).into()),
            (Some(_), rest) => Err(Fault::NotOneAttribute(rest + 1).into()),
        }
    }

    fn write(self) -> Value {
        Value::Structure(vec![self.0])
    }
}

/// The value of an attribute's item: that of the item, or of a vendor attribute inside it.
pub(super) fn value_of(item: &Item) -> &Value {
    match &item.value {
        Value::Structure(parts) if item.tag == Tag::Attribute => {
            parts.iter().find(|part| part.tag == Tag::AttributeValue).map_or(&item.value, |part| &part.value)
        }
        value => value,
    }
}

/// The same item with another value.
pub(super) fn with_value(item: &Item, value: Value) -> Item {
    match &item.value {
        Value::Structure(parts) if item.tag == Tag::Attribute => {
            let mut parts = parts.clone();
            if let Some(part) = parts.iter_mut().find(|part| part.tag == Tag::AttributeValue) {
                part.value = value;
            }
            Item { tag: item.tag, value: Value::Structure(parts) }
        }
        _ => Item { tag: item.tag, value },
    }
}
