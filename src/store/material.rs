//! Where a managed object's key is, and what the token lets happen to it.

/// Which key-encryption key wraps a key, and so what the token lets happen to it.
/// In the order of how easily keys leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// May never leave the token.
    Sealing,
    /// Leaves the token wrapped by another key only.
    Guarding,
    /// May leave the token in clear.
    Exporting,
}

impl Class {
    /// That of a key with these attributes (KMIP and PKCS#11). What is not Extractable never leaves, Sensitive or not.
    #[must_use]
    pub fn of(sensitive: bool, extractable: bool) -> Self {
        match (extractable, sensitive) {
            (false, _) => Self::Sealing,
            (true, true) => Self::Guarding,
            (true, false) => Self::Exporting,
        }
    }

    /// Whether the token hides the values of its keys.
    #[must_use]
    pub fn is_sensitive(self) -> bool {
        self != Self::Exporting
    }

    /// Whether its keys leave in any way.
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

/// Where the key is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Material {
    /// In the row, wrapped (RFC 3394).
    Wrapped {
        /// `CKA_ID` of the key-encryption key.
        kek: Vec<u8>,
        /// The wrapped key.
        blob: Vec<u8>,
    },
    /// An object of the token.
    Token {
        /// Its `CKA_ID`.
        cka_id: Vec<u8>,
    },
    /// In the row, in clear: the public half of a pair.
    Public {
        /// SubjectPublicKeyInfo, DER (RFC 5280 section 4.1.2.7).
        info: Vec<u8>,
    },
    /// Gone: the object was destroyed.
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

    /// What the row holds of it; `None` once it is destroyed.
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
