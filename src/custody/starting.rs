//! The root keys at a start: those that are recorded, or new ones for a new database.

use claviger_pkcs11::Device;

use super::beginning;
use super::durability::Unsettled;
use super::error::RootError;
use super::recording::{mac, record};
use super::root::{Roots, check, check_value, find, is_former, lacking};
use super::signing::{self, first_name};
use super::terms::{EXPORTING, GUARDING, Offer, SEALING, Wrapped, kind};
use crate::config::Remake;
use crate::secret::is_equal;
use crate::store::audit_head::{self, AuditHead};
use crate::store::gcm_use;
use crate::store::object::Class;
use crate::store::root_key::{self, RootKey};
use crate::store::{Readers, Store};

/// The number of times that the records are read while other servers change them.
const ATTEMPTS: usize = 5;

/// The records of the root keys, and the head that covers them. Another server may change both in between.
fn covered(store: &Readers) -> Result<(Vec<RootKey>, Option<AuditHead>), RootError> {
    let mut recorded = root_key::all(store)?;
    for _ in 0..ATTEMPTS {
        let head = audit_head::covering(store)?;
        let again = root_key::all(store)?;
        if again == recorded {
            return Ok((recorded, head));
        }
        recorded = again;
    }
    Err(RootError::Changed)
}

/// Finds the recorded root keys in the token, or makes them for a new database. An incomplete record is not completed,
/// because a missing record was deleted, or the database is damaged.
///
/// `disk` was opened before, so that it covers what the token writes.
pub(super) fn open(
    (device, disk): (&Device, Unsettled),
    store: &Store,
    mut offer: Offer,
    remake: &Remake,
    now: i64,
) -> Result<Roots, RootError> {
    let (recorded, head) = covered(store)?;
    if !recorded.is_empty() {
        offer.keep(Wrapped::recorded(&recorded))?;
        return complete((device, disk), store, (recorded, head), offer, remake, now);
    }
    if let Some(table) = store.first_used_table()? {
        return Err(RootError::NoRecord(table));
    }
    beginning::begin((device, disk), store, offer, now)
}

/// Returns the roots of a database that has a record. The record must be complete, except for the signing keys that the
/// operator names. These are made again, after the other root keys have proved that this is the token of the database.
fn complete(
    (device, disk): (&Device, Unsettled),
    store: &Store,
    (recorded, head): (Vec<RootKey>, Option<AuditHead>),
    mut offer: Offer,
    remake: &Remake,
    now: i64,
) -> Result<Roots, RootError> {
    let lacking = lacking(&recorded, &remake.keys)?;
    let mut made = Vec::with_capacity(lacking.len());
    if !lacking.is_empty() {
        let weak = check(device, &recorded, &remake.keys)?.weak;
        offer.protect(weak)?;
        for key in &lacking {
            made.push(signing::make(device, first_name(*key), weak)?);
        }
    }
    let mut whole = [recorded.as_slice(), &made].concat();
    whole.sort_by(|one, other| one.name.cmp(&other.name));
    let roots = find(device, &whole)?.with_remade(lacking);
    offer.protect(roots.terms().weak)?;
    let is_sound = match &head {
        Some(head) => is_bound(device, &roots, head)?,
        None => false,
    };
    let counts = gcm_use::credit(store)?.is_some();
    match (head, made.is_empty()) {
        (Some(head), true) if is_sound => {
            let covers = covers(&head, &recorded, counts)?;
            let renewed = renewed(device, &recorded, &roots)?;
            for record in &renewed {
                whole.iter_mut().filter(|own| own.name == record.name).for_each(|own| own.clone_from(record));
            }
            if !covers || !renewed.is_empty() {
                record((device, disk), store, &roots, &renewed, (&whole, counts), (head, None), now)?;
            }
        }
        // An invalid head is reported where the log is opened.
        (_, true) => {}
        (head, false) if is_sound || remake.accept_loss && store.server().is_empty() => {
            let head = head.unwrap_or_else(AuditHead::begin);
            record((device, disk), store, &roots, &made, (&whole, counts), (head, None), now)?;
        }
        (_, false) => return Err(RootError::NoHead),
    }
    Ok(roots)
}

/// Finds the recorded root keys in the token, for a database that is only read.
///
/// # Errors
/// The records are not complete, or not those that the head covers if that is sound.
pub(super) fn recorded(device: &Device, store: &Readers, mut offer: Offer) -> Result<Roots, RootError> {
    let (recorded, head) = covered(store)?;
    offer.keep(Wrapped::recorded(&recorded))?;
    lacking(&recorded, &[])?;
    let roots = find(device, &recorded)?;
    offer.protect(roots.terms().weak)?;
    // An invalid head is the caller's to report.
    match head {
        Some(head) if is_bound(device, &roots, &head)? => {
            let counts = gcm_use::credit(store)?.is_some();
            if covers(&head, &recorded, counts)? { Ok(roots) } else { Err(RootError::Former) }
        }
        _ => Ok(roots),
    }
}

fn is_bound(device: &Device, roots: &Roots, head: &AuditHead) -> Result<bool, RootError> {
    Ok(is_equal(&mac(device, roots.binding(), &head.bound())?, head.binding.as_deref().unwrap_or_default()))
}

/// Whether the head covers the records as they are. False if an earlier version wrote the head; the records are then
/// taken to be complete. Those versions wrote the former check values, so a head without a digest beside others is of
/// another place.
fn covers(head: &AuditHead, recorded: &[RootKey], counts: bool) -> Result<bool, RootError> {
    let Some(digest) = &head.root_keys else {
        let keks = recorded.iter().filter(|root| [EXPORTING, GUARDING, SEALING].contains(&root.name.as_str()));
        let is_former = keks.map(|root| &root.check_value).all(|value| is_former(value));
        return if is_former { Ok(false) } else { Err(RootError::Changed) };
    };
    if *digest == root_key::digest(recorded, counts) {
        return Ok(true);
    }
    if *digest != root_key::digest(recorded, !counts) {
        return Err(RootError::Changed);
    }
    if counts { Ok(false) } else { Err(RootError::Uncounted) }
}

/// Returns the records that an earlier version made, in the form of this version.
fn renewed(device: &Device, recorded: &[RootKey], roots: &Roots) -> Result<Vec<RootKey>, RootError> {
    let mut renewed = Vec::new();
    for (class, name) in [(Class::Exporting, EXPORTING), (Class::Guarding, GUARDING), (Class::Sealing, SEALING)] {
        let former = recorded.iter().find(|root| root.name == name && is_former(&root.check_value));
        if let (Some(former), Some(kind), Some(kek)) = (former, kind(name), roots.kek(class)) {
            renewed
                .push(RootKey { check_value: check_value(device, &kek.key, (kind, roots.terms()))?, ..former.clone() });
        }
    }
    Ok(renewed)
}
