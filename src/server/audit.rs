//! The audit log of the process: its key is in the token, its head in the database.

use std::sync::Arc;

use data_encoding::HEXLOWER;
use openssl::sha::sha256;
use serde::Deserialize;

use super::StartError;
use crate::audit::{Audit, SignedHead, Signer};
use crate::config::Config;
use crate::custody::Custody;
use crate::store::{Store, audit_head};

/// Opens the log where the database knows it to end, and has writes of the database recorded in it.
pub(super) fn open(config: &Config, store: &Store, custody: &Arc<Custody>) -> Result<Option<Arc<Audit>>, StartError> {
    let Some(settings) = &config.audit else {
        tracing::warn!("no audit log: what callers do is recorded nowhere");
        return Ok(None);
    };
    let known = store.read(|connection| Ok(audit_head::read(connection)?))?;
    let key = sha256(&custody.audit_public_key());
    // A key that was made anew, because its record was removed, say, would sign what the former key never saw.
    let signed_by = known.as_ref().and_then(|known| known.signed_line.as_deref()).and_then(key_of);
    if signed_by.is_some_and(|former| former != HEXLOWER.encode(&key)) {
        return Err(StartError::AuditKey);
    }
    let signing = Arc::clone(custody);
    let signer = Signer { key, sign: Box::new(move |text| signing.sign_audit(text).map_err(Into::into)) };
    let poster = store.poster();
    let publish = Box::new(move |signed: SignedHead| {
        // A queue that is full will take the next one: they come every second.
        if let Err(error) = poster.post(move |transaction| Ok(audit_head::sign(transaction, &signed)?)) {
            tracing::debug!(%error, "a signed head of the audit log is not in the database");
        }
    });
    let (audit, found) = Audit::open(settings, known.map(|known| known.head), signer, publish)?;
    if let Some(loss) = &found.loss {
        tracing::error!(%loss, "the audit log differs from what the database knows; this was accepted");
    }
    let audit = Arc::new(audit);
    store.record_in(Arc::clone(&audit));
    Ok(Some(audit))
}

/// The key that signed a checkpoint, as its line names it.
fn key_of(line: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Checkpoint {
        key: String,
    }
    serde_json::from_str(line).ok().map(|checkpoint: Checkpoint| checkpoint.key)
}
