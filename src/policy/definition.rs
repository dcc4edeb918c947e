//! The kinds of definitions, one row for each, and everything that is written down: in the policy file and in the database.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::fault::{MAX_ENTRIES, MAX_PARTS};
use super::file::FileError;
use super::subject::Subject;

/// Calls a macro with the table of the kinds: the kind, its name in the database and in messages, the table of the policy file that
/// holds its definitions, what one of them says, and what it is.
macro_rules! each_kind {
    ($with:ident) => {
        $with! {
            Role, "role", roles, super::document::RoleDocument, "Capabilities and policies under one name";
            Policy, "policy", policies, super::document::PolicyDocument, "What is allowed or denied";
            User, "user", users, super::document::UserDocument, "The role of a user";
            Project, "project", projects, super::document::ProjectDocument, "What holds objects, with its members";
            Identity, "identity", identities, super::identity::IdentityDocument,
                "Applications that log in by JWTs or client secrets, as Infisical has them";
            Authenticator, "authenticator", authenticators, super::conjur::AuthenticatorDocument,
                "Issuers that vouch for hosts, as Conjur has them";
            Host, "host", hosts, super::conjur::HostDocument, "Applications, as Conjur has them";
        }
    };
}
pub(super) use each_kind;

macro_rules! define {
    ($($kind:ident, $word:literal, $table:ident, $document:ty, $about:literal;)*) => {
        /// A kind of definition.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind {
            $(#[doc = $about] $kind,)*
        }

        /// One definition, as it is written in the policy file or the database.
        #[derive(Debug, Clone, Serialize)]
        #[serde(untagged)]
        pub enum Definition {
            $(#[doc = $about] $kind(Box<$document>),)*
        }

        /// The content of the policy file. Each field is a key or table of its TOML.
        #[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub struct Documents {
            /// The subjects who may create objects; every authenticated caller if absent.
            pub create: Option<Vec<String>>,
            /// Who administers.
            pub administrators: Option<Vec<String>>,
            /// The subjects who may read the audit log and the inventory, in addition to the administrators.
            pub auditors: Option<Vec<String>>,
            /// The subjects who may propose and approve recoveries of objects.
            pub recoverers: Option<Vec<String>>,
            /// The number of recoverers who must approve a recovery.
            pub recovery_approvals: Option<u32>,
            $(#[doc = $about] pub $table: BTreeMap<String, $document>,)*
            /// The text of the IAM file from which some of the definitions come.
            #[serde(skip)]
            pub iam_file: Option<Arc<str>>,
        }

        impl Kind {
            /// All kinds.
            pub const ALL: &[Self] = &[$(Self::$kind),*];

            /// The name of the kind in the database and in messages.
            #[must_use]
            pub fn word(self) -> &'static str {
                match self {
                    $(Self::$kind => $word,)*
                }
            }

            /// The table of the policy file that holds definitions of the kind; lists of them have its name, too.
            #[must_use]
            pub fn table(self) -> &'static str {
                match self {
                    $(Self::$kind => stringify!($table),)*
                }
            }

            /// What definitions of the kind are, for people.
            #[must_use]
            pub fn about(self) -> &'static str {
                match self {
                    $(Self::$kind => $about,)*
                }
            }

            /// Reads a definition of the kind from JSON.
            ///
            /// # Errors
            /// The text is not JSON of this shape.
            pub fn read(self, text: &[u8]) -> Result<Definition, serde_json::Error> {
                Ok(match self {
                    $(Self::$kind => Definition::$kind(serde_json::from_slice(text)?),)*
                })
            }

            /// The definition of this kind and name.
            #[must_use]
            pub fn of(self, documents: &Documents, name: &str) -> Option<Value> {
                match self {
                    $(Self::$kind => documents.$table.get(name).map(|own| serde_json::to_value(own).unwrap_or_default()),)*
                }
            }

            /// Whether the documents have a definition of this kind and name.
            #[must_use]
            pub fn is_in(self, documents: &Documents, name: &str) -> bool {
                match self {
                    $(Self::$kind => documents.$table.contains_key(name),)*
                }
            }

            /// The first names of this kind after `after`, at most `limit`.
            #[must_use]
            pub fn names(self, documents: &Documents, after: &str, limit: usize) -> Vec<String> {
                match self {
                    $(Self::$kind => later(&documents.$table, after, limit),)*
                }
            }
        }

        impl Definition {
            /// Its kind.
            #[must_use]
            pub fn kind(&self) -> Kind {
                match self {
                    $(Self::$kind(_) => Kind::$kind,)*
                }
            }
        }

        impl Documents {
            /// Puts a definition in its place.
            pub fn put(&mut self, name: String, definition: Definition) {
                match definition {
                    $(Definition::$kind(document) => drop(self.$table.insert(name, *document)),)*
                }
            }

            /// All definitions with their names.
            pub(super) fn into_definitions(self) -> Vec<(String, Definition)> {
                let mut all = Vec::new();
                $(all.extend(self.$table.into_iter().map(|(name, own)| (name, Definition::$kind(Box::new(own)))));)*
                all
            }

            /// Returns these definitions together with those of another file of the configuration.
            ///
            /// # Errors
            /// Both files define the same name.
            pub fn joined(mut self, other: Self) -> Result<Self, FileError> {
                $(join($word, &mut self.$table, other.$table)?;)*
                self.iam_file = other.iam_file.or(self.iam_file);
                Ok(self)
            }

            /// Returns the documents in which the definitions of `stronger` replace those of the same name.
            #[must_use]
            pub fn overridden(mut self, stronger: &Self) -> Self {
                self.create = stronger.create.clone().or(self.create);
                self.administrators = stronger.administrators.clone().or(self.administrators);
                self.auditors = stronger.auditors.clone().or(self.auditors);
                self.recoverers = stronger.recoverers.clone().or(self.recoverers);
                self.recovery_approvals = stronger.recovery_approvals.or(self.recovery_approvals);
                $(self.$table.extend(stronger.$table.clone());)*
                self
            }
        }
    };
}
each_kind!(define);

impl Kind {
    /// Returns the kind of a name.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.word() == word)
    }

    /// The kind of a table.
    #[must_use]
    pub fn from_table(table: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.table() == table)
    }

    /// The largest number of definitions of the kind.
    pub(super) fn bound(self) -> usize {
        if self == Self::Authenticator { MAX_PARTS } else { MAX_ENTRIES }
    }

    /// The one spelling of a name.
    #[must_use]
    pub fn canonical(self, name: &str) -> String {
        let subject = if self == Self::User { Subject::parse(name).ok() } else { None };
        subject.map_or_else(|| name.to_owned(), |subject| subject.to_string())
    }
}

impl Documents {
    /// Returns the documents with each user written in the canonical form, so that two spellings of one user are equal.
    #[must_use]
    pub fn canonical(mut self) -> Self {
        self.users = self.users.into_iter().map(|(name, user)| (Kind::User.canonical(&name), user)).collect();
        self
    }
}

fn later<T>(table: &BTreeMap<String, T>, after: &str, limit: usize) -> Vec<String> {
    let later = table.range::<str, _>((Bound::Excluded(after), Bound::Unbounded));
    later.map(|(name, _)| name.clone()).take(limit).collect()
}

fn join<T>(kind: &'static str, own: &mut BTreeMap<String, T>, other: BTreeMap<String, T>) -> Result<(), FileError> {
    for (name, document) in other {
        if own.contains_key(&name) {
            return Err(FileError::TwoFiles { kind, name });
        }
        own.insert(name, document);
    }
    Ok(())
}
