//! Create Key Pair (KMIP 2.1, section 6.1.9).

use super::ProtectionStorageMasks;
use crate::Attributes;
use crate::structure::structure;

structure! {
    /// The request.
    #[derive(Default)]
    pub struct Request {
        /// The attributes of both keys.
        common_attributes: Option<Box<Attributes>> = CommonAttributes,
        /// The attributes of the private key.
        private_key_attributes: Option<Box<Attributes>> = PrivateKeyAttributes,
        /// The attributes of the public key.
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
