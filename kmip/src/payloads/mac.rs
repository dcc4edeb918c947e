//! MAC (KMIP 2.1, section 6.1.32).

use super::MultiPart;
use crate::structure::structure;
use crate::{Bytes, CryptographicParameters, UniqueIdentifier};

structure! {
    /// The request.
    pub struct Request {
        /// The object; the ID placeholder if absent.
        unique_identifier: Option<UniqueIdentifier> = UniqueIdentifier,
        /// How to use the key; what the object says if absent.
        cryptographic_parameters: Option<CryptographicParameters> = CryptographicParameters,
        /// What to authenticate.
        data: Option<Bytes> = Data,
        /// Where this stands in an operation of several parts.
        multi_part: MultiPart,
    }
}

structure! {
    /// The response.
    pub struct Response {
        /// The object.
        unique_identifier: String = UniqueIdentifier,
        /// The MAC.
        mac_data: Bytes = MACData,
    }
}
