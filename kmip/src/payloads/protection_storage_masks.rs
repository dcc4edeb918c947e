//! The places where a new object may be stored (KMIP 2.1, section 7.33).

use crate::mask::ProtectionStorageMask;
use crate::structure::structure;

structure! {
    /// Alternatives in order of preference. All bits of one of them must be met.
    #[derive(Default, Eq)]
    pub struct ProtectionStorageMasks {
        /// The alternatives.
        masks: Vec<ProtectionStorageMask> = ProtectionStorageMask,
    }
}
