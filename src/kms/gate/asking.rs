//! What leave to ask the server itself lets one do.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::super::error::Error;
use super::super::list::CHUNK;
use super::service::ServerGrant;
use crate::custody::Secret;
use crate::policy::Grantee;
use crate::store::inventory;
use crate::store::object;
use crate::store::search::{Key, Page, Projects, Reach, Search, Start};

/// Long searches at one time.
const MAX_SWEEPS: usize = 4;

/// The most objects that one search looks at.
pub(in crate::kms) const MAX_VISITED: usize = 100_000;

/// The most objects that are read from the search tables at once: a page of answers, and one more.
const MAX_PAGE: usize = 1_001;

/// Whose objects a search is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::kms) enum Whose {
    /// Those that the caller may know of.
    Reachable,
    /// Those that the caller owns, or a project of theirs holds: nobody else can add to them.
    Held,
    /// The caller's own.
    Owned,
    /// Those on which something is granted to the caller.
    Granted,
}

/// Why a search ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::kms) enum End {
    /// There are no more objects.
    Last,
    /// Whoever looked at them had enough.
    Broken,
    /// It looked at [`MAX_VISITED`] objects.
    Bound,
}

/// How far a search went.
#[derive(Debug, Clone, Copy)]
pub(in crate::kms) struct Walked {
    /// Objects that were passed over unseen.
    pub(in crate::kms) skipped: i64,
    /// Why it ended.
    pub(in crate::kms) end: End,
}

/// A long search; dropping it ends it.
pub(in crate::kms) struct Sweep<'a>(&'a AtomicUsize);

impl Drop for Sweep<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl<'a> ServerGrant<'a> {
    /// Random bytes from the token.
    pub(in crate::kms) fn random(&self, len: usize) -> Result<Secret, Error> {
        Ok(self.kms.custody.random(len)?)
    }

    /// Looks at the objects that the search tables give, one after the other, at `first` of them without asking whether many
    /// others do so. Ends when `visit` breaks off, or after [`MAX_VISITED`].
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
        let (mut start, mut limit) = (start, first.clamp(1, MAX_PAGE));
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

    /// Where a search goes on after an object, which the caller may know of.
    pub(in crate::kms) fn after(&self, id: &str) -> Result<Start, Error> {
        let missing = || Error::NotFound(id.to_owned());
        let sighted = self.kms.sighted(self.call, id)?;
        sighted.ok_or_else(missing)?;
        let number = object::number(&self.kms.store, id)?;
        Ok(Start { after: Some(number.ok_or_else(missing)?), skip: 0 })
    }

    /// Identifiers of objects for which the index says that a change of owner waits for `subject`: a chunk of them, in the order
    /// of their identifiers, those after `after`.
    pub(in crate::kms) fn pending(&self, subject: &str, after: &str) -> Result<Vec<String>, Error> {
        Ok(inventory::pending(&self.kms.store, subject, self.call.now.0, after, CHUNK)?)
    }

    /// Leave to look at more objects than a page of them, one by one: to a few at one time, so that others get on.
    pub(super) fn sweep(&self) -> Result<Sweep<'a>, Error> {
        let sweep = Sweep(&self.kms.sweeps);
        if sweep.0.fetch_add(1, Ordering::AcqRel) >= MAX_SWEEPS { Err(Error::Sweeps) } else { Ok(sweep) }
    }

    /// Whether what the search tables give may have to be kept from the caller: then counting them would tell too much.
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
            // A role of their own reaches into every project.
            (_, Some(_)) => Projects::Any,
            (_, None) => Projects::These(policy.projects_of(caller)),
        };
        let grantees = granted.into_iter().flatten().map(|grantee| grantee.index()).collect();
        Reach { owner, grantees, projects }
    }

    /// What the caller's credential is limited to, as far as there are lists of it.
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
