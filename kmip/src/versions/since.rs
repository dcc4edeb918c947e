//! The first version of each tag, operation, function of Query, object type, result reason and value of an attribute.

use super::super::enumerations::{Operation, QueryFunction, ResultReason};
use super::super::tag::Tag;
use super::Version;

/// The first version with this tag. Each version used the next codes.
pub(super) fn tag(tag: Tag) -> Version {
    match tag.code() {
        ..=0x42_00A1 => Version::V1_0,
        0x42_00A2..=0x42_00B7 => Version::V1_1,
        0x42_00B8..=0x42_00D3 => Version::V1_2,
        0x42_00D4..=0x42_00F7 => Version::V1_3,
        0x42_00F8..=0x42_0124 => Version::V1_4,
        0x42_0125..=0x42_0165 => Version::V2_0,
        0x42_0166..=0x42_FFFF => Version::V2_1,
        // Extensions have no version.
        _ => Version::V1_0,
    }
}

/// The first version with this operation.
pub(super) fn operation(operation: Operation) -> Version {
    match operation.code() {
        ..=0x1C => Version::V1_0,
        0x1D..=0x1E => Version::V1_1,
        0x1F..=0x29 => Version::V1_2,
        0x2A..=0x2B => Version::V1_4,
        0x2C..=0x35 => Version::V2_0,
        _ => Version::V2_1,
    }
}

/// The first version with this function of Query.
pub(super) fn query_function(function: QueryFunction) -> Version {
    match function.code() {
        ..=0x04 => Version::V1_0,
        0x05..=0x06 => Version::V1_1,
        0x07 => Version::V1_2,
        0x08..=0x0C => Version::V1_3,
        _ => Version::V2_0,
    }
}

/// The first version with this object type: PGP keys and certificate requests were added later than the others.
pub(super) fn object_type(code: u32) -> Version {
    match code {
        ..=0x08 => Version::V1_0,
        0x09 => Version::V1_2,
        _ => Version::V2_0,
    }
}

/// The first version with this value of an enumeration in an attribute. Values of vendors have no version.
pub(super) fn value(tag: Tag, code: u32) -> Version {
    match (tag, code) {
        (Tag::CryptographicAlgorithm, 0x1A) => Version::V1_2,
        (Tag::CryptographicAlgorithm, 0x1B) => Version::V1_3,
        (Tag::CryptographicAlgorithm, 0x1C..=0x28) => Version::V1_4,
        (Tag::CryptographicAlgorithm, 0x29..=0x38) => Version::V2_0,
        (Tag::HashingAlgorithm | Tag::MaskGeneratorHashingAlgorithm, 0x0C..=0x0D) => Version::V1_2,
        (Tag::HashingAlgorithm | Tag::MaskGeneratorHashingAlgorithm, 0x0E..=0x11) => Version::V1_4,
        (Tag::BlockCipherMode, 0x12) => Version::V1_4,
        (Tag::DigitalSignatureAlgorithm, 0x11..=0x13) => Version::V1_4,
        (Tag::KeyRoleType, 0x16..=0x18) => Version::V1_4,
        (Tag::KeyFormatType, 0x14..=0x15) => Version::V1_3,
        (Tag::KeyFormatType, 0x16) => Version::V1_4,
        (Tag::KeyFormatType, 0x17) => Version::V2_0,
        (Tag::LinkType, 0x108..=0x10B) => Version::V1_2,
        (Tag::LinkType, 0x10C..=0x10D) => Version::V1_4,
        (Tag::LinkType, 0x10E) => Version::V2_0,
        (Tag::ObjectType, code) => object_type(code),
        _ => Version::V1_0,
    }
}

/// The bits of a Cryptographic Usage Mask that this version has.
pub(super) fn usage_mask(version: Version) -> i32 {
    if version < Version::V2_0 { 0x000F_FFFF } else { -1 }
}

/// The first version with this result reason.
fn reason(reason: ResultReason) -> Version {
    match reason.code() {
        ..=0x0F | 0x100 => Version::V1_0,
        0x10..=0x12 => Version::V1_1,
        0x13..=0x15 => Version::V1_2,
        0x16..=0x18 => Version::V1_4,
        0x19..=0x42 => Version::V2_0,
        _ => Version::V2_1,
    }
}

/// The result reason of a version for a result reason of KMIP 2.1.
///
/// A reason that the version does not have is replaced by the nearest one that it has. Before 2.1, a destroyed object
/// was reported as not found, and a state that forbids an operation as a missing permission.
pub(super) fn reason_in(version: Version, told: ResultReason) -> ResultReason {
    use ResultReason as Reason;
    if version == Version::V2_1 {
        return told;
    }
    let nearest = match told {
        Reason::ObjectDestroyed | Reason::ObjectNotFound | Reason::WrappingObjectDestroyed => Reason::ItemNotFound,
        Reason::WrongKeyLifecycleState => Reason::PermissionDenied,
        known if reason(known) <= version => return known,
        Reason::NotAuthorised
        | Reason::Sensitive
        | Reason::NotExtractable
        | Reason::UsageLimitExceeded
        | Reason::IncompatibleCryptographicUsageMask
        | Reason::ReadOnlyAttribute
        | Reason::AttributeReadOnly
        | Reason::ConstraintViolation => Reason::PermissionDenied,
        Reason::AttributeNotFound
        | Reason::AttributeInstanceNotFound
        | Reason::WrappingObjectNotFound
        | Reason::UnknownObjectGroup => Reason::ItemNotFound,
        Reason::WrappingObjectArchived => Reason::ObjectArchived,
        Reason::BadPassword | Reason::InvalidTicket => Reason::AuthenticationNotSuccessful,
        Reason::BadCryptographicParameters | Reason::MissingInitializationVector => Reason::CryptographicFailure,
        Reason::CodecError | Reason::UnsupportedProtocolVersion | Reason::UnknownTag => Reason::InvalidMessage,
        Reason::KeyWrapTypeNotSupported
        | Reason::UnsupportedCryptographicParameters
        | Reason::KeyFormatTypeNotSupported
        | Reason::KeyCompressionTypeNotSupported
        | Reason::EncodingOptionError
        | Reason::AttestationRequired
        | Reason::AttestationFailed
        | Reason::UnknownMessageExtension
        | Reason::UnsupportedAttribute => Reason::FeatureNotSupported,
        Reason::NumericRange
        | Reason::InvalidDataType
        | Reason::MultiValuedAttribute
        | Reason::AttributeSingleValued
        | Reason::IllegalObjectType
        | Reason::InvalidAsynchronousCorrelationValue
        | Reason::InvalidAttribute
        | Reason::InvalidAttributeValue
        | Reason::InvalidCorrelationValue
        | Reason::InvalidCSR
        | Reason::InvalidObjectType
        | Reason::NonUniqueNameAttribute
        | Reason::ObjectAlreadyExists
        | Reason::KeyValueNotPresent
        | Reason::UnknownEnumeration => Reason::InvalidField,
        _ => Reason::GeneralFailure,
    };
    debug_assert!(reason(nearest) <= version, "each version has the nearest reason");
    nearest
}
