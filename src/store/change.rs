//! What a commit changed of what other servers over the same database keep in memory.

/// The largest number of changes that are read at a time. A server that has more to read forgets everything instead.
pub(super) const MOST: usize = 4_096;

/// How many commits back changes are kept in the database.
pub(super) const KEPT: i64 = 65_536;

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A new version of the object with this identifier.
    Object(String),
    /// A new version of a definition of the policy: its kind, a slash, and its name.
    Definition(String),
    /// A new version of the access token with this identifier.
    AccessToken(String),
    /// A root key was recorded or forgotten.
    RootKey,
    /// Something was decided that must be decided by one server at a time, such as who gets a name. Nothing is kept in
    /// memory of it ([`super::claim`]).
    Claim(String),
}

/// What a server has to forget or read again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// These, in the order of the commits.
    Changes(Vec<Change>),
    /// Everything: there were too many changes, or they are no longer kept.
    Everything,
}

/// What a server does with what it heard. If it fails, it is asked again with the same and later changes, and nothing
/// that was read before is used until then.
pub type Follower = Box<dyn Fn(&Heard) -> Result<(), String> + Send + Sync>;

impl Change {
    /// The number of the kind, for a column.
    pub(super) fn kind(&self) -> i64 {
        match self {
            Self::Object(_) => 1,
            Self::Definition(_) => 2,
            Self::AccessToken(_) => 3,
            Self::RootKey => 4,
            Self::Claim(_) => 5,
        }
    }

    /// The name, for a column.
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Object(name) | Self::Definition(name) | Self::AccessToken(name) | Self::Claim(name) => name,
            Self::RootKey => "",
        }
    }

    /// The change of these columns; `None` for a kind that this program does not know.
    pub(super) fn of_columns(kind: i64, name: String) -> Option<Self> {
        Some(match kind {
            1 => Self::Object(name),
            2 => Self::Definition(name),
            3 => Self::AccessToken(name),
            4 => Self::RootKey,
            5 => Self::Claim(name),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_read_as_it_was_written() {
        let name = || "x".to_owned();
        let named =
            [Change::Object, Change::Definition, Change::AccessToken, Change::Claim].map(|change| change(name()));
        for change in named.into_iter().chain([Change::RootKey]) {
            assert_eq!(Change::of_columns(change.kind(), change.name().to_owned()), Some(change));
        }
        assert_eq!(Change::of_columns(0, name()), None);
    }
}
