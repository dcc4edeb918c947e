//! The properties of an object that authorization depends on.

use super::grants::Grants;

/// The properties of an object that authorization depends on.
pub struct Resource<'a> {
    /// The Unique Identifier of the object; empty for an object that is not created yet.
    pub id: &'a str,
    /// The user name of the owner.
    pub owner: &'a str,
    /// The project that holds the object.
    pub project: Option<&'a str>,
    /// The grants on the object.
    pub grants: &'a Grants,
    /// The tags and other properties of the object. They are read only when a rule needs them.
    pub properties: &'a dyn Properties,
}

/// The attributes of an object that rules refer to.
pub trait Properties {
    /// The tags of the object.
    fn tags(&self) -> Vec<String>;
    /// The values of a property: an attribute's name, or `tag`.
    fn values(&self, property: &str) -> Vec<String>;
    /// The identifiers of the keys that the object replaces, the first of the chain first; empty if it replaces none.
    fn formers(&self) -> Vec<String> {
        Vec::new()
    }
    /// The account of the secret in the object; `None` if the object does not hold a secret.
    fn account(&self) -> Option<Account> {
        None
    }
}

/// The account of a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The name of the account, which is the name of its project; empty if it cannot be determined.
    pub name: String,
    /// Whether the secret is from before accounts were projects. For such a secret only its owner and its grants count.
    pub is_former: bool,
}
