//! `claviger keys`: keys of every kind from creation to destruction, in tables and in files.

use openssl::ec::{EcGroup, EcKey};
use openssl::nid::Nid;
use openssl::pkey::PKey;
use openssl::rsa::Rsa;
use serde_json::{Value, json};

use crate::harness::cli::{NOT_FOUND, NOT_PERMITTED};
use crate::harness::kmip::{find, string};
use crate::harness::{Cli, Server, reference};

#[test]
fn requests_to_one_server() {
    // The first one counts what there is.
    Server::shared(&[
        a_table_has_what_the_caller_may_use_and_nothing_else,
        keys_of_every_kind_are_made_with_their_usual_uses,
        a_lifecycle_ends_only_when_it_is_confirmed,
        a_name_is_used_only_if_it_is_unambiguous,
        anothers_key_does_not_take_the_place_of_ones_own,
        keys_leave_only_if_they_were_made_so,
        pairs_of_others_are_read_in_every_form,
        symmetric_keys_are_recognised,
    ]);
}

fn attributes(cli: &Cli, key: &str) -> Value {
    cli.json(&["keys", "show", key])["attributes"].clone()
}

/// Creates a key with these options, and returns its identifier.
fn create(cli: &Cli, options: &[&str]) -> String {
    cli.ok(&[&["keys", "create"], options].concat()).trim_end().to_owned()
}

fn a_table_has_what_the_caller_may_use_and_nothing_else(server: &Server) {
    let (alice, bob) = (Cli::alice(server), Cli::bob(server));
    alice.quiet(&["keys", "list"]);
    assert_eq!(alice.json(&["keys", "list"]), json!([]));
    let named = create(&alice, &["--id", "t:aes", "--name", "table", "--name", "second", "--tag", "red"]);
    create(&alice, &["--id", "t:hmac", "--type", "hmac", "--pre-active"]);
    create(&alice, &["--id", "t:ec", "--type", "ec"]);
    let table = alice.ok(&["keys", "list"]);
    let cells =
        |line: &'_ str| line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).map(str::to_owned).collect();
    let rows: Vec<Vec<String>> = table.lines().map(cells).collect();
    assert_eq!(rows[0], ["IDENTIFIER", "NAME", "KIND", "STATE", "ALGORITHM", "OWNER", "PROJECT"]);
    for row in [
        ["t:aes", "table, second", "SymmetricKey", "Active", "AES-256", "alice", "-"],
        ["t:hmac", "-", "SymmetricKey", "PreActive", "HMAC_SHA256-256", "alice", "-"],
        ["t:ec", "-", "PrivateKey", "Active", "EC-P_256", "alice", "-"],
        ["t:ec_pk", "-", "PublicKey", "Active", "EC-P_256", "alice", "-"],
    ] {
        assert!(rows.iter().any(|own| *own == row), "{row:?} is not in\n{table}");
    }
    assert_eq!(rows.len(), 5);
    // The columns begin at the same places in each line.
    let at = table.lines().next().unwrap().find("KIND").unwrap();
    assert!(table.lines().all(|line| line.as_bytes()[at - 1] == b' ' && line.as_bytes()[at] != b' '), "{table}");
    let ids = |options: &[&str]| {
        let listed = alice.json(&[&["keys", "list"], options].concat());
        let mut ids: Vec<String> =
            listed.as_array().unwrap().iter().map(|row| row["unique_identifier"].as_str().unwrap().into()).collect();
        ids.sort();
        ids
    };
    assert_eq!(ids(&["--kind", "public-key"]), ["t:ec_pk"]);
    assert_eq!(ids(&["--algorithm", "ec"]), ["t:ec", "t:ec_pk"]);
    assert_eq!(ids(&["--algorithm", "hmac-sha256"]), ["t:hmac"]);
    assert_eq!(ids(&["--state", "pre-active"]), ["t:hmac"]);
    assert_eq!(ids(&["--name", "table"]), ["t:aes"]);
    assert_eq!(ids(&["--tag", "red"]), ["t:aes"]);
    assert_eq!(ids(&["--tag", "blue"]), [""; 0]);
    assert_eq!(
        alice.json(&["keys", "list", "--name", "table"]),
        json!([{
            "unique_identifier": "t:aes", "names": ["table", "second"], "object_type": "SymmetricKey",
            "state": "Active", "cryptographic_algorithm": "AES", "cryptographic_length": 256, "recommended_curve": null,
            "owner": "alice", "project": null,
        }])
    );
    // Another caller sees what is granted, with its owner, and its attributes only by a right to read them.
    bob.quiet(&["keys", "list"]);
    alice.quiet(&["access-rights", "grant", "--user", "bob", "-k", &named, "encrypt"]);
    let row = &bob.json(&["keys", "list"])[0];
    assert_eq!(
        (&row["unique_identifier"], &row["owner"], &row["state"]),
        (&"t:aes".into(), &"alice".into(), &Value::Null)
    );
    alice.quiet(&["access-rights", "grant", "--user", "bob", "-k", &named, "get_attributes"]);
    assert_eq!(bob.json(&["keys", "list"])[0]["names"], json!(["table", "second"]));
    for id in ["t:aes", "t:ec", "t:ec_pk"] {
        alice.quiet(&["keys", "revoke", id, "--yes"]);
    }
    for id in ["t:aes", "t:ec", "t:ec_pk", "t:hmac"] {
        alice.quiet(&["keys", "destroy", id, "--yes"]);
    }
    alice.quiet(&["keys", "list"]);
    let mut destroyed = ids(&["--state", "destroyed"]);
    destroyed.dedup();
    assert_eq!(destroyed, ["t:aes", "t:ec", "t:ec_pk", "t:hmac"]);
}

fn keys_of_every_kind_are_made_with_their_usual_uses(server: &Server) {
    let alice = Cli::alice(server);
    let encrypts = json!(["Encrypt", "Decrypt"]);
    let macs = json!(["MACGenerate", "MACVerify"]);
    for (options, algorithm, bits, uses) in [
        (&[][..], "AES", 256, &encrypts),
        (&["--size", "128"], "AES", 128, &encrypts),
        (&["--type", "hmac"], "HMAC_SHA256", 256, &macs),
        (&["--type", "hmac", "--hash", "sha512"], "HMAC_SHA512", 512, &macs),
        (&["--type", "hmac", "--hash", "sha1", "--size", "200"], "HMAC_SHA1", 200, &macs),
        (&["--usage", "wrap-key,unwrap-key"], "AES", 256, &json!(["WrapKey", "UnwrapKey"])),
    ] {
        let own = attributes(&alice, &create(&alice, options));
        assert_eq!(own["CryptographicAlgorithm"], algorithm, "{options:?}");
        assert_eq!(own["CryptographicLength"], bits, "{options:?}");
        assert_eq!(&own["CryptographicUsageMask"], uses, "{options:?}");
        assert_eq!((&own["Extractable"], &own["Sensitive"]), (&false.into(), &true.into()), "{options:?}");
        assert_eq!(own["State"], "Active");
    }
    for (options, algorithm, bits) in
        [(&["--type", "rsa", "--size", "2048"][..], "RSA", 2048), (&["--type", "ec", "--curve", "p256"], "EC", 256)]
    {
        let made = alice.json(&[&["keys", "create", "--name", "pair of a kind"], options].concat());
        for (half, kind, uses) in [
            ("private_key_unique_identifier", "PrivateKey", "Sign"),
            ("public_key_unique_identifier", "PublicKey", "Verify"),
        ] {
            let own = attributes(&alice, made[half].as_str().unwrap());
            assert_eq!((&own["ObjectType"], &own["CryptographicAlgorithm"]), (&kind.into(), &algorithm.into()));
            assert_eq!((&own["CryptographicLength"], &own["CryptographicUsageMask"]), (&bits.into(), &json!([uses])));
            assert_eq!(own["Name"][0]["NameValue"], "pair of a kind");
        }
    }
    let pair = create(&alice, &["--type", "ec", "--id", "k:pair", "--pre-active"]);
    assert_eq!(pair, "k:pair\nk:pair_pk");
    assert_eq!(attributes(&alice, "k:pair")["State"], "PreActive");
    // What this server or its token does not have, the server says.
    for options in [&["--type", "ec", "--curve", "secp256k1", "--size", "1"][..], &["--curve", "p256"]] {
        assert_eq!(alice.failure(&[&["keys", "create"], options].concat()).0, 2, "{options:?}");
    }
    alice.fails_as(1, &["keys", "create", "--size", "100"], &["refused by the server"]);
}

fn a_lifecycle_ends_only_when_it_is_confirmed(server: &Server) {
    let alice = Cli::alice(server);
    let key = create(&alice, &["--pre-active", "--name", "to the end"]);
    let state = || attributes(&alice, &key)["State"].clone();
    assert_eq!(state(), "PreActive");
    assert_eq!(alice.json(&["keys", "activate", "to the end"]), json!({ "unique_identifier": key }));
    assert_eq!(state(), "Active");
    for command in ["revoke", "destroy"] {
        let arguments = ["keys", command, key.as_str()];
        alice.fails_as(2, &arguments, &["cannot be undone", "--yes"]);
    }
    assert_eq!(state(), "Active");
    alice.fails_as(1, &["keys", "destroy", &key, "--yes"], &["conflict: "]);
    // At a terminal, the command asks.
    let question = "Go on? [y/N] ";
    for (answer, status) in [("n\n", 1), ("\n", 1), ("yes please\n", 1)] {
        let (found, said) = alice.at_a_terminal(&format!("keys revoke {key}"), &[(question, answer)]);
        assert!(found == status && said.contains("cannot be undone. Go on?"), "{found}: {said}");
        assert_eq!(state(), "Active");
    }
    let (found, said) =
        alice.at_a_terminal(&format!("keys revoke {key} superseded --reason superseded"), &[(question, "y\n")]);
    assert_eq!((found, state()), (0, "Deactivated".into()), "{said}");
    let reason = attributes(&alice, &key)["RevocationReason"].clone();
    assert_eq!(reason, json!({ "RevocationReasonCode": "Superseded", "RevocationMessage": "superseded" }));
    assert_eq!(alice.json(&["keys", "destroy", &key, "--yes"]), json!({ "unique_identifier": key }));
    assert_eq!(state(), "Destroyed");
    // The name is no longer that of a key; the identifier is.
    alice.fails_as(NOT_FOUND, &["keys", "show", "to the end"], &["not found: "]);
    alice.fails_as(NOT_FOUND, &["keys", "activate", "name:to the end"], &["has the name \"to the end\""]);
    for command in [&["activate"][..], &["revoke", "--yes"], &["destroy", "--yes"], &["show"]] {
        alice.fails_as(NOT_FOUND, &[&["keys"], command, &["nothing"]].concat(), &["not found: "]);
    }
    // No binary goes to a terminal.
    let open = create(&alice, &["--exportable"]);
    for words in [format!("keys export {open} - -f raw"), "random 8 -f raw".to_owned(), format!("encrypt -k {open}")] {
        let (status, said) = alice.at_a_terminal(&words, &[]);
        assert!(status == 1 && said.contains("is a terminal"), "{words}: {status}: {said}");
    }
}

fn a_name_is_used_by_the_older_commands(alice: &Cli) {
    let id = alice.create(&["--name", "by name"]);
    alice.write("to seal", b"text");
    let sealed = alice.json(&["sym", "encrypt", "to seal", "-k", "by name", "-o", "sealed"]);
    assert_eq!(sealed["unique_identifier"], *id);
    for key in [&[][..], &["-k", "by name"]] {
        assert_eq!(alice.ok(&[&["sym", "decrypt", "sealed", "-o", "-"], key].concat()), "text");
    }
    let changed = json!({ "unique_identifier": id });
    let grant = |word| alice.json(&["access-rights", word, "-k", "by name", "--user", "bob", "encrypt"]);
    assert_eq!((grant("grant"), grant("revoke")), (changed.clone(), changed.clone()));
    assert_eq!(alice.rows(&["access-rights", "list", "-k", "by name"]), ["owner | alice | everything"]);
    let explained = alice.ok(&["access-rights", "explain", "-k", "by name", "--operation", "encrypt"]);
    assert!(explained.starts_with("allowed: true\n"), "{explained}");
    assert_eq!(alice.json(&["access-rights", "transfer", "-k", "by name", "--to", "bob"]), changed);
    alice.quiet(&["access-rights", "decline", "-k", &id]);
    assert_eq!(alice.json(&["sym", "keys", "revoke", "-k", "by name"]), changed);
    assert_eq!(alice.json(&["sym", "keys", "destroy", "-k", "by name"]), changed);
    create(alice, &["--name", "by name"]);
    create(alice, &["--name", "by name"]);
    alice.fails_as(1, &["sym", "keys", "revoke", "-k", "by name"], &["names several objects"]);
}

fn a_name_is_used_only_if_it_is_unambiguous(server: &Server) {
    let alice = Cli::alice(server);
    let (first, second) = (create(&alice, &["--name", "twice"]), create(&alice, &["--name", "twice"]));
    alice.fails_as(1, &["keys", "show", "twice"], &["names several objects", &first, &second, "(SymmetricKey)"]);
    alice.write("plain", b"plain");
    alice.fails_as(1, &["encrypt", "plain", "-k", "twice", "-o", "sealed"], &["names several objects", &first]);
    assert!(!alice.path("sealed").exists());
    // A pair has one name; only one half can do what the command is for.
    create(&alice, &["--type", "ec", "--name", "both"]);
    alice.fails_as(1, &["keys", "show", "both"], &["(PrivateKey)", "(PublicKey)"]);
    alice.quiet(&["sign", "plain", "-k", "both", "-o", "both.sig"]);
    assert_eq!(alice.ok(&["verify", "plain", "-k", "both", "--signature", "both.sig"]), "valid\n");
    a_name_is_used_by_the_older_commands(&alice);
    // One key has the name, another one has it as its identifier. The error says how to name either.
    let named = create(&alice, &["--name", "n:either"]);
    create(&alice, &["--id", "n:either"]);
    alice.fails_as(1, &["keys", "show", "n:either"], &["names several objects", &named, "id:n:either"]);
    let id = |key: &str| alice.json(&["keys", "show", key])["unique_identifier"].clone();
    assert_eq!((id("id:n:either"), id("name:n:either")), ("n:either".into(), named.into()));
}

fn anothers_key_does_not_take_the_place_of_ones_own(server: &Server) {
    let (alice, bob) = (Cli::alice(server), Cli::bob(server));
    let own = create(&alice, &["--name", "o:payroll"]);
    alice.write("plain", b"plain");
    alice.quiet(&["encrypt", "plain", "-k", "o:payroll", "-o", "own"]);
    for options in [["--name", "o:payroll"], ["--id", "o:payroll"]] {
        let theirs = create(&bob, &options);
        bob.quiet(&["access-rights", "grant", "--user", "alice", "-k", &format!("id:{theirs}"), "encrypt"]);
        alice.fails_as(1, &["encrypt", "plain", "-k", "o:payroll", "-o", "no"], &["several objects", &own, &theirs]);
    }
    assert!(!alice.path("no").exists());
    alice.quiet(&["encrypt", "plain", "-k", &own, "-o", "by id"]);
}

fn keys_leave_only_if_they_were_made_so(server: &Server) {
    let alice = Cli::alice(server);
    let sealed = create(&alice, &[]);
    alice.fails_as(NOT_PERMITTED, &["keys", "export", &sealed, "no"], &["not permitted: "]);
    let pair = create(&alice, &["--type", "ec"]);
    let (private, public) = pair.split_once('\n').unwrap();
    alice.fails_as(NOT_PERMITTED, &["keys", "export", private, "no"], &["not permitted: "]);
    let sensitive = create(&alice, &["--sensitive"]);
    alice.fails_as(NOT_PERMITTED, &["keys", "export", &sensitive, "no"], &["not permitted: "]);
    assert!(!alice.path("no").exists());
    let open = create(&alice, &["--exportable", "--name", "l:open"]);
    let written = json!({ "unique_identifier": open, "file": "open.json" });
    assert_eq!(alice.json(&["keys", "export", "l:open", "open.json"]), written);
    let document: Value = serde_json::from_slice(&alice.read("open.json")).unwrap();
    assert_eq!((&document["tag"], string(&document, "CryptographicAlgorithm")), (&"SymmetricKey".into(), "AES".into()));
    alice.fails_as(1, &["keys", "export", &open, "open.json"], &["exists already", "--force"]);
    alice.quiet(&["keys", "export", &open, "open.json", "--force", "-f", "raw"]);
    assert_eq!(alice.read("open.json").len(), 32);
    let piped = alice.pipe(&["keys", "export", &open, "-", "-f", "raw"], b"");
    assert_eq!(piped, alice.read("open.json"));
    for format in ["pem", "der"] {
        alice.fails_as(1, &["keys", "export", &open, "no", "-f", format], &["cannot be written as"]);
    }
    alice.quiet(&["keys", "export", public, "public.pem"]);
    assert_eq!(PKey::public_key_from_pem(&alice.read("public.pem")).unwrap().bits(), 256);
    alice.quiet(&["keys", "export", public, "public.der", "-f", "der"]);
    PKey::public_key_from_der(&alice.read("public.der")).unwrap();
}

fn pairs_of_others_are_read_in_every_form(server: &Server) {
    let alice = Cli::alice(server);
    let mut http = server.alice().connect().unwrap();
    let rsa = Rsa::generate(2048).unwrap();
    let ec = EcKey::generate(&EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap()).unwrap();
    let (rsa_key, ec_key) = (PKey::from_rsa(rsa.clone()).unwrap(), PKey::from_ec_key(ec.clone()).unwrap());
    let x25519 = PKey::generate_x25519().unwrap();
    let forms = [
        (x25519.private_key_to_pem_pkcs8().unwrap(), "PrivateKey", "EC", 0x200),
        (x25519.public_key_to_pem().unwrap(), "PublicKey", "EC", 0x200),
        (rsa_key.private_key_to_pem_pkcs8().unwrap(), "PrivateKey", "RSA", 1),
        (rsa.private_key_to_pem().unwrap(), "PrivateKey", "RSA", 1),
        (ec_key.private_key_to_pem_pkcs8().unwrap(), "PrivateKey", "EC", 1),
        (ec.private_key_to_pem().unwrap(), "PrivateKey", "EC", 1),
        (rsa_key.public_key_to_pem().unwrap(), "PublicKey", "RSA", 2),
        (rsa.public_key_to_pem_pkcs1().unwrap(), "PublicKey", "RSA", 2),
        (ec_key.public_key_to_pem().unwrap(), "PublicKey", "EC", 2),
    ];
    for (number, (pem, kind, algorithm, mask)) in forms.iter().enumerate() {
        let file = format!("{number}.pem");
        alice.write(&file, pem);
        let id = alice.ok(&["keys", "import", &file, "--exportable", "--tag", "imported"]);
        let id = id.trim_end();
        let own = http.attributes(id);
        assert_eq!(
            (string(&own, "ObjectType").as_str(), string(&own, "CryptographicAlgorithm").as_str()),
            (*kind, *algorithm)
        );
        assert_eq!(find(&own, "CryptographicUsageMask").unwrap(), mask);
        // It comes back in the form in which it came.
        assert_eq!(alice.pipe(&["keys", "export", id, "-"], b""), *pem);
    }
}

fn symmetric_keys_are_recognised(server: &Server) {
    let alice = Cli::alice(server);
    let mut http = server.alice().connect().unwrap();
    let secret = reference::random(32);
    alice.write("raw", &secret);
    let import = |arguments: &[&str]| alice.ok(&[&["keys", "import"], arguments].concat()).trim_end().to_owned();
    let open = import(&["raw", "--exportable", "--id", "s:open", "--name", "s:name"]);
    assert_eq!((open.as_str(), http.export("s:open")), ("s:open", secret.clone()));
    alice.quiet(&["keys", "export", &open, "json"]);
    alice.quiet(&["keys", "export", &open, "base64", "-f", "base64"]);
    assert_eq!(http.export(&import(&["json", "--exportable"])), secret);
    assert_eq!(http.export(&import(&["base64", "-f", "base64", "--exportable"])), secret);
    let piped = alice.pipe(&["keys", "import", "-", "--type", "hmac", "--hash", "sha512", "--exportable"], &secret);
    let own = http.attributes(String::from_utf8(piped).unwrap().trim_end());
    assert_eq!(string(&own, "CryptographicAlgorithm"), "HMACSHA512");
    assert!(find(&own, "CryptographicUsageMask").is_some_and(|mask| mask == 0x180), "{own}");
    // Without --exportable it does not leave again.
    let kept = import(&["raw"]);
    alice.fails_as(NOT_PERMITTED, &["keys", "export", &kept, "no"], &["not permitted: "]);
    // What contradicts itself or is not a key is refused, and not shown.
    alice.write("text", b"hunter2");
    alice.write("half.pem", b"-----BEGIN PRIVATE KEY-----\naHVudGVyMg");
    alice.write("other.pem", b"-----BEGIN CERTIFICATE-----\naHVudGVyMg==\n-----END CERTIFICATE-----\n");
    let encrypted = PKey::generate_ed25519().unwrap();
    let cipher = openssl::symm::Cipher::aes_128_cbc();
    alice.write("locked.pem", &encrypted.private_key_to_pem_pkcs8_passphrase(cipher, b"hunter2").unwrap());
    for (status, arguments, words) in [
        (1, &["text"][..], "holds 7 bytes, and an AES key has 16, 24 or 32"),
        (1, &["text", "--type", "ec"], "text is not a key in DER"),
        (1, &["half.pem"], "it has no PEM block"),
        (1, &["other.pem"], "`CERTIFICATE`"),
        (1, &["locked.pem"], "openssl pkey"),
        (2, &["json", "--type", "hmac"], "leave out --type"),
        (2, &["raw", "--type", "aes", "--hash", "sha256"], "--hash is only for"),
        (1, &["raw", "--id", "s:open"], "conflict: "),
        (1, &["missing"], "cannot read missing"),
    ] {
        let (found, said) = alice.failure(&[&["keys", "import"], arguments].concat());
        assert!(found == status && said.contains(words), "{arguments:?}: {found}: {said}");
        assert!(!said.contains("hunter2") && !said.contains("aHVudGVy"), "{said}");
    }
}
