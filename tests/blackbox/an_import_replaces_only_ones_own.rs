//! Import and Register keep the caller's key unchanged. Import with ReplaceExisting replaces only an object of the
//! caller.

use crate::harness::kmip::{
    attributes, boolean, date, encrypt, enumeration, find, import, integer, named, octets, raw_key, register, string,
    structure, text, with,
};
use crate::harness::{Server, reference};

#[test]
fn requests_to_one_server() {
    Server::shared(&[
        of_keys_of_every_length,
        not_in_place_of_somebody_elses,
        of_an_object_with_a_past,
        the_transparent_format_is_taken_too,
        contradictions_are_refused,
    ]);
}

fn of_keys_of_every_length(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    for bytes in [16, 24, 32] {
        let key = reference::random(bytes);
        let imported = format!("imported-{bytes}");
        let answer = alice.ok(&import(&imported, None, "AES", &key, &[]));
        assert_eq!(string(&answer, "UniqueIdentifier"), imported);
        let registered = alice.new_key(&register("AES", &key, &[]));
        for id in [&imported, &registered] {
            assert_eq!(&alice.export(id), &key);
            let sealed = alice.seal(id, b"data");
            assert_eq!(reference::gcm_decrypt(&key, &sealed.iv, b"", &sealed.data, &sealed.tag).unwrap(), b"data");
            let attributes = alice.attributes(id);
            assert_eq!(find(&attributes, "CryptographicLength").unwrap(), &(bytes * 8));
            for never in ["AlwaysSensitive", "NeverExtractable"] {
                assert_eq!(find(&attributes, never).unwrap(), false, "a key from outside was seen outside");
            }
        }
    }
}

#[test]
fn in_place_of_an_existing_object() {
    let server = Server::start();
    let mut alice = server.alice().connect().unwrap();
    let mut again = server.alice().connect().unwrap();
    let (first, second) = (reference::random(32), reference::random(16));
    alice.ok(&import("k", Some(true), "AES", &first, &[]));
    let sealed = again.seal("k", b"of the first");
    alice.refused(&import("k", None, "AES", &second, &[]), 409, "Object_Already_Exists");
    alice.refused(&import("k", Some(false), "AES", &second, &[]), 409, "Object_Already_Exists");
    assert_eq!(again.open(&sealed), b"of the first");
    let sensitive = [boolean("Sensitive", true)];
    alice.refused(&import("k", Some(true), "AES", &second, &sensitive), 422, "Constraint_Violation");
    alice.ok(&import("k", Some(true), "AES", &second, &[]));
    again.refused(&sealed.decrypt(), 422, "Cryptographic_Failure");
    let sealed = again.seal("k", b"of the second");
    assert_eq!(reference::gcm_decrypt(&second, &sealed.iv, b"", &sealed.data, &sealed.tag).unwrap(), b"of the second");
    assert_eq!(alice.export("k"), second);
    let server = server.restart();
    let mut alice = server.alice().connect().unwrap();
    assert_eq!(alice.open(&sealed), b"of the second");
    // A destroyed object stays destroyed.
    alice.ok(&import("gone", None, "AES", &first, &[date("ActivationDate", "2999-01-01T00:00:00Z")]));
    alice.ok(&named("Destroy", "gone"));
    alice.refused(&import("gone", Some(true), "AES", &first, &[]), 409, "Object_Destroyed");
}

fn not_in_place_of_somebody_elses(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let mut bob = server.bob().connect().unwrap();
    alice.ok(&import("k", None, "AES", &[7; 32], &[]));
    let sealed = alice.seal("k", b"alice's");
    for replace in [None, Some(false), Some(true)] {
        bob.refused(&import("k", replace, "AES", &[8; 32], &[]), 409, "Object_Already_Exists");
    }
    assert_eq!(alice.open(&sealed), b"alice's");
    assert_eq!(alice.export("k"), [7; 32]);
    bob.refused(&encrypt("k", b"x"), 404, "Object_Not_Found");
}

fn of_an_object_with_a_past(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let past = [
        enumeration("State", "Deactivated"),
        date("InitialDate", "2020-01-01T00:00:00Z"),
        date("OriginalCreationDate", "2019-01-01T00:00:00Z"),
        date("DeactivationDate", "2021-01-01T00:00:00Z"),
        date("ActivationDate", "2020-02-01T00:00:00Z"),
    ];
    alice.ok(&import("old", None, "AES", &[7; 32], &past));
    let attributes = alice.attributes("old");
    for (tag, value) in [("State", "Deactivated"), ("InitialDate", "2020-01-01T00:00:00Z")] {
        assert_eq!(string(&attributes, tag), value);
    }
    alice.refused(&encrypt("old", b"x"), 409, "Wrong_Key_Lifecycle_State");
    let destroyed = import("never", None, "AES", &[7; 32], &[enumeration("State", "Destroyed")]);
    alice.refused(&destroyed, 400, "Invalid_Attribute_Value");
}

fn the_transparent_format_is_taken_too(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let material = structure("KeyMaterial", &[crate::harness::kmip::bytes("Key", &[7; 32])]);
    let block = structure(
        "KeyBlock",
        &[enumeration("KeyFormatType", "TransparentSymmetricKey"), structure("KeyValue", &[material])],
    );
    let fields = [enumeration("ObjectType", "SymmetricKey"), attributes("AES", 256, &[])];
    let request = with(structure("Register", &fields), &[structure("SymmetricKey", &[block])]);
    let id = alice.new_key(&request);
    // It is given back in the format in which it came.
    assert_eq!(octets(&alice.ok(&named("Export", &id)), "Key"), [7; 32]);
    for operation in ["Get", "Export"] {
        let format = enumeration("KeyFormatType", "TransparentSymmetricKey");
        let answer = alice.ok(&with(named(operation, &id), &[format]));
        let block = structure("KeyBlock", find(&answer, "KeyBlock").unwrap().as_array().unwrap());
        assert_eq!(string(&block, "KeyFormatType"), "TransparentSymmetricKey");
        assert_eq!(octets(&answer, "Key"), [7; 32]);
        let format = enumeration("KeyFormatType", "PKCS8");
        alice.refused(&with(named(operation, &id), &[format]), 422, "Key_Format_Type_Not_Supported");
    }
}

fn contradictions_are_refused(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let fields = |attributes, key| {
        let kind = enumeration("ObjectType", "SymmetricKey");
        structure("Register", &[kind, attributes, key])
    };
    let length = fields(attributes("AES", 128, &[]), raw_key("AES", &[7; 32]));
    alice.refused(&length, 400, "Invalid_Attribute_Value");
    let algorithm = fields(attributes("HMACSHA256", 256, &[]), raw_key("AES", &[7; 32]));
    alice.refused(&algorithm, 400, "Invalid_Attribute_Value");
    alice.refused(&register("AES", b"", &[]), 400, "Invalid_Attribute_Value");
    let kind = structure(
        "Register",
        &[enumeration("ObjectType", "SecretData"), attributes("AES", 256, &[]), raw_key("AES", &[7; 32])],
    );
    alice.refused(&kind, 400, "Invalid_Attribute_Value");
    let mut without = register("AES", &[7; 32], &[]);
    without["value"].as_array_mut().unwrap().pop();
    alice.refused(&without, 400, "Missing_Data");
    // Where the server does not store keys, or in two places at once; and one alternative of several.
    let masks = |bits: &[i64]| {
        let masks: Vec<_> = bits.iter().map(|bits| integer("ProtectionStorageMask", *bits)).collect();
        with(register("AES", &[7; 32], &[]), &[structure("ProtectionStorageMasks", &masks)])
    };
    for bits in [&[16][..], &[3], &[16, 17]] {
        alice.refused(&masks(bits), 422, "Protection_Storage_Unavailable");
    }
    alice.ok(&masks(&[16, 1, 2]));
    let no_id = with(register("AES", &[7; 32], &[]), &[text("UniqueIdentifier", "x")]);
    alice.refused(&no_id, 400, "Invalid_Message");
}
