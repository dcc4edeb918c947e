//! Opening the audit log. Its key is in the HSM token. Its head is a row of the database, which has a binding like
//! other security-relevant rows.

use std::sync::Arc;

use openssl::sha::sha256;
use serde::Deserialize;

use super::error::StartError;
use crate::audit::{self, Audit, Record, SignedHead, Signer};
use crate::config::{AuditSettings, Config, RemadeKey};
use crate::custody::Custody;
use crate::hexadecimal;
use crate::kms;
use crate::store::Store;
use crate::store::audit_head::{self, AuditHead, Binder};

/// Opens the log at the end that the database has a record of, and makes the store record its writes in the log.
/// Returns `None` without an audit log.
pub(super) fn open(config: &Config, store: &Store, custody: &Arc<Custody>) -> Result<Option<Arc<Audit>>, StartError> {
    let bind = custody.head_binder();
    let known = known(config, store, custody, &bind)?;
    let Some(settings) = &config.audit else {
        tracing::warn!("no audit log: requests are not recorded");
        let head = AuditHead { unrecorded_since: known.head.unrecorded_since.or(Some(kms::now())), ..known.head };
        store.write(head.write(bind))?;
        return Ok(None);
    };
    let audit = Arc::new(open_log(settings, &known.head, store, custody, &bind)?);
    if !known.accepted.is_empty() {
        audit.write(known.accepted.iter().map(|text| Record::note(text)).collect()).map_err(kms::Error::Audit)?;
    }
    if let Some(since) = known.head.unrecorded_since {
        // The line is written before the mark is removed: after a crash it is written twice instead of never.
        let text = format!("the server ran without an audit log, first at {since} seconds since 1970-01-01 UTC");
        audit.write(vec![Record::note(&text)]).map_err(kms::Error::Audit)?;
        store.write(audit_head::recorded_again(bind.clone()))?;
    }
    store.record_in(Arc::clone(&audit), bind);
    Ok(Some(audit))
}

/// The database's record of the log.
struct Known {
    head: AuditHead,
    /// The deviations that the operator accepted, as sentences for the log.
    accepted: Vec<String>,
}

/// Reads the database's record of the log. The row is written together with the root keys of a new database, so a
/// missing or changed row is a loss: without this check, an attacker who can write both files could truncate the log at
/// any line.
fn known(config: &Config, store: &Store, custody: &Custody, bind: &Binder) -> Result<Known, StartError> {
    if !store.server().is_empty() && !is_sound(audit_head::covering(store)?.as_ref(), custody)? {
        return Err(StartError::AuditHead);
    }
    let is_known = audit_head::of_all(store)?.iter().any(|(name, _)| name == store.server());
    if !is_known {
        store.write(audit_head::join(bind.clone()))?;
    }
    let found = audit_head::read(store)?;
    let remade = custody.remade();
    let mut accepted: Vec<String> = remade
        .iter()
        .map(|key| format!("a root key had no record and was generated again; --remake-root-key {key} accepted this"))
        .collect();
    let sound = is_sound(found.as_ref(), custody)?;
    let mut head = match found {
        Some(found) => found,
        None => audit_head::empty(store)?,
    };
    // A new key must not sign lines that the former key never signed.
    let key = hexadecimal::lower(&sha256(&custody.audit_public_key()));
    if head.signed_line.as_deref().and_then(key_of).is_some_and(|former| former != key) {
        if !remade.contains(&RemadeKey::Audit) {
            return Err(StartError::AuditKey);
        }
        head.signed_line = None;
    }
    if sound {
        bind.trust(&head);
        return Ok(Known { head, accepted });
    }
    if config.audit.as_ref().is_some_and(|settings| !settings.accept_loss) {
        return Err(StartError::AuditHead);
    }
    tracing::error!("ROW REFUSED: the database's record of the audit log was changed or removed; this was accepted");
    accepted
        .push("the database's record of this log was changed or removed; --audit-accept-loss accepted this".to_owned());
    // The row is written again, and the digest of the root keys' records is part of it.
    head.root_keys = Some(audit_head::records(store)?.to_vec());
    store.write(head.clone().write(bind.clone()))?;
    Ok(Known { head, accepted })
}

/// Returns whether the row exists and its binding is valid.
pub(super) fn is_sound(head: Option<&AuditHead>, custody: &Custody) -> Result<bool, StartError> {
    let Some(head) = head else { return Ok(false) };
    let binding = head.binding.as_deref().unwrap_or_default();
    Ok(custody.is_bound(&head.bound(), binding).map_err(kms::Error::from)?)
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
    let (poster, bind) = (store.poster(), bind.clone());
    let publish = Box::new(move |signed: SignedHead| {
        // A head that does not fit into a full queue is dropped: the next one comes within a second.
        if let Err(error) = poster.post(audit_head::sign(signed, bind.clone())) {
            tracing::debug!(%error, "a signed head of the audit log could not be written to the database");
        }
    });
    let head = (known.head.seq > 0).then_some(known.head);
    if let Some(former) = &settings.former {
        match audit::adopt(former, &settings.file, head, &signer.key) {
            // The loss is recorded in the new log that begins instead.
            Err(audit::OpenError::Foreign { .. }) if settings.accept_loss => {}
            adopted => drop(adopted?),
        }
    }
    let begin = custody.remade().contains(&RemadeKey::Audit);
    let (audit, found) = Audit::open(settings, head, begin, signer, publish)?;
    if let Some(loss) = &found.loss {
        tracing::error!(%loss, "the audit log differs from the database's record of it; this was accepted");
    }
    Ok(audit)
}

/// Returns the key that signed a checkpoint, as named in its line.
fn key_of(line: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Checkpoint {
        key: String,
    }
    serde_json::from_str(line).ok().map(|checkpoint: Checkpoint| checkpoint.key)
}
