//! The specification of a secret key: type, length, permitted uses, and whether it may leave the token.

use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass};
use cryptoki::types::Ulong;
use cryptoki_sys::{
    CK_MECHANISM_TYPE, CKA_KEY_TYPE, CKK_CHACHA20, CKM_AES_KEY_GEN, CKM_CHACHA20_KEY_GEN, CKM_DES2_KEY_GEN,
    CKM_DES3_KEY_GEN, CKM_GENERIC_SECRET_KEY_GEN,
};

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
    /// CKK_CHACHA20, of 32 bytes.
    ChaCha20,
    /// CKK_DES2 or CKK_DES3: keys for 3DES.
    Des3 {
        /// The length in bytes, with the parity bits: 16 or 24.
        bytes: usize,
    },
}

/// Length in bytes of a key for ChaCha20.
const CHACHA20: usize = 32;

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
            Self::Aes { bytes } | Self::Generic { bytes } | Self::Des3 { bytes } => bytes,
            Self::ChaCha20 => CHACHA20,
        }
    }

    /// Refuses invalid lengths, without calling the token.
    pub(crate) fn validate(self) -> Result<(), Error> {
        match self {
            Self::Aes { bytes: 16 | 24 | 32 } => Ok(()),
            Self::Aes { .. } => Err(Error::InvalidInput(InvalidInput::AesKeyLength)),
            Self::Generic { bytes: 0 } => Err(Error::InvalidInput(InvalidInput::ValueLength)),
            Self::Des3 { bytes: 16 | 24 } | Self::Generic { .. } | Self::ChaCha20 => Ok(()),
            Self::Des3 { .. } => Err(Error::InvalidInput(InvalidInput::Des3KeyLength)),
        }
    }

    /// Returns CKA_KEY_TYPE. The binding does not know that of ChaCha20.
    pub(crate) fn key_type(self) -> Attribute {
        Attribute::KeyType(match self {
            Self::Aes { .. } => KeyType::AES,
            Self::Generic { .. } => KeyType::GENERIC_SECRET,
            Self::Des3 { bytes: 16 } => KeyType::DES2,
            Self::Des3 { .. } => KeyType::DES3,
            Self::ChaCha20 => {
                let value = CKK_CHACHA20.to_ne_bytes().to_vec();
                return Attribute::VendorDefined((AttributeType::VendorDefined(CKA_KEY_TYPE), value));
            }
        })
    }

    /// Returns the mechanism of C_GenerateKey.
    pub(crate) fn generation(self) -> CK_MECHANISM_TYPE {
        match self {
            Self::Aes { .. } => CKM_AES_KEY_GEN,
            Self::Generic { .. } => CKM_GENERIC_SECRET_KEY_GEN,
            Self::ChaCha20 => CKM_CHACHA20_KEY_GEN,
            Self::Des3 { bytes: 16 } => CKM_DES2_KEY_GEN,
            Self::Des3 { .. } => CKM_DES3_KEY_GEN,
        }
    }

    /// Returns CKA_VALUE_LEN, which only C_GenerateKey accepts. Keys for 3DES have none. Kryoptic requires it of keys for
    /// ChaCha20.
    pub(crate) fn length(self) -> Result<Option<Attribute>, Error> {
        if let Self::Des3 { .. } = self {
            return Ok(None);
        }
        let bytes = Ulong::try_from(self.bytes()).map_err(Error::from_binding)?;
        Ok(Some(Attribute::ValueLen(bytes)))
    }
}

impl Uses {
    /// Encryption and decryption.
    pub(crate) const CIPHER: Self = Self { encrypt: true, decrypt: true, ..Self::NONE };

    /// Making and verifying MACs.
    pub const MAC: Self = Self { sign: true, verify: true, ..Self::NONE };

    /// No use.
    pub(crate) const NONE: Self =
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
            self.kind.key_type(),
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
