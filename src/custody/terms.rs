//! The terms of a database: which of its keys are kept wrapped, in which form keys may leave, and which protections its
//! root keys lack. They are decided when the database is created and never change. The check value of the binding key
//! covers them: a writer of the database cannot compute it for other terms, so deleted records cannot pass for records
//! that never existed.

use claviger_pkcs11::{
    Device, Extractable, Failure, Key, MacMechanism, Need, RootKind, UnwrapTemplate, Weakness, Weaknesses,
};

use super::error::RootError;
use super::lacking::Lacking;
use crate::config::Placement;
use crate::secret::is_equal;
use crate::store::root_key::RootKey;

/// The text whose MAC is the check value of a root key, if the database keeps every key wrapped and its root keys lack
/// no protection. It is not secret.
pub(super) const CHECK: &[u8; 32] = b"claviger: check value of a root.";

/// The same for a database that keeps no keys wrapped.
const CHECK_ALONE: &[u8; 32] = b"claviger: root that wraps none..";

/// Name of the key that binds rows.
pub(super) const BINDING: &str = "binding";

pub(super) const EXPORTING: &str = "exporting";
pub(super) const GUARDING: &str = "guarding";
pub(super) const SEALING: &str = "sealing";

/// The secret root keys: name, and the kind that the token must enforce. The signing keys are in
/// [`super::signing::FIRST`].
const ROOTS: [(&str, RootKind); 4] = [
    (BINDING, RootKind::Mac),
    (EXPORTING, RootKind::Kek(UnwrapTemplate::Exporting)),
    (GUARDING, RootKind::Kek(UnwrapTemplate::Guarding)),
    (SEALING, RootKind::Kek(UnwrapTemplate::Sealing)),
];

/// The keys of a database that are kept wrapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wrapped {
    /// None: the token cannot wrap, and each key is a token object. The value is the most that such an object allows.
    Nothing(Extractable),
    /// All keys. No key may leave the token in clear.
    AllButInClear,
    /// All keys. They may leave the token in clear.
    Everything,
}

/// The terms of a database, decided when it was created.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Terms {
    pub(super) wrapped: Wrapped,
    pub(super) weak: Weaknesses,
}

impl Wrapped {
    /// Determines the value from the names of root keys, recorded or announced. For a token that cannot wrap, the names
    /// do not show in which form keys may leave.
    pub(super) fn of<'a>(names: impl Iterator<Item = &'a str>) -> Self {
        names.fold(Self::Nothing(Extractable::InClear), |wrapped, name| match (wrapped, name) {
            (_, EXPORTING) => Self::Everything,
            (Self::Nothing(_), GUARDING | SEALING) => Self::AllButInClear,
            (wrapped, _) => wrapped,
        })
    }

    /// Determines the value from the records.
    pub(super) fn recorded(recorded: &[RootKey]) -> Self {
        Self::of(recorded.iter().map(|root| root.name.as_str()))
    }

    /// Returns the secret root keys.
    pub(super) fn roots(self) -> impl DoubleEndedIterator<Item = (&'static str, RootKind)> {
        ROOTS.into_iter().filter(move |(name, kind)| match kind {
            RootKind::Mac => true,
            RootKind::Kek(_) if *name == EXPORTING => self == Self::Everything,
            RootKind::Kek(_) => !matches!(self, Self::Nothing(_)),
        })
    }

    /// Returns the most that the token allows keys: to leave in clear, wrapped, or not at all.
    pub(super) fn extractable(self) -> Extractable {
        match self {
            Self::Nothing(extractable) => extractable,
            Self::Everything => Extractable::InClear,
            Self::AllButInClear => Extractable::Wrapped,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Nothing(Extractable::InClear) => "none",
            Self::Nothing(Extractable::Wrapped) => "none, and none leaves in clear",
            Self::Nothing(Extractable::No) => "none, and none leaves",
            Self::AllButInClear => "all but in clear",
            Self::Everything => "all",
        }
    }
}

impl Terms {
    /// Returns the text whose MAC by the binding key is its check value.
    fn check(self) -> Vec<u8> {
        match self {
            Self { wrapped: Wrapped::Everything, weak: Weaknesses::NONE } => CHECK.to_vec(),
            Self { wrapped: Wrapped::Nothing(Extractable::InClear), weak: Weaknesses::NONE } => CHECK_ALONE.to_vec(),
            Self { wrapped, weak } => {
                format!("claviger: root keys; wrapped: {}; weak: {weak}.", wrapped.word()).into_bytes()
            }
        }
    }

    /// Returns the check value of the binding key.
    pub(super) fn check_value(self, device: &Device, binding: &Key) -> Result<Vec<u8>, RootError> {
        Ok(device.mac(binding, MacMechanism::HmacSha256, &self.check())?)
    }

    /// Returns the terms that this check value is for. `None`: the key is not the recorded one.
    pub(super) fn recorded(
        device: &Device,
        binding: &Key,
        wrapped: Wrapped,
        check_value: &[u8],
    ) -> Result<Option<Self>, RootError> {
        let nothing = [Extractable::InClear, Extractable::Wrapped, Extractable::No].map(Wrapped::Nothing);
        let others = [Wrapped::Everything, Wrapped::AllButInClear].into_iter().chain(nothing);
        for wrapped in [wrapped].into_iter().chain(others.filter(|other| *other != wrapped)) {
            for weak in Weaknesses::all_sets() {
                let terms = Self { wrapped, weak };
                if is_equal(&terms.check_value(device, binding)?, check_value) {
                    return Ok(Some(terms));
                }
            }
        }
        Ok(None)
    }

    /// Writes to the log, at each start, how the database differs from one on a token without restrictions.
    pub(super) fn log(self) {
        if matches!(self.wrapped, Wrapped::Nothing(_)) {
            tracing::warn!("the database holds no wrapped keys: each of its keys is an object of the token");
        }
        match self.wrapped.extractable() {
            Extractable::InClear => {}
            Extractable::Wrapped => tracing::warn!("no key leaves this token in clear: new keys are Sensitive"),
            Extractable::No => tracing::warn!("no key leaves this token: new keys are Sensitive and not Extractable"),
        }
        if !self.weak.is_empty() {
            tracing::warn!(
                root_keys = %self.weak,
                "the root keys are weaker than they should be, as --accept-weaker-custody accepts"
            );
        }
    }

    /// Returns the last root key that these terms need and that a record of `recorded` does not have.
    pub(super) fn missing(self, recorded: Wrapped) -> Option<&'static str> {
        let mut missing = self.wrapped.roots().map(|(name, _)| name);
        missing.rfind(|name| !recorded.roots().any(|(own, _)| own == *name))
    }
}

/// The needs that the token does not fulfil, as far as they were tried, and the wishes of the operator.
#[derive(Debug)]
pub(super) struct Offer {
    /// In the order of the trials, without the needs of every server.
    pub(super) lacks: Vec<(Need, Lacking)>,
    pub(super) placement: Option<Placement>,
    /// The weaknesses that the operator accepts.
    pub(super) accepted: Weaknesses,
}

/// The decisions of an earlier start that did not make all root keys.
#[derive(Debug, Clone, Copy)]
pub(super) struct Begun {
    pub(super) wrapped: Wrapped,
    /// The protections that the root keys lack. `None`: the earlier start made no root key.
    pub(super) weak: Option<Weaknesses>,
}

impl Offer {
    /// Decides the terms of a new database.
    pub(super) fn begin(mut self, begun: Option<Begun>) -> Result<Terms, RootError> {
        if let Some(begun) = begun {
            self.keep(begun.wrapped)?;
        }
        if let Some(vain) = self.take(|need, lacking| waits_for_another_start(need, &lacking.why)) {
            return Err(RootError::Lacks(vain));
        }
        let weak = match begun.and_then(|begun| begun.weak) {
            Some(weak) => {
                self.protect(weak)?;
                weak
            }
            None => self.lacks.iter().filter_map(|(need, _)| weakness(*need)).collect(),
        };
        let refused = weak.without(self.accepted);
        let is_refused = |need: Need| weakness(need).is_some_and(|weakness| refused.contains(weakness));
        if let Some(lacking) = self.take(|need, _| is_refused(need)) {
            return Err(RootError::Weak { weaknesses: refused, lacking: Box::new(lacking) });
        }
        let extractable = self.lacks.iter().filter_map(|(need, _)| leaves_at_most(*need)).min();
        let extractable = extractable.unwrap_or(Extractable::InClear);
        let no_wrapping = self.take(|need, _| need == Need::Wrapping || weakness(need).is_some_and(hinders_wrapping));
        let no_exporting = self.take(|need, _| need == Need::Exporting);
        let wrapped = match (begun.map(|begun| begun.wrapped), no_wrapping, self.placement) {
            (Some(Wrapped::Nothing(_)), ..) => Wrapped::Nothing(extractable),
            (Some(begun), ..) => begun,
            (None, Some(lacking), Some(Placement::Wrapped)) => return Err(RootError::NoWrapping(lacking)),
            (None, Some(_), _) => Wrapped::Nothing(extractable),
            (None, None, _) if no_exporting.is_some() || extractable < Extractable::InClear => Wrapped::AllButInClear,
            (None, None, _) => Wrapped::Everything,
        };
        Ok(Terms { wrapped, weak })
    }

    /// Refuses a token that cannot keep these keys wrapped, or an option that contradicts the terms.
    pub(super) fn keep(&mut self, wrapped: Wrapped) -> Result<(), RootError> {
        let lacking = match wrapped {
            Wrapped::Nothing(_) if self.placement == Some(Placement::Wrapped) => return Err(RootError::NeverWrapped),
            Wrapped::Nothing(_) => None,
            Wrapped::AllButInClear => self.take(|need, _| need == Need::Wrapping),
            Wrapped::Everything => self.take(|need, _| matches!(need, Need::Wrapping | Need::Exporting)),
        };
        lacking.map_or(Ok(()), |lacking| Err(RootError::Lacks(lacking)))
    }

    /// Refuses a token that protects root keys less than when they were made, and weaknesses that the operator does not
    /// accept.
    pub(super) fn protect(&mut self, weak: Weaknesses) -> Result<(), RootError> {
        let is_new = |need: Need| weakness(need).is_some_and(|weakness| !weak.contains(weakness));
        match self.take(|need, _| is_new(need)) {
            Some(Lacking { name, why }) if why.is_of_a_moment() => return Err(RootError::Lacks(Lacking { name, why })),
            Some(lacking) => return Err(RootError::Weaker(lacking)),
            None => {}
        }
        let refused = weak.without(self.accepted);
        if refused.is_empty() { Ok(()) } else { Err(RootError::NotAccepted(refused)) }
    }

    /// Removes and returns the first lacking need that fulfils the condition.
    fn take(&mut self, is_it: impl Fn(Need, &Lacking) -> bool) -> Option<Lacking> {
        let place = self.lacks.iter().position(|(need, lacking)| is_it(*need, lacking))?;
        Some(self.lacks.remove(place).1)
    }
}

/// Whether the creation of a database must wait for another start: the failure does not show what the token can do, and
/// the terms of the database, which never change, would depend on it.
#[must_use]
pub fn waits_for_another_start(need: Need, why: &Failure) -> bool {
    match need {
        Need::Wrapping => !why.is_lasting(),
        Need::Start | Need::Exporting | Need::Protection(_) | Need::Extractable(_) => why.is_of_a_moment(),
        Need::Pairs | Need::Pair(_) | Need::WrappedPair(_) | Need::Import | Need::PrivateImport | Need::For(_) => false,
    }
}

fn weakness(need: Need) -> Option<Weakness> {
    if let Need::Protection(weakness) = need { Some(weakness) } else { None }
}

/// Whether keys are not kept wrapped because of this weakness. A wrapped key is not safe if its wrapping key can be
/// changed or copied.
#[must_use]
pub fn hinders_wrapping(weakness: Weakness) -> bool {
    match weakness {
        Weakness::Modifiable | Weakness::Copyable => true,
        Weakness::Destroyable => false,
    }
}

/// Returns the most that keys are allowed if the token lacks this need.
fn leaves_at_most(need: Need) -> Option<Extractable> {
    match need {
        Need::Extractable(Extractable::InClear) => Some(Extractable::Wrapped),
        Need::Extractable(_) => Some(Extractable::No),
        _ => None,
    }
}

/// Returns the kind of a secret root key; `None` for a signing key.
pub(super) fn kind(name: &str) -> Option<RootKind> {
    ROOTS.iter().find(|(own, _)| *own == name).map(|(_, kind)| *kind)
}
