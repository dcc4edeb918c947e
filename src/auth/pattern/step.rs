//! The states of the program that a pattern becomes.

/// One state of a program; where it does not say so, the next one follows. Behind the last the text must end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// This character.
    Is(char),
    /// Any character.
    Any,
    /// A character that is in one of these ranges, or in none of them.
    Class { ranges: Vec<(char, char)>, negated: bool },
    /// Both go on.
    Fork(usize, usize),
    /// Only that one goes on.
    Jump(usize),
}
