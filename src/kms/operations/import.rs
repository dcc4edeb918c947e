//! Import (KMIP 2.1 section 6.1.25).

use super::super::attribute_change::check_rights;
use super::super::brought::{Brought, Terms, Value};
use super::super::gate::{Exchange, Grant, settle_limits};
use super::super::identifier::wished;
use super::super::kept_fault::KeptFault;
use super::super::object::Object;
use super::super::object_kind::ObjectKind;
use super::super::proposal::{Origin, check_settable};
use super::super::{Call, Error, Kms, unwrapped, uuid};
use super::re_key::turns_of_names;
use crate::kmip::attributes::CertificateIdentity;
use crate::kmip::enumerations::{KeyWrapType, LinkType, Operation, State};
use crate::kmip::payloads::import::{Request, Response};
use crate::kmip::state::Refusal;
use crate::kmip::ttlv::DateTime;
use crate::kmip::{Attributes, Tag, UniqueIdentifier};

/// The object and attributes in the request.
struct Given {
    id: UniqueIdentifier,
    object: Brought,
    attributes: Attributes,
}

pub(in crate::kms) fn run(kms: &Kms, call: &Call<'_>, request: Request) -> Result<Response, Error> {
    let mut attributes = *request.attributes;
    let object = Brought::read(request.object_type, request.object, &mut attributes)?;
    let is_unwrapped = request.key_wrap_type == Some(KeyWrapType::NotWrapped) && object.is_wrapped();
    let id = match wished(request.unique_identifier.as_ref())? {
        Some(id) => id,
        None => uuid::ordered()?,
    };
    let given = Given { id: UniqueIdentifier::Text(id), object, attributes };
    if is_unwrapped {
        return match request.replace_existing {
            Some(true) => Err(Error::KeyWrap("a key that is unwrapped replaces no other: import it as a new object")),
            _ => unwrap(kms, call, given),
        };
    }
    if request.replace_existing != Some(true) {
        return add(kms, call, given);
    }
    match kms.authorize(call, Some(&given.id)) {
        Ok(existing) => {
            let names = turns_of_names(kms, call, &existing, &given.attributes)?;
            existing.exchange(names, |present| replacement(kms, call, &existing, present, &given))?;
            Ok(Response { unique_identifier: existing.object().id.clone() })
        }
        // There is no object to replace. If the object belongs to another user, adding the row fails.
        Err(Error::NotFound(_)) => add(kms, call, given),
        Err(error) => Err(error),
    }
}

fn unwrap(kms: &Kms, call: &Call<'_>, given: Given) -> Result<Response, Error> {
    let Given { id, object, mut attributes } = given;
    attributes.unique_identifier = Some(id);
    Ok(Response { unique_identifier: unwrapped::import(kms, call, &object, attributes)? })
}

fn add(kms: &Kms, call: &Call<'_>, given: Given) -> Result<Response, Error> {
    let Given { id, object, mut attributes } = given;
    attributes.unique_identifier = Some(id);
    let grant = kms.authorize_new(call, &mut attributes)?;
    let unique_identifier = object.add(&grant, call, attributes, Origin::Imported)?;
    Ok(Response { unique_identifier })
}

/// The attributes and the key or value that replace those of the present object. It is a Destroy and an Import: the caller needs
/// the permission for both, for the present object and for the new one.
fn replacement(
    kms: &Kms,
    call: &Call<'_>,
    existing: &Grant<'_>,
    present: &Object,
    given: &Given,
) -> Result<Exchange, Error> {
    kms.authorize_beside(call, Operation::Destroy, Some(&given.id))?;
    if !present.kind.is_replaceable() || present.kind.object_type() != given.object.object_type() {
        let fault = "an import replaces only an object of the same type, which is no key pair and no secret";
        return Err(Error::Invalid { tag: Tag::ObjectType, fault });
    }
    let mut said = given.attributes.clone();
    let project = said.take_project().map_err(|_| Error::Project)?;
    if project.is_some() && project != present.access.project {
        return Err(Error::Feature("an import cannot move an object to another project: leave the attribute out"));
    }
    let is_addition = project.is_some();
    check_settable(&said, Origin::Imported)?;
    let attributes = succeeding(present, call.now, said)?;
    // What an import changes beside the key needs the rights of that change.
    check_rights(kms, call, present, &attributes)?;
    if kms.is_api_token(&present.id) {
        kms.authorize_administration(call)?;
    }
    let grant = existing.successor(present, &attributes, is_addition)?;
    let Terms { proposal, value } = given.object.terms(&grant, call, attributes, Origin::Replacing)?;
    let is_kept = matches!(value, Value::Kept(_));
    if is_kept != matches!(present.kind, ObjectKind::Kept(_)) {
        return Err(KeptFault::OtherCustody { id: proposal.id, is_kept: !is_kept }.into());
    }
    let exported = |own: &Attributes| (own.sensitive.unwrap_or_default(), own.extractable.unwrap_or_default());
    let (sensitive, extractable) = exported(&present.attributes);
    if proposal.class != present.class || is_kept && exported(&proposal.attributes) != (sensitive, extractable) {
        return Err(Error::OtherClass { id: proposal.id, sensitive, extractable });
    }
    let material = value.material(&grant, &proposal)?;
    let value = if let Value::Kept(value) = value { Some(value) } else { None };
    Ok(Exchange { attributes: proposal.attributes, class: proposal.class, material, value })
}

/// Refuses attributes that an import cannot give to an existing object.
fn check_said(said: &Attributes) -> Result<(), Error> {
    let facts = [
        (Tag::DestroyDate, said.destroy_date.is_some()),
        (Tag::CompromiseDate, said.compromise_date.is_some()),
        (Tag::CompromiseOccurrenceDate, said.compromise_occurrence_date.is_some()),
        (Tag::RevocationReason, said.revocation_reason.is_some()),
        (Tag::RotateDate, said.rotate_date.is_some()),
        (Tag::RotateGeneration, said.rotate_generation.is_some()),
        (Tag::RotateLatest, said.rotate_latest.is_some()),
        // Only Modify Attribute decides about the rotation.
        (Tag::RotateAutomatic, said.rotate_automatic.is_some()),
        (Tag::RotateInterval, said.rotate_interval.is_some()),
        (Tag::RotateOffset, said.rotate_offset.is_some()),
    ];
    match facts.into_iter().find(|(_, said)| *said) {
        Some((tag, _)) => Err(Error::ReadOnly(tag)),
        None => Ok(()),
    }
}

/// The attributes of the replaced object: given attributes replace the present ones, and the lifecycle continues. The
/// standard would set all given attributes, including the state; then an import could make a revoked key usable again.
fn succeeding(present: &Object, now: DateTime, mut said: Attributes) -> Result<Attributes, Error> {
    let state = present.state(now);
    match state {
        State::PreActive | State::Active => {}
        State::Destroyed | State::DestroyedCompromised => return Err(Error::Destroyed(present.id.clone())),
        ended => return Err(Refusal::State(ended).into()),
    }
    check_said(&said)?;
    match (state, said.state.take()) {
        // Setting Active is ignored here, because it needs the permission to Activate.
        (_, None) | (State::PreActive, Some(State::Active)) => {}
        (own, Some(said)) if own == said => {}
        _ => {
            let fault = "an import cannot change the state of an existing object: use Activate, Revoke or Destroy";
            return Err(Error::Invalid { tag: Tag::State, fault });
        }
    }
    let reached = |date: Option<DateTime>| date.is_some_and(|date| date <= now);
    // The date contradicts the state. The state is kept.
    if said.activation_date.is_some() && reached(said.activation_date) != (state == State::Active) {
        said.activation_date = None;
    }
    if reached(said.deactivation_date) {
        let fault = "it is in the past, and an import cannot deactivate an object: use Revoke";
        return Err(Error::Invalid { tag: Tag::DeactivationDate, fault });
    }
    said.initial_date = None;
    said.last_change_date = None;
    let mut former = present.attributes.clone();
    // They belong to the former key.
    former.digests.clear();
    if present.kind != ObjectKind::SymmetricKey {
        former.cryptographic_domain_parameters = None;
        former.cryptographic_algorithm = None;
        former.cryptographic_length = None;
        former.key_format_type = None;
        former.certificate_type = None;
        former.certificate_length = None;
        former.certificate_names.0.clear();
        former.certificate_identity = CertificateIdentity::default();
        former.digital_signature_algorithm = None;
        former.opaque_data_type = None;
        former.links.retain(|link| link.link_type != Some(LinkType::WrappingKeyLink));
    }
    let mut attributes = former.replaced(&said)?;
    attributes.state = Some(state);
    // What the former key has used stays used.
    settle_limits(attributes.usage_limits.as_mut())?;
    if said.usage_limits.is_some() && attributes.usage_limits != present.attributes.usage_limits {
        let fault = "an import cannot change the limits of an existing object: leave them out";
        return Err(Error::Invalid { tag: Tag::UsageLimits, fault });
    }
    Ok(attributes)
}
