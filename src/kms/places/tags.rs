//! Tags of projects, by which lists of secrets can be filtered. They are not tags of KMIP: policies do not see them.

use std::collections::HashMap;

use super::super::operation::Operation;
use super::super::{Call, Context, DetailsChange, Error, Kms, PlaceFault, SecretPlace, uuid};
use super::environments::sample;
use super::{check_segment, check_text, full};
use crate::kms::now;
use crate::policy::Action;
use crate::store::secret_place::{self, PlaceKind, PlaceRow};

/// Maximum number of tags of one project.
const MAX_TAGS: usize = 500;

/// A tag of a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag {
    /// Its identifier.
    pub id: String,
    /// The name in requests.
    pub slug: String,
    /// The name for people.
    pub name: String,
    /// Its colour.
    pub color: String,
    /// When it was made, in seconds since 1970-01-01 UTC.
    pub created: i64,
    /// When it was last changed, in seconds since 1970-01-01 UTC.
    pub updated: i64,
}

/// Names a tag of a project in a request.
#[derive(Debug, Clone, Copy)]
pub enum TagName<'a> {
    /// By its identifier.
    Id(&'a str),
    /// By its slug.
    Slug(&'a str),
}

/// A change of a tag; what is `None` stays as it is.
#[derive(Debug, Clone, Copy, Default)]
pub struct TagChange<'a> {
    /// The name in requests.
    pub slug: Option<&'a str>,
    /// The name for people.
    pub name: Option<&'a str>,
    /// Its colour.
    pub color: Option<&'a str>,
}

impl From<PlaceRow> for Tag {
    fn from(row: PlaceRow) -> Self {
        let PlaceRow { id, path: slug, name, note: color, created, updated, .. } = row;
        Self { id, slug, name, color, created, updated }
    }
}

impl Kms {
    /// The tags of a project by identifier, to show those of secrets. The caller's permission for the secrets was
    /// checked before.
    ///
    /// # Errors
    /// The database is not available.
    pub fn tags_by_id(&self, project: &str) -> Result<HashMap<String, Tag>, Error> {
        let rows = self.place_rows(project, PlaceKind::Tag, MAX_TAGS)?;
        Ok(rows.into_iter().map(|row| (row.id.clone(), Tag::from(row))).collect())
    }

    /// Refuses tags that the project does not have. The permission to change the secret was checked before.
    pub(in crate::kms) fn expect_tags(&self, place: &SecretPlace, change: &DetailsChange) -> Result<(), Error> {
        for id in change.tags.iter().flatten() {
            let found = self.place_row(PlaceKind::Tag, id)?.filter(|row| row.project == place.project());
            found.ok_or_else(|| PlaceFault::NoTag(id.clone()))?;
        }
        Ok(())
    }

    /// The tags of a project, sorted by slug.
    ///
    /// # Errors
    /// The caller may not see them.
    pub fn tags(&self, context: &Context<'_>, project: &str) -> Result<Vec<Tag>, Error> {
        let call = Call::new(context, Operation::ListPlaces);
        call.describe(format!("tags of {project}"));
        self.recorded(&call, || {
            self.authorize_seeing(&call, &sample(project)?)?;
            let rows = self.place_rows(project, PlaceKind::Tag, MAX_TAGS)?;
            Ok(rows.into_iter().map(Tag::from).collect())
        })
    }

    /// The row of a tag of a project. The caller's permission was checked before.
    fn tag_row(&self, project: &str, named: TagName<'_>) -> Result<PlaceRow, Error> {
        let (row, id) = match named {
            TagName::Id(id) => (self.place_row(PlaceKind::Tag, id)?.filter(|row| row.project == project), id),
            TagName::Slug(slug) => (self.place_row_at(project, PlaceKind::Tag, slug)?, slug),
        };
        row.ok_or_else(|| unknown(id))
    }

    /// A tag of a project.
    ///
    /// # Errors
    /// The caller may not see it, or the project has no such tag.
    pub fn tag(&self, context: &Context<'_>, project: &str, named: TagName<'_>) -> Result<Tag, Error> {
        let call = Call::new(context, Operation::ListPlaces);
        let (TagName::Id(text) | TagName::Slug(text)) = named;
        call.describe(format!("tag {text:?} of {project}"));
        self.recorded(&call, || {
            self.authorize_seeing(&call, &sample(project)?)?;
            Ok(self.tag_row(project, named)?.into())
        })
    }

    /// Makes a tag.
    ///
    /// # Errors
    /// The caller may not add secrets to the project, or the slug is not valid or exists already.
    pub fn create_tag(
        &self,
        context: &Context<'_>,
        project: &str,
        slug: &str,
        name: &str,
        color: &str,
    ) -> Result<Tag, Error> {
        check_segment("slug", slug)?;
        check_text("name", name)?;
        check_text("color", color)?;
        let call = Call::new(context, Operation::WritePlace);
        call.describe(format!("tag {slug} of {project}"));
        self.recorded(&call, || {
            let grant = self.authorize_at(&call, &sample(project)?, Action::WriteSecret)?;
            let now = now();
            let row = PlaceRow {
                id: uuid::random()?,
                project: project.to_owned(),
                path: slug.to_owned(),
                name: name.to_owned(),
                note: color.to_owned(),
                position: 0,
                created: now,
                updated: now,
                owner: grant.maker(),
            };
            let share = grant.share(MAX_TAGS);
            grant.change(row.clone().insert(PlaceKind::Tag, Vec::new(), MAX_TAGS, share)).map_err(taken)?;
            Ok(row.into())
        })
    }

    /// Changes slug, name or colour of a tag. Secrets keep the tag.
    ///
    /// # Errors
    /// The caller may not add secrets to the project, no tag has this identifier, or the slug is not valid or exists
    /// already.
    pub fn change_tag(
        &self,
        context: &Context<'_>,
        project: &str,
        id: &str,
        change: &TagChange<'_>,
    ) -> Result<Tag, Error> {
        let TagChange { slug, name, color } = *change;
        slug.map_or(Ok(()), |slug| check_segment("slug", slug))?;
        name.map_or(Ok(()), |name| check_text("name", name))?;
        color.map_or(Ok(()), |color| check_text("color", color))?;
        let call = Call::new(context, Operation::WritePlace);
        call.describe(format!("tag {id:?} of {project}"));
        self.recorded(&call, || {
            let grant = self.authorize_at(&call, &sample(project)?, Action::WriteSecret)?;
            let mut row = self.tag_row(project, TagName::Id(id))?;
            grant.check_own("tag", &row)?;
            row.path = slug.map_or(row.path, str::to_owned);
            row.name = name.map_or(row.name, str::to_owned);
            row.note = color.map_or(row.note, str::to_owned);
            row.updated = now();
            grant.change(row.clone().update(PlaceKind::Tag, Vec::new())).map_err(|error| match error {
                // The tag was removed in the meantime.
                Error::Contention => unknown(id),
                error => taken(error),
            })?;
            Ok(row.into())
        })
    }

    /// Removes a tag. Secrets are not found by it any more.
    ///
    /// # Errors
    /// The caller may not add secrets to the project, or no tag has this identifier.
    pub fn remove_tag(&self, context: &Context<'_>, project: &str, id: &str) -> Result<Tag, Error> {
        let call = Call::new(context, Operation::RemovePlace);
        call.describe(format!("tag {id:?} of {project}"));
        self.recorded(&call, || {
            let grant = self.authorize_at(&call, &sample(project)?, Action::WriteSecret)?;
            let row = self.tag_row(project, TagName::Id(id))?;
            grant.check_own("tag", &row)?;
            grant.change(secret_place::remove(project.to_owned(), PlaceKind::Tag, row.path.clone(), None))?;
            Ok(row.into())
        })
    }
}

fn unknown(id: &str) -> Error {
    PlaceFault::Unknown { what: "tag", id: id.to_owned() }.into()
}

fn taken(error: Error) -> Error {
    match error {
        Error::Exists(name) => PlaceFault::Exists { what: "tag", name }.into(),
        error => full(error, "tags", MAX_TAGS),
    }
}
