//! Import (KMIP 2.1 section 6.1.25).

use super::super::gate::Grant;
use super::super::identifier::wished;
use super::super::object::Object;
use super::super::proposal::{self, Origin, brought, check_settable, propose};
use super::super::{Call, Error, Kms, uuid};
use crate::kmip::enumerations::{Operation, State};
use crate::kmip::payloads::import::{Request, Response};
use crate::kmip::state::Refusal;
use crate::kmip::ttlv::DateTime;
use crate::kmip::{Attributes, Tag, UniqueIdentifier};
use crate::secret::Bytes;
use crate::store::object::{Class, Material};

/// The key and attributes in the request.
struct Brought {
    id: UniqueIdentifier,
    bytes: Bytes,
    attributes: Attributes,
}

pub(in crate::kms) fn run(kms: &Kms, call: &Call<'_>, request: Request) -> Result<Response, Error> {
    let mut attributes = *request.attributes;
    let bytes = brought(request.object_type, request.object, &mut attributes)?;
    let id = match wished(request.unique_identifier.as_ref())? {
        Some(id) => id,
        None => uuid::ordered()?,
    };
    let brought = Brought { id: UniqueIdentifier::Text(id), bytes, attributes };
    if request.replace_existing != Some(true) {
        return add(kms, call, brought);
    }
    match kms.authorize(call, Some(&brought.id)) {
        Ok(existing) => {
            existing.exchange(|present| replacement(kms, call, &existing, present, &brought))?;
            Ok(Response { unique_identifier: existing.object().id.clone() })
        }
        // There is no object to replace. If the object belongs to another user, adding the row fails.
        Err(Error::NotFound(_)) => add(kms, call, brought),
        Err(error) => Err(error),
    }
}

fn add(kms: &Kms, call: &Call<'_>, brought: Brought) -> Result<Response, Error> {
    let Brought { id, bytes, mut attributes } = brought;
    attributes.unique_identifier = Some(id);
    let grant = kms.authorize_new(call, &mut attributes)?;
    let (unique_identifier, _) = proposal::add(&grant, call, attributes, Origin::Imported, Some(&bytes))?;
    Ok(Response { unique_identifier })
}

/// The attributes and the key that replace those of the present object. It is a Destroy and an Import: the caller needs
/// the permission for both, for the present object and for the new one.
fn replacement(
    kms: &Kms,
    call: &Call<'_>,
    existing: &Grant<'_>,
    present: &Object,
    brought: &Brought,
) -> Result<(Attributes, Class, Material), Error> {
    kms.authorize_beside(call, Operation::Destroy, Some(&brought.id))?;
    if !present.kind.has_known_value() {
        return Err(Error::Invalid { tag: Tag::ObjectType, fault: "an import can only replace a symmetric key" });
    }
    let mut said = brought.attributes.clone();
    let project = said.take_project().map_err(|_| Error::Project)?;
    if project.is_some() && project != present.access.project {
        return Err(Error::Feature("an import cannot move an object to another project: leave the attribute out"));
    }
    let is_addition = project.is_some();
    check_settable(&said, Origin::Imported)?;
    let attributes = succeeding(present, call.now, said)?;
    if kms.is_api_token(&present.id) {
        kms.authorize_administration(call)?;
    }
    let grant = existing.successor(present, &attributes, is_addition)?;
    let proposal = propose(&grant, call, attributes, Origin::Replacing)?;
    if proposal.class != present.class {
        return Err(Error::OtherClass {
            id: proposal.id,
            sensitive: present.attributes.sensitive.unwrap_or_default(),
            extractable: present.attributes.extractable.unwrap_or_default(),
        });
    }
    let material = grant.make(proposal.class, proposal.kind, proposal.mask(), Some(&brought.bytes))?;
    Ok((proposal.attributes, proposal.class, material))
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
    let facts = [
        (Tag::DestroyDate, said.destroy_date.is_some()),
        (Tag::CompromiseDate, said.compromise_date.is_some()),
        (Tag::CompromiseOccurrenceDate, said.compromise_occurrence_date.is_some()),
        (Tag::RevocationReason, said.revocation_reason.is_some()),
    ];
    if let Some((tag, _)) = facts.into_iter().find(|(_, said)| *said) {
        return Err(Error::ReadOnly(tag));
    }
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
    let mut attributes = former.replaced(&said)?;
    attributes.state = Some(state);
    Ok(attributes)
}
