//! Folders in the environments of projects. Renaming a folder renames all secrets in it; the permission is checked for
//! each secret.

use std::ops::ControlFlow;

use super::super::gate::{PlaceGrant, Whose};
use super::super::list::{CHUNK, pages};
use super::super::operation::Operation;
use super::super::{
    Call, Context, DetailsChange, Error, Kms, MAX_TOGETHER, PlaceFault, SecretChange, SecretPlace, uuid,
};
use super::environments::Environment;
use super::{check_segment, check_text, full};
use crate::kms::now;
use crate::policy::Action;
use crate::store::secret_place::{self, PlaceKind, PlaceRow};
use crate::store::{self, Command};

/// Maximum number of folders of one project.
const MAX_FOLDERS: usize = 10_000;

/// A folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    /// Its identifier.
    pub id: String,
    /// Its place: the path ends with its name.
    pub place: SecretPlace,
    /// The environment.
    pub environment: Environment,
    /// The identifier of the parent folder; `None` at the root of an environment.
    pub parent: Option<String>,
    /// Its description.
    pub description: String,
    /// When it was made, in seconds since 1970-01-01 UTC.
    pub created: i64,
    /// When it was last changed, in seconds since 1970-01-01 UTC.
    pub updated: i64,
}

/// A change of a folder; what is `None` stays as it is.
#[derive(Debug, Clone, Default)]
pub struct FolderChange<'a> {
    /// Its name.
    pub name: Option<&'a str>,
    /// Its description.
    pub description: Option<&'a str>,
}

/// Names a folder in a request.
#[derive(Debug, Clone, Copy)]
pub struct FolderName<'a> {
    /// The place that the request gives.
    pub place: &'a SecretPlace,
    /// Its identifier, or its name in that place.
    pub name: &'a str,
}

impl Kms {
    /// The folder of a row.
    fn folder(&self, call: &Call<'_>, row: &PlaceRow) -> Result<Folder, Error> {
        let (environment, path) = row.path.split_once('/').unwrap_or((&row.path, ""));
        let place = SecretPlace::new(&row.project, environment, path)?;
        let parent = place.parent().filter(|parent| parent.folder().is_some());
        let parent = match parent {
            Some(parent) => self.place_row_at(&row.project, PlaceKind::Folder, &parent.key())?.map(|row| row.id),
            None => None,
        };
        let environment = self.environment_of(call, &place)?;
        let environment = environment.ok_or_else(|| unknown(&row.id))?;
        let (id, description) = (row.id.clone(), row.note.clone());
        Ok(Folder { id, place, environment, parent, description, created: row.created, updated: row.updated })
    }

    /// Calls `put` with each folder in a place, sorted by path; `recursive`: also with those in them. `put` returns the
    /// written size in bytes.
    ///
    /// # Errors
    /// The caller may not see them.
    pub fn folders(
        &self,
        context: &Context<'_>,
        place: &SecretPlace,
        recursive: bool,
        put: &mut dyn FnMut(Folder) -> usize,
    ) -> Result<(), Error> {
        let call = Call::new(context, Operation::ListPlaces);
        call.describe(format!("folders of {} in {}", place.key(), place.project()));
        self.recorded(&call, || {
            self.authorize_seeing(&call, place)?;
            let Some(environment) = self.environment_of(&call, place)? else { return Ok(()) };
            let mut above = (String::new(), None);
            let read =
                |last: Option<&PlaceRow>| self.folder_rows(place, last.map_or("", |last| &last.path), !recursive);
            let visit = |row: &PlaceRow| {
                call.go_on()?;
                let size = put(self.listed_folder(row.clone(), &environment, &mut above)?);
                // The buffer grows by doubling.
                call.context.ticket.hold(size.saturating_mul(2)).map_err(|_| Error::NoRoom)?;
                Ok(ControlFlow::Continue(()))
            };
            pages(CHUNK, read, visit).map(drop)
        })
    }

    /// A folder of a list. `above` caches the path of the last parent folder with its identifier.
    fn listed_folder(
        &self,
        row: PlaceRow,
        environment: &Environment,
        above: &mut (String, Option<String>),
    ) -> Result<Folder, Error> {
        let PlaceRow { id, project, path, note: description, created, updated, .. } = row;
        let (slug, folders) = path.split_once('/').unwrap_or((&path, ""));
        let place = SecretPlace::new(&project, slug, folders)?;
        let own = path.rsplit_once('/').map_or("", |(own, _)| own);
        if above.0 != own {
            let found = self.place_row_at(&project, PlaceKind::Folder, own)?.map(|row| row.id);
            *above = (own.to_owned(), found);
        }
        let (environment, parent) = (environment.clone(), above.1.clone());
        Ok(Folder { id, place, environment, parent, description, created, updated })
    }

    /// The folder with this identifier.
    ///
    /// # Errors
    /// There is no such folder, or the caller may not see it.
    pub fn folder_by_id(&self, context: &Context<'_>, id: &str) -> Result<Folder, Error> {
        let call = Call::new(context, Operation::ListPlaces);
        call.describe(format!("folder {id:?}"));
        self.recorded(&call, || {
            let Some(row) = self.place_row(PlaceKind::Folder, id)? else {
                return Err(self.nothing_there(&call, unknown(id)));
            };
            let folder = self.folder(&call, &row)?;
            self.authorize_seeing(&call, &folder.place).map_err(|error| match error {
                Error::Undefined { .. } => unknown(id),
                error => error,
            })?;
            Ok(folder)
        })
    }

    /// The folder with this path.
    ///
    /// # Errors
    /// There is no such folder, or the caller may not see it.
    pub fn folder_at(&self, context: &Context<'_>, place: &SecretPlace) -> Result<Folder, Error> {
        let call = Call::new(context, Operation::ListPlaces);
        call.describe(format!("folder {} of {}", place.key(), place.project()));
        self.recorded(&call, || {
            self.authorize_seeing(&call, place)?;
            let row = self.place_row_at(place.project(), PlaceKind::Folder, &place.key())?;
            self.folder(&call, &row.ok_or_else(|| unknown(&place.path()))?)
        })
    }

    /// Makes a folder in a place, and the missing folders above it.
    ///
    /// # Errors
    /// The caller may not add secrets there, or the name is not valid or exists already.
    pub fn create_folder(
        &self,
        context: &Context<'_>,
        place: &SecretPlace,
        name: &str,
        description: &str,
    ) -> Result<Folder, Error> {
        check_text("description", description)?;
        let own = place.within(name)?;
        let call = Call::new(context, Operation::WritePlace);
        call.describe(format!("folder {} of {}", own.key(), own.project()));
        self.recorded(&call, || {
            let grant = self.authorize_at(&call, place, Action::WriteSecret)?;
            self.expect_place(&call, &SecretPlace::new(place.project(), place.environment(), "/")?)?;
            let now = now();
            let row = |place: &SecretPlace, note: &str| {
                Ok::<_, Error>(PlaceRow {
                    id: uuid::random()?,
                    project: place.project().to_owned(),
                    path: place.key(),
                    name: place.folder().unwrap_or_default().to_owned(),
                    note: note.to_owned(),
                    position: 0,
                    created: now,
                    updated: now,
                    owner: grant.maker(),
                })
            };
            let mut above = Vec::new();
            let mut next = Some(place.clone());
            while let Some(place) = next.filter(|place| place.folder().is_some()) {
                check_segment("path", place.folder().unwrap_or_default())?;
                above.push(row(&place, "")?);
                next = place.parent();
            }
            let made = row(&own, description)?;
            let share = grant.share(MAX_FOLDERS);
            let written = grant.change(made.clone().insert(PlaceKind::Folder, above, MAX_FOLDERS, share));
            written.map_err(|error| taken(error, &made.name))?;
            self.folder(&call, &made)
        })
    }

    /// The row of a folder that a request names, in the project of the request.
    fn folder_row(&self, folder: &FolderName<'_>) -> Result<PlaceRow, Error> {
        let project = folder.place.project();
        let by_id = self.place_row(PlaceKind::Folder, folder.name)?.filter(|row| row.project == project);
        if let Some(row) = by_id {
            return Ok(row);
        }
        let named = folder.place.within(folder.name).map_err(|_| unknown(folder.name))?;
        let row = self.place_row_at(project, PlaceKind::Folder, &named.key())?;
        row.ok_or_else(|| unknown(folder.name))
    }

    /// Whether the place holds secrets of the caller, if only these count.
    pub(super) fn holds_own(
        &self,
        call: &Call<'_>,
        grant: &PlaceGrant<'_>,
        place: &SecretPlace,
    ) -> Result<bool, Error> {
        let counts = grant.of().is_some();
        Ok(counts && !self.reachable_secrets(call, Whose::Owned, place, false)?.is_empty())
    }

    /// The secrets in a folder and below it, unless there are too many for one change: according to the index, or those of
    /// the caller if the caller may change only these.
    fn secrets_within(
        &self,
        call: &Call<'_>,
        grant: &PlaceGrant<'_>,
        place: &SecretPlace,
    ) -> Result<Vec<(SecretPlace, String)>, Error> {
        let found = match grant.of() {
            Some(_) => self.reachable_secrets(call, Whose::Owned, place, false)?,
            None => self.indexed_secrets(place, "", false, MAX_TOGETHER + 1)?,
        };
        if found.len() > MAX_TOGETHER {
            return Err(PlaceFault::TooMany(MAX_TOGETHER).into());
        }
        let placed = |(variable, _): &(String, String)| {
            let placed = SecretPlace::of_variable(variable).map(|(place, name)| (place, name.to_owned()));
            // A variable whose name has an empty part is in no folder, so it cannot be changed here.
            let advice =
                " (a variable there has an empty part in its name: use claviger secrets, or a client of Conjur)";
            placed.ok_or_else(|| not_empty(place, advice))
        };
        found.iter().map(placed).collect()
    }

    /// Changes the name or description of a folder. A new name renames all secrets in it, or nothing is changed.
    ///
    /// # Errors
    /// The caller may not add secrets there or may not rename one of the secrets in it, or the name exists already.
    pub fn change_folder(
        &self,
        context: &Context<'_>,
        folder: &FolderName<'_>,
        change: &FolderChange<'_>,
    ) -> Result<Folder, Error> {
        change.description.map_or(Ok(()), |text| check_text("description", text))?;
        let call = Call::new(context, Operation::WritePlace);
        call.describe(format!("folder {:?} of {}", folder.name, folder.place.project()));
        self.recorded(&call, || {
            let grant = self.authorize_at(&call, folder.place, Action::WriteSecret)?;
            let mut row = self.folder_row(folder)?;
            grant.check_own("folder", &row)?;
            row.note = change.description.map_or(row.note, str::to_owned);
            row.updated = now();
            let from = self.folder(&call, &row)?.place;
            let parent = from.parent().unwrap_or_else(|| from.clone());
            let to = change.name.map(|name| parent.within(name)).transpose()?.filter(|to| *to != from);
            let Some(to) = to else {
                grant.change(row.clone().update(PlaceKind::Folder, Vec::new()))?;
                return self.folder(&call, &row);
            };
            if self.has_folder(&call, &to)? {
                let name = to.folder().unwrap_or_default().to_owned();
                return Err(PlaceFault::Exists { what: "folder", name }.into());
            }
            let moved = |(place, name): (SecretPlace, String)| -> Result<SecretChange, Error> {
                let rest = place.key().strip_prefix(&from.key()).unwrap_or_default().to_owned();
                let target = SecretPlace::new(to.project(), to.environment(), &format!("{}{rest}", to.path()))?;
                let to = Some((target, name.clone()));
                Ok(SecretChange::Update { place, name, value: None, to, details: DetailsChange::default() })
            };
            let changes =
                self.secrets_within(&call, &grant, &from)?.into_iter().map(moved).collect::<Result<Vec<_>, _>>()?;
            row.path = to.key();
            row.name = to.folder().unwrap_or_default().to_owned();
            let beside = grant.recorded(row.clone().move_folder(from.key(), SecretPlace::MAX_KEY, grant.of()));
            self.change_within(context, &from, &changes, beside, "rename").map_err(|error| match error {
                Error::Store(store::Error::PathTooLong) => PlaceFault::TooDeep(to.path()).into(),
                Error::Store(store::Error::NotEmpty) => {
                    PlaceFault::Exists { what: "folder", name: row.name.clone() }.into()
                }
                error => error,
            })?;
            call.changed();
            self.folder(&call, &row)
        })
    }

    /// Removes a folder. With `force`, everything in it is removed too, or nothing is removed.
    ///
    /// # Errors
    /// [`PlaceFault::NotEmpty`]; or the caller may not remove folders there, or one of the secrets in it.
    pub fn remove_folder(&self, context: &Context<'_>, folder: &FolderName<'_>, force: bool) -> Result<Folder, Error> {
        let call = Call::new(context, Operation::RemovePlace);
        call.describe(format!("folder {:?} of {}", folder.name, folder.place.project()));
        self.recorded(&call, || {
            let grant = self.authorize_at(&call, folder.place, Action::WriteSecret)?;
            let row = self.folder_row(folder)?;
            grant.check_own("folder", &row)?;
            let shown = self.folder(&call, &row)?;
            let place = &shown.place;
            if !force {
                self.remove_empty_folder(&call, &grant, &row, place)?;
                return Ok(shown);
            }
            let removed = |(place, name)| SecretChange::Remove { place, name };
            let changes: Vec<SecretChange> =
                self.secrets_within(&call, &grant, place)?.into_iter().map(removed).collect();
            let removed = secret_place::remove(row.project.clone(), PlaceKind::Folder, row.path.clone(), grant.of());
            let beside = grant.recorded(removed);
            self.change_within(context, place, &changes, beside, "delete")?;
            call.changed();
            Ok(shown)
        })
    }

    /// Removes a folder if it is still empty in the commit.
    fn remove_empty_folder(
        &self,
        call: &Call<'_>,
        grant: &PlaceGrant<'_>,
        row: &PlaceRow,
        place: &SecretPlace,
    ) -> Result<(), Error> {
        let not_empty = || not_empty(place, ", or with it (forceDelete: true)");
        if self.holds_own(call, grant, place)? {
            return Err(not_empty());
        }
        let (project, path, kind) = (row.project.clone(), row.path.clone(), PlaceKind::Folder);
        let removed = secret_place::remove_empty(project, kind, path, place.prefix(), Vec::new(), grant.of());
        grant.change(removed).map_err(|error| match error {
            Error::Store(store::Error::NotEmpty) => not_empty(),
            error => error,
        })
    }

    /// Changes the content of a folder together with the folder. The error does not name secrets that the caller may
    /// not know of.
    fn change_within(
        &self,
        context: &Context<'_>,
        place: &SecretPlace,
        changes: &[SecretChange],
        beside: Command,
        what: &'static str,
    ) -> Result<(), Error> {
        let changed = self.change_secrets_with(context, changes, Some(beside));
        changed.map(drop).map_err(|error| match error {
            Error::NotFound(_) | Error::NotPermitted { .. } => PlaceFault::Held(place.path(), what).into(),
            error => error,
        })
    }
}

fn not_empty(place: &SecretPlace, advice: &'static str) -> Error {
    PlaceFault::NotEmpty { what: "folder", name: place.path(), advice }.into()
}

fn taken(error: Error, name: &str) -> Error {
    match error {
        Error::Exists(_) => PlaceFault::Exists { what: "folder", name: name.to_owned() }.into(),
        error => full(error, "folders", MAX_FOLDERS),
    }
}

fn unknown(id: &str) -> Error {
    PlaceFault::Unknown { what: "folder", id: id.to_owned() }.into()
}
