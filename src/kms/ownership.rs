//! Owner, project and grants of an object, and what is kept of them after a change of owner.

use super::handover::{Kept, Pending};
use crate::policy::{Grant, Grantee, Grants};

/// Owner, project and grants of an object.
#[derive(Debug, Clone, Default)]
pub(super) struct Access {
    pub(super) owner: String,
    pub(super) project: Option<String>,
    pub(super) grants: Grants,
    /// Pending changes of owner.
    pub(super) pending: Pending,
}

/// The access of other users that a recovery keeps.
#[derive(Debug, Default)]
pub struct KeptAccess {
    /// The project in which the object stays.
    pub project: Option<String>,
    /// The grants that are kept.
    pub grants: Vec<Grant>,
}

impl Kept {
    /// The present project and grants.
    pub(super) fn of(access: &Access) -> Self {
        Self { project: access.project.clone(), grants: access.grants.to_text() }
    }
}

impl Access {
    /// Whether an object outside of projects is granted to everyone: such objects are counted for each owner.
    pub(super) fn is_for_everyone(&self) -> bool {
        self.project.is_none() && self.grants.of(&Grantee::Everyone).is_some()
    }

    /// The keys by which searches find the object.
    pub(super) fn grantees(&self) -> Vec<String> {
        let counted = self.is_for_everyone().then(|| Grantee::everyone_by(&self.owner));
        self.grants.iter().map(|grant| grant.to.index()).chain(counted).collect()
    }

    /// Makes `owner` the owner. The grants and pending changes of the former owner are removed, and also the project if
    /// the object leaves it.
    pub(super) fn pass_to(&mut self, owner: &str, leaves_project: bool) {
        let project = self.project.take().filter(|_| !leaves_project);
        *self = Self { owner: owner.to_owned(), project, ..Self::default() };
    }

    /// Makes `owner` the owner, but keeps the project and the grants that [`Self::kept`] returns.
    pub(super) fn pass_on_to(&mut self, owner: &str, then: &Kept, leaves_project: bool) {
        let (project, grants) = self.staying(owner, then, leaves_project);
        *self = Self { owner: owner.to_owned(), project, grants, pending: Pending::default() };
    }

    /// The access of other users that is kept if `owner` becomes the owner: what existed at that moment and still
    /// exists.
    pub(super) fn kept(&self, owner: &str, then: &Kept, leaves_project: bool) -> KeptAccess {
        let (project, grants) = self.staying(owner, then, leaves_project);
        KeptAccess { project, grants: grants.iter().cloned().collect() }
    }

    fn staying(&self, owner: &str, then: &Kept, leaves_project: bool) -> (Option<String>, Grants) {
        let project = self.project.clone().filter(|own| !leaves_project || then.project.as_ref() == Some(own));
        let mut grants = self.grants.common(&then.grants());
        for user in [self.owner.as_str(), owner] {
            grants.forget(&Grantee::User(user.to_owned()));
        }
        (project, grants)
    }
}
