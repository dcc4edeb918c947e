//! The numbers of private keys, as OpenSSL and as the HSM token have them.

use std::ops::{Deref, DerefMut};

use openssl::bn::{BigNum, BigNumContext, BigNumRef};
use openssl::ec::{EcGroup, EcKey, EcPoint};
use openssl::error::ErrorStack;
use openssl::pkey::{Id, PKey, PKeyRef, Private};
use openssl::rsa::Rsa;
use zeroize::Zeroizing;

use crate::custody::{PairKind, Part, PrivateParts, curve_name};

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
        PairKind::Ed25519 => Ok(value(key.raw_private_key()?)),
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
    }
}
