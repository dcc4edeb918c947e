//! One key of an issuer, from a JWK (RFC 7517), PEM or an X.509 certificate. It is used if it is a safe public key for
//! signatures that are served. Otherwise it is left out, with the reason.

use std::fmt;

use openssl::bn::BigNum;
use openssl::ec::{EcGroup, EcKey};
use openssl::error::ErrorStack;
use openssl::nid::Nid;
use openssl::pkey::{Id, PKey, Public};
use openssl::rsa::Rsa;
use openssl::x509::X509;
use serde_json::{Map, Value};

use super::jose::{self, Algorithm};
use crate::base64;
use crate::pem::{self, Block, Kind};
use crate::public_key::{self, Unsound, Warning};
use crate::text::Part;

/// The maximum length of a quotation from a key in a message, in characters.
const MAX_TOLD: usize = 60;

/// A public key and its algorithms.
pub(super) struct VerificationKey {
    pub(super) id: Option<String>,
    pub(super) algorithms: Vec<Algorithm>,
    pub(super) key: jose::Key,
    /// A weakness of the key that an operator should know.
    pub(super) warning: Option<Warning>,
}

/// The reason for which a key is left out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotTaken {
    /// The key contains private components.
    #[error("this is a private key: publish only its public half, and replace the key, because others have seen it")]
    Private,
    /// A key for an HMAC.
    #[error("this is a secret key (kty \"oct\"): only public keys are taken")]
    Secret,
    /// The entry is not a key.
    #[error("it is not a JSON object")]
    Form,
    /// RFC 7517 section 4.2.
    #[error("its use is {0}; expected \"sig\"")]
    Use(String),
    /// RFC 7517 section 4.3.
    #[error("its key_ops are {0}; expected \"verify\" among them")]
    Operations(String),
    /// A member is missing or has the wrong format.
    #[error("its member {0} is missing, or is not base64url without padding")]
    Member(&'static str),
    /// RFC 7518 section 6.2.1.2.
    #[error("its members x and y have {found:?} bytes; expected {expected} each")]
    Coordinates {
        /// The lengths of x and y.
        found: [usize; 2],
        /// The length that the curve requires.
        expected: usize,
    },
    /// A kind of key that is not used for signatures here.
    #[error("its kty is {kty} and its crv {crv}; expected RSA, P-256, P-384, P-521 or Ed25519")]
    Kind {
        /// The key type.
        kty: String,
        /// The curve.
        crv: String,
    },
    /// The same for a key in PEM.
    #[error("it is a key of another kind; expected RSA, P-256, P-384, P-521 or Ed25519")]
    OtherKind,
    /// An algorithm that is not served.
    #[error("its alg is {0}, which is not served")]
    Algorithm(String),
    /// An algorithm of another kind of key.
    #[error("its alg is {0}, which is not for a key of its kind")]
    OtherAlgorithm(String),
    /// A key with which anyone could sign.
    #[error("{0}")]
    Unsound(#[from] Unsound),
    /// An entry of a map of certificates is not a certificate.
    #[error("it is not an X.509 certificate in PEM")]
    Certificate,
    /// PEM of another kind.
    #[error("it is a {0}; expected PUBLIC KEY or CERTIFICATE")]
    Label(String),
    /// OpenSSL cannot parse the PEM block.
    #[error("OpenSSL cannot read it: {0}")]
    Unreadable(String),
}

impl NotTaken {
    /// Whether the key is meant for another use, as RFC 7517 section 5 expects.
    #[must_use]
    pub fn is_for_others(&self) -> bool {
        matches!(self, Self::Use(_) | Self::Operations(_) | Self::Kind { .. } | Self::Algorithm(_))
    }
}

impl From<ErrorStack> for NotTaken {
    fn from(error: ErrorStack) -> Self {
        Self::Unreadable(error.to_string())
    }
}

/// A key that was left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// Its position in the document, from 1.
    pub number: usize,
    /// Its key id.
    pub id: Option<String>,
    /// The reason.
    pub reason: NotTaken,
}

impl fmt::Display for LeftOut {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "key {}", self.number)?;
        if let Some(id) = &self.id {
            write!(formatter, " ({})", quoted_value(&Value::from(id.as_str())))?;
        }
        write!(formatter, ": {}", self.reason)
    }
}

impl VerificationKey {
    /// Reads one JWK. A member that is `null` counts as absent.
    pub(super) fn of_jwk(jwk: &Map<String, Value>) -> Result<Self, NotTaken> {
        let member = |name: &str| jwk.get(name).filter(|value| !value.is_null());
        if let Some(purpose) = member("use").filter(|purpose| *purpose != "sig") {
            return Err(NotTaken::Use(quoted_value(purpose)));
        }
        if let Some(operations) = member("key_ops") {
            let verifies = |operations: &Vec<Value>| operations.iter().any(|operation| operation == "verify");
            if !operations.as_array().is_some_and(verifies) {
                return Err(NotTaken::Operations(quoted_value(operations)));
            }
        }
        // RFC 7518 sections 6.2.2 and 6.3.2, RFC 8037 section 2.
        if ["d", "p", "q", "dp", "dq", "qi", "oth"].into_iter().any(|name| member(name).is_some()) {
            return Err(NotTaken::Private);
        }
        let key = components(jwk)?;
        let mut taken = Self::of_public(key)?;
        // A key is for one algorithm if it names one, and never for one of another kind of key.
        if let Some(name) = member("alg") {
            let named =
                name.as_str().and_then(Algorithm::named).ok_or_else(|| NotTaken::Algorithm(quoted_value(name)))?;
            if !taken.algorithms.contains(&named) {
                return Err(NotTaken::OtherAlgorithm(quoted_value(name)));
            }
            taken.algorithms = vec![named];
        }
        taken.id = key_id(jwk);
        Ok(taken)
    }

    /// Reads one block of PEM: a public key, or a certificate with one.
    pub(super) fn of_pem(block: &Block) -> Result<Self, NotTaken> {
        let key = match pem::kind(&block.label) {
            Kind::Certificate => X509::from_pem(&block.text).and_then(|certificate| certificate.public_key()),
            Kind::PublicKey if block.label == "RSA PUBLIC KEY" => {
                Rsa::public_key_from_pem_pkcs1(&block.text).and_then(PKey::from_rsa)
            }
            Kind::PublicKey => PKey::public_key_from_pem(&block.text),
            Kind::PrivateKey => return Err(NotTaken::Private),
            Kind::Crl | Kind::Parameters | Kind::Other => return Err(NotTaken::Label(block.label.clone())),
        };
        Self::of_public(key?)
    }

    /// Reads one entry of a map of key ids to certificates.
    pub(super) fn of_certificate(id: &str, pem: &Value) -> Result<Self, NotTaken> {
        let certificate = pem.as_str().and_then(|text| X509::from_pem(text.as_bytes()).ok());
        let key = certificate.ok_or_else(|| {
            let _ = ErrorStack::get();
            NotTaken::Certificate
        })?;
        Ok(Self { id: Some(id.to_owned()), ..Self::of_public(key.public_key()?)? })
    }

    /// Checks a public key. All keys pass through here, whatever their format was.
    fn of_public(key: PKey<Public>) -> Result<Self, NotTaken> {
        let warning = public_key::check(&key)?;
        let algorithms = match key.id() {
            Id::RSA => RSA,
            Id::EC => match key.ec_key()?.group().curve_name() {
                Some(Nid::X9_62_PRIME256V1) => ES256,
                Some(Nid::SECP384R1) => ES384,
                Some(Nid::SECP521R1) => ES512,
                _ => return Err(NotTaken::OtherKind),
            },
            Id::ED25519 => ED25519,
            _ => return Err(NotTaken::OtherKind),
        };
        Ok(Self { id: None, algorithms: algorithms.to_vec(), key: jose::Key::new(&key)?, warning })
    }
}

const RSA: &[Algorithm] =
    &[Algorithm::RS256, Algorithm::RS384, Algorithm::RS512, Algorithm::PS256, Algorithm::PS384, Algorithm::PS512];
const ES256: &[Algorithm] = &[Algorithm::ES256];
const ES384: &[Algorithm] = &[Algorithm::ES384];
const ES512: &[Algorithm] = &[Algorithm::ES512];
const ED25519: &[Algorithm] = &[Algorithm::EdDSA];

/// Returns the key id of a JWK.
pub(super) fn key_id(jwk: &Map<String, Value>) -> Option<String> {
    jwk.get("kid").and_then(Value::as_str).map(str::to_owned)
}

/// Makes the public key of the members of a JWK (RFC 7518 section 6, RFC 8037 section 2).
fn components(jwk: &Map<String, Value>) -> Result<PKey<Public>, NotTaken> {
    let text = |name: &str| jwk.get(name).and_then(Value::as_str);
    let bytes = |name: &'static str| {
        let decoded = text(name).and_then(|text| base64::decode(text.as_bytes()));
        decoded.filter(|bytes| !bytes.is_empty()).ok_or(NotTaken::Member(name))
    };
    let curve = |nid: Nid, length: usize| {
        let (x, y) = (bytes("x")?, bytes("y")?);
        if x.len() != length || y.len() != length {
            return Err(NotTaken::Coordinates { found: [x.len(), y.len()], expected: length });
        }
        let (group, x, y) = (EcGroup::from_curve_name(nid)?, BigNum::from_slice(&x)?, BigNum::from_slice(&y)?);
        let key = EcKey::from_public_key_affine_coordinates(&group, &x, &y).map_err(|_| Unsound::OffCurve)?;
        Ok(PKey::from_ec_key(key)?)
    };
    match (text("kty"), text("crv")) {
        (Some("RSA"), _) => {
            let (n, e) = (BigNum::from_slice(&bytes("n")?)?, BigNum::from_slice(&bytes("e")?)?);
            Ok(PKey::from_rsa(Rsa::from_public_components(n, e)?)?)
        }
        (Some("EC"), Some("P-256")) => curve(Nid::X9_62_PRIME256V1, 32),
        (Some("EC"), Some("P-384")) => curve(Nid::SECP384R1, 48),
        (Some("EC"), Some("P-521")) => curve(Nid::SECP521R1, 66),
        (Some("OKP"), Some("Ed25519")) => {
            let x = bytes("x")?;
            PKey::public_key_from_raw_bytes(&x, Id::ED25519).map_err(|_| Unsound::Ed25519Length(x.len()).into())
        }
        (Some("oct"), _) => Err(NotTaken::Secret),
        _ => {
            let shown = |name: &str| jwk.get(name).map_or_else(|| "missing".to_owned(), quoted_value);
            Err(NotTaken::Kind { kty: shown("kty"), crv: shown("crv") })
        }
    }
}

/// Formats a value of the issuer as JSON without control characters, up to [`MAX_TOLD`] characters.
fn quoted_value(value: &Value) -> String {
    match value {
        Value::String(text) => Part(format_args!("{text:?}"), MAX_TOLD).to_string(),
        value => Part(value, MAX_TOLD).to_string(),
    }
}
