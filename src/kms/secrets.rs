//! Secrets: values under a path, of which the last twenty are kept, each encrypted by an AES key of its object in the HSM.
//!
//! The object has a key like any other, owner, grants and project; what it holds is read and written here alone.

use std::ops::RangeInclusive;

use data_encoding::HEXLOWER;
use openssl::sha::sha256;

use super::object::Object;
use super::operation::Operation;
use super::{Call, Context, Error, Kms};
use crate::kmip::attributes::{Name, TAG_VENDOR, VendorAttribute};
use crate::kmip::enumerations::{CryptographicAlgorithm, KeyFormatType, ObjectType, State};
use crate::kmip::ttlv::Value;
use crate::kmip::{Attributes, UniqueIdentifier, UsageMask};
use crate::policy::Action;
use crate::secret::Bytes;
use crate::store::object::Object as Row;

/// The longest value, in bytes.
pub const MAX_SECRET: usize = 64 << 10;

/// Values that are kept of one secret.
pub(super) const MAX_VERSIONS: i64 = 20;

/// The longest path, in bytes, and the longest account.
const MAX_PATH: usize = 800;
const MAX_ACCOUNT: usize = 128;

/// Begins the identifier of every object that holds a secret; callers choose no such identifier.
pub(super) const PREFIX: &str = "secret:";

/// The vendor attribute that counts the values.
const NUMBER: &str = "secret_version";

/// Where a secret is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretPath {
    account: String,
    path: String,
}

impl SecretPath {
    /// A path in an account.
    ///
    /// # Errors
    /// One of them is empty, too long, or has characters that nobody can see.
    pub fn new(account: &str, path: &str) -> Result<Self, Error> {
        let is_sound = |text: &str, most: usize| {
            !text.is_empty() && text.len() <= most && !text.chars().any(crate::text::is_unprintable)
        };
        if !is_sound(account, MAX_ACCOUNT) || account.contains(':') || !is_sound(path, MAX_PATH) {
            return Err(Error::SecretPath);
        }
        Ok(Self { account: account.to_owned(), path: path.to_owned() })
    }

    /// The name of the object, as Conjur calls a variable.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}:variable:{}", self.account, self.path)
    }

    /// The identifier of the object: two paths never have the same.
    #[must_use]
    pub fn id(&self) -> String {
        format!("{PREFIX}{}", HEXLOWER.encode(&sha256(self.name().as_bytes())))
    }
}

/// Whether the attribute counts the values of a secret: the server alone sets it.
pub(super) fn is_number(attribute: &VendorAttribute) -> bool {
    attribute.vendor_identification == TAG_VENDOR && attribute.name == NUMBER
}

/// The number of the last value.
pub(super) fn last_number(attributes: &Attributes) -> Option<i64> {
    let own = attributes.vendor_attributes.iter().find(|attribute| is_number(attribute))?;
    match &own.value {
        Value::LongInteger(number) => Some(*number),
        _ => None,
    }
}

/// The numbers of the values that a secret's row promises, for a check; `None` for what is no secret, or no more.
#[must_use]
pub fn kept_values(row: Row) -> Option<RangeInclusive<i64>> {
    let object = Object::from_row(row).ok()?;
    let last = last_number(&object.attributes)?;
    let destroyed = matches!(object.attributes.state, Some(State::Destroyed | State::DestroyedCompromised));
    (!destroyed).then(|| (last - MAX_VERSIONS + 1).max(1)..=last)
}

/// Counts one value more.
pub(super) fn set_number(attributes: &mut Attributes, number: i64) {
    attributes.vendor_attributes.retain(|attribute| !is_number(attribute));
    attributes.vendor_attributes.push(VendorAttribute {
        vendor_identification: TAG_VENDOR.to_owned(),
        name: NUMBER.to_owned(),
        value: Value::LongInteger(number),
    });
}

impl Kms {
    /// Writes a value; returns its number. The first makes the secret, which then belongs to the caller.
    ///
    /// # Errors
    /// The caller may not, the value is too long, or the secret was removed.
    pub fn write_secret(&self, context: &Context<'_>, path: &SecretPath, value: &Bytes) -> Result<i64, Error> {
        let call = Call::new(context, Operation::WriteSecret);
        call.describe(path.name());
        self.recorded(&call, || {
            if value.len() > MAX_SECRET {
                return Err(Error::SecretTooLong);
            }
            let id = path.id();
            loop {
                match self.authorize_action(&call, Action::WriteSecret, &id) {
                    Ok(grant) => return grant.undestroyed()?.write_secret(value),
                    Err(Error::NotFound(_)) if !self.is_there(&id)? => {}
                    Err(error) => return Err(error),
                }
                let mut attributes = attributes(path, &call);
                let grant = self.authorize_new_action(&call, Action::WriteSecret, &mut attributes)?;
                match grant.insert_secret(&id, attributes, value) {
                    // Somebody else was first: it is theirs.
                    Err(Error::Exists(_)) => {}
                    done => return done.map(|()| 1),
                }
            }
        })
    }

    /// A value: the last, or that of a number.
    ///
    /// # Errors
    /// The caller may not, or there is none.
    pub fn read_secret(&self, context: &Context<'_>, path: &SecretPath, number: Option<i64>) -> Result<Bytes, Error> {
        let call = Call::new(context, Operation::ReadSecret);
        call.describe(path.name());
        self.recorded(&call, || {
            let grant = self.authorize_action(&call, Action::ReadSecret, &path.id())?.undestroyed()?;
            grant.read_secret(number)
        })
    }

    /// Removes a secret with all its values. Its path is not used again.
    ///
    /// # Errors
    /// The caller may not, or there is none.
    pub fn remove_secret(&self, context: &Context<'_>, path: &SecretPath) -> Result<(), Error> {
        let call = Call::new(context, Operation::RemoveSecret);
        call.describe(path.name());
        self.recorded(&call, || {
            let action = Action::Operation(crate::kmip::enumerations::Operation::Destroy);
            let grant = self.authorize_action(&call, action, &path.id())?.undestroyed()?;
            grant.destroy(|_, attributes| {
                attributes.state = Some(State::Destroyed);
                attributes.destroy_date = Some(call.now);
                Ok(())
            })
        })
    }
}

/// What the object of a new secret is.
fn attributes(path: &SecretPath, call: &Call<'_>) -> Attributes {
    let mut attributes = Attributes {
        unique_identifier: Some(UniqueIdentifier::Text(path.id())),
        names: vec![Name::text(path.name())],
        object_type: Some(ObjectType::SecretData),
        cryptographic_algorithm: Some(CryptographicAlgorithm::AES),
        cryptographic_length: Some(256),
        cryptographic_usage_mask: Some(UsageMask::ENCRYPT | UsageMask::DECRYPT),
        key_format_type: Some(KeyFormatType::Raw),
        state: Some(State::Active),
        activation_date: Some(call.now),
        initial_date: Some(call.now),
        last_change_date: Some(call.now),
        sensitive: Some(true),
        extractable: Some(false),
        always_sensitive: Some(true),
        never_extractable: Some(true),
        ..Attributes::default()
    };
    set_number(&mut attributes, 1);
    attributes
}
