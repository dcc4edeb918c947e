//! The bindings of rows of access tokens, which prove that the server wrote them.

use crate::custody::{self, Custody};
use crate::store;
use crate::store::access_token::{self as rows, AccessToken};

/// Returns the present row, if its binding is valid and it equals the known row except for its uses.
pub(super) fn believed(
    transaction: &store::Transaction<'_>,
    known: &AccessToken,
    custody: &Custody,
) -> Result<Option<AccessToken>, store::Error> {
    let Some(present) = rows::find(transaction, &known.id)? else { return Ok(None) };
    let same = AccessToken { uses: known.uses, binding: known.binding.clone(), ..present.clone() } == *known;
    Ok((same && custody.is_bound(&present.bound(), &present.binding).map_err(unbound)?).then_some(present))
}

pub(super) fn bind(custody: &Custody, row: &AccessToken) -> Result<Vec<u8>, store::Error> {
    custody.bind(&row.bound()).map_err(unbound)
}

fn unbound(error: custody::Error) -> store::Error {
    store::Error::Binding(error.to_string())
}
