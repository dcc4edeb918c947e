//! Managed objects (KMIP 2.1, section 2).

use super::enumerations::{
    CertificateRequestType, CertificateType, ObjectType, OpaqueDataType, SecretDataType, SplitKeyMethod,
};
use super::error::{Error, Fault};
use super::key_block::KeyBlock;
use super::structure::{members, structure};
use super::tag::Tag;
use super::ttlv::fields::Group;
use super::ttlv::{BigInteger, Document, Field, Fields, Item, Value};
use crate::Bytes;

structure! {
    /// Section 2.1.
    pub struct Certificate {
        /// The type of the certificate.
        certificate_type: CertificateType = CertificateType,
        /// The certificate; X.509 in DER.
        certificate_value: Bytes = CertificateValue,
    }
}

structure! {
    /// Section 2.2.
    pub struct CertificateRequest {
        /// The type of the request.
        certificate_request_type: CertificateRequestType = CertificateRequestType,
        /// The request.
        certificate_request_value: Bytes = CertificateRequestValue,
    }
}

structure! {
    /// Section 2.3: data that the server cannot interpret.
    pub struct OpaqueObject {
        /// The type of the data, which a vendor defines.
        opaque_data_type: OpaqueDataType = OpaqueDataType,
        /// The data.
        opaque_data_value: Bytes = OpaqueDataValue,
    }
}

structure! {
    /// Section 2.4.
    pub struct PGPKey {
        /// The version of the format: 3 or 4.
        pgp_key_version: i32 = PGPKeyVersion,
        /// The key, as its ASCII armor.
        key_block: KeyBlock = KeyBlock,
    }
}

structure! {
    /// Section 2.5: the private key of a pair.
    pub struct PrivateKey {
        /// The key.
        key_block: KeyBlock = KeyBlock,
    }
}

structure! {
    /// Section 2.6: the public key of a pair.
    pub struct PublicKey {
        /// The key.
        key_block: KeyBlock = KeyBlock,
    }
}

structure! {
    /// Section 2.7: a password, a seed or a similar secret.
    pub struct SecretData {
        /// The type of the secret.
        secret_data_type: SecretDataType = SecretDataType,
        /// The value of the secret.
        key_block: KeyBlock = KeyBlock,
    }
}

members! {
    /// Section 2.8: a part of a secret that was split.
    pub struct SplitKey {
        /// The number of parts.
        split_key_parts: i32 = SplitKeyParts,
        /// The number of this part, from 1.
        key_part_identifier: i32 = KeyPartIdentifier,
        /// The number of parts that are needed to get the secret.
        split_key_threshold: i32 = SplitKeyThreshold,
        /// The method.
        split_key_method: SplitKeyMethod = SplitKeyMethod,
        /// The prime field of the method Polynomial Sharing Prime Field.
        prime_field_size: Option<BigInteger> = PrimeFieldSize,
        /// The part.
        key_block: KeyBlock = KeyBlock,
    }
}

impl Field for SplitKey {
    fn read(value: Value) -> Result<Self, Error> {
        let mut fields = Fields::of(value)?;
        let key = Self::take_from(&mut fields)?;
        fields.finish()?;
        if !(1..=key.split_key_parts).contains(&key.key_part_identifier) {
            return Err(Fault::Contradiction(Tag::KeyPartIdentifier, Tag::SplitKeyParts).into());
        }
        if !(1..=key.split_key_parts).contains(&key.split_key_threshold) {
            return Err(Fault::Contradiction(Tag::SplitKeyThreshold, Tag::SplitKeyParts).into());
        }
        if key.split_key_method == SplitKeyMethod::PolynomialSharingPrimeField && key.prime_field_size.is_none() {
            return Err(Fault::Missing(Tag::PrimeFieldSize).into());
        }
        Ok(key)
    }

    fn write(self) -> Value {
        Value::Structure(self.into_items())
    }
}

structure! {
    /// Section 2.9.
    pub struct SymmetricKey {
        /// The key.
        key_block: KeyBlock = KeyBlock,
    }
}

macro_rules! objects {
    ($($(#[$about:meta])* $name:ident),* $(,)?) => {
        /// A managed object of any type. Tag and object type have the same name.
        #[derive(Clone, Debug, PartialEq)]
        pub enum ManagedObject {
            $($(#[$about])* $name($name),)*
        }

        impl ManagedObject {
            /// The type of the object.
            #[must_use]
            pub fn object_type(&self) -> ObjectType {
                match self { $(Self::$name(_) => ObjectType::$name),* }
            }

            fn of(Item { tag, value }: Item) -> Result<Self, Error> {
                match tag {
                    $(Tag::$name => $name::read(value).map(Self::$name).map_err(|error| error.within(tag)),)*
                    _ => Err(Fault::MissingObject.into()),
                }
            }

            fn into_item(self) -> Item {
                match self { $(Self::$name(object) => Item::new(Tag::$name, object)),* }
            }
        }

        const TAGS: &[Tag] = &[$(Tag::$name),*];
    };
}

objects! {
    /// Section 2.1.
    Certificate,
    /// Section 2.2.
    CertificateRequest,
    /// Section 2.3.
    OpaqueObject,
    /// Section 2.4.
    PGPKey,
    /// Section 2.5.
    PrivateKey,
    /// Section 2.6.
    PublicKey,
    /// Section 2.7.
    SecretData,
    /// Section 2.8.
    SplitKey,
    /// Section 2.9.
    SymmetricKey,
}

impl ManagedObject {
    /// The key block of the object; `None` for a certificate, a certificate request and an opaque object.
    #[must_use]
    pub fn key_block(&self) -> Option<&KeyBlock> {
        match self {
            Self::SymmetricKey(key) => Some(&key.key_block),
            Self::PrivateKey(key) => Some(&key.key_block),
            Self::PublicKey(key) => Some(&key.key_block),
            Self::SecretData(secret) => Some(&secret.key_block),
            Self::SplitKey(key) => Some(&key.key_block),
            Self::PGPKey(key) => Some(&key.key_block),
            Self::Certificate(_) | Self::CertificateRequest(_) | Self::OpaqueObject(_) => None,
        }
    }

    /// The value of an object that has no key block: the certificate, the request, or the data.
    #[must_use]
    pub fn value(&self) -> Option<&Bytes> {
        match self {
            Self::Certificate(certificate) => Some(&certificate.certificate_value),
            Self::CertificateRequest(request) => Some(&request.certificate_request_value),
            Self::OpaqueObject(object) => Some(&object.opaque_data_value),
            _ => None,
        }
    }

    /// Whether an item of this tag is a managed object.
    pub(crate) fn is_named(tag: Tag) -> bool {
        TAGS.contains(&tag)
    }

    /// The document that consists of the object.
    #[must_use]
    pub fn into_document(self) -> Document {
        let Item { tag, value } = self.into_item();
        Document { name: tag.name().unwrap_or_default().into(), value }
    }

    /// Reads a document that consists of an object.
    ///
    /// # Errors
    /// [`Fault::MissingObject`] if it is another document, and those of the object.
    pub fn from_document(document: Document) -> Result<Self, Error> {
        let tag = Tag::from_name(&document.name).ok_or(Fault::MissingObject)?;
        Self::of(Item { tag, value: document.value })
    }
}

impl Group for ManagedObject {
    fn take(fields: &mut Fields) -> Result<Self, Error> {
        <Option<Self> as Group>::take(fields)?.ok_or_else(|| Fault::MissingObject.into())
    }

    fn put(self, items: &mut Vec<Item>) {
        items.push(self.into_item());
    }
}

impl Group for Option<ManagedObject> {
    fn take(fields: &mut Fields) -> Result<Self, Error> {
        let mut found: Option<Item> = None;
        for tag in TAGS {
            let Some(value) = fields.item(*tag)? else { continue };
            if let Some(other) = &found {
                return Err(Fault::Contradiction(other.tag, *tag).into());
            }
            found = Some(Item { tag: *tag, value });
        }
        found.map(ManagedObject::of).transpose()
    }

    fn put(self, items: &mut Vec<Item>) {
        if let Some(object) = self {
            object.put(items);
        }
    }
}

#[cfg(test)]
#[path = "objects/tests.rs"]
mod tests;
