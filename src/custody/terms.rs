//! What a database was begun with: which of its keys are kept wrapped, how they leave, and which protections its root keys lack. It stays
//! so. The check value of the binding key says it. A writer of the database cannot compute that value for other terms, and so cannot have
//! records that were deleted be taken for records that never were.

use claviger_pkcs11::{
    Device, Extractable, Failure, Key, MacMechanism, Need, RootKind, UnwrapTemplate, Weakness, Weaknesses,
};

use super::error::RootError;
use super::lacking::Lacking;
use crate::config::Placement;
use crate::secret::is_equal;
use crate::store::root_key::RootKey;

/// What MACs are made of to recognise a root key of a database that keeps every key wrapped and whose root keys lack nothing; no secret.
pub(super) const CHECK: &[u8; 32] = b"claviger: check value of a root.";

/// The same for a database that keeps no key wrapped.
const CHECK_ALONE: &[u8; 32] = b"claviger: root that wraps none..";

/// Name of the key that binds rows.
pub(super) const BINDING: &str = "binding";

pub(super) const EXPORTING: &str = "exporting";
pub(super) const GUARDING: &str = "guarding";
pub(super) const SEALING: &str = "sealing";

/// The secret root keys: name, and what the token must enforce. The signing keys are in [`super::signing::FIRST`].
const ROOTS: [(&str, RootKind); 4] = [
    (BINDING, RootKind::Mac),
    (EXPORTING, RootKind::Kek(UnwrapTemplate::Exporting)),
    (GUARDING, RootKind::Kek(UnwrapTemplate::Guarding)),
    (SEALING, RootKind::Kek(UnwrapTemplate::Sealing)),
];

/// Which keys of a database are kept wrapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wrapped {
    /// None: the token cannot wrap, and each key is an object of it, which leaves so at most.
    Nothing(Extractable),
    /// All there are: no key leaves the token in clear.
    AllButInClear,
    /// All.
    Everything,
}

/// What a database was begun with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Terms {
    pub(super) wrapped: Wrapped,
    pub(super) weak: Weaknesses,
}

impl Wrapped {
    /// By the names of root keys, recorded or announced. They do not say how the keys of a token leave that cannot wrap.
    pub(super) fn of<'a>(names: impl Iterator<Item = &'a str>) -> Self {
        names.fold(Self::Nothing(Extractable::InClear), |wrapped, name| match (wrapped, name) {
            (_, EXPORTING) => Self::Everything,
            (Self::Nothing(_), GUARDING | SEALING) => Self::AllButInClear,
            (wrapped, _) => wrapped,
        })
    }

    /// By the record.
    pub(super) fn recorded(recorded: &[RootKey]) -> Self {
        Self::of(recorded.iter().map(|root| root.name.as_str()))
    }

    /// The secret root keys.
    pub(super) fn roots(self) -> impl DoubleEndedIterator<Item = (&'static str, RootKind)> {
        ROOTS.into_iter().filter(move |(name, kind)| match kind {
            RootKind::Mac => true,
            RootKind::Kek(_) if *name == EXPORTING => self == Self::Everything,
            RootKind::Kek(_) => !matches!(self, Self::Nothing(_)),
        })
    }

    /// How keys leave at most.
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
    /// What the binding key makes a MAC of.
    fn check(self) -> Vec<u8> {
        match self {
            Self { wrapped: Wrapped::Everything, weak: Weaknesses::NONE } => CHECK.to_vec(),
            Self { wrapped: Wrapped::Nothing(Extractable::InClear), weak: Weaknesses::NONE } => CHECK_ALONE.to_vec(),
            Self { wrapped, weak } => {
                format!("claviger: root keys; wrapped: {}; weak: {weak}.", wrapped.word()).into_bytes()
            }
        }
    }

    /// The check value of the binding key.
    pub(super) fn check_value(self, device: &Device, binding: &Key) -> Result<Vec<u8>, RootError> {
        Ok(device.mac(binding, MacMechanism::HmacSha256, &self.check())?)
    }

    /// The terms whose check value this is. `None`: the key is another one.
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

    /// Says in the log, at each start, what is not as it is on other tokens.
    pub(super) fn log(self) {
        if matches!(self.wrapped, Wrapped::Nothing(_)) {
            tracing::warn!("the database holds no wrapped keys: every key of it is an object of the token");
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

    /// The last root key that these terms need and a record of `recorded` lacks.
    pub(super) fn missing(self, recorded: Wrapped) -> Option<&'static str> {
        let mut missing = self.wrapped.roots().map(|(name, _)| name);
        missing.rfind(|name| !recorded.roots().any(|(own, _)| own == *name))
    }
}

/// What the token lacks, as far as it was tried, and what the operator wants.
#[derive(Debug)]
pub(super) struct Offer {
    /// In the order of the trials; nothing without which there is no server.
    pub(super) lacks: Vec<(Need, Lacking)>,
    pub(super) placement: Option<Placement>,
    /// What the operator puts up with.
    pub(super) accepted: Weaknesses,
}

/// What an earlier start has decided that did not make all root keys.
#[derive(Debug, Clone, Copy)]
pub(super) struct Begun {
    pub(super) wrapped: Wrapped,
    /// `None`: it has made none.
    pub(super) weak: Option<Weaknesses>,
}

impl Offer {
    /// What a new database is begun with.
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

    /// Refuses what does not go with a database that keeps these keys wrapped.
    pub(super) fn keep(&mut self, wrapped: Wrapped) -> Result<(), RootError> {
        let lacking = match wrapped {
            Wrapped::Nothing(_) if self.placement == Some(Placement::Wrapped) => return Err(RootError::NeverWrapped),
            Wrapped::Nothing(_) => None,
            Wrapped::AllButInClear => self.take(|need, _| need == Need::Wrapping),
            Wrapped::Everything => self.take(|need, _| matches!(need, Need::Wrapping | Need::Exporting)),
        };
        lacking.map_or(Ok(()), |lacking| Err(RootError::Lacks(lacking)))
    }

    /// Refuses a token that protects root keys less than it did when these were made, and weak ones that the operator does not accept.
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

    /// The first of these, which is lacking no more.
    fn take(&mut self, is_it: impl Fn(Need, &Lacking) -> bool) -> Option<Lacking> {
        let place = self.lacks.iter().position(|(need, lacking)| is_it(*need, lacking))?;
        Some(self.lacks.remove(place).1)
    }
}

/// Whether a new database waits for another start: the failure says nothing of what the token can do, and what the database is begun with
/// would hang on it, for good.
#[must_use]
pub fn waits_for_another_start(need: Need, why: &Failure) -> bool {
    match need {
        Need::Wrapping => !why.is_lasting(),
        Need::Start | Need::Exporting | Need::Protection(_) | Need::Extractable(_) => why.is_of_a_moment(),
        Need::Pairs | Need::Import | Need::For(_) => false,
    }
}

fn weakness(need: Need) -> Option<Weakness> {
    if let Need::Protection(weakness) = need { Some(weakness) } else { None }
}

/// Whether keys are not kept wrapped for it: what is wrapped by a key that somebody changes, or copies, is not safe.
#[must_use]
pub fn hinders_wrapping(weakness: Weakness) -> bool {
    match weakness {
        Weakness::Modifiable | Weakness::Copyable => true,
        Weakness::Destroyable => false,
    }
}

/// How keys leave at most without it.
fn leaves_at_most(need: Need) -> Option<Extractable> {
    match need {
        Need::Extractable(Extractable::InClear) => Some(Extractable::Wrapped),
        Need::Extractable(_) => Some(Extractable::No),
        _ => None,
    }
}

/// What a secret root key is for; `None` for a signing key.
pub(super) fn kind(name: &str) -> Option<RootKind> {
    ROOTS.iter().find(|(own, _)| *own == name).map(|(_, kind)| *kind)
}
