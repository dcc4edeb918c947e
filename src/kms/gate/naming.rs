//! Names of keys that are unique within a project.

use std::ops::ControlFlow;

use super::super::call::{Call, Gathering};
use super::super::error::Error;
use super::super::list::pages;
use super::super::object::{Object, is_destroyed};
use super::service::Kms;
use crate::store::search::{Found, Projects, Reach, Search, Start};
use crate::turns::Turn;

/// Number of objects with the name that are read at once.
const PAGE: usize = 100;

impl Kms {
    /// Takes a lock for the change of a call. A change beside others of its message does not wait for the lock
    /// ([`Error::Crowded`]).
    pub(super) fn take_turn(&self, call: &Call<'_>, name: &str) -> Result<Turn, Error> {
        let is_beside = call.gathering == Gathering::BesideOthers;
        // Known before anything is read under the lock.
        let since = self.store.followed();
        let turn = if is_beside { self.turns.take_free(name) } else { self.turns.take(name) };
        Ok(turn?.with_since(since))
    }

    /// Takes the lock to give a key a name in a project; `own` is the identifier of the key if it exists already. Until
    /// the lock is dropped, no other call gives a key this name in the project. Returns `None` outside of projects,
    /// where names need not be unique.
    ///
    /// # Errors
    /// Another key of the project has the name, whichever API made it.
    pub(in crate::kms) fn turn_of_key_name(
        &self,
        call: &Call<'_>,
        project: Option<&str>,
        name: &str,
        own: Option<&str>,
    ) -> Result<Option<Turn>, Error> {
        let Some(project) = project else { return Ok(None) };
        // No identifier of an object and no name of a project contains a space, so this name is unique.
        let turn = self.take_turn(call, &format!("key {project} {name}"))?;
        let reach = Reach { projects: Projects::These(vec![project.to_owned()]), ..Reach::default() };
        let search = Search { now: call.now.0, reach, names: vec![name.to_owned()], ..Search::default() };
        let is_over = || call.go_on().is_err();
        let read = |last: Option<&Found>| {
            let start = Start { after: last.map(|last| last.number), skip: 0 };
            Ok(search.page(&self.store, start, PAGE, &is_over)?.found)
        };
        let visit = |one: &Found| {
            call.go_on()?;
            // The search tables are not bound; the object is.
            let is_taken =
                own != Some(&*one.id) && self.found(&one.id)?.is_some_and(|object| is_key(&object, project, name));
            if is_taken {
                return Err(Error::NameTaken { name: name.to_owned(), project: project.to_owned() });
            }
            Ok(ControlFlow::Continue(()))
        };
        pages(PAGE, read, visit)?;
        Ok(Some(turn))
    }
}

/// Whether the object is a key of this name in the project.
fn is_key(object: &Object, project: &str, name: &str) -> bool {
    let attributes = &object.attributes;
    object.kind.has_own_name()
        && !is_destroyed(attributes.state)
        && object.access.project.as_deref() == Some(project)
        && attributes.names.iter().any(|own| own.value == name)
}
