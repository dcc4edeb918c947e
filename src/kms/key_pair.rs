//! The kinds of key pairs, by the attributes of their halves.

use super::error::Error;
use crate::custody::{Curve, PairKind};
use crate::kmip::attributes::CryptographicDomainParameters;
use crate::kmip::enumerations::{CryptographicAlgorithm, RecommendedCurve};
use crate::kmip::{Attributes, Tag};

/// A half of a pair that is about to be made.
pub(super) struct Half {
    pub(super) id: String,
    pub(super) attributes: Attributes,
    pub(super) class: crate::store::object::Class,
}

/// The length of a key of Ed25519, in bits.
const ED25519_BITS: i32 = 256;

/// The length of a key of X25519, in bits.
const X25519_BITS: i32 = 256;

const NO_CURVE: Error =
    Error::UnsupportedParameters("keys of curves are served on P-256, P-384, P-521, secp256k1, Ed25519 and X25519");

/// The kind of a private key with this algorithm, length and curve.
pub(super) fn pair_kind(attributes: &Attributes) -> Result<PairKind, Error> {
    use CryptographicAlgorithm as Algorithm;
    let algorithm = attributes.cryptographic_algorithm.ok_or(Error::Missing(Tag::CryptographicAlgorithm))?;
    let length = attributes.cryptographic_length.ok_or(Error::Missing(Tag::CryptographicLength))?;
    let invalid = |fault| Error::Invalid { tag: Tag::CryptographicLength, fault };
    let named = attributes.cryptographic_domain_parameters.as_ref().and_then(|domain| domain.recommended_curve);
    match algorithm {
        Algorithm::RSA => match usize::try_from(length) {
            Ok(bits @ 2048..=4096) if bits.is_multiple_of(8) => Ok(PairKind::Rsa { bits }),
            _ => Err(invalid("an RSA key has 2048 to 4096 bits, in whole bytes")),
        },
        Algorithm::Ed25519 if length == ED25519_BITS => Ok(PairKind::Ed25519),
        Algorithm::Ed25519 => Err(invalid("an Ed25519 key has 256 bits")),
        Algorithm::EC | Algorithm::ECDSA | Algorithm::ECDH => {
            let kind = match named {
                Some(named) => kind_on(algorithm, named)?,
                None => PairKind::Ec(usual_curve(length).ok_or(invalid(
                    "an elliptic curve key has 256, 384 or 521 bits; name another curve in CryptographicDomainParameters",
                ))?),
            };
            if bits(kind) != length {
                return Err(invalid("it is not that of the curve"));
            }
            Ok(kind)
        }
        other => Err(Error::UnsupportedAlgorithm(other)),
    }
}

/// The kind of a pair that is to be made.
pub(super) fn new_pair_kind(attributes: &Attributes) -> Result<PairKind, Error> {
    let kind = pair_kind(attributes)?;
    if matches!(kind, PairKind::Rsa { bits } if !matches!(bits, 2048 | 3072 | 4096)) {
        let fault = "an RSA key has 2048, 3072 or 4096 bits";
        return Err(Error::Invalid { tag: Tag::CryptographicLength, fault });
    }
    Ok(kind)
}

/// The Cryptographic Length of keys of this kind.
pub(super) fn bits(kind: PairKind) -> i32 {
    match kind {
        PairKind::Rsa { bits } => i32::try_from(bits).unwrap_or(i32::MAX),
        PairKind::Ec(Curve::P256 | Curve::Secp256k1) => 256,
        PairKind::Ec(Curve::P384) => 384,
        PairKind::Ec(Curve::P521) => 521,
        PairKind::Ed25519 => ED25519_BITS,
        PairKind::X25519 => X25519_BITS,
    }
}

/// The kind of a key of EC, ECDSA or ECDH on this curve. On CURVE25519 these are keys of X25519; those that sign have the
/// algorithm Ed25519.
fn kind_on(algorithm: CryptographicAlgorithm, named: RecommendedCurve) -> Result<PairKind, Error> {
    match (curve_of(named), named) {
        (Some(curve), _) => Ok(PairKind::Ec(curve)),
        (None, RecommendedCurve::CURVE25519) if algorithm == CryptographicAlgorithm::ECDSA => {
            Err(Error::UnsupportedParameters(
                "ECDSA has no keys of CURVE25519: to sign use the algorithm Ed25519, to derive ECDH",
            ))
        }
        (None, RecommendedCurve::CURVE25519) => Ok(PairKind::X25519),
        (None, _) => Err(NO_CURVE),
    }
}

/// The curve by which keys of this kind are named; `None` for a kind that its algorithm names.
pub(super) fn named_curve(kind: PairKind) -> Option<RecommendedCurve> {
    match kind {
        PairKind::Ec(curve) => Some(name_of(curve)),
        PairKind::X25519 => Some(RecommendedCurve::CURVE25519),
        PairKind::Rsa { .. } | PairKind::Ed25519 => None,
    }
}

/// Sets the length, and the algorithm if only the curve is named, from the domain parameters (section 4.14). There, ECDH
/// means a key of a curve, as EC does.
pub(super) fn settle_curve(attributes: &mut Attributes) -> Result<(), Error> {
    use CryptographicAlgorithm as Algorithm;
    let invalid = |fault| Error::Invalid { tag: Tag::CryptographicDomainParameters, fault };
    if attributes.cryptographic_algorithm == Some(Algorithm::Ed25519) {
        attributes.cryptographic_length.get_or_insert(ED25519_BITS);
    }
    let Some(CryptographicDomainParameters { qlength, recommended_curve }) = attributes.cryptographic_domain_parameters
    else {
        return Ok(());
    };
    let own = match (attributes.cryptographic_algorithm, recommended_curve) {
        (Some(Algorithm::RSA), _) => return Err(invalid("an RSA key has no curve")),
        (Some(Algorithm::Ed25519), None | Some(RecommendedCurve::CURVE25519)) => Some(ED25519_BITS),
        (Some(Algorithm::Ed25519), _) => return Err(invalid("Ed25519 has a curve of its own: leave it out")),
        (algorithm, Some(named)) => Some(bits(kind_on(algorithm.unwrap_or(Algorithm::EC), named)?)),
        (_, None) => None,
    };
    if own.is_some() && qlength.is_some() && qlength != own {
        return Err(invalid("Qlength is not that of the curve"));
    }
    if attributes.cryptographic_length.is_none() {
        attributes.cryptographic_length = own.or(qlength);
    }
    if attributes.cryptographic_algorithm == Some(Algorithm::ECDH) {
        attributes.cryptographic_algorithm = Some(Algorithm::EC);
    }
    Ok(())
}

/// The curve that only its length names.
fn usual_curve(length: i32) -> Option<Curve> {
    [Curve::P256, Curve::P384, Curve::P521].into_iter().find(|curve| bits(PairKind::Ec(*curve)) == length)
}

/// The curve of this name; `None` for one that is not used.
pub(super) fn curve_of(named: RecommendedCurve) -> Option<Curve> {
    Curve::ALL.into_iter().find(|curve| name_of(*curve) == named)
}

/// The name of a curve.
pub(super) fn name_of(curve: Curve) -> RecommendedCurve {
    match curve {
        Curve::P256 => RecommendedCurve::P_256,
        Curve::P384 => RecommendedCurve::P_384,
        Curve::P521 => RecommendedCurve::P_521,
        Curve::Secp256k1 => RecommendedCurve::SECP256K1,
    }
}
