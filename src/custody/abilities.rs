//! Optional abilities of the token.

use claviger_pkcs11::{Device, Need, Weakness, Weaknesses};

use super::lacking::Lacking;
use crate::config::{Hsm, WeakerCustody};

/// The name of the trial of 3DES.
const DES3: &str = "3DES-CBC, 3DES-CBC-PAD, 3DES-ECB";

/// The abilities of the token, as far as they were tried at the start.
#[derive(Debug, Clone, Copy)]
pub(super) struct Abilities {
    /// Whether keys can be imported.
    pub(super) imports: bool,
    /// Whether private keys can be kept wrapped.
    pub(super) wraps_pairs: bool,
    /// Whether it has these algorithms.
    pub(super) algorithms: [bool; 3],
    /// Whether the token says that it is hardware.
    pub(super) is_hardware: bool,
}

impl Abilities {
    /// Returns the abilities of a device that lacks these needs.
    pub(super) fn of(device: &Device, lacks: &[(Need, Lacking)]) -> Self {
        let has = |name: &str| !lacks.iter().any(|(_, lacking)| lacking.name == name && !lacking.why.is_of_a_moment());
        let algorithms = ["ChaCha20", "ChaCha20-Poly1305", DES3].map(has);
        let lacks = |one: Need| lacks.iter().any(|(need, lacking)| *need == one && !lacking.why.is_of_a_moment());
        let (imports, wraps_pairs) = (!lacks(Need::Import), !lacks(Need::Pairs));
        Self { imports, wraps_pairs, algorithms, is_hardware: device.is_hardware() }
    }
}

/// An algorithm that few tokens have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Optional {
    /// ChaCha20 (RFC 8439).
    ChaCha20,
    /// ChaCha20-Poly1305 (RFC 8439).
    ChaCha20Poly1305,
    /// 3DES in modes CBC and ECB.
    Des3,
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
