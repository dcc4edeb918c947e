//! `claviger certificates`, `opaque`, `attributes set` and `delete`, and `kmip query`.

use serde_json::{Value, json};

use crate::harness::cli::NOT_FOUND;
use crate::harness::{Cli, Leaf, Server, reference};

#[test]
fn requests_to_one_server() {
    Server::shared(&[
        a_certificate_comes_back_as_it_was,
        opaque_data_comes_back_as_it_was,
        attributes_are_set_and_deleted,
        query_says_what_the_server_does,
    ]);
}

fn a_certificate_comes_back_as_it_was(server: &Server) {
    let alice = Cli::alice(server);
    alice.quiet(&["certificates", "list"]);
    let certificate = server.place.authority.issue(&Leaf::client("carol")).certificate;
    let (pem, der) = (certificate.to_pem().unwrap(), certificate.to_der().unwrap());
    alice.write("pem", &pem);
    alice.write("der", &der);
    let first = alice.ok(&["certificates", "register", "pem", "--name", "carol"]);
    let second = alice.json(&["certificates", "register", "der", "--id", "c:der", "--tag", "der"]);
    assert_eq!(second, json!({ "unique_identifier": "c:der" }));
    for key in [first.trim_end(), "carol", "c:der"] {
        assert_eq!(alice.pipe(&["certificates", "get", key], b""), pem);
        assert_eq!(alice.pipe(&["certificates", "get", key, "--der"], b""), der);
    }
    let done = alice.json(&["certificates", "get", "carol", "-o", "out"]);
    assert_eq!(done, json!({ "unique_identifier": first.trim_end(), "file": "out" }));
    alice.fails_as(1, &["certificates", "get", "carol", "-o", "out"], &["exists already"]);
    let listed = alice.json(&["certificates", "list", "--tag", "der"]);
    assert_eq!((listed.as_array().unwrap().len(), &listed[0]["object_type"]), (1, &"Certificate".into()));
    assert_eq!(alice.ok(&["certificates", "list"]).lines().count(), 3);
    alice.quiet(&["keys", "list"]);
    alice.write("text", b"-----BEGIN CERTIFICATE-----\naHVudGVyMg==\n-----END CERTIFICATE-----\n");
    alice.fails_as(1, &["certificates", "register", "text"], &["text is not a certificate"]);
    alice.fails_as(2, &["certificates", "destroy", "carol"], &["cannot be undone"]);
    let words = ["is Active: revoke it first", "claviger certificates revoke"];
    alice.fails_as(1, &["certificates", "destroy", "carol", "--yes"], &words);
    alice.fails_as(2, &["certificates", "revoke", "carol"], &["cannot be undone"]);
    alice.quiet(&["certificates", "revoke", "carol", "--yes"]);
    alice.quiet(&["certificates", "destroy", "carol", "--yes"]);
    alice.fails_as(NOT_FOUND, &["certificates", "get", "carol"], &["not found: "]);
}

fn opaque_data_comes_back_as_it_was(server: &Server) {
    let alice = Cli::alice(server);
    for size in [1, 1000, (1 << 20) - 200] {
        let data = reference::random(size);
        let id = alice.pipe(&["opaque", "register", "-", "--name", "o:data"], &data);
        let id = String::from_utf8(id).unwrap();
        assert!(alice.pipe(&["opaque", "get", "o:data"], b"") == data);
        alice.quiet(&["opaque", "get", id.trim_end(), "-o", "out", "--force"]);
        assert!(alice.read("out") == data);
        alice.fails_as(1, &["opaque", "get", "o:data", "-o", "out"], &["exists already"]);
        assert_eq!(alice.json(&["opaque", "list"])[0]["object_type"], "OpaqueObject");
        alice.fails_as(2, &["opaque", "destroy", "o:data"], &["cannot be undone"]);
        assert_eq!(
            alice.json(&["opaque", "destroy", "o:data", "--yes"]),
            json!({ "unique_identifier": id.trim_end() })
        );
    }
    alice.quiet(&["opaque", "list"]);
    alice.write("large", &vec![7; (1 << 20) + 1]);
    alice.fails_as(1, &["opaque", "register", "large"], &["larger than the server takes"]);
}

fn attributes_are_set_and_deleted(server: &Server) {
    let alice = Cli::alice(server);
    let id = alice.ok(&["keys", "create", "--name", "a:key"]);
    let id = id.trim_end();
    let get = |name: &str| alice.json(&["attributes", "get", "a:key", name])["attributes"].clone();
    let set = |name: &str, value: &str| {
        let arguments = ["attributes", "set", "a:key", name, value, "--yes"];
        // Only a change that cannot be undone needs to be confirmed.
        let count = if name == "cryptographic-usage-mask" { arguments.len() } else { arguments.len() - 1 };
        assert_eq!(alice.json(&arguments[..count]), json!({ "unique_identifier": id }));
    };
    let lessened = ["attributes", "set", "a:key", "CryptographicUsageMask", "decrypt"];
    alice.fails_as(2, &lessened, &["cannot be undone", "--yes"]);
    let past = ["attributes", "set", "a:key", "DeactivationDate", "2001-01-01T00:00:00Z"];
    alice.fails_as(2, &past, &["cannot be undone", "--yes"]);
    let whole = get("CryptographicUsageMask");
    let uses = whole["CryptographicUsageMask"].as_array().unwrap().iter().map(|own| own.as_str().unwrap());
    set("CryptographicUsageMask", &uses.collect::<Vec<_>>().join(","));
    assert_eq!(get("CryptographicUsageMask"), whole);
    for (name, value, shown) in [
        ("Comment", "first", json!({ "Comment": "first" })),
        ("Comment", "-second", json!({ "Comment": "-second" })),
        ("deactivation-date", "2099-01-01T00:00:00Z", json!({ "DeactivationDate": "2099-01-01T00:00:00Z" })),
        ("quantum-safe", "true", json!({ "QuantumSafe": true })),
        ("protection-period", "60", json!({ "ProtectionPeriod": 60 })),
        ("protection-level", "high", json!({ "ProtectionLevel": "High" })),
        ("object-group", "one", json!({ "ObjectGroup": ["one"] })),
        ("object-group", "two", json!({ "ObjectGroup": ["one", "two"] })),
        ("cryptographic-usage-mask", "decrypt", json!({ "CryptographicUsageMask": ["Decrypt"] })),
        (
            "usage-limits",
            "Object=1000",
            json!({ "UsageLimits":
            { "UsageLimitsTotal": 1000, "UsageLimitsCount": 1000, "UsageLimitsUnit": "Object" } }),
        ),
        (
            "rotate-name",
            "set",
            json!({ "RotateName":
            { "RotateNameType": "UninterpretedTextString", "RotateNameValue": "set" } }),
        ),
        ("Tags", "red, blue", json!({ "Tags": ["red", "blue"] })),
    ] {
        set(name, value);
        assert_eq!(get(name), shown, "{name}");
    }
    set("link", "ParentLink=p");
    assert_eq!(get("Link")["Link"][0], json!({ "LinkType": "ParentLink", "LinkedObjectIdentifier": "p" }));
    set("x/place", "cellar");
    set("x/place", "vault");
    let own = alice.ok(&["attributes", "get", id]);
    assert!(own.contains("AttributeValue=vault") && !own.contains("cellar"), "{own}");
    alice.quiet(&["attributes", "delete", "a:key", "object-group", "one"]);
    assert_eq!(get("ObjectGroup"), json!({ "ObjectGroup": ["two"] }));
    for name in ["object-group", "comment", "x/place", "Tags", "link"] {
        assert_eq!(alice.json(&["attributes", "delete", "a:key", name]), json!({ "unique_identifier": id }));
    }
    let own = get("Comment");
    assert_eq!(own, json!({}));
    let own = alice.ok(&["attributes", "get", "a:key"]);
    assert!(["ObjectGroup", "Comment", "vault", "Tags", "Link"].iter().all(|name| !own.contains(name)), "{own}");
    // The former spelling names the object by -k.
    assert_eq!(alice.ok(&["attributes", "get", "-k", id, "State"]), alice.ok(&["attributes", "get", "a:key", "State"]));
    for (status, arguments, words) in [
        (1, &["set", "a:key", "State", "Active"][..], "refused by the server"),
        (2, &["set", "a:key", "deactivation-date", "tomorrow"], "\"tomorrow\" is not a value of DeactivationDate"),
        (2, &["set", "a:key", "link", "p"], "write it as TYPE=VALUE"),
        (2, &["set", "a:key", "usage-limits", "1000"], "write it as UNIT=TOTAL"),
        (2, &["set", "a:key", "quantum-safe", "perhaps"], "is not a value of QuantumSafe"),
        (NOT_FOUND, &["set", "a:none", "Comment", "x"], "not found: "),
        (NOT_FOUND, &["get", "a:none"], "not found: "),
        (2, &["get", "a:key", "Colour"], "\"Colour\""),
    ] {
        alice.fails_as(status, &[&["attributes"], arguments].concat(), &[words]);
    }
    for line in
        ["attributes set a:key Colour red", "attributes set a:key Comment", "attributes delete a:key", "attributes get"]
    {
        let words: Vec<&str> = line.split(' ').collect();
        assert_eq!(alice.output(&words, b"").status.code(), Some(2), "{line}");
    }
}

fn query_says_what_the_server_does(server: &Server) {
    let alice = Cli::alice(server);
    let json = alice.json(&["kmip", "query"]);
    let has = |property: &str, value: &str| json[property].as_array().unwrap().iter().any(|own| own == value);
    assert!(
        has("Operation", "Encrypt") && has("ObjectType", "OpaqueObject") && has("VendorIdentification", "Claviger")
    );
    assert_eq!(json["CapabilityInformation"][0]["BatchUndoCapability"], Value::Bool(true));
    let lines = alice.ok(&["kmip", "query"]);
    assert!(lines.lines().any(|line| line.starts_with("Operation: Create, ")), "{lines}");
    assert_eq!(lines.lines().count(), json.as_object().unwrap().len());
}
