//! An object, as far as the decision depends on it.

use super::grants::Grants;

/// An object, as far as the decision depends on it.
pub struct Resource<'a> {
    /// Its Unique Identifier; empty for one that is yet to be made.
    pub id: &'a str,
    /// Who owns it.
    pub owner: &'a str,
    /// The project that holds it.
    pub project: Option<&'a str>,
    /// What its owner lets others do.
    pub grants: &'a Grants,
    /// Its tags and other properties, read only when a rule asks for them.
    pub properties: &'a dyn Properties,
}

/// What rules ask of an object's attributes.
pub trait Properties {
    /// Its tags.
    fn tags(&self) -> Vec<String>;
    /// The values of a property: an attribute's name, or `tag`.
    fn values(&self, property: &str) -> Vec<String>;
    /// The account of the secret that it holds; `None` for what holds none.
    fn account(&self) -> Option<Account> {
        None
    }
}

/// The account of a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its name, which is that of its project; empty if it cannot be known.
    pub name: String,
    /// Whether the secret is from before accounts were projects. Its owner and grantees go on as they were.
    pub is_former: bool,
}
