//! Derive Key (KMIP 2.1, section 6.1.14).

use crate::enumerations::{DerivationMethod, ObjectType};
use crate::structure::structure;
use crate::{Attributes, Bytes, CryptographicParameters, UniqueIdentifier};

structure! {
    /// The request.
    pub struct Request {
        /// The type of the object to derive.
        object_type: ObjectType = ObjectType,
        /// The objects from which it is derived.
        unique_identifiers: Vec<UniqueIdentifier> = UniqueIdentifier,
        /// The method.
        derivation_method: DerivationMethod = DerivationMethod,
        /// The parameters of the method.
        derivation_parameters: DerivationParameters = DerivationParameters,
        /// The attributes of the new object.
        attributes: Box<Attributes> = Attributes,
    }
}

structure! {
    /// The parameters of a derivation (section 7.12).
    #[derive(Default)]
    pub struct DerivationParameters {
        /// The hash, or the mode of the cipher.
        cryptographic_parameters: Option<CryptographicParameters> = CryptographicParameters,
        /// The IV of the cipher.
        initialization_vector: Option<Bytes> = InitializationVector,
        /// What is encrypted, hashed, or the context.
        derivation_data: Vec<Bytes> = DerivationData,
        /// The salt.
        salt: Option<Bytes> = Salt,
        /// The number of iterations.
        iteration_count: Option<i32> = IterationCount,
    }
}

structure! {
    /// The response.
    pub struct Response {
        /// The new object.
        unique_identifier: String = UniqueIdentifier,
    }
}
