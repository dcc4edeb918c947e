//! Environments of projects. A project for which none was made has Infisical's default environments, unless it was made
//! without them.

use super::super::gate::PlaceGrant;
use super::super::operation::Operation;
use super::super::{Call, Context, Error, Kms, PlaceFault, SecretPlace, uuid};
use super::{check_segment, check_text, full};
use crate::kms::now;
use crate::policy::Action;
use crate::store::secret_place::{self, PlaceKind, PlaceRow};

/// Maximum number of environments of one project.
const MAX_ENVIRONMENTS: usize = 100;

/// The default environments: slug and name.
const FIRST: [(&str, &str); 3] = [("dev", "Development"), ("staging", "Staging"), ("prod", "Production")];

/// An environment of a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Environment {
    /// Its identifier; derived from project and slug until an environment is made for the project.
    pub id: String,
    /// The name for people.
    pub name: String,
    /// The name in requests.
    pub slug: String,
    /// Its place among the others, from 1.
    pub position: i64,
    /// When it was made, in seconds since 1970-01-01 UTC.
    pub created: i64,
    /// When it was last changed, in seconds since 1970-01-01 UTC.
    pub updated: i64,
}

/// A change of an environment; what is `None` stays as it is.
#[derive(Debug, Clone, Copy, Default)]
pub struct EnvironmentChange<'a> {
    /// The name for people.
    pub name: Option<&'a str>,
    /// The name in requests; only the present one is permitted.
    pub slug: Option<&'a str>,
    /// Its place among the others, from 1.
    pub position: Option<i64>,
}

impl From<PlaceRow> for Environment {
    fn from(row: PlaceRow) -> Self {
        let PlaceRow { id, path: slug, name, position, created, updated, .. } = row;
        Self { id, name, slug, position, created, updated }
    }
}

/// The identifier of an environment that has no row.
fn first_id(project: &str, slug: &str) -> String {
    uuid::named(&format!("environment\0{project}\0{slug}"))
}

/// The rows of the default environments of a project.
fn first(project: &str) -> Vec<PlaceRow> {
    let row = |((slug, name), position): (&(&str, &str), i64)| PlaceRow {
        id: first_id(project, slug),
        project: project.to_owned(),
        path: (*slug).to_owned(),
        name: (*name).to_owned(),
        note: String::new(),
        position,
        created: 0,
        updated: 0,
        owner: String::new(),
    };
    FIRST.iter().zip(1..).map(row).collect()
}

impl Kms {
    /// The rows of a project's environments, and whether they are in the database.
    fn environment_rows(&self, project: &str) -> Result<(Vec<PlaceRow>, bool), Error> {
        let rows = self.place_rows(project, PlaceKind::Environment, MAX_ENVIRONMENTS + 1)?;
        let is_implied = rows.is_empty() && self.has_default_environments(project);
        Ok(if is_implied { (first(project), false) } else { (rows, true) })
    }

    /// The environment with this slug. An environment without a row that has secrets gets its slug as its name.
    pub(super) fn environment_of(&self, call: &Call<'_>, place: &SecretPlace) -> Result<Option<Environment>, Error> {
        let (project, slug) = (place.project(), place.environment());
        let rows = self.environment_rows(project)?.0;
        if let Some(row) = rows.into_iter().find(|row| row.path == slug) {
            return Ok(Some(row.into()));
        }
        let root = SecretPlace::new(project, slug, "/")?;
        let id = first_id(project, slug);
        let own = Environment { id, name: slug.to_owned(), slug: slug.to_owned(), position: 0, created: 0, updated: 0 };
        Ok(self.has_folder(call, &root)?.then_some(own))
    }

    /// Refuses an environment or a folder that does not exist.
    pub(super) fn expect_place(&self, call: &Call<'_>, place: &SecretPlace) -> Result<Environment, Error> {
        let Some(environment) = self.environment_of(call, place)? else {
            let rows = self.environment_rows(place.project())?.0;
            let slugs = rows.into_iter().map(|row| row.path).collect::<Vec<_>>().join(", ");
            let none = "none: make one first (POST /api/v1/workspace/ID/environments)";
            let has = if slugs.is_empty() { none.to_owned() } else { slugs };
            let (project, slug) = (place.project().to_owned(), place.environment().to_owned());
            return Err(PlaceFault::NoEnvironment { project, slug, has }.into());
        };
        if place.folder().is_some() && !self.has_folder(call, place)? {
            let (environment, path) = (environment.slug, place.path());
            return Err(PlaceFault::NoFolder { environment, path }.into());
        }
        Ok(environment)
    }

    /// Refuses a place for secrets whose environment or folder does not exist.
    ///
    /// # Errors
    /// [`PlaceFault::NoEnvironment`], [`PlaceFault::NoFolder`]; [`Error::Undefined`] for a caller who may not add secrets.
    pub fn expect_secret_place(&self, context: &Context<'_>, place: &SecretPlace) -> Result<(), Error> {
        let call = Call::new(context, Operation::WritePlace);
        self.authorize_at(&call, place, Action::WriteSecret)?;
        self.expect_place(&call, place).map(drop)
    }

    /// The environments of a project, in their order.
    ///
    /// # Errors
    /// The caller may not see them.
    pub fn environments(&self, context: &Context<'_>, project: &str) -> Result<Vec<Environment>, Error> {
        let call = Call::new(context, Operation::ListPlaces);
        call.describe(format!("environments of {project}"));
        self.recorded(&call, || {
            self.authorize_seeing_environments(&call, project)?;
            self.environments_of(project)
        })
    }

    /// Permits administrators, and callers with access to a secret in the project, to see its environments.
    fn authorize_seeing_environments<'a>(&'a self, call: &'a Call<'a>, project: &str) -> Result<(), Error> {
        match self.administer_places(call, project)? {
            Some(_) => Ok(()),
            None => self.authorize_seeing(call, &sample(project)?).map(drop),
        }
    }

    /// The environment with this identifier.
    ///
    /// # Errors
    /// The caller may not know of it, or no environment has this identifier.
    pub fn environment(&self, context: &Context<'_>, project: &str, id: &str) -> Result<Environment, Error> {
        found(self.environments(context, project)?, id)
    }

    /// The environment with this identifier in any project, with the name of the project.
    ///
    /// # Errors
    /// [`PlaceFault::Unknown`]: no environment has this identifier, or the caller may not know of it.
    pub fn environment_anywhere(&self, context: &Context<'_>, id: &str) -> Result<(String, Environment), Error> {
        let call = Call::new(context, Operation::ListPlaces);
        call.describe(format!("environment {id:?}"));
        self.recorded(&call, || {
            let project = match self.place_row(PlaceKind::Environment, id)? {
                Some(row) => Some(row.project),
                None if uuid::is_named(id) => {
                    self.account_where(&call, |project| FIRST.iter().any(|(slug, _)| first_id(project, slug) == id))?
                }
                None => None,
            };
            let Some(project) = project else { return Err(self.nothing_there(&call, unknown(id))) };
            self.authorize_seeing_environments(&call, &project).map_err(|error| match error {
                Error::Undefined { .. } => unknown(id),
                error => error,
            })?;
            let found = found(self.environments_of(&project)?, id)?;
            Ok((project, found))
        })
    }

    /// The environments of a project, in their order. The caller's permission was checked before.
    pub(in crate::kms) fn environments_of(&self, project: &str) -> Result<Vec<Environment>, Error> {
        let mut rows = self.environment_rows(project)?.0;
        rows.sort_by(|one, other| (one.position, &one.path).cmp(&(other.position, &other.path)));
        Ok(rows.into_iter().map(Environment::from).collect())
    }

    /// The permission to change the environments of a project: for administrators, and for callers who may add a secret
    /// there.
    fn authorize_environments<'a>(&'a self, call: &'a Call<'a>, place: &SecretPlace) -> Result<PlaceGrant<'a>, Error> {
        match self.administer_places(call, place.project())? {
            Some(grant) => Ok(grant),
            None => self.authorize_at(call, place, Action::WriteSecret),
        }
    }

    /// Makes an environment.
    ///
    /// # Errors
    /// The caller may not add secrets to the project, or the slug is not valid or exists already; the default
    /// environments count as existing.
    pub fn create_environment(
        &self,
        context: &Context<'_>,
        project: &str,
        slug: &str,
        name: &str,
        position: Option<i64>,
    ) -> Result<Environment, Error> {
        check_segment("slug", slug)?;
        check_text("name", name)?;
        let call = Call::new(context, Operation::WritePlace);
        call.describe(format!("environment {slug} of {project}"));
        self.recorded(&call, || {
            let grant = self.authorize_environments(&call, &SecretPlace::new(project, slug, "/")?)?;
            let (rows, are_there) = self.environment_rows(project)?;
            let taken = || PlaceFault::Exists { what: "environment", name: slug.to_owned() };
            if rows.iter().any(|row| row.path == slug) {
                return Err(taken().into());
            }
            let (last, now) = (rows.iter().map(|row| row.position).max().unwrap_or(0), now());
            let row = PlaceRow {
                id: uuid::random()?,
                project: project.to_owned(),
                path: slug.to_owned(),
                name: name.to_owned(),
                note: String::new(),
                position: position.unwrap_or(last + 1),
                created: now,
                updated: now,
                owner: grant.maker(),
            };
            let first = if are_there { Vec::new() } else { rows };
            let share = grant.share(MAX_ENVIRONMENTS);
            let written = grant.change(row.clone().insert(PlaceKind::Environment, first, MAX_ENVIRONMENTS, share));
            written.map_err(|error| match error {
                Error::Exists(_) => taken().into(),
                error => full(error, "environments", MAX_ENVIRONMENTS),
            })?;
            Ok(row.into())
        })
    }

    /// Changes the name or position of an environment. The slug cannot be changed.
    ///
    /// # Errors
    /// The caller may not add secrets to the project, no environment has this identifier, or [`PlaceFault::KeptSlug`].
    pub fn change_environment(
        &self,
        context: &Context<'_>,
        project: &str,
        id: &str,
        change: &EnvironmentChange<'_>,
    ) -> Result<Environment, Error> {
        let EnvironmentChange { name, slug, position } = *change;
        name.map_or(Ok(()), |name| check_text("name", name))?;
        let call = Call::new(context, Operation::WritePlace);
        call.describe(format!("environment {id:?} of {project}"));
        self.recorded(&call, || {
            let grant = self.authorize_environments(&call, &sample(project)?)?;
            let (rows, are_there) = self.environment_rows(project)?;
            let mut row = rows.iter().find(|row| row.id == id).cloned().ok_or_else(|| unknown(id))?;
            if let Some(slug) = slug.filter(|slug| *slug != row.path) {
                return Err(PlaceFault::KeptSlug { slug: slug.to_owned(), own: row.path }.into());
            }
            grant.check_own("environment", &row)?;
            row.updated = now();
            row.position = position.unwrap_or(row.position);
            row.name = name.map_or(row.name, str::to_owned);
            let first = if are_there { Vec::new() } else { rows };
            grant.change(row.clone().update(PlaceKind::Environment, first))?;
            Ok(row.into())
        })
    }

    /// Removes an environment that holds nothing. The last one cannot be removed, unless the project was made without
    /// environments, because the default environments would appear again.
    ///
    /// # Errors
    /// [`PlaceFault::NotEmpty`], [`PlaceFault::LastEnvironment`], or as for a change.
    pub fn remove_environment(&self, context: &Context<'_>, project: &str, id: &str) -> Result<Environment, Error> {
        let call = Call::new(context, Operation::RemovePlace);
        call.describe(format!("environment {id:?} of {project}"));
        self.recorded(&call, || {
            let grant = self.authorize_environments(&call, &sample(project)?)?;
            let (rows, are_there) = self.environment_rows(project)?;
            let row = rows.iter().find(|row| row.id == id).cloned().ok_or_else(|| unknown(id))?;
            if rows.len() == 1 && self.has_default_environments(project) {
                return Err(PlaceFault::LastEnvironment(row.path).into());
            }
            grant.check_own("environment", &row)?;
            let first = if are_there { Vec::new() } else { rows };
            let not_empty = || PlaceFault::NotEmpty { what: "environment", name: row.path.clone(), advice: "" };
            let root = SecretPlace::new(project, &row.path, "/")?;
            if self.holds_own(&call, &grant, &root)? {
                return Err(not_empty().into());
            }
            let (project, slug, kind) = (project.to_owned(), row.path.clone(), PlaceKind::Environment);
            let removed =
                grant.change(secret_place::remove_empty(project, kind, slug, root.prefix(), first, grant.of()));
            removed.map_err(|error| match error {
                Error::Store(crate::store::Error::NotEmpty) => not_empty().into(),
                error => error,
            })?;
            Ok(row.into())
        })
    }
}

/// Some place in the project; which one does not matter.
pub(super) fn sample(project: &str) -> Result<SecretPlace, Error> {
    SecretPlace::new(project, "dev", "/")
}

/// The environment with this identifier among those of a project.
fn found(environments: Vec<Environment>, id: &str) -> Result<Environment, Error> {
    environments.into_iter().find(|own| own.id == id).ok_or_else(|| unknown(id))
}

fn unknown(id: &str) -> Error {
    PlaceFault::Unknown { what: "environment", id: id.to_owned() }.into()
}
