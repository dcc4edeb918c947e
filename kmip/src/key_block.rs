//! The bytes of a key and how they are wrapped (KMIP 2.1, sections 3.1 to 3.4 and 7.18).

use super::attributes::Attributes;
use super::cryptographic_parameters::CryptographicParameters;
use super::enumerations::{CryptographicAlgorithm, EncodingOption, KeyCompressionType, KeyFormatType, WrappingMethod};
use super::error::{Error, Fault};
use super::structure::{members, structure};
use super::tag::Tag;
use super::ttlv::{Field, Fields, Item, ItemType, Value};
use super::unique_identifier::UniqueIdentifier;
use crate::Bytes;

members! {
    /// Section 3.1.
    pub struct KeyBlock {
        /// The format of the key material.
        key_format_type: KeyFormatType = KeyFormatType,
        /// The format of an elliptic curve point.
        key_compression_type: Option<KeyCompressionType> = KeyCompressionType,
        /// The key; absent if only its metadata is shown.
        key_value: Option<KeyValue> = KeyValue,
        /// The algorithm of the key.
        cryptographic_algorithm: Option<CryptographicAlgorithm> = CryptographicAlgorithm,
        /// The length of the key, in bits.
        cryptographic_length: Option<i32> = CryptographicLength,
        /// The wrapping of the key; absent if it is not wrapped.
        key_wrapping_data: Option<KeyWrappingData> = KeyWrappingData,
    }
}

/// Section 3.2.
#[derive(Clone, Debug, PartialEq)]
pub enum KeyValue {
    /// The key material as a structure of its own. If the key block has wrapping data, the material is wrapped.
    Plain {
        /// The key.
        material: KeyMaterial,
        /// Attributes that travel with the key.
        attributes: Option<Box<Attributes>>,
    },
    /// The wrapped key value.
    Wrapped(Bytes),
}

/// The key itself.
#[derive(Clone, Debug, PartialEq)]
pub enum KeyMaterial {
    /// The bytes, in the format that the key block names.
    Bytes(Bytes),
    /// Section 3.4.
    TransparentSymmetricKey(Bytes),
    /// The numbers of another transparent key (sections 3.5 to 3.12), or the structure of a format of a vendor: the
    /// items as they were given.
    Structure(Vec<Item>),
}

/// The formats whose key material is a structure other than that of a symmetric key, and the items that it must have.
const TRANSPARENT: [(KeyFormatType, &[Tag]); 8] = [
    (KeyFormatType::TransparentDSAPrivateKey, &[Tag::P, Tag::Q, Tag::G, Tag::X]),
    (KeyFormatType::TransparentDSAPublicKey, &[Tag::P, Tag::Q, Tag::G, Tag::Y]),
    (KeyFormatType::TransparentRSAPrivateKey, &[Tag::Modulus]),
    (KeyFormatType::TransparentRSAPublicKey, &[Tag::Modulus, Tag::PublicExponent]),
    (KeyFormatType::TransparentDHPrivateKey, &[Tag::P, Tag::G, Tag::X]),
    (KeyFormatType::TransparentDHPublicKey, &[Tag::P, Tag::G, Tag::Y]),
    (KeyFormatType::TransparentECPrivateKey, &[Tag::RecommendedCurve, Tag::D]),
    (KeyFormatType::TransparentECPublicKey, &[Tag::RecommendedCurve, Tag::QString]),
];

impl KeyMaterial {
    /// The bytes of the key; `None` for a structure of several numbers.
    #[must_use]
    pub fn bytes(&self) -> Option<&Bytes> {
        match self {
            Self::Bytes(bytes) | Self::TransparentSymmetricKey(bytes) => Some(bytes),
            Self::Structure(_) => None,
        }
    }

    /// Refuses material that is not that of the format: bytes for a structure, a structure for bytes, or a structure
    /// that lacks an item.
    fn check(&self, format: KeyFormatType) -> Result<(), Error> {
        let needed = TRANSPARENT.iter().find(|(known, _)| *known == format).map(|(_, needed)| *needed);
        let agrees = match (self, format) {
            (_, KeyFormatType::Vendor(_)) => true,
            (Self::TransparentSymmetricKey(_), format) => format == KeyFormatType::TransparentSymmetricKey,
            (Self::Bytes(_), format) => needed.is_none() && format != KeyFormatType::TransparentSymmetricKey,
            (Self::Structure(_), _) => needed.is_some(),
        };
        if !agrees {
            return Err(Fault::Contradiction(Tag::KeyFormatType, Tag::KeyMaterial).into());
        }
        let Self::Structure(items) = self else { return Ok(()) };
        let missing = needed.unwrap_or_default().iter().find(|tag| !items.iter().any(|item| item.tag == **tag));
        missing.map_or(Ok(()), |tag| Err(Fault::Missing(*tag).into()))
    }
}

impl KeyBlock {
    /// Returns a key block that contains only bytes, in the format Raw.
    #[must_use]
    pub fn raw(bytes: Bytes) -> Self {
        Self {
            key_format_type: KeyFormatType::Raw,
            key_compression_type: None,
            key_value: Some(KeyValue::Plain { material: KeyMaterial::Bytes(bytes), attributes: None }),
            cryptographic_algorithm: None,
            cryptographic_length: None,
            key_wrapping_data: None,
        }
    }
}

impl Field for KeyBlock {
    fn read(value: Value) -> Result<Self, Error> {
        let mut fields = Fields::of(value)?;
        let block = Self::take_from(&mut fields)?;
        fields.finish()?;
        match &block.key_value {
            Some(KeyValue::Wrapped(_)) if block.key_wrapping_data.is_none() => {
                Err(Fault::Missing(Tag::KeyWrappingData).into())
            }
            Some(KeyValue::Plain { material, .. }) => material.check(block.key_format_type).map(|()| block),
            _ => Ok(block),
        }
    }

    fn write(self) -> Value {
        Value::Structure(self.into_items())
    }
}

impl Field for KeyValue {
    fn read(value: Value) -> Result<Self, Error> {
        if let Value::ByteString(wrapped) = value {
            return Ok(Self::Wrapped(wrapped));
        }
        let mut fields = Fields::of(value)?;
        let material = fields.required(Tag::KeyMaterial)?;
        let attributes = fields.optional(Tag::Attributes)?.map(Box::new);
        fields.finish()?;
        Ok(Self::Plain { material, attributes })
    }

    fn write(self) -> Value {
        match self {
            Self::Wrapped(wrapped) => Value::ByteString(wrapped),
            Self::Plain { material, attributes } => {
                let mut items = vec![Item::new(Tag::KeyMaterial, material)];
                items.extend(attributes.map(|attributes| Item::new(Tag::Attributes, *attributes)));
                Value::Structure(items)
            }
        }
    }
}

impl Field for KeyMaterial {
    fn read(value: Value) -> Result<Self, Error> {
        value.check()?;
        match value {
            Value::ByteString(bytes) => Ok(Self::Bytes(bytes)),
            Value::Structure(items) => match items.as_slice() {
                [] => Err(Fault::Missing(Tag::Key).into()),
                [Item { tag: Tag::Key, value: Value::ByteString(key) }] => {
                    Ok(Self::TransparentSymmetricKey(key.clone()))
                }
                _ => Ok(Self::Structure(items)),
            },
            other => Err(other.not(ItemType::ByteString)),
        }
    }

    fn write(self) -> Value {
        match self {
            Self::Bytes(bytes) => Value::ByteString(bytes),
            Self::TransparentSymmetricKey(key) => Value::Structure(vec![Item::new(Tag::Key, key)]),
            Self::Structure(items) => Value::Structure(items),
        }
    }
}

structure! {
    /// Section 3.3.
    pub struct KeyWrappingData {
        /// The wrapping method.
        wrapping_method: WrappingMethod = WrappingMethod,
        /// The key that encrypts the wrapped key.
        encryption_key_information: Option<KeyInformation> = EncryptionKeyInformation,
        /// The key that authenticates the wrapped key.
        mac_signature_key_information: Option<KeyInformation> = MACSignatureKeyInformation,
        /// The MAC or signature.
        mac_signature: Option<Bytes> = MACSignature,
        /// The IV, if the method needs one.
        iv_counter_nonce: Option<Bytes> = IVCounterNonce,
        /// What was wrapped: the bytes of the key, or, if absent, the encoded key value.
        encoding_option: Option<EncodingOption> = EncodingOption,
    }
}

structure! {
    /// Section 7.18.
    pub struct KeyWrappingSpecification {
        /// The wrapping method to use.
        wrapping_method: WrappingMethod = WrappingMethod,
        /// The key that is to encrypt the wrapped key.
        encryption_key_information: Option<KeyInformation> = EncryptionKeyInformation,
        /// The key that is to authenticate the wrapped key.
        mac_signature_key_information: Option<KeyInformation> = MACSignatureKeyInformation,
        /// The attributes to be wrapped with the key.
        attribute_names: Vec<String> = AttributeName,
        /// What is to be wrapped: the bytes of the key, or, if absent, the encoded key value.
        encoding_option: Option<EncodingOption> = EncodingOption,
    }
}

structure! {
    /// Encryption Key Information and MAC/Signature Key Information (section 3.3).
    pub struct KeyInformation {
        /// The key.
        unique_identifier: UniqueIdentifier = UniqueIdentifier,
        /// The parameters for the use of the key.
        cryptographic_parameters: Option<CryptographicParameters> = CryptographicParameters,
    }
}
