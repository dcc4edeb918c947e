//! `claviger wrap` and `unwrap` by every method, and the kinds, dates and limits of `claviger keys`.

use crate::harness::asymmetric::Kind;
use crate::harness::{Cli, Hsm, Server, reference};

#[test]
fn requests_to_one_server() {
    Server::shared(&[
        keys_go_out_and_come_in_by_every_method,
        only_symmetric_keys_come_in,
        kinds_dates_and_limits_are_those_of_the_options,
    ]);
}

fn create(cli: &Cli, options: &[&str]) -> String {
    cli.ok(&[&["keys", "create"], options].concat()).lines().next().unwrap().to_owned()
}

fn keys_go_out_and_come_in_by_every_method(server: &Server) {
    let alice = Cli::alice(server);
    let secret = reference::random(32);
    alice.write("secret", &secret);
    alice.ok(&["keys", "import", "secret", "--exportable", "--id", "w:open"]);
    alice.write("kek", &reference::random(32));
    alice.ok(&["keys", "import", "kek", "--id", "w:kek", "--usage", "wrap-key,unwrap-key"]);
    let pem = Kind::Rsa(2048).generate();
    alice.write("pair.pem", &pem.private_key_to_pem_pkcs8().unwrap());
    alice.write("public.pem", &pem.public_key_to_pem().unwrap());
    alice.ok(&["keys", "import", "pair.pem", "--id", "w:pair", "--usage", "unwrap-key"]);
    alice.ok(&["keys", "import", "public.pem", "--id", "w:public", "--usage", "wrap-key"]);
    for (method, out, back) in
        [("kw", "w:kek", "w:kek"), ("kwp", "w:kek", "w:kek"), ("cbc", "w:kek", "w:kek"), ("oaep", "w:public", "w:pair")]
    {
        let is_lacking = Hsm::chosen() == Hsm::SoftHsm && method == "cbc";
        for format in ["raw", "json-ttlv"] {
            let words = [
                "wrap", "w:open", "-k", out, "--method", method, "--hash", "sha1", "-f", format, "-o", "blob",
                "--force",
            ];
            if method == "cbc" && format == "raw" {
                alice.fails_as(2, &words, &["json-ttlv"]);
                continue;
            }
            if is_lacking {
                alice.fails_as(1, &words, &["CKM_AES_CBC_PAD"]);
                continue;
            }
            alice.quiet(&words);
            let mut words = vec!["unwrap", "blob", "-k", back, "--exportable"];
            if format == "raw" {
                words.extend(["--method", method, "--hash", "sha1"]);
            }
            let id = alice.ok(&words);
            alice.quiet(&["keys", "export", id.trim_end(), "again", "-f", "raw", "--force"]);
            assert_eq!(alice.read("again"), secret, "{method} {format}");
        }
    }
}

fn only_symmetric_keys_come_in(server: &Server) {
    let alice = Cli::alice(server);
    for kind in ["secret-data", "rsa", "ec"] {
        alice.fails_as(2, &["unwrap", "blob", "-k", "p:kek", "--type", kind], &["--type"]);
    }
}

fn kinds_dates_and_limits_are_those_of_the_options(server: &Server) {
    let alice = Cli::alice(server);
    let dates = ["--activate-at", "2026-01-01T00:00:00Z", "--deactivate-at", "2126-01-01T00:00:00Z", "--limit", "2"];
    let key = create(&alice, &dates);
    let shown = alice.json(&["keys", "show", &key])["attributes"].clone();
    assert_eq!(shown["ActivationDate"], "2026-01-01T00:00:00Z");
    assert_eq!(shown["DeactivationDate"], "2126-01-01T00:00:00Z");
    assert_eq!((&shown["UsageLimits"]["UsageLimitsTotal"], &shown["State"]), (&2.into(), &"Active".into()));
    alice.write("plain", b"plain");
    for _ in 0..2 {
        alice.quiet(&["encrypt", "plain", "-k", &key, "-o", "sealed", "--force"]);
    }
    alice.fails_as(1, &["encrypt", "plain", "-k", &key, "-o", "sealed", "--force"], &["do not permit"]);
    let later = create(&alice, &["--activate-at", "2126-01-01T00:00:00Z", "--limit", "9", "--limit-bytes"]);
    let shown = alice.json(&["keys", "show", &later])["attributes"].clone();
    assert_eq!((&shown["State"], &shown["UsageLimits"]["UsageLimitsUnit"]), (&"PreActive".into(), &"Byte".into()));
    let pair = create(&alice, &["--type", "ec", "--limit", "3"]);
    assert_eq!(alice.json(&["keys", "show", &pair])["attributes"]["UsageLimits"]["UsageLimitsTotal"], 3);
    // An algorithm that no HSM uses here is kept and given back.
    let camellia = create(&alice, &["--algorithm", "camellia", "--size", "192", "--exportable"]);
    alice.quiet(&["keys", "export", &camellia, "camellia", "-f", "raw"]);
    assert_eq!(alice.read("camellia").len(), 24);
    let macs = create(&alice, &["--algorithm", "hmac-sha512", "--size", "512"]);
    alice.ok(&["mac", "plain", "-k", &macs]);
    alice.fails_as(1, &["keys", "create", "--type", "3des"], &["--allow-legacy-algorithms"]);
    alice.write("password", b"hunter2");
    let id = alice.ok(&["keys", "import", "password", "--type", "secret-data", "--exportable", "--name", "k:password"]);
    assert_eq!(alice.json(&["keys", "show", id.trim_end()])["attributes"]["ObjectType"], "SecretData");
    alice.quiet(&["keys", "export", "k:password", "again", "-f", "raw", "--force"]);
    assert_eq!(alice.read("again"), b"hunter2");
    create(&alice, &["--id", "k:base", "--usage", "derive-key", "--exportable"]);
    alice.write("data", &reference::random(32));
    let words = ["derive", "data", "-k", "k:base", "--method", "encrypt", "--mode", "ecb", "--type", "secret-data"];
    let id = alice.ok(&words);
    alice.quiet(&["keys", "export", id.trim_end(), "seed", "-f", "raw"]);
    assert_eq!(alice.read("seed").len(), 32);
    alice.fails_as(2, &["keys", "create", "--type", "secret-data"], &["keys import"]);
    for options in [
        &["--activate-at", "tomorrow"][..],
        &["--pre-active", "--activate-at", "2126-01-01T00:00:00Z"],
        &["--limit", "0"],
        &["--limit-bytes"],
        &["--type", "aes", "--algorithm", "camellia"],
        &["--algorithm", "rot13"],
    ] {
        assert_eq!(alice.output(&[&["keys", "create"], options].concat(), b"").status.code(), Some(2), "{options:?}");
    }
}
