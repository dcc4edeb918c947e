//! Optional abilities of the token.

use claviger_pkcs11::{DerivationKind, Device, Need, PairKind, Weakness, Weaknesses};

use super::lacking::Lacking;
use crate::config::{Hsm, WeakerCustody};

/// The name of the trial of 3DES.
const DES3: &str = "3DES-CBC, 3DES-CBC-PAD, 3DES-ECB";

/// The abilities of the token, as far as they were tried at the start.
#[derive(Debug, Clone)]
pub(super) struct Abilities {
    /// Whether keys can be imported.
    pub(super) imports: bool,
    /// Whether private keys can be imported.
    pub(super) imports_private: bool,
    /// Whether private keys can be kept wrapped.
    pub(super) wraps_pairs: bool,
    /// Whether it has these algorithms.
    pub(super) algorithms: [bool; 3],
    /// The ways of derivation that the token has, in the order of [`DerivationKind::ALL`].
    pub(super) derives: [bool; DerivationKind::ALL.len()],
    /// The kinds of pairs that the token does not make.
    lacks_pairs: Vec<PairKind>,
    /// The kinds of pairs whose private half the token does not wrap.
    lacks_wrapping: Vec<PairKind>,
    /// Whether the token says that it is hardware.
    pub(super) is_hardware: bool,
}

impl Abilities {
    /// Returns the abilities of a device that lacks these needs.
    pub(super) fn of(device: &Device, lacks: &[(Need, Lacking)]) -> Self {
        let lacks = || lacks.iter().filter(|(_, lacking)| !lacking.why.is_of_a_moment());
        let has = |one: Need| !lacks().any(|(need, _)| *need == one);
        let has_trial = |name: &str| !lacks().any(|(_, lacking)| lacking.name == name);
        Self {
            imports: has(Need::Import),
            imports_private: has(Need::PrivateImport),
            wraps_pairs: has(Need::Pairs),
            algorithms: ["ChaCha20", "ChaCha20-Poly1305", DES3].map(has_trial),
            derives: DerivationKind::ALL.map(|kind| has(kind.need())),
            lacks_pairs: lacks()
                .filter_map(|(need, _)| if let Need::Pair(kind) = need { Some(*kind) } else { None })
                .collect(),
            lacks_wrapping: lacks()
                .filter_map(|(need, _)| if let Need::WrappedPair(kind) = need { Some(*kind) } else { None })
                .collect(),
            is_hardware: device.is_hardware(),
        }
    }

    /// Whether the token makes pairs of this kind.
    pub(super) fn makes(&self, kind: PairKind) -> bool {
        !self.lacks_pairs.contains(&kind)
    }

    /// Whether the token wraps private keys of this kind.
    pub(super) fn wraps(&self, kind: PairKind) -> bool {
        !self.lacks_wrapping.contains(&kind)
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
