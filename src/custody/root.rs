//! The root keys: made once for each database, known again at each start.

use std::collections::HashMap;

use claviger_pkcs11::{
    Device, Error, Key, KeyId, MacMechanism, RootKind, SecretKeyKind, SecretKeySpec, TokenKey, UnwrapTemplate, Uses,
};

use super::beginning;
use super::durability::Unsettled;
use super::error::RootError;
use super::signing::{self, AUDIT, Candidate, FIRST_TOKEN, SigningKey, first_name};
use super::trying::Lacking;
use crate::config::{Placement, RemadeKey, Remake};
use crate::hexadecimal;
use crate::secret::is_equal;
use crate::store::Store;
use crate::store::audit_head::{self, AuditHead};
use crate::store::gcm_use;
use crate::store::object::Class;
use crate::store::root_key::{self, RootKey};

/// Begins the label of every root key, so that an operator sees whose they are.
pub(super) const LABEL: &str = "claviger root";

/// What MACs are made of to recognise a root key; no secret.
const CHECK: &[u8; 32] = b"claviger: check value of a root.";

/// The same for the binding key of a database that has no keys that wrap: who can write the database alone cannot make the one of the
/// other, and so cannot have records that were deleted be taken for records that never were.
const CHECK_ALONE: &[u8; 32] = b"claviger: root that wraps none..";

/// The secret root keys: name, and what the token must enforce. The signing keys are in [`signing::FIRST`].
const ROOTS: [(&str, RootKind); 4] = [
    ("binding", RootKind::Mac),
    ("exporting", RootKind::Kek(UnwrapTemplate::Exporting)),
    ("guarding", RootKind::Kek(UnwrapTemplate::Guarding)),
    ("sealing", RootKind::Kek(UnwrapTemplate::Sealing)),
];

/// Handles of one generation of the token.
pub(super) struct Roots {
    binding: Key,
    /// `None`: the token cannot keep keys wrapped, and each of them is an object of it.
    keks: Option<Keks>,
    audit: SigningKey,
    /// What signs access tokens, by number; the last signs new ones.
    tokens: Vec<NumberedKey>,
    /// Those that were made again at this start.
    remade: Vec<RemadeKey>,
}

/// A key that signs access tokens, with its number.
pub(super) type NumberedKey = (u32, SigningKey);

/// A key-encryption key for each class.
struct Keks {
    exporting: Kek,
    guarding: Kek,
    sealing: Kek,
}

/// Whether the token can keep keys wrapped, and where the operator wants them.
pub(super) struct Wrapping {
    pub(super) lacks: Option<Lacking>,
    pub(super) placement: Option<Placement>,
}

impl Wrapping {
    /// Whether a new database gets keys that wrap.
    pub(super) fn of_new(self) -> Result<bool, RootError> {
        match (self.lacks, self.placement) {
            (Some(lacking), Some(Placement::Wrapped)) => Err(RootError::NoWrapping(lacking)),
            (lacks, _) => Ok(lacks.is_none()),
        }
    }

    /// Refuses what does not go with a database that has keys that wrap, or has none: it stays as it was begun.
    pub(super) fn of_known(self, has_keks: bool) -> Result<(), RootError> {
        match (self.lacks, self.placement) {
            (Some(lacking), _) if has_keks => Err(RootError::Lacks(lacking)),
            (_, Some(Placement::Wrapped)) if !has_keks => Err(RootError::NeverWrapped),
            _ => Ok(()),
        }
    }
}

/// A key-encryption key and the `CKA_ID` by which blobs name it.
pub(super) struct Kek {
    pub(super) key: Key,
    pub(super) cka_id: Vec<u8>,
}

impl Roots {
    pub(super) fn binding(&self) -> &Key {
        &self.binding
    }

    /// `None` in a database whose keys are objects of the token.
    pub(super) fn kek(&self, class: Class) -> Option<&Kek> {
        let keks = self.keks.as_ref()?;
        Some(match class {
            Class::Sealing => &keks.sealing,
            Class::Guarding => &keks.guarding,
            Class::Exporting => &keks.exporting,
        })
    }

    pub(super) fn audit(&self) -> &SigningKey {
        &self.audit
    }

    pub(super) fn tokens(&self) -> &[NumberedKey] {
        &self.tokens
    }

    pub(super) fn remade(&self) -> &[RemadeKey] {
        &self.remade
    }

    /// Every object that must be there.
    pub(super) fn keys(&self) -> Vec<&Key> {
        let mut keys = vec![&self.binding];
        if let Some(Keks { exporting, guarding, sealing }) = &self.keks {
            keys.extend([&exporting.key, &guarding.key, &sealing.key]);
        }
        for pair in self.tokens.iter().map(|(_, key)| key).chain([&self.audit]).map(|key| &key.pair) {
            keys.extend([&pair.private, &pair.public]);
        }
        keys
    }
}

/// Finds the recorded root keys in the token, or makes them for a database that is new. A recorded set is never completed by
/// itself: a record that is missing was deleted, or the database is damaged.
///
/// `disk` was opened before, and holds what the token writes.
pub(super) fn open(
    (device, disk): (&Device, Unsettled),
    store: &Store,
    wrapping: Wrapping,
    remake: &Remake,
    now: i64,
) -> Result<Roots, RootError> {
    let recorded = store.read(|connection| Ok(root_key::all(connection)?))?;
    if !recorded.is_empty() {
        wrapping.of_known(has_keks(&recorded))?;
        return complete((device, disk), store, recorded, remake, now);
    }
    if let Some(table) = store.first_used_table()? {
        return Err(RootError::NoRecord(table));
    }
    beginning::begin((device, disk), store, wrapping, now)
}

/// The roots of a database that has a record. It must be whole, but for the signing keys that the operator names: these are
/// made again, after the others have proved that this is the token of the database.
fn complete(
    (device, disk): (&Device, Unsettled),
    store: &Store,
    recorded: Vec<RootKey>,
    remake: &Remake,
    now: i64,
) -> Result<Roots, RootError> {
    let head = store.read(|connection| Ok(audit_head::read(connection)?))?;
    let lacking = lacking(&recorded, &remake.keys)?;
    let mut made = Vec::with_capacity(lacking.len());
    if !lacking.is_empty() {
        check(device, &recorded, &remake.keys)?;
        for key in &lacking {
            made.push(signing::make(device, first_name(*key))?);
        }
    }
    let mut whole = [recorded.as_slice(), &made].concat();
    whole.sort_by(|one, other| one.name.cmp(&other.name));
    let roots = Roots { remade: lacking, ..find(device, &whole)? };
    let is_sound = match &head {
        Some(head) => {
            is_equal(&mac(device, &roots.binding, &head.bound())?, head.binding.as_deref().unwrap_or_default())
        }
        None => false,
    };
    let counts = store.read(gcm_use::credit)?.is_some();
    match (head, made.is_empty()) {
        (Some(head), true) if is_sound => {
            let covers = covers(&head, &recorded, counts)?;
            let renewed = renewed(device, &recorded, &roots)?;
            for record in &renewed {
                whole.iter_mut().filter(|own| own.name == record.name).for_each(|own| own.clone_from(record));
            }
            if !covers || !renewed.is_empty() {
                record((device, disk), store, &roots, &renewed, (&whole, counts), head, now)?;
            }
        }
        // What is not sound is judged where the log is opened.
        (_, true) => {}
        (head, false) if is_sound || remake.accept_loss => {
            let head = head.unwrap_or_else(AuditHead::begin);
            record((device, disk), store, &roots, &made, (&whole, counts), head, now)?;
        }
        (_, false) => return Err(RootError::NoHead),
    }
    Ok(roots)
}

/// Whether the head covers the records as they are; not if an earlier version wrote it, when they are taken to be whole.
fn covers(head: &AuditHead, recorded: &[RootKey], counts: bool) -> Result<bool, RootError> {
    let Some(digest) = &head.root_keys else { return Ok(false) };
    if *digest == root_key::digest(recorded, counts) {
        return Ok(true);
    }
    if *digest != root_key::digest(recorded, !counts) {
        return Err(RootError::Changed);
    }
    if counts { Ok(false) } else { Err(RootError::Uncounted) }
}

/// The signing keys that are not recorded, if the operator wants them made again.
fn lacking(recorded: &[RootKey], remake: &[RemadeKey]) -> Result<Vec<RemadeKey>, RootError> {
    let lacking = signing::lacking(recorded);
    match lacking.iter().find(|key| !remake.contains(key)) {
        Some(key) => Err(RootError::Removed { name: first_name(*key), key: *key }),
        None => Ok(lacking),
    }
}

/// Records root keys, and binds the whole record, and whether uses of AES-GCM are counted, to the end of the audit log: all or nothing.
/// Of a key that is recorded already, the check value is replaced.
pub(super) fn record(
    (device, disk): (&Device, Unsettled),
    store: &Store,
    roots: &Roots,
    made: &[RootKey],
    (whole, counts): (&[RootKey], bool),
    head: AuditHead,
    now: i64,
) -> Result<(), RootError> {
    // Before the database says that they exist.
    disk.settle().map_err(RootError::Disk)?;
    // What the former key signed proves nothing by the new one.
    let signed_line = head.signed_line.filter(|_| !roots.remade.contains(&RemadeKey::Audit));
    let mut head = AuditHead { root_keys: Some(root_key::digest(whole, counts).to_vec()), signed_line, ..head };
    head.binding = Some(mac(device, &roots.binding, &head.bound())?);
    let records = made.to_vec();
    Ok(store.write(move |transaction| {
        for key in &records {
            if !root_key::renew(transaction, key)? {
                root_key::insert(transaction, key, now)?;
            }
        }
        root_key::conclude(transaction)?;
        head.insert(transaction)
    })?)
}

fn mac(device: &Device, binding: &Key, bytes: &[u8]) -> Result<Vec<u8>, RootError> {
    Ok(device.mac(binding, MacMechanism::HmacSha256, bytes)?)
}

/// Compares the token with the record, and refuses at any difference. All root keys must be recorded.
pub(super) fn find(device: &Device, recorded: &[RootKey]) -> Result<Roots, RootError> {
    let (mut secrets, mut signing) = recognise_all(device, recorded)?;
    let audit = signing.remove(AUDIT).ok_or(RootError::Incomplete(signing::AUDIT))?;
    let numbered = signing.into_iter().filter_map(|(name, key)| Some((signing::token_number(&name)?, key)));
    let mut tokens: Vec<NumberedKey> = numbered.collect();
    if tokens.is_empty() {
        return Err(RootError::Incomplete(FIRST_TOKEN));
    }
    tokens.sort_by_key(|(number, _)| *number);
    let mut take = |name| secrets.remove(name).ok_or(RootError::Incomplete(name));
    let binding = take("binding")?.key;
    let keks = match take("sealing") {
        Ok(sealing) => Some(Keks { sealing, exporting: take("exporting")?, guarding: take("guarding")? }),
        // All of them, or none.
        Err(_) => None,
    };
    Ok(Roots { binding, keks, remade: Vec::new(), audit, tokens })
}

/// Like [`find`], but the signing keys that [`open`] would make again are not missed.
pub(super) fn check(device: &Device, recorded: &[RootKey], remake: &[RemadeKey]) -> Result<(), RootError> {
    lacking(recorded, remake)?;
    recognise_all(device, recorded).map(drop)
}

/// The secret root keys, and the signing keys as far as they are recorded, by name.
type Recognised = (HashMap<&'static str, Kek>, HashMap<String, SigningKey>);

fn recognise_all(device: &Device, recorded: &[RootKey]) -> Result<Recognised, RootError> {
    let present = device.token_keys()?;
    let (signing, secret): (Vec<_>, Vec<_>) = recorded.iter().partition(|root| signing::is_signing(&root.name));
    let signing = signing.into_iter().map(|root| Candidate::find(device, root)).collect::<Result<Vec<_>, _>>()?;
    refuse_missing(device, &present, &secret, &signing)?;
    let mut found = HashMap::new();
    let has_keks = has_keks(recorded);
    for (name, kind) in roots(has_keks) {
        let record = secret.iter().find(|root| root.name == name).ok_or(RootError::Incomplete(name))?;
        found.insert(name, recognise(device, &present, (kind, has_keks), record)?);
    }
    if let Some(unknown) = secret.iter().find(|root| !found.contains_key(root.name.as_str())) {
        return Err(RootError::Unknown(unknown.name.clone()));
    }
    let signing = signing.iter().map(|root| Ok((root.name().to_owned(), signing::recognise(device, root)?)));
    Ok((found, signing.collect::<Result<_, RootError>>()?))
}

/// Names every recorded root key that is not there, and what is there instead.
fn refuse_missing(
    device: &Device,
    present: &[TokenKey],
    secret: &[&RootKey],
    signing: &[Candidate<'_>],
) -> Result<(), RootError> {
    let mut missing: Vec<String> = secret
        .iter()
        .filter(|root| !present.iter().any(|key| key.id == root.cka_id))
        .map(|root| format!("{} ({})", root.name, hexadecimal::lower(&root.cka_id)))
        .collect();
    missing.extend(signing.iter().filter_map(Candidate::missing));
    if missing.is_empty() {
        return Ok(());
    }
    let info = device.info()?;
    Err(RootError::Missing {
        token: format!("{:?} (serial {})", info.label, info.serial),
        missing: missing.join(", "),
        present: describe(present),
    })
}

/// What is there instead of the missing root keys.
fn describe(present: &[TokenKey]) -> String {
    let roots: Vec<String> = present
        .iter()
        .filter(|key| key.label.starts_with(LABEL))
        .map(|key| format!("{} ({})", key.label, hexadecimal::lower(&key.id)))
        .collect();
    if roots.is_empty() {
        format!("it holds {} secret keys, none of them a root key", present.len())
    } else {
        format!("it holds {}", roots.join(", "))
    }
}

fn recognise(
    device: &Device,
    present: &[TokenKey],
    (kind, has_keks): (RootKind, bool),
    record: &RootKey,
) -> Result<Kek, RootError> {
    let key = examine(device, present, kind, record)?;
    if !is_recorded(device, &key, (kind, has_keks), &record.check_value)? {
        if kind == RootKind::Mac && !has_keks && is_recorded(device, &key, (kind, true), &record.check_value)? {
            return Err(RootError::Incomplete("sealing"));
        }
        return Err(RootError::CheckValue { name: record.name.clone(), cka_id: cka_id(record)?.to_string() });
    }
    Ok(Kek { key, cka_id: record.cka_id.clone() })
}

/// The one object with the recorded `CKA_ID`, if it has the attributes that it must have. Its check value is not looked at.
pub(super) fn examine(
    device: &Device,
    present: &[TokenKey],
    kind: RootKind,
    record: &RootKey,
) -> Result<Key, RootError> {
    let id = cka_id(record)?;
    let name = || record.name.clone();
    let mut candidates = present.iter().filter(|key| key.id == id.as_bytes());
    let (Some(candidate), None) = (candidates.next(), candidates.next()) else {
        let count = present.iter().filter(|key| key.id == id.as_bytes()).count();
        return Err(RootError::Ambiguous { name: name(), cka_id: id.to_string(), count });
    };
    let key = candidate.key.clone();
    device.check_root(&key, &id, kind).map_err(|source| RootError::Attributes { name: name(), source })?;
    Ok(key)
}

pub(super) fn cka_id(record: &RootKey) -> Result<KeyId, RootError> {
    let bytes = <[u8; 20]>::try_from(record.cka_id.as_slice());
    bytes.map(KeyId::from).map_err(|_| RootError::BadId(record.name.clone()))
}

/// A value that only this key makes, or opens, and that says nothing about it. Of a MAC key, its MAC of a constant. Of a key that wraps,
/// a key that was made in the token for this alone and wrapped by it, and behind the blob that key's MAC of the constant: nothing in
/// clear goes in, and nothing comes out. `has_keks`: whether there are keys that wrap beside it.
pub(super) fn check_value(
    device: &Device,
    key: &Key,
    (kind, has_keks): (RootKind, bool),
) -> Result<Vec<u8>, RootError> {
    match kind {
        RootKind::Mac => Ok(device.mac(key, MacMechanism::HmacSha256, if has_keks { CHECK } else { CHECK_ALONE })?),
        RootKind::Kek(template) => {
            let canary = device.generate(&SecretKeySpec {
                kind: CANARY,
                sensitive: true,
                extractable: true,
                uses: Uses::default(),
            })?;
            let blob = device.wrap(key, &canary)?;
            let mac = canary_mac(device, key, template, &blob)?;
            Ok([blob, mac].concat())
        }
    }
}

/// The key by whose MAC a key that wraps is recognised.
const CANARY: SecretKeyKind = SecretKeyKind::Generic { bytes: 32 };

/// Bytes of a key of 32 bytes that is wrapped (RFC 3394).
const BLOB: usize = 40;

fn canary_mac(device: &Device, kek: &Key, template: UnwrapTemplate, blob: &[u8]) -> Result<Vec<u8>, RootError> {
    let (sensitive, extractable) = (template.sensitive(), template.extractable());
    let canary = device.unwrap(kek, blob, &SecretKeySpec { kind: CANARY, sensitive, extractable, uses: Uses::MAC })?;
    Ok(device.mac(&canary, MacMechanism::HmacSha256, CHECK)?)
}

/// Whether this key made the recorded value.
fn is_recorded(
    device: &Device,
    key: &Key,
    (kind, has_keks): (RootKind, bool),
    recorded: &[u8],
) -> Result<bool, RootError> {
    let made = match kind {
        RootKind::Kek(_) if is_former(recorded) => {
            let spec = SecretKeySpec {
                kind: SecretKeyKind::Aes { bytes: CHECK.len() },
                sensitive: true,
                extractable: true,
                uses: Uses::default(),
            };
            device.wrap(key, &device.create(&spec, CHECK)?)?
        }
        RootKind::Kek(template) => {
            let Some((blob, mac)) = recorded.split_at_checked(BLOB) else { return Ok(false) };
            return match canary_mac(device, key, template, blob) {
                Ok(made) => Ok(is_equal(&made, mac)),
                Err(RootError::Token(Error::BlobInvalid(_))) => Ok(false),
                Err(error) => Err(error),
            };
        }
        RootKind::Mac => check_value(device, key, (kind, has_keks))?,
    };
    Ok(is_equal(&made, recorded))
}

/// Whether an earlier version recorded this value of a key that wraps: a constant, brought in and wrapped by it (RFC 3394 is
/// deterministic).
fn is_former(recorded: &[u8]) -> bool {
    recorded.len() == BLOB
}

/// The records that an earlier version made, as this one makes them.
fn renewed(device: &Device, recorded: &[RootKey], roots: &Roots) -> Result<Vec<RootKey>, RootError> {
    let mut renewed = Vec::new();
    for (class, name) in [(Class::Exporting, "exporting"), (Class::Guarding, "guarding"), (Class::Sealing, "sealing")] {
        let former = recorded.iter().find(|root| root.name == name && is_former(&root.check_value));
        if let (Some(former), Some(kind), Some(kek)) = (former, kind(name), roots.kek(class)) {
            renewed.push(RootKey { check_value: check_value(device, &kek.key, (kind, true))?, ..former.clone() });
        }
    }
    Ok(renewed)
}

/// The secret root keys of a database that has keys that wrap, or has none.
pub(super) fn roots(has_keks: bool) -> impl Iterator<Item = (&'static str, RootKind)> {
    ROOTS.into_iter().filter(move |(name, _)| has_keks || !wraps(name))
}

/// Whether keys that wrap are among these.
pub(super) fn has_keks(recorded: &[RootKey]) -> bool {
    recorded.iter().any(|root| wraps(&root.name))
}

/// Whether the root key of this name wraps others.
pub(super) fn wraps(name: &str) -> bool {
    matches!(kind(name), Some(RootKind::Kek(_)))
}

/// What a secret root key is for; `None` for a signing key.
pub(super) fn kind(name: &str) -> Option<RootKind> {
    ROOTS.iter().find(|(own, _)| *own == name).map(|(_, kind)| *kind)
}
