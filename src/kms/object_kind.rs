//! The kinds of objects and their differences.

use std::ops::RangeInclusive;

use super::error::Error;
use super::kept_fault::KeptFault;
use super::key_pair::pair_kind;
use super::operations::Facts;
use super::secret_path::{MAX_VERSIONS, is_brought, is_kept, last_number};
use crate::custody::{KeyKind, PairKind, SecretKeyKind, Uses};
use crate::kmip::enumerations::{CryptographicAlgorithm, LinkType, ObjectType, Operation};
use crate::kmip::{Attributes, UsageMask};
use crate::policy::Action;

/// The kind of an object. Keys that the HSM uses have a kind of their own; a secret of an account is Secret Data for
/// KMIP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ObjectKind {
    SymmetricKey,
    /// The private half of a pair that the HSM token made.
    PrivateKey,
    /// The public half of such a pair.
    PublicKey,
    /// A private key from outside. Its links are data of clients.
    BroughtPrivateKey,
    /// A public key from outside. Its links are data of clients.
    BroughtPublicKey,
    /// An object of a type of KMIP 2.1 section 2 that no mechanism of the HSM uses: its value, and the server's key that
    /// encrypts it.
    Kept(ObjectType),
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
    /// As it was registered.
    Kept,
    /// As a private key, as its class permits.
    PrivateKey,
}

/// The common properties of all private keys, or of all public keys.
pub(super) struct Half {
    /// The kind of a half that the HSM token makes.
    pub(super) kind: ObjectKind,
    pub(super) is_private: bool,
    /// The link that names the other half.
    pub(super) link: LinkType,
}

impl Half {
    /// Private keys.
    pub(super) const PRIVATE: Self =
        Self { kind: ObjectKind::PrivateKey, is_private: true, link: LinkType::PublicKeyLink };
    /// Public keys.
    pub(super) const PUBLIC: Self =
        Self { kind: ObjectKind::PublicKey, is_private: false, link: LinkType::PrivateKeyLink };

    /// The permitted uses, and the text of the error for other uses.
    pub(super) fn uses(&self, kind: PairKind) -> (UsageMask, &'static str) {
        match (self.is_private, kind) {
            (true, PairKind::Rsa { .. }) => (
                UsageMask::SIGN | UsageMask::DECRYPT | UsageMask::UNWRAP_KEY,
                "a private RSA key may only Sign, Decrypt and Unwrap Key",
            ),
            (true, PairKind::Ed25519) => (UsageMask::SIGN, "a private key of Ed25519 may only Sign"),
            (_, PairKind::X25519) => (
                UsageMask::DERIVE_KEY | UsageMask::KEY_AGREEMENT,
                "a key of X25519 may only Derive Key and Key Agreement",
            ),
            (true, PairKind::Ec(_)) => (
                UsageMask::SIGN | UsageMask::DERIVE_KEY | UsageMask::KEY_AGREEMENT,
                "a private key of a curve may only Sign, Derive Key and Key Agreement",
            ),
            (false, PairKind::Rsa { .. }) => (
                UsageMask::VERIFY | UsageMask::ENCRYPT | UsageMask::WRAP_KEY,
                "a public RSA key may only Verify, Encrypt and Wrap Key",
            ),
            (false, PairKind::Ed25519) => (UsageMask::VERIFY, "a public key of Ed25519 may only Verify"),
            (false, PairKind::Ec(_)) => (
                UsageMask::VERIFY | UsageMask::DERIVE_KEY | UsageMask::KEY_AGREEMENT,
                "a public key of a curve may only Verify, Derive Key and Key Agreement",
            ),
        }
    }
}

/// Whether a key of this mask is only for derivation.
pub(super) fn only_derives(mask: UsageMask) -> bool {
    mask.contains(UsageMask::DERIVE_KEY) && (UsageMask::DERIVE_KEY | UsageMask::KEY_AGREEMENT).contains(mask)
}

/// Whether a key of this mask only wraps and unwraps others.
pub(super) fn only_wraps(mask: UsageMask) -> bool {
    (UsageMask::WRAP_KEY | UsageMask::UNWRAP_KEY).contains(mask)
}

/// What the mask Unrestricted means where these uses are permitted. A key from which keys are derived has no other use, so
/// that it is one only if no other use is permitted.
pub(super) fn unrestricted(permitted: UsageMask) -> UsageMask {
    match permitted.without(UsageMask::DERIVE_KEY | UsageMask::KEY_AGREEMENT) {
        none if none.is_empty() => permitted,
        others => others,
    }
}

impl ObjectKind {
    /// The kind of an object with these attributes; `None` for an object type that the server does not support.
    pub(super) fn of(attributes: &Attributes) -> Option<Self> {
        if let Some(last) = last_number(attributes) {
            return Some(Self::AccountSecret { last });
        }
        match attributes.object_type? {
            ObjectType::Reserved => None,
            kept if is_kept(attributes) => Some(Self::Kept(kept)),
            ObjectType::SymmetricKey => Some(Self::SymmetricKey),
            ObjectType::PrivateKey if is_brought(attributes) => Some(Self::BroughtPrivateKey),
            ObjectType::PublicKey if is_brought(attributes) => Some(Self::BroughtPublicKey),
            ObjectType::PrivateKey => Some(Self::PrivateKey),
            ObjectType::PublicKey => Some(Self::PublicKey),
            // Only the server sets the mark, so the object was not made by it.
            _ => None,
        }
    }

    /// The object type in KMIP and in the row.
    pub(super) const fn object_type(self) -> ObjectType {
        match self {
            Self::SymmetricKey => ObjectType::SymmetricKey,
            Self::PrivateKey | Self::BroughtPrivateKey => ObjectType::PrivateKey,
            Self::PublicKey | Self::BroughtPublicKey => ObjectType::PublicKey,
            Self::AccountSecret { .. } => ObjectType::SecretData,
            Self::Kept(kind) => kind,
        }
    }

    /// The code of the object type that secrets of accounts have in their rows.
    pub(super) fn type_of_secrets() -> i64 {
        i64::from(ObjectType::SecretData.code())
    }

    /// The kind of the key in the HSM token; `None` if there is none.
    pub(super) fn key_kind(self, attributes: &Attributes) -> Option<KeyKind> {
        match self {
            Self::SymmetricKey | Self::AccountSecret { .. } => secret_key_kind(attributes).map(KeyKind::Secret),
            Self::PrivateKey | Self::BroughtPrivateKey => pair_kind(attributes).ok().map(KeyKind::Private),
            Self::PublicKey | Self::BroughtPublicKey => Some(KeyKind::Public),
            Self::Kept(_) => Some(KeyKind::Secret(SEALING_KEY)),
        }
    }

    /// The permitted uses of the key in the HSM token. That of a kept object encrypts its value, whatever the object's
    /// mask says.
    pub(super) fn key_mask(self, attributes: &Attributes) -> UsageMask {
        match self {
            Self::Kept(_) => UsageMask::ENCRYPT | UsageMask::DECRYPT,
            _ => attributes.cryptographic_usage_mask.unwrap_or_default(),
        }
    }

    /// The permitted uses of the key in the HSM token, as attributes of PKCS#11.
    pub(super) fn uses(self, attributes: &Attributes) -> Uses {
        let mask = self.key_mask(attributes);
        match self {
            Self::PrivateKey | Self::BroughtPrivateKey => Uses {
                sign: mask.contains(UsageMask::SIGN),
                decrypt: mask.contains(UsageMask::DECRYPT),
                unwrap: mask.contains(UsageMask::UNWRAP_KEY),
                derive: only_derives(mask),
                ..Uses::default()
            },
            _ => uses(mask),
        }
    }

    /// The common properties of this half of a pair; `None` if it is not a half of a pair that the HSM token made.
    pub(super) const fn half(self) -> Option<Half> {
        match self {
            Self::PrivateKey => Some(Half::PRIVATE),
            Self::PublicKey => Some(Half::PUBLIC),
            _ => None,
        }
    }

    /// Whether it is a public key that is used: OpenSSL encrypts and verifies by it.
    pub(super) const fn is_public(self) -> bool {
        matches!(self, Self::PublicKey | Self::BroughtPublicKey)
    }

    /// Whether it is a private key in the HSM token.
    pub(super) const fn is_private(self) -> bool {
        matches!(self, Self::PrivateKey | Self::BroughtPrivateKey)
    }

    /// Whether an import can replace it. A half that the HSM made is not replaced, because the other half would no longer fit it.
    pub(super) const fn is_replaceable(self) -> bool {
        matches!(self, Self::SymmetricKey | Self::Kept(_) | Self::BroughtPrivateKey | Self::BroughtPublicKey)
    }

    /// The form in which it is exported.
    pub(super) const fn form(self) -> Form {
        match self {
            Self::PublicKey | Self::BroughtPublicKey => Form::PublicKey,
            Self::PrivateKey | Self::BroughtPrivateKey => Form::PrivateKey,
            Self::Kept(_) => Form::Kept,
            Self::SymmetricKey | Self::AccountSecret { .. } => Form::Key,
        }
    }

    /// The numbers of its values, which are encrypted by its key and destroyed with it; `None` if it has no values.
    pub(super) fn values(self) -> Option<RangeInclusive<i64>> {
        match self {
            Self::AccountSecret { last } => Some((last - MAX_VERSIONS + 1).max(1)..=last),
            Self::Kept(_) => Some(1..=1),
            _ => None,
        }
    }

    /// Whether lists of keys include it.
    pub(super) const fn is_key(self) -> bool {
        match self {
            Self::SymmetricKey
            | Self::PrivateKey
            | Self::PublicKey
            | Self::BroughtPrivateKey
            | Self::BroughtPublicKey => true,
            Self::Kept(kind) => matches!(
                kind,
                ObjectType::SymmetricKey
                    | ObjectType::PrivateKey
                    | ObjectType::PublicKey
                    | ObjectType::SplitKey
                    | ObjectType::PGPKey
            ),
            Self::AccountSecret { .. } => false,
        }
    }

    /// Whether its name is unique among the keys of its project. A public key has the name of its pair.
    pub(super) const fn has_own_name(self) -> bool {
        use ObjectType::{PrivateKey, SymmetricKey};
        matches!(
            self,
            Self::SymmetricKey | Self::PrivateKey | Self::BroughtPrivateKey | Self::Kept(SymmetricKey | PrivateKey)
        )
    }

    /// Whether its value can be the API token.
    pub(super) const fn has_known_value(self) -> bool {
        matches!(self, Self::SymmetricKey)
    }

    /// Refuses the use of a key that encrypts values: only the server uses it. From secret data keys are derived.
    ///
    /// # Errors
    /// The object `id` is a secret of an account, or is kept.
    pub(super) fn check_use(self, id: &str, mask: UsageMask) -> Result<(), Error> {
        match self {
            Self::Kept(ObjectType::SecretData) if mask == UsageMask::DERIVE_KEY => Ok(()),
            Self::Kept(kind) => Err(KeptFault::Unused { id: id.to_owned(), kind }.into()),
            _ => self.check_key(),
        }
    }

    /// Refuses changes of a key for a secret, whose name is its path.
    ///
    /// # Errors
    /// The object is a secret of an account.
    pub(super) const fn check_key(self) -> Result<(), Error> {
        match self {
            Self::AccountSecret { .. } => Err(Error::ObjectType(
                "the key only encrypts the values of a secret: it cannot be used for anything else",
            )),
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
            (Self::Kept(ObjectType::SecretData), Kmip(Operation::DeriveKey)) => None,
            (Self::Kept(_), Kmip(operation)) if Facts::of(operation).is_some_and(|facts| !facts.uses.is_empty()) => {
                Some("the object is kept and given back only")
            }
            _ => None,
        }
    }
}

/// The usage attributes of the key in the HSM token: no more than the mask permits.
pub(super) fn uses(mask: UsageMask) -> Uses {
    // A MAC is verified by computing it again and comparing in constant time. PKCS#11 needs CKA_SIGN for that.
    let mac = mask.contains(UsageMask::MAC_GENERATE) || mask.contains(UsageMask::MAC_VERIFY);
    Uses {
        encrypt: mask.contains(UsageMask::ENCRYPT),
        decrypt: mask.contains(UsageMask::DECRYPT),
        sign: mac,
        verify: false,
        wrap: mask.contains(UsageMask::WRAP_KEY),
        unwrap: mask.contains(UsageMask::UNWRAP_KEY),
        derive: mask.contains(UsageMask::DERIVE_KEY),
    }
}

/// The key that encrypts values.
pub(super) const SEALING_KEY: SecretKeyKind = SecretKeyKind::Aes { bytes: 32 };

/// The kind of secret key for the algorithm and length.
pub(super) fn secret_key_kind(attributes: &Attributes) -> Option<SecretKeyKind> {
    let bits = usize::try_from(attributes.cryptographic_length?).ok()?;
    if bits == 0 || !bits.is_multiple_of(8) {
        return None;
    }
    let bytes = bits / 8;
    match attributes.cryptographic_algorithm? {
        CryptographicAlgorithm::AES => Some(SecretKeyKind::Aes { bytes }),
        CryptographicAlgorithm::ChaCha20 | CryptographicAlgorithm::ChaCha20Poly1305 => {
            (bytes == 32).then_some(SecretKeyKind::ChaCha20)
        }
        // The length is stated with the parity bits or without them.
        CryptographicAlgorithm::DES3 => match bits {
            112 | 128 => Some(SecretKeyKind::Des3 { bytes: 16 }),
            168 | 192 => Some(SecretKeyKind::Des3 { bytes: 24 }),
            _ => None,
        },
        _ => Some(SecretKeyKind::Generic { bytes }),
    }
}

#[cfg(test)]
mod tests {
    use super::super::secret_path::{set_kept, set_number};
    use super::*;

    #[test]
    fn a_secret_of_an_account_is_not_kmips_secret_data() {
        let mut attributes = Attributes { object_type: Some(ObjectType::SecretData), ..Attributes::default() };
        assert_eq!(ObjectKind::of(&attributes), None, "without a mark it was not made by the server");
        set_kept(&mut attributes);
        let kept = ObjectKind::Kept(ObjectType::SecretData);
        assert_eq!((ObjectKind::of(&attributes), kept.values()), (Some(kept), Some(1..=1)));
        set_number(&mut attributes, 21);
        let secret = ObjectKind::AccountSecret { last: 21 };
        assert_eq!((ObjectKind::of(&attributes), secret.object_type()), (Some(secret), ObjectType::SecretData));
        assert_eq!(secret.values(), Some(2..=21));
        assert!(secret.check_key().is_err() && kept.check_key().is_ok());
        assert!(
            secret.check_use("k", UsageMask::DERIVE_KEY).is_err() && kept.check_use("k", UsageMask::ENCRYPT).is_err()
        );
        assert!(kept.check_use("k", UsageMask::DERIVE_KEY).is_ok());
        assert!(ObjectKind::SymmetricKey.check_use("k", UsageMask::ENCRYPT).is_ok());
    }

    #[test]
    fn a_key_is_kept_only_with_the_mark() {
        for kind in [ObjectType::SymmetricKey, ObjectType::PrivateKey, ObjectType::PublicKey] {
            let mut attributes = Attributes { object_type: Some(kind), ..Attributes::default() };
            assert_ne!(ObjectKind::of(&attributes), Some(ObjectKind::Kept(kind)));
            set_kept(&mut attributes);
            let kept = ObjectKind::Kept(kind);
            assert_eq!(ObjectKind::of(&attributes), Some(kept));
            assert!(kept.is_key() && kept.half().is_none() && !kept.has_known_value());
            assert_eq!(kept.key_mask(&attributes), UsageMask::ENCRYPT | UsageMask::DECRYPT);
            assert!(kept.refuses(Action::Operation(Operation::Sign)).is_some());
            assert!(kept.refuses(Action::Operation(Operation::Get)).is_none());
        }
    }
}
