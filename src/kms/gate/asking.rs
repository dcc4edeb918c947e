//! The operations on the server itself that a [`ServerGrant`] permits.

use std::ops::ControlFlow;

use super::super::error::Error;
use super::super::list::CHUNK;
use super::fair::{FairPlaces, Place};
use super::service::ServerGrant;
use crate::custody::Secret;
use crate::policy::Grantee;
use crate::store::inventory;
use crate::store::object;
use crate::store::search::{Key, Page, Projects, Reach, Search, Start};

/// Maximum number of long searches at one time.
const MAX_SWEEPS: usize = 4;

/// Maximum number of long searches of one caller at one time.
const MAX_OWN_SWEEPS: usize = MAX_SWEEPS / 2;

/// Maximum number of long searches that wait until another one ends; of one caller half of them.
const MAX_WAITING: usize = 8;

/// Maximum number of objects that a search looks at without a place, if the caller's share is used up.
const MOST_WITHOUT: usize = 100;

/// Maximum number of objects that one search looks at.
pub(in crate::kms) const MAX_VISITED: usize = 100_000;

/// Maximum number of objects that are read from the search tables at once: a page of answers and one more.
const MAX_PAGE: usize = 1_001;

/// The objects that a search covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::kms) enum Whose {
    /// The objects that the caller may know of.
    Reachable,
    /// The objects that the caller owns or that a project of the caller holds. Other users cannot add to them by
    /// grants.
    Held,
    /// The caller's own.
    Owned,
    /// The objects on which the caller has a grant.
    Granted,
}

/// The reason why a search ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::kms) enum End {
    /// There are no more objects.
    Last,
    /// `visit` broke the search off.
    Broken,
    /// The search looked at [`MAX_VISITED`] objects.
    Bound,
}

/// The extent of a search.
#[derive(Debug, Clone, Copy)]
pub(in crate::kms) struct Walked {
    /// Number of objects that were skipped without looking at them.
    pub(in crate::kms) skipped: i64,
    /// The reason why it ended.
    pub(in crate::kms) end: End,
}

/// The places of long searches.
pub(super) fn places() -> FairPlaces {
    FairPlaces::new("long searches", MAX_SWEEPS, MAX_OWN_SWEEPS, MAX_WAITING)
}

impl<'a> ServerGrant<'a> {
    /// Random bytes from the HSM token.
    pub(in crate::kms) fn random(&self, len: usize) -> Result<Secret, Error> {
        Ok(self.kms.custody.random(len)?)
    }

    /// Calls `visit` for each object that the search tables return, in order. The first `first` objects need no place
    /// among the long searches; for more, the call takes one ([`Self::sweep`]). If the caller's share is used up, these are
    /// fewer, so that searches that will be refused cost little. Ends when `visit` breaks off, or after
    /// [`MAX_VISITED`] objects.
    pub(in crate::kms) fn walk(
        &self,
        whose: Whose,
        search: &Search,
        start: Start,
        first: usize,
        mut visit: impl FnMut(&str) -> Result<ControlFlow<()>, Error>,
    ) -> Result<Walked, Error> {
        let reach = self.reach(whose);
        let search = Search { reach, limits: self.limits(), ..search.clone() };
        let is_at_share = self.kms.sweeps.is_at_share(&self.call.context.ticket.who());
        let (mut start, mut limit) = (start, first.clamp(1, if is_at_share { MOST_WITHOUT } else { MAX_PAGE }));
        let mut walked = Walked { skipped: 0, end: End::Bound };
        let (mut visited, mut sweep) = (0, None);
        while visited < MAX_VISITED {
            if visited > 0 && sweep.is_none() {
                sweep = Some(self.sweep()?);
            }
            let is_over = || self.call.go_on().is_err();
            let Page { skipped, found } = search.page(&self.kms.store, start, limit, &is_over)?;
            walked.skipped += skipped;
            let is_last = found.len() < limit;
            visited += found.len();
            start = Start { after: found.last().map(|last| last.number), skip: 0 };
            for object in found {
                self.call.go_on()?;
                if visit(&object.id)?.is_break() {
                    return Ok(Walked { end: End::Broken, ..walked });
                }
            }
            if is_last {
                return Ok(Walked { end: End::Last, ..walked });
            }
            limit = MAX_PAGE;
        }
        Ok(walked)
    }

    /// The position after an object, which the caller must be allowed to know of.
    pub(in crate::kms) fn after(&self, id: &str) -> Result<Start, Error> {
        let missing = || Error::NotFound(id.to_owned());
        let sighted = self.kms.sighted(self.call, id)?;
        sighted.ok_or_else(missing)?;
        let number = object::number(&self.kms.store, id)?;
        Ok(Start { after: Some(number.ok_or_else(missing)?), skip: 0 })
    }

    /// Identifiers of the objects that have a pending change of owner for `subject`, by the index: one chunk, sorted,
    /// those after `after`.
    pub(in crate::kms) fn pending(&self, subject: &str, after: &str) -> Result<Vec<String>, Error> {
        Ok(inventory::pending(&self.kms.store, subject, self.call.now.0, after, CHUNK)?)
    }

    /// Takes a place for a long search, and waits a moment for it. Only [`MAX_SWEEPS`] run at one time, and only
    /// [`MAX_OWN_SWEEPS`] of one caller, so that other callers are served.
    pub(super) fn sweep(&self) -> Result<Place<'a>, Error> {
        let kms = self.kms;
        kms.sweeps.take_for(Some(self.call)).map_err(Error::Sweeps)
    }

    /// Whether some results of the search tables may be hidden from the caller. If so, the number of results must not
    /// be revealed.
    pub(in crate::kms) fn is_limited(&self) -> bool {
        let policy = self.kms.policy.load();
        let caller = self.call.caller();
        caller.narrowing.is_some() || policy.role_of(caller).is_some() || policy.is_member(caller)
    }

    fn reach(&self, whose: Whose) -> Reach {
        let policy = self.kms.policy.load();
        let caller = self.call.caller();
        let name = caller.username.as_str();
        let role = policy.role_of(caller);
        let owner = (whose != Whose::Granted).then(|| name.to_owned());
        if whose == Whose::Owned {
            return Reach { owner, ..Reach::default() };
        }
        let user = Grantee::User(name.to_owned());
        let granted = if whose == Whose::Held {
            [None, None, None]
        } else {
            [Some(user), role.map(|role| Grantee::Role(role.to_owned())), Some(Grantee::Everyone)]
        };
        let projects = match (whose, role) {
            (Whose::Granted, _) => Projects::default(),
            // The caller's own role applies in every project.
            (_, Some(_)) => Projects::Any,
            (_, None) => Projects::These(policy.projects_of(caller)),
        };
        let grantees = granted.into_iter().flatten().map(|grantee| grantee.index()).collect();
        Reach { owner, grantees, projects }
    }

    /// The limits of the caller's credential, as far as they are lists of values.
    fn limits(&self) -> Vec<Vec<Key>> {
        let Some(narrowing) = &self.call.caller().narrowing else { return Vec::new() };
        let projects = narrowing.projects.iter().map(|all| all.iter().cloned().map(Key::Project).collect());
        let properties = narrowing.properties.iter().filter_map(|(property, values)| {
            let key = match property.as_str() {
                "tag" => Key::Tag,
                "name" => Key::Name,
                _ => return None,
            };
            Some(values.iter().cloned().map(key).collect())
        });
        projects.chain(properties).collect()
    }
}
