//! The kinds of objects and their differences.

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

/// The kind of an object: one of the types of KMIP 2.1 section 2, or a secret of an account, which is Secret Data for
/// KMIP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ObjectKind {
    SymmetricKey,
    PrivateKey,
    PublicKey,
    SecretData,
    OpaqueObject,
    Certificate,
    SplitKey,
    /// A secret of an account: its values, and the server's key that encrypts them.
    AccountSecret {
        /// The number of the last value.
        last: i64,
    },
}

/// The form in which an object is exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// As a secret key, in clear or wrapped, as its class permits.
    Key,
    /// As a public key.
    PublicKey,
    /// In no form: it never leaves the HSM.
    Never,
}

/// The common properties of all private keys, or of all public keys.
pub(super) struct Half {
    pub(super) kind: ObjectKind,
    /// The permitted uses, and the text of the error for other uses.
    pub(super) uses: (UsageMask, &'static str),
    /// The class, and the text of the error for other classes.
    pub(super) class: (Class, &'static str),
    /// The link that names the other half.
    pub(super) link: LinkType,
}

/// Private keys.
pub(super) const PRIVATE: Half = Half {
    kind: ObjectKind::PrivateKey,
    uses: (UsageMask::SIGN, "a private key may only Sign"),
    class: (Class::Sealing, "a private key never leaves the HSM"),
    link: LinkType::PublicKeyLink,
};

/// Public keys.
pub(super) const PUBLIC: Half = Half {
    kind: ObjectKind::PublicKey,
    uses: (UsageMask::VERIFY, "a public key may only Verify"),
    class: (Class::Exporting, "a public key is public"),
    link: LinkType::PrivateKeyLink,
};

impl ObjectKind {
    /// The kinds that have a KMIP type of their own.
    pub(super) const OF_KMIP: [Self; 7] = [
        Self::SymmetricKey,
        Self::PublicKey,
        Self::PrivateKey,
        Self::SecretData,
        Self::OpaqueObject,
        Self::Certificate,
        Self::SplitKey,
    ];

    /// The kind of an object with these attributes; `None` for an object type that the server does not support.
    pub(super) fn of(attributes: &Attributes) -> Option<Self> {
        match last_number(attributes) {
            Some(last) => Some(Self::AccountSecret { last }),
            None => Self::OF_KMIP.into_iter().find(|kind| attributes.object_type == Some(kind.object_type())),
        }
    }

    /// The object type in KMIP and in the row.
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

    /// The code of the object type that secrets of accounts have in their rows.
    pub(super) fn type_of_secrets() -> i64 {
        i64::from(ObjectType::SecretData.code())
    }

    /// What the HSM token must support for objects that callers add through KMIP; `None` if callers cannot add this
    /// kind.
    pub(super) const fn needs(self) -> Option<Needs> {
        match self {
            Self::SymmetricKey => Some(Needs::Nothing),
            Self::PrivateKey | Self::PublicKey => Some(Needs::Pairs),
            Self::SecretData | Self::OpaqueObject | Self::Certificate | Self::SplitKey | Self::AccountSecret { .. } => {
                None
            }
        }
    }

    /// The kind of the key in the HSM token; `None` if there is none.
    pub(super) fn key_kind(self, attributes: &Attributes) -> Option<KeyKind> {
        match self {
            Self::SymmetricKey | Self::AccountSecret { .. } => secret_key_kind(attributes).map(KeyKind::Secret),
            Self::PrivateKey => pair_kind(attributes).ok().map(KeyKind::Private),
            Self::PublicKey => Some(KeyKind::Public),
            Self::SecretData | Self::OpaqueObject | Self::Certificate | Self::SplitKey => None,
        }
    }

    /// The common properties of this half of a pair; `None` if it is not a half.
    pub(super) const fn half(self) -> Option<Half> {
        match self {
            Self::PrivateKey => Some(PRIVATE),
            Self::PublicKey => Some(PUBLIC),
            _ => None,
        }
    }

    /// The form in which it is exported.
    pub(super) const fn form(self) -> Form {
        match self {
            Self::PublicKey => Form::PublicKey,
            Self::PrivateKey => Form::Never,
            _ => Form::Key,
        }
    }

    /// The numbers of its values, which are encrypted by its key and destroyed with it; `None` if it has no values.
    pub(super) fn values(self) -> Option<RangeInclusive<i64>> {
        match self {
            Self::AccountSecret { last } => Some((last - MAX_VERSIONS + 1).max(1)..=last),
            _ => None,
        }
    }

    /// Whether lists of keys include it.
    pub(super) const fn is_key(self) -> bool {
        matches!(self, Self::SymmetricKey | Self::PrivateKey | Self::PublicKey | Self::SplitKey)
    }

    /// Whether its name is unique among the keys of its project. A public key has the name of its pair.
    pub(super) const fn has_own_name(self) -> bool {
        matches!(self, Self::SymmetricKey | Self::PrivateKey)
    }

    /// Whether its value can be the API token, and whether an import can replace it.
    pub(super) const fn has_known_value(self) -> bool {
        matches!(self, Self::SymmetricKey)
    }

    /// Refuses operations on keys for the key that encrypts the values of a secret: only the server uses that key, and
    /// its name is the path of the secret.
    ///
    /// # Errors
    /// The object is a secret of an account.
    pub(super) const fn check_key(self) -> Result<(), Error> {
        match self {
            Self::AccountSecret { .. } => Err(Error::ASecret),
            _ => Ok(()),
        }
    }

    /// The reason why an action can never be performed on this kind; `None` if it can.
    pub(super) fn refuses(self, action: Action) -> Option<&'static str> {
        use Action::{Operation as Kmip, ReadSecret, WriteSecret};
        match (self, action) {
            (
                Self::AccountSecret { .. },
                ReadSecret | WriteSecret | Kmip(Operation::GetAttributes | Operation::Destroy),
            ) => None,
            (Self::AccountSecret { .. }, _) => Some("a secret can only be read and written"),
            (_, ReadSecret | WriteSecret) => Some("the object holds no secret"),
            _ => None,
        }
    }
}

/// The kind of secret key for the algorithm and length.
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
