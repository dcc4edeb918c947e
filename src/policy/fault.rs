//! Faults of definitions, and the checks that apply to all of them: names and the number of entries.

/// The longest name of a role, policy or project, in bytes.
pub const MAX_NAME: usize = 128;
/// The largest number of definitions of one kind.
pub const MAX_ENTRIES: usize = 10_000;
/// The largest number of entries of one list, and of members of one project.
pub(super) const MAX_PARTS: usize = 1_000;
/// The longest pattern, in bytes.
const MAX_PATTERN: usize = 512;

/// A fault of a definition: the reason, and the keys that lead to it, from the outermost.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {problem}", .path.join("."))]
pub struct Fault {
    /// The keys, from the outermost.
    pub path: Vec<String>,
    /// The reason.
    pub problem: String,
}

impl Fault {
    /// Creates a fault at these keys.
    #[must_use]
    pub fn at(path: &[&str], problem: impl Into<String>) -> Self {
        Self { path: path.iter().map(|key| (*key).to_owned()).collect(), problem: problem.into() }
    }
}

/// Refuses names that could be mistaken for another name, a pattern or a path.
///
/// # Errors
/// The name is not valid; `path` leads to it.
pub fn check_name(path: &[&str], name: &str) -> Result<(), Fault> {
    let mut bytes = name.bytes();
    let first = bytes.next().is_some_and(|byte| byte.is_ascii_alphanumeric());
    if !first || !bytes.all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte)) || name.len() > MAX_NAME {
        let problem = format!("a name has 1 to {MAX_NAME} letters, digits and `-._`, the first a letter or digit");
        return Err(Fault::at(path, problem));
    }
    Ok(())
}

/// Refuses lists that are too long.
///
/// # Errors
/// There are more than `bound` entries; `path` leads to the list.
pub fn check_count(path: &[&str], count: usize, bound: usize) -> Result<(), Fault> {
    if count > bound { Err(Fault::at(path, format!("more than {bound} entries"))) } else { Ok(()) }
}

pub(super) fn check_patterns(path: &[&str], patterns: &[String]) -> Result<(), Fault> {
    check_count(path, patterns.len(), MAX_PARTS)?;
    if patterns.is_empty() {
        return Err(Fault::at(path, "it is empty: list at least one pattern"));
    }
    match patterns.iter().find(|pattern| pattern.is_empty() || pattern.len() > MAX_PATTERN) {
        Some(_) => Err(Fault::at(path, format!("a pattern has 1 to {MAX_PATTERN} bytes"))),
        None => Ok(()),
    }
}
