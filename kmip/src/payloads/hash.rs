//! Hash (KMIP 2.1, section 6.1.24).

use super::MultiPart;
use crate::structure::structure;
use crate::{Bytes, CryptographicParameters};

structure! {
    /// The request.
    pub struct Request {
        /// The parameters, which name the hash algorithm.
        cryptographic_parameters: CryptographicParameters = CryptographicParameters,
        /// The data.
        data: Option<Bytes> = Data,
        /// The position of the request in an operation of several parts.
        multi_part: MultiPart,
    }
}

structure! {
    /// The response.
    pub struct Response {
        /// The hash value, after the last part.
        data: Option<Bytes> = Data,
        /// The correlation value of the operation, unless this was its last part.
        correlation_value: Option<Bytes> = CorrelationValue,
    }
}
