//! Whose an object is, and what of that stays when it gets another owner.

use super::handover::{Kept, Pending};
use crate::policy::{Grant, Grantee, Grants};

/// Whose an object is.
#[derive(Debug, Clone, Default)]
pub(super) struct Access {
    pub(super) owner: String,
    pub(super) project: Option<String>,
    pub(super) grants: Grants,
    /// Changes of owner that wait for somebody's agreement.
    pub(super) pending: Pending,
}

/// The access of others that a recovery leaves.
#[derive(Debug, Default)]
pub struct KeptAccess {
    /// The project in which the object stays.
    pub project: Option<String>,
    /// What stays granted.
    pub grants: Vec<Grant>,
}

impl Kept {
    /// What there is now.
    pub(super) fn of(access: &Access) -> Self {
        Self { project: access.project.clone(), grants: access.grants.to_text() }
    }
}

impl Access {
    /// Makes `owner` the owner. What the former one gave and proposed is gone: grants, whatever waits, and the place in a
    /// project if the object leaves it.
    pub(super) fn pass_to(&mut self, owner: &str, leaves_project: bool) {
        let project = self.project.take().filter(|_| !leaves_project);
        *self = Self { owner: owner.to_owned(), project, ..Self::default() };
    }

    /// The same, but of the grants to others and the place in a project stays what [`Self::kept`] says.
    pub(super) fn pass_on_to(&mut self, owner: &str, then: &Kept, leaves_project: bool) {
        let (project, grants) = self.staying(owner, then, leaves_project);
        *self = Self { owner: owner.to_owned(), project, grants, pending: Pending::default() };
    }

    /// The access of others that stays if `owner` becomes the owner: what there was then, and is there still.
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
