//! HSMs that differ from SoftHSM and Kryoptic as vendors' HSMs do: other mechanism numbers, other errors, other key
//! sizes, hidden attributes, and modules that crash at their end.

use std::env;
use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;
use std::sync::Arc;

use claviger_pkcs11_shim::{Deed, Fault};
use data_encoding::BASE64;
use openssl::hash::MessageDigest;

use crate::harness::kmip::{
    self, create, encrypt, enumeration, mac_verify, named, octets, register, string, structure,
};
use crate::harness::pairs::{pair, sign, verify};
use crate::harness::server::{Place, run};
use crate::harness::token::{PIN, write_private};
use crate::harness::{Connection, Hsm, Options, ROOT_OBJECTS, Server, again, eventually, forging, reference, shim};

/// CKM_VENDOR_DEFINED with CKM_AES_KEY_WRAP.
const WRAP: &str = "0x80002109";

/// The same with the number that the module has for AES key wrap with padding, and that number in decimal digits.
fn padded() -> (&'static str, &'static str) {
    match Hsm::chosen() {
        Hsm::SoftHsm => ("0x8000210a", "2147492106"),
        Hsm::Kryoptic => ("0x8000210b", "2147492107"),
    }
}

#[test]
fn has_numbers_of_its_own_for_key_wrap() {
    let place = Arc::new(Place::new());
    let fault = [("fault", Fault::new(Deed::VendorWrap, &[]))];
    let check = |arguments: &[&str]| run(shim::program(&place, &fault).arg("--check-hsm").args(arguments));
    let (pad, pad_in_decimal) = padded();
    let given = ["--hsm-wrap-mechanism", WRAP, "--hsm-wrap-pad-mechanism", pad];
    let (status, out, error) = check(&[]);
    assert_eq!((status.code(), error.as_str()), (Some(0), ""), "{out}");
    assert!(shim::row(&out, "AES key wrap ").ends_with("  keeps every key in the HSM token"), "{out}");
    let (status, out, error) = check(&given);
    assert_eq!((status.code(), error.as_str()), (Some(0), ""), "{out}");
    for name in ["AES key wrap ", "unwrap template: may leave ", "P-256 pairs, wrapped ", "RSA pairs, wrapped "] {
        assert!(shim::row(&out, name).ends_with("  uses it"), "{out}");
    }
    // The padded mechanism makes wrapped keys of the same length.
    let (status, out, _) = check(&["--hsm-wrap-mechanism", pad]);
    assert_eq!(status.code(), Some(0), "{out}");
    let found = shim::row(&out, "AES key wrap ");
    assert!(found.contains(&format!("mechanism {pad} does not wrap as RFC 3394 requires")), "{found}");
    assert!(found.ends_with("  keeps every key in the HSM token"), "{found}");
    let (status, out, _) = check(&["--hsm-wrap-mechanism", pad, "--placement=wrapped"]);
    assert!(status.code() == Some(1) && out.contains("cannot use this HSM token: AES key wrap"), "{out}");

    let (options, control) = shim::options(&place, &fault);
    for option in ["--hsm-wrap-mechanism", "--hsm-wrap-pad-mechanism"] {
        let wrong = [option, "0x80009999"];
        let expected =
            format!("{option} 0x80009999: the token does not know this mechanism (C_WrapKey: CKR_MECHANISM_INVALID)");
        let (status, out, error) = check(&wrong);
        assert!(status.code() == Some(1) && out.is_empty() && error.contains(&expected), "{out}{error}");
        let (status, _, error) = run(place.command(&options.with(&wrong)).arg("--check-config"));
        assert!(status.code() == Some(1) && error.contains(&expected), "{error}");
        let told = Server::refused_at(&place, &options.with(&wrong));
        assert!(told.contains(&expected), "{told}");
        for number in ["0", "0x", "0x100000000", "twelve"] {
            let (status, _, error) = check(&[option, number]);
            assert!(status.code() == Some(2) && error.contains("is not a mechanism number"), "{error}");
        }
    }
    let (status, _, error) = check(&["--hsm-wrap-mechanism", WRAP, "--hsm-wrap-pad-mechanism", "2147492105"]);
    assert!(status.code() == Some(1) && error.contains(&format!("are both {WRAP}")), "{error}");
    assert_eq!(place.token.objects(), 0, "something stays in the token");

    wraps_for_both(&place, &options, &given, (WRAP, pad_in_decimal), || control.clear("fault").unwrap());
}

/// Keys that were wrapped by one number are unwrapped by another of the same algorithm.
fn wraps_for_both(place: &Arc<Place>, options: &Options, given: &[&str], numbers: (&str, &str), clear: impl FnOnce()) {
    let server = Server::start_at(Arc::clone(place), &options.with(given));
    let mut alice = server.alice().connect().unwrap();
    let (aes, secret) = (alice.aes(), alice.new_key(&create("HMACSHA256", 256, &[])));
    let (private, public) = pair(&mut alice, "EC", 256);
    let (sealed, mac) = (alice.seal(&aes, b"data"), alice.mac(&secret, b"data"));
    assert_eq!(place.token.objects(), ROOT_OBJECTS, "they are wrapped");
    assert!(server.stop().1.success());
    let works = |alice: &mut Connection| {
        assert_eq!(alice.open(&sealed), b"data");
        assert_eq!(alice.mac(&secret, b"data"), mac);
        let signature = octets(&alice.ok(&sign(&private, b"data", &[])), "SignatureData");
        alice.ok(&verify(&public, b"data", &signature, &[]));
    };
    // The numbers may also come from the environment and from the file.
    let file = place.path("config.toml");
    fs::write(&file, format!("hsm-wrap-mechanism = {}\n", numbers.0)).unwrap();
    let mut of_file = options.with(&["--config", file.to_str().unwrap()]);
    of_file.environment.push(("KMS_HSM_WRAP_PAD_MECHANISM".to_owned(), numbers.1.to_owned()));
    let server = Server::start_at(Arc::clone(place), &of_file);
    works(&mut server.alice().connect().unwrap());
    assert!(server.stop().1.success());
    let told = Server::refused_at(place, options);
    assert!(told.contains("cannot do what is needed of it: AES key wrap"), "{told}");
    clear();
    let server = Server::start_at(Arc::clone(place), options);
    works(&mut server.alice().connect().unwrap());
    assert!(server.stop().1.success());
}

/// CKR_ENCRYPTED_DATA_INVALID, CKR_ENCRYPTED_DATA_LEN_RANGE, CKR_AEAD_DECRYPT_FAILED, CKR_SIGNATURE_INVALID, CKR_DATA_INVALID,
/// CKR_FUNCTION_FAILED, CKR_DEVICE_ERROR, CKR_GENERAL_ERROR, CKR_ARGUMENTS_BAD, and a vendor's own.
const DAMAGED: [u64; 10] = [0x40, 0x41, 0x42, 0xc0, 0x20, 0x06, 0x30, 0x05, 0x07, 0x8000_0001];

/// How often each damaged ciphertext is sent.
const TIMES: usize = 20;

#[test]
fn has_other_words_for_damaged_data() {
    if let Some(directory) = again::child() {
        return forging::damage_key(&directory, "damaged");
    }
    let place = Arc::new(Place::new());
    let server = Server::start_at(Arc::clone(&place), &Options::default());
    server.alice().connect().unwrap().ok(&create("AES", 256, &[kmip::text("UniqueIdentifier", "damaged")]));
    assert!(server.stop().1.success());
    again::again(module_path!(), "has_other_words_for_damaged_data", &place.token, place.directory.path());

    // A start on such a device also tests damaged data.
    let (options, control) = shim::options(&place, &[("fault", Fault::new(Deed::TellDamage(0x30), &[]))]);
    let server = Server::start_at(Arc::clone(&place), &options);
    let mut alice = server.alice().connect().unwrap();
    let id = alice.aes();
    let cbc = structure(
        "CryptographicParameters",
        &[enumeration("BlockCipherMode", "CBC"), enumeration("PaddingMethod", "PKCS5")],
    );
    let chosen = kmip::with(encrypt(&id, b"data"), &[cbc.clone(), kmip::bytes("IVCounterNonce", &[7; 16])]);
    let in_cbc = octets(&alice.ok(&chosen), "Data");
    let padded = |data: &[u8]| {
        let fields = [
            kmip::text("UniqueIdentifier", &id),
            cbc.clone(),
            kmip::bytes("Data", data),
            kmip::bytes("IVCounterNonce", &[7; 16]),
        ];
        structure("Decrypt", &fields)
    };
    assert_eq!(octets(&alice.ok(&padded(&in_cbc)), "Data"), b"data");
    let sealed = alice.seal(&id, b"data");
    let mut damaged = sealed.clone();
    damaged.data[0] ^= 1;
    for value in DAMAGED {
        control.set("fault", &Fault::new(Deed::TellDamage(value), &[])).unwrap();
        let hits = control.hits("fault");
        for time in 0..TIMES {
            alice.refused(&damaged.decrypt(), 422, "Cryptographic_Failure");
            // Invalid padding, except in one of 256 cases.
            let other: Vec<u8> = in_cbc.iter().map(|byte| byte ^ (time + 1) as u8).collect();
            let answer = alice.kmip(&padded(&other));
            assert!(answer.status == 422 || answer.status == 200, "{value:#x}: {}", answer.status);
        }
        assert!(control.hits("fault") > hits + TIMES, "{value:#x}");
        // A damaged row that a person with the PIN wrote does not count as a failure of the device either.
        assert_eq!(alice.kmip(&encrypt("damaged", b"x")).status, 500, "{value:#x}");
        assert_eq!(alice.open(&sealed), b"data", "{value:#x}");
        assert_eq!(alice.get("/health").status, 200, "{value:#x}");
    }
    control.clear("fault").unwrap();
    assert!(!server.log().contains("the token is "), "{}", server.log());

    // A failure of the device itself with the same error: once, and for a longer time.
    let itself = [0x30, 0x06, 0x8000_0001];
    for value in itself {
        control.set("once", &Fault::new(Deed::Answer(value), &["C_Decrypt"]).times(1)).unwrap();
        assert_eq!(alice.open(&sealed), b"data", "{value:#x}");
        control.clear("once").unwrap();
    }
    assert_eq!(control.hits("once"), itself.len());
    for value in itself {
        control.set("lasting", &Fault::new(Deed::Answer(value), &["C_Decrypt"])).unwrap();
        assert_eq!(alice.kmip(&sealed.decrypt()).status, 503, "{value:#x}");
        control.clear("lasting").unwrap();
        eventually("it decrypts again", || (alice.kmip(&sealed.decrypt()).status == 200).then_some(()));
    }
}

#[test]
fn says_little_of_the_key_sizes_of_hmac() {
    let hashes = [
        ("HMACSHA1", 20, MessageDigest::sha1()),
        ("HMACSHA256", 32, MessageDigest::sha256()),
        ("HMACSHA512", 64, MessageDigest::sha512()),
    ];
    // Zero, bits, and a wrong range.
    for deed in [Deed::HmacSizes(0, 0), Deed::HmacBits, Deed::HmacSizes(1, 16), Deed::HmacSizes(100, 1 << 31)] {
        let place = Arc::new(Place::new());
        let (options, _) = shim::options(&place, &[("fault", Fault::new(deed.clone(), &[]))]);
        let server = Server::start_at(place, &options);
        let mut alice = server.alice().connect().unwrap();
        for length in [1, 16, 33, 64, 65, 512] {
            for (algorithm, least, hash) in hashes {
                let secret = reference::random(length);
                let request = register(algorithm, &secret, &[]);
                if length < least && Hsm::chosen() == Hsm::SoftHsm {
                    // A registered secret is padded for the token, and none is made.
                    let made = create(algorithm, length as i64 * 8, &[]);
                    let problem = alice.refused(&made, 422, "Unsupported_Cryptographic_Parameters");
                    assert!(problem["detail"].as_str().unwrap().contains(&least.to_string()), "{deed:?}: {problem}");
                }
                let id = alice.new_key(&request);
                let expected = reference::hmac(hash, &secret, b"data");
                assert_eq!(alice.mac(&id, b"data"), expected, "{deed:?}: {algorithm}, {length} bytes");
                assert_eq!(string(&alice.ok(&mac_verify(&id, b"data", &expected)), "ValidityIndicator"), "Valid");
            }
        }
        assert_eq!(alice.get("/health").status, 200);
    }
}

/// CKR_ATTRIBUTE_SENSITIVE and CKR_ATTRIBUTE_TYPE_INVALID.
const HIDES: [u64; 2] = [0x11, 0x12];

/// The errors of Get and Export say that the HSM gives no keys out, and the key still leaves wrapped.
fn leaves_wrapped_only(alice: &mut Connection, id: &str, kek: &str) {
    for operation in ["Get", "Export"] {
        let told = alice.refused(&named(operation, id), 403, "Sensitive");
        assert!(told["detail"].as_str().unwrap().contains("this HSM gives no keys out in clear"), "{told}");
        assert_eq!(octets(&alice.ok(&kmip::wrapped(operation, id, kek)), "KeyMaterial").len(), 40);
    }
}

#[test]
fn shows_points_bare_and_values_never() {
    // From the first start.
    for value in HIDES {
        let place = Arc::new(Place::new());
        let faults = [("value", Fault::new(Deed::HideValue(value), &[]))];
        let (status, out, error) = run(shim::program(&place, &faults).arg("--check-hsm"));
        assert_eq!((status.code(), error.as_str()), (Some(0), ""), "{out}");
        assert!(
            shim::row(&out, "CKA_VALUE of a key that may leave ").ends_with("  gives no keys out in clear"),
            "{out}"
        );
        let (options, _) = shim::options(&place, &faults);
        let server = Server::start_at(place, &options);
        let mut alice = server.alice().connect().unwrap();
        let id = alice.aes();
        // The usage Wrap Key, without a usage that unwraps: keys are Sensitive here.
        let may = [
            kmip::integer("CryptographicUsageMask", 0x10),
            kmip::boolean("Extractable", false),
            kmip::boolean("Sensitive", true),
        ];
        let kek = alice.new_key(&create("AES", 256, &may));
        leaves_wrapped_only(&mut alice, &id, &kek);
        assert_eq!(alice.get("/health").status, 200, "{value:#x}");
    }

    // Later.
    let place = Arc::new(Place::new());
    let (options, control) = shim::options(&place, &[("points", Fault::new(Deed::BarePoints, &[]))]);
    let server = Server::start_at(Arc::clone(&place), &options);
    let mut alice = server.alice().connect().unwrap();
    let key = alice.get("/audit/public-key").body;
    let (private, public) = pair(&mut alice, "EC", 256);
    let signature = octets(&alice.ok(&sign(&private, b"data", &[])), "SignatureData");
    let valid =
        |alice: &mut Connection| string(&alice.ok(&verify(&public, b"data", &signature, &[])), "ValidityIndicator");
    assert_eq!(valid(&mut alice), "Valid");
    let id = alice.aes();
    let kek = alice.new_key(&create("AES", 256, &[kmip::integer("CryptographicUsageMask", kmip::USAGE | 0x10)]));
    let token = reference::random(32);
    let brought = alice.new_key(&register("AES", &token, &[]));
    let sealing = alice.new_key(&create("AES", 256, &[kmip::boolean("Extractable", false)]));
    let sealed = [&id, &brought].map(|id| alice.seal(id, b"data"));
    for value in HIDES {
        control.set("value", &Fault::new(Deed::HideValue(value), &[])).unwrap();
        for id in [&id, &brought] {
            leaves_wrapped_only(&mut alice, id, &kek);
        }
        alice.refused(&named("Get", &sealing), 403, "Not_Extractable");
        assert_eq!(alice.get("/health").status, 200, "{value:#x}");
    }
    assert!(server.stop().1.success());

    // The caller who registered the key of the API token knows it.
    let mut with_token = options.with(&["--client-cert=optional"]);
    with_token.arguments.extend(["--api-token-id".to_owned(), brought.clone()]);
    let server = Server::start_at(Arc::clone(&place), &with_token);
    let bearer = format!("Bearer {}", BASE64.encode(&token));
    let mut nobody = server.nobody().connect().unwrap();
    assert_eq!(nobody.try_request("GET", "/whoami", &[("Authorization", &bearer)], b"").unwrap().status, 200);
    leaves_wrapped_only(&mut server.alice().connect().unwrap(), &id, &kek);
    assert!(server.stop().1.success());

    // The keys are the same in every encoding of the point.
    let server = Server::start_at(place, &Options::default());
    let mut alice = server.alice().connect().unwrap();
    assert_eq!(alice.get("/audit/public-key").body, key);
    assert_eq!(valid(&mut alice), "Valid");
    for sealed in &sealed {
        assert_eq!(alice.open(sealed), b"data");
    }
    assert_eq!(alice.export(&brought), token);
}

/// The output and the exit status of a program, with a module that crashes at its end and with one that does not.
fn ends_alike(place: &Arc<Place>, arguments: &[&str]) -> (ExitStatus, String, String) {
    let [plain, crashing] = [false, true].map(|crashes| {
        let fault = [("crash", Fault::new(Deed::CrashAtEnd, &[]))];
        let (options, control) = shim::options(place, &fault);
        if !crashes {
            control.clear("crash").unwrap();
        }
        run(place.command(&options).args(arguments).env("KMS_LOG", "error"))
    });
    assert_eq!(crashing, plain);
    plain
}

/// The variable with the module for the process that loads it.
const MODULE: &str = "CLAVIGER_TEST_MODULE";

const SIGABRT: i32 = 6;

#[test]
fn crashes_when_it_comes_to_its_end() {
    if again::child().is_some() {
        return load_and_exit();
    }
    let place = Arc::new(Place::new());
    // Another program that loads it does crash: SIGABRT.
    let (options, _) = shim::options(&place, &[("crash", Fault::new(Deed::CrashAtEnd, &[]))]);
    let mut child =
        again::command(module_path!(), "crashes_when_it_comes_to_its_end", &place.token, place.directory.path());
    child.envs(options.environment.iter().cloned()).env(MODULE, options.arguments.last().unwrap());
    let (status, out, error) = run(&mut child);
    assert!(error.contains("it was used") && status.signal() == Some(SIGABRT), "{status}: {out}{error}");

    let (status, out, _) = ends_alike(&place, &["--check-hsm"]);
    assert!(status.success() && out.ends_with("the server can use this HSM token\n"), "{out}");
    let (status, out, error) = ends_alike(&place, &["--check-config"]);
    assert!(status.success() && !out.is_empty(), "{out}{error}");
    write_private(&place.token.pin_file, b"not-the-pin");
    for arguments in [&["--check-config"][..], &[]] {
        let (status, out, error) = ends_alike(&place, arguments);
        assert_eq!((status.code(), out.as_str()), (Some(78), ""), "{error}");
        assert!(error.contains("refused the PIN"), "{error}");
    }
    write_private(&place.token.pin_file, PIN.as_bytes());
    let mut lines = Vec::new();
    for crashes in [true, false] {
        let (options, control) = shim::options(&place, &[("crash", Fault::new(Deed::CrashAtEnd, &[]))]);
        if !crashes {
            control.clear("crash").unwrap();
        }
        fs::write(place.path("server.log"), "").unwrap();
        let server = Server::start_at(Arc::clone(&place), &options);
        server.alice().connect().unwrap().aes();
        let (_, status) = server.stop();
        assert_eq!(status.code(), Some(0), "{crashes}: {status}");
        let log = fs::read_to_string(place.path("server.log")).unwrap();
        lines.push(message(log.lines().next_back().unwrap()));
    }
    assert_eq!(lines[0], lines[1]);
}

/// Loads the module, uses it, and returns from the test. This runs in its own process.
fn load_and_exit() {
    let token = again::open_by(env::var_os(MODULE).unwrap().into());
    assert_eq!(token.device().unwrap().random(8).unwrap().len(), 8);
    eprintln!("it was used");
}

/// Returns a line of the log without times and numbers.
fn message(line: &str) -> String {
    line.chars().filter(|c| !c.is_ascii_digit()).collect()
}
