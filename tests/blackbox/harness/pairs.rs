//! Key pairs, their signatures, and the verification of these.

use serde_json::Value;

use super::Connection;
use super::kmip::{bytes, date, enumeration, integer, parameters, string, structure, text};

pub const SIGN: i64 = 1;
pub const VERIFY: i64 = 2;

/// Creates a key pair whose halves have these additional attributes.
pub fn pair_of(algorithm: &str, bits: i64, private: &[Value], public: &[Value]) -> Value {
    let common = [
        enumeration("CryptographicAlgorithm", algorithm),
        integer("CryptographicLength", bits),
        date("ActivationDate", "2024-01-01T00:00:00Z"),
    ];
    let half = |tag, mask, more: &[Value]| {
        let mut own = more.to_vec();
        if !own.iter().any(|other| other["tag"] == "CryptographicUsageMask") {
            own.push(integer("CryptographicUsageMask", mask));
        }
        structure(tag, &own)
    };
    let halves = [half("PrivateKeyAttributes", SIGN, private), half("PublicKeyAttributes", VERIFY, public)];
    structure("CreateKeyPair", &[&[structure("CommonAttributes", &common)], halves.as_slice()].concat())
}

/// Creates an active key pair, and returns the identifiers of its private and its public half.
pub fn pair(caller: &mut Connection, algorithm: &str, bits: i64) -> (String, String) {
    halves(&caller.ok(&pair_of(algorithm, bits, &[], &[])))
}

pub fn halves(answer: &Value) -> (String, String) {
    (string(answer, "PrivateKeyUniqueIdentifier"), string(answer, "PublicKeyUniqueIdentifier"))
}

pub fn sign(id: &str, data: &[u8], fields: &[Value]) -> Value {
    structure("Sign", &[text("UniqueIdentifier", id), parameters(fields), bytes("Data", data)])
}

pub fn verify(id: &str, data: &[u8], signature: &[u8], fields: &[Value]) -> Value {
    let own =
        [text("UniqueIdentifier", id), parameters(fields), bytes("Data", data), bytes("SignatureData", signature)];
    structure("SignatureVerify", &own)
}
