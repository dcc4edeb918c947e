//! Private and public keys from outside, in the formats of KMIP.

use openssl::bn::{BigNumContext, BigNumRef};
use openssl::ec::{EcGroup, EcKey, PointConversionForm};
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use serde_json::{Value, json};

use super::kmip::{bytes, date, enumeration, integer, structure};
use super::token::Hsm;

/// The kinds of keys that are registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Rsa(u32),
    /// The name of the curve, and its length in bits.
    Curve(&'static str, i64),
    Ed25519,
    /// It derives, and does not sign.
    X25519,
}

/// All kinds that the token of the tests has and that sign.
pub fn kinds() -> Vec<Kind> {
    let mut kinds = vec![Kind::Rsa(2048), Kind::Rsa(3072)];
    kinds.extend([("P256", 256), ("P384", 384), ("P521", 521)].map(|(name, bits)| Kind::Curve(name, bits)));
    if Hsm::chosen() != Hsm::Kryoptic {
        kinds.push(Kind::Curve("SECP256K1", 256));
    }
    kinds.push(Kind::Ed25519);
    kinds
}

/// The kinds that derive.
pub fn agreeing_kinds() -> Vec<Kind> {
    let curves = kinds().into_iter().filter(|kind| matches!(kind, Kind::Curve(..)));
    curves.chain((Hsm::chosen() == Hsm::Kryoptic).then_some(Kind::X25519)).collect()
}

impl Kind {
    pub fn generate(self) -> PKey<Private> {
        match self {
            Self::Rsa(bits) => PKey::from_rsa(Rsa::generate(bits).unwrap()).unwrap(),
            Self::Curve(name, _) => PKey::from_ec_key(EcKey::generate(&group(name)).unwrap()).unwrap(),
            Self::Ed25519 => PKey::generate_ed25519().unwrap(),
            Self::X25519 => PKey::generate_x25519().unwrap(),
        }
    }

    pub fn algorithm(self) -> &'static str {
        match self {
            Self::Rsa(_) => "RSA",
            Self::Curve(..) | Self::X25519 => "EC",
            Self::Ed25519 => "Ed25519",
        }
    }

    pub fn bits(self) -> i64 {
        match self {
            Self::Rsa(bits) => i64::from(bits),
            Self::Curve(_, bits) => bits,
            Self::Ed25519 | Self::X25519 => 256,
        }
    }

    /// The curve, as the domain parameters name it.
    pub fn domain(self) -> Option<Value> {
        let name = match self {
            Self::Rsa(_) | Self::Ed25519 => return None,
            Self::Curve(name, _) => name,
            Self::X25519 => "CURVE25519",
        };
        Some(structure("CryptographicDomainParameters", &[enumeration("RecommendedCurve", name)]))
    }

    /// The public key, as it is without a format around it.
    pub fn point(self, key: &PKey<Private>) -> Vec<u8> {
        if let Self::Curve(..) = self { point(key) } else { key.raw_public_key().unwrap() }
    }

    /// The material of the private key in each of its formats.
    pub fn private(self, key: &PKey<Private>) -> Vec<(&'static str, Value)> {
        let material = |der: Vec<u8>| bytes("KeyMaterial", &der);
        let mut forms = vec![("PKCS8", material(key.private_key_to_pkcs8().unwrap()))];
        match self {
            Self::Rsa(_) => {
                let rsa = key.rsa().unwrap();
                forms.push(("PKCS1", material(rsa.private_key_to_der().unwrap())));
                let numbers = [
                    number("Modulus", rsa.n()),
                    number("PrivateExponent", rsa.d()),
                    number("PublicExponent", rsa.e()),
                    number("P", rsa.p().unwrap()),
                    number("Q", rsa.q().unwrap()),
                    number("PrimeExponentP", rsa.dmp1().unwrap()),
                    number("PrimeExponentQ", rsa.dmq1().unwrap()),
                    number("CRTCoefficient", rsa.iqmp().unwrap()),
                ];
                forms.push(("TransparentRSAPrivateKey", structure("KeyMaterial", &numbers)));
            }
            Self::Curve(name, bits) => {
                let own = key.ec_key().unwrap();
                forms.push(("ECPrivateKey", material(own.private_key_to_der().unwrap())));
                let length = i32::try_from((bits + 7) / 8).unwrap();
                forms.push(("Raw", material(own.private_key().to_vec_padded(length).unwrap())));
                let items = [enumeration("RecommendedCurve", name), number("D", own.private_key())];
                forms.push(("TransparentECPrivateKey", structure("KeyMaterial", &items)));
            }
            Self::Ed25519 | Self::X25519 => forms.push(("Raw", material(key.raw_private_key().unwrap()))),
        }
        forms
    }

    /// The material of the public key in each of its formats.
    pub fn public(self, key: &PKey<Private>) -> Vec<(&'static str, Value)> {
        let material = |der: Vec<u8>| bytes("KeyMaterial", &der);
        let mut forms = vec![("X509", material(key.public_key_to_der().unwrap()))];
        match self {
            Self::Rsa(_) => {
                let rsa = key.rsa().unwrap();
                forms.push(("PKCS1", material(rsa.public_key_to_der_pkcs1().unwrap())));
                let numbers = [number("Modulus", rsa.n()), number("PublicExponent", rsa.e())];
                forms.push(("TransparentRSAPublicKey", structure("KeyMaterial", &numbers)));
            }
            Self::Curve(name, _) => {
                let point = point(key);
                forms.push(("Raw", material(point.clone())));
                let items = [enumeration("RecommendedCurve", name), bytes("QString", &point)];
                forms.push(("TransparentECPublicKey", structure("KeyMaterial", &items)));
            }
            Self::Ed25519 | Self::X25519 => forms.push(("Raw", material(key.raw_public_key().unwrap()))),
        }
        forms
    }

    /// Register of a key with this material. `object` is `PrivateKey` or `PublicKey`.
    pub fn register(self, object: &str, (format, material): &(&str, Value), mask: i64, more: &[Value]) -> Value {
        let mut own = vec![integer("CryptographicUsageMask", mask), date("ActivationDate", "2024-01-01T00:00:00Z")];
        if *format == "Raw" {
            own.extend(self.domain());
        }
        own.extend_from_slice(more);
        let key = [
            enumeration("KeyFormatType", format),
            structure("KeyValue", std::slice::from_ref(material)),
            enumeration("CryptographicAlgorithm", self.algorithm()),
            integer("CryptographicLength", self.bits()),
        ];
        let fields = [
            enumeration("ObjectType", object),
            structure("Attributes", &own),
            structure(object, &[structure("KeyBlock", &key)]),
        ];
        structure("Register", &fields)
    }
}

pub fn group(name: &str) -> EcGroup {
    EcGroup::from_curve_name(match name {
        "P256" => Nid::X9_62_PRIME256V1,
        "P384" => Nid::SECP384R1,
        "P521" => Nid::SECP521R1,
        _ => Nid::SECP256K1,
    })
    .unwrap()
}

/// The uncompressed point of a key of a curve.
pub fn point(key: &PKey<Private>) -> Vec<u8> {
    let own = key.ec_key().unwrap();
    let mut context = BigNumContext::new().unwrap();
    own.public_key().to_bytes(own.group(), PointConversionForm::UNCOMPRESSED, &mut context).unwrap()
}

/// A number of a transparent key, as the server writes it: with a sign, and a multiple of eight bytes.
pub fn number(tag: &str, value: &BigNumRef) -> Value {
    let length = (value.num_bits() / 64 + 1) * 8;
    let digits = data_encoding::HEXUPPER.encode(&value.to_vec_padded(length).unwrap());
    json!({"tag": tag, "type": "BigInteger", "value": format!("0x{digits}")})
}
