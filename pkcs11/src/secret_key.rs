//! The specification of a secret key: type, length, permitted uses, and whether it may leave the token.

use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, KeyType, ObjectClass};
use cryptoki::types::Ulong;

use crate::error::{Error, InvalidInput};
use crate::key::KeyId;

/// The attributes of a secret key that the caller chooses. CKA_PRIVATE is always true.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SecretKeySpec {
    /// Type and length.
    pub kind: SecretKeyKind,
    /// CKA_SENSITIVE: the value is never returned in clear.
    pub sensitive: bool,
    /// CKA_EXTRACTABLE: the key may be wrapped, or returned in clear if it is not sensitive.
    pub extractable: bool,
    /// The usage attributes.
    pub uses: Uses,
}

/// Type and length of a secret key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretKeyKind {
    /// CKK_AES.
    Aes {
        /// The length in bytes: 16, 24 or 32.
        bytes: usize,
    },
    /// CKK_GENERIC_SECRET, which HMAC needs.
    Generic {
        /// Length in bytes, at least 1.
        bytes: usize,
    },
}

/// The usage attributes of a key. Those that are not requested are set to false, and never left to the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Uses {
    /// CKA_ENCRYPT.
    pub encrypt: bool,
    /// CKA_DECRYPT.
    pub decrypt: bool,
    /// CKA_SIGN, which also permits making MACs.
    pub sign: bool,
    /// CKA_VERIFY.
    pub verify: bool,
    /// CKA_WRAP.
    pub wrap: bool,
    /// CKA_UNWRAP.
    pub unwrap: bool,
    /// CKA_DERIVE.
    pub derive: bool,
}

/// The place of a key.
#[derive(Clone, Copy)]
pub(crate) enum Placement<'a> {
    Session,
    Token(&'a KeyId, &'a str),
}

impl SecretKeyKind {
    /// Returns the length of the key in bytes.
    pub fn bytes(self) -> usize {
        match self {
            Self::Aes { bytes } | Self::Generic { bytes } => bytes,
        }
    }

    /// Refuses invalid lengths, without calling the token.
    pub(crate) fn validate(self) -> Result<(), Error> {
        match self {
            Self::Aes { bytes: 16 | 24 | 32 } => Ok(()),
            Self::Aes { .. } => Err(Error::InvalidInput(InvalidInput::AesKeyLength)),
            Self::Generic { bytes: 0 } => Err(Error::InvalidInput(InvalidInput::ValueLength)),
            Self::Generic { .. } => Ok(()),
        }
    }

    pub(crate) fn key_type(self) -> KeyType {
        match self {
            Self::Aes { .. } => KeyType::AES,
            Self::Generic { .. } => KeyType::GENERIC_SECRET,
        }
    }

    pub(crate) fn generation(self) -> Mechanism<'static> {
        match self {
            Self::Aes { .. } => Mechanism::AesKeyGen,
            Self::Generic { .. } => Mechanism::GenericSecretKeyGen,
        }
    }

    /// Returns CKA_VALUE_LEN, which only C_GenerateKey accepts.
    pub(crate) fn length(self) -> Result<Attribute, Error> {
        let bytes = Ulong::try_from(self.bytes()).map_err(Error::from_binding)?;
        Ok(Attribute::ValueLen(bytes))
    }
}

impl Uses {
    /// Encryption and decryption.
    pub(crate) const CIPHER: Self = Self { encrypt: true, decrypt: true, ..Self::NONE };

    /// Making and verifying MACs.
    pub const MAC: Self = Self { sign: true, verify: true, ..Self::NONE };

    const NONE: Self =
        Self { encrypt: false, decrypt: false, sign: false, verify: false, wrap: false, unwrap: false, derive: false };

    pub(crate) fn attributes(self) -> [Attribute; 7] {
        [
            Attribute::Encrypt(self.encrypt),
            Attribute::Decrypt(self.decrypt),
            Attribute::Sign(self.sign),
            Attribute::Verify(self.verify),
            Attribute::Wrap(self.wrap),
            Attribute::Unwrap(self.unwrap),
            Attribute::Derive(self.derive),
        ]
    }
}

impl SecretKeySpec {
    /// Returns the template, without length and value. SENSITIVE and EXTRACTABLE are always included:
    /// CKA_UNWRAP_TEMPLATE refuses a key if they are left to defaults.
    pub(crate) fn template(&self, placement: Placement<'_>) -> Vec<Attribute> {
        let mut template = vec![
            Attribute::Class(ObjectClass::SECRET_KEY),
            Attribute::KeyType(self.kind.key_type()),
            Attribute::Private(true),
            Attribute::Sensitive(self.sensitive),
            Attribute::Extractable(self.extractable),
        ];
        template.extend(self.uses.attributes());
        template.extend(placement.attributes());
        template
    }
}

impl Placement<'_> {
    pub(crate) fn attributes(self) -> Vec<Attribute> {
        match self {
            Self::Session => vec![Attribute::Token(false)],
            Self::Token(id, label) => vec![
                Attribute::Token(true),
                Attribute::Id(id.as_bytes().to_vec()),
                Attribute::Label(label.as_bytes().to_vec()),
            ],
        }
    }
}
