//! The root keys of a new database. Which objects they will be is on disk before the first is made: a start that ends meanwhile is
//! gone on with by the next one, and no database has a second set.

use claviger_pkcs11::{Device, Error, KeyId, TokenKey};
use openssl::sha::sha256;

use super::durability::Unsettled;
use super::error::RootError;
use super::root::{LABEL, Roots, Wrapping, check_value, examine, find, kind, record, roots, wraps};
use super::signing::{self, AUDIT, Candidate};
use crate::hexadecimal;
use crate::store::Store;
use crate::store::audit_head::AuditHead;
use crate::store::root_key::{self, RootKey};

/// What a `CKA_ID` is the beginning of the SHA-256 of. Only this database knows it, and only until the key is recorded: who can write
/// the database cannot have it take another one's keys for its own, whose `CKA_ID`s stand in that one.
type Seed = [u8; 32];

/// Makes the root keys, or goes on with those that an earlier start began to make, and records them.
pub(super) fn begin(
    (device, disk): (&Device, Unsettled),
    store: &Store,
    wrapping: Wrapping,
    now: i64,
) -> Result<Roots, RootError> {
    let pending = store.read(|connection| Ok(root_key::pending(connection)?))?;
    let present = device.token_keys()?;
    warn_of_others(&present, &pending);
    let has_keks = match pending.as_slice() {
        [] => wrapping.of_new()?,
        // As it was begun.
        all => {
            let has_keks = all.iter().any(|(name, _)| wraps(name));
            wrapping.of_known(has_keks)?;
            has_keks
        }
    };
    // From here on nothing can be taken back.
    try_out(device, has_keks)?;
    store.check()?;
    if !pending.is_empty() {
        tracing::info!("an earlier start did not make all root keys of this database: going on with it");
    }
    let mut made = Vec::new();
    for (name, seed) in announce(store, &pending, has_keks)? {
        made.push(resume(device, store, &present, (&name, has_keks), &cka_id(&seed))?);
    }
    made.sort_by(|one, other| one.name.cmp(&other.name));
    let roots = find(device, &made)?;
    // With its root keys a database gets the end of its audit log: a row that is missing later was deleted.
    record((device, disk), store, &roots, &made, (&made, false), AuditHead::begin(), now)?;
    // The seeds are in it.
    if !store.empty_wal()? {
        tracing::debug!("the write-ahead log was not emptied: somebody reads the database");
    }
    tracing::info!("made the root keys of a new database");
    Ok(roots)
}

fn warn_of_others(present: &[TokenKey], pending: &[(String, Vec<u8>)]) {
    let own: Vec<KeyId> = pending.iter().filter_map(|(_, seed)| seed.as_slice().try_into().ok()).map(cka_id).collect();
    let is_other = |id: &[u8]| !own.iter().any(|own| own.as_bytes() == id);
    let others = present.iter().filter(|key| key.label.starts_with(LABEL) && is_other(&key.id)).count();
    if others > 0 {
        tracing::warn!(
            root_keys = others,
            "the token holds root keys of another database; this new database gets its own. \
             If keys seem to be missing, check --sqlite-path"
        );
    }
}

/// Has the token make and use each kind of root key as a session object: a root key that was made stays in it for good.
fn try_out(device: &Device, has_keks: bool) -> Result<(), RootError> {
    let unable = |name, source| RootError::Unable { name, source: Box::new(source) };
    for (name, kind) in roots(has_keks) {
        let tried =
            device.try_root(kind).map_err(RootError::from).and_then(|key| check_value(device, &key, (kind, has_keks)));
        tried.map_err(|source| unable(name, source))?;
    }
    signing::try_out(device).map_err(|source| unable(AUDIT, source))
}

/// The names of all root keys and their seeds, on disk.
fn announce(store: &Store, pending: &[(String, Vec<u8>)], has_keks: bool) -> Result<Vec<(String, Seed)>, RootError> {
    let names: Vec<&str> = roots(has_keks).map(|(name, _)| name).chain(signing::FIRST).collect();
    if let Some((unknown, _)) = pending.iter().find(|(name, _)| !names.contains(&name.as_str())) {
        return Err(RootError::Unknown(unknown.clone()));
    }
    let mut all = Vec::with_capacity(names.len());
    for name in names {
        let seed = match pending.iter().find(|(own, _)| own == name) {
            Some((_, seed)) => Seed::try_from(seed.as_slice()).map_err(|_| RootError::BadSeed(name.to_owned()))?,
            None => new_seed()?,
        };
        all.push((name.to_owned(), seed));
    }
    let rows = all.clone();
    store.write(move |transaction| {
        for (name, seed) in &rows {
            root_key::announce(transaction, name, seed)?;
        }
        Ok(())
    })?;
    Ok(all)
}

fn new_seed() -> Result<Seed, RootError> {
    let mut seed = Seed::default();
    openssl::rand::rand_bytes(&mut seed)?;
    Ok(seed)
}

fn cka_id(seed: &Seed) -> KeyId {
    let mut id = [0; 20];
    id.copy_from_slice(sha256(seed).split_at(20).0);
    KeyId::from(id)
}

/// What the token holds under a `CKA_ID` that was announced.
enum Found {
    Nothing,
    /// The root key.
    Whole(RootKey),
    /// What is left of a call that did not end: an object without a value, or half of a pair.
    Broken,
}

/// The root key of this name and `CKA_ID`, which is made if it is not there.
fn resume(
    device: &Device,
    store: &Store,
    present: &[TokenKey],
    (name, has_keks): (&str, bool),
    id: &KeyId,
) -> Result<RootKey, RootError> {
    match look(device, present, (name, has_keks), id)? {
        Found::Whole(record) => Ok(record),
        Found::Nothing => make(device, (name, has_keks), id),
        Found::Broken => {
            let other = new_seed()?;
            let left = hexadecimal::lower(id.as_bytes());
            tracing::warn!(
                name,
                cka_id = left,
                "a root key that an earlier start did not finish is left in the token, unused"
            );
            let named = name.to_owned();
            store.write(move |transaction| Ok(root_key::announce(transaction, &named, &other)?))?;
            make(device, (name, has_keks), &cka_id(&other))
        }
    }
}

fn look(device: &Device, present: &[TokenKey], (name, has_keks): (&str, bool), id: &KeyId) -> Result<Found, RootError> {
    let record = RootKey { name: name.to_owned(), cka_id: id.as_bytes().to_vec(), check_value: Vec::new() };
    let examined = if let Some(kind) = kind(name) {
        if !present.iter().any(|key| key.id == record.cka_id) {
            return Ok(Found::Nothing);
        }
        examine(device, present, kind, &record).and_then(|key| check_value(device, &key, (kind, has_keks)))
    } else {
        let candidate = Candidate::find(device, &record)?;
        if candidate.is_absent() {
            return Ok(Found::Nothing);
        }
        signing::examine(device, &candidate).map(|key| key.public_key)
    };
    match examined {
        Ok(check_value) => Ok(Found::Whole(RootKey { check_value, ..record })),
        Err(error) if is_of_object(&error) => Ok(Found::Broken),
        Err(error) => Err(error),
    }
}

/// Whether the object is the reason, and not the token.
fn is_of_object(error: &RootError) -> bool {
    matches!(
        error,
        RootError::Ambiguous { .. }
            | RootError::CheckValue { .. }
            | RootError::NotOnCurve { .. }
            | RootError::Attributes { source: Error::RootMismatch(_), .. }
            | RootError::Token(Error::RootMismatch(_))
    )
}

fn make(device: &Device, (name, has_keks): (&str, bool), id: &KeyId) -> Result<RootKey, RootError> {
    let Some(kind) = kind(name) else { return signing::make_as(device, name, id) };
    let key = device.generate_root(id, &format!("{LABEL} {name}"), kind)?;
    let check_value = check_value(device, &key, (kind, has_keks))?;
    Ok(RootKey { name: name.to_owned(), cka_id: id.as_bytes().to_vec(), check_value })
}
