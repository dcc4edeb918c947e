//! The common part of Create, Create Key Pair, Register and Import: the attributes of an object that does not exist
//! yet.

use super::attribute_checks::{check_life, check_supported, check_use, is_mark};
use super::call::Call;
use super::error::Error;
use super::gate::settle_limits;
use super::identifier::wished;
use super::key_fault::KeyFault;
use super::lifecycle_fault::LifecycleFault;
use super::object::is_destroyed;
use super::object_kind::{ObjectKind, secret_key_kind};
use super::{gate, kept, mechanism, rotation, secret_path, uuid};
use crate::custody::SecretKeyKind;
use crate::kmip::attributes::{CertificateIdentity, CertificateNames, Digest};
use crate::kmip::enumerations::{CryptographicAlgorithm, HashingAlgorithm, KeyFormatType, ObjectType, State};
use crate::kmip::payloads::ProtectionStorageMasks;
use crate::kmip::{Attributes, ManagedObject, ProtectionStorageMask, Tag, UniqueIdentifier, UsageMask};
use crate::secret::Bytes;
use crate::store::object::Class;

/// Maximum length of a secret key, in bytes; SoftHSM accepts no longer one for HMAC.
pub(super) const MAX_SECRET: usize = 512;

/// Length of a secret key, in bytes, from which on it resists quantum computers: Grover's search halves its strength.
pub(super) const QUANTUM_SAFE: usize = 32;

/// The source of the attributes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// The key is made in the HSM token.
    Created,
    /// The caller provides the key.
    Registered,
    /// The caller provides the key and the attributes of its former lifecycle (section 6.1.25: they are accepted as
    /// given).
    Imported,
    /// The caller provides a new key for an existing object, whose lifecycle continues.
    Replacing,
}

impl Origin {
    /// Whether the caller provides the key, with attributes that another server may have set.
    pub(super) fn is_brought(self) -> bool {
        matches!(self, Self::Registered | Self::Imported | Self::Replacing)
    }
}

/// An object that is about to be made.
pub(super) struct Proposal {
    pub(super) id: String,
    pub(super) attributes: Attributes,
    pub(super) kind: SecretKeyKind,
    pub(super) class: Class,
}

/// Checks the attributes that a caller gives and adds those that the server sets.
pub(super) fn propose(
    grant: &gate::NewGrant<'_>,
    call: &Call<'_>,
    mut attributes: Attributes,
    origin: Origin,
) -> Result<Proposal, Error> {
    check_settable(&attributes, origin)?;
    leave_out(&mut attributes, origin);
    // The format in which a later Get returns the key if it requests no other.
    let format = *attributes.key_format_type.get_or_insert(KeyFormatType::Raw);
    if !matches!(format, KeyFormatType::Raw | KeyFormatType::TransparentSymmetricKey) {
        return Err(KeyFault::symmetric(format).into());
    }
    if attributes.cryptographic_domain_parameters.is_some() {
        return Err(Error::UnsupportedAttribute(Tag::CryptographicDomainParameters));
    }
    let id = name(&mut attributes, ObjectKind::SymmetricKey)?;
    let algorithm = attributes.cryptographic_algorithm.ok_or(Error::Missing(Tag::CryptographicAlgorithm))?;
    let length = attributes.cryptographic_length.ok_or(Error::Missing(Tag::CryptographicLength))?;
    let mask = match attributes.cryptographic_usage_mask {
        Some(mask) => mask,
        // Databases register keys without a mask, and only get them back.
        None if origin.is_brought() => UsageMask::default(),
        None => return Err(Error::Missing(Tag::CryptographicUsageMask)),
    };
    attributes.cryptographic_usage_mask = Some(mask.spelled_out(all_uses(algorithm)));
    grant.check_algorithm(algorithm)?;
    let kind = check_length(grant, algorithm, length, &attributes, origin)?;
    let is_long = usize::try_from(length / 8).is_ok_and(|bytes| bytes >= QUANTUM_SAFE);
    check_quantum_safe(&attributes, is_long && !matches!(kind, SecretKeyKind::Des3 { .. }))?;
    set_dates(&mut attributes, call, origin)?;
    let class = set_protection(grant, &mut attributes, origin);
    Ok(Proposal { id, attributes, kind, class })
}

/// Makes a key in the HSM token and adds it. Returns its identifier, and its attributes without the project.
pub(super) fn create(
    grant: &gate::NewGrant<'_>,
    call: &Call<'_>,
    attributes: Attributes,
) -> Result<(String, Attributes), Error> {
    let Proposal { id, mut attributes, kind, class } = propose(grant, call, attributes, Origin::Created)?;
    let mask = attributes.cryptographic_usage_mask.unwrap_or_default();
    let (material, digest) = grant.generate(class, kind, mask)?;
    attributes.digests.extend(digest_of(digest, &attributes));
    grant.insert(&id, attributes.clone(), class, material)?;
    Ok((id, attributes))
}

/// The attribute with the digest that the HSM token computed of a key. A short key could be found by its digest.
pub(super) fn digest_of(digest: Option<Vec<u8>>, attributes: &Attributes) -> Option<Digest> {
    let bytes = attributes.cryptographic_length.and_then(|bits| usize::try_from(bits / 8).ok());
    digest.filter(|_| bytes >= Some(kept::MIN_DIGESTED)).map(|digest| Digest {
        hashing_algorithm: HashingAlgorithm::SHA_256,
        digest_value: Some(Bytes::from(digest)),
        key_format_type: Some(KeyFormatType::Raw),
    })
}

/// Checks the attributes that a caller gives for an object that is kept and given back only, and adds those that the
/// server sets. Only Object Type is needed; the others may be absent.
pub(super) fn propose_kept(
    call: &Call<'_>,
    mut attributes: Attributes,
    origin: Origin,
    object: &ManagedObject,
) -> Result<Proposal, Error> {
    check_settable(&attributes, origin)?;
    leave_out(&mut attributes, origin);
    let kind = ObjectKind::Kept(object.object_type());
    let id = name(&mut attributes, kind)?;
    kept::describe(object, &mut attributes)?;
    if object.object_type() != ObjectType::OpaqueObject {
        let mask = attributes.cryptographic_usage_mask.unwrap_or_default();
        attributes.cryptographic_usage_mask = Some(mask.spelled_out(UsageMask::every_use()));
    }
    set_dates(&mut attributes, call, origin)?;
    let (sensitive, extractable) = (attributes.sensitive.unwrap_or(false), attributes.extractable.unwrap_or(true));
    (attributes.sensitive, attributes.extractable) = (Some(sensitive), Some(extractable));
    // Of a kept object, nothing depends on them: it wraps no key.
    (attributes.always_sensitive, attributes.never_extractable) = (Some(sensitive), Some(!extractable));
    secret_path::set_kept(&mut attributes);
    // Beside those of the caller there may be one too many: a row above the bounds could not be read again.
    Ok(Proposal::kept(id, attributes.overridden(None)?))
}

/// Refuses a new key that must resist quantum computers and does not (section 4.45).
pub(super) fn check_quantum_safe(attributes: &Attributes, is_safe: bool) -> Result<(), Error> {
    if attributes.quantum_safe == Some(true) && !is_safe { Err(Error::NotQuantumSafe) } else { Ok(()) }
}

/// Sets object type and identifier: the chosen identifier or a random one.
pub(super) fn name(attributes: &mut Attributes, kind: ObjectKind) -> Result<String, Error> {
    let object_type = kind.object_type();
    if *attributes.object_type.get_or_insert(object_type) != object_type {
        return Err(Error::Invalid { tag: Tag::ObjectType, fault: "it is not that of the object" });
    }
    let id = match wished(attributes.unique_identifier.as_ref())? {
        Some(id) => id,
        None => uuid::ordered()?,
    };
    attributes.unique_identifier = Some(UniqueIdentifier::Text(id.clone()));
    Ok(id)
}

/// Refuses attributes that only the server sets, and attributes that it would have to enforce but does not support.
pub(super) fn check_settable(given: &Attributes, origin: Origin) -> Result<(), Error> {
    // The attributes of the existing object were checked when it was made; earlier versions accepted empty names.
    if origin == Origin::Replacing {
        return Ok(());
    }
    given.check_names()?;
    check_supported(given, origin.is_brought())?;
    if given.vendor_attributes.iter().any(is_mark) {
        return Err(Error::ReadOnly(Tag::Attribute));
    }
    if origin == Origin::Imported {
        return Ok(());
    }
    // PreActive gives no rights, and Active follows from the dates. A key that has ended must not start again.
    let is_state = |state: &State| match state {
        State::PreActive => true,
        State::Active => origin == Origin::Registered,
        _ => false,
    };
    let made = origin == Origin::Created;
    let server_set = [
        (Tag::State, given.state.as_ref().is_some_and(|state| !is_state(state))),
        (Tag::InitialDate, made && given.initial_date.is_some()),
        (Tag::OriginalCreationDate, made && given.original_creation_date.is_some()),
        (Tag::DestroyDate, given.destroy_date.is_some()),
        (Tag::CompromiseDate, given.compromise_date.is_some()),
        (Tag::CompromiseOccurrenceDate, given.compromise_occurrence_date.is_some()),
        (Tag::RevocationReason, given.revocation_reason.is_some()),
        (Tag::LastChangeDate, made && given.last_change_date.is_some()),
        (Tag::Digest, made && !given.digests.is_empty()),
        (Tag::Fresh, made && given.fresh.is_some()),
        (Tag::RotateDate, made && given.rotate_date.is_some()),
        (Tag::RotateGeneration, made && given.rotate_generation.is_some()),
        (Tag::RotateLatest, made && given.rotate_latest.is_some()),
        (Tag::AlwaysSensitive, made && given.always_sensitive.is_some()),
        (Tag::NeverExtractable, made && given.never_extractable.is_some()),
        (Tag::KeyValuePresent, made && given.key_value_present.is_some()),
        (Tag::CertificateType, made && given.certificate_type.is_some()),
        (Tag::CertificateSubjectCN, made && given.certificate_names != CertificateNames::default()),
        (Tag::CertificateLength, made && given.certificate_length.is_some()),
        (Tag::X_509CertificateIdentifier, made && given.certificate_identity != CertificateIdentity::default()),
        (Tag::DigitalSignatureAlgorithm, made && given.digital_signature_algorithm.is_some()),
        (Tag::OpaqueDataType, made && given.opaque_data_type.is_some()),
    ];
    match server_set.into_iter().find(|(_, given)| *given) {
        Some((tag, _)) => Err(Error::ReadOnly(tag)),
        None => Ok(()),
    }
}

/// Removes the attributes that another server set for the provided key and that this server sets itself.
pub(super) fn leave_out(attributes: &mut Attributes, origin: Origin) {
    if !origin.is_brought() {
        return;
    }
    attributes.lease_time = None;
    attributes.short_unique_identifier = None;
    attributes.digests.clear();
    // Of an object that this server has replaced, they are its own.
    if origin != Origin::Replacing {
        attributes.rotate_date = None;
        attributes.rotate_generation = None;
        attributes.rotate_latest = None;
    }
    // An import accepts the attributes of a former lifecycle as they are given (section 6.1.25).
    if origin == Origin::Registered {
        attributes.state = attributes.state.filter(|state| *state == State::PreActive);
        attributes.initial_date = None;
        attributes.original_creation_date = None;
        attributes.last_change_date = None;
        attributes.fresh = None;
        attributes.key_value_present = None;
    }
}

/// All uses that the server supports for a secret key of this algorithm: the meaning of the mask Unrestricted.
fn all_uses(algorithm: CryptographicAlgorithm) -> UsageMask {
    let mac = UsageMask::MAC_GENERATE | UsageMask::MAC_VERIFY;
    match algorithm {
        CryptographicAlgorithm::AES => mac | UsageMask::ENCRYPT | UsageMask::DECRYPT | UsageMask::WRAP_KEY,
        CryptographicAlgorithm::DES3 | CryptographicAlgorithm::ChaCha20 | CryptographicAlgorithm::ChaCha20Poly1305 => {
            UsageMask::ENCRYPT | UsageMask::DECRYPT
        }
        _ => mac,
    }
}

/// Checks that the HSM token can hold and use a key of this length.
fn check_length(
    grant: &gate::NewGrant<'_>,
    algorithm: CryptographicAlgorithm,
    bits: i32,
    attributes: &Attributes,
    origin: Origin,
) -> Result<SecretKeyKind, Error> {
    use CryptographicAlgorithm as A;
    let invalid = |fault| Error::Invalid { tag: Tag::CryptographicLength, fault };
    if algorithm == CryptographicAlgorithm::AES {
        if !matches!(bits, 128 | 192 | 256) {
            return Err(invalid("an AES key has 128, 192 or 256 bits"));
        }
        return secret_key_kind(attributes).ok_or_else(|| invalid("an AES key has 128, 192 or 256 bits"));
    }
    match algorithm {
        A::ChaCha20 | A::ChaCha20Poly1305 => {
            return secret_key_kind(attributes).ok_or_else(|| invalid("a key for ChaCha20 has 256 bits"));
        }
        A::DES3 => return secret_key_kind(attributes).ok_or_else(|| invalid("a key for 3DES has 112 or 168 bits")),
        _ => {}
    }
    if mechanism::is_unused(algorithm) && origin == Origin::Created {
        let fault = "a key of this algorithm, which is kept and given back only, has 128 to 512 bits, a multiple of 64";
        return secret_key_kind(attributes)
            .filter(|kind| (16..=64).contains(&kind.bytes()) && kind.bytes().is_multiple_of(8))
            .ok_or_else(|| invalid(fault));
    }
    let mac = mechanism::hmac(algorithm).ok_or(Error::UnsupportedAlgorithm(algorithm))?;
    let kind = secret_key_kind(attributes).ok_or_else(|| invalid("a secret has whole bytes, and at least one"))?;
    // A key that could not be used is refused now and not at its first use.
    if origin.is_brought()
        && let Some(bytes) = grant.padded(mac, kind.bytes())?
    {
        return Ok(SecretKeyKind::Generic { bytes });
    }
    let sizes = grant.mac_key_size(mac)?;
    let (min, max) = (*sizes.start(), (*sizes.end()).min(MAX_SECRET));
    if !(min..=max).contains(&kind.bytes()) {
        return Err(Error::KeySize { algorithm, bytes: kind.bytes(), min, max });
    }
    Ok(kind)
}

pub(super) fn set_dates(attributes: &mut Attributes, call: &Call<'_>, origin: Origin) -> Result<(), Error> {
    let now = call.now;
    // A key that has ended, or whose state is given, does not become Active at once.
    let has_ended = attributes.destroy_date.is_some()
        || attributes.compromise_date.is_some()
        || attributes.compromise_occurrence_date.is_some()
        || attributes.revocation_reason.is_some()
        || attributes.deactivation_date.is_some_and(|end| end <= now);
    let may_begin = attributes.state.is_none() && !has_ended;
    if call.is_bare && may_begin && origin != Origin::Replacing {
        attributes.activation_date.get_or_insert(now);
    }
    settle_limits(attributes.usage_limits.as_mut())?;
    rotation::check(attributes)?;
    check_life(attributes)?;
    if origin == Origin::Created {
        check_use(attributes)?;
    }
    let active = attributes.activation_date.is_some_and(|date| date <= now);
    let initial = if active { State::Active } else { State::PreActive };
    let state = attributes.state.get_or_insert(initial);
    // The clock would find it a moment later, and change the date of its last change.
    if *state == State::Active && attributes.deactivation_date.is_some_and(|end| end <= now) {
        *state = State::Deactivated;
    }
    if is_destroyed(Some(*state)) {
        return Err(Error::Invalid { tag: Tag::State, fault: "an object without its key cannot be imported" });
    }
    // The object has not been returned to a caller yet. An import keeps the value of the other server.
    if origin != Origin::Imported {
        attributes.fresh = Some(true);
    }
    attributes.initial_date.get_or_insert(now);
    attributes.last_change_date.get_or_insert(now);
    if origin == Origin::Created {
        attributes.original_creation_date = Some(now);
    }
    Ok(())
}

/// Sets Sensitive, Extractable and the attributes that depend on them; by the class, the HSM token enforces them. A key
/// never becomes more exportable than the HSM token permits, whatever the request says.
pub(super) fn set_protection(grant: &gate::NewGrant<'_>, attributes: &mut Attributes, origin: Origin) -> Class {
    let asked = Class::of(attributes.sensitive.unwrap_or(false), attributes.extractable.unwrap_or(true));
    let class = grant.kept_as(asked);
    if class != asked {
        attributes.sensitive = Some(class.is_sensitive());
        attributes.extractable = Some(class.is_extractable());
    }
    let sensitive = *attributes.sensitive.get_or_insert(false);
    let extractable = *attributes.extractable.get_or_insert(true);
    // A key from outside was known outside (PKCS#11 section 4.4.1 has the same rule for imports).
    let born_here = origin == Origin::Created;
    attributes.always_sensitive = Some(born_here && sensitive);
    attributes.never_extractable = Some(born_here && !extractable);
    class
}

/// Checks that new objects may be stored where the server stores them. The bits of one alternative must all be met (section 7.33).
pub(super) fn check_masks(kms: &gate::Kms, masks: &[Option<ProtectionStorageMasks>]) -> Result<(), Error> {
    let place = kms.storage();
    let is_met = |own: &ProtectionStorageMasks| own.masks.iter().any(|mask| place.contains(*mask));
    let name = if place == ProtectionStorageMask::HARDWARE { "Hardware" } else { "Software" };
    if masks.iter().flatten().all(is_met) { Ok(()) } else { Err(LifecycleFault::Storage(name).into()) }
}
