//! The reasons why an attribute of an object is not changed.

use crate::kmip::enumerations::{ResultReason, State};
use crate::kmip::{AttributeReference, Tag};

/// The reason why an attribute is not changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AttributeFault {
    /// The object has the attribute, and may have only one instance.
    #[error("the object has the attribute {0} already: change its value with Modify Attribute or Set Attribute")]
    SingleValued(AttributeReference),
    /// The request must name an instance, because there are several.
    #[error(
        "the object has several instances of {0}: change one with Modify Attribute, naming its present value in CurrentAttribute"
    )]
    SeveralInstances(AttributeReference),
    /// The request to modify an attribute must name an instance, because there are several.
    #[error("the object has several instances of {0}: name the present value of the one to change in CurrentAttribute")]
    NoInstanceNamed(AttributeReference),
    /// The object does not have the attribute.
    #[error("the object does not have the attribute {0}: Get Attribute List names those that it has")]
    NotFound(AttributeReference),
    /// The object has the attribute, but not this instance.
    #[error("the object has no such instance of {0}: Get Attributes returns those that it has")]
    NoInstance(AttributeReference),
    /// Another instance has the same value.
    #[error("the object has an instance of {0} with this value already")]
    Same(AttributeReference),
    /// The attribute can be changed, but not in this state of the object.
    #[error("the attribute {tag} can only be set {when}; the object is {state}")]
    Frozen {
        /// The attribute.
        tag: Tag,
        /// When it can be changed.
        when: &'static str,
        /// The state of the object.
        state: State,
    },
    /// The server sets the attribute, or it is fixed.
    #[error("the attribute {0} is set by the server and cannot be changed or deleted")]
    ReadOnly(AttributeReference),
    /// The attribute must have a value.
    #[error("the attribute {0} cannot be deleted: an object always keeps it")]
    Required(Tag),
    /// It is fixed with the class of the key in the HSM.
    #[error(
        "the attribute {0} cannot be changed: the HSM enforces it from the creation of the key. Create a new key with the other value"
    )]
    OfClass(Tag),
    /// The link names the other half of a pair.
    #[error("the link to the other half of a key pair is set by the server and cannot be added, changed or deleted")]
    PairLink,
    /// Units of the limits were used.
    #[error(
        "the UsageLimits of a key cannot be changed or deleted once a unit is used: create a new key, or replace this one by Re-key"
    )]
    LimitsUsed,
    /// The server is to choose the data for an application, which it does not know.
    #[error("the server has no data for the ApplicationNamespace {0:?}: give the ApplicationData")]
    Namespace(String),
    /// A use would be added to the mask.
    #[error("the CryptographicUsageMask of a key can only lose uses: create a new key with these uses")]
    MaskGrows,
    /// The key would count as one that never decrypts, although it did.
    #[error(
        "a key that wraps other keys, is Sensitive and not Extractable cannot lose Decrypt: create a new key without Decrypt"
    )]
    WouldKeep,
    /// A key that had other uses would become one from which keys are derived.
    #[error("a key that had other uses cannot keep Derive Key alone: create a new key with Derive Key only")]
    WouldDerive,
    /// A key that had other uses would become one that only unwraps.
    #[error("a key that had other uses cannot keep Unwrap Key alone: create a new key with Unwrap Key only")]
    WouldUnwrap,
    /// An instance is named in two ways.
    #[error("give either CurrentAttribute or AttributeIndex to name an instance, not both")]
    NamedTwice,
    /// Two parts of the request name different attributes.
    #[error("the request names the attributes {0} and {1}: both must be the same")]
    Different(AttributeReference, AttributeReference),
}

impl AttributeFault {
    pub(super) fn result_reason(&self) -> ResultReason {
        match self {
            Self::SingleValued(_) => ResultReason::AttributeSingleValued,
            Self::SeveralInstances(_) => ResultReason::MultiValuedAttribute,
            Self::NotFound(_) => ResultReason::AttributeNotFound,
            Self::NoInstance(_) | Self::NoInstanceNamed(_) => ResultReason::AttributeInstanceNotFound,
            Self::Same(AttributeReference::Tag(Tag::Name)) => ResultReason::NonUniqueNameAttribute,
            Self::Same(_) | Self::MaskGrows | Self::WouldKeep | Self::WouldDerive | Self::WouldUnwrap => {
                ResultReason::InvalidAttributeValue
            }
            Self::Namespace(_) => ResultReason::ApplicationNamespaceNotSupported,
            Self::LimitsUsed => ResultReason::AttributeReadOnly,
            Self::Frozen { .. } => ResultReason::WrongKeyLifecycleState,
            Self::ReadOnly(_) | Self::Required(_) | Self::OfClass(_) | Self::PairLink => {
                ResultReason::AttributeReadOnly
            }
            Self::NamedTwice | Self::Different(..) => ResultReason::InvalidField,
        }
    }
}
