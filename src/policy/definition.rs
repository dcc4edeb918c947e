//! One definition: a role, a policy, a user, a project, an identity, an authenticator or a host.

use serde::de::DeserializeOwned;

use super::conjur::{AuthenticatorDocument, HostDocument};
use super::document::{Documents, PolicyDocument, ProjectDocument, RoleDocument, UserDocument};
use super::fault::{MAX_ENTRIES, MAX_PARTS};
use super::identity::IdentityDocument;

/// A kind of definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A role: capabilities and policies.
    Role,
    /// A policy: what is allowed or denied.
    Policy,
    /// The role of a user.
    User,
    /// A project with its members. Projects hold objects.
    Project,
    /// An exchanged identity.
    Identity,
    /// An issuer that vouches for hosts.
    Authenticator,
    /// A host.
    Host,
}

/// One definition, as it is written in the policy file or the database.
#[derive(Debug, Clone)]
pub enum Definition {
    /// See [`Kind::Role`].
    Role(RoleDocument),
    /// See [`Kind::Policy`].
    Policy(PolicyDocument),
    /// See [`Kind::User`].
    User(UserDocument),
    /// See [`Kind::Project`].
    Project(ProjectDocument),
    /// See [`Kind::Identity`].
    Identity(Box<IdentityDocument>),
    /// See [`Kind::Authenticator`].
    Authenticator(AuthenticatorDocument),
    /// See [`Kind::Host`].
    Host(HostDocument),
}

impl Kind {
    const ALL: [Self; 7] =
        [Self::Role, Self::Policy, Self::User, Self::Project, Self::Identity, Self::Authenticator, Self::Host];

    /// The name of the kind in the database and in messages.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Role => "role",
            Self::Policy => "policy",
            Self::User => "user",
            Self::Project => "project",
            Self::Identity => "identity",
            Self::Authenticator => "authenticator",
            Self::Host => "host",
        }
    }

    /// Returns the kind of a name.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }

    /// The table of the policy file that contains definitions of the kind.
    #[must_use]
    pub fn table(self) -> &'static str {
        match self {
            Self::Role => "roles",
            Self::Policy => "policies",
            Self::User => "users",
            Self::Project => "projects",
            Self::Identity => "identities",
            Self::Authenticator => "authenticators",
            Self::Host => "hosts",
        }
    }

    /// The largest number of definitions of the kind.
    pub(super) fn bound(self) -> usize {
        if self == Self::Authenticator { MAX_PARTS } else { MAX_ENTRIES }
    }

    /// Reads a definition of the kind from JSON.
    ///
    /// # Errors
    /// The text is not JSON of this shape.
    pub fn read(self, text: &str) -> Result<Definition, serde_json::Error> {
        fn document<T: DeserializeOwned>(text: &str) -> Result<T, serde_json::Error> {
            serde_json::from_str(text)
        }
        Ok(match self {
            Self::Role => Definition::Role(document(text)?),
            Self::Policy => Definition::Policy(document(text)?),
            Self::User => Definition::User(document(text)?),
            Self::Project => Definition::Project(document(text)?),
            Self::Identity => Definition::Identity(document(text)?),
            Self::Authenticator => Definition::Authenticator(document(text)?),
            Self::Host => Definition::Host(document(text)?),
        })
    }

    /// Whether the documents have a definition of this kind and name.
    #[must_use]
    pub fn is_in(self, documents: &Documents, name: &str) -> bool {
        match self {
            Self::Role => documents.roles.contains_key(name),
            Self::Policy => documents.policies.contains_key(name),
            Self::User => documents.users.contains_key(name),
            Self::Project => documents.projects.contains_key(name),
            Self::Identity => documents.identities.contains_key(name),
            Self::Authenticator => documents.authenticators.contains_key(name),
            Self::Host => documents.hosts.contains_key(name),
        }
    }
}

impl Definition {
    /// The kind of the definition.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Role(_) => Kind::Role,
            Self::Policy(_) => Kind::Policy,
            Self::User(_) => Kind::User,
            Self::Project(_) => Kind::Project,
            Self::Identity(_) => Kind::Identity,
            Self::Authenticator(_) => Kind::Authenticator,
            Self::Host(_) => Kind::Host,
        }
    }
}
