//! Key pairs: OpenSSL verifies their signatures, and their private halves stay in the token.

use claviger_pkcs11::{
    Curve, Derivation, Device, Error, Extent, Hash, InvalidInput, Key, PairKind, PrivateKeySpec, PublicParts, RootKind,
    SecretKeyKind, SecretKeySpec, SignatureMechanism, UnwrapTemplate, Uses, Weaknesses,
};
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, AttributeType, ObjectClass, ObjectHandle};
use cryptoki::session::Session;
use openssl::bn::{BigNum, BigNumContext};
use openssl::cipher::Cipher;
use openssl::cipher_ctx::{CipherCtx, CipherCtxFlags};
use openssl::derive::Deriver;
use openssl::ec::{EcGroup, EcKey, EcPoint};
use openssl::ecdsa::EcdsaSig;
use openssl::hash::{MessageDigest, hash};
use openssl::md::{Md, MdRef};
use openssl::nid::Nid;
use openssl::pkey::{Id, PKey, Public};
use openssl::pkey_ctx::PkeyCtx;
use openssl::rsa::{Padding, Rsa};
use openssl::sign::{RsaPssSaltlen, Verifier};

use crate::harness::{Home, aes, new_id, raw};
use crate::hsm::Hsm;
use crate::signing::assert_unextractable;

pub(crate) fn kek(device: &Device, class: UnwrapTemplate) -> Key {
    device.generate_root(&new_id(device), "kek", RootKind::Kek(class), Weaknesses::NONE).unwrap()
}

pub(crate) fn group(curve: Curve) -> EcGroup {
    EcGroup::from_curve_name(match curve {
        Curve::P256 => Nid::X9_62_PRIME256V1,
        Curve::P384 => Nid::SECP384R1,
        Curve::P521 => Nid::SECP521R1,
        Curve::Secp256k1 => Nid::SECP256K1,
    })
    .unwrap()
}

fn public(parts: &PublicParts) -> PKey<Public> {
    match parts {
        PublicParts::Rsa { modulus, exponent } => {
            let [n, e] = [modulus, exponent].map(|number| BigNum::from_slice(number).unwrap());
            PKey::from_rsa(Rsa::from_public_components(n, e).unwrap()).unwrap()
        }
        PublicParts::Ec(curve, point) => {
            let group = group(*curve);
            let point = EcPoint::from_bytes(&group, point, &mut BigNumContext::new().unwrap()).unwrap();
            PKey::from_ec_key(EcKey::from_public_key(&group, &point).unwrap()).unwrap()
        }
        PublicParts::Ed25519(point) => PKey::public_key_from_raw_bytes(point, Id::ED25519).unwrap(),
        PublicParts::X25519(point) => PKey::public_key_from_raw_bytes(point, Id::X25519).unwrap(),
    }
}

pub(crate) fn message_digest(hash: Hash) -> MessageDigest {
    match hash {
        Hash::Sha1 => MessageDigest::sha1(),
        Hash::Sha224 => MessageDigest::sha224(),
        Hash::Sha256 => MessageDigest::sha256(),
        Hash::Sha384 => MessageDigest::sha384(),
        Hash::Sha512 => MessageDigest::sha512(),
    }
}

fn md(hash: Hash) -> &'static MdRef {
    Md::from_nid(message_digest(hash).type_()).unwrap()
}

fn verifies(key: &PKey<Public>, mechanism: SignatureMechanism, data: &[u8], signature: &[u8]) -> bool {
    let Some(hash) = mechanism.hash() else {
        return Verifier::new_without_digest(key).unwrap().verify_oneshot(signature, data).unwrap_or(false);
    };
    let mut context = PkeyCtx::new(key).unwrap();
    context.verify_init().unwrap();
    context.set_signature_md(md(hash)).unwrap();
    let signature = match mechanism {
        SignatureMechanism::Pkcs1v15(_) => {
            context.set_rsa_padding(Padding::PKCS1).unwrap();
            signature.to_vec()
        }
        SignatureMechanism::Pss { hash, mask, salt } => {
            let salt = salt.unwrap_or(hash.bytes());
            context.set_rsa_padding(Padding::PKCS1_PSS).unwrap();
            context.set_rsa_pss_saltlen(RsaPssSaltlen::custom(i32::try_from(salt).unwrap())).unwrap();
            context.set_rsa_mgf1_md(md(mask)).unwrap();
            signature.to_vec()
        }
        SignatureMechanism::Ecdsa { curve, .. } => {
            assert_eq!(signature.len(), 2 * curve.bytes());
            let (r, s) = signature.split_at(curve.bytes());
            let [r, s] = [r, s].map(|number| BigNum::from_slice(number).unwrap());
            EcdsaSig::from_private_components(r, s).unwrap().to_der().unwrap()
        }
        SignatureMechanism::Ed25519 => unreachable!(),
    };
    context.verify(data, &signature).unwrap_or(false)
}

/// Checks that OpenSSL verifies the signatures of every mechanism of the kind, and refuses other ones.
fn check(device: &Device, key: &Key, kind: PairKind, parts: &PublicParts) {
    check_by(device, key, kind, &public(parts));
}

pub(crate) fn check_by(device: &Device, key: &Key, kind: PairKind, public: &PKey<Public>) {
    if kind == PairKind::X25519 {
        return agrees(device, key, public);
    }
    let pss = |hash, salt| SignatureMechanism::Pss { hash, mask: hash, salt: Some(salt) };
    let mechanisms: Vec<SignatureMechanism> = match kind {
        PairKind::Rsa { .. } => {
            let each = |hash: Hash| {
                [SignatureMechanism::Pkcs1v15(hash), SignatureMechanism::pss(hash), pss(hash, 0), pss(hash, 100)]
            };
            Hash::ALL.into_iter().flat_map(each).collect()
        }
        PairKind::Ec(curve) => Hash::ALL.map(|hash| SignatureMechanism::Ecdsa { hash, curve }).to_vec(),
        PairKind::Ed25519 => vec![SignatureMechanism::Ed25519],
        PairKind::X25519 => vec![],
    };
    for mechanism in mechanisms {
        let signed = |text: &[u8]| match mechanism.hash() {
            Some(own) => hash(message_digest(own), text).unwrap().to_vec(),
            None => text.to_vec(),
        };
        let data = signed(b"text");
        let signature = device.sign(key, mechanism, &data).unwrap();
        assert!(verifies(public, mechanism, &data, &signature), "{mechanism:?}");
        assert!(!verifies(public, mechanism, &signed(b"other"), &signature), "{mechanism:?}");
        if mechanism.hash().is_none() {
            continue;
        }
        let short = device.sign(key, mechanism, &data[1..]).unwrap_err();
        let (found, expected) = (data.len() - 1, data.len());
        assert!(matches!(short, Error::InvalidInput(InvalidInput::DigestLength { found: own, .. }) if own == found));
        assert!(short.to_string().contains(&format!("{found} bytes long; expected {expected}")), "{short}");
    }
}

/// Checks that the token and OpenSSL agree on a secret.
fn agrees(device: &Device, key: &Key, public: &PKey<Public>) {
    let other = PKey::generate_x25519().unwrap();
    let mut deriver = Deriver::new(&other).unwrap();
    deriver.set_peer(public).unwrap();
    let secret = deriver.derive_to_vec().unwrap();
    let kind = SecretKeyKind::Generic { bytes: secret.len() };
    let spec = SecretKeySpec { kind, sensitive: false, extractable: true, uses: Uses::default() };
    let derived = device.derive(key, &Derivation::Ecdh { point: &other.raw_public_key().unwrap() }, &spec).unwrap();
    assert_eq!(*device.value(&derived).unwrap(), *secret);
}

/// The specification of a private key that [`check`] uses.
pub(crate) fn usual(kind: PairKind) -> PrivateKeySpec {
    if kind == PairKind::X25519 { PrivateKeySpec::deriving(kind) } else { PrivateKeySpec::signing(kind) }
}

/// The wrapping key in [`assert_stays`], as an attacker with the PIN would make it.
fn wrapping(session: &Session) -> ObjectHandle {
    let template = [Attribute::ValueLen(32_u64.into()), Attribute::Wrap(true), Attribute::Token(false)];
    session.generate_key(&Mechanism::AesKeyGen, &template).unwrap()
}

/// Checks that the only private session key can neither be read nor wrapped, even with the PIN.
fn assert_stays(kind: PairKind) {
    let session = raw();
    let found = session.find_objects(&[Attribute::Class(ObjectClass::PRIVATE_KEY), Attribute::Token(false)]).unwrap();
    let [private] = found.as_slice() else { panic!("{found:?}") };
    let value = if let PairKind::Rsa { .. } = kind { AttributeType::PrivateExponent } else { AttributeType::Value };
    assert!(session.get_attributes(*private, &[value]).unwrap().is_empty(), "{kind:?} is shown");
    assert_unextractable(&session, wrapping(&session), *private);
}

/// The kinds that the token wraps. SoftHSM does not wrap keys of Ed25519, and does not have X25519; Kryoptic does not have
/// secp256k1.
pub(crate) fn wrapped_kinds() -> Vec<PairKind> {
    let mut kinds = vec![PairKind::Rsa { bits: 2048 }, PairKind::Rsa { bits: 3072 }];
    kinds.extend([Curve::P256, Curve::P384, Curve::P521].map(PairKind::Ec));
    kinds.extend_from_slice(match Hsm::chosen() {
        Hsm::SoftHsm => &[PairKind::Ec(Curve::Secp256k1)],
        Hsm::Kryoptic => &[PairKind::Ed25519, PairKind::X25519],
    });
    kinds
}

#[test]
fn the_trials_find_the_kinds() {
    Home::test(module_path!(), "the_trials_find_the_kinds", |home| {
        let token = home.open();
        let device = token.device().unwrap();
        let capabilities = device.capabilities(Extent::Everything);
        let lacking = |name: &&str| capabilities.iter().any(|own| own.name == *name && own.found.is_err());
        let names = ["P-384 pairs, wrapped", "P-521 pairs, wrapped", "secp256k1 pairs", "secp256k1 pairs, wrapped"];
        let edwards = ["Ed25519 pairs", "Ed25519 pairs, wrapped"];
        let others = ["X25519 pairs", "X25519 pairs, wrapped", "RSA-OAEP", "C_CreateObject of a private key"];
        let expected: &[&str] = match Hsm::chosen() {
            Hsm::SoftHsm => &["Ed25519 pairs, wrapped", "X25519 pairs", "X25519 pairs, wrapped"],
            Hsm::Kryoptic => &["secp256k1 pairs", "secp256k1 pairs, wrapped"],
        };
        assert_eq!(names.iter().chain(&edwards).chain(&others).copied().filter(lacking).collect::<Vec<_>>(), expected);
        let oaep = capabilities.iter().find(|own| own.name == "RSA-OAEP").unwrap().found.as_ref().unwrap();
        let expected = match Hsm::chosen() {
            Hsm::SoftHsm => "with Sha1; with other hashes by raw RSA",
            Hsm::Kryoptic => "with every hash",
        };
        assert_eq!(oaep, expected);
        // No trial looks like a failure of the device.
        device.check(&[]).unwrap();
        assert!(!token.suspect().wait(std::time::Duration::ZERO));
    });
}

#[test]
fn a_private_half_signs_and_never_leaves() {
    Home::test(module_path!(), "a_private_half_signs_and_never_leaves", |home| {
        let token = home.open();
        let device = token.device().unwrap();
        let sealing = kek(&device, UnwrapTemplate::Sealing);
        for kind in wrapped_kinds() {
            let (blob, parts) = device.generate_wrapped_pair(&sealing, kind).unwrap();
            if let (PairKind::Rsa { bits }, PublicParts::Rsa { modulus, exponent }) = (kind, &parts) {
                assert_eq!((modulus.len() * 8, exponent.as_slice()), (bits, [1, 0, 1].as_slice()));
            }
            let key = device.unwrap_private(&sealing, &blob, &usual(kind)).unwrap();
            check(&device, &key, kind, &parts);
            assert!(matches!(device.wrap(&sealing, &key), Err(Error::InvalidInput(InvalidInput::WrapLength))));
            assert_stays(kind);
            drop(key);
            device.reap().unwrap();
            // Only the class that may never leave accepts it.
            for class in [UnwrapTemplate::Guarding, UnwrapTemplate::Exporting] {
                let other = kek(&device, class);
                let (blob, _) = device.generate_wrapped_pair(&other, PairKind::P256).unwrap();
                let refused = device.unwrap_private(&other, &blob, &PrivateKeySpec::signing(PairKind::P256));
                assert!(matches!(refused, Err(Error::TemplateRefused(_))), "{class:?}: {refused:?}");
            }
        }
    });
}

/// AES key wrap with padding (RFC 5649), computed by OpenSSL.
fn key_wrap(key: &[u8; 32], opens: bool, data: &[u8]) -> Vec<u8> {
    let mut context = CipherCtx::new().unwrap();
    context.set_flags(CipherCtxFlags::FLAG_WRAP_ALLOW);
    let cipher = Some(Cipher::aes_256_wrap_pad());
    if opens {
        context.decrypt_init(cipher, Some(key), None).unwrap();
    } else {
        context.encrypt_init(cipher, Some(key), None).unwrap();
    }
    let mut output = Vec::new();
    context.cipher_update_vec(data, &mut output).unwrap();
    context.cipher_final_vec(&mut output).unwrap();
    output
}

#[test]
fn a_private_half_is_wrapped_as_openssl_does_it() {
    Home::test(module_path!(), "a_private_half_is_wrapped_as_openssl_does_it", |home| {
        let token = home.open();
        let device = token.device().unwrap();
        let mut spec = aes(32);
        (spec.uses.wrap, spec.uses.unwrap) = (true, true);
        let wrapping = device.create(&spec, &[0x11; 32]).unwrap();
        for kind in [PairKind::Rsa { bits: 2048 }, PairKind::P256] {
            let (blob, parts) = device.generate_wrapped_pair(&wrapping, kind).unwrap();
            let private = PKey::private_key_from_pkcs8(&key_wrap(&[0x11; 32], true, &blob)).unwrap();
            assert!(private.public_eq(&public(&parts)), "{kind:?}");
            // The token also unwraps the blob of OpenSSL, whatever its own mechanism number is.
            let blob = key_wrap(&[0x11; 32], false, &private.private_key_to_pkcs8().unwrap());
            check(
                &device,
                &device.unwrap_private(&wrapping, &blob, &PrivateKeySpec::signing(kind)).unwrap(),
                kind,
                &parts,
            );
        }
    });
}

#[test]
fn a_changed_private_half_is_refused() {
    Home::test(module_path!(), "a_changed_private_half_is_refused", |home| {
        let token = home.open();
        let device = token.device().unwrap();
        let (sealing, other) = (kek(&device, UnwrapTemplate::Sealing), kek(&device, UnwrapTemplate::Sealing));
        let (blob, _) = device.generate_wrapped_pair(&sealing, PairKind::P256).unwrap();
        let invalid = |result: Result<Key, Error>| {
            let error = result.unwrap_err();
            assert!(matches!(error, Error::BlobInvalid(_)), "{error:?}");
        };
        invalid(device.unwrap_private(&other, &blob, &PrivateKeySpec::signing(PairKind::P256)));
        for at in 0..blob.len() {
            let mut changed = blob.clone();
            changed[at] ^= 0x80;
            invalid(device.unwrap_private(&sealing, &changed, &PrivateKeySpec::signing(PairKind::P256)));
        }
        // The blob of a secret key cannot be unwrapped as a private key, whatever key wrapped it.
        let secret = device.wrap(&sealing, &device.generate(&aes(32)).unwrap()).unwrap();
        device.unwrap_private(&sealing, &secret, &PrivateKeySpec::signing(PairKind::P256)).unwrap_err();
        device.unwrap_private(&sealing, &blob, &PrivateKeySpec::signing(PairKind::P256)).unwrap();
        device.check(&[&sealing, &other]).unwrap();
        for bits in [0, 1024, 2047, 8192] {
            let refused = device.generate_wrapped_pair(&sealing, PairKind::Rsa { bits });
            assert!(matches!(refused, Err(Error::InvalidInput(InvalidInput::RsaKeyLength))));
        }
    });
}

#[test]
fn a_private_half_may_be_a_token_object() {
    Home::test(module_path!(), "a_private_half_may_be_a_token_object", |home| {
        for kind in [PairKind::P256, PairKind::Ed25519, PairKind::X25519] {
            if kind != PairKind::X25519 || wrapped_kinds().contains(&kind) {
                may_be_placed(home, kind);
            }
        }
    });
}

fn may_be_placed(home: &Home, kind: PairKind) {
    let token = home.open();
    let id = new_id(&token.device().unwrap());
    let parts = {
        let device = token.device().unwrap();
        let (key, parts) = device.generate_token_pair(&id, "placed", &usual(kind)).unwrap();
        check(&device, &key, kind, &parts);
        parts
    };
    token.reset(|_| Ok::<_, Error>(())).unwrap();
    let device = token.device().unwrap();
    let found = device.token_private_keys().unwrap();
    let [found] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!((found.id.as_slice(), found.label.as_str()), (id.as_bytes().as_slice(), "placed"));
    check(&device, &found.key, kind, &parts);
    assert!(matches!(device.value(&found.key), Err(Error::NotExtractable(_))));
    assert!(device.token_keys().unwrap().is_empty());
    device.destroy_token(found.key.clone()).unwrap();
    assert!(device.token_private_keys().unwrap().is_empty());
}
