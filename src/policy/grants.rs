//! What the owner of an object lets others do with it.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::action::Action;
use crate::principal::{Username, UsernameError};

/// The most grantees of one object.
pub const MAX_GRANTEES: usize = 256;

/// To whom operations are granted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Grantee {
    /// The user of this name, however proved: there is one name space.
    User(String),
    /// Those to whom the configuration gives this role.
    Role(String),
    /// Everyone who has proved who they are.
    Everyone,
}

/// The grants of one object. Serialized they stand in its bound row.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grants(Vec<Grant>);

/// One grantee and their operations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// To whom.
    pub to: Grantee,
    /// What.
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
    /// A user by name, or everyone by `*`.
    ///
    /// # Errors
    /// It is no user name.
    pub fn user(name: &str) -> Result<Self, UsernameError> {
        if name == "*" {
            return Ok(Self::Everyone);
        }
        match Username::new(name) {
            // Exchanged identities bear reserved names, and may be given access like anybody else.
            Ok(_) | Err(UsernameError::Reserved) => Ok(Self::User(name.to_owned())),
            Err(error) => Err(error),
        }
    }

    /// Its text in the table by which grantees find what they were given. No text stands for two grantees.
    #[must_use]
    pub fn index(&self) -> String {
        match self {
            Self::User(name) => format!("user:{name}"),
            Self::Role(name) => format!("role:{name}"),
            Self::Everyone => "*".to_owned(),
        }
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
    /// Reads what [`Self::to_text`] wrote.
    ///
    /// # Errors
    /// It is something else.
    pub fn from_text(text: &str) -> Result<Self, Unreadable> {
        let stored: Vec<Stored> = serde_json::from_str(text).map_err(|_| Unreadable)?;
        let read = |stored: Stored| {
            let actions: Option<BTreeSet<Action>> =
                stored.operations.iter().map(|word| Action::from_word(word)).collect();
            actions.map(|actions| Grant { to: stored.to, actions })
        };
        stored.into_iter().map(read).collect::<Option<_>>().map(Self).ok_or(Unreadable)
    }

    /// The text for the row; nothing if there are no grants.
    #[must_use]
    pub fn to_text(&self) -> Option<String> {
        let stored = self.0.iter().map(|grant| Stored {
            to: grant.to.clone(),
            operations: grant.actions.iter().map(|action| action.word().to_owned()).collect(),
        });
        (!self.0.is_empty()).then(|| serde_json::to_string(&stored.collect::<Vec<_>>()).unwrap_or_default())
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Grant> {
        self.0.iter()
    }

    /// How many grantees there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What is granted to `to`.
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

    /// What is granted here and there.
    #[must_use]
    pub fn common(&self, other: &Self) -> Self {
        let common = |grant: &Grant| {
            let actions: BTreeSet<Action> = grant.actions.intersection(other.of(&grant.to)?).copied().collect();
            (!actions.is_empty()).then(|| Grant { to: grant.to.clone(), actions })
        };
        Self(self.0.iter().filter_map(common).collect())
    }

    /// Removes everything of a grantee: of somebody who became the owner, say.
    pub fn forget(&mut self, to: &Grantee) {
        self.0.retain(|grant| grant.to != *to);
    }
}
