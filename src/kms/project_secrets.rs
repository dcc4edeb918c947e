//! The secrets of projects by environment and folder: reading and listing.

use super::call::Call;
use super::context::Context;
use super::error::Error;
use super::gate::{Behind, Kms, PlaceGrant, Whose};
use super::object::is_destroyed;
use super::operation::Operation;
use super::project_secret::ProjectSecret;
use super::references::References;
use super::secret_path::{name_of, new_id};
use super::secret_place::SecretPlace;
use super::secrets;
use crate::policy::Action;

/// Maximum number of secrets in one answer.
pub const MAX_SECRETS: usize = 10_000;

/// Maximum number of names that one list reads.
const MAX_VISITED: usize = 100_000;

/// Number of names that are read from the index at once.
const CHUNK: usize = 256;

/// Maximum size of a written list, in bytes.
const MAX_LIST: usize = 6 << 20;

/// How secrets are shown.
#[derive(Debug, Clone, Copy)]
pub struct View {
    /// Whether with their values.
    pub value: bool,
    /// Whether references in the values are replaced by the values that they name.
    pub expand: bool,
}

/// The secrets that a list shows.
#[derive(Debug, Clone)]
pub struct Listing {
    /// Whether those in folders of the place are included.
    pub recursive: bool,
    /// Identifiers of tags: only secrets with one of them; `None` for all.
    pub tags: Option<Vec<String>>,
    /// How many are skipped.
    pub offset: usize,
    /// How many are shown; `None` for all. Then it is an error if there are too many for one answer.
    pub limit: Option<usize>,
    /// How they are shown.
    pub view: View,
}

/// The name of an imaginary secret, by which permissions are checked that concern no existing secret.
const SAMPLE: &str = "x";

/// The names that a list reads, in order.
enum Names<'a> {
    /// The names in a place according to the index, for callers who may see the project.
    Indexed { place: &'a SecretPlace, direct: bool },
    /// The names that the caller may read, with the identifiers of their objects.
    Reached(Vec<(String, String)>),
}

impl Names<'_> {
    /// A chunk of the names after `after`, with the identifiers of their objects.
    fn behind(&self, kms: &Kms, after: &str) -> Result<Vec<(String, String)>, Error> {
        match self {
            Self::Indexed { place, direct } => kms.indexed_secrets(place, after, *direct, CHUNK),
            Self::Reached(all) => {
                let begin = all.partition_point(|(name, _)| name.as_str() <= after);
                Ok(all.iter().skip(begin).take(CHUNK).cloned().collect())
            }
        }
    }
}

impl Kms {
    /// A secret of a project with its last value, or with the value of this number.
    ///
    /// # Errors
    /// The caller may not read it, or the secret does not exist.
    pub fn project_secret(
        &self,
        context: &Context<'_>,
        place: &SecretPlace,
        name: &str,
        number: Option<i64>,
        view: View,
    ) -> Result<ProjectSecret, Error> {
        let path = place.secret(name)?;
        let call = Call::new(context, Operation::ReadSecret);
        call.describe(if view.value { path.described() } else { format!("{} without its value", path.described()) });
        let mut secret = self.recorded(&call, || {
            let grant = self.authorize_secret(&call, Action::ReadSecret, &path)?;
            let grant = grant.ok_or_else(|| Error::NotFound(path.name()))?;
            let value = view.value.then(|| grant.read_secret(number)).transpose()?;
            let mut secret = ProjectSecret::new(place.clone(), name, &grant.object().attributes, value);
            secret.version = number.unwrap_or(secret.version);
            Ok(secret)
        })?;
        if view.expand {
            References::new(self, context).expand(&mut secret)?;
        }
        Ok(secret)
    }

    /// A secret of a project by the identifier of its object: with the value of this number, with the last one, or
    /// without a value.
    ///
    /// # Errors
    /// The caller may not read it, or it is not a secret of an environment.
    pub fn project_secret_by_id(
        &self,
        context: &Context<'_>,
        id: &str,
        number: Option<i64>,
        view: View,
    ) -> Result<ProjectSecret, Error> {
        let call = Call::new(context, Operation::ReadSecret);
        call.describe(if view.value { format!("secret {id:?}") } else { format!("secret {id:?} without its value") });
        self.recorded(&call, || {
            let grant = self.authorize_action(&call, Action::ReadSecret, id)?;
            let attributes = &grant.object().attributes;
            let named = name_of(attributes).filter(|_| !is_destroyed(attributes.state));
            let placed = named.and_then(|name| SecretPlace::of_variable(name));
            let (place, name) = placed.ok_or_else(|| Error::NotFound(id.to_owned()))?;
            let value = view.value.then(|| grant.read_secret(number)).transpose()?;
            let mut secret = ProjectSecret::new(place, name, attributes, value);
            secret.version = number.unwrap_or(secret.version);
            Ok(secret)
        })
    }

    /// Calls `put` with each secret of a place that the caller may read, sorted by name. `put` returns the written size
    /// in bytes.
    ///
    /// # Errors
    /// [`Error::Undefined`]: there are none, and the caller may not know whether the project exists.
    /// [`Error::AnswerTooLarge`]: there are too many for one answer.
    pub fn list_project_secrets(
        &self,
        context: &Context<'_>,
        place: &SecretPlace,
        listing: &Listing,
        put: &mut dyn FnMut(ProjectSecret) -> usize,
    ) -> Result<(), Error> {
        let call = Call::new(context, Operation::ListSecrets);
        call.describe(format!(
            "{} in {}{}",
            place.key(),
            place.project(),
            if listing.recursive { ", recursive" } else { "" }
        ));
        self.recorded(&call, || {
            let sample = place.secret(SAMPLE)?;
            let sees = self.sees_project(&call, &sample, &secrets::attributes(&sample, &new_id()?, &call))?;
            let names = if sees {
                Names::Indexed { place, direct: !listing.recursive }
            } else {
                Names::Reached(self.reachable_secrets(&call, Whose::Reachable, place, !listing.recursive)?)
            };
            let found = self.walk_secrets(&call, place, listing, &names, put)?;
            if !found {
                self.authorize_seeing(&call, place)?;
            }
            Ok(())
        })
    }

    /// Lists secrets; returns whether there was one.
    fn walk_secrets(
        &self,
        call: &Call<'_>,
        place: &SecretPlace,
        listing: &Listing,
        names: &Names<'_>,
        put: &mut dyn FnMut(ProjectSecret) -> usize,
    ) -> Result<bool, Error> {
        let limit = listing.limit.unwrap_or(MAX_SECRETS);
        let mut references = References::new(self, &call.context).of_many();
        let (mut after, mut visited, mut seen, mut shown, mut bytes) = (String::new(), 0, 0, 0, 0);
        let mut sweep = None;
        if listing.offset > 0 && listing.tags.is_none() {
            match self.place_behind(call, place, !listing.recursive, listing.offset)? {
                Some(Behind::Name(name)) => (after, seen) = (name, listing.offset),
                Some(Behind::End) => return Ok(false),
                None => {}
            }
        }
        loop {
            let chunk = names.behind(self, &after)?;
            // Reading secrets that the caller may not see is work without a result, so it counts as a long search.
            if visited - shown >= CHUNK && sweep.is_none() {
                sweep = Some(self.sweep_secrets(call)?);
            }
            for (variable, id) in &chunk {
                call.go_on()?;
                if shown == limit && listing.limit.is_some() {
                    return Ok(true);
                }
                visited += 1;
                if shown == MAX_SECRETS || visited > MAX_VISITED {
                    return Err(Error::AnswerTooLarge);
                }
                let is_passed_over = seen < listing.offset;
                let Some(mut secret) = self.listed(call, variable, id, listing, is_passed_over)? else { continue };
                seen += 1;
                if is_passed_over {
                    continue;
                }
                if listing.view.expand {
                    references.expand(&mut secret)?;
                }
                let size = put(secret);
                (shown, bytes) = (shown + 1, bytes + size);
                // The buffer grows by doubling.
                call.context.ticket.hold(size.saturating_mul(2)).map_err(|_| Error::NoRoom)?;
                if bytes > MAX_LIST {
                    return Err(Error::AnswerTooLarge);
                }
            }
            match chunk.last() {
                Some((last, _)) if chunk.len() == CHUNK => after.clone_from(last),
                _ => return Ok(seen > 0),
            }
        }
    }

    /// One secret of a list; `None` if the list does not show it.
    fn listed(
        &self,
        call: &Call<'_>,
        variable: &str,
        id: &str,
        listing: &Listing,
        is_passed_over: bool,
    ) -> Result<Option<ProjectSecret>, Error> {
        let Some((place, name)) = SecretPlace::of_variable(variable) else { return Ok(None) };
        let path = place.secret(name)?;
        let reads = listing.view.value && !is_passed_over;
        let Some(object) = self.sighted_secret(call, &path, id, reads)? else { return Ok(None) };
        let mut secret = ProjectSecret::new(place, name, &object.attributes, None);
        let is_tagged = |tags: &Vec<String>| secret.details.tags.iter().any(|own| tags.contains(own));
        if !listing.tags.as_ref().is_none_or(is_tagged) {
            return Ok(None);
        }
        if !reads {
            return Ok(Some(secret));
        }
        // Each value that is read has an audit record of its own.
        let read = Call::new(&call.context, Operation::ReadSecret);
        read.describe(path.described());
        let value = self.recorded(&read, || self.authorize_sighted(&read, object)?.read_secret(None));
        match value {
            Ok(value) => secret.value = Some(value),
            // The secret or the permission was removed in the meantime.
            Err(Error::NotFound(_) | Error::NotPermitted { .. } | Error::Destroyed(_)) => return Ok(None),
            Err(error) => return Err(error),
        }
        Ok(Some(secret))
    }

    /// The permission to see the environments, folders and tags of a project.
    pub(super) fn authorize_seeing<'a>(
        &'a self,
        call: &'a Call<'a>,
        place: &SecretPlace,
    ) -> Result<PlaceGrant<'a>, Error> {
        self.authorize_at(call, place, call.operation.action())
    }

    /// The permission to see or change them; for changes, the caller must be permitted to add a secret there.
    pub(super) fn authorize_at<'a>(
        &'a self,
        call: &'a Call<'a>,
        place: &SecretPlace,
        action: Action,
    ) -> Result<PlaceGrant<'a>, Error> {
        let sample = place.secret(SAMPLE)?;
        let attributes = secrets::attributes(&sample, &new_id()?, call);
        self.authorize_place(call, action, &sample, &attributes)
    }
}
