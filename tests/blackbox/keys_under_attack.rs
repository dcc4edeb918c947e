//! What a caller could reach by sequences of permitted calls with derived and replaced keys, with streams, and with keys that
//! both sign and decrypt.

use openssl::dsa::Dsa;
use openssl::pkey::PKey;
use serde_json::{Value, json};

use crate::harness::attributes::{limits, put};
use crate::harness::kmip::{
    boolean, bytes, create, date, encrypt, enumeration, find, integer, name, named, octets, parameters, structure,
    text, with, wrapped,
};
use crate::harness::pairs::{pair_of, sign};
use crate::harness::{Caller, Connection, Server, reference};
use crate::keys_are_derived::ecb;

const SEALED: [(&str, bool); 2] = [("Sensitive", true), ("Extractable", false)];

fn sealed() -> Vec<Value> {
    SEALED.map(|(name, value)| boolean(name, value)).into()
}

fn mask(bits: i64) -> Value {
    integer("CryptographicUsageMask", bits)
}

#[test]
fn requests_to_one_server() {
    Server::shared(&[
        a_derived_key_does_not_wrap_what_is_sensitive,
        a_key_with_other_uses_does_not_become_a_base,
        a_replacement_of_a_pair_is_no_weaker,
        a_re_key_changes_no_more_than_its_caller_may,
        a_stream_with_a_chosen_iv_needs_decrypt_to_its_end,
        every_wrapping_is_counted,
        every_part_is_counted_before_it_is_signed,
        decryption_that_forges_signatures_needs_sign,
        long_private_keys_are_kept_and_not_read,
    ]);
}

fn a_derived_key_does_not_wrap_what_is_sensitive(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let base = alice.new_key(&create("AES", 256, &[&sealed()[..], &[mask(0x200)]].concat()));
    // The same key under two identifiers, one of which decrypts.
    let both = [0x10, 0x8].map(|bits| alice.new_key(&ecb(&base, 256, &[&sealed()[..], &[mask(bits)]].concat())));
    let victim = alice.new_key(&create("AES", 256, &[boolean("Sensitive", true), boolean("Extractable", true)]));
    for wrapping in &both {
        let attributes = alice.attributes(wrapping);
        assert_eq!(find(&attributes, "AlwaysSensitive"), Some(&json!(false)));
        assert_ne!(alice.kmip(&wrapped("Get", &victim, wrapping)).status, 200);
    }
}

fn a_key_with_other_uses_does_not_become_a_base(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    for bits in [4 | 8 | 0x200, 4 | 0x200, 0x80 | 0x200] {
        let id = alice.new_key(&create("AES", 256, &[mask(bits)]));
        let smaller = put("ModifyAttribute", &id, &mask(0x200));
        alice.refused(&smaller, 422, "Invalid_Attribute_Value");
        assert_ne!(alice.kmip(&ecb(&id, 256, &[])).status, 200);
    }
}

fn a_replacement_of_a_pair_is_no_weaker(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let (private, _) = crate::harness::pairs::halves(&alice.ok(&pair_of("EC", 256, &sealed(), &[])));
    for weaker in [vec![boolean("Sensitive", false), boolean("Extractable", true)], vec![boolean("Extractable", true)]]
    {
        let attributes = structure("PrivateKeyAttributes", &weaker);
        let request = structure("ReKeyKeyPair", &[text("PrivateKeyUniqueIdentifier", &private), attributes]);
        let problem = alice.refused(&request, 400, "Invalid_Attribute_Value");
        assert!(problem["detail"].as_str().unwrap().contains("no weaker"), "{problem}");
    }
    alice.ok(&structure("ReKeyKeyPair", &[text("PrivateKeyUniqueIdentifier", &private)]));
}

fn a_re_key_changes_no_more_than_its_caller_may(server: &Server) {
    let mut alice = Caller::certificate(server, "alice");
    let mut own = server.alice().connect().unwrap();
    let mut bob = server.bob().connect().unwrap();
    let re_key =
        |id: &str, more: &[Value]| structure("ReKey", &[text("UniqueIdentifier", id), structure("Attributes", more)]);
    let key = |alice: &mut Caller, own: &mut Connection, number: usize, more: &[Value]| {
        let label = name(&format!("shared {number}"));
        let id = own.new_key(&create("AES", 256, &[&[label], more].concat()));
        alice.grant(&id, "bob", &["re_key", "modify_attribute", "get_attributes"]);
        id
    };
    let soon = "2999-01-01T00:00:00Z";
    let mut number = 0;
    for (attribute, status) in [
        (date("DeactivationDate", soon), 403),
        (date("ProtectStopDate", soon), 403),
        (mask(4), 403),
        (mask(0), 403),
        (mask(4 | 8 | 128 | 256 | 0x10), 422),
        (parameters(&[enumeration("BlockCipherMode", "CBC")]), 403),
        (limits(5, "Object"), 400),
    ] {
        number += 1;
        let id = key(&mut alice, &mut own, number, &[]);
        let answer = bob.kmip(&re_key(&id, std::slice::from_ref(&attribute)));
        assert_eq!(answer.status, status, "{attribute}: {}", String::from_utf8_lossy(&answer.body));
        assert_eq!(own.state(&id), "Active");
    }
    // To be active sooner is Activate.
    let late = key(&mut alice, &mut own, 100, &[date("ActivationDate", soon)]);
    let now = with(re_key(&late, &[]), &[json!({"tag": "Offset", "type": "Interval", "value": 0})]);
    assert_eq!(bob.kmip(&now).status, 403);
    let id = key(&mut alice, &mut own, 101, &[]);
    assert_eq!(own.kmip(&re_key(&id, &[date("DeactivationDate", soon)])).status, 200);
}

fn a_stream_with_a_chosen_iv_needs_decrypt_to_its_end(server: &Server) {
    let mut alice = Caller::certificate(server, "alice");
    let mut bob = server.bob().connect().unwrap();
    for mode in ["CTR", "OFB", "CFB", "CBC", "GCM"] {
        let id = server.alice().connect().unwrap().aes();
        alice.grant(&id, "bob", &["encrypt", "decrypt"]);
        let iv = reference::random(if mode == "GCM" { 12 } else { 16 });
        let chosen = [
            parameters(&[enumeration("BlockCipherMode", mode)]),
            bytes("IVCounterNonce", &iv),
            boolean("InitIndicator", true),
        ];
        let begun = bob.ok(&with(encrypt(&id, &[0; 16]), &chosen));
        let value = bytes("CorrelationValue", &octets(&begun, "CorrelationValue"));
        let next = with(encrypt(&id, &[0; 64]), &[value]);
        alice.take_back(&id, "bob", &["decrypt"]);
        assert_eq!(bob.kmip(&next).status, 403, "{mode}");
    }
}

fn every_wrapping_is_counted(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let wrapping = || create("AES", 256, &[&sealed()[..], &[mask(0x10), limits(1, "Object")]].concat());
    let private = [boolean("Sensitive", true), boolean("Extractable", true)];
    let (private, _) = crate::harness::pairs::halves(&alice.ok(&pair_of("EC", 256, &private, &[])));
    let secret = alice.new_key(&crate::harness::kmip::register("HMACSHA256", &[7; 16], &[]));
    let aes = alice.aes();
    for (id, wrap_type) in [(&aes, None), (&secret, None), (&private, Some("AESKeyWrapPadding"))] {
        let key = alice.new_key(&wrapping());
        let mut request = wrapped("Export", id, &key);
        if let Some(wrap_type) = wrap_type {
            let information = request["value"][1]["value"][1]["value"].as_array_mut().unwrap();
            information.push(parameters(&[enumeration("BlockCipherMode", wrap_type)]));
        }
        assert_eq!(alice.kmip(&request).status, 200, "{request}");
        alice.refused(&request, 409, "Usage_Limit_Exceeded");
    }
}

fn every_part_is_counted_before_it_is_signed(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let (private, _) = crate::harness::pairs::halves(&alice.ok(&pair_of("EC", 256, &[limits(10, "Byte")], &[])));
    let begun = alice.ok(&with(sign(&private, &[1; 6], &[]), &[boolean("InitIndicator", true)]));
    let value = bytes("CorrelationValue", &octets(&begun, "CorrelationValue"));
    alice.refused(&with(sign(&private, &[1; 6], &[]), std::slice::from_ref(&value)), 409, "Usage_Limit_Exceeded");
    let last = with(sign(&private, &[], &[]), &[value, boolean("FinalIndicator", true)]);
    alice.refused(&last, 409, "Invalid_Correlation_Value");
}

fn decryption_that_forges_signatures_needs_sign(server: &Server) {
    let mut alice = Caller::certificate(server, "alice");
    let mut own = server.alice().connect().unwrap();
    let mut bob = server.bob().connect().unwrap();
    let halves = pair_of("RSA", 2048, &[mask(1 | 8)], &[mask(2 | 4)]);
    let (private, public) = crate::harness::pairs::halves(&own.ok(&halves));
    alice.grant(&private, "bob", &["decrypt"]);
    for (padding, status) in [("OAEP", 200), ("PKCS1v1.5", 403)] {
        let fields = parameters(&[enumeration("PaddingMethod", padding)]);
        let sealed = own.ok(&with(named("Encrypt", &public), &[fields.clone(), bytes("Data", b"text")]));
        let data = bytes("Data", &octets(&sealed, "Data"));
        let request = with(named("Decrypt", &private), &[fields, data]);
        assert_eq!(bob.kmip(&request).status, status, "{padding}");
        assert_eq!(own.kmip(&request).status, 200, "{padding}");
    }
}

fn long_private_keys_are_kept_and_not_read(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    // OpenSSL would compute its public key, which takes the longer the longer its numbers are.
    let dsa = Dsa::generate(2048).unwrap();
    let der = PKey::from_dsa(dsa).unwrap().private_key_to_pkcs8().unwrap();
    let padded = [&der[..], &[0; 8192]].concat();
    for value in [der, padded, vec![0x30; 1 << 19]] {
        let key = structure(
            "KeyBlock",
            &[
                enumeration("KeyFormatType", "PKCS8"),
                structure("KeyValue", &[bytes("KeyMaterial", &value)]),
                enumeration("CryptographicAlgorithm", "DSA"),
                integer("CryptographicLength", 2048),
            ],
        );
        let request = structure(
            "Register",
            &[
                enumeration("ObjectType", "PrivateKey"),
                structure("Attributes", &[mask(1)]),
                structure("PrivateKey", &[key]),
            ],
        );
        let id = alice.new_key(&request);
        assert_eq!(octets(&alice.ok(&named("Get", &id)), "KeyMaterial"), value);
    }
}
