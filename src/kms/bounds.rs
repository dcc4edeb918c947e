//! Limits of the length of texts and the number of offers.

/// Maximum length of a reason, in bytes.
pub const MAX_REASON: usize = 255;

/// Maximum length of a secret's value, in bytes.
pub const MAX_SECRET: usize = 64 << 10;

/// Maximum number of pending offers to one user.
pub(super) const MAX_OFFERS: usize = 1_000;

/// Maximum number of pending offers of one user to another.
pub(super) const MAX_OFFERS_OF_ONE: usize = MAX_OFFERS / 10;

/// Maximum number of objects outside of projects that one owner grants to everyone: searches of all callers visit them.
pub(super) const MAX_FOR_EVERYONE: usize = 1_000;
