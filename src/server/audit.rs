//! The audit log of the process: its key is in the token, its head in the database, bound like every row that decides.

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

/// Opens the log where the database knows it to end, and has writes of the database recorded in it.
pub(super) fn open(config: &Config, store: &Store, custody: &Arc<Custody>) -> Result<Option<Arc<Audit>>, StartError> {
    let bind = custody.head_binder();
    let known = known(config, store, custody, &bind)?;
    let Some(settings) = &config.audit else {
        tracing::warn!("no audit log: what callers do is recorded nowhere");
        let head = AuditHead { unrecorded_since: known.head.unrecorded_since.or(Some(kms::now())), ..known.head };
        store.write(head.write(bind))?;
        return Ok(None);
    };
    let audit = Arc::new(open_log(settings, &known.head, store, custody, &bind)?);
    if !known.accepted.is_empty() {
        audit.write(known.accepted.iter().map(|text| Record::note(text)).collect()).map_err(kms::Error::Audit)?;
    }
    if let Some(since) = known.head.unrecorded_since {
        // Before the mark is taken away: it is said twice rather than not at all.
        let text = format!("the server ran without an audit log, first at {since} seconds since 1970-01-01 UTC");
        audit.write(vec![Record::note(&text)]).map_err(kms::Error::Audit)?;
        store.write(audit_head::recorded_again(bind.clone()))?;
    }
    store.record_in(Arc::clone(&audit), bind);
    Ok(Some(audit))
}

/// What the database knows of the log.
struct Known {
    head: AuditHead,
    /// What is not as it should be and the operator accepted, in sentences for the log.
    accepted: Vec<String>,
}

/// What the database knows of the log. The row is written with the root keys of a new database. So one that is gone, or is not
/// what was written, is a loss: with it whoever has both files could cut the log where they like.
fn known(config: &Config, store: &Store, custody: &Custody, bind: &Binder) -> Result<Known, StartError> {
    let found = audit_head::read(store)?;
    let remade = custody.remade();
    let mut accepted: Vec<String> = remade
        .iter()
        .map(|key| format!("a root key was not recorded and was made again, as --remake-root-key {key} accepts"))
        .collect();
    let sound = is_sound(found.as_ref(), custody)?;
    let mut head = found.unwrap_or_else(AuditHead::begin);
    // A key that was made again would sign what the former key never saw.
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
    tracing::error!("ROW REFUSED: what the database knows of the audit log was changed or removed; this was accepted");
    accepted
        .push("what the database knew of this log was changed or removed, as --audit-accept-loss accepts".to_owned());
    // Whoever writes the row again has to write this too.
    head.root_keys = Some(audit_head::records(store)?.to_vec());
    store.write(head.clone().write(bind.clone()))?;
    Ok(Known { head, accepted })
}

/// Whether the row is there as it was written.
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
        // A queue that is full will take the next one: they come every second.
        if let Err(error) = poster.post(audit_head::sign(signed, bind.clone())) {
            tracing::debug!(%error, "a signed head of the audit log is not in the database");
        }
    });
    let head = (known.head.seq > 0).then_some(known.head);
    if let Some(former) = &settings.former {
        match audit::adopt(former, &settings.file, head, &signer.key) {
            // Told by the log that begins instead.
            Err(audit::OpenError::Foreign { .. }) if settings.accept_loss => {}
            adopted => drop(adopted?),
        }
    }
    let begin = custody.remade().contains(&RemadeKey::Audit);
    let (audit, found) = Audit::open(settings, head, begin, signer, publish)?;
    if let Some(loss) = &found.loss {
        tracing::error!(%loss, "the audit log differs from what the database knows; this was accepted");
    }
    Ok(audit)
}

/// The key that signed a checkpoint, as its line names it.
fn key_of(line: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Checkpoint {
        key: String,
    }
    serde_json::from_str(line).ok().map(|checkpoint: Checkpoint| checkpoint.key)
}
