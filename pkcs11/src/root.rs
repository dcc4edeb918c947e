//! Root keys: token objects that never leave the token, and that cannot be changed, copied or destroyed if the token
//! supports that.

use std::fmt;

use cryptoki::object::{Attribute, AttributeType, ObjectHandle};
use cryptoki::session::Session;
use cryptoki_sys::{CKA_EXTRACTABLE, CKA_SENSITIVE, CKA_UNWRAP_TEMPLATE, CKM_AES_KEY_GEN};

use crate::device::Device;
use crate::error::{Error, RootMismatch};
use crate::key::{Key, KeyId};
use crate::raw::Flag;
use crate::secret_key::{Placement, SecretKeyKind, SecretKeySpec, Uses};

/// The kind of a root key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RootKind {
    /// An AES-256 key that wraps and unwraps. It has no other use: with CKA_DECRYPT, its blobs could be decrypted block
    /// by block.
    Kek(UnwrapTemplate),
    /// A generic secret key of 32 bytes for HMAC-SHA256. It signs and verifies, and has no other use.
    Mac,
}

/// CKA_UNWRAP_TEMPLATE of a key-encryption key: the attributes that the token allows for a key that it unwraps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UnwrapTemplate {
    /// SENSITIVE and not EXTRACTABLE: the key may never leave the token.
    Sealing,
    /// SENSITIVE and EXTRACTABLE: the key may leave only wrapped.
    Guarding,
    /// EXTRACTABLE and not SENSITIVE: the key may leave in clear.
    Exporting,
}

/// A protection that root keys lack on this token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Weakness {
    /// CKA_MODIFIABLE: an application that is logged in may change their permitted uses.
    Modifiable,
    /// CKA_COPYABLE: an application that is logged in may copy them, and permit the copy other uses.
    Copyable,
    /// CKA_DESTROYABLE: an application that is logged in may destroy them.
    Destroyable,
}

impl Weakness {
    /// All values, in the order of [`Weaknesses::iter`].
    pub const ALL: [Self; 3] = [Self::Modifiable, Self::Copyable, Self::Destroyable];

    /// Returns the name in one word: the part of the attribute's name after CKA_.
    pub fn name(self) -> &'static str {
        match self {
            Self::Modifiable => "modifiable",
            Self::Copyable => "copyable",
            Self::Destroyable => "destroyable",
        }
    }

    fn bit(self) -> u8 {
        match self {
            Self::Modifiable => 1,
            Self::Copyable => 2,
            Self::Destroyable => 4,
        }
    }
}

/// A set of [`Weakness`]es.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Weaknesses(u8);

impl Weaknesses {
    /// No weakness: root keys have all protections.
    pub const NONE: Self = Self(0);

    /// Every weakness: no protection is required.
    pub const ALL: Self = Self(7);

    /// Whether root keys lack this protection.
    pub fn contains(self, one: Weakness) -> bool {
        self.0 & one.bit() != 0
    }

    /// Whether the set is empty.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Returns the union of the sets.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Returns the weaknesses that are not in the other set.
    #[must_use]
    pub fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Returns an iterator over the weaknesses.
    pub fn iter(self) -> impl Iterator<Item = Weakness> {
        Weakness::ALL.into_iter().filter(move |one| self.contains(*one))
    }

    /// Returns all possible sets, the empty one first.
    pub fn all_sets() -> impl Iterator<Item = Self> {
        (0..=Self::ALL.0).map(Self)
    }

    /// Returns the set for a trial: the root key is a session object, which must be destroyable.
    pub(crate) fn of_trial(self) -> Self {
        Self(self.0 | Weakness::Destroyable.bit())
    }

    /// Returns the attributes of a template that protect a root key.
    pub(crate) fn protection(self) -> impl Iterator<Item = Attribute> {
        Self::ALL.without(self).iter().map(|one| match one {
            Weakness::Modifiable => Attribute::Modifiable(false),
            Weakness::Copyable => Attribute::Copyable(false),
            Weakness::Destroyable => Attribute::Destroyable(false),
        })
    }
}

impl FromIterator<Weakness> for Weaknesses {
    fn from_iter<I: IntoIterator<Item = Weakness>>(all: I) -> Self {
        Self(all.into_iter().fold(0, |set, one| set | one.bit()))
    }
}

/// Writes the names, such as `modifiable, copyable`.
impl fmt::Display for Weaknesses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, one) in self.iter().enumerate() {
            if number > 0 {
                f.write_str(", ")?;
            }
            f.write_str(one.name())?;
        }
        Ok(())
    }
}

impl UnwrapTemplate {
    /// Returns CKA_SENSITIVE of the unwrapped keys.
    pub fn sensitive(self) -> bool {
        matches!(self, Self::Sealing | Self::Guarding)
    }

    /// Returns CKA_EXTRACTABLE of the unwrapped keys.
    pub fn extractable(self) -> bool {
        matches!(self, Self::Guarding | Self::Exporting)
    }

    fn flags(self) -> [Flag; 2] {
        [(CKA_SENSITIVE, self.sensitive()), (CKA_EXTRACTABLE, self.extractable())]
    }
}

impl RootKind {
    fn spec(self) -> SecretKeySpec {
        let (kind, uses) = match self {
            Self::Kek(_) => (SecretKeyKind::Aes { bytes: 32 }, Uses { wrap: true, unwrap: true, ..Uses::default() }),
            Self::Mac => (SecretKeyKind::Generic { bytes: 32 }, Uses::MAC),
        };
        SecretKeySpec { kind, sensitive: true, extractable: false, uses }
    }

    /// Returns the template that the key is made with, except the nested template.
    fn template(self, placement: Placement<'_>, weak: Weaknesses) -> Result<Vec<Attribute>, Error> {
        let spec = self.spec();
        let mut template = spec.template(placement);
        template.extend(spec.kind.length()?);
        template.extend(weak.protection());
        Ok(template)
    }

    /// Returns the attributes that must be read back: all of the template except the label, which is only informative,
    /// and those that the token adds to a key that it made itself and that never left it (PKCS#11, common secret key
    /// attributes).
    fn expected(self, id: &KeyId, weak: Weaknesses) -> Result<Vec<Attribute>, Error> {
        let mut expected = self.template(Placement::Token(id, ""), weak)?;
        expected.retain(|attribute| attribute.attribute_type() != AttributeType::Label);
        expected.extend([Attribute::Local(true), Attribute::AlwaysSensitive(true), Attribute::NeverExtractable(true)]);
        Ok(expected)
    }
}

impl Device {
    /// Makes a root key with all protections except `weak`. It is durable after [`crate::sync`], if
    /// [`Device::needs_sync`].
    pub fn generate_root(&self, id: &KeyId, label: &str, kind: RootKind, weak: Weaknesses) -> Result<Key, Error> {
        let template = kind.template(Placement::Token(id, label), weak)?;
        let handle = self.lasting(|session| self.make_root(session, kind, &template))?;
        Ok(self.token_key(handle, Some(kind.spec().kind.bytes())))
    }

    /// Makes such a key as a session object and checks what [`Device::check_root`] checks. A real root key cannot be
    /// removed from the token, so a missing ability of the token must be found before the first one is made.
    pub fn try_root(&self, kind: RootKind, weak: Weaknesses) -> Result<Key, Error> {
        let key = self.session_root(kind, weak.of_trial())?;
        if let RootKind::Kek(unwrap) = kind {
            self.check_unwrap_template(&key, unwrap)?;
        }
        Ok(key)
    }

    /// Makes such a key as a session object, without checks.
    pub(crate) fn session_root(&self, kind: RootKind, weak: Weaknesses) -> Result<Key, Error> {
        let template = kind.template(Placement::Session, weak)?;
        let handle = self.own(|session| self.make_root(session, kind, &template))?;
        Ok(self.session_key(handle, kind.spec().kind.bytes()))
    }

    /// Makes such a key as an object of this session. It ends with the session.
    pub(crate) fn root_of(&self, session: &Session, kind: RootKind, weak: Weaknesses) -> Result<Key, Error> {
        let template = kind.template(Placement::Session, weak)?;
        let handle = self.make_root(session, kind, &template).map_err(Error::from_binding)?;
        Ok(self.token_key(handle, Some(kind.spec().kind.bytes())))
    }

    fn make_root(
        &self,
        session: &Session,
        kind: RootKind,
        template: &[Attribute],
    ) -> Result<ObjectHandle, cryptoki::error::Error> {
        match kind {
            RootKind::Kek(unwrap) => self.module.functions.generate_with_nested(
                session,
                CKM_AES_KEY_GEN,
                template,
                CKA_UNWRAP_TEMPLATE,
                &unwrap.flags(),
            ),
            RootKind::Mac => self.module.functions.generate(session, kind.spec().kind.generation(), template),
        }
    }

    /// Reads back every attribute of a root key. For a key-encryption key, tries what its CKA_UNWRAP_TEMPLATE must
    /// allow and forbid. [`Error::RootMismatch`] names the first difference.
    pub fn check_root(&self, key: &Key, id: &KeyId, kind: RootKind, weak: Weaknesses) -> Result<(), Error> {
        let handle = key.handle(self.generation)?;
        for expected in kind.expected(id, weak)? {
            self.check_attribute(handle, &expected)?;
        }
        match kind {
            RootKind::Kek(unwrap) => self.check_unwrap_template(key, unwrap),
            RootKind::Mac => Ok(()),
        }
    }

    /// Checks only the protection of a root key: see [`Device::check_root`].
    pub fn check_protection(&self, key: &Key, weak: Weaknesses) -> Result<(), Error> {
        let handle = key.handle(self.generation)?;
        weak.protection().try_for_each(|expected| self.check_attribute(handle, &expected))
    }

    pub(crate) fn check_attribute(&self, handle: ObjectHandle, expected: &Attribute) -> Result<(), Error> {
        let kind = expected.attribute_type();
        let found = self.work(|session| session.get_attributes(handle, &[kind]))?;
        if found.first() == Some(expected) {
            return Ok(());
        }
        Err(mismatch(
            kind.to_string(),
            format!("{expected:?}"),
            found.first().map_or_else(|| "nothing".to_owned(), |found| format!("{found:?}")),
        ))
    }

    /// Tries every combination that the template may allow or forbid. Reading the template would prove less, and
    /// SoftHSM answers CKR_GENERAL_ERROR to it.
    fn check_unwrap_template(&self, kek: &Key, unwrap: UnwrapTemplate) -> Result<(), Error> {
        let spec = |sensitive, extractable| SecretKeySpec {
            kind: SecretKeyKind::Aes { bytes: 32 },
            sensitive,
            extractable,
            uses: Uses::default(),
        };
        let blob = self.wrap(kek, &self.generate(&spec(true, true))?)?;
        for (sensitive, extractable) in [(true, false), (true, true), (false, true), (false, false)] {
            let allowed = (sensitive, extractable) == (unwrap.sensitive(), unwrap.extractable());
            let unwraps = match self.unwrap(kek, &blob, &spec(sensitive, extractable)) {
                Ok(_) => true,
                Err(Error::TemplateRefused(_)) => false,
                Err(other) => return Err(other),
            };
            if unwraps != allowed {
                let verb = if unwraps { "unwraps" } else { "refuses" };
                return Err(mismatch(
                    "CKA_UNWRAP_TEMPLATE".to_owned(),
                    format!("{unwrap:?}"),
                    format!("{verb} SENSITIVE={sensitive} EXTRACTABLE={extractable}"),
                ));
            }
        }
        Ok(())
    }
}

fn mismatch(attribute: String, expected: String, found: String) -> Error {
    Error::RootMismatch(RootMismatch { attribute, expected, found })
}
