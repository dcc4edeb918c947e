//! Re-key (KMIP 2.1, section 6.1.46).

use super::ProtectionStorageMasks;
use crate::structure::structure;
use crate::ttlv::Interval;
use crate::{Attributes, UniqueIdentifier};

structure! {
    /// The request.
    pub struct Request {
        /// The key; the ID placeholder if absent.
        unique_identifier: Option<UniqueIdentifier> = UniqueIdentifier,
        /// The time from the Initial Date of the replacement key to its Activation Date.
        offset: Option<Interval> = Offset,
        /// The attributes in which the replacement key differs.
        attributes: Option<Box<Attributes>> = Attributes,
        /// Where the replacement key may be stored.
        protection_storage_masks: Option<ProtectionStorageMasks> = ProtectionStorageMasks,
    }
}

impl Request {
    /// The attributes in the request.
    #[must_use]
    pub fn given(&self) -> Vec<&Attributes> {
        self.attributes.iter().map(|own| &**own).collect()
    }
}

structure! {
    /// The response.
    pub struct Response {
        /// The replacement key.
        unique_identifier: String = UniqueIdentifier,
    }
}
