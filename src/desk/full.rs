//! What the desk says when there is nothing left to give.

/// Why there is no place or room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Full {
    /// The caller has as much as one caller may.
    #[error("too many requests of this caller at one time")]
    Share,
    /// All have as much as there is.
    #[error("the server is busy")]
    All,
}
