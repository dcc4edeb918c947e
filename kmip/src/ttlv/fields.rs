//! Reading and writing the items of structures.

use super::field::Field;
use super::item_type::ItemType;
use super::value::{Item, Value};
use crate::error::{Error, Fault};
use crate::tag::Tag;

/// The items of a structure that have not been taken yet.
#[derive(Debug)]
pub struct Fields {
    items: Vec<Item>,
}

impl Fields {
    /// Takes the items of a structure. An item whose name is not a tag is refused first, before missing items are
    /// reported.
    pub fn of(value: Value) -> Result<Self, Error> {
        match value {
            Value::Structure(items) => {
                if let Some(Item { value: Value::Invalid(fault), .. }) =
                    items.iter().find(|item| item.tag == Tag::UNKNOWN)
                {
                    return Err(Fault::clone(fault).into());
                }
                Ok(Self { items })
            }
            other => Err(other.not(ItemType::Structure)),
        }
    }

    /// Takes the value of the item of a tag, unread; `None` if there is no such item.
    pub fn item(&mut self, tag: Tag) -> Result<Option<Value>, Error> {
        let Some(index) = self.items.iter().position(|item| item.tag == tag) else {
            return Ok(None);
        };
        let item = self.items.remove(index);
        if self.items.iter().skip(index).any(|item| item.tag == tag) {
            return Err(Fault::Repeated(tag).into());
        }
        Ok(Some(item.value))
    }

    /// Takes and reads the item of a tag; `None` if there is no such item.
    pub fn optional<T: Field>(&mut self, tag: Tag) -> Result<Option<T>, Error> {
        self.item(tag)?.map(T::read).transpose().map_err(|error| error.within(tag))
    }

    /// Takes and reads the item of a tag, which must exist.
    pub fn required<T: Field>(&mut self, tag: Tag) -> Result<T, Error> {
        self.optional(tag)?.ok_or_else(|| Fault::Missing(tag).into())
    }

    /// Takes the values of all items of a tag, in order, unread.
    pub fn items(&mut self, tag: Tag) -> Vec<Value> {
        let (taken, left): (Vec<Item>, Vec<Item>) =
            std::mem::take(&mut self.items).into_iter().partition(|item| item.tag == tag);
        self.items = left;
        taken.into_iter().map(|item| item.value).collect()
    }

    /// Takes and reads all items of a tag, in order.
    pub fn many<T: Field>(&mut self, tag: Tag) -> Result<Vec<T>, Error> {
        self.items(tag).into_iter().map(|value| T::read(value).map_err(|error| error.within(tag))).collect()
    }

    /// Refuses items that were not taken.
    pub fn finish(self) -> Result<(), Error> {
        self.items.first().map_or(Ok(()), |item| Err(Fault::Unexpected(item.tag).into()))
    }
}

/// A Rust field of a structure: a required item, an optional item, or any number of items.
pub(crate) trait Slot: Sized {
    fn take(fields: &mut Fields, tag: Tag) -> Result<Self, Error>;
    fn put(self, tag: Tag, items: &mut Vec<Item>);
}

impl<T: Field> Slot for T {
    fn take(fields: &mut Fields, tag: Tag) -> Result<Self, Error> {
        fields.required(tag)
    }

    fn put(self, tag: Tag, items: &mut Vec<Item>) {
        items.push(Item::new(tag, self));
    }
}

impl<T: Field> Slot for Option<T> {
    fn take(fields: &mut Fields, tag: Tag) -> Result<Self, Error> {
        fields.optional(tag)
    }

    fn put(self, tag: Tag, items: &mut Vec<Item>) {
        items.extend(self.map(|field| Item::new(tag, field)));
    }
}

impl<T: Field> Slot for Vec<T> {
    fn take(fields: &mut Fields, tag: Tag) -> Result<Self, Error> {
        fields.many(tag)
    }

    fn put(self, tag: Tag, items: &mut Vec<Item>) {
        items.extend(self.into_iter().map(|field| Item::new(tag, field)));
    }
}

/// A Rust field that consists of items of several tags.
pub(crate) trait Group: Sized {
    fn take(fields: &mut Fields) -> Result<Self, Error>;
    fn put(self, items: &mut Vec<Item>);
}
