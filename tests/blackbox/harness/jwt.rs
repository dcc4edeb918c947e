//! JWTs that tests make: valid ones, and any other.

use std::time::{SystemTime, UNIX_EPOCH};

use data_encoding::BASE64URL_NOPAD;
use openssl::bn::BigNumContext;
use openssl::ec::{EcGroup, EcKey};
use openssl::ecdsa::EcdsaSig;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{Id, PKey, Private};
use openssl::rsa::{Padding, Rsa};
use openssl::sign::{RsaPssSaltlen, Signer};
use serde_json::{Value, json};

/// A key of an issuer.
#[derive(Clone)]
pub struct SigningKey {
    pub id: String,
    pub private: PKey<Private>,
}

impl SigningKey {
    pub fn rsa(id: &str) -> Self {
        Self { id: id.to_owned(), private: PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap() }
    }

    pub fn p256(id: &str) -> Self {
        Self::elliptic(id, Nid::X9_62_PRIME256V1)
    }

    pub fn p384(id: &str) -> Self {
        Self::elliptic(id, Nid::SECP384R1)
    }

    pub fn p521(id: &str) -> Self {
        Self::elliptic(id, Nid::SECP521R1)
    }

    fn elliptic(id: &str, curve: Nid) -> Self {
        let group = EcGroup::from_curve_name(curve).unwrap();
        Self { id: id.to_owned(), private: PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap() }
    }

    pub fn ed25519(id: &str) -> Self {
        Self { id: id.to_owned(), private: PKey::generate_ed25519().unwrap() }
    }

    /// The public key, for any algorithm of its kind.
    pub fn jwk(&self) -> Value {
        let mut jwk = match self.private.id() {
            Id::RSA => {
                let rsa = self.private.rsa().unwrap();
                json!({"kty": "RSA", "n": encode(&rsa.n().to_vec()), "e": encode(&rsa.e().to_vec())})
            }
            Id::EC => {
                let key = self.private.ec_key().unwrap();
                let bytes = half(&self.private);
                let (mut x, mut y) = (openssl::bn::BigNum::new().unwrap(), openssl::bn::BigNum::new().unwrap());
                let mut context = BigNumContext::new().unwrap();
                key.public_key().affine_coordinates_gfp(key.group(), &mut x, &mut y, &mut context).unwrap();
                let [x, y] = [x, y].map(|number| encode(&number.to_vec_padded(bytes).unwrap()));
                let curve = match bytes {
                    32 => "P-256",
                    48 => "P-384",
                    _ => "P-521",
                };
                json!({"kty": "EC", "crv": curve, "x": x, "y": y})
            }
            _ => json!({"kty": "OKP", "crv": "Ed25519", "x": encode(&self.private.raw_public_key().unwrap())}),
        };
        jwk["kid"] = json!(self.id);
        jwk["use"] = json!("sig");
        jwk
    }

    /// The public key, for one algorithm.
    pub fn jwk_for(&self, algorithm: &str) -> Value {
        let mut jwk = self.jwk();
        jwk["alg"] = json!(algorithm);
        jwk
    }

    pub fn header(&self, algorithm: &str) -> Value {
        json!({"alg": algorithm, "typ": "JWT", "kid": self.id})
    }

    /// Returns a JWT as an issuer makes it.
    pub fn token(&self, algorithm: &str, claims: &Value) -> String {
        self.signed(algorithm, &self.header(algorithm), claims)
    }

    /// Returns a JWT with any header.
    pub fn signed(&self, algorithm: &str, header: &Value, claims: &Value) -> String {
        self.signed_text(algorithm, &header.to_string(), &claims.to_string())
    }

    /// Returns a JWT of texts that need not be JSON.
    pub fn signed_text(&self, algorithm: &str, header: &str, claims: &str) -> String {
        compact(header.as_bytes(), claims.as_bytes(), |message| self.signature(algorithm, message))
    }

    /// Returns the signature of a JWS.
    pub fn signature(&self, algorithm: &str, message: &[u8]) -> Vec<u8> {
        let digest = match &algorithm[2..] {
            "256" => MessageDigest::sha256(),
            "384" => MessageDigest::sha384(),
            "512" => MessageDigest::sha512(),
            _ => return Signer::new_without_digest(&self.private).unwrap().sign_oneshot_to_vec(message).unwrap(),
        };
        let mut signer = Signer::new(digest, &self.private).unwrap();
        match &algorithm[..2] {
            "PS" => {
                signer.set_rsa_padding(Padding::PKCS1_PSS).unwrap();
                signer.set_rsa_mgf1_md(digest).unwrap();
                signer.set_rsa_pss_saltlen(RsaPssSaltlen::DIGEST_LENGTH).unwrap();
                signer.sign_oneshot_to_vec(message).unwrap()
            }
            "ES" => {
                let bytes = half(&self.private);
                let made = EcdsaSig::from_der(&signer.sign_oneshot_to_vec(message).unwrap()).unwrap();
                [made.r().to_vec_padded(bytes).unwrap(), made.s().to_vec_padded(bytes).unwrap()].concat()
            }
            _ => signer.sign_oneshot_to_vec(message).unwrap(),
        }
    }
}

/// Returns the number of bytes of a coordinate.
fn half(key: &PKey<Private>) -> i32 {
    i32::try_from(key.bits().div_ceil(8)).unwrap()
}

/// Returns a JWT of any header, payload and signature.
pub fn compact(header: &[u8], payload: &[u8], sign: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
    let message = format!("{}.{}", encode(header), encode(payload));
    let signature = encode(&sign(message.as_bytes()));
    format!("{message}.{signature}")
}

pub fn encode(bytes: &[u8]) -> String {
    BASE64URL_NOPAD.encode(bytes)
}

pub fn key_set(keys: &[Value]) -> Value {
    json!({ "keys": keys })
}

/// Seconds since 1970-01-01 UTC.
pub fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64
}

/// Returns claims that are valid for ten minutes.
pub fn claims(issuer: &str, audience: &str, user: &str) -> Value {
    json!({"iss": issuer, "aud": audience, "sub": user, "iat": now(), "exp": now() + 600})
}

/// Returns the claims with these changes; a null removes a claim.
pub fn but(mut claims: Value, changes: &Value) -> Value {
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => claims.as_object_mut().unwrap().remove(name),
            value => claims.as_object_mut().unwrap().insert(name.clone(), value.clone()),
        };
    }
    claims
}
