//! The parameters of RSA-OAEP that the token has refused.

use std::sync::atomic::AtomicBool;

use claviger_pkcs11::{Hash, Oaep};

/// The number of hashes of [`Hash`].
const HASHES: usize = Hash::ALL.len();

/// For each hash of OAEP, each hash of MGF1, and a label or none: whether the token has refused it.
#[derive(Default)]
pub(super) struct Refused([[[AtomicBool; 2]; HASHES]; HASHES]);

impl Refused {
    /// Returns the place where it is noted whether the token has refused these parameters.
    pub(super) fn of(&self, Oaep { hash, mask, label }: Oaep<'_>) -> Option<&AtomicBool> {
        let place = |hash| Hash::ALL.iter().position(|own| *own == hash);
        self.0.get(place(hash)?)?.get(place(mask)?)?.get(usize::from(!label.is_empty()))
    }
}
