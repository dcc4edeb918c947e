//! Re-key Key Pair (KMIP 2.1, section 6.1.47).

use super::ProtectionStorageMasks;
use crate::structure::structure;
use crate::ttlv::Interval;
use crate::{Attributes, UniqueIdentifier};

structure! {
    /// The request.
    pub struct Request {
        /// The private key; the ID placeholder if absent.
        private_key_unique_identifier: Option<UniqueIdentifier> = PrivateKeyUniqueIdentifier,
        /// The time from the Initial Date of the replacement pair to its Activation Date.
        offset: Option<Interval> = Offset,
        /// The attributes in which both replacement keys differ.
        common_attributes: Option<Box<Attributes>> = CommonAttributes,
        /// The attributes in which the replacement private key differs.
        private_key_attributes: Option<Box<Attributes>> = PrivateKeyAttributes,
        /// The attributes in which the replacement public key differs.
        public_key_attributes: Option<Box<Attributes>> = PublicKeyAttributes,
        /// Where both keys may be stored.
        common_protection_storage_masks: Option<ProtectionStorageMasks> = CommonProtectionStorageMasks,
        /// Where the private key may be stored.
        private_protection_storage_masks: Option<ProtectionStorageMasks> = PrivateProtectionStorageMasks,
        /// Where the public key may be stored.
        public_protection_storage_masks: Option<ProtectionStorageMasks> = PublicProtectionStorageMasks,
    }
}

impl Request {
    /// All attributes in the request: for both keys and for each of them.
    #[must_use]
    pub fn given(&self) -> Vec<&Attributes> {
        let all = [&self.common_attributes, &self.private_key_attributes, &self.public_key_attributes];
        all.into_iter().flatten().map(|own| &**own).collect()
    }
}

structure! {
    /// The response.
    pub struct Response {
        /// The replacement private key.
        private_key_unique_identifier: String = PrivateKeyUniqueIdentifier,
        /// The replacement public key.
        public_key_unique_identifier: String = PublicKeyUniqueIdentifier,
    }
}
