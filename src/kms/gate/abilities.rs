//! The capabilities of the HSM token, which differ between HSMs.

use super::super::operations::Needs;
use super::service::Kms;
use crate::kmip::ProtectionStorageMask;
use crate::kmip::enumerations::UnwrapMode;

impl Kms {
    /// The protections that the root keys lack, as text; empty if they lack none.
    #[must_use]
    pub fn weaker_custody(&self) -> String {
        self.custody.weaknesses()
    }

    /// Whether the HSM token supports what is needed.
    pub(in crate::kms) fn has(&self, needs: Needs) -> bool {
        match needs {
            Needs::Nothing => true,
            Needs::Pairs => self.custody.has_pairs(),
            Needs::Derivation => self.custody.derives_any(),
            Needs::Interop => self.interop,
        }
    }

    /// What becomes of keys that are registered wrapped.
    pub(in crate::kms) fn unwrap_mode(&self) -> UnwrapMode {
        if self.custody.unwraps() { UnwrapMode::Processed } else { UnwrapMode::NotProcessed }
    }

    /// Where objects are stored.
    pub(in crate::kms) fn storage(&self) -> ProtectionStorageMask {
        if self.custody.is_hardware() { ProtectionStorageMask::HARDWARE } else { ProtectionStorageMask::SOFTWARE }
    }
}
