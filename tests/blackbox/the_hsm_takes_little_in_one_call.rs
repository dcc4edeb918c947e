//! If an HSM accepts only a limited number of bytes in one call, the server splits data where possible, with the same
//! result. For AES-GCM it reports the bound.

use std::io::{Read as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::Stdio;
use std::sync::Arc;

use claviger_pkcs11_shim::{Control, Deed, Fault};
use data_encoding::BASE64;
use openssl::hash::MessageDigest;
use serde_json::{Value, json};

use crate::harness::caller::{Caller, change};
use crate::harness::kmip::{
    Sealed, bytes, create, encrypt, enumeration, mac, mac_verify, octets, parameters, register, string, structure,
    text, vendor_attribute, with,
};
use crate::harness::message::{message, option};
use crate::harness::server::{Place, run};
use crate::harness::{Cli, Connection, Options, Server, Shim, eventually, reference, shim, within_patience};

const JSON: &[(&str, &str)] = &[("Content-Type", "application/json")];

/// Bytes of a tag, which C_Decrypt gets with the text.
const TAG: usize = 16;

/// Bytes of an AES block.
const BLOCK: usize = 16;

const MEBIBYTE: usize = 1 << 20;

/// CKR_FUNCTION_NOT_SUPPORTED.
const NO_FUNCTION: u64 = 0x54;

const SAID: &str = "the HSM takes little in one call";

/// At each function that takes data.
fn at_most(bytes: usize) -> [(&'static str, Fault); 1] {
    [("most", Fault::new(Deed::MostBytes(bytes), &[]))]
}

fn start(most: usize, arguments: &[&str]) -> (Server, Control) {
    let place = Arc::new(Place::new());
    let (options, control) = shim::options(&place, &at_most(most));
    (Server::start_at(place, &options.with(arguments)), control)
}

fn cbc(padded: bool) -> Value {
    let padding = if padded { "PKCS5" } else { "None" };
    parameters(&[enumeration("BlockCipherMode", "CBC"), enumeration("PaddingMethod", padding)])
}

fn cbc_decrypt(id: &str, padded: bool, iv: &[u8], data: &[u8]) -> Value {
    let id = text("UniqueIdentifier", id);
    structure("Decrypt", &[id, cbc(padded), bytes("Data", data), bytes("IVCounterNonce", iv)])
}

/// Checks the refusal of a request that is too long for AES-GCM.
#[track_caller]
fn too_long(alice: &mut Connection, request: &Value, most: usize) {
    let told = alice.refused(request, 413, "Server_Limit_Exceeded");
    assert_eq!(told["most_bytes"], most, "{told}");
    assert!(told["detail"].as_str().unwrap().contains(&format!("at most {most} bytes")), "{told}");
}

/// Encrypts and decrypts by CBC, and compares both ways with OpenSSL.
fn compare_cbc(alice: &mut Connection, id: &str, key: &[u8], padded: bool, length: usize) {
    let data = reference::random(length);
    let iv = reference::random(BLOCK);
    let theirs = reference::cbc_encrypt(key, &iv, &data, padded);
    let answer = alice.ok(&with(encrypt(id, &data), &[cbc(padded), bytes("IVCounterNonce", &iv)]));
    assert!(octets(&answer, "Data") == theirs, "{length} bytes, padded: {padded}");
    let answer = alice.ok(&cbc_decrypt(id, padded, &iv, &theirs));
    assert!(octets(&answer, "Data") == data, "{length} bytes, padded: {padded}");
}

/// The keys of all MACs, with their bytes.
fn mac_keys(alice: &mut Connection) -> Vec<(String, Vec<u8>, Option<MessageDigest>)> {
    let hashes = [
        ("HMACSHA1", MessageDigest::sha1()),
        ("HMACSHA224", MessageDigest::sha224()),
        ("HMACSHA256", MessageDigest::sha256()),
        ("HMACSHA384", MessageDigest::sha384()),
        ("HMACSHA512", MessageDigest::sha512()),
    ];
    let mut keys = Vec::new();
    for (algorithm, hash) in hashes {
        let secret = reference::random(64);
        keys.push((alice.new_key(&register(algorithm, &secret, &[])), secret, Some(hash)));
    }
    let aes = alice.aes();
    let key = alice.export(&aes);
    keys.push((aes, key, None));
    keys
}

fn compare_macs(alice: &mut Connection, keys: &[(String, Vec<u8>, Option<MessageDigest>)], length: usize) {
    let data = reference::random(length);
    for (id, key, hash) in keys {
        let expected = hash.map_or_else(|| reference::cmac(key, &data), |hash| reference::hmac(hash, key, &data));
        assert_eq!(alice.mac(id, &data), expected, "{length} bytes");
    }
}

fn health(server: &Server) -> Value {
    server.alice().get("/health").json()
}

/// Attributes of 4,000 bytes each.
fn blobs(count: usize) -> Vec<Value> {
    (0..count).map(|number| vendor_attribute("acme", &format!("blob {number}"), &"b".repeat(4_000))).collect()
}

#[test]
fn how_much_is_found_out_at_the_start() {
    for (most, gcm, blocks) in [(16_288, 16_272, 16_288), (5_000, 4_984, 4_992), (50_001, 49_985, 50_000)] {
        let place = Arc::new(Place::new());
        let (status, out, error) = run(shim::program(&place, &at_most(most)).arg("--check-hsm"));
        assert_eq!((status.code(), error.as_str()), (Some(0), ""), "{out}");
        for (name, found) in [
            ("AES-GCM in one call ", format!(" {gcm} bytes: longer texts are refused ")),
            ("AES-CBC in one call ", format!(" {blocks} bytes: longer data is split ")),
            ("HMAC-SHA256 in one call ", format!(" {most} bytes: longer data is split ")),
        ] {
            let row = shim::row(&out, name);
            assert!(row.contains(&found) && row.ends_with("  uses it"), "{row}");
        }
        let (options, _) = shim::options(&place, &at_most(most));
        let server = Server::start_at(place, &options);
        let log = server.log();
        assert_eq!(log.matches(SAID).count(), 1, "{log}");
        let line = log.lines().find(|line| line.contains(SAID)).unwrap();
        for said in [
            format!("aes_gcm=\"{gcm} bytes\""),
            format!("aes_cbc=\"{blocks} bytes\""),
            format!("hmac=\"{most} bytes\""),
            format!("aes_cmac=\"{most} bytes\""),
        ] {
            assert!(line.contains(&said), "{line}");
        }
        assert!(server.stop().1.success());
    }
    let server = Server::start();
    assert!(!server.log().contains(SAID));
}

#[test]
fn too_little_is_no_start() {
    // The needed length, without the tag.
    const LEAST: usize = 1024;
    let place = Place::new();
    let objects = place.token.objects();
    for (faults, rows) in [
        (at_most(LEAST + TAG - 1), &["AES-GCM in one call"][..]),
        (at_most(LEAST - 1), &["AES-GCM in one call", "HMAC-SHA256 in one call"]),
        (at_most(100), &["AES-GCM in one call", "HMAC-SHA256 in one call"]),
    ] {
        let (status, out, error) = run(shim::program(&place, &faults).arg("--check-hsm"));
        assert_eq!(status.code(), Some(1), "{out}{error}");
        assert_eq!(error, "clavigerd: the HSM cannot do what the server needs\n");
        for name in rows {
            let row = shim::row(&out, name);
            assert!(row.contains(" bytes: the server needs 1024 ") && row.ends_with("  does not start"), "{row}");
        }
        let last = out.lines().next_back().unwrap();
        assert_eq!(last, format!("the server cannot use this HSM token: {}", rows.join(", ")));
        let mut start = shim::program(&place, &faults);
        let (status, out, error) = run(start.args(["--hostname", "127.0.0.1", "--port", "0"]).env("KMS_LOG", "error"));
        assert_eq!((status.code(), out.as_str()), (Some(1), ""), "{error}");
        assert!(error.contains("AES-GCM in one call: ") && error.contains("the server needs 1024"), "{error}");
        assert_eq!(place.token.objects(), objects, "something stays in the token");
    }
    let (status, out, _) = run(shim::program(&place, &at_most(LEAST + TAG)).arg("--check-hsm"));
    assert_eq!(status.code(), Some(0), "{out}");
}

/// Encrypt and Decrypt, at the bound and above it, on each route. A refused request is neither begun nor counted.
#[test]
fn gcm_is_refused_above_its_bound() {
    const LIMIT: usize = 40;
    for most in [16_288, 5_000] {
        let bound = most - TAG;
        let (server, control) = start(most, &["--gcm-limit=40"]);
        let mut alice = server.alice().connect().unwrap();
        let id = alice.aes();
        let key = alice.export(&id);
        let mut uses = 0;
        for length in [0, 1, bound - 1, bound] {
            let data = reference::random(length);
            let sealed = alice.seal(&id, &data);
            assert!(alice.open(&sealed) == data, "{length}");
            uses += 1;
        }
        let (data, iv) = (reference::random(bound + 1), [7; 12]);
        let (theirs, tag) = reference::gcm_encrypt(&key, &iv, b"", &data, TAG);
        let longer = Sealed { id: id.clone(), data: theirs, iv: iv.to_vec(), tag };
        // The server does not send data to the HSM that it would refuse.
        for function in ["C_EncryptInit", "C_DecryptInit"] {
            control.set(function, &Fault::new(Deed::Answer(0x30), &[function])).unwrap();
        }
        let plaintext = json!({"plaintext": BASE64.encode(&data)}).to_string();
        for length in [bound + 1, most, most + 1, MEBIBYTE] {
            for _ in 0..LIMIT / 4 {
                too_long(&mut alice, &encrypt(&id, &vec![1; length]), bound);
            }
            too_long(&mut alice, &with(encrypt(&id, &vec![1; length]), &[bytes("IVCounterNonce", &iv)]), bound);
        }
        too_long(&mut alice, &longer.decrypt(), bound);
        let path = format!("/api/v1/kms/keys/{id}/encrypt");
        let answer = alice.try_request("POST", &path, JSON, plaintext.as_bytes()).unwrap();
        let told = answer.json();
        assert_eq!((answer.status, told["error"].as_str()), (413, Some("PayloadTooLarge")), "{told}");
        assert!(told["message"].as_str().unwrap().contains(&format!("at most {bound} bytes")), "{told}");
        for function in ["C_EncryptInit", "C_DecryptInit"] {
            assert_eq!(control.hits(function), 0);
            control.clear(function).unwrap();
        }
        // In a message, whose other items are performed.
        let items = [encrypt(&id, &data), encrypt(&id, b"short"), longer.decrypt()];
        let answer = alice.ok(&message(&[option("Continue")], &items));
        uses += 1;
        let items: Vec<&Value> =
            answer["value"].as_array().unwrap().iter().filter(|field| field["tag"] == "BatchItem").collect();
        let statuses: Vec<String> = items.iter().map(|item| string(item, "ResultStatus")).collect();
        assert_eq!(statuses, ["OperationFailed", "Success", "OperationFailed"], "{answer}");
        for item in [items[0], items[2]] {
            assert_eq!(string(item, "ResultReason").replace('_', ""), "ServerLimitExceeded", "{item}");
            assert!(string(item, "ResultMessage").contains(&format!("at most {bound} bytes")), "{item}");
        }
        // Only encryptions are counted.
        for _ in uses..LIMIT {
            alice.seal(&id, b"x");
        }
        alice.refused(&encrypt(&id, b"x"), 409, "Usage_Limit_Exceeded");
        assert_eq!(health(&server)["token"], "ok");
        assert!(server.stop().1.success());
    }
}

#[test]
fn what_can_be_split_is_what_openssl_makes() {
    for most in [16_288, 5_000] {
        let (server, _) = start(most, &[]);
        let mut alice = server.alice().connect().unwrap();
        let id = alice.aes();
        let key = alice.export(&id);
        let blocks = most / BLOCK * BLOCK;
        for length in [0, blocks - BLOCK, blocks, blocks + BLOCK, 3 * blocks, MEBIBYTE, MEBIBYTE + 5 * BLOCK] {
            compare_cbc(&mut alice, &id, &key, false, length);
        }
        for length in
            [0, blocks - BLOCK, blocks - 1, blocks, blocks + 1, 3 * blocks - 1, 3 * blocks, MEBIBYTE, MEBIBYTE + 7]
        {
            compare_cbc(&mut alice, &id, &key, true, length);
        }
        // The server's IV is that of the first part, and the whole result is right.
        let data = reference::random(100_001);
        let answer = alice.ok(&with(encrypt(&id, &data), &[cbc(true)]));
        let (iv, encrypted) = (octets(&answer, "IVCounterNonce"), octets(&answer, "Data"));
        assert!(reference::cbc_decrypt(&key, &iv, &encrypted, true) == data);
        // Invalid padding at the end of many parts.
        let mut damaged = reference::cbc_encrypt(&key, &iv, &data, true);
        let before_last = damaged.len() - BLOCK - 1;
        damaged[before_last] ^= 0x80;
        alice.refused(&cbc_decrypt(&id, true, &iv, &damaged), 422, "Cryptographic_Failure");
        alice.refused(&cbc_decrypt(&id, true, &iv, &damaged[..damaged.len() - 1]), 422, "Cryptographic_Failure");

        let keys = mac_keys(&mut alice);
        for length in [0, most - 1, most, most + 1, 3 * most, MEBIBYTE] {
            compare_macs(&mut alice, &keys, length);
        }
        let (id, secret, hash) = &keys[2];
        let data = reference::random(MEBIBYTE);
        let expected = reference::hmac(hash.unwrap(), secret, &data);
        assert_eq!(string(&alice.ok(&mac_verify(id, &data, &expected)), "ValidityIndicator"), "Valid");
        assert_eq!(string(&alice.ok(&mac_verify(id, &data[1..], &expected)), "ValidityIndicator"), "Invalid");
        assert_eq!(health(&server)["token"], "ok");
        assert!(server.stop().1.success());
    }
}

/// Rows that are longer than the bound of C_Sign are bound and verified.
#[test]
fn rows_of_any_length_are_bound() {
    let place = Arc::new(Place::new());
    let (options, _) = shim::options(&place, &at_most(1_100));
    let server = Server::start_at(Arc::clone(&place), &options);
    let mut alice = server.alice().connect().unwrap();
    let id = alice.new_key(&create("AES", 256, &blobs(5)));
    // A changed row has its own binding.
    Caller::certificate(&server, "alice").grant(&id, "bob", &["encrypt"]);
    let sealed = alice.seal(&id, b"data");
    assert!(server.stop().1.success());
    let server = Server::start_at(place, &options);
    let mut alice = server.alice().connect().unwrap();
    assert_eq!(alice.count(), 1);
    assert_eq!(alice.attributes(&id).to_string().matches(&"b".repeat(4_000)).count(), 5);
    assert_eq!(alice.open(&sealed), b"data");
    server.client(&server.place.bob).connect().unwrap().seal(&id, b"data");
    assert_eq!(health(&server)["token"], "ok");
}

#[test]
fn a_secret_is_one_call() {
    const PATH: &str = "/secrets/default/variable/of-an-hsm-that-takes-little";
    let write = |alice: &mut Connection, value: &[u8]| alice.try_request("POST", PATH, &[], value).unwrap();
    let most = 5_000;
    let (server, _) = start(most, &[]);
    let mut alice = server.alice().connect().unwrap();
    let refused = |alice: &mut Connection, length: usize| {
        let answer = write(alice, &vec![1; length]);
        let told = answer.json();
        assert_eq!(answer.status, 413, "{told}");
        let message = told["error"]["message"].as_str().unwrap();
        assert!(message.contains(&format!("at most {} bytes", most - TAG)), "{told}");
    };
    // No secret is made by it, and an existing value is not changed.
    refused(&mut alice, most);
    assert_eq!(alice.get(PATH).status, 404);
    assert_eq!(alice.count(), 0);
    let value = reference::random(most - TAG);
    assert_eq!(write(&mut alice, &value).status, 201);
    refused(&mut alice, most - TAG + 1);
    refused(&mut alice, 60_000);
    assert_eq!(alice.get(PATH).body, value);
    assert_eq!(write(&mut alice, b"second").status, 201);
    assert_eq!(alice.get(&format!("{PATH}?version=1")).body, value);
    assert_eq!(alice.get(&format!("{PATH}?version=3")).status, 404);
    assert_eq!(health(&server)["token"], "ok");
}

/// A call that fails in the middle leaves nothing behind.
#[test]
fn a_loss_in_the_middle_changes_nothing() {
    let (server, control) = start(5_000, &[]);
    let mut alice = server.alice().connect().unwrap();
    let id = alice.aes();
    let key = alice.export(&id);
    let keys = mac_keys(&mut alice);
    // CKR_SESSION_HANDLE_INVALID, SESSION_CLOSED, DEVICE_ERROR and KEY_HANDLE_INVALID.
    let deeds = [
        Deed::Answer(0xb3),
        Deed::Answer(0xb0),
        Deed::Answer(0x30),
        Deed::Answer(0x60),
        Deed::LoseSession,
        Deed::LoseObject,
    ];
    for deed in deeds {
        for function in ["C_Encrypt", "C_Decrypt", "C_SignUpdate", "C_SignFinal", "C_SignInit"] {
            let after = if function.starts_with("C_SignF") || function.starts_with("C_SignI") { 0 } else { 40 };
            control.set("fault", &Fault::new(deed.clone(), &[function]).after(after).times(1)).unwrap();
            if function.starts_with("C_Sign") {
                compare_macs(&mut alice, &keys[2..3], 300_000);
            } else {
                compare_cbc(&mut alice, &id, &key, true, 300_000);
            }
            eventually("the fault is done", || (control.hits("fault") > 0).then_some(()));
            control.clear("fault").unwrap();
            // No operation remains active in any session.
            compare_macs(&mut alice, &keys, 100);
            compare_macs(&mut alice, &keys[1..2], 20_000);
            compare_cbc(&mut alice, &id, &key, true, 100);
            let sealed = alice.seal(&id, b"data");
            assert_eq!(alice.open(&sealed), b"data");
        }
    }
    eventually("health", || (health(&server)["token"] == "ok").then_some(()));
}

/// For the server it may be another HSM token: the device was unavailable, and accepts less now.
#[test]
fn it_may_take_less_after_a_recovery() {
    const SECRET: &str = "/secrets/default/variable/long";
    let shim = Shim::start(&Options::default());
    let mut alice = shim.server.alice().connect().unwrap();
    let id = alice.aes();
    let key = alice.export(&id);
    let keys = mac_keys(&mut alice);
    let (data, short) = (reference::random(10_000), reference::random(4_984));
    let (sealed, sealed_short) = (alice.seal(&id, &data), alice.seal(&id, &short));
    assert_eq!(alice.try_request("POST", SECRET, &[], &data).unwrap().status, 201);
    shim.set("most", &at_most(5_000)[0].1);
    shim.set("login", &Fault::new(Deed::LoseLogin, &["C_EncryptInit"]).times(1));
    eventually("it was lost, and is back", || {
        alice.kmip(&encrypt(&id, b"data"));
        (shim.hits("login") > 0 && alice.kmip(&encrypt(&id, &data)).status == 413).then_some(())
    });
    too_long(&mut alice, &encrypt(&id, &data), 4_984);
    too_long(&mut alice, &sealed.decrypt(), 4_984);
    compare_cbc(&mut alice, &id, &key, true, 100_000);
    compare_macs(&mut alice, &keys, 100_000);
    assert_eq!(alice.get(SECRET).status, 413);
    // Damaged data is reported as damaged, and data within the bound is not.
    assert!(alice.open(&sealed_short) == short);
    let mut damaged = sealed_short.clone();
    damaged.data[100] ^= 1;
    alice.refused(&damaged.decrypt(), 422, "Cryptographic_Failure");
    eventually("health", || (health(&shim.server)["token"] == "ok").then_some(()));
    assert!(shim.server.log().contains("aes_gcm=\"4984 bytes\""), "{}", shim.server.log());
}

/// Mechanisms whose data can be split are tested at the start with less than a request may have, and longer data is
/// split.
#[test]
fn what_the_start_does_not_try_is_split() {
    let (server, _) = start(100_000, &[]);
    let log = server.log();
    let line = log.lines().find(|line| line.contains(SAID)).unwrap();
    assert!(line.contains("aes_gcm=\"99984 bytes\"") && line.contains("hmac=\"65536 bytes\""), "{line}");
    let mut alice = server.alice().connect().unwrap();
    let id = alice.aes();
    let key = alice.export(&id);
    let keys = mac_keys(&mut alice);
    for length in [65_536, 65_537, 100_000, 100_016, MEBIBYTE, 70_000] {
        compare_cbc(&mut alice, &id, &key, true, length);
        compare_macs(&mut alice, &keys, length);
    }
    assert_eq!(health(&server)["token"], "ok");
}

/// Data of too many parts is refused, so that it does not keep the HSM token busy.
#[test]
fn too_many_parts_are_refused() {
    let (server, control) = start(1_040, &[]);
    let mut alice = server.alice().connect().unwrap();
    let id = alice.aes();
    let secret = alice.new_key(&register("HMACSHA256", &[7; 32], &[]));
    for function in ["C_EncryptInit", "C_SignInit"] {
        control.set(function, &Fault::new(Deed::Answer(0x30), &[function])).unwrap();
    }
    too_long(&mut alice, &with(encrypt(&id, &vec![1; 540_000]), &[cbc(true)]), 512 * 1_040);
    too_long(&mut alice, &mac(&secret, &vec![1; 540_000]), 512 * 1_040);
    for function in ["C_EncryptInit", "C_SignInit"] {
        control.clear(function).unwrap();
    }
    let data = vec![1; 500_000];
    let answer = alice.ok(&with(encrypt(&id, &data), &[cbc(true)]));
    assert_eq!(octets(&answer, "Data").len(), 500_000 / BLOCK * BLOCK + BLOCK);
    alice.mac(&secret, &data);
}

/// If a token refuses empty data, this does not show a bound.
#[test]
fn no_data_is_no_bound() {
    let shim = Shim::start(&Options::default());
    let mut alice = shim.server.alice().connect().unwrap();
    let (id, secret) = (alice.aes(), alice.new_key(&register("HMACSHA256", &[7; 32], &[])));
    // CKR_DATA_LEN_RANGE and CKR_ARGUMENTS_BAD.
    for value in [0x21, 0x07] {
        for function in ["C_Encrypt", "C_Sign", "C_Decrypt"] {
            shim.set("none", &Fault::new(Deed::Answer(value), &[function]).times(1));
            for request in [encrypt(&id, b""), mac(&secret, b"")] {
                alice.kmip(&request);
            }
            shim.clear("none");
        }
        let sealed = alice.seal(&id, &[1; 100_000]);
        assert_eq!(alice.open(&sealed), [1; 100_000]);
        alice.mac(&secret, &[1; 100_000]);
        alice.aes();
    }
    assert!(!shim.server.log().contains(SAID));
}

/// Lengths that the HSM refuses for another reason do not show a bound.
#[test]
fn one_refusal_is_no_bound() {
    let shim = Shim::start(&Options::default());
    let mut alice = shim.server.alice().connect().unwrap();
    let id = alice.aes();
    let data = reference::random(100_000);
    let sealed = alice.seal(&id, &data);
    // CKR_DATA_LEN_RANGE and CKR_ENCRYPTED_DATA_LEN_RANGE.
    shim.set("once", &Fault::new(Deed::Answer(0x21), &["C_Encrypt"]).times(1));
    alice.refused(&encrypt(&id, &data), 400, "Bad_Cryptographic_Parameters");
    for answer in [0x21, 0x41] {
        shim.set("once", &Fault::new(Deed::Answer(answer), &["C_Decrypt"]).times(1));
        alice.refused(&sealed.decrypt(), 422, "Cryptographic_Failure");
    }
    shim.set("once", &Fault::new(Deed::Answer(0x21), &["C_Encrypt"]));
    alice.refused(&encrypt(&id, &data), 400, "Bad_Cryptographic_Parameters");
    shim.clear("once");
    assert!(alice.open(&sealed) == data);
    let again = alice.seal(&id, &data);
    assert!(alice.open(&again) == data);
    assert!(!shim.server.log().contains(SAID));
}

#[test]
fn without_parts_a_mac_has_a_bound() {
    let place = Arc::new(Place::new());
    let faults = |most| {
        let [most] = at_most(most);
        [most, ("update", Fault::new(Deed::Answer(NO_FUNCTION), &["C_SignUpdate"]))]
    };
    // The bound is too small for rows.
    let (status, out, _) = run(shim::program(&place, &faults(5_000)).arg("--check-hsm"));
    let told = shim::row(&out, "HMAC-SHA256 in one call ");
    assert_eq!(status.code(), Some(1), "{out}");
    assert!(told.contains(" 5000 bytes, and C_SignUpdate does not work: the server needs 8192 "), "{out}");
    let (status, out, error) = run(shim::program(&place, &faults(10_000)).arg("--check-hsm"));
    assert_eq!((status.code(), error.as_str()), (Some(0), ""), "{out}");
    let told = shim::row(&out, "HMAC-SHA256 in one call ");
    assert!(told.contains(" 10000 bytes, and C_SignUpdate does not work: longer data is refused "), "{out}");
    let (options, _) = shim::options(&place, &faults(10_000));
    let server = Server::start_at(place, &options);
    let mut alice = server.alice().connect().unwrap();
    let keys = mac_keys(&mut alice);
    compare_macs(&mut alice, &keys, 10_000);
    for (id, ..) in &keys {
        too_long(&mut alice, &mac(id, &[1; 10_001]), 10_000);
    }
    // A row that cannot be bound is not written.
    let mut owner = Caller::certificate(&server, "alice");
    let (short, long) = (owner.key("short", &blobs(2)), owner.key("long", &blobs(3)));
    owner.grant(&short, "bob", &["encrypt"]);
    let told = owner.not_done("/access/grant", &change(&long, "bob", &["encrypt"]), 413);
    assert!(told.contains("at most 10000 bytes"), "{told}");
    assert_eq!(health(&server)["token"], "ok");
}

/// The chunk size of an encrypted file.
fn chunk_size(sealed: &[u8]) -> usize {
    u32::from_be_bytes(sealed[5..9].try_into().unwrap()) as usize
}

#[test]
fn the_command_line_makes_smaller_chunks() {
    for most in [16_288, 5_000] {
        let (server, _) = start(most, &[]);
        let alice = Cli::alice(&server);
        let id = alice.create(&[]);
        let bound = most - TAG;
        // Many chunks take their time.
        let large = if most > 10_000 { 3 * MEBIBYTE + 5 } else { MEBIBYTE + 5 };
        for size in [0, 1, bound, bound + 1, 2 * bound, 300_000, large] {
            let plain = reference::random(size);
            alice.write("plain", &plain);
            alice.quiet(&["sym", "encrypt", "plain", "-k", &id, "-o", "sealed", "--force"]);
            let sealed = alice.read("sealed");
            // Data within the bound works as usual.
            assert_eq!(chunk_size(&sealed), if size <= bound { MEBIBYTE } else { bound }, "{size}");
            let chunks = size.div_ceil(bound).max(1);
            assert_eq!(sealed.len(), 26 + id.len() + size + chunks * 33, "{size}");
            alice.quiet(&["sym", "decrypt", "sealed", "-o", "opened", "--force"]);
            assert!(alice.read("opened") == plain, "{size}");
            if size > MEBIBYTE {
                let piped = alice.pipe(&["sym", "encrypt", "-", "-k", &id, "-o", "-", "--aad-hex", "c0ffee"], &plain);
                assert_eq!(chunk_size(&piped), bound);
                let options = ["sym", "decrypt", "-", "-o", "-", "--aad-hex", "c0ffee"];
                assert!(alice.pipe(&options, &piped) == plain, "{size}");
            }
        }
        assert_eq!(alice.files(), ["opened", "own.p12", "own.password", "plain", "sealed"]);
        assert_eq!(health(&server)["token"], "ok");
    }
}

/// A part of standard input arrives after the server has refused the first chunk.
#[test]
fn nothing_of_a_slow_pipe_is_lost() {
    let (server, _) = start(16_288, &[]);
    let alice = Cli::alice(&server);
    let id = alice.create(&[]);
    let plain = reference::random(3 * MEBIBYTE + 77);
    // Two whole chunks of the size that is sent first, and a part of a third.
    let (first, rest) = plain.split_at(2 * MEBIBYTE + 1_234);
    let since = server.log().len();
    let mut command = alice.command(&["sym", "encrypt", "-", "-k", &id, "-o", "-"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).process_group(0);
    let mut child = command.spawn().unwrap();
    let (mut input, mut output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let sealed = within_patience(child.id(), || {
        input.write_all(first).unwrap();
        eventually("the refusal", || server.log()[since..].contains("request refused").then_some(()));
        std::thread::scope(|scope| {
            scope.spawn(move || input.write_all(rest).unwrap());
            let mut sealed = Vec::new();
            output.read_to_end(&mut sealed).unwrap();
            assert!(child.wait().unwrap().success());
            sealed
        })
    });
    assert_eq!(chunk_size(&sealed), 16_272);
    assert!(alice.pipe(&["sym", "decrypt", "-", "-o", "-"], &sealed) == plain);
}

#[test]
fn a_file_of_larger_chunks_says_what_is_wrong() {
    let place = Arc::new(Place::new());
    let server = Server::start_at(Arc::clone(&place), &Options::default());
    let alice = Cli::alice(&server);
    let id = alice.create(&[]);
    let (long, short) = (reference::random(100_000), reference::random(4_000));
    for (file, plain) in [("long", &long), ("short", &short)] {
        alice.write("plain", plain);
        alice.quiet(&["sym", "encrypt", "plain", "-k", &id, "-o", file]);
    }
    let (options, _) = shim::options(&place, &at_most(5_000));
    assert!(server.stop().1.success());
    let server = Server::start_at(place, &options);
    let alice = alice.knowing(&server);
    let files = alice.files();
    alice.fails_with(
        &["sym", "decrypt", "long", "-o", "opened"],
        &["long: its chunks are longer than the 4984 bytes that the server's HSM takes in one call"],
    );
    assert_eq!(alice.files(), files);
    alice.quiet(&["sym", "decrypt", "short", "-o", "opened"]);
    assert!(alice.read("opened") == short);
}
