//! The states of the program that a pattern becomes.

/// One state of a program. Unless it says otherwise, the next state follows. After the last state the text must end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// This character.
    Is(char),
    /// Any character.
    Any,
    /// A character that is in one of these ranges, or in none of them.
    Class { ranges: Vec<(char, char)>, negated: bool },
    /// Continues with both states.
    Fork(usize, usize),
    /// Continues with that state.
    Jump(usize),
}
