//! Root keys: token objects that never leave the token, and that nobody changes, copies or destroys, as far as the token has that.

use std::fmt;

use cryptoki::object::{Attribute, AttributeType, ObjectHandle};
use cryptoki::session::Session;
use cryptoki_sys::{CKA_EXTRACTABLE, CKA_SENSITIVE, CKA_UNWRAP_TEMPLATE, CKM_AES_KEY_GEN};

use crate::device::Device;
use crate::error::{Error, RootMismatch};
use crate::key::{Key, KeyId};
use crate::raw::Flag;
use crate::secret_key::{Placement, SecretKeyKind, SecretKeySpec, Uses};

/// What a root key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RootKind {
    /// AES-256 that wraps and unwraps, and nothing else: with DECRYPT its blobs could be opened block by block.
    Kek(UnwrapTemplate),
    /// A generic secret of 32 bytes for HMAC-SHA256, that signs and verifies, and nothing else.
    Mac,
}

/// CKA_UNWRAP_TEMPLATE of a KEK: what the token lets a key be that this KEK unwraps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UnwrapTemplate {
    /// SENSITIVE and not EXTRACTABLE: may never leave.
    Sealing,
    /// SENSITIVE and EXTRACTABLE: leaves only wrapped.
    Guarding,
    /// EXTRACTABLE and not SENSITIVE: may leave.
    Exporting,
}

/// A protection that root keys lack on this token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Weakness {
    /// CKA_MODIFIABLE: a program that is logged in may allow them another use.
    Modifiable,
    /// CKA_COPYABLE: a program that is logged in may copy them, and allow the copy another use.
    Copyable,
    /// CKA_DESTROYABLE: a program that is logged in may remove them.
    Destroyable,
}

impl Weakness {
    /// Every one, in the order of [`Weaknesses::iter`].
    pub const ALL: [Self; 3] = [Self::Modifiable, Self::Copyable, Self::Destroyable];

    /// One word: what follows CKA_ in the name of the attribute.
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
    /// Root keys as they should be.
    pub const NONE: Self = Self(0);

    /// Every weakness: no protection is asked for.
    pub const ALL: Self = Self(7);

    /// Whether root keys lack this protection.
    pub fn contains(self, one: Weakness) -> bool {
        self.0 & one.bit() != 0
    }

    /// Whether no protection is lacking.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Those of either set.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Those that are not in the other set.
    #[must_use]
    pub fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Each of them.
    pub fn iter(self) -> impl Iterator<Item = Weakness> {
        Weakness::ALL.into_iter().filter(move |one| self.contains(*one))
    }

    /// Every set that there can be, the empty one first.
    pub fn all_sets() -> impl Iterator<Item = Self> {
        (0..=Self::ALL.0).map(Self)
    }

    /// The same for a root key that is tried as a session object, and destroyed again.
    pub(crate) fn of_trial(self) -> Self {
        Self(self.0 | Weakness::Destroyable.bit())
    }

    /// What a template says to protect a root key.
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

/// `modifiable, copyable`.
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
    /// CKA_SENSITIVE of the keys.
    pub fn sensitive(self) -> bool {
        matches!(self, Self::Sealing | Self::Guarding)
    }

    /// CKA_EXTRACTABLE of the keys.
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

    /// What the key is made with, except the nested template.
    fn template(self, placement: Placement<'_>, weak: Weaknesses) -> Result<Vec<Attribute>, Error> {
        let spec = self.spec();
        let mut template = spec.template(placement);
        template.push(spec.kind.length()?);
        template.extend(weak.protection());
        Ok(template)
    }

    /// What must be read back: all that was asked for, except the label, which is for people, and what the token adds when it
    /// made the key itself and never let it out (PKCS#11, common secret key
    /// attributes).
    fn expected(self, id: &KeyId, weak: Weaknesses) -> Result<Vec<Attribute>, Error> {
        let mut expected = self.template(Placement::Token(id, ""), weak)?;
        expected.retain(|attribute| attribute.attribute_type() != AttributeType::Label);
        expected.extend([Attribute::Local(true), Attribute::AlwaysSensitive(true), Attribute::NeverExtractable(true)]);
        Ok(expected)
    }
}

impl Device {
    /// Makes a root key, protected but for `weak`. It is durable after [`crate::sync`], if [`Device::needs_sync`].
    pub fn generate_root(&self, id: &KeyId, label: &str, kind: RootKind, weak: Weaknesses) -> Result<Key, Error> {
        let template = kind.template(Placement::Token(id, label), weak)?;
        let handle = self.lasting(|session| self.make_root(session, kind, &template))?;
        Ok(self.token_key(handle, Some(kind.spec().kind.bytes())))
    }

    /// Makes such a key as a session object and tries what [`Device::check_root`] tries: a root key cannot be removed from the
    /// token any more, so that what the token cannot do must show before the first is made.
    pub fn try_root(&self, kind: RootKind, weak: Weaknesses) -> Result<Key, Error> {
        let key = self.session_root(kind, weak.of_trial())?;
        if let RootKind::Kek(unwrap) = kind {
            self.check_unwrap_template(&key, unwrap)?;
        }
        Ok(key)
    }

    /// Makes such a key as a session object, and tries nothing.
    pub(crate) fn session_root(&self, kind: RootKind, weak: Weaknesses) -> Result<Key, Error> {
        let template = kind.template(Placement::Session, weak)?;
        let handle = self.own(|session| self.make_root(session, kind, &template))?;
        Ok(self.session_key(handle, kind.spec().kind.bytes()))
    }

    /// The same as an object of this session, with which it ends.
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
            RootKind::Mac => session.generate_key(&kind.spec().kind.generation(), template),
        }
    }

    /// Reads back every attribute of a root key, and for a KEK tries what its CKA_UNWRAP_TEMPLATE must allow and forbid.
    /// [`Error::RootMismatch`] names the first difference.
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

    /// The part of [`Device::check_root`] that is about protection.
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

    /// Tries all that the template could be about. Reading it would prove less, and SoftHSM cannot: it answers CKR_GENERAL_ERROR.
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
