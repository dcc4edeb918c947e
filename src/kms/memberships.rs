//! Projects and their members, changed one by one by those who administer.

use super::administration::Kind;
use super::operation::Operation;
use super::{Call, Context, Error, Kms, Sheet};
use crate::policy::{Fault, ProjectDocument, identity_username};

/// The most roles that are named to whoever gives one that there is not.
const MAX_TOLD: usize = 50;

/// A member of a project.
#[derive(Debug, Clone)]
pub struct Membership {
    /// Who, as the policy file writes them.
    pub member: String,
    /// The role there.
    pub role: String,
}

impl Kms {
    /// Makes a project without members.
    ///
    /// # Errors
    /// The caller does not administer, there is one of this name, or the name is faulty.
    pub fn create_project(&self, context: &Context<'_>, name: &str, description: Option<String>) -> Result<(), Error> {
        let call = project_call(context, Operation::Define, name);
        self.recorded(&call, || {
            let grant = self.authorize_administration(&call)?;
            let version = match grant.project(name) {
                Ok(_) => return Err(Error::Exists(name.to_owned())),
                Err(Error::Undefined { .. }) => grant.version(Kind::Project, name),
                Err(error) => return Err(error),
            };
            let document = ProjectDocument { description, ..ProjectDocument::default() };
            grant.define(Kind::Project, name, Some(text(&document)), Some(version)).map(drop)
        })
    }

    /// Gives an identity a role in a project, or none; returns the one before.
    ///
    /// # Errors
    /// The caller does not administer, there is no such project, role or identity (one that is gone may still lose its role), or
    /// the project is the policy file's.
    pub fn set_identity_role(
        &self,
        context: &Context<'_>,
        project: &str,
        identity: &str,
        role: Option<&str>,
    ) -> Result<Option<String>, Error> {
        let member = &identity_username(identity);
        let call = project_call(context, Operation::Define, project);
        call.describe(format!("project {project:?}: {member:?} is {:?}", role.unwrap_or("no member")));
        self.recorded(&call, || {
            let grant = self.authorize_administration(&call)?;
            if let Some(role) = role {
                grant.identity(identity)?;
                if !self.has_role(role) {
                    let there_are = grant.names(Kind::Role, "", MAX_TOLD).join(", ");
                    let problem = format!("there is no role {role:?}; there are: {there_are}");
                    return Err(Fault::at(&["projects", project, "members", member], problem).into());
                }
            }
            grant.revise(Kind::Project, project, |document: &mut ProjectDocument| {
                Ok(match role {
                    Some(role) => document.members.insert(member.to_owned(), role.to_owned()),
                    None => document.members.remove(member),
                })
            })
        })
    }

    /// Fills a page with the members of a project that are exchanged identities, by their identifiers, after `offset` of them.
    /// Returns how many there are.
    ///
    /// # Errors
    /// The caller does not administer, or there is no such project.
    pub fn identity_members(
        &self,
        context: &Context<'_>,
        project: &str,
        offset: usize,
        sheet: &mut Sheet<'_, Membership>,
    ) -> Result<usize, Error> {
        let call = project_call(context, Operation::ListDefinitions, project);
        self.recorded(&call, || {
            let (_, document) = self.authorize_administration(&call)?.project(project)?;
            let members = document.members.into_iter();
            let identity =
                |(member, role): (String, String)| Some((member.strip_prefix("identity:")?.to_owned(), role));
            let members: Vec<(String, String)> = members.filter_map(identity).collect();
            let total = members.len();
            for (member, role) in members.into_iter().skip(offset) {
                if !sheet.look()? {
                    break;
                }
                sheet.put(Membership { member, role })?;
            }
            Ok(total)
        })
    }
}

fn project_call<'a>(context: &Context<'a>, operation: Operation, name: &str) -> Call<'a> {
    let call = Call::new(context, operation);
    call.describe(format!("project {name:?}"));
    call
}

fn text(document: &ProjectDocument) -> String {
    serde_json::to_string(document).unwrap_or_default()
}
