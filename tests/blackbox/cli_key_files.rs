//! Keys in files: import reads what export writes, in each format.

use data_encoding::BASE64;
use serde_json::Value;

use crate::harness::kmip::{find, octets, string};
use crate::harness::{Cli, Server, reference};

#[test]
fn requests_to_one_server() {
    // The first one counts what there is.
    Server::shared(&[
        what_is_no_key_is_refused_without_showing_it,
        a_key_leaves_and_enters_in_each_format,
        an_import_takes_the_place_of_a_key_only_if_it_is_told_to,
        what_may_not_leave_in_clear_leaves_wrapped_or_not_at_all,
    ]);
}

fn a_key_leaves_and_enters_in_each_format(server: &Server) {
    let alice = Cli::alice(server);
    let mut http = server.alice().connect().unwrap();
    let secret = reference::random(32);
    alice.write("key.raw", &secret);
    // With line ends, as `base64` writes it.
    let text = BASE64.encode(&secret);
    let (first, rest) = text.split_at(20);
    alice.write("key.base64", format!("{first}\n{rest}\n").as_bytes());

    let import = |arguments: &[&str]| {
        alice.ok(&[&["sym", "keys", "import"], arguments].concat()).strip_suffix('\n').unwrap().to_owned()
    };
    let raw = import(&["key.raw", "-f", "raw", "--name", "mine", "--tag", "a"]);
    alice.quiet(&["sym", "keys", "export", "-k", &raw, "key.json"]);
    let ids = [raw, import(&["key.base64", "-f", "base64"]), import(&["key.json"])];
    for (number, id) in ids.iter().enumerate() {
        assert_eq!(http.export(id), secret);
        assert_eq!(http.state(id), "Active");
        for format in ["raw", "base64", "json-ttlv"] {
            let file = format!("{number}.{format}");
            alice.quiet(&["sym", "keys", "export", "-k", id, "-f", format, &file]);
            // Standard output gets the same bytes, and nothing else, also with --json.
            for more in [&[][..], &["--json"]] {
                let piped = alice.pipe(&[&["sym", "keys", "export", "-k", id, "-f", format, "-"], more].concat(), b"");
                assert_eq!(piped, alice.read(&file));
            }
        }
        assert_eq!(alice.read(&format!("{number}.raw")), secret);
        assert_eq!(alice.read(&format!("{number}.base64")), text.as_bytes());
        let document: Value = serde_json::from_slice(&alice.read(&format!("{number}.json-ttlv"))).unwrap();
        assert_eq!(document["tag"], "SymmetricKey");
        assert_eq!(octets(&document, "KeyMaterial"), secret);
        assert_eq!(string(&document, "CryptographicAlgorithm"), "AES");
        assert_eq!(find(&document, "CryptographicLength").unwrap(), 256);
    }
    assert_eq!(alice.locate(&["--name", "mine", "--tag", "a"]), [ids[0].as_str()]);

    // The algorithm is that of the file, or the given one.
    let hmac = alice.create(&["--algorithm", "hmac-sha384"]);
    alice.quiet(&["sym", "keys", "export", "-k", &hmac, "hmac.json"]);
    let from_file = import(&["hmac.json"]);
    let from_option = import(&["key.raw", "-f", "raw", "--algorithm", "hmac-sha256"]);
    let piped = alice.pipe(&["sym", "keys", "import", "-", "-f", "raw", "--algorithm", "hmac-sha256"], &secret);
    let piped = String::from_utf8(piped).unwrap();
    for (id, algorithm) in
        [(&from_file, "HMACSHA384"), (&from_option, "HMACSHA256"), (&piped.trim().into(), "HMACSHA256")]
    {
        assert_eq!(string(&http.attributes(id), "CryptographicAlgorithm"), algorithm);
    }
    assert_eq!(http.export(&from_file), http.export(&hmac));
}

fn an_import_takes_the_place_of_a_key_only_if_it_is_told_to(server: &Server) {
    let (alice, bob) = (Cli::alice(server), Cli::bob(server));
    let mut http = server.alice().connect().unwrap();
    let (first, second) = (reference::random(16), reference::random(24));
    alice.write("first", &first);
    alice.write("second", &second);
    bob.write("second", &second);
    let import = ["sym", "keys", "import", "-f", "raw", "--id", "my:key"];
    assert_eq!(alice.ok(&[&import[..], &["first"]].concat()), "my:key\n");
    alice.fails_with(&[&import[..], &["second"]].concat(), &["conflict: ", "my:key"]);
    bob.fails_with(&[&import[..], &["second", "--replace"]].concat(), &["conflict: "]);
    assert_eq!(http.export("my:key"), first);
    assert_eq!(alice.ok(&[&import[..], &["second", "--replace"]].concat()), "my:key\n");
    assert_eq!(http.export("my:key"), second);
    // Attributes that are not given do not change. If there is no key to replace, a new key is made with the default
    // attributes.
    let own = ["sym", "keys", "import", "-f", "raw", "--id", "own", "first", "--replace"];
    assert_eq!(alice.ok(&[&own[..], &["--usage", "encrypt", "--tag", "t", "--name", "n"]].concat()), "own\n");
    let before = http.attributes("own");
    assert_eq!(alice.ok(&own), "own\n");
    let after = http.attributes("own");
    for tag in ["CryptographicUsageMask", "NameValue", "AttributeValue", "ActivationDate", "State"] {
        assert_eq!(find(&after, tag).unwrap(), find(&before, tag).unwrap());
    }
    alice.ok(&[&own[..], &["--usage", "decrypt"]].concat());
    assert_ne!(find(&http.attributes("own"), "CryptographicUsageMask"), find(&before, "CryptographicUsageMask"));
    assert_eq!(alice.create(&["--id", "another"]), "another");
    alice.fails_with(&["sym", "keys", "create", "--id", "another"], &["conflict: "]);
}

fn what_may_not_leave_in_clear_leaves_wrapped_or_not_at_all(server: &Server) {
    let alice = Cli::alice(server);
    let secret = reference::random(32);
    alice.write("secret", &secret);
    let import =
        |arguments: &[&str]| alice.ok(&[&["sym", "keys", "import", "-f", "raw"], arguments].concat()).trim().to_owned();
    let sensitive = import(&["secret", "--sensitive"]);
    let kept = import(&["secret", "--not-extractable"]);
    let open = import(&["secret"]);
    // Only a key that never left the HSM can wrap a sensitive key.
    let known = import(&["secret", "--usage", "wrap-key,unwrap-key"]);
    let wrapping = alice.create(&["--usage", "wrap-key", "--sensitive", "--not-extractable"]);

    let export = |id: &str, more: &[&str]| {
        let command = ["sym", "keys", "export", "-k", id, "out", "--force"];
        command.iter().chain(more).map(|&word| word.to_owned()).collect::<Vec<_>>()
    };
    let files = alice.files();
    alice.fails_with(&export(&sensitive, &[]), &["not permitted: "]);
    alice.fails_with(&export(&kept, &[]), &["not permitted: "]);
    alice.fails_with(&export(&kept, &["--wrap-key", &wrapping]), &["not permitted: "]);
    // Not with a key that may not wrap, or does not exist.
    alice.fails_with(&export(&sensitive, &["--wrap-key", &kept]), &["not permitted: "]);
    alice.fails_with(&export(&sensitive, &["--wrap-key", &known]), &["not permitted: ", &known]);
    alice.fails_with(&export(&sensitive, &["--wrap-key", "nothing"]), &["not found: "]);
    assert_eq!(alice.files(), files);

    // A copy that may leave in clear is wrapped to the same bytes, also by any key.
    alice.quiet(&export(&open, &["--wrap-key", &known, "-f", "raw"]));
    assert_eq!(alice.read("out"), reference::key_wrap(&secret, &secret));
    alice.quiet(&export(&open, &["--wrap-key", &wrapping, "-f", "raw"]));
    let wrapped = alice.read("out");
    alice.quiet(&export(&sensitive, &["--wrap-key", &wrapping, "-f", "raw"]));
    assert_eq!(alice.read("out"), wrapped);
    alice.quiet(&export(&sensitive, &["--wrap-key", &wrapping, "-f", "base64"]));
    assert_eq!(alice.read("out"), BASE64.encode(&wrapped).as_bytes());
    alice.quiet(&export(&sensitive, &["--wrap-key", &wrapping]));
    let document: Value = serde_json::from_slice(&alice.read("out")).unwrap();
    assert_eq!(octets(&document, "KeyMaterial"), wrapped);
    let how = find(&document, "KeyWrappingData").unwrap().to_string();
    assert!(how.contains(&wrapping) && how.contains("NISTKeyWrap"), "{how}");
}

fn what_is_no_key_is_refused_without_showing_it(server: &Server) {
    let alice = Cli::alice(server);
    alice.write("text", b"hunter2");
    alice.write("half.base64", b"aHVudGVyMg=");
    alice.write(
        "other.json",
        br#"{"tag":"Get","value":[{"tag":"UniqueIdentifier","type":"TextString","value":"hunter2"}]}"#,
    );
    alice.write("large", &[b'A'; 65_537]);
    alice.write("seventeen", &[7; 17]);
    for (file, format, words) in [
        ("text", "json-ttlv", &["text is not a key in KMIP's JSON", "give -f"][..]),
        ("half.base64", "base64", &["half.base64 is not base64", "give -f"]),
        ("other.json", "json-ttlv", &["other.json is not a key in KMIP's JSON", "`Get`"]),
        ("large", "raw", &["large is larger than a key can be"]),
        ("seventeen", "raw", &["seventeen holds 17 bytes", "16, 24 or 32", "--algorithm"]),
        ("missing", "raw", &["cannot read missing: "]),
        (".", "raw", &["cannot read .: "]),
    ] {
        let said = alice.fails(&["sym", "keys", "import", file, "-f", format]);
        assert!(words.iter().all(|word| said.contains(word)), "{said}");
        assert!(!said.contains("hunter2") && !said.contains("aHVudGVy"), "{said}");
    }
    assert_eq!(alice.locate(&[]), [""; 0]);
    alice.fails_with(
        &["sym", "keys", "export", "-k", &alice.create(&[]), "no/such/directory"],
        &["cannot write no/such/"],
    );
}
