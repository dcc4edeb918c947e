//! Keys as a list of what one may read about.

use std::ops::ControlFlow;

use super::gate::Whose;
use super::operation::Operation;
use super::{Call, Context, Error, Held, Kms, Sheet, secret_path};
use crate::kmip::Attributes;
use crate::kmip::enumerations::Operation as Kmip;
use crate::policy::Action;
use crate::store::search::{Order, Search, Start};

/// Objects that one read of the search tables gives.
const PAGE: usize = 1_000;

/// Which keys.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// The project that holds them; any place if `None`.
    pub project: Option<String>,
    /// Their name; any if `None`.
    pub name: Option<String>,
    /// Whether those of others count that were granted to the caller, or to everybody.
    pub granted: bool,
}

impl Kms {
    /// Fills a page with the keys whose attributes the caller may read and for which `counts` holds, in the order of their
    /// creation, after `offset` of them. Returns how many there are in all, 100,000 being looked at. What holds a secret is not
    /// among them, nor what was destroyed.
    ///
    /// # Errors
    /// Store or token are away, or others look through as many already.
    pub fn keys(
        &self,
        context: &Context<'_>,
        wanted: &Wanted,
        offset: usize,
        counts: fn(&Attributes) -> bool,
        sheet: &mut Sheet<'_, Held>,
    ) -> Result<usize, Error> {
        let call = Call::new(context, Operation::ListKeys);
        self.recorded(&call, || {
            let grant = self.searching(&call)?;
            let (project, names) = (wanted.project.clone(), wanted.name.iter().cloned().collect());
            let search = Search { now: call.now.0, order: Order::OldestFirst, project, names, ..Search::default() };
            let mut total = 0;
            let whose = if wanted.granted { Whose::Reachable } else { Whose::Held };
            grant.walk(whose, &search, Start::default(), PAGE, |id| {
                let Some(object) = self.sighted(&call, id)? else { return Ok(ControlFlow::Continue(())) };
                let attributes = &object.attributes;
                // The search tables are not bound; the object is.
                let found = wanted.project.is_none() || object.access.project == wanted.project;
                let named = |name: &String| attributes.names.iter().any(|own| own.value == *name);
                if found
                    && wanted.name.as_ref().is_none_or(named)
                    && secret_path::last_number(attributes).is_none()
                    && counts(attributes)
                    && self.permitted(&call, Action::Operation(Kmip::GetAttributes), &object)
                {
                    total += 1;
                    if total > offset && sheet.look()? {
                        sheet.put(Held { id: id.to_owned(), attributes: object.shown(call.now) })?;
                    }
                }
                Ok(ControlFlow::Continue(()))
            })?;
            Ok(total)
        })
    }
}
