//! `claviger encrypt`, `decrypt`, `sign`, `verify`, `mac`, `wrap`, `random` and `hash`, against OpenSSL.

use std::process::Command;

use data_encoding::{BASE64, HEXLOWER};
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::symm::Cipher;
use serde_json::{Value, json};

use crate::harness::cli::{NOT_FOUND, NOT_PERMITTED, TAMPERED};
use crate::harness::kmip::octets;
use crate::harness::server::run;
use crate::harness::{Cli, Hsm, Server, reference};

#[test]
fn requests_to_one_server() {
    Server::shared(&[
        a_file_comes_back_by_the_key_that_it_names,
        ciphertexts_of_one_request_are_those_of_openssl,
        what_was_changed_is_not_decrypted,
        openssl_verifies_what_is_signed,
        large_files_are_hashed_here,
        macs_equal_openssl_and_are_verified,
        hashes_and_random_bytes_are_printed,
        a_key_is_wrapped,
        keys_are_derived,
        files_are_not_overwritten,
    ]);
}

/// Creates a key with these options, and returns the identifier of the key or of the private key.
fn create(cli: &Cli, options: &[&str]) -> String {
    let said = cli.ok(&[&["keys", "create"], options].concat());
    said.lines().next().unwrap().to_owned()
}

/// Imports random bytes as a key that may leave, and returns them. They are as long as the longest hash here.
fn known(cli: &Cli, id: &str, options: &[&str]) -> Vec<u8> {
    let secret = reference::random(if options.contains(&"hmac") { 48 } else { 32 });
    cli.write("secret", &secret);
    assert_eq!(cli.ok(&[&["keys", "import", "secret", "--exportable", "--id", id], options].concat()).trim_end(), id);
    secret
}

fn a_file_comes_back_by_the_key_that_it_names(server: &Server) {
    let alice = Cli::alice(server);
    let key = create(&alice, &["--name", "d:file"]);
    for size in [0, 1, (1 << 20) + 7] {
        let plain = reference::random(size);
        alice.write("plain", &plain);
        let done = alice.json(&["encrypt", "plain", "-k", "d:file", "-o", "sealed", "--force", "--aad-hex", "00ff"]);
        assert_eq!(done, json!({ "unique_identifier": key, "file": "sealed" }));
        // It is the format of `sym encrypt`, in both directions.
        alice.quiet(&["decrypt", "sealed", "-o", "opened", "--force", "--aad-hex", "00ff"]);
        assert!(alice.read("opened") == plain);
        alice.quiet(&["sym", "decrypt", "sealed", "-o", "opened", "--aad-hex", "00ff", "--force"]);
        assert!(alice.read("opened") == plain);
        // Without names, the commands read standard input and write standard output.
        let sealed = alice.pipe(&["encrypt", "-k", "d:file"], &plain);
        assert!(alice.pipe(&["decrypt"], &sealed) == plain);
        assert!(alice.pipe(&["decrypt", "-k", &key, "--json"], &sealed) == plain);
    }
    let other = create(&alice, &[]);
    alice.fails_as(
        TAMPERED,
        &["decrypt", "sealed", "-k", &other, "-o", "no", "--aad-hex", "00ff"],
        &["does not verify"],
    );
    alice.fails_as(TAMPERED, &["decrypt", "sealed", "-o", "no"], &["does not verify"]);
    alice.fails_as(1, &["decrypt", "plain", "-o", "no"], &["was not made by `claviger encrypt`"]);
    alice.fails_as(NOT_FOUND, &["encrypt", "plain", "-k", "d:none", "-o", "no"], &["not found: "]);
    let macs = create(&alice, &["--type", "hmac"]);
    alice.fails_as(NOT_PERMITTED, &["encrypt", "plain", "-k", &macs, "-o", "no"], &["not permitted: "]);
    assert!(!alice.path("no").exists());
}

fn ciphertexts_of_one_request_are_those_of_openssl(server: &Server) {
    let alice = Cli::alice(server);
    let secret = known(&alice, "d:modes", &[]);
    for size in [0, 1, 15, 16, 17, 1000, 70_000] {
        let plain = reference::random(size);
        alice.write("plain", &plain);
        let sealed = alice.pipe(&["encrypt", "plain", "-k", "d:modes", "--mode", "gcm", "--aad-hex", "0102"], b"");
        let (iv, rest) = sealed.split_at(12);
        let (data, tag) = rest.split_at(size);
        assert_eq!(reference::gcm_decrypt(&secret, iv, &[1, 2], data, tag).unwrap(), plain);
        let opened = alice.pipe(&["decrypt", "-k", "d:modes", "--mode", "gcm", "--aad-hex", "0102"], &sealed);
        assert_eq!(opened, plain);
        let sealed = alice.pipe(&["encrypt", "plain", "-k", "d:modes", "--mode", "cbc"], b"");
        let (iv, data) = sealed.split_at(16);
        assert_eq!(reference::cbc_decrypt(&secret, iv, data, true), plain);
        assert_eq!(alice.pipe(&["decrypt", "-k", "d:modes", "--mode", "cbc"], &sealed), plain);
        // With an IV of the caller, it is not in the ciphertext.
        let iv = reference::random(16);
        let options = ["-k", "d:modes", "--mode", "cbc", "--iv-hex", &HEXLOWER.encode(&iv)];
        let sealed = alice.pipe(&[&["encrypt", "plain"], &options[..]].concat(), b"");
        assert_eq!(sealed, reference::cbc_encrypt(&secret, &iv, &plain, true));
        assert_eq!(alice.pipe(&[&["decrypt"], &options[..]].concat(), &sealed), plain);
    }
    alice.write("blocks", &[7; 32]);
    let sealed = alice.pipe(&["encrypt", "blocks", "-k", "d:modes", "--mode", "cbc", "--padding", "none"], b"");
    assert_eq!(sealed.len(), 48);
    alice.write("large", &vec![0; (3 << 20) + 1]);
    alice.fails_as(1, &["encrypt", "large", "-k", "d:modes", "--mode", "cbc", "-o", "no"], &["larger than the server"]);
    for line in
        ["decrypt plain --mode cbc", "encrypt plain -k d:modes --iv-hex 00", "encrypt plain -k d:modes --mode xts"]
    {
        let words: Vec<&str> = line.split(' ').collect();
        assert_eq!(alice.output(&words, b"").status.code(), Some(2), "{line}");
    }
}

fn what_was_changed_is_not_decrypted(server: &Server) {
    let alice = Cli::alice(server);
    create(&alice, &["--id", "d:changed"]);
    let sealed = alice.pipe(&["encrypt", "-k", "d:changed", "--mode", "gcm"], b"attack at dawn");
    let decrypt = ["decrypt", "file", "-k", "d:changed", "--mode", "gcm"];
    for at in 0..sealed.len() {
        let mut changed = sealed.clone();
        changed[at] ^= 1;
        alice.write("file", &changed);
        if at % 7 == 0 {
            alice.fails_as(TAMPERED, &decrypt, &["file does not verify"]);
        }
    }
    for length in [0, 11, 27, sealed.len() - 1] {
        alice.write("file", &sealed[..length]);
        alice.fails_as(TAMPERED, &decrypt, &["file does not verify"]);
    }
    alice.write("file", &sealed);
    assert_eq!(alice.pipe(&decrypt, b""), b"attack at dawn");
}

/// Whether `openssl dgst` verifies the signature of a file.
fn openssl_verifies(cli: &Cli, options: &[&str], file: &str, signature: &str) -> bool {
    let mut command = Command::new("openssl");
    command.arg("dgst").args(options).args(["-verify", "public.pem", "-signature", signature, file]);
    let (status, out, _) = run(command.current_dir(&cli.directory));
    assert_eq!(status.success(), out.contains("Verified OK"));
    status.success()
}

fn openssl_verifies_what_is_signed(server: &Server) {
    let alice = Cli::alice(server);
    alice.write("plain", b"attack at dawn");
    alice.write("other", b"attack at dusk");
    let pss = ["-sha256", "-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:digest"];
    for (kind, options, openssl) in [
        ("ec", &[][..], &["-sha256"][..]),
        ("ec", &["--hash", "sha512"], &["-sha512"]),
        ("rsa", &[], &pss),
        ("rsa", &["--hash", "sha384", "--padding", "pkcs1v15"], &["-sha384"]),
    ] {
        let made = alice.json(&["keys", "create", "--type", kind]);
        let half = |name: &str| made[format!("{name}_key_unique_identifier")].as_str().unwrap().to_owned();
        let (private, public) = (half("private"), half("public"));
        alice.quiet(&["keys", "export", &public, "public.pem", "--force"]);
        let done = alice.json(&[&["sign", "plain", "-k", &private, "-o", "sig", "--force"], options].concat());
        assert_eq!(done, json!({ "unique_identifier": private, "file": "sig" }));
        assert!(openssl_verifies(&alice, openssl, "plain", "sig"), "{kind} {options:?}");
        let verify = |file: &str| [&["verify", file, "-k", &public, "--signature", "sig"], options].concat().join("\n");
        let words = |line: &str| line.split('\n').map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(alice.ok(&words(&verify("plain"))), "valid\n");
        assert_eq!(alice.json(&words(&verify("plain"))), json!({ "unique_identifier": public, "valid": true }));
        let refused = alice.output(&words(&verify("other")), b"");
        assert_eq!(
            (refused.status.code(), &*refused.stdout, &*refused.stderr),
            (Some(TAMPERED), &b"invalid\n"[..], &b""[..])
        );
        let refused = alice.output(&words(&(verify("other") + "\n--json")), b"");
        let said: Value = serde_json::from_slice(&refused.stdout).unwrap();
        assert_eq!((refused.status.code(), &said["valid"]), (Some(TAMPERED), &false.into()));
        // The other forms are of the same kind of signature, and JSON has it in hexadecimal.
        let said = alice.ok(&[&["sign", "plain", "-k", &private, "-f", "base64"], options].concat());
        alice.write("sig", &BASE64.decode(said.trim_end().as_bytes()).unwrap());
        assert!(openssl_verifies(&alice, openssl, "plain", "sig"));
        let said = alice.json(&[&["sign", "plain", "-k", &private], options].concat());
        alice.write("sig", &HEXLOWER.decode(said["signature"].as_str().unwrap().as_bytes()).unwrap());
        assert!(openssl_verifies(&alice, openssl, "plain", "sig"));
        // The private half does not verify, and the public half does not sign.
        alice.fails_as(NOT_PERMITTED, &["sign", "plain", "-k", &public, "-o", "no"], &["not permitted: "]);
        alice.fails_as(NOT_PERMITTED, &["verify", "plain", "-k", &private, "--signature", "sig"], &["not permitted: "]);
    }
    for line in ["verify plain -k a", "verify plain -k a --signature sig --mac 00", "sign plain"] {
        let words: Vec<&str> = line.split(' ').collect();
        assert_eq!(alice.output(&words, b"").status.code(), Some(2), "{line}");
    }
}

fn large_files_are_hashed_here(server: &Server) {
    let alice = Cli::alice(server);
    let made = alice.json(&["keys", "create", "--type", "ec", "--id", "d:large"]);
    alice.quiet(&["keys", "export", made["public_key_unique_identifier"].as_str().unwrap(), "public.pem", "--force"]);
    for size in [3 << 20, (3 << 20) + 1, (5 << 20) + 3] {
        let content = reference::random(size);
        alice.write("large", &content);
        alice.quiet(&["sign", "large", "-k", "d:large", "--hash", "sha256", "-o", "large.sig", "--force"]);
        assert!(openssl_verifies(&alice, &["-sha256"], "large", "large.sig"), "{size}");
        let verify = ["verify", "large", "-k", "d:large_pk", "--signature", "large.sig", "--hash", "sha256"];
        assert_eq!(alice.ok(&verify), "valid\n");
        alice.write("digest", &openssl::sha::sha256(&content));
        let by_digest = ["verify", "digest", "--digest", "-k", "d:large_pk", "--signature", "large.sig"];
        assert_eq!(alice.ok(&by_digest), "valid\n");
    }
    alice.fails_as(1, &["sign", "large", "-k", "d:large", "-o", "no"], &["is larger than 3145728 bytes", "--hash"]);
    alice.quiet(&["sign", "digest", "--digest", "-k", "d:large", "-o", "digest.sig"]);
    assert!(openssl_verifies(&alice, &["-sha256"], "large", "digest.sig"));
}

fn macs_equal_openssl_and_are_verified(server: &Server) {
    let alice = Cli::alice(server);
    let data = reference::random(3000);
    alice.write("data", &data);
    let secret = known(&alice, "d:hmac", &["--type", "hmac", "--hash", "sha384"]);
    let mac = alice.ok(&["mac", "data", "-k", "d:hmac"]);
    let mac = mac.trim_end();
    assert_eq!(mac, HEXLOWER.encode(&reference::hmac(MessageDigest::sha384(), &secret, &data)));
    assert_eq!(alice.json(&["mac", "data", "-k", "d:hmac"]), json!({ "unique_identifier": "d:hmac", "mac": mac }));
    let other = alice.pipe(&["mac", "-k", "d:hmac", "--hash", "sha256", "-f", "raw"], &data);
    assert_eq!(other, reference::hmac(MessageDigest::sha256(), &secret, &data));
    assert_eq!(alice.ok(&["verify", "data", "-k", "d:hmac", "--mac", mac]), "valid\n");
    let refused = alice.output(&["verify", "data", "-k", "d:hmac", "--mac", &mac.replace(&mac[..1], "0")], b"");
    let is_changed = !mac.starts_with('0');
    assert_eq!(refused.status.code(), Some(if is_changed { TAMPERED } else { 0 }));
    let secret = known(&alice, "d:cmac", &["--usage", "mac-generate,mac-verify"]);
    assert_eq!(
        alice.ok(&["mac", "data", "-k", "d:cmac"]).trim_end(),
        HEXLOWER.encode(&reference::cmac(&secret, &data))
    );
    let aes = create(&alice, &[]);
    alice.fails_as(NOT_PERMITTED, &["mac", "data", "-k", &aes], &["not permitted: "]);
}

fn hashes_and_random_bytes_are_printed(server: &Server) {
    let alice = Cli::alice(server);
    let data = reference::random(3000);
    alice.write("data", &data);
    let sha256 = HEXLOWER.encode(&openssl::sha::sha256(&data));
    assert_eq!(alice.ok(&["hash", "data"]), format!("{sha256}\n"));
    assert_eq!(alice.json(&["hash", "data"]), json!({ "hash": sha256 }));
    let sha3 = openssl::hash::hash(MessageDigest::sha3_512(), &data).unwrap();
    assert_eq!(alice.pipe(&["hash", "--hash", "sha3-512", "-f", "raw"], &data), &*sha3);
    let random = || alice.pipe(&["random", "40", "-f", "raw"], b"");
    assert!(random().len() == 40 && random() != random());
    assert_eq!(alice.ok(&["random", "3"]).trim_end().len(), 6);
    assert_eq!(alice.json(&["random", "65536"])["random"].as_str().unwrap().len(), 131_072);
    alice.quiet(&["random", "16", "-o", "random", "-f", "base64"]);
    assert_eq!(BASE64.decode(alice.read("random").strip_suffix(b"\n").unwrap()).unwrap().len(), 16);
    for bytes in ["0", "65537", "-1", "x"] {
        assert_eq!(alice.output(&["random", bytes], b"").status.code(), Some(2), "{bytes}");
    }
}

fn a_key_is_wrapped(server: &Server) {
    let alice = Cli::alice(server);
    let wrapping = known(&alice, "d:known", &["--usage", "wrap-key"]);
    let secret = known(&alice, "d:wrapped", &[]);
    let wrapped = alice.pipe(&["wrap", "d:wrapped", "-k", "d:known"], b"");
    assert_eq!(wrapped, reference::key_wrap(&wrapping, &secret));
    let done = alice.json(&["wrap", "d:wrapped", "-k", "d:known", "-o", "wrapped", "-f", "json-ttlv"]);
    assert_eq!(done, json!({ "unique_identifier": "d:wrapped", "file": "wrapped" }));
    let document: Value = serde_json::from_slice(&alice.read("wrapped")).unwrap();
    assert_eq!(octets(&document, "KeyMaterial"), wrapped);
    let opening = known(&alice, "d:opening", &["--usage", "unwrap-key"]);
    alice.write("closed", &reference::key_wrap(&opening, &secret));
    let opened = alice.ok(&["unwrap", "closed", "-k", "d:opening", "--exportable"]).trim_end().to_owned();
    assert_eq!(alice.pipe(&["keys", "export", &opened, "-", "-f", "raw"], b""), secret);
    let sealed = alice.ok(&["unwrap", "closed", "-k", "d:opening", "--id", "d:opened"]);
    alice.fails_as(NOT_PERMITTED, &["keys", "export", sealed.trim_end(), "no"], &["not permitted: "]);
    let mut damaged = alice.read("closed");
    damaged[0] ^= 1;
    alice.write("damaged", &damaged);
    alice.fails_as(TAMPERED, &["unwrap", "damaged", "-k", "d:opening"], &["damaged cannot be unwrapped"]);
    alice.fails_as(NOT_PERMITTED, &["unwrap", "closed", "-k", "d:known"], &["not permitted: "]);
    alice.fails_as(2, &["unwrap", "closed", "-k", "d:opening", "--type", "chacha20"], &["--type"]);
    // A sensitive key leaves only under a key that was made in the HSM.
    create(&alice, &["--id", "d:sensitive", "--sensitive"]);
    create(&alice, &["--id", "d:made", "--usage", "wrap-key"]);
    let by = |key: &'static str| ["wrap", "d:sensitive", "-k", key, "-o", "out"];
    alice.fails_as(NOT_PERMITTED, &by("d:known"), &["not permitted: "]);
    alice.quiet(&by("d:made"));
    assert_eq!(alice.read("out").len(), 40);
    create(&alice, &["--id", "d:sealed"]);
    alice.fails_as(NOT_PERMITTED, &["wrap", "d:sealed", "-k", "d:made", "-o", "no"], &["not permitted: "]);
}

fn keys_are_derived(server: &Server) {
    let alice = Cli::alice(server);
    let secret = known(&alice, "d:base", &["--usage", "derive-key"]);
    let data = reference::random(32);
    alice.write("data", &data);
    let by_ecb = ["derive", "data", "-k", "d:base", "--method", "encrypt", "--mode", "ecb"];
    let derive = |more: &[&str]| alice.ok(&[&by_ecb[..], more].concat()).trim_end().to_owned();
    let expected = openssl::symm::encrypt(Cipher::aes_256_ecb(), &secret, None, &data).unwrap();
    let export = |id: &str| alice.pipe(&["keys", "export", id, "-", "-f", "raw"], b"");
    assert_eq!(export(&derive(&["--exportable"])), expected[..32]);
    alice.write("block", &data[..16]);
    let half = ["--exportable", "--id", "d:half", "--size", "128", "--name", "d:half name"];
    let named = alice.ok(&[&["derive", "block"], &by_ecb[2..], &half].concat()).trim_end().to_owned();
    assert_eq!((named.as_str(), export("d:half name")), ("d:half", expected[..16].to_vec()));
    let (iv, cbc) = (reference::random(16), reference::cbc_encrypt);
    let by_cbc = ["--method", "encrypt", "--mode", "cbc", "--exportable", "--iv-hex", &HEXLOWER.encode(&iv)];
    let made = alice.pipe(&[&["derive", "-", "-k", "d:base"], &by_cbc[..]].concat(), &data);
    assert_eq!(export(String::from_utf8(made).unwrap().trim_end()), cbc(&secret, &iv, &data, false));
    // Without --exportable it does not leave. Its uses are those of a key that is created.
    let sealed = derive(&[]);
    alice.fails_as(NOT_PERMITTED, &["keys", "export", &sealed, "no"], &["not permitted: "]);
    let shown = alice.json(&["keys", "show", &sealed])["attributes"].clone();
    assert_eq!(shown["CryptographicUsageMask"], json!(["Encrypt", "Decrypt"]));
    // Not every HSM token has this mechanism: then the error names it.
    create(&alice, &["--type", "hmac", "--usage", "derive-key", "--id", "d:kdf"]);
    let hkdf = ["derive", "data", "-k", "d:kdf", "--method", "hkdf", "--salt-hex", "00", "--hash", "sha256"];
    let output = alice.output(&hkdf, b"");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() || output.status.code() == Some(1) && said.contains("CKM_HKDF_DERIVE"), "{said}");
    // Both parties of ECDH derive the same key.
    for name in ["d:one", "d:two"] {
        let said = alice.ok(&["keys", "create", "--type", "ec", "--usage", "derive-key", "--id", name]);
        alice.ok(&["keys", "export", said.lines().nth(1).unwrap(), &format!("{}.pem", &name[2..])]);
    }
    let agree = |own: &str, file: &str| {
        let made = alice.ok(&["derive", file, "-k", own, "--method", "asymmetric-key", "--type", "hmac"]);
        alice.pipe(&["mac", "-k", made.trim_end()], b"data")
    };
    assert_eq!(agree("d:one", "two.pem"), agree("d:two", "one.pem"));
    let x25519 = ["keys", "create", "--type", "x25519", "--id", "d:x"];
    if Hsm::chosen() == Hsm::Kryoptic {
        let said = alice.ok(&x25519);
        alice.ok(&["keys", "export", said.lines().nth(1).unwrap(), "x.pem"]);
        let own = PKey::generate_x25519().unwrap();
        alice.write("own.pem", &own.private_key_to_pem_pkcs8().unwrap());
        alice.write("public.pem", &own.public_key_to_pem().unwrap());
        alice.ok(&["keys", "import", "own.pem", "--type", "x25519", "--id", "d:own"]);
        assert_eq!(agree("d:x", "public.pem"), agree("d:own", "x.pem"));
    } else {
        let (_, said) = alice.failure(&x25519);
        assert!(said.contains("does not have keys of X25519"), "{said}");
    }
    alice.fails_as(2, &[&x25519[..], &["--curve", "p256"]].concat(), &["--curve"]);
    let other = create(&alice, &[]);
    alice.fails_as(NOT_PERMITTED, &["derive", "data", "-k", &other, "--method", "hkdf"], &["not permitted: "]);
    // The server does not derive by PBKDF2 or HMAC. The method `hash` needs the name of a hash.
    for method in ["pbkdf2", "hmac", "hash"] {
        let output = alice.output(&["derive", "data", "-k", "d:base", "--method", method], b"");
        assert_eq!(output.status.code(), Some(2), "{method}");
    }
    alice.fails_as(2, &["derive", "data", "-k", "d:base", "--method", "hkdf", "--type", "ec"], &["--type"]);
    assert_eq!(alice.output(&["derive", "data", "-k", "d:base"], b"").status.code(), Some(2));
}

fn files_are_not_overwritten(server: &Server) {
    let alice = Cli::alice(server);
    create(&alice, &["--id", "d:over"]);
    create(&alice, &["--id", "d:open", "--exportable"]);
    create(&alice, &["--id", "d:wrap", "--usage", "wrap-key"]);
    create(&alice, &["--id", "d:sign", "--type", "ec"]);
    create(&alice, &["--id", "d:mac", "--type", "hmac"]);
    alice.write("plain", b"plain");
    alice.quiet(&["encrypt", "plain", "-k", "d:over", "-o", "over.sealed"]);
    alice.quiet(&["encrypt", "plain", "-k", "d:over", "--mode", "gcm", "-o", "over.gcm"]);
    alice.write("there", b"precious");
    for line in [
        "encrypt plain -k d:over -o there",
        "encrypt plain -k d:over --mode gcm -o there",
        "decrypt over.sealed -o there",
        "decrypt over.gcm -k d:over --mode gcm -o there",
        "sign plain -k d:sign -o there",
        "mac plain -k d:mac -o there",
        "hash plain -o there",
        "random 8 -o there",
        "wrap d:open -k d:wrap -o there",
        "keys export d:open there",
    ] {
        let words: Vec<&str> = line.split(' ').collect();
        alice.fails_as(1, &words, &["there exists already", "--force"]);
        assert_eq!(alice.read("there"), b"precious", "{line}");
        alice.quiet(&[&words[..], &["--force"]].concat());
        assert_ne!(alice.read("there"), b"precious", "{line}");
        alice.write("there", b"precious");
    }
}
