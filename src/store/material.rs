//! The location of a managed object's key, and its class.

/// The class of a key: which key-encryption key wraps it, and how it may be exported. In the order of how easily keys
/// can be exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// The key never leaves the HSM token.
    Sealing,
    /// The key leaves the HSM token only wrapped by another key.
    Guarding,
    /// The key may leave the HSM token in clear.
    Exporting,
}

impl Class {
    /// The class for these attributes (KMIP and PKCS#11). A key that is not Extractable never leaves, whether it is
    /// Sensitive or not.
    #[must_use]
    pub fn of(sensitive: bool, extractable: bool) -> Self {
        match (extractable, sensitive) {
            (false, _) => Self::Sealing,
            (true, true) => Self::Guarding,
            (true, false) => Self::Exporting,
        }
    }

    /// Whether the HSM token hides the values of keys of this class.
    #[must_use]
    pub fn is_sensitive(self) -> bool {
        self != Self::Exporting
    }

    /// Whether keys of this class can leave the HSM token in any way.
    #[must_use]
    pub fn is_extractable(self) -> bool {
        self != Self::Sealing
    }

    /// Its number in the database.
    #[must_use]
    pub fn code(self) -> i64 {
        match self {
            Self::Sealing => 1,
            Self::Guarding => 2,
            Self::Exporting => 3,
        }
    }

    pub(super) fn from_code(code: i64) -> Option<Self> {
        [Self::Sealing, Self::Guarding, Self::Exporting].into_iter().find(|class| class.code() == code)
    }
}

/// The location of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Material {
    /// In the row, wrapped (RFC 3394).
    Wrapped {
        /// `CKA_ID` of the key-encryption key.
        kek: Vec<u8>,
        /// The wrapped key.
        blob: Vec<u8>,
    },
    /// An object of the HSM token.
    Token {
        /// Its `CKA_ID`.
        cka_id: Vec<u8>,
    },
    /// In the row, in clear: the public half of a pair.
    Public {
        /// SubjectPublicKeyInfo, DER (RFC 5280 section 4.1.2.7).
        info: Vec<u8>,
    },
    /// There is no key: the object was destroyed.
    Destroyed,
}

impl Material {
    pub(super) fn placement(&self) -> i64 {
        match self {
            Self::Destroyed => 0,
            Self::Wrapped { .. } => 1,
            Self::Token { .. } => 2,
            Self::Public { .. } => 3,
        }
    }

    pub(super) fn kek(&self) -> Option<&[u8]> {
        match self {
            Self::Wrapped { kek, .. } => Some(kek),
            Self::Token { .. } | Self::Public { .. } | Self::Destroyed => None,
        }
    }

    /// The bytes in the row; `None` after the object was destroyed.
    #[must_use]
    pub fn bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Wrapped { blob, .. } => Some(blob),
            Self::Token { cka_id } => Some(cka_id),
            Self::Public { info } => Some(info),
            Self::Destroyed => None,
        }
    }

    pub(super) fn from_columns(placement: i64, kek: Option<Vec<u8>>, material: Option<Vec<u8>>) -> Option<Self> {
        match (placement, kek, material) {
            (0, None, None) => Some(Self::Destroyed),
            (1, Some(kek), Some(blob)) => Some(Self::Wrapped { kek, blob }),
            (2, None, Some(cka_id)) => Some(Self::Token { cka_id }),
            (3, None, Some(info)) => Some(Self::Public { info }),
            _ => None,
        }
    }
}
