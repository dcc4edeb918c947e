//! How an algorithm is to be used (KMIP 2.1, section 4.16).

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
        /// The padding.
        padding_method: Option<PaddingMethod> = PaddingMethod,
        /// The hash, where the algorithm uses one.
        hashing_algorithm: Option<HashingAlgorithm> = HashingAlgorithm,
        /// The role of a payment key.
        key_role_type: Option<KeyRoleType> = KeyRoleType,
        /// The signature algorithm.
        digital_signature_algorithm: Option<DigitalSignatureAlgorithm> = DigitalSignatureAlgorithm,
        /// The algorithm.
        cryptographic_algorithm: Option<CryptographicAlgorithm> = CryptographicAlgorithm,
        /// Whether the server is to choose the IV.
        random_iv: Option<bool> = RandomIV,
        /// In bits.
        iv_length: Option<i32> = IVLength,
        /// In bytes.
        tag_length: Option<i32> = TagLength,
        /// In bits.
        fixed_field_length: Option<i32> = FixedFieldLength,
        /// In bits.
        invocation_field_length: Option<i32> = InvocationFieldLength,
        /// In bits.
        counter_length: Option<i32> = CounterLength,
        /// Where the counter of CTR starts.
        initial_counter_value: Option<i32> = InitialCounterValue,
        /// Of PSS, in bytes.
        salt_length: Option<i32> = SaltLength,
        /// Of OAEP and PSS.
        mask_generator: Option<MaskGenerator> = MaskGenerator,
        /// Of OAEP and PSS.
        mask_generator_hashing_algorithm: Option<HashingAlgorithm> = MaskGeneratorHashingAlgorithm,
        /// The label of OAEP.
        p_source: Option<Bytes> = PSource,
        /// Of PSS.
        trailer_field: Option<i32> = TrailerField,
    }
}
