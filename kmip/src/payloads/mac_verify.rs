//! MAC Verify (KMIP 2.1, section 6.1.33).

use super::MultiPart;
use crate::enumerations::ValidityIndicator;
use crate::structure::structure;
use crate::{Bytes, CryptographicParameters, UniqueIdentifier};

structure! {
    /// The request.
    pub struct Request {
        /// The object; the ID placeholder if absent.
        unique_identifier: Option<UniqueIdentifier> = UniqueIdentifier,
        /// How to use the key; what the object says if absent.
        cryptographic_parameters: Option<CryptographicParameters> = CryptographicParameters,
        /// What was authenticated.
        data: Option<Bytes> = Data,
        /// The MAC.
        mac_data: Option<Bytes> = MACData,
        /// Where this stands in an operation of several parts.
        multi_part: MultiPart,
    }
}

structure! {
    /// The response.
    pub struct Response {
        /// The object.
        unique_identifier: String = UniqueIdentifier,
        /// Whether the MAC is right.
        validity_indicator: ValidityIndicator = ValidityIndicator,
    }
}
