//! Erasure of the bytes of destroyed or replaced keys and values from the database's files and the HSM token. It
//! happens after the change itself, so that the change waits for no reader.

use std::sync::Arc;

use super::super::error::Error;
use super::super::object::Object;
use super::service::Kms;
use crate::audit::Record;
use crate::store::erasure::{self, Erasure, Unerased};
use crate::store::object::Material;

/// Number of rows that are removed in one commit.
const PAGE: i64 = 256;

impl Kms {
    /// The row for what `version` of the object replaced or destroyed: the key `former`, or else values of a secret.
    pub(super) fn erasure(&self, object: &Object, former: Option<&Material>) -> Result<Erasure, Error> {
        let cka_id = match former {
            Some(Material::Token { cka_id }) => Some(cka_id.clone()),
            Some(Material::Wrapped { .. } | Material::Public { .. } | Material::Destroyed) | None => None,
        };
        let erasure = Erasure { object: object.id.clone(), version: object.version, cka_id, binding: Vec::new() };
        Ok(Erasure { binding: self.custody.bind(&erasure.bound())?, ..erasure })
    }

    /// The number of pending erasures, with the signal that is given for each new one.
    #[must_use]
    pub fn unerased(&self) -> Arc<Unerased> {
        Arc::clone(self.store.unerased())
    }

    /// Erases what was destroyed or replaced before this call, with an audit record for each. Returns false if
    /// something is left.
    ///
    /// # Errors
    /// Database, HSM token or audit log cannot be used. What is left is tried again at the next call.
    pub fn erase(&self) -> Result<bool, Error> {
        // Known before anything is read: what another server erases meanwhile is not erased again.
        let since = self.store.followed();
        let Some(extent) = erasure::extent(&self.store)? else { return Ok(true) };
        // Before any row is read: what the row stands for was committed before.
        let emptied = extent.in_database && self.store.empty_wal()?;
        let (mut after, mut is_all) = (i64::MIN, true);
        loop {
            let page = erasure::page(&self.store, after, extent.last, PAGE)?;
            let Some((last, _)) = page.last() else { return Ok(is_all) };
            after = *last;
            let is_in_token = page.iter().any(|(_, row)| row.as_ref().is_some_and(|row| row.cka_id.is_some()));
            let (mut numbers, mut records) = (Vec::new(), Vec::new());
            let erase = || -> Result<(), Error> {
                for (number, row) in page {
                    match self.erase_row(row, emptied)? {
                        Some(record) => {
                            numbers.push(number);
                            records.extend(record);
                        }
                        None => is_all = false,
                    }
                }
                Ok(())
            };
            // The audit log must not record the erasure of a key that a power failure could bring back.
            if is_in_token {
                self.custody.durably(erase)?
            } else {
                erase()?
            };
            if !numbers.is_empty() {
                self.store.erased(numbers, since, records)?;
            }
        }
    }

    /// The audit record of an erased row; `None` while the bytes may still be there. There is no record if the database
    /// does not say when it erases what a row had before.
    fn erase_row(&self, row: Option<Erasure>, emptied: bool) -> Result<Option<Option<Record>>, Error> {
        let believed = match row {
            Some(row) => self.custody.is_bound(&row.bound(), &row.binding)?.then_some(row),
            None => None,
        };
        let Some(Erasure { object, version, cka_id, .. }) = believed else {
            tracing::error!("ROW REFUSED: a row of the table erasure was changed in the database, and is removed");
            return Ok(Some(Some(Record::note(
                "a row of what is to be erased was changed in the database, and was removed",
            ))));
        };
        match cka_id {
            Some(cka_id) => match self.custody.discard(&Material::Token { cka_id }) {
                Ok(true) => {}
                Ok(false) => return Ok(None),
                Err(error) => {
                    tracing::warn!(object, %error, "a key that was destroyed or replaced is still in the token");
                    return Ok(None);
                }
            },
            None if !self.store.erases() => return Ok(Some(None)),
            None if !emptied => return Ok(None),
            None => {}
        }
        Ok(Some(Some(Record::erased(&object, version))))
    }
}
