//! The errors of the desk when its places or memory are used up.

/// The reason why there is no place or memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Full {
    /// The caller has used up their own share.
    #[error("too many requests of this caller at one time")]
    Share,
    /// All callers together have used up the places or memory.
    #[error("the server is busy")]
    All,
}

impl Full {
    /// The advice to a caller whose request has no place.
    #[must_use]
    pub fn advice(self) -> &'static str {
        match self {
            Self::Share => "this caller has too many requests at one time: wait for their answers, and try again",
            Self::All => "the server is busy: try again later",
        }
    }

    /// Says of what there are too many.
    #[must_use]
    pub fn many(self, what: &str, doing: &str) -> String {
        match self {
            Self::Share => format!("too many {what} of this caller {doing}"),
            Self::All => format!("too many {what} {doing}"),
        }
    }
}
