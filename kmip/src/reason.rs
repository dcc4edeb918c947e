//! The standard's result reasons for the faults of a document.

use super::enumerations::ResultReason;
use super::error::{Error, Fault};

impl Error {
    /// Returns the result reason of the standard for this fault (KMIP 2.1, section 11.46).
    #[must_use]
    pub fn result_reason(&self) -> ResultReason {
        match self.fault() {
            Fault::Syntax { .. }
            | Fault::Malformed { .. }
            | Fault::NotAnItem
            | Fault::UnknownMember(_)
            | Fault::RepeatedMember(_)
            | Fault::MissingMember(_)
            | Fault::TooDeep(_)
            | Fault::TooManyItems(_)
            | Fault::UnknownDocument(_)
            | Fault::OtherDocument { .. }
            | Fault::Unexpected(_)
            | Fault::Repeated(_) => ResultReason::InvalidMessage,
            Fault::UnknownTag(_) => ResultReason::UnknownTag,
            Fault::UnknownType(_)
            | Fault::WrongType { .. }
            | Fault::BadValue(_)
            | Fault::BadHexadecimal
            | Fault::NotAdjustable => ResultReason::InvalidDataType,
            Fault::UnknownEnumerationName { enumeration: "Operation", .. }
            | Fault::UnknownEnumerationCode { enumeration: "Operation", .. }
            | Fault::UnsupportedOperation(_) => ResultReason::OperationNotSupported,
            Fault::UnknownEnumerationName { .. }
            | Fault::UnknownEnumerationCode { .. }
            | Fault::EnumerationWithoutNames(_) => ResultReason::UnknownEnumeration,
            Fault::UnsupportedVersion { .. } => ResultReason::UnsupportedProtocolVersion,
            Fault::UnknownAttribute(_) => ResultReason::UnsupportedAttribute,
            Fault::OutOfRange => ResultReason::NumericRange,
            Fault::Missing(_) | Fault::MissingObject => ResultReason::MissingData,
            Fault::UnsupportedAttribute(_) => ResultReason::UnsupportedAttribute,
            Fault::UnsupportedObject(_) => ResultReason::InvalidObjectType,
            Fault::UnsupportedIdentifier | Fault::NotServed(_) => ResultReason::FeatureNotSupported,
            Fault::CriticalExtension => ResultReason::UnknownMessageExtension,
            Fault::TooLong(_) | Fault::TooMany { .. } | Fault::BadTags => ResultReason::InvalidAttributeValue,
            Fault::UnknownMaskName { .. }
            | Fault::MaskWithoutNames(_)
            | Fault::Empty
            | Fault::NotOneAttribute(_)
            | Fault::Contradiction(..) => ResultReason::InvalidField,
        }
    }
}
