//! The root keys: made once for each database, known again at each start.

use std::collections::HashMap;

use claviger_pkcs11::{
    Device, Key, KeyId, MacMechanism, RootKind, SecretKeyKind, SecretKeySpec, TokenKey, UnwrapTemplate, Uses,
};
use data_encoding::HEXLOWER;

use super::error::RootError;
use crate::secret::is_equal;
use crate::store::object::Class;
use crate::store::root_key::{self, RootKey};
use crate::store::{Store, object};

/// Begins the label of every root key, so that an operator sees whose they are.
const LABEL: &str = "claviger root";

/// Wrapped or MACed to recognise a root key; no secret.
const CHECK: &[u8; 32] = b"claviger: check value of a root.";

/// The four root keys: name, and what the token must enforce.
const ROOTS: [(&str, RootKind); 4] = [
    ("binding", RootKind::Mac),
    ("exporting", RootKind::Kek(UnwrapTemplate::Exporting)),
    ("guarding", RootKind::Kek(UnwrapTemplate::Guarding)),
    ("sealing", RootKind::Kek(UnwrapTemplate::Sealing)),
];

/// Handles of one generation of the token.
pub(super) struct Roots {
    binding: Key,
    exporting: Kek,
    guarding: Kek,
    sealing: Kek,
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

    pub(super) fn kek(&self, class: Class) -> &Kek {
        match class {
            Class::Sealing => &self.sealing,
            Class::Guarding => &self.guarding,
            Class::Exporting => &self.exporting,
        }
    }

    pub(super) fn keys(&self) -> [&Key; 4] {
        [&self.binding, &self.exporting.key, &self.guarding.key, &self.sealing.key]
    }
}

/// Finds the recorded root keys in the token, or makes them for a database that has none.
pub(super) fn open(device: &Device, store: &Store, now: i64) -> Result<Roots, RootError> {
    let recorded = store.read(|connection| Ok(root_key::all(connection)?))?;
    if !recorded.is_empty() {
        return find(device, &recorded);
    }
    if store.read(object::any)? {
        return Err(RootError::NoRecord);
    }
    let others = device.token_keys()?.iter().filter(|key| key.label.starts_with(LABEL)).count();
    if others > 0 {
        tracing::warn!(
            root_keys = others,
            "the token holds root keys of another database; this new database gets its own. \
             If keys seem to be missing, check --sqlite-path"
        );
    }
    let made = make(device)?;
    // Durable in the token before the database says that they exist.
    device.sync();
    let records = made.clone();
    store.write(move |transaction| {
        for key in &records {
            root_key::insert(transaction, key, now)?;
        }
        Ok(())
    })?;
    tracing::info!("made the root keys of a new database");
    find(device, &made)
}

fn make(device: &Device) -> Result<Vec<RootKey>, RootError> {
    let mut made = Vec::with_capacity(ROOTS.len());
    for (name, kind) in ROOTS {
        let mut id = [0; 20];
        openssl::rand::rand_bytes(&mut id)?;
        let key = device.generate_root(&KeyId::from(id), &format!("{LABEL} {name}"), kind)?;
        let check_value = check_value(device, &key, kind)?;
        made.push(RootKey { name: name.to_owned(), cka_id: id.to_vec(), check_value });
    }
    Ok(made)
}

/// Compares the token with the record, and refuses at any difference.
pub(super) fn find(device: &Device, recorded: &[RootKey]) -> Result<Roots, RootError> {
    let present = device.token_keys()?;
    let missing: Vec<String> = recorded
        .iter()
        .filter(|root| !present.iter().any(|key| key.id == root.cka_id))
        .map(|root| format!("{} ({})", root.name, HEXLOWER.encode(&root.cka_id)))
        .collect();
    if !missing.is_empty() {
        let info = device.info()?;
        return Err(RootError::Missing {
            token: format!("{:?} (serial {})", info.label, info.serial),
            missing: missing.join(", "),
            present: describe(&present),
        });
    }
    let mut found = HashMap::new();
    for (name, kind) in ROOTS {
        let record = recorded.iter().find(|root| root.name == name).ok_or(RootError::Incomplete(name))?;
        found.insert(name, recognise(device, &present, name, kind, record)?);
    }
    let mut take = |name| found.remove(name).ok_or(RootError::Incomplete(name));
    Ok(Roots {
        binding: take("binding")?.key,
        exporting: take("exporting")?,
        guarding: take("guarding")?,
        sealing: take("sealing")?,
    })
}

/// What is there instead of the missing root keys.
fn describe(present: &[TokenKey]) -> String {
    let roots: Vec<String> = present
        .iter()
        .filter(|key| key.label.starts_with(LABEL))
        .map(|key| format!("{} ({})", key.label, HEXLOWER.encode(&key.id)))
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
    name: &'static str,
    kind: RootKind,
    record: &RootKey,
) -> Result<Kek, RootError> {
    let id: [u8; 20] = record.cka_id.as_slice().try_into().map_err(|_| RootError::BadId(name))?;
    let mut candidates = present.iter().filter(|key| key.id == id);
    let (Some(candidate), None) = (candidates.next(), candidates.next()) else {
        let count = present.iter().filter(|key| key.id == id).count();
        return Err(RootError::Ambiguous { name, cka_id: HEXLOWER.encode(&id), count });
    };
    let key = candidate.key.clone();
    device.check_root(&key, &KeyId::from(id), kind).map_err(|source| RootError::Attributes { name, source })?;
    if !is_equal(&check_value(device, &key, kind)?, &record.check_value) {
        return Err(RootError::CheckValue { name, cka_id: HEXLOWER.encode(&id) });
    }
    Ok(Kek { key, cka_id: id.to_vec() })
}

/// A value that only this key makes, and that says nothing about it: the wrapping of a constant (RFC 3394
/// is deterministic), or the MAC of one.
fn check_value(device: &Device, key: &Key, kind: RootKind) -> Result<Vec<u8>, RootError> {
    match kind {
        RootKind::Mac => Ok(device.mac(key, MacMechanism::HmacSha256, CHECK)?),
        RootKind::Kek(_) => {
            let spec = SecretKeySpec {
                kind: SecretKeyKind::Aes { bytes: CHECK.len() },
                sensitive: true,
                extractable: true,
                uses: Uses::default(),
            };
            let constant = device.create(&spec, CHECK)?;
            Ok(device.wrap(key, &constant)?)
        }
    }
}
