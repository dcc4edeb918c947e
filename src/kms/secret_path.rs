//! The paths of secrets, and the attributes by which the server marks an object whose value it encrypts. Only the server
//! sets these attributes.

use openssl::sha::sha256;

use super::error::Error;
use super::uuid;
use crate::hexadecimal;
use crate::kmip::attributes::{TAG_VENDOR, VendorAttribute};
use crate::kmip::ttlv::Value;
use crate::kmip::{Attributes, UniqueIdentifier};
use crate::policy::Account;

/// Number of values that are kept of one secret.
pub(super) const MAX_VERSIONS: i64 = 20;

/// Maximum length of a path, and of an account, in bytes.
pub(super) const MAX_PATH: usize = 800;
const MAX_ACCOUNT: usize = 128;

/// Maximum length of a name that the audit log records completely, in bytes.
const MAX_LOGGED: usize = 400;

/// The prefix of the identifier of every object that holds a secret; callers cannot choose such an identifier.
pub(super) const PREFIX: &str = "secret:";

/// The text between account and path in the name of a secret.
const VARIABLE: &str = ":variable:";

/// The account that needs no project as long as no project has its name.
pub(super) const DEFAULT_ACCOUNT: &str = "default";

/// The vendor attributes with the number of the last value and with the path of the secret.
const NUMBER: &str = "secret_version";
const PATH: &str = "secret_path";

/// The vendor attribute with comment, tags and metadata.
const DETAILS: &str = "secret_details";

/// The vendor attribute of an object that is kept and given back only.
const KEPT: &str = "kept_object";

/// The vendor attribute of a private or public key from outside that is used.
const BROUGHT: &str = "brought_key";

/// The path of a secret in an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretPath {
    account: String,
    path: String,
}

impl SecretPath {
    /// A path in an account.
    ///
    /// # Errors
    /// Account or path is empty, too long, or has characters that are not printable.
    pub fn new(account: &str, path: &str) -> Result<Self, Error> {
        let is_sound = |text: &str, most: usize| {
            !text.is_empty() && text.len() <= most && !text.chars().any(crate::text::is_unprintable)
        };
        if !is_sound(account, MAX_ACCOUNT) || account.contains(':') || !is_sound(path, MAX_PATH) {
            return Err(Error::SecretPath);
        }
        Ok(Self { account: account.to_owned(), path: path.to_owned() })
    }

    /// The account, which is also the name of the project that decides about the secret.
    #[must_use]
    pub fn account(&self) -> &str {
        &self.account
    }

    /// The name of the secret: that of Conjur's variable.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}{VARIABLE}{}", self.account, self.path)
    }

    /// The name for the audit log. If the log would shorten it, its SHA-256 comes first.
    pub(super) fn described(&self) -> String {
        let name = self.name();
        if name.len() <= MAX_LOGGED { name } else { format!("sha256:{} {name}", digest(&name)) }
    }

    /// The identifier of the secret if it was made before accounts were projects.
    pub(super) fn former_id(&self) -> String {
        former_id(&self.name())
    }
}

/// The identifier of a new secret. It is random, so that a name that is used again belongs to another object.
pub(super) fn new_id() -> Result<String, Error> {
    Ok(format!("{PREFIX}{}", uuid::ordered()?))
}

fn digest(name: &str) -> String {
    hexadecimal::lower(&sha256(name.as_bytes()))
}

fn former_id(name: &str) -> String {
    format!("{PREFIX}{}", digest(name))
}

/// Whether the attribute is one of those that mark a secret, a kept object or a key from outside.
pub(super) fn is_own(attribute: &VendorAttribute) -> bool {
    attribute.vendor_identification == TAG_VENDOR
        && [NUMBER, PATH, DETAILS, KEPT, BROUGHT].contains(&attribute.name.as_str())
}

/// Whether the object is kept and given back only.
pub(super) fn is_kept(attributes: &Attributes) -> bool {
    matches!(own(attributes, KEPT), Some(Value::Boolean(true)))
}

/// Marks an object that is kept and given back only.
pub(super) fn set_kept(attributes: &mut Attributes) {
    set(attributes, KEPT, Value::Boolean(true));
}

/// Whether the object is a private or public key from outside that is used.
pub(super) fn is_brought(attributes: &Attributes) -> bool {
    matches!(own(attributes, BROUGHT), Some(Value::Boolean(true)))
}

/// Marks a private or public key from outside that is used.
pub(super) fn set_brought(attributes: &mut Attributes) {
    set(attributes, BROUGHT, Value::Boolean(true));
}

/// Removes what callers do not see of these attributes: the marks of a kept object and of a key from outside, and the details of a secret, which
/// callers who may read the secret get with it.
pub(super) fn hide(attributes: &mut Attributes) {
    let is_hidden = |own: &VendorAttribute| [DETAILS, KEPT, BROUGHT].contains(&own.name.as_str());
    attributes.vendor_attributes.retain(|own| own.vendor_identification != TAG_VENDOR || !is_hidden(own));
}

fn own<'a>(attributes: &'a Attributes, name: &str) -> Option<&'a Value> {
    let is_it = |attribute: &&VendorAttribute| attribute.vendor_identification == TAG_VENDOR && attribute.name == name;
    attributes.vendor_attributes.iter().find(is_it).map(|attribute| &attribute.value)
}

fn set(attributes: &mut Attributes, name: &str, value: Value) {
    attributes
        .vendor_attributes
        .retain(|attribute| attribute.vendor_identification != TAG_VENDOR || attribute.name != name);
    let (vendor_identification, name) = (TAG_VENDOR.to_owned(), name.to_owned());
    attributes.vendor_attributes.push(VendorAttribute { vendor_identification, name, value });
}

/// The number of the last value; `None` if the object holds no secret.
pub(super) fn last_number(attributes: &Attributes) -> Option<i64> {
    match own(attributes, NUMBER)? {
        Value::LongInteger(number) => Some(*number),
        _ => None,
    }
}

/// Sets the number of the last value.
pub(super) fn set_number(attributes: &mut Attributes, number: i64) {
    set(attributes, NUMBER, Value::LongInteger(number));
}

/// Sets the path of the secret.
pub(super) fn set_path(attributes: &mut Attributes, path: &SecretPath) {
    set(attributes, PATH, Value::TextString(path.name()));
}

/// The details of the secret as JSON.
pub(super) fn details(attributes: &Attributes) -> Option<&str> {
    match own(attributes, DETAILS)? {
        Value::TextString(text) => Some(text),
        _ => None,
    }
}

/// Sets or removes the details of the secret.
pub(super) fn set_details(attributes: &mut Attributes, details: Option<String>) {
    attributes.vendor_attributes.retain(|own| own.vendor_identification != TAG_VENDOR || own.name != DETAILS);
    if let Some(text) = details {
        set(attributes, DETAILS, Value::TextString(text));
    }
}

/// The path in the attributes of a secret; `None` for one from before accounts were projects.
pub(super) fn path_of(attributes: &Attributes) -> Option<&String> {
    match own(attributes, PATH)? {
        Value::TextString(name) => Some(name),
        _ => None,
    }
}

/// The name of the secret that an object with these attributes holds. If there is no path, the name must match the
/// identifier.
pub(super) fn name_of(attributes: &Attributes) -> Option<&String> {
    last_number(attributes)?;
    path_of(attributes).or_else(|| {
        let id = attributes.unique_identifier.as_ref().and_then(UniqueIdentifier::as_text)?;
        attributes.names.iter().map(|name| &name.value).find(|name| former_id(name) == id)
    })
}

/// The account of the secret that an object with these attributes holds.
pub(super) fn account(attributes: &Attributes) -> Option<Account> {
    last_number(attributes)?;
    let is_former = path_of(attributes).is_none();
    let name = name_of(attributes).and_then(|name| name.split_once(VARIABLE)).map_or("", |(account, _)| account);
    Some(Account { name: name.to_owned(), is_former })
}
