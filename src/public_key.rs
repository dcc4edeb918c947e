//! Checks whether a public key is sound, that is, whether a signature that it verifies proves the use of its private
//! key. The same rules apply to every key from outside, whatever its format.

use std::ops::RangeInclusive;

use openssl::bn::{BigNum, BigNumContext, BigNumRef};
use openssl::derive::Deriver;
use openssl::ec::{Asn1Flag, EcKeyRef};
use openssl::error::ErrorStack;
use openssl::pkey::{HasPublic, Id, PKey, PKeyRef, Private};
use openssl::rsa::RsaRef;

/// The permitted length of an RSA modulus, in bits. Shorter keys can be factored (NIST SP 800-131A section 3); OpenSSL
/// does not verify with longer ones.
pub const RSA_BITS: RangeInclusive<i32> = 2048..=16_384;

/// The longest RSA exponent, in bits: it must be below 2^256 (FIPS 186-5 section A.1.1).
const EXPONENT_BITS: i32 = 256;

/// With a modulus of more than this many bits, OpenSSL does not verify if the exponent has more than
/// [`LONG_MODULUS_EXPONENT_BITS`].
const LONG_MODULUS_BITS: i32 = 3072;
const LONG_MODULUS_EXPONENT_BITS: i32 = 64;

/// The exponent of nearly all keys. RFC 8017 permits smaller ones, FIPS 186-5 does not.
const USUAL_EXPONENT: u32 = 65_537;

/// The shortest curve, in bits. It is as strong as RSA of 2048 bits (NIST SP 800-57 part 1 section 5.6.1).
const CURVE_BITS: u32 = 224;

/// The length of an Ed25519 key, in bytes (RFC 8032 section 5.1.5).
const ED25519_BYTES: usize = 32;

/// The length of a private key of X25519, in bytes (RFC 7748 section 5).
const X25519_BYTES: usize = 32;

/// The reason why a public key is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unsound {
    /// The length of the RSA modulus is outside [`RSA_BITS`].
    #[error("its RSA modulus has {0} bits; expected {min} to {max}", min = RSA_BITS.start(), max = RSA_BITS.end())]
    ModulusLength(i32),
    /// The RSA modulus is even, so it is not a product of two odd primes.
    #[error("its RSA modulus is even")]
    EvenModulus,
    /// The RSA exponent is 1, even or too large. With 1, every message is its own signature; with an even one there is
    /// no private key (RFC 8017 section 3.1).
    #[error("its RSA exponent is {0}; expected an odd number of at least 3 and below 2^256")]
    Exponent(String),
    /// The exponent is too long for the modulus: OpenSSL would refuse every signature.
    #[error(
        "its RSA exponent has {exponent} bits; expected at most {LONG_MODULUS_EXPONENT_BITS} with a modulus of more than \
         {LONG_MODULUS_BITS} bits, because OpenSSL does not verify with longer ones"
    )]
    LongExponent {
        /// The length of the exponent, in bits.
        exponent: i32,
    },
    /// The primes have a form that makes the modulus easy to factor (ROCA, CVE-2017-15361).
    #[error(
        "its RSA modulus was made by a generator whose keys can be factored (ROCA, CVE-2017-15361): replace the key"
    )]
    Roca,
    /// The curve is given by its parameters, which can contain any generator (CVE-2020-0601).
    #[error("its curve is given by parameters; expected the name of a curve")]
    UnnamedCurve,
    /// The curve is shorter than `CURVE_BITS`.
    #[error("its curve has {0} bits; expected at least {CURVE_BITS}")]
    CurveLength(u32),
    /// The point is not on the curve, or is the point at infinity. Anyone can make signatures that the point at
    /// infinity verifies.
    #[error("its point is not on its curve, or is the point at infinity")]
    OffCurve,
    /// The length is not `ED25519_BYTES`.
    #[error("it is {0} bytes long; expected {ED25519_BYTES} for Ed25519")]
    Ed25519Length(usize),
    /// The point has a small order. Anyone can make signatures that such a point verifies.
    #[error("its point has a small order: anyone could sign as its owner")]
    SmallOrder,
    /// The point of X25519 has a small order: with every private key, the shared secret is zero (RFC 7748 section 6.1).
    #[error("its point has a small order: everyone would know the shared secret")]
    ZeroSecret,
    /// The private numbers do not belong together, or to the public ones.
    #[error("its private numbers do not belong together, or are not those of the public key")]
    Pair,
    /// A number is negative.
    #[error("one of its numbers is negative")]
    Negative,
    /// The key is of another kind.
    #[error("it is neither an RSA key, nor an elliptic curve key, nor an Ed25519 or Ed448 key")]
    Kind,
    /// OpenSSL failed to read the key.
    #[error("OpenSSL cannot read it: {0}")]
    OpenSsl(String),
}

impl From<ErrorStack> for Unsound {
    fn from(error: ErrorStack) -> Self {
        Self::OpenSsl(error.to_string())
    }
}

/// A warning about a key that is accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Warning {
    /// The RSA exponent is below `USUAL_EXPONENT`.
    #[error("its RSA exponent {0} is below {USUAL_EXPONENT}, which FIPS 186-5 does not allow: replace the key")]
    SmallExponent(String),
}

/// Checks whether a public key is sound. Returns a warning if the key is accepted but weak.
///
/// RSA: a modulus of [`RSA_BITS`] that is odd, and an exponent that is odd, at least 3 and below 2^256 (RFC 8017
/// section 3.1, FIPS 186-5 section A.1.1). Elliptic curves: a named curve, and a point on it that is not the point at
/// infinity. Ed25519: the 32 bytes of a point (RFC 8032 section 5.1.3) that is not of small order. Ed448: any key that
/// OpenSSL reads.
///
/// # Errors
/// The first reason why the key is unsound.
pub fn check<T: HasPublic>(key: &PKeyRef<T>) -> Result<Option<Warning>, Unsound> {
    match key.id() {
        Id::RSA | Id::RSA_PSS => check_rsa(&*key.rsa()?),
        // OpenSSL returns no key whose point is at infinity.
        Id::EC => check_elliptic(&*key.ec_key().map_err(|_| Unsound::OffCurve)?).map(|()| None),
        Id::ED25519 => check_ed25519(&key.raw_public_key()?).map(|()| None),
        Id::ED448 => Ok(None),
        _ => Err(Unsound::Kind),
    }
}

/// [`check`] of a key that need not verify signatures: X25519 is sound, too, if its point is not of small order (RFC 7748
/// section 6.1).
///
/// # Errors
/// The first reason why the key is unsound.
pub fn check_usable<T: HasPublic>(key: &PKeyRef<T>) -> Result<(), Unsound> {
    match key.id() {
        Id::X25519 => check_x25519(key),
        _ => check(key).map(|_| ()),
    }
}

/// Checks whether a private key is sound: its public half is, and its numbers belong together. Of RSA, the factors of the
/// modulus are primes (RFC 8017 section 3.2).
///
/// # Errors
/// The first reason why the key is unsound.
pub fn check_private(key: &PKeyRef<Private>) -> Result<(), Unsound> {
    check_usable(key)?;
    let belongs = match key.id() {
        // Whether a number is a prime is only computed for numbers of a length that the factors of the modulus can have.
        Id::RSA => {
            let rsa = key.rsa()?;
            let numbers = [Some(rsa.d()), rsa.p(), rsa.q(), rsa.dmp1(), rsa.dmq1(), rsa.iqmp()];
            let most = rsa.n().num_bits();
            numbers.iter().all(|number| number.is_some_and(|number| number.num_bits() <= most))
                && rsa.check_key().unwrap_or(false)
        }
        Id::EC => key.ec_key()?.check_key().is_ok(),
        // The public key follows from the private one.
        _ => true,
    };
    if belongs { Ok(()) } else { Err(Unsound::Pair) }
}

/// Checks the numbers of an RSA key. OpenSSL does not check them.
fn check_rsa<T: HasPublic>(rsa: &RsaRef<T>) -> Result<Option<Warning>, Unsound> {
    let (modulus, exponent) = (rsa.n(), rsa.e());
    if !RSA_BITS.contains(&modulus.num_bits()) {
        return Err(Unsound::ModulusLength(modulus.num_bits()));
    }
    if !modulus.is_odd() {
        return Err(Unsound::EvenModulus);
    }
    let is_one = exponent.num_bits() <= 1;
    if is_one || !exponent.is_odd() || exponent.num_bits() > EXPONENT_BITS {
        return Err(Unsound::Exponent(shown(exponent)?));
    }
    if modulus.num_bits() > LONG_MODULUS_BITS && exponent.num_bits() > LONG_MODULUS_EXPONENT_BITS {
        return Err(Unsound::LongExponent { exponent: exponent.num_bits() });
    }
    if is_roca(modulus)? {
        return Err(Unsound::Roca);
    }
    let is_small = *exponent < *BigNum::from_u32(USUAL_EXPONENT)?;
    Ok(if is_small { Some(Warning::SmallExponent(shown(exponent)?)) } else { None })
}

/// Returns a number in decimal, or its length if it is longer than 64 bits.
fn shown(number: &BigNumRef) -> Result<String, ErrorStack> {
    if number.num_bits() <= 64 {
        Ok(number.to_dec_str()?.to_string())
    } else {
        Ok(format!("{} bits long", number.num_bits()))
    }
}

/// Whether a modulus comes from the faulty generator. Modulo each small prime, both of its primes are powers of 65537,
/// and so is their product (Nemec and others, "The Return of Coppersmith's Attack", section 2). The probability that
/// another modulus has this property is negligible.
fn is_roca(modulus: &BigNumRef) -> Result<bool, ErrorStack> {
    /// The largest of the small primes that the generator multiplies for moduli of 1984 bits and more.
    const LARGEST: u32 = 701;
    let is_prime = |number: &u32| {
        (2..*number).take_while(|factor| factor * factor <= *number).all(|factor| !number.is_multiple_of(factor))
    };
    for prime in (3..=LARGEST).step_by(2).filter(is_prime) {
        let (rest, mut power) = (modulus.mod_word(prime)?, 1);
        let mut is_power = rest == 1;
        loop {
            power = power * u64::from(USUAL_EXPONENT) % u64::from(prime);
            is_power |= power == rest;
            if power <= 1 || is_power {
                break;
            }
        }
        if !is_power {
            return Ok(false);
        }
    }
    Ok(true)
}

fn check_elliptic<T: HasPublic>(key: &EcKeyRef<T>) -> Result<(), Unsound> {
    let group = key.group();
    // OpenSSL finds the name of parameters that are those of a curve, whatever cofactor they state.
    if group.curve_name().is_none() || group.asn1_flag() == Asn1Flag::EXPLICIT_CURVE {
        return Err(Unsound::UnnamedCurve);
    }
    if group.degree() < CURVE_BITS {
        return Err(Unsound::CurveLength(group.degree()));
    }
    // This also checks that the point has the order of the group and is not the point at infinity.
    key.check_key().map_err(|_| Unsound::OffCurve)
}

/// Decodes the point as RFC 8032 section 5.1.3 does. OpenSSL decodes it only when it verifies a signature.
fn check_ed25519(key: &[u8]) -> Result<(), Unsound> {
    if key.len() != ED25519_BYTES {
        return Err(Unsound::Ed25519Length(key.len()));
    }
    let mut bytes: Vec<u8> = key.iter().rev().copied().collect();
    if let Some(sign) = bytes.first_mut() {
        *sign &= 0x7f;
    }
    let (y, one) = (BigNum::from_slice(&bytes)?, BigNum::from_u32(1)?);
    let prime = BigNum::from_hex_str("7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffed")?;
    if y >= prime {
        return Err(Unsound::OffCurve);
    }
    let mut context = BigNumContext::new()?;
    let (mut opposite, mut square, mut left, mut right) =
        (BigNum::new()?, BigNum::new()?, BigNum::new()?, BigNum::new()?);
    opposite.checked_sub(&prime, &y)?;
    // The points of order 1, 2, 4 and 8, by their y or its negative.
    let eighth = BigNum::from_hex_str("05fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826")?;
    if y.num_bits() == 0 || [&one, &eighth].into_iter().any(|small| y == *small || opposite == *small) {
        return Err(Unsound::SmallOrder);
    }
    // x^2 is (y^2 - 1) / (d y^2 + 1). It is a square if the product of both is a square (Euler's criterion).
    let d = BigNum::from_hex_str("52036cee2b6ffe738cc740797779e89800700a4d4141d8ab75eb4dca135978a3")?;
    square.mod_sqr(&y, &prime, &mut context)?;
    left.mod_sub(&square, &one, &prime, &mut context)?;
    let mut scaled = BigNum::new()?;
    scaled.mod_mul(&d, &square, &prime, &mut context)?;
    right.mod_add(&scaled, &one, &prime, &mut context)?;
    let (mut product, mut half, mut power) = (BigNum::new()?, BigNum::new()?, BigNum::new()?);
    product.mod_mul(&left, &right, &prime, &mut context)?;
    half.rshift1(&prime)?;
    power.mod_exp(&product, &half, &prime, &mut context)?;
    if power == one { Ok(()) } else { Err(Unsound::OffCurve) }
}

/// Refuses points of small order. Private keys are multiples of 8, and not of the order of a large subgroup: each of them finds
/// the same points, so that a known one serves. OpenSSL answers a shared secret of zero with an error.
fn check_x25519<T: HasPublic>(key: &PKeyRef<T>) -> Result<(), Unsound> {
    let own = PKey::private_key_from_raw_bytes(&[1; X25519_BYTES], Id::X25519)?;
    let mut deriver = Deriver::new(&own)?;
    deriver.set_peer(key)?;
    deriver.derive_to_vec().map(|_| ()).map_err(|_| Unsound::ZeroSecret)
}
