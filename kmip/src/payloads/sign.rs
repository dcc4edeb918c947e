//! Sign (KMIP 2.1, section 6.1.55).

use super::MultiPart;
use crate::structure::structure;
use crate::{Bytes, CryptographicParameters, UniqueIdentifier};

structure! {
    /// The request.
    pub struct Request {
        /// The object; the ID placeholder if absent.
        unique_identifier: Option<UniqueIdentifier> = UniqueIdentifier,
        /// The parameters for the use of the key; those of the object if absent.
        cryptographic_parameters: Option<CryptographicParameters> = CryptographicParameters,
        /// The data to sign.
        data: Option<Bytes> = Data,
        /// The digest of the data, instead of the data.
        digested_data: Option<Bytes> = DigestedData,
        /// The position of the request in an operation of several parts.
        multi_part: MultiPart,
    }
}

structure! {
    /// The response.
    pub struct Response {
        /// The object.
        unique_identifier: String = UniqueIdentifier,
        /// The signature, after the last part.
        signature_data: Option<Bytes> = SignatureData,
        /// The correlation value of the operation, unless this was its last part.
        correlation_value: Option<Bytes> = CorrelationValue,
    }
}
