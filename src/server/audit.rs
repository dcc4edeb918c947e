//! The audit log of the process: its key is in the token, its head in the database.

use std::sync::Arc;

use openssl::sha::sha256;

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
    let signing = Arc::clone(custody);
    let signer = Signer {
        key: sha256(&custody.audit_public_key()),
        sign: Box::new(move |text| signing.sign_audit(text).map_err(Into::into)),
    };
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
