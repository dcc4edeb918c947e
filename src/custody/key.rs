//! A managed key as custody sees it: where it is, what it is, and the handle that was last used for it.

use std::sync::Arc;

use claviger_pkcs11::{PairKind, SecretKeyKind, SecretKeySpec, Uses};

use super::handles::Slot;
use crate::store::object::{Class, Material};

/// What a managed key is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    /// A secret key.
    Secret(SecretKeyKind),
    /// The private half of a pair, which signs.
    Private(PairKind),
    /// The public half, which needs no token.
    Public,
}

/// A key that can be used without asking the database again. Its handle goes when the last clone does.
pub struct ManagedKey {
    pub(super) class: Class,
    pub(super) material: Material,
    pub(super) kind: KeyKind,
    pub(super) uses: Uses,
    pub(super) slot: Arc<Slot>,
}

impl ManagedKey {
    /// A key that was read from a row whose binding was checked.
    #[must_use]
    pub fn new(class: Class, material: Material, kind: KeyKind, uses: Uses) -> Self {
        Self { class, material, kind, uses, slot: Arc::default() }
    }
}

/// What the token must let happen to a secret key, and no more.
pub(super) fn spec(class: Class, kind: SecretKeyKind, uses: Uses) -> SecretKeySpec {
    let (sensitive, extractable) = match class {
        Class::Sealing => (true, false),
        Class::Guarding => (true, true),
        Class::Exporting => (false, true),
    };
    SecretKeySpec { kind, sensitive, extractable, uses }
}

/// Whether AES key wrap carries a key of this length unchanged (RFC 3394; SoftHSM pads others silently,
/// which changes their HMAC).
pub(super) fn is_wrappable(bytes: usize) -> bool {
    bytes >= 16 && bytes.is_multiple_of(8)
}
