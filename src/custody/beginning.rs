//! The root keys of a new database. Their `CKA_ID`s are on disk before the first key is made. If a start ends before
//! all keys are made, the next one continues, so no database has a second set.

use claviger_pkcs11::{Device, Error, KeyId, TokenKey, Weaknesses};
use openssl::sha::sha256;

use super::durability::Unsettled;
use super::error::RootError;
use super::recording::record;
use super::root::{Roots, check_value, examine, find};
use super::root_object::LABEL;
use super::signing::{self, AUDIT, Candidate};
use super::terms::{Begun, Offer, Terms, Wrapped, kind};
use crate::hexadecimal;
use crate::store::Store;
use crate::store::audit_head::AuditHead;
use crate::store::root_key::{self, RootKey};

/// A `CKA_ID` is the beginning of the SHA-256 of a seed. Only this database contains the seed, and only until the key
/// is recorded. So a writer of the database cannot make it adopt the keys of another database: the other database
/// contains only the `CKA_ID`s.
type Seed = [u8; 32];

/// Makes the root keys, or continues with those of an earlier start, and records them.
pub(super) fn begin(
    (device, disk): (&Device, Unsettled),
    store: &Store,
    offer: Offer,
    now: i64,
) -> Result<Roots, RootError> {
    let pending = root_key::pending(store)?;
    let present = device.token_keys()?;
    let begun = begun(&present, &pending);
    warn_of_others(&present, &pending, begun);
    let terms = offer.begin(begun)?;
    // The following steps cannot be undone.
    try_out(device, terms)?;
    store.check()?;
    if !pending.is_empty() {
        tracing::info!("an earlier start did not make all root keys of this database: continuing with it");
    }
    let mut made = Vec::new();
    for (name, seed) in announce(store, &pending, terms.wrapped)? {
        made.push(resume(device, store, &present, (&name, terms), &cka_id(&seed, terms.weak))?);
    }
    made.sort_by(|one, other| one.name.cmp(&other.name));
    let roots = find(device, &made)?;
    // The database gets its root keys and the end of its audit log together. If that row is missing later, it was
    // deleted.
    record((device, disk), store, &roots, &made, (&made, false), AuditHead::first(store.server()), now)?;
    // The write-ahead log contains the seeds.
    if !store.empty_wal()? {
        tracing::debug!("the write-ahead log was not emptied: another connection reads the database");
    }
    tracing::info!("made the root keys of a new database");
    Ok(roots)
}

/// Returns what an earlier start decided. The names of the announced keys show which keys are kept wrapped. The
/// `CKA_ID`s of the keys that exist already show which protections they lack.
fn begun(present: &[TokenKey], pending: &[(String, Vec<u8>)]) -> Option<Begun> {
    if pending.is_empty() {
        return None;
    }
    let is_there =
        |weak: &Weaknesses| announced(pending, *weak).any(|own| present.iter().any(|key| key.id == own.as_bytes()));
    let wrapped = Wrapped::of(pending.iter().map(|(name, _)| name.as_str()));
    Some(Begun { wrapped, weak: Weaknesses::all_sets().find(is_there) })
}

/// Returns the `CKA_ID`s of the announced keys if they lack these protections.
fn announced(pending: &[(String, Vec<u8>)], weak: Weaknesses) -> impl Iterator<Item = KeyId> {
    pending.iter().filter_map(move |(_, seed)| Some(cka_id(&seed.as_slice().try_into().ok()?, weak)))
}

fn warn_of_others(present: &[TokenKey], pending: &[(String, Vec<u8>)], begun: Option<Begun>) {
    let weak = begun.and_then(|begun| begun.weak).unwrap_or_default();
    let own: Vec<KeyId> = announced(pending, weak).collect();
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

/// Makes and uses each kind of root key as a session object first, because a real root key stays in the token for good.
fn try_out(device: &Device, terms: Terms) -> Result<(), RootError> {
    let unable = |name, source| RootError::Unable { name, source: Box::new(source) };
    for (name, kind) in terms.wrapped.roots() {
        let made = device.try_root(kind, terms.weak).map_err(RootError::from);
        let tried = made.and_then(|key| check_value(device, &key, (kind, terms)));
        tried.map_err(|source| unable(name, source))?;
    }
    signing::try_out(device, terms.weak).map_err(|source| unable(AUDIT, source))
}

/// Writes the names and seeds of all root keys to disk and returns them.
fn announce(store: &Store, pending: &[(String, Vec<u8>)], wrapped: Wrapped) -> Result<Vec<(String, Seed)>, RootError> {
    let names: Vec<&str> = wrapped.roots().map(|(name, _)| name).chain(signing::FIRST).collect();
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
    store.write(root_key::announce(all.clone()))?;
    Ok(all)
}

fn new_seed() -> Result<Seed, RootError> {
    let mut seed = Seed::default();
    openssl::rand::rand_bytes(&mut seed)?;
    Ok(seed)
}

/// Returns the `CKA_ID` of a root key. It also depends on the protections that the key lacks.
fn cka_id(seed: &Seed, weak: Weaknesses) -> KeyId {
    let mut id = [0; 20];
    let named = [seed.as_slice(), weak.to_string().as_bytes()].concat();
    id.copy_from_slice(sha256(&named).split_at(20).0);
    KeyId::from(id)
}

/// The result of a search for an announced `CKA_ID` in the token.
enum Found {
    Nothing,
    /// The complete root key.
    Whole(RootKey),
    /// The remains of a call that did not end: an object without a value, or half of a pair.
    Broken,
}

/// Returns the root key of this name and `CKA_ID`. Makes it if it does not exist.
fn resume(
    device: &Device,
    store: &Store,
    present: &[TokenKey],
    (name, terms): (&str, Terms),
    id: &KeyId,
) -> Result<RootKey, RootError> {
    match look(device, present, (name, terms), id)? {
        Found::Whole(record) => Ok(record),
        Found::Nothing => make(device, (name, terms), id),
        Found::Broken => {
            let other = new_seed()?;
            let left = hexadecimal::lower(id.as_bytes());
            tracing::warn!(
                name,
                cka_id = left,
                "a root key that an earlier start did not finish is left in the token, unused"
            );
            store.write(root_key::announce(vec![(name.to_owned(), other)]))?;
            make(device, (name, terms), &cka_id(&other, terms.weak))
        }
    }
}

fn look(device: &Device, present: &[TokenKey], (name, terms): (&str, Terms), id: &KeyId) -> Result<Found, RootError> {
    let record = RootKey { name: name.to_owned(), cka_id: id.as_bytes().to_vec(), check_value: Vec::new() };
    let examined = if let Some(kind) = kind(name) {
        if !present.iter().any(|key| key.id == record.cka_id) {
            return Ok(Found::Nothing);
        }
        examine(device, present, (kind, terms.weak), &record).and_then(|key| check_value(device, &key, (kind, terms)))
    } else {
        let candidate = Candidate::find(device, &record)?;
        if candidate.is_absent() {
            return Ok(Found::Nothing);
        }
        signing::examine(device, &candidate, terms.weak).map(|key| key.public_key)
    };
    match examined {
        Ok(check_value) => Ok(Found::Whole(RootKey { check_value, ..record })),
        Err(error) if is_of_object(&error) => Ok(Found::Broken),
        Err(error) => Err(error),
    }
}

/// Whether the cause is the object, and not the token.
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

fn make(device: &Device, (name, terms): (&str, Terms), id: &KeyId) -> Result<RootKey, RootError> {
    let Some(kind) = kind(name) else { return signing::make_as(device, name, id, terms.weak) };
    let key = device.generate_root(id, &format!("{LABEL} {name}"), kind, terms.weak)?;
    // Checked before the next key is made, because each key stays in the token for good.
    device
        .check_root(&key, id, kind, terms.weak)
        .map_err(|source| RootError::Attributes { name: name.to_owned(), source })?;
    let check_value = check_value(device, &key, (kind, terms))?;
    Ok(RootKey { name: name.to_owned(), cka_id: id.as_bytes().to_vec(), check_value })
}
