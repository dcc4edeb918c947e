//! Extractable and Sensitive: a key that is not extractable never leaves, and a sensitive one leaves only wrapped.

use serde_json::Value;

use crate::harness::kmip::{
    USAGE, boolean, create, date, enumeration, find, integer, named, octets, parameters, register, revoke, string,
    structure, text, with, wrapped,
};
use crate::harness::{Connection, Server, reference};

const WRAPPING: i64 = USAGE | 0x10;

/// A key that wraps keys which may leave in clear, and may itself leave in clear: the test knows its bytes.
fn wrapping_key(alice: &mut Connection, bits: i64) -> (String, Vec<u8>) {
    let id = alice.new_key(&create("AES", bits, &[integer("CryptographicUsageMask", WRAPPING)]));
    let key = alice.export(&id);
    (id, key)
}

#[test]
fn requests_to_one_server() {
    Server::shared(&[
        neither_in_clear_nor_wrapped,
        a_sensitive_key_leaves_wrapped_and_only_so,
        a_key_that_wraps_is_used_like_any_other,
    ]);
}

fn neither_in_clear_nor_wrapped(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let (wrapping, _) = wrapping_key(&mut alice, 256);
    for sensitive in [false, true] {
        let attributes = [boolean("Extractable", false), boolean("Sensitive", sensitive)];
        for request in [create("AES", 256, &attributes), register("AES", &[7; 32], &attributes)] {
            let id = alice.new_key(&request);
            let sealed = alice.seal(&id, b"it works");
            for operation in ["Get", "Export"] {
                alice.refused(&named(operation, &id), 403, "Not_Extractable");
                let format = enumeration("KeyFormatType", "TransparentSymmetricKey");
                alice.refused(&with(named(operation, &id), &[format]), 403, "Not_Extractable");
                alice.refused(&wrapped(operation, &id, &wrapping), 403, "Not_Extractable");
            }
            assert_eq!(alice.open(&sealed), b"it works");
            let attributes = alice.attributes(&id);
            assert_eq!(find(&attributes, "Extractable").unwrap(), false);
            let born_here = request["tag"] == "Create";
            assert_eq!(find(&attributes, "NeverExtractable").unwrap(), born_here);
            assert_eq!(find(&attributes, "AlwaysSensitive").unwrap(), born_here && sensitive);
        }
    }
}

fn a_sensitive_key_leaves_wrapped_and_only_so(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let secret = reference::random(32);
    let id = alice.new_key(&register("AES", &secret, &[boolean("Sensitive", true)]));
    let open = alice.new_key(&register("AES", &secret, &[]));
    let hmac = alice.new_key(&register("HMACSHA512", &reference::random(64), &[]));
    for operation in ["Get", "Export"] {
        alice.refused(&named(operation, &id), 403, "Sensitive");
    }
    for bits in [128, 192, 256] {
        let (wrapping, kek) = wrapping_key(&mut alice, bits);
        let own = [integer("CryptographicUsageMask", 0x10), boolean("Sensitive", true), boolean("Extractable", false)];
        let sealed = alice.new_key(&create("AES", bits, &own));
        for operation in ["Get", "Export"] {
            alice.refused(&wrapped(operation, &id, &wrapping), 403, "Sensitive");
            // The key that may wrap it is not known. It wraps a copy that may leave in clear to the same bytes.
            let expected = octets(&alice.ok(&wrapped(operation, &open, &sealed)), "KeyMaterial");
            for (key, wrapping, expected) in
                [(&id, &sealed, expected), (&open, &wrapping, reference::key_wrap(&kek, &secret))]
            {
                let answer = alice.ok(&wrapped(operation, key, wrapping));
                assert_eq!(octets(&answer, "KeyMaterial"), expected);
                let data = structure("d", find(&answer, "KeyWrappingData").unwrap().as_array().unwrap());
                assert_eq!(string(&data, "UniqueIdentifier"), *wrapping);
                assert_eq!(string(&data, "BlockCipherMode"), "NISTKeyWrap");
                assert_eq!(string(&data, "EncodingOption"), "NoEncoding");
                assert_eq!(string(&data, "WrappingMethod"), "Encrypt");
            }
            let answer = alice.ok(&wrapped(operation, &hmac, &wrapping));
            let expected = reference::key_wrap(&kek, &alice.export(&hmac));
            assert_eq!(octets(&answer, "KeyMaterial"), expected);
        }
    }
}

fn a_key_that_wraps_is_used_like_any_other(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let id = alice.aes();
    let (wrapping, kek) = wrapping_key(&mut alice, 256);
    let specification = |fields: &[Value]| {
        let information = structure("EncryptionKeyInformation", &[text("UniqueIdentifier", &wrapping)]);
        let mut all = fields.to_vec();
        if !all.iter().any(|field| field["tag"] == "EncryptionKeyInformation") {
            all.push(information);
        }
        with(named("Get", &id), &[structure("KeyWrappingSpecification", &all)])
    };
    let (method, encoding) = (enumeration("WrappingMethod", "Encrypt"), enumeration("EncodingOption", "NoEncoding"));
    alice.ok(&specification(&[method.clone(), encoding.clone()]));
    // Without the option, or with this one, the whole Key Value is wrapped in its binary encoding.
    let ttlv = enumeration("EncodingOption", "TTLVEncoding");
    let value = [b"\x42\x00\x45\x01\0\0\0\x28\x42\x00\x43\x08\0\0\0\x20".as_slice(), &alice.export(&id)].concat();
    for encoding in [&[][..], &[ttlv]] {
        let answer = alice.ok(&specification(&[std::slice::from_ref(&method), encoding].concat()));
        assert_eq!(octets(&answer, "KeyValue"), reference::key_wrap(&kek, &value));
    }
    let mac = enumeration("WrappingMethod", "MACSign");
    alice.refused(&specification(&[mac, encoding.clone()]), 422, "Key_Wrap_Type_Not_Supported");
    let names = text("AttributeName", "Name");
    alice.refused(&specification(&[method.clone(), encoding.clone(), names]), 422, "Key_Wrap_Type_Not_Supported");
    for (mode, status) in [("NISTKeyWrap", 200), ("AESKeyWrapPadding", 200), ("GCM", 422)] {
        let information = structure(
            "EncryptionKeyInformation",
            &[text("UniqueIdentifier", &wrapping), parameters(&[enumeration("BlockCipherMode", mode)])],
        );
        let answer = alice.kmip(&specification(&[method.clone(), encoding.clone(), information]));
        assert_eq!(answer.status, status, "{mode}");
    }
    let format = enumeration("KeyFormatType", "TransparentSymmetricKey");
    alice.refused(&with(wrapped("Get", &id, &wrapping), &[format]), 422, "Key_Format_Type_Not_Supported");

    let pre_active = [integer("CryptographicUsageMask", WRAPPING), date("ActivationDate", "2999-01-01T00:00:00Z")];
    let pre_active = alice.new_key(&create("AES", 256, &pre_active));
    alice.refused(&wrapped("Get", &id, &pre_active), 409, "Wrong_Key_Lifecycle_State");
    alice.refused(&wrapped("Get", &id, "absent"), 404, "Object_Not_Found");
    let unable = alice.aes();
    alice.refused(&wrapped("Get", &id, &unable), 403, "Incompatible_Cryptographic_Usage_Mask");
    let hmac = alice.new_key(&create("HMACSHA256", 256, &[integer("CryptographicUsageMask", WRAPPING)]));
    let answer = alice.kmip(&wrapped("Get", &id, &hmac));
    assert_eq!(answer.status, 422, "{}", String::from_utf8_lossy(&answer.body));
    // A length that key wrap would silently change.
    let odd = alice.new_key(&register("HMACSHA256", &[7; 33], &[]));
    alice.refused(&wrapped("Get", &odd, &wrapping), 422, "Key_Wrap_Type_Not_Supported");
    alice.ok(&revoke(&wrapping, "Superseded"));
    alice.refused(&wrapped("Get", &id, &wrapping), 409, "Wrong_Key_Lifecycle_State");
}
