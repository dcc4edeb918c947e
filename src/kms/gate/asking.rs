//! What leave to ask the server itself lets one do.

use super::super::Error;
use super::ServerGrant;
use crate::custody::Secret;
use crate::store::search::{Found, Search};

impl ServerGrant<'_> {
    /// Random bytes from the token.
    pub(in crate::kms) fn random(&self, len: usize) -> Result<Secret, Error> {
        Ok(self.kms.custody.random(len)?)
    }

    /// Identifiers of the caller's own objects that the search tables give.
    pub(in crate::kms) fn search(&self, search: &Search, offset: i64, limit: i64) -> Result<Found, Error> {
        let own = Search { owner: self.call.caller.username.as_str().to_owned(), ..search.clone() };
        Ok(self.kms.store.read(|connection| own.run(connection, offset, limit))?)
    }
}
