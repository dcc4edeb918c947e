//! Locate (KMIP 2.1, section 6.1.28).

use crate::enumerations::ObjectGroupMember;
use crate::mask::StorageStatusMask;
use crate::structure::structure;
use crate::ttlv::{DateTime, Field, Item, Value};
use crate::{Attributes, Error, Fault, Tag};

structure! {
    /// The request.
    pub struct Request {
        /// The most identifiers wanted.
        maximum_items: Option<i32> = MaximumItems,
        /// How many matches to leave out first.
        offset_items: Option<i32> = OffsetItems,
        /// Which objects to look at; those on line if absent.
        storage_status_mask: Option<StorageStatusMask> = StorageStatusMask,
        /// Which members of a group.
        object_group_member: Option<ObjectGroupMember> = ObjectGroupMember,
        /// What the objects must match. A request without it is taken as one that every object matches.
        criteria: Option<Box<Criteria>> = Attributes,
    }
}

structure! {
    /// The response.
    #[derive(Eq)]
    pub struct Response {
        /// How many objects match.
        located_items: Option<i32> = LocatedItems,
        /// Those that match.
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

/// What objects must match: all of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Criteria {
    /// Attributes that must be equal. The usage mask must be contained in the object's; parts of a structure that
    /// are absent match anything.
    pub attributes: Attributes,
    /// Dates that must lie between two others.
    pub ranges: Vec<DateRange>,
}

/// A date attribute that occurs twice in a request: the object's must lie between the two, limits included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DateRange {
    /// The attribute.
    pub tag: Tag,
    /// The earlier limit.
    pub from: DateTime,
    /// The later limit.
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
