//! Locate (KMIP 2.1 section 6.1.28): by name, tag, state, algorithm, length, usage mask and object type.

use super::gate::ServerGrant;
use super::{Call, Error, Kms};
use crate::kmip::attributes::TAG_VENDOR;
use crate::kmip::enumerations::{CryptographicAlgorithm, ObjectType, State};
use crate::kmip::payloads::locate::{Criteria, Request, Response};
use crate::kmip::{Attributes, StorageStatusMask, Tag, UniqueIdentifier};
use crate::store::search::{Reach, Search};

/// The most objects that are looked at one by one for a caller who may find only some of them.
pub(super) const MAX_SIFTED: i64 = 100_000;

/// The most identifiers in one answer.
const MAX_ITEMS: i32 = 1_000;

pub(super) fn run(kms: &Kms, call: &Call<'_>, request: Request) -> Result<Response, Error> {
    let bounded = |tag, value: Option<i32>, default, fault| match value {
        None => Ok(i64::from(default)),
        Some(value @ 0..) => Ok(i64::from(value)),
        Some(_) => Err(Error::Invalid { tag, fault }),
    };
    let offset = bounded(Tag::OffsetItems, request.offset_items, 0, "it is negative")?;
    let limit = bounded(Tag::MaximumItems, request.maximum_items, MAX_ITEMS, "it is negative")?;
    if request.object_group_member.is_some() {
        return Err(Error::Feature("Object Group Member is not supported"));
    }
    let storage = request.storage_status_mask.unwrap_or(StorageStatusMask::ON_LINE);
    let criteria = request.criteria.map(|criteria| *criteria).unwrap_or_default();
    let grant = kms.searching(call)?;
    let wanted = criteria.attributes.unique_identifier.clone();
    let search = search(call, criteria, storage)?;
    if let Some(id) = wanted {
        return by_identifier(kms, call, &id, &search);
    }
    let limit = limit.min(i64::from(MAX_ITEMS));
    if grant.is_limited() {
        return sift(kms, call, &grant, &search, offset, limit);
    }
    let found = grant.search(&search, offset, limit)?;
    // The search tables are not bound; what they point at is. A row that fails its check, or does not say what
    // the tables say, is left out, and the log has the reason.
    let mut unique_identifiers = Vec::with_capacity(found.ids.len());
    for id in found.ids {
        if is_confirmed(kms, call, &id, &search)? {
            unique_identifiers.push(id);
        }
    }
    Ok(Response { located_items: i32::try_from(found.total).ok(), unique_identifiers })
}

/// A search by somebody who may find only some of what the tables give: the others are neither named nor counted.
fn sift(
    kms: &Kms,
    call: &Call<'_>,
    grant: &ServerGrant<'_>,
    search: &Search,
    offset: i64,
    limit: i64,
) -> Result<Response, Error> {
    let mut unique_identifiers = Vec::new();
    let (mut seen, mut total) = (0, 0);
    let mut sweep = None;
    while seen < MAX_SIFTED {
        if seen > 0 && sweep.is_none() {
            sweep = Some(grant.sweep()?);
        }
        let page = grant.search(search, seen, i64::from(MAX_ITEMS))?;
        if page.ids.is_empty() {
            break;
        }
        seen += i64::from(MAX_ITEMS);
        for id in page.ids {
            if is_confirmed(kms, call, &id, search)? {
                if (offset..offset.saturating_add(limit)).contains(&total) {
                    unique_identifiers.push(id);
                }
                total += 1;
            }
        }
    }
    Ok(Response { located_items: i32::try_from(total).ok(), unique_identifiers })
}

/// A search that names its object needs no table.
fn by_identifier(kms: &Kms, call: &Call<'_>, id: &UniqueIdentifier, search: &Search) -> Result<Response, Error> {
    let id = id.as_text().or(call.placeholder.as_deref()).ok_or(Error::NoIdentifier)?;
    let found: Vec<String> = is_confirmed(kms, call, id, search)?.then(|| id.to_owned()).into_iter().collect();
    Ok(Response { located_items: i32::try_from(found.len()).ok(), unique_identifiers: found })
}

/// Turns criteria into a search, and refuses those that would be ignored.
fn search(call: &Call<'_>, criteria: Criteria, storage: StorageStatusMask) -> Result<Search, Error> {
    let Criteria { mut attributes, ranges } = criteria;
    if let Some(range) = ranges.first() {
        return Err(Error::UnsupportedAttribute(range.tag));
    }
    attributes.unique_identifier = None;
    let project = attributes.take_project().map_err(|_| Error::Project)?;
    let tags = attributes.tags();
    attributes
        .vendor_attributes
        .retain(|attribute| attribute.vendor_identification != TAG_VENDOR && !attribute.holds_tags());
    let search = Search {
        now: call.now.0,
        reach: Reach::default(),
        project,
        names: std::mem::take(&mut attributes.names).into_iter().map(|name| name.value).collect(),
        tags,
        object_type: attributes.object_type.take().map(|kind| i64::from(ObjectType::code(kind))),
        algorithm: attributes.cryptographic_algorithm.take().map(|name| i64::from(CryptographicAlgorithm::code(name))),
        length: attributes.cryptographic_length.take().map(i64::from),
        usage_mask: attributes.cryptographic_usage_mask.take().map(|mask| i64::from(mask.bits())),
        state: attributes.state.take().map(|state| i64::from(State::code(state))),
        destroyed: storage.contains(StorageStatusMask::DESTROYED),
    };
    match attributes.to_items().first() {
        Some(item) => Err(Error::UnsupportedAttribute(item.tag)),
        None => Ok(search),
    }
}

/// Whether the bound object is the caller's and is what the search asks for. What cannot be checked because token
/// or database are away is an error: an answer without it would say that it is gone.
fn is_confirmed(kms: &Kms, call: &Call<'_>, id: &str, search: &Search) -> Result<bool, Error> {
    let Some(object) = kms.sighted(call, id)? else { return Ok(false) };
    let held = search.project.is_none() || object.access.project == search.project;
    Ok(held && matches(&object.shown(call.now), search))
}

fn matches(found: &Attributes, search: &Search) -> bool {
    let equal = |wanted: Option<i64>, found: Option<i64>| wanted.is_none() || wanted == found;
    let destroyed = matches!(found.state, Some(State::Destroyed | State::DestroyedCompromised));
    search.names.iter().all(|name| found.names.iter().any(|own| own.value == *name))
        && holds_tags(found, &search.tags)
        && equal(search.object_type, found.object_type.map(|kind| i64::from(kind.code())))
        && equal(search.algorithm, found.cryptographic_algorithm.map(|name| i64::from(name.code())))
        && equal(search.length, found.cryptographic_length.map(i64::from))
        && equal(search.state, found.state.map(|state| i64::from(state.code())))
        && search
            .usage_mask
            .is_none_or(|mask| found.cryptographic_usage_mask.is_some_and(|own| i64::from(own.bits()) & mask == mask))
        && (!destroyed || search.destroyed || search.state.is_some())
}

fn holds_tags(found: &Attributes, wanted: &[String]) -> bool {
    let own = found.tags();
    wanted.iter().all(|tag| own.contains(tag))
}
