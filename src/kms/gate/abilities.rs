//! What this token can do of what some cannot.

use super::super::operations::Needs;
use super::service::Kms;

impl Kms {
    /// The protections that the root keys lack, in words; empty if they have all.
    #[must_use]
    pub fn weaker_custody(&self) -> String {
        self.custody.weaknesses()
    }

    /// Whether the token can do what is needed.
    pub(in crate::kms) fn has(&self, needs: Needs) -> bool {
        match needs {
            Needs::Nothing => true,
            Needs::Imports => self.custody.imports(),
            Needs::Pairs => self.custody.has_pairs(),
        }
    }
}
