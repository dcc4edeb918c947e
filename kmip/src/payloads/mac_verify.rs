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
        /// The parameters for the use of the key; those of the object if absent.
        cryptographic_parameters: Option<CryptographicParameters> = CryptographicParameters,
        /// The data that was authenticated.
        data: Option<Bytes> = Data,
        /// The MAC.
        mac_data: Option<Bytes> = MACData,
        /// The position of the request in an operation of several parts.
        multi_part: MultiPart,
    }
}

structure! {
    /// The response.
    pub struct Response {
        /// The object.
        unique_identifier: String = UniqueIdentifier,
        /// Whether the MAC is valid, after the last part.
        validity_indicator: Option<ValidityIndicator> = ValidityIndicator,
        /// The correlation value of the operation, unless this was its last part.
        correlation_value: Option<Bytes> = CorrelationValue,
    }
}
