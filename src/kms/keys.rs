//! The list of the keys whose attributes the caller may read.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::Arc;

use super::access::Held;
use super::call::Call;
use super::context::Context;
use super::error::Error;
use super::gate::{Kms, Whose};
use super::list::PageBuilder;
use super::object::Object;
use super::operation::Operation;
use crate::kmip::Attributes;
use crate::kmip::enumerations::Operation as Kmip;
use crate::policy::Action;
use crate::store::search::{Order as InTime, Search, Start};

/// Number of objects that are read from the search tables at once.
const PAGE: usize = 1_000;

/// The memory of an entry during sorting, in addition to its texts, in bytes.
const ENTRY: usize = 128;

/// The order of listed keys: by name, byte by byte, then by identifier.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Order {
    /// The first name first.
    #[default]
    Ascending,
    /// The last name first.
    Descending,
}

/// The keys to list.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// The project that holds them; any place if `None`.
    pub project: Option<String>,
    /// Their name; any if `None`.
    pub name: Option<String>,
    /// A text that the name contains, without regard to upper and lower case; any name if `None`.
    pub search: Option<String>,
    /// Whether to include keys of other owners that were granted to the caller or to everyone.
    pub granted: bool,
    /// The order.
    pub order: Order,
}

impl Kms {
    /// Fills a page with the keys whose attributes the caller may read and for which `counts` returns true, in order,
    /// after the first `offset` of them. Returns their total number among the first 100,000 objects. Secrets and
    /// destroyed keys are left out.
    ///
    /// # Errors
    /// Store or HSM token is unavailable, too many long searches are running, or the offset is so large that there is
    /// no memory for it.
    pub fn keys(
        &self,
        context: &Context<'_>,
        wanted: &Wanted,
        offset: usize,
        counts: fn(&Attributes) -> bool,
        sheet: &mut PageBuilder<'_, Held>,
    ) -> Result<usize, Error> {
        let call = Call::new(context, Operation::ListKeys);
        let search_for = wanted.search.as_ref().map(|text| text.to_lowercase());
        let visible = |id: &str| -> Result<Option<Arc<Object>>, Error> {
            let found = self.sighted(&call, id)?;
            Ok(found.filter(|object| {
                wanted.fits(object, search_for.as_deref())
                    && counts(&object.attributes)
                    && self.permitted(&call, Action::Operation(Kmip::GetAttributes), object)
            }))
        };
        self.recorded(&call, || {
            let grant = self.searching(&call)?;
            let (project, names) = (wanted.project.clone(), wanted.name.iter().cloned().collect());
            let search = Search { now: call.now.0, order: InTime::OldestFirst, project, names, ..Search::default() };
            let whose = if wanted.granted { Whose::Reachable } else { Whose::Held };
            let most = offset.saturating_add(sheet.limit());
            let (mut total, mut first) = (0, BTreeSet::new());
            grant.walk(whose, &search, Start::default(), PAGE, |id| {
                let Some(object) = visible(id)? else { return Ok(ControlFlow::Continue(())) };
                total += 1;
                let entry = (name(&object).to_owned(), id.to_owned());
                let bytes = entry.0.len() + entry.1.len() + ENTRY;
                first.insert(entry);
                if first.len() <= most {
                    context.ticket.hold(bytes).map_err(|_| Error::NoRoom)?;
                } else {
                    match wanted.order {
                        Order::Ascending => first.pop_last(),
                        Order::Descending => first.pop_first(),
                    };
                }
                Ok(ControlFlow::Continue(()))
            })?;
            let ids: Vec<String> = match wanted.order {
                Order::Ascending => first.into_iter().map(|(_, id)| id).skip(offset).collect(),
                Order::Descending => first.into_iter().rev().map(|(_, id)| id).skip(offset).collect(),
            };
            let mut left = Some(ids);
            sheet.fill(
                |_| Ok(left.take().unwrap_or_default()),
                |id| Ok(visible(id)?.map(|object| Held { id: id.clone(), attributes: object.shown(call.now) })),
            )?;
            Ok(total)
        })
    }
}

impl Wanted {
    /// Whether the object matches. The search tables are not bound; the object is.
    fn fits(&self, object: &Object, search: Option<&str>) -> bool {
        let attributes = &object.attributes;
        let named = |name: &String| attributes.names.iter().any(|own| own.value == *name);
        (self.project.is_none() || object.access.project == self.project)
            && self.name.as_ref().is_none_or(named)
            && search.is_none_or(|text| name(object).to_lowercase().contains(text))
            && object.kind.is_key()
    }
}

/// The first name of a key, by which it is listed.
fn name(object: &Object) -> &str {
    object.attributes.names.first().map_or("", |name| &name.value)
}
