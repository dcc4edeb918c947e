//! The numbers of private keys, as OpenSSL and as the HSM token have them.

use std::ops::{Deref, DerefMut};

use openssl::bn::{BigNum, BigNumContext, BigNumRef};
use openssl::ec::{EcGroup, EcKey, EcPoint};
use openssl::error::ErrorStack;
use openssl::pkey::{Id, PKey, PKeyRef, Private};
use openssl::rsa::Rsa;
use zeroize::Zeroizing;

use crate::custody::{PairKind, Part, PrivateParts, curve_name};
use crate::public_key::Unsound;

/// A private number, which is overwritten when it is dropped. OpenSSL does not overwrite numbers that are freed.
pub(super) struct Wiped(pub(super) BigNum);

impl Deref for Wiped {
    type Target = BigNum;

    fn deref(&self) -> &BigNum {
        &self.0
    }
}

impl DerefMut for Wiped {
    fn deref_mut(&mut self) -> &mut BigNum {
        &mut self.0
    }
}

impl Drop for Wiped {
    fn drop(&mut self) {
        self.0.clear();
    }
}

/// Maximum length of a modulus that is factored, in bits: that of the longest private key that is used. It bounds the time of
/// [`factors`].
pub(super) const MAX_FACTORED: i32 = 4096;

/// Maximum length of the public exponent by which a modulus is factored, in bits.
const MAX_EXPONENT: i32 = 256;

/// Maximum number of factors 2 of the product of the exponents less one, which is the number of squarings for a base. The
/// primes are random, so that more occur once in 2^100 keys.
const MAX_TWOS: i32 = 128;

/// Number of bases that are tried. Each of them finds the factors with a probability of at least one half.
const BASES: u32 = 24;

/// The prime factors of an RSA modulus, the larger one first, from both exponents (NIST SP 800-56B appendix C.1). The modulus has
/// at most [`MAX_FACTORED`] bits.
///
/// # Errors
/// The exponents are not those of the modulus.
pub(super) fn factors(n: &BigNumRef, e: &BigNumRef, d: &BigNumRef) -> Result<(Wiped, Wiped), Unsound> {
    let is_exponent = e.is_odd() && (2..=MAX_EXPONENT).contains(&e.num_bits());
    if d.num_bits() > n.num_bits() || !is_exponent || !n.is_odd() || n.num_bits() < 16 {
        return Err(Unsound::Pair);
    }
    let mut context = BigNumContext::new_secure()?;
    let wiped = || BigNum::new().map(Wiped);
    let (mut product, mut odd, mut less) = (wiped()?, wiped()?, Wiped(BigNumRef::to_owned(n)?));
    product.checked_mul(d, e, &mut context)?;
    product.sub_word(1)?;
    less.sub_word(1)?;
    let twos =
        (0..product.num_bits()).find(|bit| product.is_bit_set(*bit)).filter(|twos| (1..=MAX_TWOS).contains(twos));
    let twos = twos.ok_or(Unsound::Pair)?;
    odd.rshift(&product, twos)?;
    odd.set_const_time();
    let one = BigNum::from_u32(1)?;
    for base in 2..2 + BASES {
        let (base, mut root) = (BigNum::from_u32(base)?, wiped()?);
        root.mod_exp(&base, &odd, n, &mut context)?;
        for _ in 0..twos {
            if *root == one || *root == *less {
                break;
            }
            let mut square = wiped()?;
            square.mod_sqr(&root, n, &mut context)?;
            if *square == one {
                root.sub_word(1)?;
                let (mut first, mut second) = (wiped()?, wiped()?);
                first.gcd(&root, n, &mut context)?;
                second.checked_div(n, &first, &mut context)?;
                return Ok(if *first > *second { (first, second) } else { (second, first) });
            }
            root = square;
        }
        // A power that does not end in 1 shows that the exponents belong to another modulus.
        if *root != one && *root != *less {
            return Err(Unsound::Pair);
        }
    }
    Err(Unsound::Pair)
}

/// The numbers of a key of this kind. An RSA key has both primes.
pub(super) fn parts(key: &PKeyRef<Private>, kind: PairKind) -> Result<PrivateParts, ErrorStack> {
    let value = |bytes: Vec<u8>| PrivateParts::new([(Part::Value, Zeroizing::new(bytes))]);
    match kind {
        PairKind::Rsa { .. } => {
            let rsa = key.rsa()?;
            let numbers =
                [Some(rsa.n()), Some(rsa.e()), Some(rsa.d()), rsa.p(), rsa.q(), rsa.dmp1(), rsa.dmq1(), rsa.iqmp()];
            let bytes = |number: Option<&BigNumRef>| Zeroizing::new(number.map(BigNumRef::to_vec).unwrap_or_default());
            Ok(PrivateParts::new(Part::RSA.into_iter().zip(numbers.map(bytes))))
        }
        PairKind::Ec(curve) => {
            let length = i32::try_from(curve.bytes()).unwrap_or_default();
            Ok(value(key.ec_key()?.private_key().to_vec_padded(length)?))
        }
        PairKind::Ed25519 | PairKind::X25519 => Ok(value(key.raw_private_key()?)),
    }
}

/// The key of these numbers.
pub(super) fn key(parts: &PrivateParts, kind: PairKind) -> Result<PKey<Private>, ErrorStack> {
    let get = |part| parts.get(part).unwrap_or_default();
    let number = |part| BigNum::from_slice(get(part));
    match kind {
        PairKind::Rsa { .. } => {
            let [n, e, d, p, q, first, second, inverse] = Part::RSA.map(number);
            PKey::from_rsa(Rsa::from_private_components(n?, e?, d?, p?, q?, first?, second?, inverse?)?)
        }
        PairKind::Ec(curve) => {
            let group = EcGroup::from_curve_name(curve_name(curve))?;
            let number = Wiped(number(Part::Value)?);
            let mut point = EcPoint::new(&group)?;
            point.mul_generator2(&group, &number, &mut *BigNumContext::new()?)?;
            PKey::from_ec_key(EcKey::from_private_components(&group, &number, &point)?)
        }
        PairKind::Ed25519 => PKey::private_key_from_raw_bytes(get(Part::Value), Id::ED25519),
        PairKind::X25519 => PKey::private_key_from_raw_bytes(get(Part::Value), Id::X25519),
    }
}
