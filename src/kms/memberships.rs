//! The members of projects that are exchanged identities; administrators change them one by one.

use super::clock::now;
use super::context::Context;
use super::error::Error;
use super::gate::{AdministrationGrant, Kms};
use super::identities::Identity;
use super::list::PageBuilder;
use super::operation::Operation;
use super::projects::project_call;
use crate::policy::{IdentityDocument, Kind, ProjectDocument, identity_username};

/// Maximum number of roles that an error lists.
const LISTED: usize = 20;

/// A member of a project.
#[derive(Debug, Clone)]
pub struct Membership {
    /// The member, as the policy file writes it.
    pub member: String,
    /// The role there.
    pub role: String,
}

/// A member of a project that is an exchanged identity.
#[derive(Debug, Clone)]
pub struct IdentityMembership {
    /// The identity. It may have been removed already.
    pub identity: Identity,
    /// The role there.
    pub role: String,
}

impl Kms {
    /// Sets or removes the role of an identity in a project; returns the former role.
    ///
    /// # Errors
    /// The caller is not an administrator, there is no such project, role or identity (a removed identity may still
    /// lose its role), or the policy file defines the project.
    pub fn set_identity_role(
        &self,
        context: &Context<'_>,
        project: &str,
        identity: &str,
        role: Option<&str>,
    ) -> Result<(Identity, Option<String>), Error> {
        let member = &identity_username(identity);
        let call = project_call(context, Operation::Define, project);
        call.describe(format!("project {project:?}: {member:?} is {:?}", role.unwrap_or("no member")));
        self.recorded(&call, || {
            let grant = self.authorize_administration(&call)?;
            if let Some(role) = role {
                grant.identity(identity)?;
                self.check_role(&grant, role)?;
            }
            let before = grant.revise(Kind::Project, project, |document: &mut ProjectDocument| {
                document.updated_at = now();
                Ok(match role {
                    Some(role) => document.members.insert(member.to_owned(), role.to_owned()),
                    None => document.members.remove(member),
                })
            })?;
            Ok((known(&grant, identity), before))
        })
    }

    /// The membership of an identity in a project.
    ///
    /// # Errors
    /// The caller is not an administrator, there is no such project, or the identity is not a member.
    pub fn identity_member(
        &self,
        context: &Context<'_>,
        project: &str,
        identity: &str,
    ) -> Result<IdentityMembership, Error> {
        let call = project_call(context, Operation::ListDefinitions, project);
        self.recorded(&call, || {
            let grant = self.authorize_administration(&call)?;
            let (_, document) = grant.project(project)?;
            let member = identity_username(identity);
            let undefined = || Error::Undefined { kind: "member", name: member.clone() };
            let role = document.members.get(&member).ok_or_else(undefined)?.clone();
            Ok(IdentityMembership { identity: known(&grant, identity), role })
        })
    }

    /// Fills a page with the members of a project that are exchanged identities, sorted by identifier, after the first
    /// `offset` of them. Returns their total number.
    ///
    /// # Errors
    /// The caller is not an administrator, or there is no such project.
    pub fn identity_members(
        &self,
        context: &Context<'_>,
        project: &str,
        offset: usize,
        sheet: &mut PageBuilder<'_, IdentityMembership>,
    ) -> Result<usize, Error> {
        let call = project_call(context, Operation::ListDefinitions, project);
        self.recorded(&call, || {
            let grant = self.authorize_administration(&call)?;
            let (_, document) = grant.project(project)?;
            let members = document.members.into_iter();
            let identity =
                |(member, role): (String, String)| Some((member.strip_prefix("identity:")?.to_owned(), role));
            let members: Vec<(String, String)> = members.filter_map(identity).collect();
            let total = members.len();
            for (id, role) in members.into_iter().skip(offset) {
                if !sheet.look()? {
                    break;
                }
                sheet.put(IdentityMembership { identity: known(&grant, &id), role })?;
            }
            Ok(total)
        })
    }

    /// Refuses a role that is not defined; the error lists the defined ones.
    fn check_role(&self, grant: &AdministrationGrant<'_>, role: &str) -> Result<(), Error> {
        if self.has_role(role) {
            return Ok(());
        }
        let mut roles = grant.names(Kind::Role, "", LISTED + 1);
        let more = if roles.len() > LISTED { " and others" } else { "" };
        roles.truncate(LISTED);
        let roles = if roles.is_empty() { "no roles".to_owned() } else { roles.join(", ") };
        Err(Error::NoRole { role: role.to_owned(), roles: format!("{roles}{more}") })
    }
}

/// An identity; only its identifier if it was removed.
fn known(grant: &AdministrationGrant<'_>, id: &str) -> Identity {
    let document = grant.identity(id).map_or_else(|_| IdentityDocument::default(), |(_, document)| document);
    Identity { id: id.to_owned(), document }
}
