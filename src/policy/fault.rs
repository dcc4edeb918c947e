//! What can be wrong with what is written down, and what is checked of all of it: names, and how much there is.

/// The longest name of a role, policy or project, in bytes.
pub const MAX_NAME: usize = 128;
/// The most roles, policies, users or projects of one kind.
pub const MAX_ENTRIES: usize = 10_000;
/// The most parts of one list, and members of one project.
pub(super) const MAX_PARTS: usize = 1_000;
/// The longest pattern, in bytes.
const MAX_PATTERN: usize = 512;

/// What is wrong, and where: the keys that lead there, from the outermost.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {problem}", .path.join("."))]
pub struct Fault {
    /// The keys.
    pub path: Vec<String>,
    /// What is wrong.
    pub problem: String,
}

impl Fault {
    /// A fault at these keys.
    #[must_use]
    pub fn at(path: &[&str], problem: impl Into<String>) -> Self {
        Self { path: path.iter().map(|key| (*key).to_owned()).collect(), problem: problem.into() }
    }
}

/// Refuses names that could be taken for another, for a pattern or for a path.
///
/// # Errors
/// It is such a name; `path` leads to it.
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
/// There are more than `bound` entries; `path` leads to them.
pub fn check_count(path: &[&str], count: usize, bound: usize) -> Result<(), Fault> {
    if count > bound { Err(Fault::at(path, format!("more than {bound} entries"))) } else { Ok(()) }
}

pub(super) fn check_patterns(path: &[&str], patterns: &[String]) -> Result<(), Fault> {
    check_count(path, patterns.len(), MAX_PARTS)?;
    if patterns.is_empty() {
        return Err(Fault::at(path, "it is empty: nothing would ever match"));
    }
    match patterns.iter().find(|pattern| pattern.is_empty() || pattern.len() > MAX_PATTERN) {
        Some(_) => Err(Fault::at(path, format!("a pattern has 1 to {MAX_PATTERN} bytes"))),
        None => Ok(()),
    }
}
