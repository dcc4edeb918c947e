//! The common part of the operations that change one attribute of an object: Add, Modify, Delete, Set and Adjust
//! Attribute (KMIP 2.1 sections 6.1.2, 6.1.34, 6.1.13, 6.1.51 and 6.1.3).

use std::borrow::Cow;

use super::attribute_checks::{check_changed, check_supported, is_of_server};
use super::attribute_fault::AttributeFault;
use super::call::Call;
use super::error::Error;
use super::gate::{Grant, Kms, settle_limits};
use super::object::Object;
use super::rotation;
use crate::kmip::attributes::{Edit, Rule, SingleAttribute, UsageLimits, When};
use crate::kmip::enumerations::{Operation, State};
use crate::kmip::payloads::Instance;
use crate::kmip::state::{self, Dates};
use crate::kmip::ttlv::{DateTime, Interval};
use crate::kmip::{AttributeReference, Attributes, Tag, UniqueIdentifier, UsageMask};
use crate::policy::Properties as _;
use crate::turns::Turn;

/// The outcome of a change: the identifier of the object, and the changed instance.
pub(super) struct Changed {
    pub(super) unique_identifier: String,
    pub(super) instance: Instance,
}

/// An instance that a request names among those of an attribute.
pub(super) struct Named<'a> {
    /// By its value.
    pub(super) current: Option<&'a SingleAttribute>,
    /// By its index, counted from 0.
    pub(super) index: Option<i32>,
}

impl Named<'_> {
    /// The index of the instance among the present ones; `None` if the request does not name one.
    ///
    /// # Errors
    /// The object does not have the attribute or the instance, or the request names it in two ways.
    pub(super) fn find(&self, present: &Attributes, of: &AttributeReference) -> Result<Option<usize>, Error> {
        let instances = present.instances(of);
        if instances.is_empty() {
            return Err(AttributeFault::NotFound(of.clone()).into());
        }
        let found = match (self.current, self.index) {
            (None, None) => return Ok(None),
            (Some(_), Some(_)) => return Err(AttributeFault::NamedTwice.into()),
            (Some(current), None) if current.reference() != *of => {
                return Err(AttributeFault::Different(current.reference(), of.clone()).into());
            }
            (Some(current), None) => instances.iter().position(|item| item == current.item()),
            (None, Some(index)) => usize::try_from(index).ok().filter(|index| *index < instances.len()),
        };
        found.map(Some).ok_or_else(|| AttributeFault::NoInstance(of.clone()).into())
    }
}

/// Changes one attribute of an object. `edit` receives the present attributes; `new` is the value that it puts there,
/// if the request has it.
pub(super) fn change(
    kms: &Kms,
    call: &Call<'_>,
    id: Option<&UniqueIdentifier>,
    reference: &AttributeReference,
    new: Option<&SingleAttribute>,
    edit: impl FnOnce(&Attributes) -> Result<Edit, Error>,
) -> Result<Changed, Error> {
    call.describe(format!("attribute {reference}"));
    let grant = kms.authorize(call, id)?.undestroyed()?;
    grant.object().kind.check_key()?;
    let rule = check_reference(reference, new)?;
    let project = grant.object().access.project.clone();
    let turn = turn_of_name(kms, call, &grant, new)?;
    let mut instance = Instance::default();
    grant.change_holding(turn, |object, attributes| {
        // The name was checked in the former project only.
        if object.access.project != project {
            return Err(Error::Contention);
        }
        let is_limit = rule.tag == Tag::UsageLimits;
        // Only of this attribute, a part is kept elsewhere.
        let own = if is_limit { Cow::Owned(grant.counted_of(object)?) } else { Cow::Borrowed(&object.attributes) };
        let edit = edit(&own)?;
        check_time(rule, &edit, object, call.now)?;
        instance = Instance::new(edit.instance(&own));
        *attributes = own.edited(&edit)?;
        if is_limit {
            settle_change(&own, attributes)?;
        }
        check_changed(object, attributes, &edit)?;
        rotation::check(attributes)?;
        check_rights(kms, call, object, attributes)?;
        // A date may have been reached, or have been set to the past.
        let stored = object.state(call.now);
        attributes.state = Some(state::effective(stored, &Dates::of(attributes), call.now));
        grant.check_outcome(object, attributes)
    })?;
    Ok(Changed { unique_identifier: grant.object().id.clone(), instance })
}

/// The rule of an attribute that clients may change.
fn check_reference(reference: &AttributeReference, new: Option<&SingleAttribute>) -> Result<&'static Rule, Error> {
    let unknown = match reference {
        AttributeReference::Tag(tag) => *tag,
        AttributeReference::Vendor(_) => Tag::Attribute,
    };
    let rule = Rule::of(reference).ok_or(Error::UnsupportedAttribute(unknown))?;
    if let Some(new) = new {
        check_supported(&Attributes::default().edited(&Edit::Insert(new.clone()))?, false)?;
    }
    if rule.is_read_only() || is_of_server(reference) {
        return Err(AttributeFault::ReadOnly(reference.clone()).into());
    }
    Ok(rule)
}

/// Takes the lock on a new name of the key.
fn turn_of_name(
    kms: &Kms,
    call: &Call<'_>,
    grant: &Grant<'_>,
    new: Option<&SingleAttribute>,
) -> Result<Option<Turn>, Error> {
    let Some(new) = new.filter(|new| new.item().tag == Tag::Name) else { return Ok(None) };
    let object = grant.object();
    if !object.kind.has_own_name() {
        return Ok(None);
    }
    let named = Attributes::default().edited(&Edit::Insert(new.clone()))?;
    let is_new = |name: &&String| object.attributes.names.iter().all(|own| own.value != **name);
    let wanted = named.names.first().map(|name| &name.value).filter(is_new);
    let project = object.access.project.as_deref();
    let turn = wanted.map(|name| kms.turn_of_key_name(call, project, name, Some(&object.id))).transpose()?;
    Ok(turn.flatten())
}

/// Refuses a change that is not permitted for the attribute now.
fn check_time(rule: &Rule, edit: &Edit, object: &Object, now: DateTime) -> Result<(), Error> {
    let when = match edit {
        Edit::Insert(_) => rule.set,
        Edit::Replace(..) => rule.change,
        Edit::Remove(..) | Edit::RemoveAll(_) if rule.is_deletable => When::Always,
        Edit::Remove(..) | Edit::RemoveAll(_) => return Err(AttributeFault::Required(rule.tag).into()),
    };
    if when == When::Never {
        return Err(AttributeFault::ReadOnly(AttributeReference::Tag(rule.tag)).into());
    }
    let own = &object.attributes;
    let present = match rule.tag {
        Tag::ProcessStartDate => own.process_start_date,
        Tag::ProtectStopDate => own.protect_stop_date,
        _ => None,
    };
    let state = object.state(now);
    if when.permits(state, present, now) {
        return Ok(());
    }
    Err(AttributeFault::Frozen { tag: rule.tag, when: when.words(), state }.into())
}

/// Checks a change of the Usage Limits (section 4.59): their total and their unit change only while nothing is used, and
/// their count is the server's.
fn settle_change(own: &Attributes, attributes: &mut Attributes) -> Result<(), Error> {
    if let Some(UsageLimits { total, count: Some(count), .. }) = &own.usage_limits
        && count != total
    {
        return Err(AttributeFault::LimitsUsed.into());
    }
    if attributes.usage_limits.as_ref().is_some_and(|new| new.count.is_some_and(|count| count != new.total)) {
        return Err(Error::ReadOnly(Tag::UsageLimitsCount));
    }
    settle_limits(attributes.usage_limits.as_mut())
}

/// Checks the rights that a change needs in addition to that of modifying attributes, so that it does not have the
/// effect of an operation that the caller may not perform.
pub(super) fn check_rights(kms: &Kms, call: &Call<'_>, present: &Object, attributes: &Attributes) -> Result<(), Error> {
    let own = &present.attributes;
    let id = UniqueIdentifier::Text(present.id.clone());
    let [mask, former] = [attributes, own].map(|own| own.cryptographic_usage_mask.unwrap_or_default());
    for operation in rights_of(present, attributes, call.now) {
        kms.authorize_beside(call, operation, Some(&id))?;
    }
    // The server replaces the key at these times.
    if rotation_of(attributes) != rotation_of(own) {
        kms.authorize_beside(call, Operation::ReKey, Some(&id))?.successor(present, attributes, false)?;
    }
    if decides_otherwise(call, own, attributes) {
        kms.check_leaving(call, present)?;
    }
    // The API token is valid while its key is active.
    if kms.is_api_token(&present.id) && (Dates::of(attributes) != Dates::of(own) || mask != former) {
        kms.authorize_administration(call)?;
    }
    Ok(())
}

/// The operations that have the effect of a change.
fn rights_of(present: &Object, attributes: &Attributes, now: DateTime) -> Vec<Operation> {
    let own = &present.attributes;
    // A date in the future comes by itself, so it is as good as one in the past. To move it away needs no other right.
    let is_sooner =
        |date: Option<DateTime>, former: Option<DateTime>| date.is_some_and(|date| former.is_none_or(|own| date < own));
    let [mask, former] = [attributes, own].map(|own| own.cryptographic_usage_mask.unwrap_or_default());
    let lost = former.without(mask);
    let mut needed = Vec::new();
    // Before its Activation Date a key does nothing. To an ended key, the date makes no difference.
    let begins = |own: &Attributes| own.activation_date.map_or(i64::MAX, |date| date.0.max(now.0));
    let began = match present.state(now) {
        State::PreActive => begins(own),
        State::Active => now.0,
        _ => i64::MAX,
    };
    let is_delayed = attributes.activation_date != own.activation_date && begins(attributes) > began;
    // The Rotate Offset is the time for which no replacement that the server makes is Active.
    let offset = |own: &Attributes| own.rotate_offset.map_or(0, |offset| offset.0);
    let is_offset = offset(attributes) > offset(own);
    // Before its Process Start Date a key does not decrypt or verify.
    if is_sooner(attributes.activation_date, own.activation_date)
        || own.process_start_date.is_some_and(|own| attributes.process_start_date.is_none_or(|date| date < own))
    {
        needed.push(Operation::Activate);
    }
    // After its Protect Stop Date, before its Process Start Date, without a use, and once its Usage Limits are used up, a
    // key can do no more than after a revocation.
    if is_delayed
        || is_offset
        || is_sooner(attributes.deactivation_date, own.deactivation_date)
        || is_sooner(attributes.protect_stop_date, own.protect_stop_date)
        || attributes.process_start_date.is_some_and(|date| own.process_start_date.is_none_or(|own| date > own))
        || lost != UsageMask::default()
        || is_narrower(attributes.usage_limits.as_ref(), own.usage_limits.as_ref())
    {
        needed.push(Operation::Revoke);
    }
    // A use does not come back, and without these what the key protects is lost.
    if lost.without(UsageMask::PROCESSING) != lost {
        needed.push(Operation::Destroy);
    }
    needed
}

/// The attributes by which the server replaces a key.
fn rotation_of(own: &Attributes) -> (Option<bool>, Option<Interval>, Option<Interval>) {
    (own.rotate_automatic, own.rotate_interval, own.rotate_offset)
}

/// Whether a key may protect less by its new Usage Limits than by the former ones.
fn is_narrower(new: Option<&UsageLimits>, former: Option<&UsageLimits>) -> bool {
    match (new, former) {
        (None, _) => false,
        (Some(_), None) => true,
        (Some(new), Some(former)) => new.unit != former.unit || new.total < former.total,
    }
}

/// Whether a change affects who may do what with the object, or what the requests of others do: policies decide by
/// tags, as by the project; the caller's own credential may be limited by a property; and requests without Cryptographic
/// Parameters use those of the object.
fn decides_otherwise(call: &Call<'_>, former: &Attributes, attributes: &Attributes) -> bool {
    if former.cryptographic_parameters != attributes.cryptographic_parameters {
        return true;
    }
    let differs = |property: &str| differ(former, attributes, property);
    let narrowing = call.caller().narrowing.as_deref();
    differs("tag") || narrowing.is_some_and(|own| own.properties.iter().any(|(property, _)| differs(property)))
}

/// Whether a property by which policies and credentials decide has other values, in whatever order.
pub(super) fn differ(one: &Attributes, other: &Attributes, property: &str) -> bool {
    let [mut one, mut other] = [one, other].map(|own| own.values(property));
    one.sort_unstable();
    other.sort_unstable();
    one != other
}

#[cfg(test)]
mod tests {
    use crate::kmip::attributes::{RULES, Rule};

    fn rows() -> Vec<String> {
        let yes = |is: bool| if is { "yes" } else { "no" };
        let row = |rule: &Rule| {
            let (set, change) = (rule.set.words(), rule.change.words());
            format!("| {} | {set} | {change} | {} | {} |", rule.tag, yes(rule.is_deletable), yes(rule.has_several))
        };
        RULES.iter().filter(|rule| !rule.is_read_only()).map(row).collect()
    }

    #[test]
    fn the_page_on_attributes_has_the_rules_and_no_others() {
        let page = include_str!("../../docs/attributes.md");
        let (_, table) = page.split_once("| attribute |").unwrap();
        let table: Vec<&str> = table.lines().skip(2).take_while(|line| line.starts_with('|')).collect();
        assert_eq!(table, rows());
        let (_, list) = page.split_once("Read-only attributes: ").unwrap();
        let (list, _) = list.split_once(".\n").unwrap();
        let listed: Vec<&str> = list.split(',').map(str::trim).collect();
        let read_only: Vec<String> =
            RULES.iter().filter(|rule| rule.is_read_only()).map(|rule| rule.tag.to_string()).collect();
        assert_eq!(listed, read_only);
    }
}
