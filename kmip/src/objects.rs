//! Managed objects (KMIP 2.1, section 2).

use super::enumerations::{ObjectType, SecretDataType};
use super::error::{Error, Fault};
use super::key_block::KeyBlock;
use super::structure::structure;
use super::tag::Tag;
use super::ttlv::fields::Group;
use super::ttlv::{Fields, Item};

/// A managed object. Objects of the standard's other types are refused with the name of the type.
#[derive(Clone, Debug, PartialEq)]
pub enum ManagedObject {
    /// Section 2.9.
    SymmetricKey(SymmetricKey),
    /// Section 2.7.
    SecretData(SecretData),
    /// Section 2.6.
    PublicKey(PublicKey),
}

structure! {
    /// A symmetric key.
    pub struct SymmetricKey {
        /// The key.
        key_block: KeyBlock = KeyBlock,
    }
}

structure! {
    /// The public key of a pair.
    pub struct PublicKey {
        /// The key.
        key_block: KeyBlock = KeyBlock,
    }
}

structure! {
    /// A password, a seed or a similar secret.
    pub struct SecretData {
        /// The type of the secret.
        secret_data_type: SecretDataType = SecretDataType,
        /// The value of the secret.
        key_block: KeyBlock = KeyBlock,
    }
}

const UNSUPPORTED: [(Tag, &str); 6] = [
    (Tag::Certificate, "Certificate"),
    (Tag::CertificateRequest, "CertificateRequest"),
    (Tag::OpaqueObject, "OpaqueObject"),
    (Tag::PGPKey, "PGPKey"),
    (Tag::PrivateKey, "PrivateKey"),
    (Tag::SplitKey, "SplitKey"),
];

impl ManagedObject {
    /// The type of the object.
    #[must_use]
    pub fn object_type(&self) -> ObjectType {
        match self {
            Self::SymmetricKey(_) => ObjectType::SymmetricKey,
            Self::SecretData(_) => ObjectType::SecretData,
            Self::PublicKey(_) => ObjectType::PublicKey,
        }
    }

    /// The key block of the object.
    #[must_use]
    pub fn key_block(&self) -> &KeyBlock {
        match self {
            Self::SymmetricKey(key) => &key.key_block,
            Self::SecretData(secret) => &secret.key_block,
            Self::PublicKey(key) => &key.key_block,
        }
    }
}

impl Group for ManagedObject {
    fn take(fields: &mut Fields) -> Result<Self, Error> {
        <Option<Self> as Group>::take(fields)?.ok_or_else(|| Fault::MissingObject.into())
    }

    fn put(self, items: &mut Vec<Item>) {
        items.push(match self {
            Self::SymmetricKey(key) => Item::new(Tag::SymmetricKey, key),
            Self::SecretData(secret) => Item::new(Tag::SecretData, secret),
            Self::PublicKey(key) => Item::new(Tag::PublicKey, key),
        });
    }
}

impl Group for Option<ManagedObject> {
    fn take(fields: &mut Fields) -> Result<Self, Error> {
        use ManagedObject as O;
        for (tag, name) in UNSUPPORTED {
            if fields.item(tag)?.is_some() {
                return Err(Fault::UnsupportedObject(name).into());
            }
        }
        let key = fields.optional(Tag::SymmetricKey)?;
        let secret = fields.optional(Tag::SecretData)?;
        let public = fields.optional(Tag::PublicKey)?;
        let found = [
            key.map(|key| (Tag::SymmetricKey, O::SymmetricKey(key))),
            secret.map(|secret| (Tag::SecretData, O::SecretData(secret))),
            public.map(|public| (Tag::PublicKey, O::PublicKey(public))),
        ];
        let mut found = found.into_iter().flatten();
        match (found.next(), found.next()) {
            (Some((one, _)), Some((other, _))) => Err(Fault::Contradiction(one, other).into()),
            (first, _) => Ok(first.map(|(_, object)| object)),
        }
    }

    fn put(self, items: &mut Vec<Item>) {
        if let Some(object) = self {
            object.put(items);
        }
    }
}
