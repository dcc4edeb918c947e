//! What this token can do of what some cannot.

use claviger_pkcs11::{Extractable, Need, Weakness, Weaknesses};

use super::Custody;
use super::trying::Lacking;
use crate::config::{Hsm, WeakerCustody};
use crate::store::object::Class;

/// What the token can do, as far as it was tried at the start.
#[derive(Debug, Clone, Copy)]
pub(super) struct Abilities {
    /// Whether keys can be brought in.
    pub(super) imports: bool,
    /// Whether private keys can be kept wrapped.
    pub(super) wraps_pairs: bool,
}

impl Abilities {
    /// Of a token that lacks these.
    pub(super) fn without(lacks: &[(Need, Lacking)]) -> Self {
        let lacks = |one: Need| lacks.iter().any(|(need, lacking)| *need == one && !lacking.why.is_of_a_moment());
        Self { imports: !lacks(Need::Import), wraps_pairs: !lacks(Need::Pairs) }
    }
}

impl Custody {
    /// The class that a key gets that would be of this one if the token had it: none leaves more easily than it lets keys leave.
    #[must_use]
    pub fn kept_as(&self, class: Class) -> Class {
        class.min(match self.roots().terms().wrapped.extractable() {
            Extractable::No => Class::Sealing,
            Extractable::Wrapped => Class::Guarding,
            Extractable::InClear => Class::Exporting,
        })
    }

    /// Whether the token takes keys that are brought in.
    #[must_use]
    pub fn imports(&self) -> bool {
        self.abilities.imports
    }

    /// Whether the token keeps private keys of pairs.
    #[must_use]
    pub fn has_pairs(&self) -> bool {
        self.abilities.wraps_pairs || self.is_placing()
    }

    /// The protections that the root keys lack, in words; empty if they have all.
    #[must_use]
    pub fn weaknesses(&self) -> String {
        self.roots().terms().weak.to_string()
    }
}

/// What the operator puts up with.
#[must_use]
pub fn accepted(hsm: &Hsm) -> Weaknesses {
    let weakness = |accepted: &WeakerCustody| match accepted {
        WeakerCustody::Modifiable => Weakness::Modifiable,
        WeakerCustody::Copyable => Weakness::Copyable,
        WeakerCustody::Destroyable => Weakness::Destroyable,
    };
    hsm.weaker_custody.iter().map(weakness).collect()
}
