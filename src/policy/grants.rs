//! Grants: what the owner of an object lets others do with it.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::action::Action;
use crate::principal::{Username, UsernameError};

/// The largest number of grantees of one object.
pub const MAX_GRANTEES: usize = 256;

/// The users to whom actions are granted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Grantee {
    /// The user of this name, whatever the authentication method: user names are one name space.
    User(String),
    /// The users who have this role.
    Role(String),
    /// Every authenticated caller.
    Everyone,
}

/// The grants of one object. They are stored in the object's row, and the MAC of the row covers them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grants(Vec<Grant>);

/// One grantee and the actions that are granted to them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// The grantee.
    pub to: Grantee,
    /// The granted actions.
    pub actions: BTreeSet<Action>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    to: Grantee,
    operations: Vec<String>,
}

/// Stored grants that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("the stored grants cannot be read")]
pub struct Unreadable;

impl Grantee {
    /// Reads a grantee: a user name, or `*` for everyone.
    ///
    /// # Errors
    /// It is not a user name.
    pub fn user(name: &str) -> Result<Self, UsernameError> {
        if name == "*" {
            return Ok(Self::Everyone);
        }
        match Username::new(name) {
            // Exchanged identities have reserved names, and they may receive grants as other users may.
            // A grant to a name that only the configuration uses may be from before these names were refused.
            Ok(_) | Err(UsernameError::Reserved | UsernameError::Principal) => Ok(Self::User(name.to_owned())),
            Err(error) => Err(error),
        }
    }

    /// The key of the grantee in the table that lists the grants by grantee. Different grantees have different keys.
    #[must_use]
    pub fn index(&self) -> String {
        match self {
            Self::User(name) => format!("user:{name}"),
            Self::Role(name) => format!("role:{name}"),
            Self::Everyone => "*".to_owned(),
        }
    }

    /// The key, in that table, of the objects of an owner outside of projects that are granted to everyone.
    #[must_use]
    pub fn everyone_by(owner: &str) -> String {
        format!("everyone:{owner}")
    }
}

impl fmt::Display for Grantee {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(name) => write!(f, "the user {name:?}"),
            Self::Role(name) => write!(f, "the role {name:?}"),
            Self::Everyone => f.write_str("everyone"),
        }
    }
}

impl Grants {
    /// Reads the text that [`Self::to_text`] writes.
    ///
    /// # Errors
    /// The text is not of that form.
    pub fn from_text(text: &str) -> Result<Self, Unreadable> {
        let stored: Vec<Stored> = serde_json::from_str(text).map_err(|_| Unreadable)?;
        let read = |stored: Stored| {
            let actions: Option<BTreeSet<Action>> =
                stored.operations.iter().map(|word| Action::from_word(word)).collect();
            actions.map(|actions| Grant { to: stored.to, actions })
        };
        stored.into_iter().map(read).collect::<Option<_>>().map(Self).ok_or(Unreadable)
    }

    /// The text for the row; `None` if there are no grants.
    #[must_use]
    pub fn to_text(&self) -> Option<String> {
        let stored = self.0.iter().map(|grant| Stored {
            to: grant.to.clone(),
            operations: grant.actions.iter().map(|action| action.word().to_owned()).collect(),
        });
        (!self.0.is_empty()).then(|| serde_json::to_string(&stored.collect::<Vec<_>>()).unwrap_or_default())
    }

    /// All grants.
    pub fn iter(&self) -> impl Iterator<Item = &Grant> {
        self.0.iter()
    }

    /// The number of grantees.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are no grants.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The actions that are granted to `to`.
    #[must_use]
    pub fn of(&self, to: &Grantee) -> Option<&BTreeSet<Action>> {
        self.0.iter().find(|grant| grant.to == *to).map(|grant| &grant.actions)
    }

    /// Adds actions; returns whether anything changed.
    pub fn give(&mut self, to: &Grantee, actions: &BTreeSet<Action>) -> bool {
        match self.0.iter_mut().find(|grant| grant.to == *to) {
            Some(grant) => {
                let before = grant.actions.len();
                grant.actions.extend(actions);
                grant.actions.len() != before
            }
            None => {
                self.0.push(Grant { to: to.clone(), actions: actions.clone() });
                true
            }
        }
    }

    /// Removes actions; returns whether anything changed.
    pub fn take(&mut self, to: &Grantee, actions: &BTreeSet<Action>) -> bool {
        let Some(grant) = self.0.iter_mut().find(|grant| grant.to == *to) else { return false };
        let before = grant.actions.len();
        grant.actions.retain(|action| !actions.contains(action));
        let changed = grant.actions.len() != before;
        self.0.retain(|grant| !grant.actions.is_empty());
        changed
    }

    /// Returns the grants that both have.
    #[must_use]
    pub fn common(&self, other: &Self) -> Self {
        let common = |grant: &Grant| {
            let actions: BTreeSet<Action> = grant.actions.intersection(other.of(&grant.to)?).copied().collect();
            (!actions.is_empty()).then(|| Grant { to: grant.to.clone(), actions })
        };
        Self(self.0.iter().filter_map(common).collect())
    }

    /// Removes all grants of a grantee, for example when they become the owner.
    pub fn forget(&mut self, to: &Grantee) {
        self.0.retain(|grant| grant.to != *to);
    }
}
