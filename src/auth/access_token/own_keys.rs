//! The public keys of this server's access tokens, for publication as a JWK Set (RFC 7517) and for verification.

use data_encoding::BASE64URL_NOPAD;
use openssl::bn::{BigNum, BigNumContext};
use openssl::ec::EcKey;
use openssl::error::ErrorStack;
use openssl::pkey::PKey;
use openssl::sha::sha256;
use serde::Serialize;

use crate::auth::jose::{Algorithm, Key};
use crate::auth::jwk::VerificationKey;
use crate::auth::jwks::KeySet;
use crate::custody::TokenKey;

/// One key in its published form.
#[derive(Debug, Clone, Serialize)]
pub struct OwnKey {
    kty: &'static str,
    crv: &'static str,
    r#use: &'static str,
    alg: &'static str,
    kid: String,
    x: String,
    y: String,
}

/// All keys of access tokens.
pub(super) struct OwnKeys {
    /// The keys for verification.
    pub(super) verify: KeySet,
    /// The keys in their published form.
    pub(super) published: Vec<OwnKey>,
    /// The key that signs, by its name among the root keys, and its key id.
    pub(super) signs: (String, String),
}

impl OwnKeys {
    /// Makes the keys of these HSM keys. The last one signs.
    pub(super) fn new(keys: &[TokenKey]) -> Result<Self, ErrorStack> {
        let published = keys.iter().map(|key| OwnKey::new(&key.public_key)).collect::<Result<Vec<_>, _>>()?;
        let name = keys.last().map(|key| key.name.clone()).unwrap_or_default();
        let id = published.last().map(|key| key.kid.clone()).unwrap_or_default();
        let verify = published.iter().zip(keys).map(|(own, key)| {
            let (id, algorithms) = (Some(own.kid.clone()), vec![Algorithm::ES256]);
            let key = Key::new(&*PKey::from_ec_key(EcKey::public_key_from_der(&key.public_key)?)?)?;
            Ok(VerificationKey { id, algorithms, key, warning: None })
        });
        let verify = KeySet::of(verify.collect::<Result<_, ErrorStack>>()?);
        Ok(Self { verify, signs: (name, id), published })
    }
}

impl OwnKey {
    fn new(public_key: &[u8]) -> Result<Self, ErrorStack> {
        let key = EcKey::public_key_from_der(public_key)?;
        let (mut x, mut y, mut context) = (BigNum::new()?, BigNum::new()?, BigNumContext::new()?);
        key.public_key().affine_coordinates(key.group(), &mut x, &mut y, &mut context)?;
        // Both coordinates in their full length (RFC 7518 section 6.2.1.2).
        let (x, y) = (BASE64URL_NOPAD.encode(&x.to_vec_padded(32)?), BASE64URL_NOPAD.encode(&y.to_vec_padded(32)?));
        // The thumbprint (RFC 7638 section 3.2): the members in their order, without white space.
        let canonical = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
        let kid = BASE64URL_NOPAD.encode(&sha256(canonical.as_bytes()));
        Ok(Self { kty: "EC", crv: "P-256", r#use: "sig", alg: "ES256", kid, x, y })
    }
}
