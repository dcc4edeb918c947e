//! The audit log of the process: its key is in the token, its head in the database, bound like every row that decides.

use std::sync::Arc;

use data_encoding::HEXLOWER;
use openssl::sha::sha256;
use serde::Deserialize;

use super::StartError;
use crate::audit::{Audit, Record, SignedHead, Signer};
use crate::config::{AuditSettings, Config};
use crate::custody::Custody;
use crate::kms;
use crate::store::audit_head::{self, AuditHead, Binder};
use crate::store::{Store, Transaction};

/// Opens the log where the database knows it to end, and has writes of the database recorded in it.
pub(super) fn open(config: &Config, store: &Store, custody: &Arc<Custody>) -> Result<Option<Arc<Audit>>, StartError> {
    let bind = binder(custody);
    let known = known(config, store, custody, &bind)?;
    let Some(settings) = &config.audit else {
        tracing::warn!("no audit log: what callers do is recorded nowhere");
        let known = AuditHead { unrecorded_since: known.unrecorded_since.or(Some(kms::now())), ..known };
        store.write(move |transaction| known.write(transaction, &bind))?;
        return Ok(None);
    };
    let audit = Arc::new(open_log(settings, &known, store, custody, &bind)?);
    if let Some(since) = known.unrecorded_since {
        // Before the mark is taken away: it is said twice rather than not at all.
        let text = format!("the server ran without an audit log, first at {since} seconds since 1970-01-01 UTC");
        audit.write(vec![Record::note(&text)]).map_err(kms::Error::Audit)?;
        store.write(move |transaction| recorded_again(transaction, &bind))?;
    }
    store.record_in(Arc::clone(&audit), binder(custody));
    Ok(Some(audit))
}

fn binder(custody: &Arc<Custody>) -> Binder {
    let custody = Arc::clone(custody);
    Arc::new(move |bytes| custody.bind(bytes).map_err(|error| error.to_string()))
}

/// What the database knows of the log. A row that is gone, or is not what was written, is a loss: with it whoever has both
/// files could cut the log where they like.
fn known(config: &Config, store: &Store, custody: &Custody, bind: &Binder) -> Result<AuditHead, StartError> {
    let known = store.read(|connection| Ok(audit_head::read(connection)?))?;
    let (known, is_sound) = match known {
        Some(known) => {
            let binding = known.binding.as_deref().unwrap_or_default();
            let is_bound = custody.is_bound(&known.bound(), binding).map_err(kms::Error::from)?;
            (known, is_bound)
        }
        // With its first key a database has no log yet.
        None => (AuditHead::begin(), custody.has_new_audit_key()),
    };
    // A key that was made anew, because its record was removed, say, would sign what the former key never saw.
    let key = HEXLOWER.encode(&sha256(&custody.audit_public_key()));
    if known.signed_line.as_deref().and_then(key_of).is_some_and(|former| former != key) {
        return Err(StartError::AuditKey);
    }
    if !is_sound {
        if config.audit.as_ref().is_some_and(|settings| !settings.accept_loss) {
            return Err(StartError::AuditHead);
        }
        tracing::error!(
            "ROW REFUSED: what the database knows of the audit log was changed or removed; this was accepted"
        );
    }
    if known.head.seq == 0 || !is_sound {
        let begin = known.clone();
        let bind = Arc::clone(bind);
        store.write(move |transaction| begin.write(transaction, &bind))?;
    }
    Ok(known)
}

fn open_log(
    settings: &AuditSettings,
    known: &AuditHead,
    store: &Store,
    custody: &Arc<Custody>,
    bind: &Binder,
) -> Result<Audit, StartError> {
    let signing = Arc::clone(custody);
    let signer = Signer {
        key: sha256(&custody.audit_public_key()),
        sign: Box::new(move |text| signing.sign_audit(text).map_err(Into::into)),
    };
    let (poster, bind) = (store.poster(), Arc::clone(bind));
    let publish = Box::new(move |signed: SignedHead| {
        let bind = Arc::clone(&bind);
        // A queue that is full will take the next one: they come every second.
        if let Err(error) = poster.post(move |transaction| audit_head::sign(transaction, &signed, &bind)) {
            tracing::debug!(%error, "a signed head of the audit log is not in the database");
        }
    });
    let head = (known.head.seq > 0).then_some(known.head);
    let (audit, found) = Audit::open(settings, head, signer, publish)?;
    if let Some(loss) = &found.loss {
        tracing::error!(%loss, "the audit log differs from what the database knows; this was accepted");
    }
    Ok(audit)
}

fn recorded_again(transaction: &Transaction<'_>, bind: &Binder) -> Result<(), crate::store::Error> {
    let present = audit_head::read(transaction)?.unwrap_or_else(AuditHead::begin);
    AuditHead { unrecorded_since: None, ..present }.write(transaction, bind)
}

/// The key that signed a checkpoint, as its line names it.
fn key_of(line: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Checkpoint {
        key: String,
    }
    serde_json::from_str(line).ok().map(|checkpoint: Checkpoint| checkpoint.key)
}
