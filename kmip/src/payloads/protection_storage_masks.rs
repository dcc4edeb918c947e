//! Where a new object may be kept (KMIP 2.1, section 7.33).

use crate::mask::ProtectionStorageMask;
use crate::structure::structure;

structure! {
    /// Alternatives in the order of preference; one of them must be met in all its bits.
    #[derive(Default, Eq)]
    pub struct ProtectionStorageMasks {
        /// The alternatives.
        masks: Vec<ProtectionStorageMask> = ProtectionStorageMask,
    }
}
