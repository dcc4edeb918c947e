//! The exact requests of clients of Cosmian's servers: the Python client of version 4.22.1, which has its own
//! spellings, and the command line of version 5.

use serde_json::{Value, json};

use crate::harness::kmip::{
    all, attributes, boolean, bytes, create, date, encrypt, enumeration, find, integer, locate, named, octets, raw_key,
    register, revoke, string, structure, tags, text, vendor_attribute, with,
};
use crate::harness::message::message;
use crate::harness::pairs::{halves, pair_of, sign, verify};
use crate::harness::{Cli, Connection, Server};

const UNRESTRICTED: i64 = 0x20_0000;

/// The same with the type of every structure, as version 4 writes them.
fn typed(mut value: Value) -> Value {
    if let Some(items) = value["value"].as_array() {
        value["value"] = items.iter().cloned().map(typed).collect();
        value["type"] = json!("Structure");
    }
    value
}

/// Vendor attributes as version 4 writes them: a list in a structure of the same name, and values in bytes.
fn vendor_attributes(own: &[(&str, &str)]) -> Value {
    let one = |(name, value): &(&str, &str)| {
        let parts = [
            text("VendorIdentification", "cosmian"),
            text("AttributeName", name),
            bytes("AttributeValue", value.as_bytes()),
        ];
        structure("VendorAttributes", &parts)
    };
    structure("VendorAttributes", &own.iter().map(one).collect::<Vec<_>>())
}

/// `create_symmetric_key` of version 4.
fn create_4(sensitive: bool, vendor: &[(&str, &str)]) -> Value {
    let own = [
        enumeration("CryptographicAlgorithm", "AES"),
        integer("CryptographicLength", 256),
        integer("CryptographicUsageMask", 2108),
        enumeration("KeyFormatType", "TransparentSymmetricKey"),
        enumeration("ObjectType", "SymmetricKey"),
        boolean("Sensitive", sensitive),
        vendor_attributes(vendor),
    ];
    typed(structure("Create", &[enumeration("ObjectType", "SymmetricKey"), structure("Attributes", &own)]))
}

/// The nonce under the exact name that version 4 reads.
fn older_nonce(answer: &Value) -> Value {
    let found = all(answer, "IvCounterNonce");
    assert_eq!(found.len(), 1, "{answer}");
    json!({"tag": "IvCounterNonce", "type": "ByteString", "value": found[0]})
}

#[test]
fn requests_to_one_server() {
    // The first one counts what there is.
    Server::shared(&[
        what_is_not_served_leaves_nothing_behind,
        version_4_makes_uses_and_ends_a_key,
        a_chosen_nonce_is_answered_in_kind_and_takes_the_right_to_decrypt,
        vendor_attributes_are_given_back_in_kind,
        tags_name_exactly_one_object_of_the_callers,
        what_is_made_without_a_message_is_active,
        what_a_server_made_of_a_key_is_left_out_when_it_is_brought,
        an_inner_restriction_is_not_lost,
        unrestricted_is_all_that_the_key_can_do,
        version_5_makes_pairs_and_ends_them_together,
        the_version_is_a_string_and_the_server_info_an_object,
    ]);
}

fn version_4_makes_uses_and_ends_a_key(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let id = string(&alice.ok(&create_4(false, &[("tag", "[]")])), "UniqueIdentifier");
    let tagged = string(&alice.ok(&create_4(false, &[("tag", r#"["mytag","x"]"#)])), "UniqueIdentifier");
    assert_eq!((alice.state(&id).as_str(), alice.state(&tagged).as_str()), ("Active", "Active"));
    for named_by in [id.as_str(), r#"["mytag"]"#] {
        let sealed = alice.ok(&typed(encrypt(named_by, b"hello")));
        let own = string(&sealed, "UniqueIdentifier");
        let nonce = older_nonce(&sealed);
        // Clients of the standard find it under the standard's name.
        assert_eq!(find(&sealed, "IVCounterNonce"), Some(&nonce["value"]));
        let tag = octets(&sealed, "AuthenticatedEncryptionTag");
        let fields = [
            text("UniqueIdentifier", named_by),
            bytes("Data", &octets(&sealed, "Data")),
            nonce,
            bytes("AuthenticatedEncryptionTag", &tag),
        ];
        let opened = alice.ok(&typed(structure("Decrypt", &fields)));
        assert_eq!((string(&opened, "UniqueIdentifier"), octets(&opened, "Data")), (own, b"hello".to_vec()));

        let get = with(named("Get", named_by), &[enumeration("KeyWrapType", "AsRegistered")]);
        let got = alice.ok(&typed(get));
        let block = all(&got, "Object")[0].as_array().unwrap()[0].clone();
        assert_eq!(string(&block, "KeyFormatType"), "TransparentSymmetricKey", "as it was asked for");
        assert_eq!(octets(&block, "Key").len(), 32);
    }
    for named_by in [id.as_str(), r#"["mytag","x"]"#] {
        let reason = text("RevocationReason", "because");
        let revoked = alice.ok(&typed(structure("Revoke", &[text("UniqueIdentifier", named_by), reason])));
        let own = string(&revoked, "UniqueIdentifier");
        let told = alice.attributes(&own);
        assert_eq!(
            (string(&told, "State").as_str(), string(&told, "RevocationMessage").as_str()),
            ("Deactivated", "because")
        );
        alice.ok(&typed(named("Destroy", named_by)));
        assert_eq!(alice.state(&own), "Destroyed");
    }
    alice.refused(&typed(named("Get", r#"["mytag"]"#)), 404, "Object_Not_Found");
}

fn a_chosen_nonce_is_answered_in_kind_and_takes_the_right_to_decrypt(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let only = [integer("CryptographicUsageMask", 4)];
    let (key, encrypting) = (alice.aes(), alice.new_key(&create("AES", 256, &only)));
    let chosen = |id: &str| with(encrypt(id, b"x"), &[bytes("IvCounterNonce", &[7; 12])]);
    let answer = alice.ok(&chosen(&key));
    assert!(find(&answer, "IVCounterNonce").is_none() && find(&answer, "IvCounterNonce").is_none());
    alice.refused(&chosen(&encrypting), 403, "Incompatible_Cryptographic_Usage_Mask");
    assert!(all(&alice.ok(&encrypt(&key, b"x")), "IvCounterNonce").is_empty(), "the standard's alone");
    let twice = with(chosen(&key), &[bytes("IVCounterNonce", &[7; 12])]);
    alice.refused(&twice, 400, "Invalid_Message");
}

fn vendor_attributes_are_given_back_in_kind(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let own = [("tag", r#"["blue"]"#), ("other", "value")];
    let id = string(&alice.ok(&create_4(false, &own)), "UniqueIdentifier");
    let told = alice.ok(&named("GetAttributes", &id));
    assert!(all(&structure("", find(&told, "Attributes").unwrap().as_array().unwrap()), "VendorAttributes").is_empty());
    assert_eq!(find(&told, "AttributeValue").unwrap(), r#"["blue"]"#);
    let told = alice.ok(&typed(named("GetAttributes", &id)));
    let list = find(&told, "VendorAttributes").unwrap().as_array().unwrap().clone();
    assert_eq!(list.len(), 2);
    assert_eq!(list[0]["tag"], "VendorAttributes");
    assert_eq!(octets(&list[0], "AttributeValue"), br#"["blue"]"#);
    assert_eq!(octets(&list[1], "AttributeValue"), b"value");
    let found = |criterion: Value| locate(&[criterion], &[]);
    for criterion in [tags(&["blue"]), vendor_attribute("cosmian", "tag", r#"["blue"]"#), vendor_attributes(&own[..1])]
    {
        assert_eq!(alice.located(&found(criterion)).0, std::slice::from_ref(&id));
    }
}

fn tags_name_exactly_one_object_of_the_callers(server: &Server) {
    let (mut alice, mut bob) = (server.alice().connect().unwrap(), server.bob().connect().unwrap());
    let id = alice.new_key(&create("AES", 256, &[tags(&["one", "both"])]));
    let other = alice.new_key(&create("AES", 256, &[tags(&["two", "both"])]));
    for operation in ["Get", "Export", "GetAttributes", "Encrypt", "MAC"] {
        let request = with(named(operation, r#"["one","both"]"#), &[bytes("Data", b"x")]);
        let request = if matches!(operation, "Encrypt" | "MAC") { request } else { named(operation, r#"["one"]"#) };
        assert_eq!(string(&alice.ok(&request), "UniqueIdentifier"), id, "{operation}");
    }
    let refusal = |caller: &mut Connection, list: &str| {
        let mut problem = caller.refused(&named("Get", list), 404, "Object_Not_Found");
        problem["request_id"] = Value::Null;
        problem
    };
    // No object, several objects, and objects of others have the same answer.
    let several = refusal(&mut alice, r#"["both"]"#);
    let theirs = refusal(&mut bob, r#"["both"]"#);
    let one_of_theirs = refusal(&mut bob, r#"["one"]"#);
    let none = refusal(&mut bob, r#"["six"]"#);
    assert_eq!(several, theirs);
    assert_eq!(one_of_theirs.to_string().replace("one\\\"", "six\\\""), none.to_string());
    // A granted object is found only if the caller has no object with the tag.
    let own = bob.new_key(&create("AES", 256, &[tags(&["two"])]));
    for granted in [&id, &other] {
        let grant = json!({"unique_identifier": granted, "user_id": "bob", "operation_types": ["get", "encrypt"]});
        assert_eq!(alice.post("/access/grant", &grant).status, 200);
    }
    assert_eq!(string(&bob.ok(&encrypt(r#"["one"]"#, b"x")), "UniqueIdentifier"), id);
    assert_eq!(string(&bob.ok(&encrypt(r#"["two"]"#, b"x")), "UniqueIdentifier"), own);
    // The rights are the same as with an identifier.
    bob.refused(&named("Destroy", r#"["one"]"#), 403, "Permission_Denied");
    assert_eq!(alice.state(&id), "Active");
    let many = json!((0..33).map(|number| format!("t{number}")).collect::<Vec<_>>()).to_string();
    for (list, reason) in [
        ("[]", "Invalid_Attribute_Value"),
        (r#"["a""#, "Invalid_Attribute_Value"),
        ("[1]", "Invalid_Attribute_Value"),
        (r#"[""]"#, "Invalid_Field"),
        (many.as_str(), "Invalid_Attribute_Value"),
    ] {
        alice.refused(&named("Get", list), 400, reason);
    }
    // A RequestMessage follows the standard, in which a list of tags names no object.
    let answer = alice.ok(&message(&[], &[named("Get", r#"["one"]"#)]));
    assert_eq!(string(&answer, "ResultReason"), "Object_Not_Found");
}

fn what_is_made_without_a_message_is_active(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let without_date = |mut request: Value| {
        for field in request["value"].as_array_mut().unwrap() {
            if let Some(own) = field["value"].as_array_mut() {
                own.retain(|attribute| attribute["tag"] != "ActivationDate");
            }
        }
        request
    };
    let import = |id: &str, more: &[Value]| {
        let fields = [
            text("UniqueIdentifier", id),
            enumeration("ObjectType", "SymmetricKey"),
            attributes("AES", 256, more),
            raw_key("AES", &[7; 32]),
        ];
        structure("Import", &fields)
    };
    let requests =
        [create("AES", 256, &[]), register("AES", &[7; 32], &[]), import("a", &[]), import("", &[])].map(without_date);
    for request in &requests {
        let id = alice.new_key(request);
        assert_eq!(alice.state(&id), "Active", "{request}");
        assert!(find(&alice.attributes(&id), "ActivationDate").is_some());
    }
    let (private, public) = halves(&alice.ok(&without_date(pair_of("EC", 256, &[], &[]))));
    assert_eq!((alice.state(&private).as_str(), alice.state(&public).as_str()), ("Active", "Active"));
    // By the standard it stays Pre-Active.
    for request in &requests[..2] {
        let id = string(&alice.ok(&message(&[], std::slice::from_ref(request))), "UniqueIdentifier");
        assert_eq!(alice.state(&id), "PreActive", "{request}");
    }
    // Also if the request says that it is Pre-Active or has ended.
    for (said, state) in [
        (vec![enumeration("State", "PreActive")], "PreActive"),
        (vec![date("ActivationDate", "2999-01-01T00:00:00Z")], "PreActive"),
    ] {
        for request in [create("AES", 256, &said), register("AES", &[7; 32], &said)] {
            let request = if said[0]["tag"] == "State" { without_date(request) } else { request };
            let id = alice.new_key(&request);
            assert_eq!(alice.state(&id), state);
        }
    }
    let ended = without_date(import("ended", &[enumeration("State", "Compromised")]));
    alice.ok(&ended);
    assert_eq!(alice.state("ended"), "Compromised");
    // A compromised or destroyed object does not become Active either, whatever the request leaves out.
    for (id, date_of_end) in [("compromised", "CompromiseDate"), ("gone", "DestroyDate")] {
        alice.ok(&without_date(import(id, &[date(date_of_end, "2024-01-01T00:00:00Z")])));
        assert_ne!(alice.state(id), "Active", "{date_of_end}");
    }
    for state in ["Deactivated", "Compromised", "Destroyed"] {
        alice.refused(&register("AES", &[7; 32], &[enumeration("State", state)]), 400, "Attribute_Read_Only");
    }
    alice.refused(&create("AES", 256, &[enumeration("State", "Active")]), 400, "Attribute_Read_Only");
    // An import that replaces a Pre-Active key leaves it Pre-Active.
    let waiting = alice.new_key(&create("AES", 256, &[date("ActivationDate", "2999-01-01T00:00:00Z")]));
    alice.ok(&with(without_date(import(&waiting, &[])), &[boolean("ReplaceExisting", true)]));
    assert_eq!(alice.state(&waiting), "PreActive");
}

fn what_a_server_made_of_a_key_is_left_out_when_it_is_brought(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let made = [
        boolean("AlwaysSensitive", true),
        structure("Digest", &[enumeration("HashingAlgorithm", "SHA256"), bytes("DigestValue", &[1; 32])]),
        date("InitialDate", "2020-01-01T00:00:00Z"),
        date("LastChangeDate", "2020-01-01T00:00:00Z"),
        date("OriginalCreationDate", "2020-01-01T00:00:00Z"),
        enumeration("State", "Active"),
        json!({"tag": "LeaseTime", "type": "Interval", "value": 7}),
        enumeration("KeyFormatType", "TransparentSymmetricKey"),
        enumeration("ObjectType", "SymmetricKey"),
        json!({"tag": "RotateGeneration", "type": "Integer", "value": 0}),
        json!({"tag": "RotateInterval", "type": "LongInteger", "value": "0x0000000000000000"}),
        json!({"tag": "RotateLatest", "type": "Boolean", "value": false}),
        text("ShortUniqueIdentifier", ""),
    ];
    let id = alice.new_key(&register("AES", &[7; 32], &made));
    let told = alice.attributes(&id);
    assert_ne!(string(&told, "InitialDate"), "2020-01-01T00:00:00Z");
    assert_eq!(octets(&told, "DigestValue"), openssl::sha::sha256(&[7; 32]), "the server's own digest");
    assert_eq!(find(&told, "LeaseTime").unwrap(), 3600, "the server's own lease time");
    assert_eq!(find(&told, "AlwaysSensitive").unwrap(), false);
    // As the command line of version 5 imports a file: with attributes next to the object and in its key value.
    let inner =
        [&made[..], &[text("UniqueIdentifier", "former"), vendor_attribute("cosmian", "tag", r#"["_kk"]"#)]].concat();
    let mut key = raw_key("AES", &[7; 32]);
    key["value"][0]["value"][1]["value"].as_array_mut().unwrap().push(structure("Attributes", &inner));
    let outer = [&made[..], &[vendor_attribute("cosmian", "tag", "[]")]].concat();
    let fields = [
        text("UniqueIdentifier", "brought"),
        enumeration("ObjectType", "SymmetricKey"),
        boolean("ReplaceExisting", false),
        enumeration("KeyWrapType", "AsRegistered"),
        attributes("AES", 256, &outer),
        key.clone(),
    ];
    alice.ok(&structure("Import", &fields));
    assert_eq!(octets(&alice.ok(&named("Get", "brought")), "Key").len(), 32);
    assert_eq!(all(&alice.attributes("brought"), "UniqueIdentifier"), ["brought"]);
    assert!(!alice.attributes("brought").to_string().contains("_kk"));
}

fn an_inner_restriction_is_not_lost(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let mut key = raw_key("AES", &[7; 32]);
    let inner = structure("Attributes", &[boolean("Sensitive", true)]);
    key["value"][0]["value"][1]["value"].as_array_mut().unwrap().push(inner);
    let request = structure("Register", &[enumeration("ObjectType", "SymmetricKey"), attributes("AES", 256, &[]), key]);
    let id = alice.new_key(&request);
    alice.refused(&named("Get", &id), 403, "Sensitive");
}

fn unrestricted_is_all_that_the_key_can_do(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let mask = [integer("CryptographicUsageMask", UNRESTRICTED)];
    for (algorithm, bits, expected) in
        [("AES", 256, 0x4 | 0x8 | 0x10 | 0x80 | 0x100), ("HMAC_SHA256", 256, 0x80 | 0x100)]
    {
        let id = alice.new_key(&create(algorithm, bits, &mask));
        assert_eq!(find(&alice.attributes(&id), "CryptographicUsageMask").unwrap(), expected, "{algorithm}");
        alice.mac(&id, b"x");
    }
    let (private, public) = halves(&alice.ok(&pair_of("EC", 256, &mask, &mask)));
    for (id, expected) in [(&private, 1), (&public, 2)] {
        assert_eq!(find(&alice.attributes(id), "CryptographicUsageMask").unwrap(), expected);
    }
    let signature = octets(&alice.ok(&sign(&private, b"x", &[])), "SignatureData");
    let answer = alice.ok(&verify(&public, b"x", &signature, &[]));
    assert_eq!(string(&answer, "ValidityIndicator"), "Valid");
}

fn version_5_makes_pairs_and_ends_them_together(server: &Server) {
    let (mut alice, mut bob) = (server.alice().connect().unwrap(), server.bob().connect().unwrap());
    let of_half = |more: &[Value]| {
        let own = [
            enumeration("CryptographicAlgorithm", "ECDH"),
            structure(
                "CryptographicDomainParameters",
                &[integer("QLength", 256), enumeration("RecommendedCurve", "P256")],
            ),
            integer("CryptographicUsageMask", UNRESTRICTED),
            enumeration("KeyFormatType", "ECPrivateKey"),
            enumeration("ObjectType", "PrivateKey"),
        ];
        [&own[..], more].concat()
    };
    let request = structure(
        "CreateKeyPair",
        &[
            structure("CommonAttributes", &of_half(&[])),
            structure("PrivateKeyAttributes", &of_half(&[text("UniqueIdentifier", "c")])),
            structure("PublicKeyAttributes", &of_half(&[])),
        ],
    );
    assert_eq!(halves(&alice.ok(&request)), ("c".to_owned(), "c_pk".to_owned()));
    let signature =
        octets(&alice.ok(&structure("Sign", &[text("UniqueIdentifier", "c"), bytes("Data", b"x")])), "SignatureData");
    assert_eq!(string(&alice.ok(&verify("c_pk", b"x", &signature, &[])), "ValidityIndicator"), "Valid");
    let both = [boolean("Cascade", true)];
    // The right on one half is not enough.
    let grant = json!({"unique_identifier": "c", "user_id": "bob", "operation_types": ["revoke", "destroy"]});
    assert_eq!(alice.post("/access/grant", &grant).status, 200);
    bob.refused(&with(revoke("c", "Superseded"), &both), 404, "Object_Not_Found");
    assert_eq!((alice.state("c").as_str(), alice.state("c_pk").as_str()), ("Active", "Active"));
    // If one half is not revoked, neither half is destroyed.
    alice.refused(&with(named("Destroy", "c"), &both), 409, "Wrong_Key_Lifecycle_State");
    alice.ok(&with(revoke("c", "Superseded"), &both));
    assert_eq!((alice.state("c").as_str(), alice.state("c_pk").as_str()), ("Deactivated", "Deactivated"));
    let other_type = [both[0].clone(), enumeration("ExpectedObjectType", "SymmetricKey")];
    alice.refused(&with(named("Destroy", "c"), &other_type), 400, "Invalid_Attribute_Value");
    let own_type = [both[0].clone(), enumeration("ExpectedObjectType", "PublicKey")];
    alice.ok(&with(named("Destroy", "c_pk"), &own_type));
    assert_eq!((alice.state("c").as_str(), alice.state("c_pk").as_str()), ("Destroyed", "Destroyed"));
    // Without it, only the named half.
    let (private, public) = halves(&alice.ok(&pair_of("EC", 256, &[], &[])));
    alice.ok(&with(revoke(&private, "Superseded"), &[boolean("Cascade", false)]));
    assert_eq!((alice.state(&private).as_str(), alice.state(&public).as_str()), ("Deactivated", "Active"));
}

fn what_is_not_served_leaves_nothing_behind(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let problem =
        alice.refused(&create_4(false, &[("tag", "[]"), ("wrapping_key_id", "wk")]), 422, "Feature_Not_Supported");
    assert!(problem["detail"].as_str().unwrap().contains("wrapping_key_id"), "{problem}");
    let scheme = [
        enumeration("CryptographicAlgorithm", "CoverCrypt"),
        integer("CryptographicUsageMask", UNRESTRICTED),
        enumeration("KeyFormatType", "CoverCryptSecretKey"),
        enumeration("ObjectType", "PrivateKey"),
        boolean("Sensitive", false),
        vendor_attributes(&[("cover_crypt_policy", "{}"), ("tag", r#"["t1"]"#)]),
    ];
    let link = structure("Link", &[enumeration("LinkType", "ParentLink"), text("LinkedObjectIdentifier", "MSK")]);
    let user = [&scheme[..], &[structure("Link", &[link])]].concat();
    let material = structure("KeyMaterial", &[bytes("ByteString", &[1, 2])]);
    let block = structure(
        "KeyBlock",
        &[enumeration("KeyFormatType", "CoverCryptSecretKey"), structure("KeyValue", &[material])],
    );
    let import = [
        text("UniqueIdentifier", ""),
        enumeration("ObjectType", "PrivateKey"),
        boolean("ReplaceExisting", false),
        structure("Attributes", &user),
        structure("Object", &[block]),
    ];
    for request in [
        structure("CreateKeyPair", &[structure("CommonAttributes", &scheme)]),
        structure("Create", &[enumeration("ObjectType", "PrivateKey"), structure("Attributes", &user)]),
        structure("Import", &import),
    ] {
        let problem = alice.refused(&typed(request), 501, "Feature_Not_Supported");
        assert!(problem["detail"].as_str().unwrap().contains("CoverCrypt is not served"), "{problem}");
    }
    let rekey = structure("ReKeyKeyPair", &[text("PrivateKeyUniqueIdentifier", "MSK")]);
    alice.refused(&typed(rekey), 404, "Object_Not_Found");
    let format = [enumeration("KeyFormatType", "PKCS8")];
    alice.refused(&create("AES", 256, &format), 422, "Key_Format_Type_Not_Supported");
    assert_eq!(alice.located(&locate(&[], &[])), (Vec::new(), 0));
}

fn the_version_is_a_string_and_the_server_info_an_object(server: &Server) {
    let version = server.alice().get("/version").json();
    assert_eq!(version, env!("CARGO_PKG_VERSION"));
    assert_eq!(server.alice().get("/server-info").json(), json!({"version": version}));
    let alice = Cli::alice(server);
    assert!(alice.ok(&["version"]).contains(&format!("server {} at", env!("CARGO_PKG_VERSION"))));
    // As in the documents of other clients.
    let output = alice.output(&["kms", "sym", "keys", "create"], b"");
    assert!(output.status.success(), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("`kms` is not needed"), "{output:?}");
    assert!(!String::from_utf8_lossy(&output.stdout).contains("kms"));
}
