//! Trials of key pairs: which kinds the token makes, which it wraps, and how their private keys decrypt.

use cryptoki_sys::{
    CK_MECHANISM_TYPE, CKM_EC_EDWARDS_KEY_PAIR_GEN, CKM_EC_KEY_PAIR_GEN, CKM_EC_MONTGOMERY_KEY_PAIR_GEN,
    CKM_RSA_PKCS_KEY_PAIR_GEN, CKM_RSA_PKCS_OAEP,
};
use zeroize::Zeroizing;

use crate::capability::{Extent, Failure, Need, Trial, trial, works};
use crate::curve::{Curve, ED25519_BYTES};
use crate::device::Device;
use crate::error::Error;
use crate::key::Key;
use crate::pair::{PairKind, PublicParts};
use crate::private_key::{Part, PrivateKeySpec, PrivateParts};
use crate::protection;
use crate::rsa::{Oaep, RsaPadding};
use crate::secret_key::Uses;
use crate::signature::{Hash, SignatureMechanism};

const P384: PairKind = PairKind::Ec(Curve::P384);
const P521: PairKind = PairKind::Ec(Curve::P521);
const SECP256K1: PairKind = PairKind::Ec(Curve::Secp256k1);
const EC: Option<CK_MECHANISM_TYPE> = Some(CKM_EC_KEY_PAIR_GEN);
const EDWARDS: Option<CK_MECHANISM_TYPE> = Some(CKM_EC_EDWARDS_KEY_PAIR_GEN);
const MONTGOMERY: Option<CK_MECHANISM_TYPE> = Some(CKM_EC_MONTGOMERY_KEY_PAIR_GEN);

/// The trials, in an order in which each failure explains later ones.
pub(crate) const TRIALS: &[Trial] = &[
    trial("P-256 pairs, wrapped", EC, Need::Pairs, |device| wrapped_pair(device, PairKind::P256)),
    trial("P-384 pairs", EC, Need::Pair(P384), |device| pair(device, P384)),
    trial("P-384 pairs, wrapped", EC, Need::WrappedPair(P384), |device| wrapped_pair(device, P384)),
    trial("P-521 pairs", EC, Need::Pair(P521), |device| pair(device, P521)),
    trial("P-521 pairs, wrapped", EC, Need::WrappedPair(P521), |device| wrapped_pair(device, P521)),
    trial("secp256k1 pairs", EC, Need::Pair(SECP256K1), |device| pair(device, SECP256K1)),
    trial("secp256k1 pairs, wrapped", EC, Need::WrappedPair(SECP256K1), |device| wrapped_pair(device, SECP256K1)),
    trial("Ed25519 pairs", EDWARDS, Need::Pair(PairKind::Ed25519), |device| pair(device, PairKind::Ed25519)),
    trial("Ed25519 pairs, wrapped", EDWARDS, Need::WrappedPair(PairKind::Ed25519), |device| {
        wrapped_pair(device, PairKind::Ed25519)
    }),
    trial("X25519 pairs", MONTGOMERY, Need::Pair(PairKind::X25519), |device| pair(device, PairKind::X25519)),
    trial("X25519 pairs, wrapped", MONTGOMERY, Need::WrappedPair(PairKind::X25519), |device| {
        wrapped_pair(device, PairKind::X25519)
    }),
    Trial {
        name: "RSA pairs, wrapped",
        mechanism: Some(CKM_RSA_PKCS_KEY_PAIR_GEN),
        need: Need::For("RSA pairs whose private half is wrapped"),
        extent: Extent::Everything,
        run: |device| wrapped_pair(device, PairKind::Rsa { bits: 2048 }),
    },
    Trial {
        name: "RSA-OAEP",
        mechanism: Some(CKM_RSA_PKCS_OAEP),
        need: Need::For("decryption by RSA"),
        extent: Extent::Everything,
        run: oaep,
    },
    trial("C_CreateObject of a private key", None, Need::PrivateImport, import),
];

fn wrapped_pair(device: &Device, kind: PairKind) -> Result<String, Failure> {
    knows(device, kind)?;
    let kek = protection::kek(device)?;
    serves(device, kind, |spec| {
        let (blob, public) = device.generate_wrapped_pair(&kek, kind)?;
        Ok((device.unwrap_private(&kek, &blob, spec)?, public))
    })
}

/// Makes a pair as session objects and signs by it, or several that agree on a secret.
fn pair(device: &Device, kind: PairKind) -> Result<String, Failure> {
    knows(device, kind)?;
    serves(device, kind, |spec| device.generate_session_pair(spec))
}

/// Finds by C_CreateObject whether the token knows the curve. To C_GenerateKeyPair on an unknown one, Kryoptic answers as
/// if the device failed.
fn knows(device: &Device, kind: PairKind) -> Result<(), Error> {
    let is_curve = !matches!(kind, PairKind::Rsa { .. } | PairKind::P256);
    if is_curve && imported(device, PairKind::P256).is_ok() {
        imported(device, kind)?;
    }
    Ok(())
}

fn import(device: &Device) -> Result<String, Failure> {
    let kind = PairKind::P256;
    signs(device, &imported(device, kind)?, SignatureMechanism::Ecdsa { hash: Hash::Sha256, curve: Curve::P256 })
}

/// Imports a key of a curve whose number is known to everybody.
fn imported(device: &Device, kind: PairKind) -> Result<Key, Error> {
    let bytes = kind.secret_bytes().unwrap_or(ED25519_BYTES);
    // Below the order of every curve: that of P-521 has 521 bits, and so a first byte of 1.
    let parts = PrivateParts::new([(Part::Value, Zeroizing::new([&[0][..], &vec![7; bytes - 1]].concat()))]);
    device.import_session_private(&usual(kind), &parts)
}

/// The specification of a private key that has the use for which most keys of its kind are.
fn usual(kind: PairKind) -> PrivateKeySpec {
    match kind {
        PairKind::Rsa { .. } | PairKind::Ec(_) | PairKind::Ed25519 => PrivateKeySpec::signing(kind),
        PairKind::X25519 => PrivateKeySpec::deriving(kind),
    }
}

/// Uses pairs of this kind, which `make` makes, as most of them are used.
fn serves(
    device: &Device,
    kind: PairKind,
    make: impl Fn(&PrivateKeySpec) -> Result<(Key, PublicParts), Error>,
) -> Result<String, Failure> {
    let make = || make(&usual(kind));
    let mechanism = match kind {
        PairKind::Rsa { .. } => SignatureMechanism::pss(Hash::Sha256),
        PairKind::Ec(curve) => SignatureMechanism::Ecdsa { hash: Hash::Sha256, curve },
        PairKind::Ed25519 => SignatureMechanism::Ed25519,
        PairKind::X25519 => return device.try_ecdh(make),
    };
    let (private, _) = make()?;
    signs(device, &private, mechanism)
}

fn signs(device: &Device, private: &Key, mechanism: SignatureMechanism) -> Result<String, Failure> {
    device.sign(private, mechanism, &[8; 32])?;
    works()
}

/// Finds the hashes with which the token removes the padding itself. It refuses what is no ciphertext, but not the
/// mechanism.
fn oaep(device: &Device) -> Result<String, Failure> {
    const BITS: usize = 2048;
    let uses = Uses { decrypt: true, ..Uses::default() };
    let spec = PrivateKeySpec { uses, ..PrivateKeySpec::signing(PairKind::Rsa { bits: BITS }) };
    let (private, _) = device.generate_session_pair(&spec)?;
    let text = [1; BITS / 8];
    let mut own = Vec::new();
    for hash in Hash::ALL {
        let padding = RsaPadding::Oaep(Oaep { hash, mask: hash, label: b"" });
        match device.decrypt_rsa(&private, padding, &text, text.len()) {
            Ok(_) | Err(Error::DecryptionFailed) => own.push(format!("{hash:?}")),
            Err(Error::MechanismUnsupported(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    if own.len() == Hash::ALL.len() {
        return Ok("with every hash".to_owned());
    }
    let raw = Oaep { hash: Hash::Sha256, mask: Hash::Sha256, label: b"" };
    match device.decrypt_rsa_raw(&private, raw, &text, text.len()) {
        Ok(_) | Err(Error::DecryptionFailed) => Ok(format!("with {}; with other hashes by raw RSA", own.join(", "))),
        Err(Error::MechanismUnsupported(_)) if !own.is_empty() => Ok(format!("with {}", own.join(", "))),
        Err(error) => Err(error.into()),
    }
}
