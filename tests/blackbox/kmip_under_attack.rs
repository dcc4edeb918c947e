//! What a caller could reach by messages that are undone, by changes of attributes, or by connections that never finish
//! a message.

use serde_json::{Value, json};

use crate::harness::attributes::put;
use crate::harness::kmip::{
    boolean, bytes, create, encrypt, enumeration, find, import, integer, name, named, register, string, structure,
    tags, text, wrapped,
};
use crate::harness::message::option;
use crate::harness::socket::{Socket, outcomes, with_socket};
use crate::harness::{Caller, Server, World, eventually};

fn undo() -> [Value; 1] {
    [option("Undo")]
}

/// An operation that fails.
fn broken() -> Value {
    named("Get", "there is none")
}

fn made(socket: &mut Socket, attributes: &[Value]) -> String {
    string(&socket.ok(&create("AES", 256, attributes)), "UniqueIdentifier")
}

#[test]
fn nothing_of_a_message_that_is_undone_is_given_out() {
    let server = Server::start_with(&with_socket());
    let mut socket = server.socket(&server.place.alice);
    let id = made(&mut socket, &[]);
    let giving = [named("Get", &id), named("Export", &id), encrypt(&id, b"x"), broken()];
    let items = socket.items(&undo(), &giving);
    assert_eq!(outcomes(&items), ["OperationUndone", "OperationUndone", "OperationUndone", "ObjectNotFound"]);
    assert!(items.iter().all(|item| find(item, "ResponsePayload").is_none()), "{items:?}");
    // Nobody has the key yet, and the audit log says so.
    assert_eq!(find(&socket.ok(&named("GetAttributes", &id)), "Fresh"), Some(&json!(true)));
    let lines = eventually("the items are recorded", || {
        let lines = server.place.audit_lines();
        let own = lines.into_iter().filter(|line| line["object"] == id.as_str() && line["outcome"] == "failed");
        let own: Vec<String> = own.map(|line| line["reason"].to_string()).collect();
        (own.len() >= 3).then_some(own)
    });
    assert!(lines.iter().all(|reason| reason.contains("undone")), "{lines:?}");
    // Without the failure it is given.
    let items = socket.items(&undo(), &giving[..3]);
    assert!(items.iter().all(|item| find(item, "ResponsePayload").is_some()), "{items:?}");
    assert_eq!(find(&socket.ok(&named("GetAttributes", &id)), "Fresh"), Some(&json!(false)));
}

#[test]
fn a_sensitive_key_does_not_leave_by_a_change_that_is_undone() {
    let server = Server::start_with(&with_socket());
    let mut socket = server.socket(&server.place.alice);
    let guarded = made(&mut socket, &[boolean("Sensitive", true)]);
    let mask = |bits| integer("CryptographicUsageMask", bits);
    let sealed = [boolean("Sensitive", true), boolean("Extractable", false)];
    let wrapping = |socket: &mut Socket, bits| made(socket, &[&[mask(bits)][..], &sealed].concat());
    let (all, encrypts, other) = (0x1c, 0x14, 0xc);
    let key = wrapping(&mut socket, all);
    let get = wrapped("Get", &guarded, &key);
    assert_eq!(outcomes(&socket.items(&[], std::slice::from_ref(&get))), ["Sensitive"]);
    let narrowed = put("ModifyAttribute", &key, &mask(encrypts));
    for tail in [&[][..], &[broken()]] {
        let items = socket.items(&undo(), &[&[narrowed.clone(), get.clone()][..], tail].concat());
        assert_eq!(outcomes(&items), ["InvalidAttributeValue"]);
    }
    // Not by one message after the other, either; but a key that does not wrap may lose Decrypt.
    assert_eq!(outcomes(&socket.items(&[], std::slice::from_ref(&narrowed))), ["InvalidAttributeValue"]);
    assert_eq!(outcomes(&socket.items(&[], std::slice::from_ref(&get))), ["Sensitive"]);
    socket.ok(&put("ModifyAttribute", &key, &mask(other)));
    socket.ok(&put("ModifyAttribute", &key, &mask(4)));
    // A key that never could decrypt may wrap it.
    let keeping = wrapping(&mut socket, encrypts);
    socket.ok(&wrapped("Get", &guarded, &keeping));
}

#[test]
fn an_object_of_the_same_message_is_not_taken_for_another_one() {
    let server = Server::start_with(&with_socket());
    let mut alice = server.socket(&server.place.alice);
    let mut bob = server.socket(&server.place.bob);
    let taken = text("UniqueIdentifier", "taken");
    made(&mut alice, std::slice::from_ref(&taken));
    let items = bob.items(&undo(), &[create("AES", 256, std::slice::from_ref(&taken)), encrypt("taken", b"x")]);
    assert_eq!(outcomes(&items), ["ObjectAlreadyExists"]);
    let twice = create("AES", 256, &[text("UniqueIdentifier", "twice")]);
    let items = bob.items(&undo(), &[twice.clone(), twice]);
    assert_eq!(outcomes(&items), ["OperationUndone", "ObjectAlreadyExists"]);
    // A new key is found, but used after the message only.
    let new = create("AES", 256, &[text("UniqueIdentifier", "new"), name("new")]);
    let items = bob.items(&undo(), &[new.clone(), named("GetAttributes", "new"), encrypt("new", b"x")]);
    assert_eq!(outcomes(&items), ["OperationUndone", "OperationUndone", "FeatureNotSupported"]);
    assert_eq!(outcomes(&bob.items(&undo(), &[new, named("GetAttributes", "new")])), ["Success", "Success"]);
    bob.ok(&encrypt("new", b"x"));
    // So is a key that a message replaces.
    let replacing = import("new", Some(true), "AES", &[7; 32], &[]);
    let items = bob.items(&undo(), &[replacing, encrypt("new", b"x")]);
    assert_eq!(outcomes(&items), ["OperationUndone", "FeatureNotSupported"]);
    bob.ok(&encrypt("new", b"x"));
    // Making an RSA key pair takes long: nothing is locked meanwhile.
    let pair = |id: &str| {
        let common = [enumeration("CryptographicAlgorithm", "RSA"), integer("CryptographicLength", 2048)];
        let half = |mask| structure("PrivateKeyAttributes", &[integer("CryptographicUsageMask", mask)]);
        let public = structure("PublicKeyAttributes", &[integer("CryptographicUsageMask", 2), name(id)]);
        structure("CreateKeyPair", &[structure("CommonAttributes", &common), half(1), public])
    };
    let changed = put("AddAttribute", "new", &text("Comment", "c"));
    let items = bob.items(&undo(), &[changed.clone(), pair("late")]);
    assert_eq!(outcomes(&items), ["OperationUndone", "FeatureNotSupported"]);
    assert_eq!(outcomes(&bob.items(&undo(), &[pair("early"), changed])), ["Success", "Success"]);
    let log = server.log();
    assert!(!log.contains("ROW REFUSED") && !log.contains("row refused"), "{log}");
}

#[test]
fn who_may_modify_attributes_may_not_do_what_others_decide() {
    let world = World::new("");
    let [mut alice, mut bob] = ["alice", "bob"].map(|name| world.certificate(name));
    alice.key("k", &[]);
    let change = |alice: &mut Caller, words: &[&str]| alice.grant("k", "bob", words);
    change(&mut alice, &["modify_attribute", "get_attributes", "encrypt", "decrypt", "revoke", "destroy"]);
    // What requests without parameters do, and what policies decide by.
    let parameters = structure("CryptographicParameters", &[enumeration("BlockCipherMode", "CBC")]);
    bob.refused(&put("AddAttribute", "k", &parameters), 403);
    bob.refused(&put("AddAttribute", "k", &tags(&["public"])), 403);
    assert_eq!(alice.kmip(&put("AddAttribute", "k", &parameters)).status, 200);
    // An import that replaces the key does not change the tags either.
    change(&mut alice, &["import"]);
    let replacing = |more: &[Value]| import("k", Some(true), "AES", &[9; 32], more);
    bob.refused(&replacing(&[tags(&["public"])]), 403);
    assert_eq!(bob.kmip(&replacing(&[])).status, 200);
    assert_eq!(alice.kmip(&replacing(&[tags(&["public"])])).status, 200);
}

#[test]
fn a_digest_tells_no_value_that_a_person_may_have_chosen() {
    let server = Server::start();
    let mut alice = server.alice().connect().unwrap();
    let told = |alice: &mut crate::harness::Connection, request: &Value| {
        let id = alice.new_key(request);
        find(&alice.attributes(&id), "Digest").is_some()
    };
    let kept = |format: &str, value: &[u8], more: &[Value]| {
        let material = match format {
            "TransparentSymmetricKey" => structure("KeyMaterial", &[bytes("Key", value)]),
            _ => bytes("KeyMaterial", value),
        };
        let mut block = vec![enumeration("KeyFormatType", format), structure("KeyValue", &[material])];
        block.extend_from_slice(more);
        let key = structure("SymmetricKey", &[structure("KeyBlock", &block)]);
        structure("Register", &[enumeration("ObjectType", "SymmetricKey"), structure("Attributes", &[]), key])
    };
    let tdes = [enumeration("CryptographicAlgorithm", "THREE_DES"), integer("CryptographicLength", 168)];
    let des = [enumeration("CryptographicAlgorithm", "DES"), integer("CryptographicLength", 56)];
    for format in ["Raw", "TransparentSymmetricKey"] {
        assert!(told(&mut alice, &kept(format, &[7; 24], &tdes)), "{format}");
        assert!(!told(&mut alice, &kept(format, &[7; 8], &des)), "{format}");
        assert!(!told(&mut alice, &kept(format, b"correct horse battery staple", &[])), "{format}");
    }
    assert!(!told(&mut alice, &register("HMACSHA256", b"correct horse battery staple and", &[])));
    assert!(told(&mut alice, &create("AES", 128, &[])));
    // Key wrap gives equal results for equal values.
    let sealing = [integer("CryptographicUsageMask", 0x10), boolean("Sensitive", true), boolean("Extractable", false)];
    let wrapping = alice.new_key(&create("AES", 256, &sealing));
    let block = structure(
        "KeyBlock",
        &[enumeration("KeyFormatType", "Opaque"), structure("KeyValue", &[bytes("KeyMaterial", &[7; 32])])],
    );
    let secret = structure("SecretData", &[enumeration("SecretDataType", "Password"), block]);
    let attributes = structure("Attributes", &[boolean("Sensitive", true)]);
    let request = structure("Register", &[enumeration("ObjectType", "SecretData"), attributes, secret]);
    let id = alice.new_key(&request);
    alice.refused(&wrapped("Get", &id, &wrapping), 422, "Key_Wrap_Type_Not_Supported");
}

/// One more connection than one caller gets makes the oldest one end, also if its client has begun a message.
#[test]
fn a_message_that_is_begun_does_not_keep_its_connection() {
    let server = Server::start_with(&with_socket().with(&["--max-connections", "512"]));
    let begun = |_| {
        let mut socket = server.socket(&server.place.bob);
        // Two bytes of the head.
        socket.send(&[0x42, 0]).unwrap();
        socket
    };
    let mut all: Vec<Socket> = (0..32).map(begun).collect();
    assert!(all[0].is_closed());
    assert!(server.log().contains("closed to make room for newer ones"));
    server.socket(&server.place.alice).ok(&structure("Ping", &[]));
    // The server does not wait for them when it stops.
    server.stop();
}
