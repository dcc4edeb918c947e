//! What this token can do of what some cannot.

use super::service::Kms;

impl Kms {
    /// The protections that the root keys lack, in words; empty if they have all.
    #[must_use]
    pub fn weaker_custody(&self) -> String {
        self.custody.weaknesses()
    }

    /// Whether the token takes keys that are brought in.
    pub(in crate::kms) fn imports(&self) -> bool {
        self.custody.imports()
    }

    /// Whether the token keeps private keys of pairs.
    pub(in crate::kms) fn has_pairs(&self) -> bool {
        self.custody.has_pairs()
    }
}
