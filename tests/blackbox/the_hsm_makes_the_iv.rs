//! If the HSM makes the IV for AES-GCM itself, the server returns and stores the HSM's IV, and refuses a caller's IV.

use std::collections::HashSet;
use std::sync::Arc;

use claviger_pkcs11_shim::{Deed, Fault, OwnIv};
use data_encoding::BASE64;
use serde_json::json;

use crate::harness::kmip::{bytes, encrypt, enumeration, structure, with};
use crate::harness::server::{Place, run};
use crate::harness::{Connection, Options, Server, shim};

const JSON: &[(&str, &str)] = &[("Content-Type", "application/json")];

const SECRET: &str = "/secrets/default/variable/under-an-iv-of-the-hsm";

fn writes(alice: &mut Connection, value: &[u8]) {
    assert_eq!(alice.try_request("POST", SECRET, &[], value).unwrap().status, 201);
}

#[test]
fn wherever_it_puts_it() {
    for kind in [OwnIv::Written, OwnIv::Appended(12), OwnIv::Appended(16), OwnIv::Zeros] {
        let length = if kind == OwnIv::Appended(16) { 16 } else { 12 };
        let place = Arc::new(Place::new());
        let fault = [("iv", Fault::new(Deed::OwnIv(kind), &[]))];
        let (status, out, error) = run(shim::program(&place, &fault).arg("--check-hsm"));
        assert_eq!((status.code(), error.as_str()), (Some(0), ""), "{out}");
        assert!(out.contains("with an IV that the token makes"), "{out}");

        let (options, _) = shim::options(&place, &fault);
        let server = Server::start_at(Arc::clone(&place), &options);
        let mut alice = server.alice().connect().unwrap();
        let id = alice.aes();
        let data = vec![0x5a; 100_000];
        let sealed: Vec<_> = (0..5).map(|_| alice.seal(&id, &data)).collect();
        let ivs: HashSet<&[u8]> = sealed.iter().map(|sealed| &*sealed.iv).collect();
        assert_eq!(ivs.len(), sealed.len(), "{kind:?}: {ivs:?}");
        for sealed in &sealed {
            assert_eq!((sealed.iv.len(), sealed.tag.len(), sealed.data.len()), (length, 16, data.len()), "{kind:?}");
            assert!(sealed.iv.iter().any(|byte| *byte != 0), "{kind:?}");
            assert_eq!(alice.open(sealed), data, "{kind:?}");
        }
        // A caller's IV would be replaced, and the caller could not decrypt with it.
        for iv in [[7; 12], [0; 12]] {
            let chosen = with(encrypt(&id, &data), &[bytes("IVCounterNonce", &iv)]);
            let told = alice.refused(&chosen, 422, "Unsupported_Cryptographic_Parameters");
            let refused_by_us = told["detail"].as_str().unwrap().contains("leave IVCounterNonce out");
            // The HSM that accepts only zeros refuses other IVs itself.
            assert!(refused_by_us || (kind == OwnIv::Zeros && iv != [0; 12]), "{kind:?}: {told}");
        }
        let cbc = structure("CryptographicParameters", &[enumeration("BlockCipherMode", "CBC")]);
        alice.ok(&with(encrypt(&id, &data), &[cbc, bytes("IVCounterNonce", &[7; 16])]));
        // A format with room for 12 bytes only.
        let hanzo = json!({"plaintext": BASE64.encode(&data)});
        let path = format!("/api/v1/kms/keys/{id}/encrypt");
        let answer = alice.try_request("POST", &path, JSON, hanzo.to_string().as_bytes()).unwrap();
        assert_eq!(answer.status, if length == 12 { 200 } else { 422 }, "{kind:?}: {answer:?}");
        for value in [&b"first"[..], b"second"] {
            writes(&mut alice, value);
            assert_eq!(alice.get(SECRET).body, value, "{kind:?}");
        }
        assert!(server.stop().1.success());

        // The stored IVs are also valid for a module that uses the given IV.
        let server = Server::start_at(Arc::clone(&place), &Options::default());
        let mut alice = server.alice().connect().unwrap();
        for sealed in &sealed {
            assert_eq!(alice.open(sealed), data, "{kind:?}");
        }
        assert_eq!(alice.get(SECRET).body, b"second", "{kind:?}");
        // And the other way round, with the IVs that the server chose.
        let sealed = alice.seal(&id, &data);
        writes(&mut alice, b"third");
        assert!(server.stop().1.success());
        let server = Server::start_at(Arc::clone(&place), &options);
        let mut alice = server.alice().connect().unwrap();
        assert_eq!(alice.open(&sealed), data, "{kind:?}");
        assert_eq!(alice.get(SECRET).body, b"third", "{kind:?}");
    }
}
