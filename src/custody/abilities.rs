//! Optional abilities of the token.

use claviger_pkcs11::{DerivationKind, Device, Need, Weakness, Weaknesses};

use super::lacking::Lacking;
use crate::config::{Hsm, WeakerCustody};

/// The abilities of the token, as far as they were tried at the start.
#[derive(Debug, Clone, Copy)]
pub(super) struct Abilities {
    /// Whether keys can be imported.
    pub(super) imports: bool,
    /// Whether private keys can be kept wrapped.
    pub(super) wraps_pairs: bool,
    /// The ways of derivation that the token has, in the order of [`DerivationKind::ALL`].
    pub(super) derives: [bool; 4],
    /// Whether the token says that it is hardware.
    pub(super) is_hardware: bool,
}

impl Abilities {
    /// Returns the abilities of a device that lacks these needs.
    pub(super) fn of(device: &Device, lacks: &[(Need, Lacking)]) -> Self {
        let lacks = |one: Need| lacks.iter().any(|(need, lacking)| *need == one && !lacking.why.is_of_a_moment());
        Self {
            imports: !lacks(Need::Import),
            wraps_pairs: !lacks(Need::Pairs),
            derives: DerivationKind::ALL.map(|kind| !lacks(kind.need())),
            is_hardware: device.is_hardware(),
        }
    }
}

/// Returns the weaknesses that the operator accepts.
#[must_use]
pub fn accepted(hsm: &Hsm) -> Weaknesses {
    let weakness = |accepted: &WeakerCustody| match accepted {
        WeakerCustody::Modifiable => Weakness::Modifiable,
        WeakerCustody::Copyable => Weakness::Copyable,
        WeakerCustody::Destroyable => Weakness::Destroyable,
    };
    hsm.weaker_custody.iter().map(weakness).collect()
}
