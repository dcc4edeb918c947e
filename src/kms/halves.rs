//! The attributes of private and public keys that do not exist yet: of the halves of a pair that is made, and of keys from
//! outside.

use super::call::Call;
use super::error::Error;
use super::gate::NewGrant;
use super::kept;
use super::key_fault::KeyFault;
use super::key_formats::formats;
use super::key_pair::{Half, bits, named_curve, new_pair_kind};
use super::object_kind::{Half as Terms, ObjectKind, SEALING_KEY, unrestricted};
use super::proposal::{
    Origin, Proposal, check_quantum_safe, check_settable, leave_out, name, set_dates, set_protection,
};
use super::secret_path;
use crate::custody::PairKind;
use crate::kmip::attributes::CryptographicDomainParameters;
use crate::kmip::enumerations::{CryptographicAlgorithm, KeyFormatType};
use crate::kmip::{Attributes, ManagedObject, Tag};
use crate::store::object::Class;

/// Checks and completes the attributes of a half of a pair that is not made yet.
pub(super) fn propose_half(
    grant: &NewGrant<'_>,
    call: &Call<'_>,
    mut attributes: Attributes,
    own: &Terms,
) -> Result<Half, Error> {
    check_settable(&attributes, Origin::Created)?;
    let kind = new_pair_kind(&attributes)?;
    check_quantum_safe(&attributes, false)?;
    let mask = attributes.cryptographic_usage_mask.as_mut().ok_or(Error::Missing(Tag::CryptographicUsageMask))?;
    let (allowed, fault) = own.uses(kind);
    *mask = mask.spelled_out(unrestricted(allowed));
    if !allowed.contains(*mask) {
        return Err(Error::Invalid { tag: Tag::CryptographicUsageMask, fault });
    }
    let id = name(&mut attributes, own.kind)?;
    set_dates(&mut attributes, call, Origin::Created)?;
    let is_private = own.is_private;
    let class = if is_private {
        set_private(grant, call, &mut attributes, Origin::Created)
    } else {
        set_public(&mut attributes)?
    };
    let is_rsa = attributes.cryptographic_algorithm == Some(CryptographicAlgorithm::RSA);
    attributes.key_format_type = Some(match (is_private, attributes.key_format_type) {
        // Clients give one format for both halves.
        (true, Some(format)) if is_format(Some(kind), true, format) => format,
        // The standard's default (section 4.26).
        (true, _) if is_rsa => KeyFormatType::PKCS_1,
        (true, _) if matches!(kind, PairKind::Ed25519 | PairKind::X25519) => KeyFormatType::PKCS_8,
        (true, _) => KeyFormatType::ECPrivateKey,
        (false, Some(KeyFormatType::PKCS_1)) if is_rsa => KeyFormatType::PKCS_1,
        (false, None) if is_rsa && !call.is_bare => KeyFormatType::PKCS_1,
        (false, _) => KeyFormatType::X_509,
    });
    Ok(Half { id, attributes, class })
}

/// A private or public key from outside that the HSM, or OpenSSL with a public one, uses.
pub(super) struct BroughtHalf<'a> {
    pub(super) object: &'a ManagedObject,
    /// `None` for an RSA key that only a public key may be: it is longer than private ones.
    pub(super) kind: Option<PairKind>,
    /// The algorithm and the length in bits.
    pub(super) facts: (CryptographicAlgorithm, i32),
    pub(super) is_private: bool,
}

/// Checks and completes the attributes of such a key.
pub(super) fn propose_brought(
    grant: &NewGrant<'_>,
    call: &Call<'_>,
    mut attributes: Attributes,
    origin: Origin,
    own: &BroughtHalf<'_>,
) -> Result<Proposal, Error> {
    check_settable(&attributes, origin)?;
    leave_out(&mut attributes, origin);
    kept::set_own(own.object, &mut attributes)?;
    let (object_kind, terms) = if own.is_private {
        (ObjectKind::BroughtPrivateKey, Terms::PRIVATE)
    } else {
        (ObjectKind::BroughtPublicKey, Terms::PUBLIC)
    };
    let id = name(&mut attributes, object_kind)?;
    set_facts(&mut attributes, own)?;
    let format = *attributes.key_format_type.get_or_insert(kept::format(own.object));
    if !is_format(own.kind, own.is_private, format) {
        return Err(KeyFault::Format { format, formats: formats(own.kind, own.is_private) }.into());
    }
    // Databases register keys without a mask, and only get them back.
    let mask = attributes.cryptographic_usage_mask.unwrap_or_default();
    let (all, _) = terms.uses(own.kind.unwrap_or(PairKind::Rsa { bits: 0 }));
    attributes.cryptographic_usage_mask = Some(mask.spelled_out(unrestricted(all)));
    check_quantum_safe(&attributes, false)?;
    set_dates(&mut attributes, call, origin)?;
    let class =
        if own.is_private { set_private(grant, call, &mut attributes, origin) } else { set_public(&mut attributes)? };
    (attributes.always_sensitive, attributes.never_extractable) = (Some(false), Some(false));
    secret_path::set_brought(&mut attributes);
    kept::set_digest(&mut attributes, own.object);
    // Beside those of the caller there may be one too many: a row above the bounds could not be read again.
    Ok(Proposal { id, attributes: attributes.overridden(None)?, kind: SEALING_KEY, class })
}

/// Sets Sensitive and Extractable of a private key: it stays in the HSM, unless the caller says otherwise. Versions of KMIP
/// without these attributes cannot say it, and their clients expect to get what they registered or made: there, as for
/// symmetric keys, the standard's defaults apply.
fn set_private(grant: &NewGrant<'_>, call: &Call<'_>, attributes: &mut Attributes, origin: Origin) -> Class {
    if call.context.way.has_protection() {
        attributes.sensitive.get_or_insert(true);
        attributes.extractable.get_or_insert(false);
    }
    set_protection(grant, attributes, origin)
}

/// Sets Sensitive and Extractable of a public key, which has no secret.
fn set_public(attributes: &mut Attributes) -> Result<Class, Error> {
    let fault = "a public key is public";
    for (tag, own, wanted) in
        [(Tag::Sensitive, &mut attributes.sensitive, false), (Tag::Extractable, &mut attributes.extractable, true)]
    {
        if *own.get_or_insert(wanted) != wanted {
            return Err(Error::Invalid { tag, fault });
        }
    }
    (attributes.always_sensitive, attributes.never_extractable) = (Some(false), Some(false));
    Ok(Class::Exporting)
}

/// Sets algorithm, length and curve of a key from outside.
///
/// # Errors
/// A given one is not that of the key.
fn set_facts(attributes: &mut Attributes, own: &BroughtHalf<'_>) -> Result<(), Error> {
    use CryptographicAlgorithm as A;
    let (algorithm, length) = own.facts;
    let given = *attributes.cryptographic_algorithm.get_or_insert(algorithm);
    let is_other_name = match own.kind {
        Some(PairKind::Ec(_)) => matches!(given, A::ECDSA | A::ECDH),
        Some(PairKind::X25519) => given == A::ECDH,
        _ => false,
    };
    if given != algorithm && !is_other_name {
        return Err(Error::Invalid { tag: Tag::CryptographicAlgorithm, fault: "it is not that of the key material" });
    }
    if *attributes.cryptographic_length.get_or_insert(length) != length {
        return Err(Error::Invalid { tag: Tag::CryptographicLength, fault: "it is not that of the key material" });
    }
    let curve = own.kind.and_then(named_curve);
    if let Some(domain) = &attributes.cryptographic_domain_parameters
        && (domain.recommended_curve.is_some_and(|given| Some(given) != curve)
            || domain.qlength.is_some_and(|given| given != length))
    {
        let fault = "they are not those of the key material";
        return Err(Error::Invalid { tag: Tag::CryptographicDomainParameters, fault });
    }
    if curve.is_some() {
        let own = CryptographicDomainParameters { qlength: None, recommended_curve: curve };
        attributes.cryptographic_domain_parameters.get_or_insert(own).recommended_curve = curve;
    }
    Ok(())
}

/// Whether a key can be given out in this format.
fn is_format(kind: Option<PairKind>, is_private: bool, format: KeyFormatType) -> bool {
    use KeyFormatType as F;
    match (kind, is_private) {
        (Some(PairKind::Rsa { .. }), true) => matches!(format, F::PKCS_1 | F::PKCS_8 | F::TransparentRSAPrivateKey),
        (Some(PairKind::Ec(_)), true) => {
            matches!(format, F::ECPrivateKey | F::PKCS_8 | F::TransparentECPrivateKey | F::Raw)
        }
        (Some(PairKind::Ed25519 | PairKind::X25519), true) => matches!(format, F::PKCS_8 | F::Raw),
        (Some(PairKind::Rsa { .. }) | None, false) => {
            matches!(format, F::X_509 | F::PKCS_1 | F::TransparentRSAPublicKey)
        }
        (Some(PairKind::Ec(_)), false) => matches!(format, F::X_509 | F::TransparentECPublicKey | F::Raw),
        (Some(PairKind::Ed25519 | PairKind::X25519), false) => matches!(format, F::X_509 | F::Raw),
        (None, true) => false,
    }
}

impl BroughtHalf<'_> {
    /// The algorithm and the length of a key of this kind.
    pub(super) fn facts(kind: PairKind) -> (CryptographicAlgorithm, i32) {
        let algorithm = match kind {
            PairKind::Rsa { .. } => CryptographicAlgorithm::RSA,
            PairKind::Ec(_) | PairKind::X25519 => CryptographicAlgorithm::EC,
            PairKind::Ed25519 => CryptographicAlgorithm::Ed25519,
        };
        (algorithm, bits(kind))
    }
}
