//! The inventory.

use serde::Serialize;
use time::{Date, Duration, OffsetDateTime};
use warp::http::StatusCode;

use super::access::bad;
use super::hanzo::iso;
use super::ownership::About;
use super::problem::Problem;
use super::route::{Ask, value};
use super::{Answer, App};
use crate::kmip::Attributes;
use crate::kmip::ttlv::DateTime;
use crate::kms::{InventoryEntry, Known, Page};
use crate::store::inventory::Filter;

/// A page of the inventory.
#[derive(Serialize)]
struct Objects {
    objects: Vec<Object>,
    /// Where the next page begins; null if this one is the last.
    next: Option<String>,
}

#[derive(Serialize)]
struct Object {
    unique_identifier: String,
    /// Whether the row is what the server wrote. If not, the answer holds nothing else of the object.
    intact: bool,
    #[serde(flatten)]
    known: Option<Told>,
    /// The day, in UTC.
    last_used: Option<String>,
}

#[derive(Serialize)]
struct Told {
    #[serde(flatten)]
    object: About,
    owner: String,
    project: Option<String>,
    #[serde(flatten)]
    dates: Dates,
}

/// Times as RFC 3339 writes them.
#[derive(Serialize)]
struct Dates {
    initial_date: Option<String>,
    activation_date: Option<String>,
    process_start_date: Option<String>,
    protect_stop_date: Option<String>,
    deactivation_date: Option<String>,
    compromise_date: Option<String>,
    destroy_date: Option<String>,
    last_change_date: Option<String>,
}

impl From<&Attributes> for Dates {
    fn from(attributes: &Attributes) -> Self {
        let date = |date: Option<DateTime>| date.map(|date| iso(date.0));
        Self {
            initial_date: date(attributes.initial_date),
            activation_date: date(attributes.activation_date),
            process_start_date: date(attributes.process_start_date),
            protect_stop_date: date(attributes.protect_stop_date),
            deactivation_date: date(attributes.deactivation_date),
            compromise_date: date(attributes.compromise_date),
            destroy_date: date(attributes.destroy_date),
            last_change_date: date(attributes.last_change_date),
        }
    }
}

impl From<InventoryEntry> for Object {
    fn from(entry: InventoryEntry) -> Self {
        let InventoryEntry { id, known, last_used } = entry;
        let told = |known: Known| Told {
            object: About::from(&known.attributes),
            dates: Dates::from(&known.attributes),
            owner: known.owner,
            project: known.project,
        };
        let last_used = last_used.and_then(day).map(|day| day.to_string());
        Self { unique_identifier: id, intact: known.is_some(), known: known.map(told), last_used }
    }
}

/// The day of so many days since 1970-01-01.
fn day(days: i64) -> Option<Date> {
    let seconds = Duration::seconds(days.checked_mul(24 * 60 * 60)?);
    Some(OffsetDateTime::UNIX_EPOCH.checked_add(seconds)?.date())
}

/// `GET /objects[?after=ID][&limit=N][&owner=USER or &project=PROJECT]`
pub(super) fn list(app: &App, ask: &Ask<'_>) -> Result<Answer, Problem> {
    let given = |name| value(ask.query, name);
    let limit = super::access::limit(ask)?;
    let filter = match (given("owner"), given("project")) {
        (None, None) => Filter::All,
        (Some(owner), None) => Filter::Owner(owner),
        (None, Some(project)) => Filter::Project(project),
        (Some(_), Some(_)) => return Err(bad("owner and project: give one of them".to_owned())),
    };
    let after = given("after");
    let page = app.kms.inventory(&ask.context, &filter, after.as_deref(), limit)?;
    let Page { entries, next } = page;
    Ok(Answer::json(StatusCode::OK, &Objects { objects: entries.into_iter().map(Object::from).collect(), next }))
}
