//! The root keys: made once for each database, and recognised at each start.

use std::collections::HashMap;

use claviger_pkcs11::{
    Device, Error, Key, MacMechanism, RootKind, SecretKeyKind, SecretKeySpec, TokenKey, UnwrapTemplate, Uses,
    Weaknesses,
};

use super::error::RootError;
use super::root_object::{LABEL, cka_id};
use super::signing::{self, AUDIT, Candidate, FIRST_TOKEN, SigningKey, first_name};
use super::terms::{BINDING, CHECK, EXPORTING, GUARDING, SEALING, Terms, Wrapped};
use crate::config::RemadeKey;
use crate::hexadecimal;
use crate::secret::is_equal;
use crate::store::object::Class;
use crate::store::root_key::RootKey;

/// The handles of the root keys in one generation of the token.
pub(super) struct Roots {
    terms: Terms,
    binding: Key,
    /// `None`: the token cannot keep keys wrapped, and each managed key is a token object.
    keks: Option<Keks>,
    audit: SigningKey,
    /// The keys that sign access tokens, by number. The last one signs new access tokens.
    tokens: Vec<NumberedKey>,
    /// The keys that were made again at this start.
    remade: Vec<RemadeKey>,
}

/// A key that signs access tokens, with its number.
pub(super) type NumberedKey = (u32, SigningKey);

/// A key-encryption key for each class.
struct Keks {
    /// `None`: no key leaves the token in clear.
    exporting: Option<Kek>,
    guarding: Kek,
    sealing: Kek,
}

/// A key-encryption key and the `CKA_ID` by which blobs name it.
pub(super) struct Kek {
    pub(super) key: Key,
    pub(super) cka_id: Vec<u8>,
}

impl Roots {
    /// Returns the terms that the database was created with.
    pub(super) fn terms(&self) -> Terms {
        self.terms
    }

    pub(super) fn binding(&self) -> &Key {
        &self.binding
    }

    /// Returns the key-encryption key of the class. `None` if the database keeps no keys wrapped, or does not have this
    /// class.
    pub(super) fn kek(&self, class: Class) -> Option<&Kek> {
        let keks = self.keks.as_ref()?;
        match class {
            Class::Sealing => Some(&keks.sealing),
            Class::Guarding => Some(&keks.guarding),
            Class::Exporting => keks.exporting.as_ref(),
        }
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

    /// Returns the same root keys, with the keys in `remade` marked as made again.
    pub(super) fn with_remade(self, remade: Vec<RemadeKey>) -> Self {
        Self { remade, ..self }
    }

    /// Returns all objects that the token must hold.
    pub(super) fn keys(&self) -> Vec<&Key> {
        let mut keys = vec![&self.binding];
        if let Some(Keks { exporting, guarding, sealing }) = &self.keks {
            keys.extend([&guarding.key, &sealing.key]);
            keys.extend(exporting.as_ref().map(|exporting| &exporting.key));
        }
        for pair in self.tokens.iter().map(|(_, key)| key).chain([&self.audit]).map(|key| &key.pair) {
            keys.extend([&pair.private, &pair.public]);
        }
        keys
    }
}

/// Returns the signing keys that are not recorded. Refuses them unless the operator wants them made again.
pub(super) fn lacking(recorded: &[RootKey], remake: &[RemadeKey]) -> Result<Vec<RemadeKey>, RootError> {
    let lacking = signing::lacking(recorded);
    match lacking.iter().find(|key| !remake.contains(key)) {
        Some(key) => Err(RootError::Removed { name: first_name(*key), key: *key }),
        None => Ok(lacking),
    }
}

/// Compares the token with the record and refuses any difference. All root keys must be recorded.
pub(super) fn find(device: &Device, recorded: &[RootKey]) -> Result<Roots, RootError> {
    let Recognised { terms, mut secrets, mut signing } = recognise_all(device, recorded)?;
    let audit = signing.remove(AUDIT).ok_or(RootError::Incomplete(signing::AUDIT))?;
    let numbered = signing.into_iter().filter_map(|(name, key)| Some((signing::token_number(&name)?, key)));
    let mut tokens: Vec<NumberedKey> = numbered.collect();
    if tokens.is_empty() {
        return Err(RootError::Incomplete(FIRST_TOKEN));
    }
    tokens.sort_by_key(|(number, _)| *number);
    let mut take = |name| secrets.remove(name).ok_or(RootError::Incomplete(name));
    let binding = take(BINDING)?.key;
    let keks = match terms.wrapped {
        Wrapped::Nothing(_) => None,
        Wrapped::AllButInClear => Some((None, take(GUARDING)?, take(SEALING)?)),
        Wrapped::Everything => Some((Some(take(EXPORTING)?), take(GUARDING)?, take(SEALING)?)),
    };
    let keks = keks.map(|(exporting, guarding, sealing)| Keks { exporting, guarding, sealing });
    Ok(Roots { terms, binding, keks, remade: Vec::new(), audit, tokens })
}

/// Like [`find`], except that the signing keys that [`super::starting::open`] would make again may be missing. Returns
/// the terms that the database was created with.
pub(super) fn check(device: &Device, recorded: &[RootKey], remake: &[RemadeKey]) -> Result<Terms, RootError> {
    lacking(recorded, remake)?;
    recognise_all(device, recorded).map(|recognised| recognised.terms)
}

/// The secret root keys, and the recorded signing keys, by name.
struct Recognised {
    terms: Terms,
    secrets: HashMap<&'static str, Kek>,
    signing: HashMap<String, SigningKey>,
}

fn recognise_all(device: &Device, recorded: &[RootKey]) -> Result<Recognised, RootError> {
    let present = device.token_keys()?;
    let (signing, secret): (Vec<_>, Vec<_>) = recorded.iter().partition(|root| signing::is_signing(&root.name));
    let signing = signing.into_iter().map(|root| Candidate::find(device, root)).collect::<Result<Vec<_>, _>>()?;
    refuse_missing(device, &present, &secret, &signing)?;
    let named = |name| secret.iter().find(|root| root.name == name).copied().ok_or(RootError::Incomplete(name));
    let (terms, binding) = recognise_binding(device, &present, Wrapped::recorded(recorded), named(BINDING)?)?;
    let mut secrets = HashMap::from([(BINDING, binding)]);
    for (name, kind) in terms.wrapped.roots().filter(|(name, _)| *name != BINDING) {
        secrets.insert(name, recognise(device, &present, (kind, terms), named(name)?)?);
    }
    if let Some(unknown) = secret.iter().find(|root| !secrets.contains_key(root.name.as_str())) {
        return Err(RootError::Unknown(unknown.name.clone()));
    }
    let signing =
        signing.iter().map(|root| Ok((root.name().to_owned(), signing::recognise(device, root, terms.weak)?)));
    Ok(Recognised { terms, secrets, signing: signing.collect::<Result<_, RootError>>()? })
}

/// Refuses if recorded root keys are missing. The error names them and what the token holds instead.
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

/// Describes what the token holds instead of the missing root keys.
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

/// Recognises the binding key. Its check value shows the terms of the database, whatever the names of the other root
/// keys are.
fn recognise_binding(
    device: &Device,
    present: &[TokenKey],
    wrapped: Wrapped,
    record: &RootKey,
) -> Result<(Terms, Kek), RootError> {
    let key = examine(device, present, (RootKind::Mac, Weaknesses::ALL), record)?;
    let terms = Terms::recorded(device, &key, wrapped, &record.check_value)?.ok_or_else(|| other_key(record))?;
    // The required protections are known only now; the other attributes were checked before.
    device
        .check_protection(&key, terms.weak)
        .map_err(|source| RootError::Attributes { name: record.name.clone(), source })?;
    if let Some(missing) = terms.missing(wrapped) {
        return Err(RootError::Incomplete(missing));
    }
    // More root keys are recorded than the database was created with.
    if wrapped.roots().any(|(name, _)| !terms.wrapped.roots().any(|(own, _)| own == name)) {
        return Err(RootError::Changed);
    }
    Ok((terms, Kek { key, cka_id: record.cka_id.clone() }))
}

fn recognise(
    device: &Device,
    present: &[TokenKey],
    (kind, terms): (RootKind, Terms),
    record: &RootKey,
) -> Result<Kek, RootError> {
    let key = examine(device, present, (kind, terms.weak), record)?;
    if is_recorded(device, &key, (kind, terms), &record.check_value)? {
        Ok(Kek { key, cka_id: record.cka_id.clone() })
    } else {
        Err(other_key(record))
    }
}

fn other_key(record: &RootKey) -> RootError {
    RootError::CheckValue { name: record.name.clone(), cka_id: hexadecimal::lower(&record.cka_id) }
}

/// Returns the only object with the recorded `CKA_ID`, if its attributes are right. Does not check its check value.
pub(super) fn examine(
    device: &Device,
    present: &[TokenKey],
    (kind, weak): (RootKind, Weaknesses),
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
    device.check_root(&key, &id, kind, weak).map_err(|source| RootError::Attributes { name: name(), source })?;
    Ok(key)
}

/// Returns a value that only this key can produce or open, and that reveals nothing about the key. For a MAC key it is
/// the MAC of a constant. For a key-encryption key it is a blob and a MAC: the blob is a new key, made in the token for
/// this purpose and wrapped by the key-encryption key; the MAC is that of the constant by the new key. No key leaves or
/// enters the token in clear.
pub(super) fn check_value(device: &Device, key: &Key, (kind, terms): (RootKind, Terms)) -> Result<Vec<u8>, RootError> {
    match kind {
        RootKind::Mac => terms.check_value(device, key),
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

/// The kind of key whose MAC identifies a key-encryption key.
const CANARY: SecretKeyKind = SecretKeyKind::Generic { bytes: 32 };

/// Length in bytes of a wrapped key of 32 bytes (RFC 3394).
const BLOB: usize = 40;

fn canary_mac(device: &Device, kek: &Key, template: UnwrapTemplate, blob: &[u8]) -> Result<Vec<u8>, RootError> {
    let (sensitive, extractable) = (template.sensitive(), template.extractable());
    let canary = device.unwrap(kek, blob, &SecretKeySpec { kind: CANARY, sensitive, extractable, uses: Uses::MAC })?;
    Ok(device.mac(&canary, MacMechanism::HmacSha256, CHECK)?)
}

/// Whether this key produced the recorded value.
fn is_recorded(
    device: &Device,
    key: &Key,
    (kind, terms): (RootKind, Terms),
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
        RootKind::Mac => check_value(device, key, (kind, terms))?,
    };
    Ok(is_equal(&made, recorded))
}

/// Whether an earlier version recorded this check value of a key-encryption key: a constant, imported and wrapped by
/// the key (RFC 3394 is deterministic).
pub(super) fn is_former(recorded: &[u8]) -> bool {
    recorded.len() == BLOB
}
