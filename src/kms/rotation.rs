//! Replacing keys by new ones: the attributes of the replacement (KMIP 2.1 sections 6.1.46 and 6.1.47), and when the server
//! does it by itself (sections 4.48 to 4.54).

use super::error::Error;
use super::lifecycle_fault::LifecycleFault;
use super::object::Object;
use super::object_kind::ObjectKind;
use super::{disabled, formers};
use crate::kmip::attributes::Link;
use crate::kmip::enumerations::{LinkType, State};
use crate::kmip::state::{self, Dates};
use crate::kmip::ttlv::{DateTime, Interval};
use crate::kmip::{Attributes, Tag, UniqueIdentifier};

/// The shortest Rotate Interval, in seconds.
const MIN_INTERVAL: u32 = 60;

/// Checks that a key can be replaced.
///
/// # Errors
/// It is of another kind, was replaced before, or is Compromised at `now`.
pub(super) fn check_replaceable(object: &Object, kind: ObjectKind, now: DateTime) -> Result<(), Error> {
    if object.kind != kind {
        return Err(Error::ObjectType(match kind {
            ObjectKind::SymmetricKey => {
                "Re-key replaces a symmetric key that the HSM uses: for a pair, use Re-key Key Pair"
            }
            _ => "Re-key Key Pair replaces a pair that was made in the HSM: name its private key",
        }));
    }
    if object.attributes.rotate_latest == Some(false) {
        return Err(LifecycleFault::Replaced(object.id.clone()).into());
    }
    if object.state(now) == State::Compromised {
        return Err(LifecycleFault::Compromised(object.id.clone()).into());
    }
    Ok(())
}

/// The attributes that the replacement copies from a key, with its dates. Those that the server sets for every new key are left
/// out.
pub(super) fn copied(present: &Object, now: DateTime, offset: Option<Interval>) -> Attributes {
    let mut own = present.attributes.clone();
    own.unique_identifier = None;
    own.state = None;
    own.initial_date = None;
    own.original_creation_date = None;
    own.last_change_date = None;
    own.destroy_date = None;
    own.archive_date = None;
    own.compromise_date = None;
    own.compromise_occurrence_date = None;
    own.revocation_reason = None;
    own.digests.clear();
    own.links.clear();
    own.fresh = None;
    own.always_sensitive = None;
    own.never_extractable = None;
    own.key_value_present = None;
    own.random_number_generator = None;
    own.rotate_date = None;
    own.rotate_generation = None;
    own.rotate_latest = None;
    disabled::set(&mut own, false);
    formers::hide(&mut own);
    if let Some(offset) = offset {
        let activation = DateTime(now.0.saturating_add(i64::from(offset.0)));
        if let Some(former) = own.activation_date {
            for date in [&mut own.process_start_date, &mut own.protect_stop_date, &mut own.deactivation_date] {
                *date = date.map(|date| DateTime(date.0.saturating_add(activation.0.saturating_sub(former.0))));
            }
        }
        own.activation_date = Some(activation);
    }
    own
}

/// Completes the attributes of the replacement `id` of `present`.
///
/// # Errors
/// It would have ended at once.
pub(super) fn complete(present: &Object, own: &mut Attributes, now: DateTime) -> Result<(), Error> {
    let stored = own.state.unwrap_or(State::PreActive);
    let state = state::effective(stored, &Dates::of(own), now);
    if !matches!(state, State::PreActive | State::Active) {
        return Err(LifecycleFault::EndsAtOnce(present.id.clone()).into());
    }
    own.state = Some(state);
    own.links.push(link(LinkType::ReplacedObjectLink, &present.id));
    own.rotate_generation = Some(present.attributes.rotate_generation.unwrap_or_default().saturating_add(1));
    own.rotate_latest = Some(true);
    disabled::set(own, disabled::is_disabled(&present.attributes));
    Ok(())
}

/// The attributes of a key that is replaced by `replacement`.
///
/// # Errors
/// It has too many links.
pub(super) fn replaced(present: &Attributes, replacement: &str, now: DateTime) -> Result<Attributes, Error> {
    let mut own = present.clone();
    own.names.clear();
    own.links.retain(|link| link.link_type != Some(LinkType::ReplacementObjectLink));
    own.links.push(link(LinkType::ReplacementObjectLink, replacement));
    own.rotate_date = Some(now);
    own.rotate_latest = Some(false);
    own.last_change_date = Some(now);
    // A row above the bounds could not be read again.
    Ok(own.overridden(None)?)
}

/// Checks the attributes of the rotation.
///
/// # Errors
/// The interval is too short, or is missing for an automatic rotation.
pub(super) fn check(own: &Attributes) -> Result<(), Error> {
    if own.rotate_interval.is_some_and(|interval| interval.0 < MIN_INTERVAL) {
        return Err(Error::Invalid { tag: Tag::RotateInterval, fault: "it must be at least 60 seconds" });
    }
    if own.rotate_automatic == Some(true) && own.rotate_interval.is_none() {
        return Err(Error::Invalid { tag: Tag::RotateAutomatic, fault: "it needs a RotateInterval" });
    }
    Ok(())
}

fn link(link_type: LinkType, id: &str) -> Link {
    Link { link_type: Some(link_type), linked_object_identifier: UniqueIdentifier::Text(id.to_owned()) }
}
