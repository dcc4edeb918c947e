//! The fields of an operation in several parts (KMIP 2.1, sections 7.8, 7.14 and 7.17).

use crate::ttlv::fields::{Group, Slot};
use crate::ttlv::{Fields, Item};
use crate::{Bytes, Error, Tag};

/// The position of a request in an operation of several parts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MultiPart {
    /// The correlation value of the operation.
    pub correlation_value: Option<Bytes>,
    /// Whether this is the first part.
    pub init_indicator: Option<bool>,
    /// Whether this is the last part.
    pub final_indicator: Option<bool>,
}

impl MultiPart {
    /// Whether the request is only a part of an operation. It is not if it has no indicators, or is both the first and
    /// the last part.
    #[must_use]
    pub fn is_partial(&self) -> bool {
        let first = self.init_indicator == Some(true);
        let last = self.final_indicator == Some(true);
        self.correlation_value.is_some() || first != last
    }
}

impl Group for MultiPart {
    fn take(fields: &mut Fields) -> Result<Self, Error> {
        Ok(Self {
            correlation_value: fields.optional(Tag::CorrelationValue)?,
            init_indicator: fields.optional(Tag::InitIndicator)?,
            final_indicator: fields.optional(Tag::FinalIndicator)?,
        })
    }

    fn put(self, items: &mut Vec<Item>) {
        self.correlation_value.put(Tag::CorrelationValue, items);
        self.init_indicator.put(Tag::InitIndicator, items);
        self.final_indicator.put(Tag::FinalIndicator, items);
    }
}
