//! The object whose key is the key of the API token.

use std::sync::Arc;

use super::super::disabled;
use super::super::error::Error;
use super::super::object::Object;
use super::service::Kms;
use crate::custody::Mac;
use crate::kmip::enumerations::State;
use crate::kmip::ttlv::DateTime;

impl Kms {
    /// Whether the object's key is the key of the API token. The API token authenticates the default user, so everyone who
    /// has this key has all rights of that user.
    pub(in crate::kms) fn is_api_token(&self, id: &str) -> bool {
        self.api_token_id.as_deref() == Some(id)
    }

    /// The key of the API token at `now`, if it may be used. The owner of the object does not matter: the token
    /// authenticates the default user.
    pub(in crate::kms) fn api_token_key(&self, id: &str, now: DateTime) -> Result<Option<Arc<Object>>, Error> {
        let object = self.api_token_object(id, now)?;
        let is_usable = |(object, state): &(Arc<Object>, State)| {
            *state == State::Active && !disabled::is_disabled(&object.attributes)
        };
        Ok(object.filter(is_usable).map(|(object, _)| object))
    }

    /// The object that is named as the API token's key, in whatever state it is, and its state.
    pub(in crate::kms) fn api_token_object(
        &self,
        id: &str,
        now: DateTime,
    ) -> Result<Option<(Arc<Object>, State)>, Error> {
        Ok(self.load(id)?.map(|object| {
            let state = object.state(now);
            (object, state)
        }))
    }

    /// The key lengths in bytes that the HSM token accepts for a MAC.
    pub(in crate::kms) fn api_token_key_size(&self, mechanism: Mac) -> Result<std::ops::RangeInclusive<usize>, Error> {
        Ok(self.custody.mac_key_size(mechanism)?)
    }

    /// Computes a MAC by an object's key, whatever its usage mask. Only for the comparison of the API token.
    pub(in crate::kms) fn api_token_mac(&self, object: &Object, mechanism: Mac, data: &[u8]) -> Result<Vec<u8>, Error> {
        Ok(self.custody.mac(&object.comparing_key, mechanism, data)?)
    }
}
