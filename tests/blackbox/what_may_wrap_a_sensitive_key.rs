//! A Sensitive key leaves wrapped only under a key that is not known outside and cannot unwrap here: made in the HSM,
//! sealed, and without Decrypt and Unrestricted in its mask.

use serde_json::Value;

use crate::harness::kmip::{
    boolean, create, find, integer, named, octets, register, replace, revoke, text, with, wrapped,
};
use crate::harness::{Server, World, reference};

const ENCRYPT: i64 = 4;
const DECRYPT: i64 = 8;
const WRAP: i64 = 0x10;
const UNWRAP: i64 = 0x20;
const UNRESTRICTED: i64 = 0x20_0000;
/// Every bit of the mask, as some clients send it.
const EVERY: i64 = 0x1 | 0x2 | 0x4 | 0x8 | 0x10 | 0x20 | 0x80 | 0x100 | 0x200 | 0x800 | 0x10_0000 | UNRESTRICTED;

fn own(id: &str, mask: i64, sensitive: bool, extractable: bool) -> Vec<Value> {
    vec![
        text("UniqueIdentifier", id),
        integer("CryptographicUsageMask", mask),
        boolean("Sensitive", sensitive),
        boolean("Extractable", extractable),
    ]
}

#[test]
fn one_that_never_left_and_cannot_decrypt() {
    let server = Server::start();
    let mut alice = server.alice().connect().unwrap();
    let secret = reference::random(32);
    let guarded = alice.new_key(&register("AES", &secret, &[boolean("Sensitive", true)]));
    let open = alice.new_key(&register("AES", &secret, &[]));
    let made_here = alice.new_key(&create("AES", 256, &[boolean("Sensitive", true)]));
    for (id, mask) in [("w1", WRAP), ("w2", WRAP | ENCRYPT), ("w3", EVERY & !(DECRYPT | UNWRAP | UNRESTRICTED))] {
        alice.ok(&create("AES", 256, &own(id, mask, true, false)));
        for operation in ["Get", "Export"] {
            let blob = octets(&alice.ok(&wrapped(operation, &guarded, id)), "KeyMaterial");
            assert_eq!(blob.len(), 40);
            // AES key wrap is deterministic, so equal bytes show the same key.
            assert_eq!(octets(&alice.ok(&wrapped(operation, &open, id)), "KeyMaterial"), blob);
            alice.ok(&wrapped(operation, &made_here, id));
        }
    }
    let mut unfit = Vec::new();
    // A wrapping key whose mask has Decrypt or Unwrap Key, which can be used to unwrap.
    for (id, mask) in [("d1", WRAP | DECRYPT), ("d2", WRAP | UNRESTRICTED), ("d3", EVERY), ("d4", WRAP | UNWRAP)] {
        alice.ok(&create("AES", 256, &own(id, mask, true, false)));
        unfit.push(id);
    }
    // A wrapping key that may itself leave.
    for (id, sensitive, extractable) in [("x1", true, true), ("x2", false, true), ("x3", false, false)] {
        alice.ok(&create("AES", 256, &own(id, WRAP, sensitive, extractable)));
        unfit.push(id);
    }
    // A wrapping key that a caller registered, and so knows.
    alice.ok(&register("AES", &[7; 32], &own("r1", WRAP, true, false)));
    alice.ok(&with(crate::harness::kmip::import("i1", None, "AES", &[7; 32], &own("i1", WRAP, true, false)[1..]), &[]));
    // Also if it replaced a key that was made here.
    alice.ok(&create("AES", 256, &own("p1", WRAP, true, false)));
    alice.ok(&wrapped("Get", &guarded, "p1"));
    alice.ok(&replace("p1", "AES", &[7; 32], &[]));
    unfit.extend(["r1", "i1", "p1"]);
    // Whatever its attributes in the request.
    for flag in ["AlwaysSensitive", "NeverExtractable"] {
        assert_eq!(find(&alice.attributes("p1"), flag).unwrap(), false);
        let said = [boolean(flag, true)];
        let said_so = alice.new_key(&register("AES", &[7; 32], &said));
        assert_eq!(find(&alice.attributes(&said_so), flag).unwrap(), false);
        alice.ok(&replace("p1", "AES", &[7; 32], &said));
        assert_eq!(find(&alice.attributes("p1"), flag).unwrap(), false);
    }
    for id in unfit {
        for operation in ["Get", "Export"] {
            for key in [&guarded, &made_here] {
                let problem = alice.refused(&wrapped(operation, key, id), 403, "Sensitive");
                let detail = problem["detail"].as_str().unwrap();
                assert!(detail.contains(id), "{detail}");
            }
            // A key that may leave in clear may leave wrapped by any key.
            alice.ok(&wrapped(operation, &open, id));
        }
    }
    // The attack itself: wrapped, and then unwrapped block by block.
    let sealed = own("sealed", WRAP, true, false);
    alice.ok(&create("AES", 256, &sealed));
    alice.refused(&wrapped("Get", "sealed", "w1"), 403, "Not_Extractable");
    alice.ok(&revoke("w1", "Superseded"));
    alice.refused(&wrapped("Get", &guarded, "w1"), 409, "Wrong_Key_Lifecycle_State");
    alice.ok(&named("Destroy", "w1"));
    alice.refused(&wrapped("Get", &guarded, "w1"), 409, "Object_Destroyed");
}

#[test]
fn the_wrapping_key_is_authorized_by_itself() {
    let world = World::new("");
    let [mut alice, mut bob] = ["alice", "bob"].map(|name| world.certificate(name));
    alice.key("guarded", &[boolean("Sensitive", true)]);
    alice.ok(&create("AES", 256, &own("w", WRAP, true, false)));
    alice.grant("guarded", "bob", &["get", "export"]);
    for operation in ["Get", "Export"] {
        let request = wrapped(operation, "guarded", "w");
        bob.refused(&request, 404);
    }
    alice.grant("w", "bob", &["get_attributes"]);
    bob.refused(&wrapped("Get", "guarded", "w"), 403);
    alice.grant("w", "bob", &["encrypt"]);
    bob.ok(&wrapped("Get", "guarded", "w"));
    alice.take_back("guarded", "bob", &["get"]);
    bob.refused(&wrapped("Get", "guarded", "w"), 403);
}
