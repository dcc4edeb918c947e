//! Runs C2SP Wycheproof's vectors for JSON Web Signatures with the code that verifies JWTs. The vectors are not part of
//! the repository: without them, the test says so and passes.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    missing_docs,
    reason = "a test that meets something unexpected is to fail there and say where"
)]

use std::fs;
use std::path::Path;

use claviger::auth::{Jws, KeySet};
use serde_json::{Value, json};

/// The vectors, in a directory next to the repository.
const VECTORS: &str = "../shared/vectors/json_web_signature_test.json";

/// The permitted algorithms of JWTs.
const SERVED: [&str; 9] = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA"];

/// The numbers of valid signatures with permitted algorithms, of valid ones with others (HMAC, P-521), and of invalid
/// ones.
const COUNTS: [usize; 3] = [34, 12, 355];

/// Two of the valid ones (RFC 7520 section 4.2) are PS384 signatures by a key whose `alg` is PS256. The server follows
/// the `alg` of the key (RFC 8725 section 3.1) and refuses them; they verify with the same key without `alg`.
const OF_ANOTHER_ALGORITHM: [u64; 2] = [346, 350];

fn is_accepted(key: &Value, jws: &str) -> bool {
    // A key set without a usable key verifies nothing.
    let Ok(keys) = KeySet::parse(json!({ "keys": [key] }).to_string().as_bytes()) else { return false };
    Jws::parse(jws).is_ok_and(|jws| jws.verify(&keys).is_ok())
}

#[test]
fn what_is_invalid_is_refused_and_what_is_valid_accepted() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(VECTORS);
    let Ok(text) = fs::read(&path) else {
        eprintln!("NOT TESTED: there are no vectors at {}", path.display());
        return;
    };
    let document: Value = serde_json::from_slice(&text).unwrap();
    let mut counts = [0; 3];
    for group in document["testGroups"].as_array().unwrap() {
        // An HMAC secret is the only key of its group.
        let key = [&group["public"], &group["private"]].into_iter().find(|key| key.is_object()).unwrap();
        for case in group["tests"].as_array().unwrap() {
            let jws = case["jws"].as_str().unwrap_or_default();
            let mut accepted = is_accepted(key, jws);
            if OF_ANOTHER_ALGORITHM.contains(&case["tcId"].as_u64().unwrap()) {
                assert!(!accepted, "{}", case["tcId"]);
                let mut key = key.clone();
                key.as_object_mut().unwrap().remove("alg");
                accepted = is_accepted(&key, jws);
            }
            let served = key["alg"].as_str().is_some_and(|algorithm| SERVED.contains(&algorithm));
            let (kind, expected) = match (case["result"].as_str().unwrap(), served) {
                ("valid", true) => (0, true),
                ("valid", false) => (1, false),
                ("invalid", _) => (2, false),
                other => panic!("{other:?}"),
            };
            assert_eq!(accepted, expected, "{}: {} by {}", case["tcId"], case["comment"], key["alg"]);
            counts[kind] += 1;
        }
    }
    assert_eq!(counts, COUNTS, "another edition of the vectors");
    assert_eq!(document["numberOfTests"], counts.iter().sum::<usize>());
}
