//! Attributes that are structures.

use super::super::enumerations::{
    AlternativeNameType, CryptographicAlgorithm, DRBGAlgorithm, FIPS186Variation, HashingAlgorithm, KeyFormatType,
    LinkType, NameType, RNGAlgorithm, RecommendedCurve, RevocationReasonCode, RotateNameType, UsageLimitsUnit,
};
use super::super::structure::structure;
use super::super::ttlv::Value;
use super::super::unique_identifier::UniqueIdentifier;
use crate::Bytes;

structure! {
    /// Section 4.32.
    #[derive(Eq)]
    pub struct Name {
        /// The name.
        value: String = NameValue,
        /// The type of the name. Absent only in a search, which may leave out parts of a structure (section 6.1.28).
        kind: Option<NameType> = NameType,
    }
}

impl Name {
    /// Creates a name that is an uninterpreted text.
    pub fn text(value: impl Into<String>) -> Self {
        Self { value: value.into(), kind: Some(NameType::UninterpretedTextString) }
    }
}

structure! {
    /// Section 4.2.
    #[derive(Eq)]
    pub struct AlternativeName {
        /// The name.
        value: String = AlternativeNameValue,
        /// The type of the name. Absent only in a search.
        kind: Option<AlternativeNameType> = AlternativeNameType,
    }
}

structure! {
    /// Section 4.4.
    #[derive(Eq)]
    pub struct ApplicationSpecificInformation {
        /// The namespace of the application.
        namespace: String = ApplicationNamespace,
        /// The data; absent when the server is to choose it.
        data: Option<String> = ApplicationData,
    }
}

structure! {
    /// Section 4.14.
    #[derive(Eq)]
    pub struct CryptographicDomainParameters {
        /// The length of q of DSA and DH, or of the order of an elliptic curve, in bits.
        qlength: Option<i32> = Qlength,
        /// The curve.
        recommended_curve: Option<RecommendedCurve> = RecommendedCurve,
    }
}

structure! {
    /// Section 4.21.
    #[derive(Eq)]
    pub struct Digest {
        /// The hash algorithm.
        hashing_algorithm: HashingAlgorithm = HashingAlgorithm,
        /// The hash value.
        digest_value: Option<Bytes> = DigestValue,
        /// The format of the key whose bytes were hashed.
        key_format_type: Option<KeyFormatType> = KeyFormatType,
    }
}

structure! {
    /// Section 4.31.
    #[derive(Eq)]
    pub struct Link {
        /// The type of the link. Absent only in a search.
        link_type: Option<LinkType> = LinkType,
        /// The linked object.
        linked_object_identifier: UniqueIdentifier = LinkedObjectIdentifier,
    }
}

structure! {
    /// Section 4.47.
    #[derive(Eq)]
    pub struct RevocationReason {
        /// The reason.
        code: RevocationReasonCode = RevocationReasonCode,
        /// More details, for the audit log.
        message: Option<String> = RevocationMessage,
    }
}

structure! {
    /// Section 4.53.
    #[derive(Eq)]
    pub struct RotateName {
        /// The name of the set of rotated objects.
        value: String = RotateNameValue,
        /// The type of the name. Absent only in a search.
        kind: Option<RotateNameType> = RotateNameType,
    }
}

structure! {
    /// Section 4.46; the fields are those of RNG Parameters, section 7.36.
    #[derive(Eq)]
    pub struct RandomNumberGenerator {
        /// The kind of generator.
        rng_algorithm: RNGAlgorithm = RNGAlgorithm,
        /// The block cipher of the generator.
        cryptographic_algorithm: Option<CryptographicAlgorithm> = CryptographicAlgorithm,
        /// The length of the cipher's key, in bits.
        cryptographic_length: Option<i32> = CryptographicLength,
        /// The hash algorithm of the generator.
        hashing_algorithm: Option<HashingAlgorithm> = HashingAlgorithm,
        /// The deterministic generator.
        drbg_algorithm: Option<DRBGAlgorithm> = DRBGAlgorithm,
        /// The curve of the generator.
        recommended_curve: Option<RecommendedCurve> = RecommendedCurve,
        /// The variation of FIPS 186.
        fips186_variation: Option<FIPS186Variation> = FIPS186Variation,
        /// Whether the generator has prediction resistance.
        prediction_resistance: Option<bool> = PredictionResistance,
    }
}

impl RandomNumberGenerator {
    /// A generator of which nothing is said.
    #[must_use]
    pub fn unspecified() -> Self {
        Self {
            rng_algorithm: RNGAlgorithm::Unspecified,
            cryptographic_algorithm: None,
            cryptographic_length: None,
            hashing_algorithm: None,
            drbg_algorithm: None,
            recommended_curve: None,
            fips186_variation: None,
            prediction_resistance: None,
        }
    }
}

structure! {
    /// Section 4.59.
    #[derive(Eq)]
    pub struct UsageLimits {
        /// The number of units that the key may protect in total.
        total: i64 = UsageLimitsTotal,
        /// The number of units that are left.
        count: Option<i64> = UsageLimitsCount,
        /// The unit.
        unit: UsageLimitsUnit = UsageLimitsUnit,
    }
}

structure! {
    /// Section 4.60.
    pub struct VendorAttribute {
        /// The vendor of the attribute.
        vendor_identification: String = VendorIdentification,
        /// The name of the attribute.
        name: String = AttributeName,
        /// The value, of any type.
        value: Value = AttributeValue,
    }
}
