//! Reasons why a request about an object that is kept and given back only cannot be completed.

use crate::kmip::enumerations::{KeyFormatType, ObjectType};

/// Reason why a request about a kept object cannot be completed.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeptFault {
    /// The request would use it.
    #[error(
        "the object {id:?} is a {kind} that is kept and given back only: it is not a key in the HSM, and no operation uses it. \
         Get it and use it outside, or create a key in the HSM"
    )]
    Unused {
        /// The object.
        id: String,
        /// Its type.
        kind: ObjectType,
    },
    /// Its value is not given out.
    #[error("the object {0:?} is Sensitive: its value is not given out in clear")]
    Sensitive(String),
    /// It is not given out in this key format.
    #[error(
        "the object was registered in key format {own} and is given back so: leave KeyFormatType out instead of {wanted}"
    )]
    Format {
        /// The requested format.
        wanted: KeyFormatType,
        /// The format in which it was registered.
        own: KeyFormatType,
    },
    /// An import that would replace it by a key in the HSM, or a key in the HSM by it.
    #[error(
        "the object {id:?} {}: import a new object, and destroy this one",
        if *.is_kept {
            "is kept and given back only, and the HSM would use the key that replaces it"
        } else {
            "is a key in the HSM, which does not use the key that would replace it"
        }
    )]
    OtherCustody {
        /// The object.
        id: String,
        /// Whether it is kept.
        is_kept: bool,
    },
    /// It is too long.
    #[error("the object is {length} bytes long in KMIP's binary encoding; an object has at most {most} bytes")]
    TooLong {
        /// Its length, in bytes.
        length: usize,
        /// The maximum length, in bytes.
        most: usize,
    },
}
