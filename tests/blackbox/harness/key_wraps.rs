//! Keys that come and go wrapped, in every way.

use serde_json::Value;

use super::kmip::{bytes, date, enumeration, integer, named, parameters, structure, text, with};

pub fn mask(bits: i64) -> Value {
    integer("CryptographicUsageMask", bits)
}

pub fn kwp() -> Vec<Value> {
    vec![enumeration("BlockCipherMode", "AESKeyWrapPadding")]
}

pub fn cbc() -> Vec<Value> {
    vec![enumeration("BlockCipherMode", "CBC"), enumeration("PaddingMethod", "PKCS5")]
}

pub fn oaep(hash: &str) -> Vec<Value> {
    vec![enumeration("PaddingMethod", "OAEP"), enumeration("HashingAlgorithm", hash)]
}

pub fn by(wrapping: &str, way: &[Value]) -> Value {
    structure("EncryptionKeyInformation", &[text("UniqueIdentifier", wrapping), parameters(way)])
}

/// Get of a key wrapped in this way.
pub fn wrapped(id: &str, wrapping: &str, way: &[Value], encoding: &str) -> Value {
    let specification =
        [enumeration("WrappingMethod", "Encrypt"), by(wrapping, way), enumeration("EncodingOption", encoding)];
    with(named("Get", id), &[structure("KeyWrappingSpecification", &specification)])
}

/// A key that comes wrapped.
pub struct Coming<'a> {
    pub object: &'a str,
    pub format: &'a str,
    pub wrapping: &'a str,
    pub way: &'a [Value],
    pub iv: Option<&'a [u8]>,
    pub blob: &'a [u8],
    pub own: &'a [Value],
}

impl Coming<'_> {
    pub fn new<'a>(wrapping: &'a str, way: &'a [Value], blob: &'a [u8], own: &'a [Value]) -> Coming<'a> {
        Coming { object: "SymmetricKey", format: "Raw", wrapping, way, iv: None, blob, own }
    }

    fn fields(&self) -> [Value; 2] {
        let mut data = vec![enumeration("WrappingMethod", "Encrypt"), by(self.wrapping, self.way)];
        data.extend(self.iv.map(|iv| bytes("IVCounterNonce", iv)));
        data.push(enumeration("EncodingOption", "NoEncoding"));
        let value = structure("KeyValue", &[bytes("KeyMaterial", self.blob)]);
        let fields = [enumeration("KeyFormatType", self.format), value, structure("KeyWrappingData", &data)];
        let mut own = vec![date("ActivationDate", "2024-01-01T00:00:00Z")];
        own.extend_from_slice(self.own);
        [structure("Attributes", &own), structure(self.object, &[structure("KeyBlock", &fields)])]
    }

    pub fn import(&self) -> Value {
        let [own, object] = self.fields();
        let kind = enumeration("ObjectType", self.object);
        structure("Import", &[kind, enumeration("KeyWrapType", "NotWrapped"), own, object])
    }

    pub fn register(&self) -> Value {
        let [own, object] = self.fields();
        structure("Register", &[enumeration("ObjectType", self.object), own, object])
    }
}

/// The attributes of a symmetric key that encrypts.
pub fn key_of(algorithm: &str, bits: usize) -> Vec<Value> {
    let bits = i64::try_from(bits).unwrap();
    vec![enumeration("CryptographicAlgorithm", algorithm), integer("CryptographicLength", bits), mask(4 | 8)]
}
