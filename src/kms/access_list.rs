//! The list of access to an object: its owner, the members of its project, and the grantees.

use super::call::Call;
use super::context::Context;
use super::error::Error;
use super::gate::Kms;
use super::memberships::Membership;
use super::operation::Operation;
use crate::policy::{Action, Grant};

/// The list of access to an object.
#[derive(Debug)]
pub struct AccessList {
    /// The owner.
    pub owner: String,
    /// The project that holds it.
    pub project: Option<String>,
    /// The members of that project with their roles in it, sorted by name.
    pub members: Vec<Membership>,
    /// The grants.
    pub grants: Vec<Grant>,
}

impl Kms {
    /// Owner, project, members and grants of an object.
    ///
    /// # Errors
    /// The caller does not have the permission `manage_access`.
    pub fn access_list(&self, context: &Context<'_>, id: &str) -> Result<AccessList, Error> {
        let call = Call::new(context, Operation::ListAccess);
        self.recorded(&call, || {
            let grant = self.authorize_action(&call, Action::ManageAccess, id)?;
            let access = grant.object().access.clone();
            let members = access.project.as_deref().map_or_else(Vec::new, |project| self.members_of(project));
            let members = members.into_iter().map(|(member, role)| Membership { member, role }).collect();
            let grants = access.grants.iter().cloned().collect();
            Ok(AccessList { owner: access.owner, project: access.project, members, grants })
        })
    }
}
