//! The formats of public and private keys (KMIP 2.1 sections 3.7 to 3.12 and 11.22): reading keys from outside, and
//! writing those that are given out.

use openssl::bn::{BigNum, BigNumContext, BigNumRef};
use openssl::ec::{EcGroup, EcKey, EcPoint, PointConversionForm};
use openssl::error::ErrorStack;
use openssl::pkey::{HasPublic, Id, PKey, PKeyRef, Private, Public};
use openssl::rsa::Rsa;

use super::error::Error;
use super::kept;
use super::key_pair::{curve_of, name_of, pair_kind};
use super::private_numbers::{MAX_FACTORED, Wiped, factors};
use crate::custody::{self, Curve, PairKind, curve_name};
use crate::kmip::enumerations::{KeyFormatType, RecommendedCurve};
use crate::kmip::key_block::{KeyBlock, KeyMaterial};
use crate::kmip::ttlv::{Item, Value};
use crate::kmip::{Attributes, Tag};
use crate::public_key::{Unsound, check_usable};
use crate::secret::Bytes;

/// The answer of reading a key from outside. `None`: the material is not a key of the format, or one that the server does
/// not use.
type Read<T> = Result<Option<PKey<T>>, Unsound>;

/// Reads a public key in clear.
///
/// # Errors
/// It is a key of a curve whose point is not on it.
pub(super) fn read_public(block: &KeyBlock, attributes: &Attributes) -> Read<Public> {
    let key = match (block.key_format_type, kept::material(block)) {
        (KeyFormatType::X_509, Some(KeyMaterial::Bytes(der))) => match PKey::public_key_from_der(der) {
            Err(_) if names_served_curve(der) => return Err(Unsound::OffCurve),
            key => key,
        },
        (KeyFormatType::PKCS_1, Some(KeyMaterial::Bytes(der))) => {
            Rsa::public_key_from_der_pkcs1(der).and_then(PKey::from_rsa)
        }
        (KeyFormatType::Raw, Some(KeyMaterial::Bytes(bytes))) => match pair_kind(attributes) {
            Ok(PairKind::Ec(curve)) => return on_curve(curve, bytes),
            Ok(PairKind::Ed25519) => PKey::public_key_from_raw_bytes(bytes, Id::ED25519),
            Ok(PairKind::X25519) => PKey::public_key_from_raw_bytes(bytes, Id::X25519),
            _ => return Ok(None),
        },
        (KeyFormatType::TransparentRSAPublicKey, Some(KeyMaterial::Structure(items))) => {
            let (Some(modulus), Some(exponent)) = (number(items, Tag::Modulus)?, number(items, Tag::PublicExponent)?)
            else {
                return Ok(None);
            };
            Rsa::from_public_components(modulus, exponent).and_then(PKey::from_rsa)
        }
        (KeyFormatType::TransparentECPublicKey, Some(KeyMaterial::Structure(items))) => {
            let point = items.iter().find_map(|item| match (item.tag, &item.value) {
                (Tag::QString, Value::ByteString(bytes)) => Some(bytes),
                _ => None,
            });
            let (Some(curve), Some(point)) = (curve_in(items), point) else { return Ok(None) };
            return on_curve(curve, point);
        }
        _ => return Ok(None),
    };
    Ok(key.ok())
}

/// The longest PKCS#8 that is read, in bytes: more than a key of RSA with 4,096 bits has. OpenSSL computes the public key of some
/// algorithms when it reads the private one, for minutes if the numbers are long.
const MAX_PKCS_8: usize = 4096;

/// Reads a private key in clear.
///
/// # Errors
/// Its numbers do not belong together.
pub(super) fn read_private(block: &KeyBlock, attributes: &Attributes) -> Read<Private> {
    let key = match (block.key_format_type, kept::material(block)) {
        (KeyFormatType::PKCS_1, Some(KeyMaterial::Bytes(der))) => {
            Rsa::private_key_from_der(der).and_then(PKey::from_rsa)
        }
        (KeyFormatType::PKCS_8, Some(KeyMaterial::Bytes(der))) if der.len() > MAX_PKCS_8 => return Ok(None),
        (KeyFormatType::PKCS_8, Some(KeyMaterial::Bytes(der))) => PKey::private_key_from_pkcs8(der),
        (KeyFormatType::ECPrivateKey, Some(KeyMaterial::Bytes(der))) => {
            EcKey::private_key_from_der(der).and_then(PKey::from_ec_key)
        }
        (KeyFormatType::Raw, Some(KeyMaterial::Bytes(bytes))) => match pair_kind(attributes) {
            Ok(PairKind::Ec(curve)) if bytes.len() > curve.bytes() => return Err(Unsound::Pair),
            Ok(PairKind::Ec(curve)) => return private_on(curve, &Wiped(BigNum::from_slice(bytes)?)).map(Some),
            Ok(PairKind::Ed25519) => PKey::private_key_from_raw_bytes(bytes, Id::ED25519),
            Ok(PairKind::X25519) => PKey::private_key_from_raw_bytes(bytes, Id::X25519),
            _ => return Ok(None),
        },
        (KeyFormatType::TransparentECPrivateKey, Some(KeyMaterial::Structure(items))) => {
            let (Some(curve), Some(own)) = (curve_in(items), number(items, Tag::D)?.map(Wiped)) else {
                return Ok(None);
            };
            return private_on(curve, &own).map(Some);
        }
        (KeyFormatType::TransparentRSAPrivateKey, Some(KeyMaterial::Structure(items))) => return rsa_of(items),
        _ => return Ok(None),
    };
    Ok(key.ok())
}

/// The kind of the private half of a key; `None` for one that no HSM uses here.
pub(super) fn kind_of<T: HasPublic>(key: &PKeyRef<T>) -> Option<PairKind> {
    match key.id() {
        Id::RSA => usize::try_from(key.rsa().ok()?.n().num_bits()).ok().map(|bits| PairKind::Rsa { bits }),
        Id::EC => {
            let name = key.ec_key().ok()?.group().curve_name()?;
            Curve::ALL.into_iter().find(|curve| curve_name(*curve) == name).map(PairKind::Ec)
        }
        Id::ED25519 => Some(PairKind::Ed25519),
        Id::X25519 => Some(PairKind::X25519),
        _ => None,
    }
}

/// A key in another format; `None` if there is no such form of it.
pub(super) fn write_public(info: &[u8], format: KeyFormatType) -> Result<Option<KeyMaterial>, Error> {
    let written = PKey::public_key_from_der(info).and_then(|key| public_material(&key, info, format));
    written.map_err(failed)
}

fn public_material(
    key: &PKeyRef<Public>,
    info: &[u8],
    format: KeyFormatType,
) -> Result<Option<KeyMaterial>, ErrorStack> {
    let bytes = |bytes: Vec<u8>| Some(KeyMaterial::Bytes(Bytes::from(bytes)));
    Ok(match (format, kind_of(key)) {
        (KeyFormatType::X_509, _) => bytes(info.to_vec()),
        (KeyFormatType::PKCS_1, Some(PairKind::Rsa { .. })) => bytes(key.rsa()?.public_key_to_der_pkcs1()?),
        (KeyFormatType::TransparentRSAPublicKey, Some(PairKind::Rsa { .. })) => {
            let rsa = key.rsa()?;
            Some(KeyMaterial::Structure(vec![item(Tag::Modulus, rsa.n())?, item(Tag::PublicExponent, rsa.e())?]))
        }
        (KeyFormatType::TransparentECPublicKey, Some(PairKind::Ec(curve))) => {
            let point = Bytes::from(point(key)?);
            Some(KeyMaterial::Structure(vec![
                curve_item(curve),
                Item { tag: Tag::QString, value: Value::ByteString(point) },
            ]))
        }
        (KeyFormatType::Raw, Some(PairKind::Ec(_))) => bytes(point(key)?),
        (KeyFormatType::Raw, Some(PairKind::Ed25519 | PairKind::X25519)) => bytes(key.raw_public_key()?),
        _ => None,
    })
}

/// A private key in a format; `None` if there is no such form of it.
pub(super) fn write_private(
    key: &PKeyRef<Private>,
    kind: PairKind,
    format: KeyFormatType,
) -> Result<Option<KeyMaterial>, Error> {
    private_material(key, kind, format).map_err(failed)
}

fn private_material(
    key: &PKeyRef<Private>,
    kind: PairKind,
    format: KeyFormatType,
) -> Result<Option<KeyMaterial>, ErrorStack> {
    let bytes = |bytes: Vec<u8>| Some(KeyMaterial::Bytes(Bytes::from(bytes)));
    Ok(match (format, kind) {
        (KeyFormatType::PKCS_8, _) => bytes(key.private_key_to_pkcs8()?),
        (KeyFormatType::PKCS_1, PairKind::Rsa { .. }) => bytes(key.rsa()?.private_key_to_der()?),
        (KeyFormatType::ECPrivateKey, PairKind::Ec(_)) => bytes(key.ec_key()?.private_key_to_der()?),
        (KeyFormatType::Raw, PairKind::Ec(curve)) => {
            let length = i32::try_from(curve.bytes()).unwrap_or_default();
            bytes(key.ec_key()?.private_key().to_vec_padded(length)?)
        }
        (KeyFormatType::Raw, PairKind::Ed25519 | PairKind::X25519) => bytes(key.raw_private_key()?),
        (KeyFormatType::TransparentECPrivateKey, PairKind::Ec(curve)) => {
            Some(KeyMaterial::Structure(vec![curve_item(curve), item(Tag::D, key.ec_key()?.private_key())?]))
        }
        (KeyFormatType::TransparentRSAPrivateKey, PairKind::Rsa { .. }) => {
            let rsa = key.rsa()?;
            let mut items = Vec::with_capacity(8);
            for (tag, number) in [
                (Tag::Modulus, Some(rsa.n())),
                (Tag::PrivateExponent, Some(rsa.d())),
                (Tag::PublicExponent, Some(rsa.e())),
                (Tag::P, rsa.p()),
                (Tag::Q, rsa.q()),
                (Tag::PrimeExponentP, rsa.dmp1()),
                (Tag::PrimeExponentQ, rsa.dmq1()),
                (Tag::CRTCoefficient, rsa.iqmp()),
            ] {
                items.extend(number.map(|number| item(tag, number)).transpose()?);
            }
            Some(KeyMaterial::Structure(items))
        }
        _ => None,
    })
}

/// The formats in which a key can be given out, for errors.
pub(super) fn formats(kind: Option<PairKind>, is_private: bool) -> &'static str {
    match (kind, is_private) {
        (Some(PairKind::Rsa { .. }), true) => "PKCS_1, PKCS_8 or TransparentRSAPrivateKey",
        (Some(PairKind::Ec(_)), true) => "ECPrivateKey, PKCS_8, TransparentECPrivateKey or Raw",
        (Some(PairKind::Ed25519 | PairKind::X25519), true) => "PKCS_8 or Raw",
        (Some(PairKind::Rsa { .. }), false) => "X_509, PKCS_1 or TransparentRSAPublicKey",
        (Some(PairKind::Ec(_)), false) => "X_509, TransparentECPublicKey or Raw",
        (Some(PairKind::Ed25519 | PairKind::X25519), false) => "X_509 or Raw",
        (None, _) => "X_509",
    }
}

/// OpenSSL's failure to encode a key that it has read.
fn failed(error: ErrorStack) -> Error {
    Error::Internal(custody::Error::PublicKey(error))
}

/// Whether the bytes begin like a SubjectPublicKeyInfo of a curve that is served (RFC 5480 section 2.1.1). OpenSSL reads none
/// whose point is not on the curve.
fn names_served_curve(der: &[u8]) -> bool {
    const EC_PUBLIC_KEY: [u8; 9] = [0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
    let begin = der.get(..32).unwrap_or(der);
    let Some(at) = begin.windows(EC_PUBLIC_KEY.len()).position(|part| part == EC_PUBLIC_KEY) else { return false };
    let rest = begin.get(at + EC_PUBLIC_KEY.len()..).unwrap_or_default();
    let [p256, p384, p521, k256] = [
        &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07][..],
        &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22],
        &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x23],
        &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x0a],
    ];
    [p256, p384, p521, k256].iter().any(|curve| rest.starts_with(curve))
}

fn on_curve(curve: Curve, point: &[u8]) -> Read<Public> {
    let group = EcGroup::from_curve_name(curve_name(curve))?;
    let mut context = BigNumContext::new()?;
    let point = EcPoint::from_bytes(&group, point, &mut context).map_err(|_| Unsound::OffCurve)?;
    let key = EcKey::from_public_key(&group, &point).map_err(|_| Unsound::OffCurve)?;
    Ok(Some(PKey::from_ec_key(key)?))
}

/// The uncompressed point of a public key of this kind, from a SubjectPublicKeyInfo or a point (SEC 1, 2.3.4); of X25519 the 32
/// bytes (RFC 7748). `None`: it is neither, of another curve, or the kind does not agree on secrets.
///
/// # Errors
/// The point is not on the curve, is the point at infinity, or one of X25519 of small order.
pub(super) fn point_of(kind: PairKind, public: &[u8]) -> Result<Option<Vec<u8>>, Unsound> {
    /// Tag of a SEQUENCE in DER; no point of a curve of ECDSA begins with it.
    const SEQUENCE: u8 = 0x30;
    let key = match (kind, public.first()) {
        (PairKind::X25519, _) if Some(public.len()) == kind.secret_bytes() => {
            Some(PKey::public_key_from_raw_bytes(public, Id::X25519)?)
        }
        (PairKind::Ec(_) | PairKind::X25519, Some(&SEQUENCE)) => match PKey::public_key_from_der(public) {
            Err(_) if names_served_curve(public) => return Err(Unsound::OffCurve),
            key => key.ok(),
        },
        (PairKind::Ec(curve), _) => on_curve(curve, public)?,
        _ => None,
    };
    let Some(key) = key.filter(|key| kind_of(key) == Some(kind)) else { return Ok(None) };
    check_usable(&key)?;
    Ok(Some(if kind == PairKind::X25519 { key.raw_public_key()? } else { point(&key)? }))
}

fn private_on(curve: Curve, number: &BigNumRef) -> Result<PKey<Private>, Unsound> {
    let group = EcGroup::from_curve_name(curve_name(curve))?;
    let mut context = BigNumContext::new()?;
    let mut point = EcPoint::new(&group)?;
    point.mul_generator2(&group, number, &mut context).map_err(|_| Unsound::Pair)?;
    let key = EcKey::from_private_components(&group, number, &point).map_err(|_| Unsound::Pair)?;
    Ok(PKey::from_ec_key(key)?)
}

/// An RSA key with both primes, or with the private exponent, from which they follow. The other numbers follow from the primes;
/// given ones are used, and checked with the key.
fn rsa_of(items: &[Item]) -> Read<Private> {
    let get = |tag| Ok::<_, Unsound>(number(items, tag)?.map(Wiped));
    let (Some(n), Some(e)) = (get(Tag::Modulus)?, get(Tag::PublicExponent)?) else { return Ok(None) };
    let (p, q) = match (get(Tag::P)?, get(Tag::Q)?, get(Tag::PrivateExponent)?) {
        (Some(p), Some(q), _) => (p, q),
        (None, None, Some(d)) if n.num_bits() <= MAX_FACTORED => factors(&n, &e, &d)?,
        _ => return Ok(None),
    };
    let mut context = BigNumContext::new_secure()?;
    let less = |prime: &BigNumRef| {
        let mut less = Wiped(prime.to_owned()?);
        less.sub_word(1)?;
        Ok::<_, ErrorStack>(less)
    };
    let (p_less, q_less) = (less(&p)?, less(&q)?);
    let d = match get(Tag::PrivateExponent)? {
        Some(d) => d,
        None => {
            let (mut product, mut d) = (Wiped(BigNum::new()?), Wiped(BigNum::new()?));
            product.checked_mul(&p_less, &q_less, &mut context)?;
            d.mod_inverse(&e, &product, &mut context).map_err(|_| Unsound::Pair)?;
            d
        }
    };
    let mut modulo = |tag, less: &BigNumRef| match get(tag)? {
        Some(given) => Ok(given),
        None => {
            let mut own = Wiped(BigNum::new()?);
            own.nnmod(&d, less, &mut context).map_err(|_| Unsound::Pair)?;
            Ok::<_, Unsound>(own)
        }
    };
    let (first, second) = (modulo(Tag::PrimeExponentP, &p_less)?, modulo(Tag::PrimeExponentQ, &q_less)?);
    let inverse = match get(Tag::CRTCoefficient)? {
        Some(given) => given,
        None => {
            let mut own = Wiped(BigNum::new()?);
            own.mod_inverse(&q, &p, &mut context).map_err(|_| Unsound::Pair)?;
            own
        }
    };
    // OpenSSL keeps its copies, and overwrites them with the key.
    let copies = [&n, &e, &d, &p, &q, &first, &second, &inverse].map(|number| BigNumRef::to_owned(number));
    let [n, e, d, p, q, first, second, inverse] = copies;
    Ok(Some(PKey::from_rsa(Rsa::from_private_components(n?, e?, d?, p?, q?, first?, second?, inverse?)?)?))
}

/// The longest number of a key that is used, in bytes: the modulus of a public RSA key, and its sign.
const LONGEST_NUMBER: usize = 16_384 / 8 + 8;

/// A number of a transparent key; `None` if it is absent, or too long for a key that is used.
fn number(items: &[Item], tag: Tag) -> Result<Option<BigNum>, Unsound> {
    let found = items.iter().find_map(|item| match &item.value {
        Value::BigInteger(bytes) if item.tag == tag => Some(bytes),
        _ => None,
    });
    match found {
        None => Ok(None),
        Some(bytes) if bytes.len() > LONGEST_NUMBER => Ok(None),
        // The sign is the first bit (section 8.1.2).
        Some(bytes) if bytes.first().is_some_and(|first| *first >= 0x80) => Err(Unsound::Negative),
        Some(bytes) => Ok(Some(BigNum::from_slice(bytes)?)),
    }
}

fn item(tag: Tag, number: &BigNumRef) -> Result<Item, ErrorStack> {
    // The first bit is the sign, and the binary encoding has a multiple of eight bytes.
    let length = (usize::try_from(number.num_bits()).unwrap_or_default() / 8 + 1).next_multiple_of(8);
    let bytes = number.to_vec_padded(i32::try_from(length).unwrap_or_default())?;
    Ok(Item { tag, value: Value::BigInteger(Bytes::from(bytes)) })
}

fn curve_in(items: &[Item]) -> Option<Curve> {
    items.iter().find_map(|item| match (item.tag, &item.value) {
        (Tag::RecommendedCurve, Value::Enumeration(code)) => RecommendedCurve::from_code(*code).and_then(curve_of),
        _ => None,
    })
}

fn curve_item(curve: Curve) -> Item {
    Item { tag: Tag::RecommendedCurve, value: Value::Enumeration(name_of(curve).code()) }
}

/// The uncompressed point of a key of a curve.
fn point(key: &PKeyRef<Public>) -> Result<Vec<u8>, ErrorStack> {
    let key = key.ec_key()?;
    key.public_key().to_bytes(key.group(), PointConversionForm::UNCOMPRESSED, &mut *BigNumContext::new()?)
}
