//! A managed object in memory: its attributes, and the key that custody can use.

use std::sync::atomic::{AtomicI64, Ordering};

use super::error::Error;
use super::formers;
use super::handover::Pending;
use super::object_kind::{ObjectKind, secret_key_kind};
use super::ownership::Access;
use super::secret_path;
use crate::custody::{KeyKind, ManagedKey, SecretKeyKind, Uses};
use crate::kmip::enumerations::{CryptographicAlgorithm, ObjectType, State};
use crate::kmip::state::{self, Dates};
use crate::kmip::ttlv::{DateTime, Document, Field as _, Value, json};
use crate::kmip::{Attributes, Dialect, Tag, UniqueIdentifier, UsageMask};
use crate::policy::{Account, Grants, Properties, Resource};
use crate::store::object::{Class, Index, Material, Object as Row};

/// The name of the attributes' document in the database.
const DOCUMENT: &str = "Attributes";

/// The content of a row, parsed once.
pub(super) struct Object {
    pub(super) id: String,
    pub(super) version: i64,
    pub(super) access: Access,
    pub(super) kind: ObjectKind,
    /// All attributes. The state is the stored one; dates may have changed the effective state since.
    pub(super) attributes: Attributes,
    pub(super) class: Class,
    pub(super) material: Material,
    pub(super) key: ManagedKey,
    /// The same key, allowed only to make MACs. The API token is compared by it, whatever the usage mask.
    pub(super) comparing_key: ManagedKey,
    /// The same key of AES, as the secret of an HMAC, if its mask permits MACs.
    pub(super) hmac_key: Option<ManagedKey>,
    /// The day of the last noted use, in days since 1970-01-01 UTC; 0 if there was none since the object was read.
    pub(super) used: AtomicI64,
}

/// The bytes that key wrap adds (RFC 3394).
const WRAPPING: usize = 8;

/// The row cannot be read although its binding holds: a defect of the program.
#[derive(Debug)]
pub(super) struct Unreadable;

impl Object {
    /// A new object, or a new version of one.
    pub(super) fn new(
        version: i64,
        access: Access,
        id: String,
        attributes: Attributes,
        class: Class,
        material: Material,
    ) -> Result<Self, Unreadable> {
        let kind = ObjectKind::of(&attributes).ok_or(Unreadable)?;
        let key_kind = stored(kind.key_kind(&attributes).ok_or(Unreadable)?, &material);
        let own_uses = kind.uses(&attributes);
        let (own, padded) = apart(key_kind, &material);
        let signing = Uses { sign: true, ..Uses::default() };
        let hmac_key = match (kind, key_kind, &own) {
            (ObjectKind::SymmetricKey, KeyKind::Secret(SecretKeyKind::Aes { bytes }), Material::Wrapped { .. })
                if own_uses.sign =>
            {
                let (material, bytes) = padded.unwrap_or_else(|| (own.clone(), bytes));
                let kind = KeyKind::Secret(SecretKeyKind::Generic { bytes });
                Some(ManagedKey::new(class, material, kind, signing))
            }
            _ => None,
        };
        let key = ManagedKey::new(class, own.clone(), key_kind, own_uses);
        let comparing_key = ManagedKey::new(class, own, key_kind, signing);
        let used = AtomicI64::new(0);
        Ok(Self { id, version, access, kind, attributes, class, material, key, comparing_key, hmac_key, used })
    }

    /// Reads a row whose binding was checked.
    pub(super) fn from_row(row: Row) -> Result<Self, Unreadable> {
        let document = json::read(row.attributes.as_bytes()).map_err(|_| Unreadable)?;
        let mut attributes = Attributes::read(document.value).map_err(|_| Unreadable)?;
        let code = |number: i64| u32::try_from(number).map_err(|_| Unreadable);
        attributes.unique_identifier = Some(UniqueIdentifier::Text(row.id.clone()));
        attributes.object_type = ObjectType::from_code(code(row.object_type)?);
        attributes.cryptographic_algorithm = CryptographicAlgorithm::from_code(code(row.algorithm)?);
        attributes.cryptographic_length = i32::try_from(row.length).ok().filter(|length| *length != 0);
        let mask = i32::try_from(row.usage_mask).ok().and_then(UsageMask::from_bits);
        // Every other object has a mask (section 4.17).
        let needs_none = attributes.object_type == Some(ObjectType::OpaqueObject);
        attributes.cryptographic_usage_mask = mask.filter(|mask| !(needs_none && mask.is_empty()));
        attributes.state = State::from_code(code(row.state)?);
        attributes.activation_date = row.activation_date.map(DateTime);
        attributes.deactivation_date = row.deactivation_date.map(DateTime);
        attributes.sensitive = Some(row.sensitive);
        attributes.extractable = Some(row.extractable);
        let grants = row.grants.as_deref().map_or_else(|| Ok(Grants::default()), Grants::from_text);
        let pending = row.pending.as_deref().map_or_else(|| Ok(Pending::default()), Pending::from_text);
        let access = Access {
            owner: row.owner,
            project: row.project,
            grants: grants.map_err(|_| Unreadable)?,
            pending: pending.map_err(|_| Unreadable)?,
        };
        Self::new(row.version, access, row.id, attributes, row.class, row.material)
    }

    /// Parses the row that replaces `former`, as every later reader does. Keys that stay the same keep their handles.
    pub(super) fn successor(row: Row, former: &Self) -> Result<Self, Unreadable> {
        let mut own = Self::from_row(row)?;
        own.key.inherit(&former.key);
        own.comparing_key.inherit(&former.comparing_key);
        if let (Some(own), Some(former)) = (&mut own.hmac_key, &former.hmac_key) {
            own.inherit(former);
        }
        own.used = AtomicI64::new(former.used.load(Ordering::Relaxed));
        Ok(own)
    }

    /// The row, without its binding.
    pub(super) fn to_row(&self) -> Row {
        let mut rest = self.attributes.clone();
        let number = |code: Option<u32>| i64::from(code.unwrap_or_default());
        let row = Row {
            id: self.id.clone(),
            version: self.version,
            owner: self.access.owner.clone(),
            object_type: number(rest.object_type.take().map(ObjectType::code)),
            algorithm: number(rest.cryptographic_algorithm.take().map(CryptographicAlgorithm::code)),
            length: i64::from(rest.cryptographic_length.take().unwrap_or_default()),
            usage_mask: i64::from(rest.cryptographic_usage_mask.take().unwrap_or_default().bits()),
            state: number(rest.state.take().map(State::code)),
            activation_date: rest.activation_date.take().map(|date| date.0),
            deactivation_date: rest.deactivation_date.take().map(|date| date.0),
            sensitive: rest.sensitive.take().unwrap_or_default(),
            extractable: rest.extractable.take().unwrap_or_default(),
            class: self.class,
            material: self.material.clone(),
            attributes: String::new(),
            project: self.access.project.clone(),
            grants: self.access.grants.to_text(),
            pending: self.access.pending.to_text(),
            binding: Vec::new(),
        };
        rest.unique_identifier = None;
        let mut text = Vec::new();
        let document = Document { name: DOCUMENT.into(), value: rest.write() };
        json::write(&document, Dialect::Oasis, &mut text);
        Row { attributes: String::from_utf8(text).unwrap_or_default(), ..row }
    }

    /// The values by which searches find the object.
    pub(super) fn index(&self) -> Index {
        Index {
            names: self.attributes.names.iter().map(|name| name.value.clone()).collect(),
            tags: self.attributes.tags(),
            grantees: self.access.grantees(),
            pending: self.access.pending.index(&self.access.owner),
            rotation: self.rotation().map(|date| date.0),
        }
    }

    /// When the server replaces the key by itself: only a key that it can make, that is Active or will be, and that was not
    /// replaced. The last possible time if nothing says when it will be Active.
    pub(super) fn rotation(&self) -> Option<DateTime> {
        let own = &self.attributes;
        let is_kind = matches!(self.kind, ObjectKind::SymmetricKey | ObjectKind::PrivateKey);
        let is_on = own.rotate_automatic == Some(true) && own.rotate_latest != Some(false);
        if !is_kind || !is_on {
            return None;
        }
        let begin = match own.state? {
            State::Active => DateTime(i64::MIN),
            State::PreActive => own.activation_date.unwrap_or(DateTime(i64::MAX)),
            _ => return None,
        };
        let (initial, interval) = (own.initial_date?, own.rotate_interval?);
        Some(DateTime(initial.0.saturating_add(i64::from(interval.0))).max(begin))
    }

    /// The state at `now`.
    pub(super) fn state(&self, now: DateTime) -> State {
        let stored = self.attributes.state.unwrap_or(State::PreActive);
        state::effective(stored, &Dates::of(&self.attributes), now)
    }

    /// Refuses an object that was destroyed.
    pub(super) fn check_undestroyed(&self, now: DateTime) -> Result<(), Error> {
        if is_destroyed(Some(self.state(now))) { Err(Error::Destroyed(self.id.clone())) } else { Ok(()) }
    }

    /// The attributes as a caller sees them at `now`.
    pub(super) fn shown(&self, now: DateTime) -> Attributes {
        let mut attributes = self.attributes.clone();
        secret_path::hide(&mut attributes);
        formers::hide(&mut attributes);
        attributes.state = Some(self.state(now));
        if let Some(project) = &self.access.project {
            attributes.set_project(project);
        }
        attributes
    }

    /// The properties by which the policy decides.
    pub(super) fn resource(&self) -> Resource<'_> {
        let Access { owner, project, grants, .. } = &self.access;
        Resource { id: &self.id, owner, project: project.as_deref(), grants, properties: &self.attributes }
    }

    /// The true length in bytes of a secret that the HSM token holds padded with zeros; `None` for others.
    pub(super) fn padded_from(&self) -> Option<usize> {
        match (self.kind, secret_key_kind(&self.attributes)) {
            (ObjectKind::SymmetricKey, Some(SecretKeyKind::Generic { bytes })) => {
                (stored_bytes(&self.material)? > bytes).then_some(bytes)
            }
            _ => None,
        }
    }

    /// The attribute by which a key with these attributes may leave the HSM more easily than this one.
    pub(super) fn weaker_in(&self, new: &Attributes) -> Option<Tag> {
        let own = &self.attributes;
        if own.sensitive == Some(true) && new.sensitive != Some(true) {
            Some(Tag::Sensitive)
        } else if own.extractable == Some(false) && new.extractable != Some(false) {
            Some(Tag::Extractable)
        } else {
            None
        }
    }

    /// The length of the key in bytes.
    pub(super) fn bytes(&self) -> usize {
        usize::try_from(self.attributes.cryptographic_length.unwrap_or_default() / 8).unwrap_or_default()
    }

    pub(super) fn algorithm(&self) -> Option<CryptographicAlgorithm> {
        self.attributes.cryptographic_algorithm
    }

    pub(super) fn permits(&self, mask: UsageMask) -> bool {
        self.attributes.cryptographic_usage_mask.is_some_and(|own| own.contains(mask))
    }

    /// Whether its key, or the value of a kept object, may leave in any form.
    pub(super) fn may_leave(&self) -> bool {
        match self.kind {
            ObjectKind::Kept(_) => self.attributes.extractable != Some(false),
            _ => self.class != Class::Sealing,
        }
    }

    /// Whether no caller can unwrap what this key wraps: it was made in the HSM, never left it, cannot leave it, and
    /// may never decrypt or unwrap. Only Create makes a key so; Register and Import remove the marks, and no change of attributes
    /// adds them.
    pub(super) fn keeps_what_it_wraps(&self) -> bool {
        self.keeps_what_it_wraps_with(&self.attributes)
    }

    /// The same if the object had these attributes.
    pub(super) fn keeps_what_it_wraps_with(&self, own: &Attributes) -> bool {
        self.keeps_by(own, own.cryptographic_usage_mask)
    }

    /// Whether Sensitive keys may have been wrapped under this key: it is a symmetric key that was made in the HSM and stays
    /// there, and does not decrypt. That it wraps or unwraps now does not tell: a mask loses uses and gains none, and
    /// earlier versions did not ask for Unwrap Key, which no caller could use.
    pub(super) fn may_have_wrapped_sensitive_keys(&self) -> bool {
        let own = &self.attributes;
        let decrypts = UsageMask::DECRYPT | UsageMask::UNRESTRICTED;
        self.kind == ObjectKind::SymmetricKey
            && own.cryptographic_usage_mask.is_none_or(|mask| mask.without(decrypts).contains(mask))
            && self.class == Class::Sealing
            && own.always_sensitive == Some(true)
            && own.never_extractable == Some(true)
    }

    /// Whether the key would keep what it wraps with these attributes, but this mask.
    fn keeps_by(&self, own: &Attributes, mask: Option<UsageMask>) -> bool {
        let permits = |uses| mask.is_some_and(|mask| mask.contains(uses));
        self.class == Class::Sealing
            && permits(UsageMask::WRAP_KEY)
            && own.always_sensitive == Some(true)
            && own.never_extractable == Some(true)
            && !permits(UsageMask::DECRYPT)
            && !permits(UsageMask::UNWRAP_KEY)
            && !permits(UsageMask::UNRESTRICTED)
    }
}

impl Properties for Attributes {
    fn tags(&self) -> Vec<String> {
        Attributes::tags(self)
    }

    /// The tags, the names, or the texts of the vendor attributes with this name.
    fn values(&self, property: &str) -> Vec<String> {
        match property {
            "tag" => Attributes::tags(self),
            "name" => self.names.iter().map(|name| name.value.clone()).collect(),
            _ => {
                let own = self.vendor_attributes.iter().filter(|attribute| attribute.name == property);
                own.filter_map(|attribute| match &attribute.value {
                    Value::TextString(text) => Some(text.clone()),
                    _ => None,
                })
                .collect()
            }
        }
    }

    fn formers(&self) -> Vec<String> {
        formers::of(self)
    }

    fn account(&self) -> Option<Account> {
        secret_path::account(self)
    }
}

/// The kind of the key in the HSM token: a secret that was too short for its HMAC is longer there.
fn stored(kind: KeyKind, material: &Material) -> KeyKind {
    match (kind, stored_bytes(material)) {
        (KeyKind::Secret(SecretKeyKind::Generic { bytes }), Some(stored)) if stored > bytes => {
            KeyKind::Secret(SecretKeyKind::Generic { bytes: stored })
        }
        _ => kind,
    }
}

/// The wrapped forms of a key. After an AES key that the HSM token finds too short for HMACs, its row has the same key
/// padded with zeros for them; the number is its length in bytes.
fn apart(kind: KeyKind, material: &Material) -> (Material, Option<(Material, usize)>) {
    if let (KeyKind::Secret(SecretKeyKind::Aes { bytes }), Material::Wrapped { kek, blob }) = (kind, material)
        && let Some((own, padded)) = blob.split_at_checked(bytes + WRAPPING)
        && let Some(length) = padded.len().checked_sub(WRAPPING)
    {
        let wrapped = |blob: &[u8]| Material::Wrapped { kek: kek.clone(), blob: blob.to_vec() };
        return (wrapped(own), Some((wrapped(padded), length)));
    }
    (material.clone(), None)
}

/// The length in bytes of a wrapped secret key.
fn stored_bytes(material: &Material) -> Option<usize> {
    match material {
        Material::Wrapped { blob, .. } => blob.len().checked_sub(WRAPPING),
        Material::Token { .. } | Material::Public { .. } | Material::Destroyed => None,
    }
}

/// Whether an object in this state has no key any more.
pub(super) fn is_destroyed(state: Option<State>) -> bool {
    matches!(state, Some(State::Destroyed | State::DestroyedCompromised))
}
