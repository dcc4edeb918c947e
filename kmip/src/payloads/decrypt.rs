//! Decrypt (KMIP 2.1, section 6.1.11).

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
        /// The ciphertext.
        data: Option<Bytes> = Data,
        /// The IV.
        iv_counter_nonce: Option<Bytes> = IVCounterNonce,
        /// The position of the request in an operation of several parts.
        multi_part: MultiPart,
        /// The additional authenticated data.
        authenticated_encryption_additional_data: Option<Bytes> = AuthenticatedEncryptionAdditionalData,
        /// The authentication tag of an authenticating mode.
        authenticated_encryption_tag: Option<Bytes> = AuthenticatedEncryptionTag,
    }
}

structure! {
    /// The response.
    pub struct Response {
        /// The object.
        unique_identifier: String = UniqueIdentifier,
        /// The plaintext, or a part of it.
        data: Option<Bytes> = Data,
        /// The correlation value of the operation, unless this was its last part.
        correlation_value: Option<Bytes> = CorrelationValue,
    }
}
