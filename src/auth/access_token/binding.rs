//! The bindings of rows of access tokens, which prove that the server wrote them.

use super::error::AccessTokenError;
use super::tokens::AccessTokens;
use crate::audit::Record;
use crate::store;
use crate::store::access_token::{self as rows, AccessToken};

impl AccessTokens {
    /// Returns the present row, if its binding is valid and it equals the known row except for its uses.
    pub(super) fn believed(&self, known: &AccessToken) -> Result<Option<AccessToken>, AccessTokenError> {
        let Some(present) = rows::find(&self.store, &known.id)? else { return Ok(None) };
        let same = AccessToken { uses: known.uses, binding: known.binding.clone(), ..present.clone() } == *known;
        Ok((same && self.is_written(&present)?).then_some(present))
    }

    /// The row with its binding.
    pub(super) fn bound(&self, row: AccessToken) -> Result<AccessToken, AccessTokenError> {
        Ok(AccessToken { binding: self.custody.bind(&row.bound())?, ..row })
    }

    /// Changes the row of a token whose turn the caller has, if it is the known one but for its uses; `None` if it is another.
    pub(super) fn update(
        &self,
        known: &AccessToken,
        records: Vec<Record>,
        change: impl FnOnce(AccessToken) -> AccessToken,
    ) -> Result<Option<AccessToken>, AccessTokenError> {
        let Some(before) = self.believed(known)? else { return Ok(None) };
        let next = self.bound(change(before.clone()))?;
        match self.store.write(next.clone().update(before).recorded(records)) {
            Err(store::Error::Conflict) => Ok(None),
            written => Ok(written.map(|()| Some(next))?),
        }
    }
}
