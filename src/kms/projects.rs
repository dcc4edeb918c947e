//! Projects; administrators make and change them one by one.

use super::administration::Kind;
use super::operation::Operation;
use super::{Call, Context, Environment, Error, Kms, PageBuilder, now};
use crate::policy::ProjectDocument;

/// A project.
#[derive(Debug, Clone)]
pub struct Project {
    /// Its name, which identifies it.
    pub name: String,
    /// Its definition.
    pub document: ProjectDocument,
    /// Its environments, in their order.
    pub environments: Vec<Environment>,
}

impl Kms {
    fn as_project(&self, name: &str, document: ProjectDocument) -> Result<Project, Error> {
        Ok(Project { name: name.to_owned(), document, environments: self.environments_of(name)? })
    }

    /// Makes a project.
    ///
    /// # Errors
    /// The caller is not an administrator, the project exists already, or the definition is faulty.
    pub fn create_project(
        &self,
        context: &Context<'_>,
        name: &str,
        mut document: ProjectDocument,
    ) -> Result<Project, Error> {
        let call = project_call(context, Operation::Define, name);
        self.recorded(&call, || {
            let grant = self.authorize_administration(&call)?;
            let version = match grant.project(name) {
                Ok(_) => return Err(Error::Exists(name.to_owned())),
                Err(Error::Undefined { .. }) => grant.version(Kind::Project, name),
                Err(error) => return Err(error),
            };
            (document.created_at, document.updated_at) = (now(), now());
            grant.define(Kind::Project, name, Some(text(&document)), Some(version))?;
            self.as_project(name, document)
        })
    }

    /// Returns a project.
    ///
    /// # Errors
    /// The caller is not an administrator, or there is no such project.
    pub fn project(&self, context: &Context<'_>, name: &str) -> Result<Project, Error> {
        let call = project_call(context, Operation::ListDefinitions, name);
        self.recorded(&call, || {
            let (_, document) = self.authorize_administration(&call)?.project(name)?;
            self.as_project(name, document)
        })
    }

    /// Fills a page with projects, sorted by name, after the first `offset` of them. Returns their total number.
    ///
    /// # Errors
    /// The caller is not an administrator.
    pub fn projects(
        &self,
        context: &Context<'_>,
        offset: usize,
        sheet: &mut PageBuilder<'_, Project>,
    ) -> Result<usize, Error> {
        let call = Call::new(context, Operation::ListDefinitions);
        call.describe(Kind::Project.word().to_owned());
        self.recorded(&call, || {
            let grant = self.authorize_administration(&call)?;
            let names = grant.names(Kind::Project, "", usize::MAX);
            let total = names.len();
            let mut left = names.into_iter().skip(offset);
            let read = |_: Option<&String>| Ok(left.next().into_iter().collect());
            sheet.fill(read, |name| {
                let found = grant.project(name).ok();
                found.map(|(_, document)| self.as_project(name, document)).transpose()
            })?;
            Ok(total)
        })
    }

    /// Changes a project; `change` receives the present definition.
    ///
    /// # Errors
    /// The caller is not an administrator, there is no such project, or the policy file defines it.
    pub fn change_project(
        &self,
        context: &Context<'_>,
        name: &str,
        change: impl FnOnce(&mut ProjectDocument),
    ) -> Result<Project, Error> {
        let call = project_call(context, Operation::Define, name);
        self.recorded(&call, || {
            let grant = self.authorize_administration(&call)?;
            let document = grant.revise(Kind::Project, name, |document: &mut ProjectDocument| {
                change(document);
                document.updated_at = now();
                Ok(document.clone())
            })?;
            self.as_project(name, document)
        })
    }

    /// Removes a project that holds no objects.
    ///
    /// # Errors
    /// The caller is not an administrator, there is no such project, the policy file defines it, or it holds objects.
    pub fn remove_project(&self, context: &Context<'_>, name: &str) -> Result<Project, Error> {
        let call = project_call(context, Operation::Undefine, name);
        self.recorded(&call, || {
            let grant = self.authorize_administration(&call)?;
            let (_, document) = grant.project(name)?;
            let project = self.as_project(name, document)?;
            grant.define(Kind::Project, name, None, None)?;
            Ok(project)
        })
    }
}

pub(super) fn project_call<'a>(context: &Context<'a>, operation: Operation, name: &str) -> Call<'a> {
    let call = Call::new(context, operation);
    call.describe(format!("project {name:?}"));
    call
}

fn text(document: &ProjectDocument) -> String {
    serde_json::to_string(document).unwrap_or_default()
}
