//! Locate (KMIP 2.1, section 6.1.28).

use crate::enumerations::ObjectGroupMember;
use crate::mask::StorageStatusMask;
use crate::structure::structure;
use crate::ttlv::{DateTime, Field, Item, Value};
use crate::{Attributes, Error, Fault, Tag};

structure! {
    /// The request.
    pub struct Request {
        /// The largest number of identifiers to return.
        maximum_items: Option<i32> = MaximumItems,
        /// The number of matches to skip.
        offset_items: Option<i32> = OffsetItems,
        /// The objects to search; those on line if absent.
        storage_status_mask: Option<StorageStatusMask> = StorageStatusMask,
        /// The members of a group to search.
        object_group_member: Option<ObjectGroupMember> = ObjectGroupMember,
        /// The criteria. Every object matches a request without criteria.
        criteria: Option<Box<Criteria>> = Attributes,
    }
}

structure! {
    /// The response.
    #[derive(Eq)]
    pub struct Response {
        /// The number of objects that match.
        located_items: Option<i32> = LocatedItems,
        /// The identifiers of the objects that match.
        unique_identifiers: Vec<String> = UniqueIdentifier,
    }
}

impl Response {
    /// The one object that was found; only an unambiguous answer names an object for the ID placeholder.
    #[must_use]
    pub fn only(&self) -> Option<&str> {
        match self.unique_identifiers.as_slice() {
            [only] => Some(only),
            _ => None,
        }
    }
}

/// The criteria that objects must match, all of them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Criteria {
    /// Attributes that must be equal. The object's usage mask must contain the given one. Absent parts of a structure
    /// match any value.
    pub attributes: Attributes,
    /// Dates that must be within a range.
    pub ranges: Vec<DateRange>,
}

/// A date attribute that occurs twice in a request. The object's date must be between the two, inclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DateRange {
    /// The attribute.
    pub tag: Tag,
    /// The earlier date.
    pub from: DateTime,
    /// The later date.
    pub to: DateTime,
}

impl Field for Criteria {
    fn read(value: Value) -> Result<Self, Error> {
        let Value::Structure(mut items) = value else {
            return Ok(Self { attributes: Attributes::read(value)?, ranges: Vec::new() });
        };
        let mut ranges = Vec::new();
        let mut dates: Vec<(Tag, DateTime)> = items.iter().filter_map(date).collect();
        dates.sort_unstable();
        for instances in dates.chunk_by(|(one, _), (other, _)| one == other) {
            match instances {
                [_] => {}
                [(tag, from), (_, to)] => ranges.push(DateRange { tag: *tag, from: *from, to: *to }),
                [(tag, _), ..] => {
                    return Err(Fault::TooMany { tag: *tag, bound: 2 }.into());
                }
                [] => {}
            }
        }
        items.retain(|item| date(item).is_none_or(|(tag, _)| ranges.iter().all(|range| range.tag != tag)));
        Ok(Self { attributes: Attributes::read(Value::Structure(items))?, ranges })
    }

    fn write(self) -> Value {
        let mut items = self.attributes.to_items();
        for range in self.ranges {
            items.push(Item::new(range.tag, range.from));
            items.push(Item::new(range.tag, range.to));
        }
        Value::Structure(items)
    }
}

fn date(item: &Item) -> Option<(Tag, DateTime)> {
    let known = [
        Tag::ActivationDate,
        Tag::ArchiveDate,
        Tag::CompromiseDate,
        Tag::CompromiseOccurrenceDate,
        Tag::DeactivationDate,
        Tag::DestroyDate,
        Tag::InitialDate,
        Tag::LastChangeDate,
        Tag::OriginalCreationDate,
        Tag::ProcessStartDate,
        Tag::ProtectStopDate,
    ];
    match item.value {
        Value::DateTime(date) if known.contains(&item.tag) => Some((item.tag, date)),
        _ => None,
    }
}
