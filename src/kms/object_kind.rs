//! The kinds of objects, and what differs between them.

use std::ops::RangeInclusive;

use super::error::Error;
use super::key_pair::pair_kind;
use super::operations::Needs;
use super::secret_path::{MAX_VERSIONS, last_number};
use crate::custody::{KeyKind, SecretKeyKind};
use crate::kmip::enumerations::{CryptographicAlgorithm, LinkType, ObjectType, Operation};
use crate::kmip::{Attributes, UsageMask};
use crate::policy::Action;
use crate::store::object::Class;

/// What an object is: one of the types of KMIP 2.1 section 2, or a secret of an account, which KMIP sees as Secret Data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ObjectKind {
    SymmetricKey,
    PrivateKey,
    PublicKey,
    SecretData,
    OpaqueObject,
    Certificate,
    SplitKey,
    /// A secret of an account: values, and the key of the server's that encrypts them.
    AccountSecret {
        /// The number of the last value.
        last: i64,
    },
}

/// In which form an object is given out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// As a secret key, in clear or wrapped, as far as its class lets it out.
    Key,
    /// As a public key.
    PublicKey,
    /// In none: it never leaves the HSM.
    Never,
}

/// What is the same of every private key, or of every public one.
pub(super) struct Half {
    pub(super) kind: ObjectKind,
    /// What it can do, and why it can do nothing else.
    pub(super) uses: (UsageMask, &'static str),
    /// Its class, and why it has no other.
    pub(super) class: (Class, &'static str),
    /// The link that names the other half.
    pub(super) link: LinkType,
}

/// Private keys.
pub(super) const PRIVATE: Half = Half {
    kind: ObjectKind::PrivateKey,
    uses: (UsageMask::SIGN, "a private key may Sign, and nothing else"),
    class: (Class::Sealing, "a private key never leaves the HSM"),
    link: LinkType::PublicKeyLink,
};

/// Public keys.
pub(super) const PUBLIC: Half = Half {
    kind: ObjectKind::PublicKey,
    uses: (UsageMask::VERIFY, "a public key may Verify, and nothing else"),
    class: (Class::Exporting, "a public key is public"),
    link: LinkType::PrivateKeyLink,
};

impl ObjectKind {
    /// Those that have a type of KMIP to themselves.
    pub(super) const OF_KMIP: [Self; 7] = [
        Self::SymmetricKey,
        Self::PublicKey,
        Self::PrivateKey,
        Self::SecretData,
        Self::OpaqueObject,
        Self::Certificate,
        Self::SplitKey,
    ];

    /// The kind of an object with these attributes; `None` for a type that objects here do not have.
    pub(super) fn of(attributes: &Attributes) -> Option<Self> {
        match last_number(attributes) {
            Some(last) => Some(Self::AccountSecret { last }),
            None => Self::OF_KMIP.into_iter().find(|kind| attributes.object_type == Some(kind.object_type())),
        }
    }

    /// The type that it has for KMIP, and in its row.
    pub(super) const fn object_type(self) -> ObjectType {
        match self {
            Self::SymmetricKey => ObjectType::SymmetricKey,
            Self::PrivateKey => ObjectType::PrivateKey,
            Self::PublicKey => ObjectType::PublicKey,
            Self::SecretData | Self::AccountSecret { .. } => ObjectType::SecretData,
            Self::OpaqueObject => ObjectType::OpaqueObject,
            Self::Certificate => ObjectType::Certificate,
            Self::SplitKey => ObjectType::SplitKey,
        }
    }

    /// The type that secrets of accounts have in their rows.
    pub(super) fn type_of_secrets() -> i64 {
        i64::from(ObjectType::SecretData.code())
    }

    /// What the token needs to keep those that callers add through KMIP; `None` if none can be added.
    pub(super) const fn needs(self) -> Option<Needs> {
        match self {
            Self::SymmetricKey => Some(Needs::Nothing),
            Self::PrivateKey | Self::PublicKey => Some(Needs::Pairs),
            Self::SecretData | Self::OpaqueObject | Self::Certificate | Self::SplitKey | Self::AccountSecret { .. } => {
                None
            }
        }
    }

    /// What the token makes of its key; `None` if it makes nothing of it.
    pub(super) fn key_kind(self, attributes: &Attributes) -> Option<KeyKind> {
        match self {
            Self::SymmetricKey | Self::AccountSecret { .. } => secret_key_kind(attributes).map(KeyKind::Secret),
            Self::PrivateKey => pair_kind(attributes).ok().map(KeyKind::Private),
            Self::PublicKey => Some(KeyKind::Public),
            Self::SecretData | Self::OpaqueObject | Self::Certificate | Self::SplitKey => None,
        }
    }

    /// What halves of pairs have in common, if it is one.
    pub(super) const fn half(self) -> Option<Half> {
        match self {
            Self::PrivateKey => Some(PRIVATE),
            Self::PublicKey => Some(PUBLIC),
            _ => None,
        }
    }

    /// In which form it is given out.
    pub(super) const fn form(self) -> Form {
        match self {
            Self::PublicKey => Form::PublicKey,
            Self::PrivateKey => Form::Never,
            _ => Form::Key,
        }
    }

    /// The numbers of the values that it has, which are encrypted by its key and destroyed with it; `None` if it has none.
    pub(super) fn values(self) -> Option<RangeInclusive<i64>> {
        match self {
            Self::AccountSecret { last } => Some((last - MAX_VERSIONS + 1).max(1)..=last),
            _ => None,
        }
    }

    /// Whether it is found among keys.
    pub(super) const fn is_key(self) -> bool {
        matches!(self, Self::SymmetricKey | Self::PrivateKey | Self::PublicKey | Self::SplitKey)
    }

    /// Whether its name is unique among the keys of its project. A public key has the name of its pair.
    pub(super) const fn has_own_name(self) -> bool {
        matches!(self, Self::SymmetricKey | Self::PrivateKey)
    }

    /// Whether its value can be the API token, and whether an import can put another in its place.
    pub(super) const fn has_known_value(self) -> bool {
        matches!(self, Self::SymmetricKey)
    }

    /// Refuses operations on keys for the key that encrypts a secret's values: only the server uses it, and its name is the
    /// secret's path.
    ///
    /// # Errors
    /// It is a secret of an account.
    pub(super) const fn check_key(self) -> Result<(), Error> {
        match self {
            Self::AccountSecret { .. } => Err(Error::ASecret),
            _ => Ok(()),
        }
    }

    /// Why an action can never be done with it, if it cannot.
    pub(super) fn refuses(self, action: Action) -> Option<&'static str> {
        use Action::{Operation as Kmip, ReadSecret, WriteSecret};
        match (self, action) {
            (
                Self::AccountSecret { .. },
                ReadSecret | WriteSecret | Kmip(Operation::GetAttributes | Operation::Destroy),
            ) => None,
            (Self::AccountSecret { .. }, _) => Some("a secret is read and written, and nothing else"),
            (_, ReadSecret | WriteSecret) => Some("the object holds no secret"),
            _ => None,
        }
    }
}

/// What the token makes of algorithm and length of a secret key.
pub(super) fn secret_key_kind(attributes: &Attributes) -> Option<SecretKeyKind> {
    let bits = usize::try_from(attributes.cryptographic_length?).ok()?;
    if bits == 0 || !bits.is_multiple_of(8) {
        return None;
    }
    let bytes = bits / 8;
    match attributes.cryptographic_algorithm? {
        CryptographicAlgorithm::AES => Some(SecretKeyKind::Aes { bytes }),
        _ => Some(SecretKeyKind::Generic { bytes }),
    }
}

#[cfg(test)]
mod tests {
    use super::super::secret_path::set_number;
    use super::*;

    #[test]
    fn a_secret_of_an_account_is_not_kmips_secret_data() {
        let mut attributes = Attributes { object_type: Some(ObjectType::SecretData), ..Attributes::default() };
        assert_eq!(ObjectKind::of(&attributes), Some(ObjectKind::SecretData));
        set_number(&mut attributes, 21);
        let secret = ObjectKind::AccountSecret { last: 21 };
        assert_eq!((ObjectKind::of(&attributes), secret.object_type()), (Some(secret), ObjectType::SecretData));
        assert_eq!((secret.values(), secret.needs()), (Some(2..=21), None));
        assert!(secret.check_key().is_err() && ObjectKind::SecretData.check_key().is_ok());
        attributes.object_type = Some(ObjectType::PGPKey);
        assert_eq!(ObjectKind::of(&Attributes { vendor_attributes: Vec::new(), ..attributes }), None);
    }
}
