//! The parameters for the use of an algorithm (KMIP 2.1, section 4.16).

use super::enumerations::{
    BlockCipherMode, CryptographicAlgorithm, DigitalSignatureAlgorithm, HashingAlgorithm, KeyRoleType, MaskGenerator,
    PaddingMethod,
};
use super::structure::structure;
use crate::Bytes;

structure! {
    /// Cryptographic Parameters.
    #[derive(Default)]
    pub struct CryptographicParameters {
        /// The mode of a block cipher.
        block_cipher_mode: Option<BlockCipherMode> = BlockCipherMode,
        /// The padding method.
        padding_method: Option<PaddingMethod> = PaddingMethod,
        /// The hash algorithm, if the algorithm uses one.
        hashing_algorithm: Option<HashingAlgorithm> = HashingAlgorithm,
        /// The role of a payment key.
        key_role_type: Option<KeyRoleType> = KeyRoleType,
        /// The signature algorithm.
        digital_signature_algorithm: Option<DigitalSignatureAlgorithm> = DigitalSignatureAlgorithm,
        /// The algorithm.
        cryptographic_algorithm: Option<CryptographicAlgorithm> = CryptographicAlgorithm,
        /// Whether the server is to choose the IV.
        random_iv: Option<bool> = RandomIV,
        /// The length of the IV, in bits.
        iv_length: Option<i32> = IVLength,
        /// The length of the authentication tag, in bytes.
        tag_length: Option<i32> = TagLength,
        /// The length of the fixed field of the IV, in bits.
        fixed_field_length: Option<i32> = FixedFieldLength,
        /// The length of the invocation field of the IV, in bits.
        invocation_field_length: Option<i32> = InvocationFieldLength,
        /// The length of the counter, in bits.
        counter_length: Option<i32> = CounterLength,
        /// The first value of the counter of CTR.
        initial_counter_value: Option<i32> = InitialCounterValue,
        /// The length of the salt of PSS, in bytes.
        salt_length: Option<i32> = SaltLength,
        /// The mask generator of OAEP and PSS.
        mask_generator: Option<MaskGenerator> = MaskGenerator,
        /// The hash algorithm of the mask generator of OAEP and PSS.
        mask_generator_hashing_algorithm: Option<HashingAlgorithm> = MaskGeneratorHashingAlgorithm,
        /// The label of OAEP.
        p_source: Option<Bytes> = PSource,
        /// The trailer field of PSS.
        trailer_field: Option<i32> = TrailerField,
    }
}
