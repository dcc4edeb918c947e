//! `clavigerd --check-hsm` tests the HSM and prints the results. A start with an HSM that lacks something is refused.

use std::sync::Arc;

use claviger_pkcs11_shim::{Deed, Fault};
use serde_json::json;

use crate::harness::server::{Place, run};
use crate::harness::{Server, again, kmip, shim};

/// CKR_MECHANISM_INVALID and CKR_FUNCTION_NOT_SUPPORTED.
const NO_MECHANISM: u64 = 0x70;
const NO_FUNCTION: u64 = 0x54;

#[test]
fn it_is_tried_and_nothing_stays_in_it() {
    let place = Place::new();
    let objects = place.token.objects();
    let mut command = place.program();
    command
        .arg("--check-hsm")
        .arg("--hsm-module")
        .arg(again::module())
        .arg("--hsm-pin-file")
        .arg(&place.token.pin_file);
    let (status, out, error) = run(&mut command);
    assert_eq!((status.code(), error.as_str()), (Some(0), ""), "{out}");
    let mut lines = out.lines();
    assert!(lines.next().unwrap().starts_with("HSM token claviger: model "), "{out}");
    assert!(lines.next().unwrap().starts_with("what  "), "{out}");
    assert_eq!(lines.next_back(), Some("the server can use this HSM token"));
    let rows: Vec<&str> = lines.collect();
    for name in ["AES key wrap ", "wrapping keys do not decrypt ", "AES-GCM ", "HMAC-SHA256 ", "RSA pairs, wrapped "] {
        let row = rows.iter().find(|row| row.starts_with(name)).unwrap_or_else(|| panic!("{name}: {out}"));
        assert!(row.ends_with("  uses it"), "{row}");
    }
    for name in ["AES-GCM in one call ", "AES-CBC in one call ", "HMAC-SHA256 in one call "] {
        let row = rows.iter().find(|row| row.starts_with(name)).unwrap_or_else(|| panic!("{name}: {out}"));
        assert!(row.contains(" 6291456 bytes and more ") && row.ends_with("  uses it"), "{row}");
    }
    assert_eq!(place.token.objects(), objects, "something stays in the token");
    assert!(!place.database().exists(), "it made a database");
}

#[test]
fn what_it_lacks_is_named_and_keeps_a_server_from_starting_that_cannot_do_without() {
    let place = Place::new();
    let answer = |value, function: &'static str| [("fault", Fault::new(Deed::Answer(value), &[function]))];
    let objects = place.token.objects();
    for (fault, name) in [
        (answer(NO_MECHANISM, "C_EncryptInit"), "AES-GCM"),
        (answer(NO_MECHANISM, "C_SignInit"), "HMAC-SHA256"),
        (answer(NO_FUNCTION, "C_GenerateRandom"), "random numbers"),
        (answer(NO_FUNCTION, "C_GenerateKeyPair"), "P-256 pairs and ECDSA"),
    ] {
        let (status, out, error) = run(shim::program(&place, &fault).arg("--check-hsm"));
        assert_eq!(status.code(), Some(1), "{name}: {out}{error}");
        assert_eq!(error, "clavigerd: the HSM cannot do what the server needs\n");
        let last = out.lines().next_back().unwrap();
        assert!(last.starts_with("the server cannot use this HSM token: ") && last.contains(name), "{name}: {out}");
        let row = shim::row(&out, name);
        assert!(row.contains("CKR_") && row.ends_with("  does not start"), "{row}");
        let mut start = shim::program(&place, &fault);
        let (status, out, error) = run(start.args(["--hostname", "127.0.0.1", "--port", "0"]).env("KMS_LOG", "error"));
        assert_eq!((status.code(), out.as_str()), (Some(1), ""), "{name}: {error}");
        assert!(
            error.contains("the token cannot do what is needed of it: ") && error.contains("--check-hsm"),
            "{error}"
        );
        assert_eq!(place.token.objects(), objects, "{name}: something stays in the token");
    }
}

#[test]
fn without_keys_from_outside_there_are_those_of_the_token() {
    let place = Arc::new(Place::new());
    let fault = [("fault", Fault::new(Deed::Answer(NO_FUNCTION), &["C_CreateObject"]))];
    let (status, out, error) = run(shim::program(&place, &fault).arg("--check-hsm"));
    assert_eq!((status.code(), error.as_str()), (Some(0), ""), "{out}");
    let row = shim::row(&out, "C_CreateObject of a key's value ");
    assert!(row.ends_with("  keeps keys that are brought in, and does not use them"), "{row}");
    let export = shim::row(&out, "CKA_VALUE of a key that may leave ");
    assert!(export.ends_with("  uses it"), "{export}");
    let (options, _) = shim::options(&place, &fault);
    // The key is made and found again.
    for _ in 0..2 {
        let server = Server::start_at(Arc::clone(&place), &options);
        let mut alice = server.alice().connect().unwrap();
        let id = alice.aes();
        let sealed = alice.seal(&id, b"data");
        assert_eq!(alice.open(&sealed), b"data");
        // A key from outside is kept and given back only.
        for request in [kmip::register("AES", &[7; 32], &[]), kmip::import("", None, "AES", &[7; 32], &[])] {
            let brought = alice.new_key(&request);
            let told = alice.refused(&kmip::encrypt(&brought, b"data"), 422, "Invalid_Object_Type");
            assert!(told["detail"].as_str().unwrap().contains("create a key in the HSM"), "{told}");
            assert_eq!(alice.export(&brought), [7; 32]);
        }
        let query = kmip::structure("Query", &[kmip::enumeration("QueryFunction", "QueryOperations")]);
        let answer = alice.ok(&query);
        let served = kmip::all(&answer, "Operation");
        assert!(served.contains(&&json!("Create")), "{answer}");
        assert!(["Register", "Import"].iter().all(|name| served.contains(&&json!(name))), "{answer}");
        assert!(server.stop().1.success());
    }
}
