//! What leave to ask the server itself lets one do.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::super::Error;
use super::ServerGrant;
use crate::custody::Secret;
use crate::policy::Grantee;
use crate::store::search::{Found, Reach, Search};

/// Long searches at one time.
const MAX_SWEEPS: usize = 4;

/// A long search; dropping it ends it.
pub(in crate::kms) struct Sweep<'a>(&'a AtomicUsize);

impl Drop for Sweep<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl ServerGrant<'_> {
    /// Random bytes from the token.
    pub(in crate::kms) fn random(&self, len: usize) -> Result<Secret, Error> {
        Ok(self.kms.custody.random(len)?)
    }

    /// Identifiers that the search tables give of objects that the caller may know of.
    pub(in crate::kms) fn search(&self, search: &Search, offset: i64, limit: i64) -> Result<Found, Error> {
        let search = Search { reach: self.reach(), ..search.clone() };
        self.run(&search, offset, limit)
    }

    /// Identifiers of the caller's own objects.
    pub(in crate::kms) fn owned(&self, search: &Search, offset: i64, limit: i64) -> Result<Found, Error> {
        let owner = Some(self.call.caller().username.as_str().to_owned());
        self.run(&Search { reach: Reach { owner, ..Reach::default() }, ..search.clone() }, offset, limit)
    }

    /// Identifiers of objects of which the search tables say that something is granted to the caller.
    pub(in crate::kms) fn granted(&self, search: &Search, offset: i64, limit: i64) -> Result<Found, Error> {
        let reach = Reach { owner: None, projects: Vec::new(), ..self.reach() };
        self.run(&Search { reach, ..search.clone() }, offset, limit)
    }

    /// Leave to look at more objects than a page of them, one by one: to a few at one time, so that others get on.
    pub(in crate::kms) fn sweep(&self) -> Result<Sweep<'_>, Error> {
        let sweep = Sweep(&self.kms.sweeps);
        if sweep.0.fetch_add(1, Ordering::AcqRel) >= MAX_SWEEPS { Err(Error::Sweeps) } else { Ok(sweep) }
    }

    /// Whether what the search tables give may have to be kept from the caller: then counting them would tell too much.
    pub(in crate::kms) fn is_limited(&self) -> bool {
        let policy = self.kms.policy.load();
        let caller = self.call.caller();
        caller.narrowing.is_some() || policy.role_of(caller).is_some() || !policy.projects_of(caller).is_empty()
    }

    fn reach(&self) -> Reach {
        let policy = self.kms.policy.load();
        let caller = self.call.caller();
        let user = Grantee::User(caller.username.as_str().to_owned());
        let role = policy.role_of(caller).map(|role| Grantee::Role(role.to_owned()));
        let grantees = [Some(user), role, Some(Grantee::Everyone)].into_iter().flatten();
        Reach {
            owner: Some(caller.username.as_str().to_owned()),
            grantees: grantees.map(|grantee| grantee.index()).collect(),
            projects: policy.projects_of(caller),
        }
    }

    fn run(&self, search: &Search, offset: i64, limit: i64) -> Result<Found, Error> {
        Ok(self.kms.store.read(|connection| search.run(connection, offset, limit))?)
    }
}
