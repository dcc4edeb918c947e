//! Locate (KMIP 2.1 section 6.1.28). The search tables have name, tag, state, algorithm, length, usage mask and object
//! type. All other criteria are compared with the attributes of each object.

use std::ops::ControlFlow;

use super::super::criteria::Criteria as Rest;
use super::super::gate::{End, ServerGrant, Whose};
use super::super::object::is_destroyed;
use super::super::{Call, Error, Kms};
use crate::kmip::attributes::TAG_VENDOR;
use crate::kmip::enumerations::{CryptographicAlgorithm, ObjectGroupMember, ObjectType, Operation, State};
use crate::kmip::payloads::locate::{Criteria, Request, Response};
use crate::kmip::{Attributes, StorageStatusMask, Tag, UniqueIdentifier};
use crate::policy::Action;
use crate::store::search::{Search, Start};

/// Maximum number of identifiers in one answer.
const MAX_ITEMS: i32 = 1_000;

pub(in crate::kms) fn run(kms: &Kms, call: &Call<'_>, request: Request) -> Result<Response, Error> {
    let bounded = |tag, value: Option<i32>, default, fault| match value {
        None => Ok(i64::from(default)),
        Some(value @ 0..) => Ok(i64::from(value)),
        Some(_) => Err(Error::Invalid { tag, fault }),
    };
    let offset = bounded(Tag::OffsetItems, request.offset_items, 0, "it is negative")?;
    let limit = bounded(Tag::MaximumItems, request.maximum_items, MAX_ITEMS, "it is negative")?;
    let storage = request.storage_status_mask.unwrap_or(StorageStatusMask::ON_LINE);
    let mut criteria = request.criteria.map(|criteria| *criteria).unwrap_or_default();
    let limit = match request.object_group_member {
        Some(member) => of_group(member, &mut criteria.attributes)?.unwrap_or(limit).min(limit),
        None => limit,
    };
    let grant = kms.searching(call)?;
    let wanted = criteria.attributes.unique_identifier.clone();
    let after = criteria.attributes.take_after().map_err(|_| Error::Invalid {
        tag: Tag::AttributeValue,
        fault: "the vendor attribute claviger/after must be one text: the Unique Identifier after which the page begins",
    })?;
    let wish = search(call, criteria, storage)?;
    if let Some(id) = wanted {
        return by_identifier(kms, call, &id, &wish);
    }
    let start = after.map_or_else(|| Ok(Start::default()), |id| grant.after(&id))?;
    let limit = limit.min(i64::from(MAX_ITEMS));
    let start = Start { skip: offset, ..start };
    let mut found = page(kms, call, &grant, (Whose::Reachable, &wish), start, limit)?;
    // A caller who asks for the one object with a name wants their own: any other user could grant them another object
    // with that name.
    if limit == 1 && !wish.search.names.is_empty() && found.located_items.is_none() && start.is_beginning() {
        let own = page(kms, call, &grant, (Whose::Held, &wish), start, limit)?.unique_identifiers;
        if !own.is_empty() {
            found.unique_identifiers = own;
        }
    }
    Ok(found)
}

/// Adds the criteria of the members of a group, and returns the number of objects to find. The default object of a group is
/// its newest Active one.
fn of_group(member: ObjectGroupMember, attributes: &mut Attributes) -> Result<Option<i64>, Error> {
    if attributes.object_groups.is_empty() {
        return Err(Error::Invalid {
            tag: Tag::ObjectGroupMember,
            fault: "it needs an ObjectGroup among the attributes",
        });
    }
    match member {
        ObjectGroupMember::GroupMemberFresh => {
            attributes.fresh = Some(true);
            Ok(None)
        }
        ObjectGroupMember::GroupMemberDefault => {
            attributes.state = Some(State::Active);
            Ok(Some(1))
        }
    }
}

/// A page of the objects that the caller may know of. The answer has the total number only if the page contains the
/// last object.
fn page(
    kms: &Kms,
    call: &Call<'_>,
    grant: &ServerGrant<'_>,
    (whose, wish): (Whose, &Wish),
    start: Start,
    limit: i64,
) -> Result<Response, Error> {
    // The number of hidden objects must not be revealed, so each object is read. It is also read for criteria that the
    // search tables do not have.
    let mut left_out = if grant.is_limited() || !wish.rest.is_empty() { start.skip } else { 0 };
    let start = Start { skip: start.skip - left_out, ..start };
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let first = usize::try_from(left_out).unwrap_or(usize::MAX).saturating_add(limit).saturating_add(1);
    let (mut unique_identifiers, mut passed) = (Vec::new(), 0);
    // The search tables are not bound; the objects are. A row whose check fails, or which does not match the tables, is
    // left out, and the log has the reason.
    let walked = grant.walk(whose, &wish.search, start, first, |id| {
        if !is_confirmed(kms, call, id, wish)? {
            return Ok(ControlFlow::Continue(()));
        }
        if left_out > 0 {
            (left_out, passed) = (left_out - 1, passed + 1);
        } else if unique_identifiers.len() == limit {
            return Ok(ControlFlow::Break(()));
        } else {
            unique_identifiers.push(id.to_owned());
        }
        Ok(ControlFlow::Continue(()))
    })?;
    let found = i64::try_from(unique_identifiers.len()).unwrap_or(i64::MAX);
    let total = (walked.end == End::Last).then(|| walked.skipped.saturating_add(passed).saturating_add(found));
    Ok(Response { located_items: total.and_then(|total| i32::try_from(total).ok()), unique_identifiers })
}

/// A search by identifier needs no table.
fn by_identifier(kms: &Kms, call: &Call<'_>, id: &UniqueIdentifier, wish: &Wish) -> Result<Response, Error> {
    let id = id.as_text().or(call.placeholder.as_deref()).ok_or(Error::NoIdentifier)?;
    let found: Vec<String> = is_confirmed(kms, call, id, wish)?.then(|| id.to_owned()).into_iter().collect();
    Ok(Response { located_items: i32::try_from(found.len()).ok(), unique_identifiers: found })
}

/// The objects to find.
struct Wish {
    /// The criteria that the search tables have.
    search: Search,
    /// The other ones.
    rest: Rest,
}

/// Makes a search of the criteria, and refuses those that would match in another way than the standard says.
fn search(call: &Call<'_>, criteria: Criteria, storage: StorageStatusMask) -> Result<Wish, Error> {
    let Criteria { mut attributes, ranges } = criteria;
    if attributes.usage_limits.is_some() {
        return Err(Error::UnsupportedAttribute(Tag::UsageLimits));
    }
    attributes.unique_identifier = None;
    let project = attributes.take_project().map_err(|_| Error::Project)?;
    let tags = attributes.tags();
    attributes.vendor_attributes.retain(|attribute| !attribute.holds_tags());
    let search = Search {
        now: call.now.0,
        project,
        names: std::mem::take(&mut attributes.names).into_iter().map(|name| name.value).collect(),
        tags,
        object_type: attributes.object_type.take().map(|kind| i64::from(ObjectType::code(kind))),
        algorithm: attributes.cryptographic_algorithm.take().map(|name| i64::from(CryptographicAlgorithm::code(name))),
        length: attributes.cryptographic_length.take().map(i64::from),
        // Unrestricted is replaced by the single uses when an object is made, so no object has it.
        usage_mask: attributes
            .cryptographic_usage_mask
            .take()
            .map(|mask| i64::from(mask.without_unrestricted().bits())),
        state: attributes.state.take().map(|state| i64::from(State::code(state))),
        destroyed: storage.contains(StorageStatusMask::DESTROYED),
        ..Search::default()
    };
    // An own attribute that the server does not know was meant to limit the search in some other way.
    if attributes.vendor_attributes.iter().any(|own| own.vendor_identification == TAG_VENDOR) {
        return Err(Error::UnsupportedAttribute(Tag::Attribute));
    }
    Ok(Wish { search, rest: Rest::new(&attributes, ranges) })
}

/// Whether the caller may know of the bound object and it matches the search. If HSM token or database is unavailable,
/// this is an error: an answer without the object would say that it does not exist.
fn is_confirmed(kms: &Kms, call: &Call<'_>, id: &str, Wish { search, rest }: &Wish) -> Result<bool, Error> {
    let Some(object) = kms.sighted(call, id)? else { return Ok(false) };
    let held = search.project.is_none() || object.access.project == search.project;
    if !held || !matches(&object.attributes, object.state(call.now), search) {
        return Ok(false);
    }
    // A match would tell the attribute to callers who may not read it.
    let is_told = || kms.permitted(call, Action::Operation(Operation::GetAttributes), &object);
    Ok(rest.is_empty() || is_told() && rest.match_all(&object.shown(call.now)))
}

fn matches(found: &Attributes, state: State, search: &Search) -> bool {
    let equal = |wanted: Option<i64>, found: Option<i64>| wanted.is_none() || wanted == found;
    let destroyed = is_destroyed(Some(state));
    search.names.iter().all(|name| found.names.iter().any(|own| own.value == *name))
        && holds_tags(found, &search.tags)
        && equal(search.object_type, found.object_type.map(|kind| i64::from(kind.code())))
        && equal(search.algorithm, found.cryptographic_algorithm.map(|name| i64::from(name.code())))
        && equal(search.length, found.cryptographic_length.map(i64::from))
        && equal(search.state, Some(i64::from(state.code())))
        && search
            .usage_mask
            .is_none_or(|mask| found.cryptographic_usage_mask.is_some_and(|own| i64::from(own.bits()) & mask == mask))
        && (!destroyed || search.destroyed || search.state.is_some())
}

pub(in crate::kms) fn holds_tags(found: &Attributes, wanted: &[String]) -> bool {
    let own = found.tags();
    wanted.iter().all(|tag| own.contains(tag))
}
