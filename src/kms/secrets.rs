//! Secrets: values under a path, of which the last twenty are kept, each encrypted by an AES key of its object in the HSM.
//!
//! The object has a key, an owner and grants like every object; the project of its account holds it. Only this module
//! reads and writes the values.

use super::bounds::MAX_SECRET;
use super::call::Call;
use super::context::Context;
use super::error::Error;
use super::gate::{Grant, Kms};
use super::object::is_destroyed;
use super::object_kind::ObjectKind;
use super::operation::Operation;
use super::secret_path::{SecretPath, new_id, set_number, set_path};
use crate::kmip::attributes::Name;
use crate::kmip::enumerations::{CryptographicAlgorithm, KeyFormatType, Operation as Kmip, State};
use crate::kmip::{Attributes, UniqueIdentifier, UsageMask, state};
use crate::policy::Action;
use crate::secret::Bytes;
use crate::turns::retry;

impl Kms {
    /// Writes a value and returns its number. If the secret does not exist, it is made in the project of its account,
    /// and the caller owns it.
    ///
    /// # Errors
    /// The value is too long for the server or for the HSM. [`Error::NotFound`]: the caller may neither write this
    /// secret nor add it. [`Error::NotPermitted`]: the same for a caller with some other access there.
    pub fn write_secret(&self, context: &Context<'_>, path: &SecretPath, value: &Bytes) -> Result<i64, Error> {
        let call = Call::new(context, Operation::WriteSecret);
        call.describe(path.described());
        self.recorded(&call, || {
            if value.len() > MAX_SECRET {
                return Err(Error::SecretTooLong);
            }
            self.expect_fits(value)?;
            retry(Error::Contention, || {
                if let Some(grant) = self.authorize_secret(&call, Action::WriteSecret, path)? {
                    match grant.write_secret(value) {
                        // The secret was removed in the meantime.
                        Err(Error::Destroyed(_)) => return Ok(None),
                        done => return done.map(Some),
                    }
                }
                let id = new_id()?;
                let attributes = attributes(path, &id, &call);
                let grant = self.authorize_new_secret(&call, path, &attributes)?;
                match grant.insert_secret(path, &id, attributes, value) {
                    // Another request made the secret in the meantime: try again to write it.
                    Err(Error::Exists(_)) => Ok(None),
                    done => done.map(|()| Some(1)),
                }
            })
        })
    }

    /// Reads a value: the last one, or the one with this number.
    ///
    /// # Errors
    /// The caller may not read it, or there is no such value.
    pub fn read_secret(&self, context: &Context<'_>, path: &SecretPath, number: Option<i64>) -> Result<Bytes, Error> {
        let call = Call::new(context, Operation::ReadSecret);
        call.describe(path.described());
        self.recorded(&call, || {
            let grant = self.authorize_secret(&call, Action::ReadSecret, path)?;
            grant.ok_or_else(|| Error::NotFound(path.name()))?.read_secret(number)
        })
    }

    /// Checks that the caller may write the secret. Nothing changes, because secrets do not expire.
    ///
    /// # Errors
    /// The caller may not write it, or there is no such secret.
    pub fn expire_secret(&self, context: &Context<'_>, path: &SecretPath) -> Result<(), Error> {
        let call = Call::new(context, Operation::ExpireSecret);
        call.describe(path.described());
        self.recorded(&call, || {
            if self.authorize_secret(&call, Action::WriteSecret, path)?.is_some() {
                return Ok(());
            }
            // Callers who may not add the secret get the same answer as for an existing one.
            self.authorize_new_secret(&call, path, &attributes(path, &new_id()?, &call))?;
            Err(Error::NotFound(path.name()))
        })
    }

    /// Removes a secret with all its values. A caller who may add secrets can use the name again.
    ///
    /// # Errors
    /// The caller may not remove it, or there is no such secret.
    pub fn remove_secret(&self, context: &Context<'_>, path: &SecretPath) -> Result<(), Error> {
        let call = Call::new(context, Operation::RemoveSecret);
        call.describe(path.described());
        self.recorded(&call, || {
            let grant = self.authorize_secret(&call, Action::Operation(Kmip::Destroy), path)?;
            let grant = grant.ok_or_else(|| Error::NotFound(path.name()))?;
            destroy(&call, path, &grant)
        })
    }
}

/// Destroys a secret; the permission was checked before.
pub(super) fn destroy(call: &Call<'_>, path: &SecretPath, grant: &Grant<'_>) -> Result<(), Error> {
    grant.destroy(|object, attributes| {
        if is_destroyed(object.attributes.state) {
            return Err(Error::NotFound(path.name()));
        }
        attributes.state = Some(state::end(object.state(call.now)));
        attributes.destroy_date = Some(call.now);
        Ok(())
    })
}

/// The attributes of the object of a new secret.
pub(super) fn attributes(path: &SecretPath, id: &str, call: &Call<'_>) -> Attributes {
    let mut attributes = Attributes {
        unique_identifier: Some(UniqueIdentifier::Text(id.to_owned())),
        names: vec![Name::text(path.name())],
        object_type: Some(ObjectKind::AccountSecret { last: 1 }.object_type()),
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
    set_path(&mut attributes, path);
    set_number(&mut attributes, 1);
    attributes
}
