//! How much callers may say and have.

/// The longest reason, in bytes.
pub const MAX_REASON: usize = 255;

/// The longest value, in bytes.
pub const MAX_SECRET: usize = 64 << 10;

/// The most offers to one user that wait at one time.
pub(super) const MAX_OFFERS: usize = 1_000;
