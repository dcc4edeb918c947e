//! Create Key Pair (KMIP 2.1, section 6.1.9).

use super::ProtectionStorageMasks;
use crate::Attributes;
use crate::structure::structure;

structure! {
    /// The request.
    #[derive(Default)]
    pub struct Request {
        /// Of both keys.
        common_attributes: Option<Box<Attributes>> = CommonAttributes,
        /// Of the private key.
        private_key_attributes: Option<Box<Attributes>> = PrivateKeyAttributes,
        /// Of the public key.
        public_key_attributes: Option<Box<Attributes>> = PublicKeyAttributes,
        /// Where both may be kept.
        common_protection_storage_masks: Option<ProtectionStorageMasks> = CommonProtectionStorageMasks,
        /// Where the private key may be kept.
        private_protection_storage_masks: Option<ProtectionStorageMasks> = PrivateProtectionStorageMasks,
        /// Where the public key may be kept.
        public_protection_storage_masks: Option<ProtectionStorageMasks> = PublicProtectionStorageMasks,
    }
}

impl Request {
    /// The attributes that it gives, of both keys and of each.
    #[must_use]
    pub fn templates(&self) -> Vec<&Attributes> {
        let all = [&self.common_attributes, &self.private_key_attributes, &self.public_key_attributes];
        all.into_iter().flatten().map(|own| &**own).collect()
    }
}

structure! {
    /// The response.
    pub struct Response {
        /// The new private key.
        private_key_unique_identifier: String = PrivateKeyUniqueIdentifier,
        /// The new public key.
        public_key_unique_identifier: String = PublicKeyUniqueIdentifier,
    }
}
