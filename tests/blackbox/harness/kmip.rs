//! KMIP requests as a client of the bare dialect writes them: plain JSON, without the server's own types.

use serde_json::{Value, json};

use super::{Answer, Connection};

pub const PATH: &str = "/kmip/2_1";

pub fn text(tag: &str, value: &str) -> Value {
    json!({"tag": tag, "type": "TextString", "value": value})
}

pub fn bytes(tag: &str, value: &[u8]) -> Value {
    json!({"tag": tag, "type": "ByteString", "value": data_encoding::HEXUPPER.encode(value)})
}

pub fn integer(tag: &str, value: i64) -> Value {
    json!({"tag": tag, "type": "Integer", "value": value})
}

pub fn enumeration(tag: &str, value: &str) -> Value {
    json!({"tag": tag, "type": "Enumeration", "value": value})
}

pub fn boolean(tag: &str, value: bool) -> Value {
    json!({"tag": tag, "type": "Boolean", "value": value})
}

pub fn date(tag: &str, value: &str) -> Value {
    json!({"tag": tag, "type": "DateTime", "value": value})
}

/// A date in seconds since 1970.
pub fn date_at(tag: &str, seconds: i64) -> Value {
    date(tag, &format!("0x{seconds:016X}"))
}

pub fn structure(tag: &str, value: &[Value]) -> Value {
    json!({"tag": tag, "value": value})
}

/// Encrypt, Decrypt, MAC Generate and MAC Verify.
pub const USAGE: i64 = 4 | 8 | 128 | 256;

/// Attributes of an active key.
pub fn attributes(algorithm: &str, bits: i64, more: &[Value]) -> Value {
    let mut all = vec![
        enumeration("CryptographicAlgorithm", algorithm),
        integer("CryptographicLength", bits),
        integer("CryptographicUsageMask", USAGE),
        date("ActivationDate", "2024-01-01T00:00:00Z"),
    ];
    // Attributes of the test replace the defaults.
    all.retain(|own| !more.iter().any(|other| other["tag"] == own["tag"]));
    all.extend_from_slice(more);
    structure("Attributes", &all)
}

pub fn create(algorithm: &str, bits: i64, more: &[Value]) -> Value {
    structure("Create", &[enumeration("ObjectType", "SymmetricKey"), attributes(algorithm, bits, more)])
}

pub fn raw_key(algorithm: &str, key: &[u8]) -> Value {
    let block = structure(
        "KeyBlock",
        &[
            enumeration("KeyFormatType", "Raw"),
            structure("KeyValue", &[bytes("KeyMaterial", key)]),
            enumeration("CryptographicAlgorithm", algorithm),
            integer("CryptographicLength", key.len() as i64 * 8),
        ],
    );
    structure("SymmetricKey", &[block])
}

pub fn register(algorithm: &str, key: &[u8], more: &[Value]) -> Value {
    let attributes = attributes(algorithm, key.len() as i64 * 8, more);
    structure("Register", &[enumeration("ObjectType", "SymmetricKey"), attributes, raw_key(algorithm, key)])
}

/// Returns an operation whose only field is the identifier.
pub fn named(operation: &str, id: &str) -> Value {
    structure(operation, &[text("UniqueIdentifier", id)])
}

pub fn encrypt(id: &str, data: &[u8]) -> Value {
    structure("Encrypt", &[text("UniqueIdentifier", id), bytes("Data", data)])
}

pub fn mac(id: &str, data: &[u8]) -> Value {
    structure("MAC", &[text("UniqueIdentifier", id), bytes("Data", data)])
}

pub fn revoke(id: &str, reason: &str) -> Value {
    let reason = structure("RevocationReason", &[enumeration("RevocationReasonCode", reason)]);
    structure("Revoke", &[text("UniqueIdentifier", id), reason])
}

/// Returns the first item with this tag, at any depth.
pub fn find<'a>(value: &'a Value, tag: &str) -> Option<&'a Value> {
    if value["tag"] == tag {
        return Some(&value["value"]);
    }
    value["value"].as_array()?.iter().find_map(|item| find(item, tag))
}

pub fn string(value: &Value, tag: &str) -> String {
    find(value, tag).and_then(Value::as_str).unwrap_or_else(|| panic!("no {tag} in {value}")).to_owned()
}

pub fn octets(value: &Value, tag: &str) -> Vec<u8> {
    data_encoding::HEXUPPER.decode(string(value, tag).as_bytes()).unwrap()
}

/// A ciphertext with everything that its decryption needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    pub id: String,
    pub data: Vec<u8>,
    pub iv: Vec<u8>,
    pub tag: Vec<u8>,
}

impl Sealed {
    /// Returns the ciphertext in an answer to Encrypt.
    pub fn of(id: &str, answer: &Value) -> Self {
        Self {
            id: id.to_owned(),
            data: octets(answer, "Data"),
            iv: octets(answer, "IVCounterNonce"),
            tag: octets(answer, "AuthenticatedEncryptionTag"),
        }
    }

    pub fn decrypt(&self) -> Value {
        structure(
            "Decrypt",
            &[
                text("UniqueIdentifier", &self.id),
                bytes("Data", &self.data),
                bytes("IVCounterNonce", &self.iv),
                bytes("AuthenticatedEncryptionTag", &self.tag),
            ],
        )
    }
}

impl Connection {
    pub fn kmip(&mut self, request: &Value) -> Answer {
        self.kmip_as(None, request)
    }

    /// Sends a KMIP request, with an Authorization header if it is given.
    pub fn kmip_as(&mut self, authorization: Option<&str>, request: &Value) -> Answer {
        let mut headers = vec![("Content-Type", "application/json")];
        headers.extend(authorization.map(|value| ("Authorization", value)));
        self.try_request("POST", PATH, &headers, request.to_string().as_bytes()).unwrap()
    }

    /// Sends an operation that must succeed, and returns its answer.
    pub fn ok(&mut self, request: &Value) -> Value {
        let answer = self.kmip(request);
        assert_eq!(answer.status, 200, "{request}\n{}", String::from_utf8_lossy(&answer.body));
        answer.json()
    }

    /// A new active AES-256 key.
    pub fn aes(&mut self) -> String {
        self.new_key(&create("AES", 256, &[]))
    }

    pub fn new_key(&mut self, request: &Value) -> String {
        string(&self.ok(request), "UniqueIdentifier")
    }

    pub fn seal(&mut self, id: &str, data: &[u8]) -> Sealed {
        Sealed::of(id, &self.ok(&encrypt(id, data)))
    }

    pub fn open(&mut self, sealed: &Sealed) -> Vec<u8> {
        octets(&self.ok(&sealed.decrypt()), "Data")
    }

    /// The bytes of an exportable key.
    pub fn export(&mut self, id: &str) -> Vec<u8> {
        octets(&self.ok(&named("Export", id)), "KeyMaterial")
    }
}

/// A request with more fields.
pub fn with(mut request: Value, more: &[Value]) -> Value {
    request["value"].as_array_mut().unwrap().extend_from_slice(more);
    request
}

pub fn parameters(fields: &[Value]) -> Value {
    structure("CryptographicParameters", fields)
}

/// The attribute Name.
pub fn name(value: &str) -> Value {
    structure("Name", &[text("NameValue", value), enumeration("NameType", "UninterpretedTextString")])
}

/// A vendor attribute that holds a text.
pub fn vendor_attribute(vendor: &str, name: &str, value: &str) -> Value {
    structure(
        "Attribute",
        &[text("VendorIdentification", vendor), text("AttributeName", name), text("AttributeValue", value)],
    )
}

/// The attribute that holds the tags.
pub fn tags(tags: &[&str]) -> Value {
    vendor_attribute("claviger", "tag", &json!(tags).to_string())
}

pub fn locate(criteria: &[Value], more: &[Value]) -> Value {
    with(structure("Locate", more), &[structure("Attributes", criteria)])
}

pub fn import(id: &str, replace: Option<bool>, algorithm: &str, key: &[u8], more: &[Value]) -> Value {
    let mut fields = vec![text("UniqueIdentifier", id), enumeration("ObjectType", "SymmetricKey")];
    fields.extend(replace.map(|replace| boolean("ReplaceExisting", replace)));
    fields.push(attributes(algorithm, key.len() as i64 * 8, more));
    fields.push(raw_key(algorithm, key));
    structure("Import", &fields)
}

/// Returns an Import that replaces an object, with exactly these attributes.
pub fn replace(id: &str, algorithm: &str, key: &[u8], said: &[Value]) -> Value {
    let fields = [
        text("UniqueIdentifier", id),
        enumeration("ObjectType", "SymmetricKey"),
        boolean("ReplaceExisting", true),
        structure("Attributes", said),
        raw_key(algorithm, key),
    ];
    structure("Import", &fields)
}

/// A Link to another object.
pub fn link(link_type: &str, id: &str) -> Value {
    structure("Link", &[enumeration("LinkType", link_type), text("LinkedObjectIdentifier", id)])
}

pub fn mac_verify(id: &str, data: &[u8], mac: &[u8]) -> Value {
    structure("MACVerify", &[text("UniqueIdentifier", id), bytes("Data", data), bytes("MACData", mac)])
}

/// Export or Get of a key wrapped under another.
pub fn wrapped(operation: &str, id: &str, wrapping: &str) -> Value {
    let information = structure("EncryptionKeyInformation", &[text("UniqueIdentifier", wrapping)]);
    let specification =
        [enumeration("WrappingMethod", "Encrypt"), information, enumeration("EncodingOption", "NoEncoding")];
    with(named(operation, id), &[structure("KeyWrappingSpecification", &specification)])
}

/// Returns the values of all fields of a structure with this tag, in order.
pub fn all<'a>(value: &'a Value, tag: &str) -> Vec<&'a Value> {
    let fields = value["value"].as_array().map(Vec::as_slice).unwrap_or_default();
    fields.iter().filter(|field| field["tag"] == tag).map(|field| &field["value"]).collect()
}

impl Connection {
    /// Sends a request that must be refused, and returns the problem document.
    pub fn refused(&mut self, request: &Value, status: u16, reason: &str) -> Value {
        let answer = self.kmip(request);
        let shown = String::from_utf8_lossy(&answer.body).into_owned();
        assert_eq!(answer.status, status, "{request}\n{shown}");
        assert_eq!(answer.header("content-type"), Some("application/problem+json"));
        let problem = answer.json();
        assert_eq!(problem["result_reason"], reason, "{request}\n{shown}");
        assert_eq!(problem["status"], status);
        problem
    }

    /// All attributes of an object.
    pub fn attributes(&mut self, id: &str) -> Value {
        let answer = self.ok(&named("GetAttributes", id));
        structure("Attributes", find(&answer, "Attributes").unwrap().as_array().unwrap())
    }

    pub fn state(&mut self, id: &str) -> String {
        string(&self.attributes(id), "State")
    }

    /// Returns the identifiers that Locate finds, and LocatedItems.
    pub fn located(&mut self, request: &Value) -> (Vec<String>, i64) {
        let answer = self.ok(request);
        let ids = all(&answer, "UniqueIdentifier").into_iter().map(|id| id.as_str().unwrap().to_owned()).collect();
        (ids, find(&answer, "LocatedItems").unwrap().as_i64().unwrap())
    }

    /// Returns the number of objects that Locate finds in all pages.
    pub fn count(&mut self) -> usize {
        let mut total = 0;
        loop {
            let offset = json!({"tag": "OffsetItems", "type": "Integer", "value": total});
            let found = all(&self.ok(&structure("Locate", &[offset])), "UniqueIdentifier").len();
            total += found;
            if found == 0 {
                return total;
            }
        }
    }

    pub fn mac(&mut self, id: &str, data: &[u8]) -> Vec<u8> {
        octets(&self.ok(&mac(id, data)), "MACData")
    }
}
