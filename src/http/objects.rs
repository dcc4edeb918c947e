//! The route of the inventory.

use time::{Date, Duration, OffsetDateTime};

use super::access::bad;
use super::answer::Answer;
use super::app::App;
use super::caller_request::CallerRequest;
use super::hanzo::iso;
use super::page::{Page, after, limit};
use super::problem::Problem;
use crate::api::objects::{About, Dates, Known, Object};
use crate::kmip::ttlv::DateTime;
use crate::kms::{self, InventoryEntry, PageBuilder};
use crate::store::inventory::Filter;

impl From<kms::Dates> for Dates {
    fn from(dates: kms::Dates) -> Self {
        let date = |date: Option<DateTime>| date.map(|date| iso(date.0));
        Self {
            initial_date: date(dates.initial),
            activation_date: date(dates.activation),
            process_start_date: date(dates.process_start),
            protect_stop_date: date(dates.protect_stop),
            deactivation_date: date(dates.deactivation),
            compromise_date: date(dates.compromise),
            destroy_date: date(dates.destroy),
            last_change_date: date(dates.last_change),
        }
    }
}

impl From<InventoryEntry> for Object {
    fn from(entry: InventoryEntry) -> Self {
        let InventoryEntry { id, known, last_used } = entry;
        let told = |known: kms::Known| Known {
            object: About::from(known.summary),
            dates: Dates::from(known.dates),
            owner: known.owner,
            project: known.project,
        };
        let last_used = last_used.and_then(day).map(|day| day.to_string());
        Self { unique_identifier: id, intact: known.is_some(), known: known.map(told), last_used }
    }
}

/// Returns the date that is `days` days after 1970-01-01.
fn day(days: i64) -> Option<Date> {
    let seconds = Duration::seconds(days.checked_mul(24 * 60 * 60)?);
    Some(OffsetDateTime::UNIX_EPOCH.checked_add(seconds)?.date())
}

/// `GET /objects[?after=ID][&limit=N][&owner=USER or &project=PROJECT]`
pub(super) fn list(app: &App, request: &CallerRequest<'_>) -> Result<Answer, Problem> {
    let given = |name| request.query.value(name).map(str::to_owned);
    let limit = limit(request)?;
    let filter = match (given("owner"), given("project")) {
        (None, None) => Filter::All,
        (Some(owner), None) => Filter::Owner(owner),
        (None, Some(project)) => Filter::Project(project),
        (Some(_), Some(_)) => return Err(bad("owner and project: give one of them".to_owned())),
    };
    let mut page = Page::named("objects");
    let mut write = |entry: InventoryEntry| page.put(&Object::from(entry));
    let mut sheet = PageBuilder::new(&request.context, limit, &mut write);
    let next = app.kms.inventory(&request.context, &filter, after(request).as_deref(), &mut sheet)?;
    Ok(page.end_next(next))
}
