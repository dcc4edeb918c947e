//! Who has access to an object: its owner, the members of its project, and those to whom something is granted.

use super::call::Call;
use super::context::Context;
use super::error::Error;
use super::gate::Kms;
use super::memberships::Membership;
use super::operation::Operation;
use crate::policy::{Action, Grant};

/// Who has access to an object.
#[derive(Debug)]
pub struct AccessList {
    /// Who owns it.
    pub owner: String,
    /// The project that holds it.
    pub project: Option<String>,
    /// The members of that project with their roles there, in the order of their names.
    pub members: Vec<Membership>,
    /// What is granted.
    pub grants: Vec<Grant>,
}

impl Kms {
    /// Owner, project, members and grants of an object.
    ///
    /// # Errors
    /// The caller may not see them: it takes `manage_access`.
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
