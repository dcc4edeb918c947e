//! KMIP in the binary encoding over TLS: the same operations, callers, limits and records as over HTTPS.

use std::io::Read as _;

use openssl::ssl::SslVersion;
use serde_json::{Value, json};

use crate::harness::asymmetric::Kind;
use crate::harness::kmip::{
    boolean, bytes, create, encrypt, enumeration, find, integer, locate, named, octets, parameters, raw_key, revoke,
    string, structure, text, with,
};
use crate::harness::message::{item, message, message_of, option, version};
use crate::harness::socket::{Socket, items_of, outcome, outcomes, ttlv, with_socket};
use crate::harness::{Client, Crl, Options, Server, eventually};

fn name(value: &str) -> Value {
    structure("Name", &[text("NameValue", value), enumeration("NameType", "UninterpretedTextString")])
}

/// All values of a tag, at any depth.
fn every<'a>(value: &'a Value, tag: &str) -> Vec<&'a Value> {
    let own = (value["tag"] == tag).then(|| &value["value"]);
    let parts = value["value"].as_array().map(Vec::as_slice).unwrap_or_default();
    own.into_iter().chain(parts.iter().flat_map(|part| every(part, tag))).collect()
}

#[test]
fn requests_to_one_server() {
    let server = Server::start_with(&with_socket());
    for case in [
        the_same_objects_are_there_in_every_encoding,
        messages_of_one_connection_are_answered_in_order,
        a_message_may_arrive_byte_by_byte,
        bytes_that_are_not_a_message_are_answered_and_end_the_connection,
        a_fault_of_one_item_is_an_answer_to_that_item,
        every_version_is_answered_in_its_words,
        private_keys_stay_where_a_version_can_say_otherwise,
        a_ciphertext_of_gcm_is_decrypted_in_every_version,
        an_object_is_imported_and_exported_in_1_4,
        a_critical_extension_refuses_the_message,
        a_denied_check_empties_the_id_placeholder,
        a_query_is_answered,
        an_answer_that_is_too_large_names_each_operation,
        credentials_in_a_message_authenticate_nobody,
        interop_is_for_test_suites,
        what_a_client_says_is_logged_and_hashed,
    ] {
        case(&server);
    }
    let log = server.log();
    assert!(!log.contains("panicked") && !log.contains(" ERROR "), "{log}");
}

fn the_same_objects_are_there_in_every_encoding(server: &Server) {
    let mut socket = server.socket(&server.place.alice);
    let made = socket.ok(&create("AES", 256, &[name("everywhere")]));
    let id = string(&made, "UniqueIdentifier");
    let sealed = socket.ok(&encrypt(&id, b"plain"));
    let (data, iv, tag) =
        (octets(&sealed, "Data"), octets(&sealed, "IVCounterNonce"), octets(&sealed, "AuthenticatedEncryptionTag"));
    let mut https = server.alice().connect().unwrap();
    let decrypt = structure(
        "Decrypt",
        &[
            text("UniqueIdentifier", &id),
            bytes("Data", &data),
            bytes("IVCounterNonce", &iv),
            bytes("AuthenticatedEncryptionTag", &tag),
        ],
    );
    assert_eq!(octets(&https.ok(&decrypt), "Data"), b"plain");
    let asked = message(&[], std::slice::from_ref(&decrypt));
    let json = asked.to_string().into_bytes();
    let binary = ttlv(&asked);
    let xml = xml(&asked);
    for (media_type, body) in
        [("application/json; charset=utf-8", &json), ("application/octet-stream", &binary), ("text/xml", &xml)]
    {
        let answer = https.try_request("POST", "/kmip", &[("Content-Type", media_type)], body).unwrap();
        let own = media_type.split(';').next();
        assert_eq!((answer.status, answer.header("content-type")), (200, own));
        let told = match media_type {
            "application/octet-stream" => answer.body.windows(5).any(|window| window == b"plain"),
            _ => String::from_utf8(answer.body).unwrap().contains(&data_encoding::HEXUPPER.encode(b"plain")),
        };
        assert!(told, "{media_type}");
    }
    for (media_type, status) in [("text/plain", 415), ("", 415)] {
        let headers: &[(&str, &str)] = if media_type.is_empty() { &[] } else { &[("Content-Type", media_type)] };
        assert_eq!(https.try_request("POST", "/kmip", headers, &json).unwrap().status, status);
    }
    // A body that cannot be read has an answer of KMIP.
    for (media_type, body) in
        [("application/json", &b"{"[..]), ("application/octet-stream", &b"\x42\x00"[..]), ("text/xml", &b"<a"[..])]
    {
        let answer = https.try_request("POST", "/kmip", &[("Content-Type", media_type)], body).unwrap();
        assert_eq!((answer.status, answer.header("content-type")), (200, Some(media_type)));
        assert!(!answer.body.is_empty());
    }
}

fn xml(message: &Value) -> Vec<u8> {
    use claviger::kmip::Dialect;
    use claviger::kmip::ttlv::{json, xml};
    let mut written = Vec::new();
    xml::write(&json::read(message.to_string().as_bytes()).unwrap(), Dialect::Oasis, &mut written);
    written
}

fn messages_of_one_connection_are_answered_in_order(server: &Server) {
    let mut socket = server.socket(&server.place.alice);
    let asked: Vec<u8> = (0..40)
        .flat_map(|number| {
            let correlation = text("ClientCorrelationValue", &format!("n{number}"));
            let operation = if number % 2 == 0 { create("AES", 128, &[]) } else { structure("Ping", &[]) };
            ttlv(&message(&[correlation], &[operation]))
        })
        .collect();
    socket.send(&asked).unwrap();
    for number in 0..40 {
        let answer = socket.answer().unwrap();
        assert_eq!(string(&answer, "ClientCorrelationValue"), format!("n{number}"));
        assert_eq!(outcomes(&items_of(&answer)), ["Success"]);
        // The request's id in the logs of the server.
        assert!(!string(&answer, "ServerCorrelationValue").is_empty());
    }
    // Clients that give no value may not know the item (PyKMIP 0.10 in 1.4 and 2.0).
    socket.send(&ttlv(&message(&[], &[structure("Ping", &[])]))).unwrap();
    let answer = socket.answer().unwrap().to_string();
    assert!(!answer.contains("CorrelationValue"), "{answer}");
}

fn a_message_may_arrive_byte_by_byte(server: &Server) {
    let mut socket = server.socket(&server.place.alice);
    let asked = ttlv(&message(&[], &[structure("Ping", &[])]));
    for byte in &asked {
        socket.send(std::slice::from_ref(byte)).unwrap();
    }
    assert_eq!(outcomes(&items_of(&socket.answer().unwrap())), ["Success"]);
    // A client that goes in the middle of a message does no harm.
    for end in 0..asked.len() {
        let mut socket = server.socket(&server.place.alice);
        socket.send(&asked[..end]).unwrap();
    }
    assert_eq!(outcomes(&socket.items(&[], &[structure("Ping", &[])])), ["Success"]);
}

fn bytes_that_are_not_a_message_are_answered_and_end_the_connection(server: &Server) {
    let good = ttlv(&message(&[], &[create("AES", 128, &[])]));
    let with = |at: usize, bytes: &[u8]| {
        let mut changed = good.clone();
        changed[at..at + bytes.len()].copy_from_slice(bytes);
        changed
    };
    let length = u32::from_be_bytes(good[4..8].try_into().unwrap());
    let mut bad: Vec<(&str, Vec<u8>)> = vec![
        ("text", b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec()),
        ("a response", with(2, &[0x7b])),
        ("an unknown tag", with(0, &[0xff, 0xff, 0xff])),
        ("another type", with(3, &[7])),
        ("a type that does not exist", with(3, &[0x0b])),
        ("a length above the bound", with(4, &(8_u32 << 20).to_be_bytes())),
        ("a length of 2^31", with(4, &(1_u32 << 31).to_be_bytes())),
        ("a length of 2^32 - 1", with(4, &u32::MAX.to_be_bytes())),
        ("a length that cuts an item", with(4, &(length - 8).to_be_bytes())),
        ("an inner length that is too large", with(12, &u32::MAX.to_be_bytes())),
        (
            "an inner length that is one too large",
            with(12, &(u32::from_be_bytes(good[12..16].try_into().unwrap()) + 1).to_be_bytes()),
        ),
        ("an inner type that does not exist", with(11, &[0])),
        ("no content", b"\x42\x00\x78\x01\x00\x00\x00\x00".to_vec()),
    ];
    let deep: Vec<u8> = (0..1000)
        .flat_map(|level: u32| [&[0x42, 0, 0x78, 1][..], &((999 - level) * 8).to_be_bytes()].concat())
        .collect();
    bad.push(("great depth", deep));
    for (what, bytes) in bad {
        let mut socket = server.socket(&server.place.alice);
        socket.send(&bytes).unwrap();
        let answer = socket.answer().unwrap_or_else(|error| panic!("{what}: {error}"));
        let items = items_of(&answer);
        assert_eq!(items.len(), 1, "{what}: {answer}");
        // The answer is in KMIP 1.0, which has no reason for a limit of the server.
        let reason = match what {
            "no content" => "MissingData",
            "a length above the bound" | "a length of 2^31" | "a length of 2^32 - 1" => "GeneralFailure",
            _ => "InvalidMessage",
        };
        assert_eq!(outcome(&items[0]), reason, "{what}: {answer}");
        // A document may lack parts: only bytes that are not a document end the connection.
        if what != "no content" {
            assert!(socket.is_closed(), "{what}");
        }
    }
}

fn a_fault_of_one_item_is_an_answer_to_that_item(server: &Server) {
    let mut socket = server.socket(&server.place.alice);
    let unknown = structure("Create", &[enumeration("ObjectType", "SymmetricKey")]);
    let parts = [create("AES", 128, &[]), unknown, json!({"tag": "Archive", "value": []}), structure("Ping", &[])];
    let items = socket.items(&[option("Continue")], &parts);
    assert_eq!(outcomes(&items), ["Success", "MissingData", "OperationNotSupported", "Success"]);
    for (number, item) in items.iter().enumerate() {
        assert_eq!(octets(item, "UniqueBatchItemID"), [number as u8], "{item}");
        assert_eq!(string(item, "Operation"), ["Create", "Create", "Archive", "Ping"][number]);
    }
    // Also if the item has an operation or a tag that the standard does not have.
    let unknown = json!({"tag": "0x00000099", "value": []});
    let odd = item(&structure("Ping", &[]), Some(b"odd"));
    let odd = with(odd, &[boolean("Ephemeral", false)]);
    let ephemeral =
        with(item(&structure("RNGRetrieve", &[integer("DataLength", 8)]), Some(b"e")), &[boolean("Ephemeral", true)]);
    let asked = ttlv(&message_of(version(2, 1), &[option("Continue")], &[item(&unknown, Some(b"u")), odd, ephemeral]));
    let at = asked.windows(3).position(|window| window == [0x42, 0x01, 0x54]).unwrap();
    let asked = [&asked[..at], &[0x42, 0x01, 0xff], &asked[at + 3..]].concat();
    socket.send(&asked).unwrap();
    let items = items_of(&socket.answer().unwrap());
    assert_eq!(outcomes(&items), ["OperationNotSupported", "UnknownTag", "FeatureNotSupported"]);
    for (item, (operation, id)) in
        items.iter().zip([("0x00000099", &b"u"[..]), ("Ping", b"odd"), ("RNGRetrieve", b"e")])
    {
        assert_eq!((string(item, "Operation").as_str(), octets(item, "UniqueBatchItemID").as_slice()), (operation, id));
    }
    // Stop is the default, and the identifier comes back byte for byte.
    let items = socket.items(&[], &parts);
    assert_eq!(outcomes(&items), ["Success", "MissingData"]);
    let id = [0_u8, 0xff, b'<', 0x80, b'"'];
    let asked = message_of(version(2, 1), &[], &[item(&structure("Ping", &[]), Some(&id))]);
    assert_eq!(octets(&socket.ask(&asked), "UniqueBatchItemID"), id);
    assert_eq!(
        outcomes(&socket.items(&[enumeration("AsynchronousIndicator", "Mandatory")], &[structure("Ping", &[])])),
        ["FeatureNotSupported"]
    );
}

/// A request of KMIP 1.x, whose attributes have names.
fn of_1_x(minor: i64, operation: &Value) -> Value {
    message_of(version(1, minor), &[], &[item(operation, None)])
}

fn attribute(name: &str, value: Value) -> Value {
    let mut value = value;
    value["tag"] = json!("AttributeValue");
    structure("Attribute", &[text("AttributeName", name), value])
}

fn create_1_x(name: &str) -> Value {
    let own = [
        attribute("Cryptographic Algorithm", json!({"type": "Enumeration", "value": "0x00000003"})),
        attribute("Cryptographic Length", json!({"type": "Integer", "value": 256})),
        attribute("Cryptographic Usage Mask", json!({"type": "Integer", "value": 12})),
        attribute("Name", self::name(name)),
        attribute("x-Purpose", json!({"type": "TextString", "value": "test"})),
    ];
    structure("Create", &[enumeration("ObjectType", "SymmetricKey"), structure("TemplateAttribute", &own)])
}

/// Requests that register a private key of P-256, and that make a pair.
fn private_keys_1_x() -> [Value; 2] {
    let code = |name, code: &str| attribute(name, json!({"type": "Enumeration", "value": code}));
    let mask = |mask: i64| attribute("Cryptographic Usage Mask", json!({"type": "Integer", "value": mask}));
    let number = |tag, value: i64| json!({"tag": tag, "type": "Integer", "value": value});
    let kind = Kind::Curve("P256", 256);
    let (_, material) = kind.private(&kind.generate()).remove(0);
    let block = [
        enumeration("KeyFormatType", "PKCS8"),
        structure("KeyValue", &[material]),
        json!({"tag": "CryptographicAlgorithm", "type": "Enumeration", "value": "0x00000006"}),
        number("CryptographicLength", 256),
    ];
    let register = [
        enumeration("ObjectType", "PrivateKey"),
        structure("TemplateAttribute", &[mask(1)]),
        structure("PrivateKey", &[structure("KeyBlock", &block)]),
    ];
    let common = [
        code("Cryptographic Algorithm", "0x00000006"),
        attribute("Cryptographic Length", json!({"type": "Integer", "value": 256})),
    ];
    let pair = [
        structure("CommonTemplateAttribute", &common),
        structure("PrivateKeyTemplateAttribute", &[mask(1)]),
        structure("PublicKeyTemplateAttribute", &[mask(2)]),
    ];
    [structure("Register", &register), structure("CreateKeyPair", &pair)]
}

fn private_keys_stay_where_a_version_can_say_otherwise(server: &Server) {
    let mut socket = server.socket(&server.place.alice);
    for (minor, expected) in [(0, "Success"), (3, "Success"), (4, "NotExtractable")] {
        for (request, tag) in private_keys_1_x().iter().zip(["UniqueIdentifier", "PrivateKeyUniqueIdentifier"]) {
            let id = string(&socket.ask(&of_1_x(minor, request)), tag);
            let got = socket.ask(&of_1_x(minor, &named("Get", &id)));
            assert_eq!(outcomes(&items_of(&got)), [expected], "1.{minor}: {got}");
        }
    }
}

fn every_version_is_answered_in_its_words(server: &Server) {
    let mut socket = server.socket(&server.place.alice);
    for (minor, encrypts) in [(0, false), (1, false), (2, true), (3, true), (4, true)] {
        let said = format!("of 1.{minor}");
        let made = socket.ask(&of_1_x(minor, &create_1_x(&said)));
        assert_eq!(
            (find(&made, "ProtocolVersionMajor"), find(&made, "ProtocolVersionMinor")),
            (Some(&json!(1)), Some(&json!(minor)))
        );
        let id = string(&made, "UniqueIdentifier");
        let asked = structure(
            "GetAttributes",
            &[
                text("UniqueIdentifier", &id),
                text("AttributeName", "Colour"),
                text("AttributeName", "x-Purpose"),
                text("AttributeName", "Name"),
            ],
        );
        let told = socket.ask(&of_1_x(minor, &asked)).to_string();
        assert!(told.contains("x-Purpose") && told.contains(&said) && !told.contains("VendorIdentification"), "{told}");
        let activated = socket.ask(&of_1_x(minor, &named("Activate", &id)));
        assert_eq!(outcomes(&items_of(&activated)), ["Success"]);
        let sealed = socket.ask(&of_1_x(minor, &encrypt(&id, b"data")));
        assert_eq!(
            outcomes(&items_of(&sealed)),
            [if encrypts { "Success" } else { "OperationNotSupported" }],
            "1.{minor}"
        );
        // Lifecycle refusals are missing permissions before 2.1, and a destroyed object is not found.
        let destroyed = socket.ask(&of_1_x(minor, &named("Destroy", &id)));
        assert_eq!(outcomes(&items_of(&destroyed)), ["PermissionDenied"]);
        let reason = structure("RevocationReason", &[enumeration("RevocationReasonCode", "CessationOfOperation")]);
        let revoke = structure("Revoke", &[text("UniqueIdentifier", &id), reason]);
        assert_eq!(outcomes(&items_of(&socket.ask(&of_1_x(minor, &revoke)))), ["Success"]);
        assert_eq!(outcomes(&items_of(&socket.ask(&of_1_x(minor, &named("Destroy", &id))))), ["Success"]);
        let gone = socket.ask(&of_1_x(minor, &named("Get", &id)));
        assert_eq!(outcomes(&items_of(&gone)), ["ItemNotFound"], "1.{minor}");
        assert_eq!(outcomes(&socket.items(&[], &[named("Get", &id)])), ["ObjectDestroyed"]);
    }
    let discovered = socket.ok(&structure("DiscoverVersions", &[]));
    let minors: Vec<i64> = every(&discovered, "ProtocolVersionMinor").iter().filter_map(|own| own.as_i64()).collect();
    assert_eq!(minors, [1, 0, 4, 3, 2, 1, 0]);
    for (major, minor, answered) in [(3, 0, (2, 1)), (1, 9, (1, 4)), (0, 9, (1, 0)), (2, 7, (2, 1))] {
        let refused = socket.ask(&message_of(version(major, minor), &[], &[item(&structure("Ping", &[]), None)]));
        let told = (
            find(&refused, "ProtocolVersionMajor").unwrap().as_i64(),
            find(&refused, "ProtocolVersionMinor").unwrap().as_i64(),
        );
        assert_eq!(told, (Some(answered.0), Some(answered.1)));
        let reason = if answered == (2, 1) { "UnsupportedProtocolVersion" } else { "InvalidMessage" };
        assert_eq!(outcomes(&items_of(&refused)), [reason], "{major}.{minor}");
    }
}

fn a_ciphertext_of_gcm_is_decrypted_in_every_version(server: &Server) {
    let mut socket = server.socket(&server.place.alice);
    let id = string(&socket.ok(&create("AES", 256, &[])), "UniqueIdentifier");
    for (number, tag_length) in
        [(1, 2), (1, 3), (1, 4), (2, 0), (2, 1)].into_iter().flat_map(|own| [(own, 16), (own, 12)])
    {
        let mut ask = |operation: &Value| {
            let asked = message_of(version(number.0, number.1), &[], &[item(operation, None)]);
            items_of(&socket.ask(&asked)).remove(0)
        };
        let parameters = parameters(&[enumeration("BlockCipherMode", "GCM"), integer("TagLength", tag_length)]);
        // The length of a tag is 16 bytes if the request does not say it.
        let parameters: &[Value] = if tag_length == 16 { &[] } else { &[parameters] };
        let sealed = ask(&with(encrypt(&id, b"plain"), parameters));
        assert_eq!(outcome(&sealed), "Success", "{number:?}: {sealed}");
        let has_tag = number >= (1, 4);
        let (data, iv) = (octets(&sealed, "Data"), octets(&sealed, "IVCounterNonce"));
        let tag = find(&sealed, "AuthenticatedEncryptionTag").map(|_| octets(&sealed, "AuthenticatedEncryptionTag"));
        assert_eq!(tag.is_some(), has_tag, "{number:?}: {sealed}");
        assert_eq!(data.len(), if has_tag { 5 } else { 5 + tag_length as usize });
        let decrypt = |data: &[u8]| {
            let own = [text("UniqueIdentifier", &id), bytes("Data", data), bytes("IVCounterNonce", &iv)];
            let tag = tag.as_ref().map(|tag| bytes("AuthenticatedEncryptionTag", tag));
            with(with(structure("Decrypt", &own), parameters), &tag.into_iter().collect::<Vec<_>>())
        };
        let opened = ask(&decrypt(&data));
        assert_eq!(outcome(&opened), "Success", "{number:?}: {opened}");
        assert_eq!(octets(&opened, "Data"), b"plain");
        let mut changed = data.clone();
        *changed.last_mut().unwrap() ^= 1;
        assert_eq!(outcome(&ask(&decrypt(&changed))), "CryptographicFailure", "{number:?}");
        assert_eq!(outcome(&ask(&decrypt(&data[..3]))), "CryptographicFailure", "{number:?}");
    }
}

fn an_object_is_imported_and_exported_in_1_4(server: &Server) {
    let mut socket = server.socket(&server.place.alice);
    let own = [
        attribute("Cryptographic Usage Mask", json!({"type": "Integer", "value": 12})),
        attribute("Name", name("imported")),
        attribute("x-Purpose", json!({"type": "TextString", "value": "test"})),
    ];
    let fields = [text("UniqueIdentifier", "imported-in-1.4"), enumeration("ObjectType", "SymmetricKey")];
    let import = structure("Import", &[&fields[..], &own, &[raw_key("AES", b"0123456789abcdef")]].concat());
    let made = socket.ask(&of_1_x(4, &import));
    assert_eq!(outcomes(&items_of(&made)), ["Success"], "{made}");
    assert_eq!(string(&made, "UniqueIdentifier"), "imported-in-1.4");
    let exported = socket.ask(&of_1_x(4, &named("Export", "imported-in-1.4")));
    assert_eq!(outcomes(&items_of(&exported)), ["Success"], "{exported}");
    assert_eq!(octets(&exported, "KeyMaterial"), b"0123456789abcdef");
    let payload = find(&exported, "ResponsePayload").unwrap().as_array().unwrap();
    let names: Vec<String> =
        payload.iter().filter(|part| part["tag"] == "Attribute").map(|part| string(part, "AttributeName")).collect();
    for expected in ["Name", "x-Purpose", "Cryptographic Usage Mask", "State"] {
        assert!(names.iter().any(|name| name == expected), "{expected}: {exported}");
    }
    assert_eq!(find(&exported, "Attributes"), None);
}

fn a_critical_extension_refuses_the_message(server: &Server) {
    let mut socket = server.socket(&server.place.alice);
    let mut asked = |is_critical: bool| {
        let own = [
            text("VendorIdentification", "x"),
            boolean("CriticalityIndicator", is_critical),
            structure("VendorExtension", &[]),
        ];
        let extended = with(item(&structure("Ping", &[]), Some(b"2")), &[structure("MessageExtension", &own)]);
        let first = item(&create("AES", 128, &[name("extended")]), Some(b"1"));
        items_of(&socket.ask(&message_of(version(2, 1), &[option("Continue")], &[first, extended])))
    };
    let refused = asked(true);
    assert_eq!(outcomes(&refused), ["UnknownMessageExtension"; 2]);
    let operations: Vec<String> = refused.iter().map(|item| string(item, "Operation")).collect();
    assert_eq!(operations, ["Create", "Ping"]);
    assert_eq!(outcomes(&asked(false)), ["Success", "Success"]);
    // Only the second message made a key.
    assert_eq!(every(&socket.ok(&locate(&[name("extended")], &[])), "UniqueIdentifier").len(), 1);
}

fn a_denied_check_empties_the_id_placeholder(server: &Server) {
    let mut socket = server.socket(&server.place.alice);
    let mut checked = |wanted: Value| {
        let parts = [create("AES", 256, &[]), structure("Check", &[wanted]), structure("Get", &[])];
        outcomes(&socket.items(&[option("Continue")], &parts))
    };
    let lease = |seconds: i64| json!({"tag": "LeaseTime", "type": "Interval", "value": seconds});
    let count = json!({"tag": "UsageLimitsCount", "type": "LongInteger", "value": "0x0000000000000005"});
    for granted in [integer("CryptographicUsageMask", 4), lease(0), lease(3600), count] {
        assert_eq!(checked(granted.clone()), ["Success"; 3], "{granted}");
    }
    let sign = integer("CryptographicUsageMask", 1);
    assert_eq!(checked(sign), ["Success", "IncompatibleCryptographicUsageMask", "MissingData"]);
    assert_eq!(checked(lease(3601)), ["Success", "PermissionDenied", "MissingData"]);
}

fn a_query_is_answered(server: &Server) {
    let mut socket = server.socket(&server.place.alice);
    let answer = socket.ok(&structure("Query", &[enumeration("QueryFunction", "QueryRNGs")]));
    let generators = every(&answer, "RNGParameters");
    assert_eq!(generators.len(), 1, "{answer}");
    assert_eq!(string(&answer, "RNGAlgorithm"), "Unspecified");
    for kind in ["SecretData", "PublicKey", "Certificate"] {
        let create = structure("Create", &[enumeration("ObjectType", kind), structure("Attributes", &[])]);
        assert_eq!(outcomes(&socket.items(&[], &[create])), ["InvalidObjectType"], "{kind}");
    }
}

fn an_answer_that_is_too_large_names_each_operation(server: &Server) {
    let mut socket = server.socket(&server.place.alice);
    let query = structure("Query", &[enumeration("QueryFunction", "QueryOperations")]);
    let limited = |limit| [integer("MaximumResponseSize", limit)];
    let items = socket.items(&limited(256), &[structure("Ping", &[]), query.clone()]);
    assert_eq!(outcomes(&items), ["ResponseTooLarge", "ResponseTooLarge"]);
    assert_eq!((string(&items[1], "Operation").as_str(), octets(&items[1], "UniqueBatchItemID")), ("Query", vec![1]));
    assert_eq!(outcomes(&socket.items(&limited(4096), &[query])), ["Success"]);
}

fn credentials_in_a_message_authenticate_nobody(server: &Server) {
    let mut socket = server.socket(&server.place.alice);
    let credential = |kind: &str, claims: &[Value]| {
        let own = [enumeration("CredentialType", kind), structure("CredentialValue", claims)];
        structure("Authentication", &[structure("Credential", &own)])
    };
    let password =
        |name: &str| credential("UsernameAndPassword", &[text("Username", name), text("Password", "secret-of-nobody")]);
    let mut asked = |credential| outcomes(&socket.items(&[credential], &[structure("Ping", &[])]));
    // PyKMIP sends an empty name if its configuration has one.
    for own in ["alice", ""] {
        assert_eq!(asked(password(own)), ["Success"], "{own}");
    }
    for other in ["bob", "Alice", " ", "admin"] {
        assert_eq!(asked(password(other)), ["AuthenticationNotSuccessful"], "{other}");
    }
    assert_eq!(asked(credential("HashedPassword", &[text("Username", "bob")])), ["AuthenticationNotSuccessful"]);
    assert_eq!(asked(credential("Device", &[text("DeviceSerialNumber", "1")])), ["Success"]);
    for kind in ["Attestation", "Ticket"] {
        assert_eq!(asked(credential(kind, &[])), ["FeatureNotSupported"], "{kind}");
    }
    // The refusal of a message names the operation and the identifier of its first item.
    let refused = socket.items(&[password("bob")], &[structure("Ping", &[]), structure("Get", &[])]);
    assert_eq!((refused.len(), string(&refused[0], "Operation").as_str()), (1, "Ping"));
    assert_eq!(octets(&refused[0], "UniqueBatchItemID"), [0]);
    assert!(!server.log().contains("secret-of-nobody"));
}

fn interop_is_for_test_suites(server: &Server) {
    let mut socket = server.socket(&server.place.alice);
    let begin = structure("Interop", &[enumeration("InteropFunction", "Begin"), text("InteropIdentifier", "X")]);
    assert_eq!(outcomes(&socket.items(&[], &[begin])), ["OperationNotSupported"]);
    let query = socket.ok(&structure("Query", &[enumeration("QueryFunction", "QueryOperations")]));
    assert!(!query.to_string().contains("Interop"));
}

fn what_a_client_says_is_logged_and_hashed(server: &Server) {
    let mut socket = server.socket(&server.place.alice);
    socket.ok(&structure("Log", &[text("LogMessage", "the rack is moved")]));
    let line = eventually("the audit log has the text", || {
        server.place.audit_lines().into_iter().find(|line| line["operation"] == "Log")
    });
    assert_eq!(
        (line["detail"].as_str(), line["way"].as_str(), line["kmip_version"].as_str()),
        (Some("the rack is moved"), Some("kmip"), Some("2.1"))
    );
    let long = "x".repeat(1025);
    assert_eq!(
        outcomes(&socket.items(&[], &[structure("Log", &[text("LogMessage", &long)])])),
        ["InvalidAttributeValue"]
    );
    for (algorithm, digest) in [
        ("SHA_256", "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD"),
        ("SHA_1", "A9993E364706816ABA3E25717850C26C9CD0D89D"),
        ("SHA3_256", "3A985DA74FE225B2045C172D6BD390BD855F086E3E9D525B46BFE24511431532"),
    ] {
        let parameters = structure("CryptographicParameters", &[enumeration("HashingAlgorithm", algorithm)]);
        let hashed = socket.ok(&structure("Hash", &[parameters, bytes("Data", b"abc")]));
        assert_eq!(string(&hashed, "Data"), digest);
    }
    let seeded = socket.ok(&structure("RNGSeed", &[bytes("Data", b"seed")]));
    assert_eq!(find(&seeded, "DataLength"), Some(&json!(0)));
}

#[test]
fn a_message_is_undone_as_a_whole() {
    let server = Server::start_with(&with_socket());
    let mut socket = server.socket(&server.place.alice);
    let undo = [option("Undo")];
    let it = |operation: &str| structure(operation, &[]);
    let found = |socket: &mut Socket, value: &str| {
        let located = socket.ok(&locate(&[name(value)], &[]));
        every(&located, "UniqueIdentifier").len()
    };
    let passive =
        [json!({"tag": "ActivationDate", "type": "DateTime", "value": "2100-01-01T00:00:00Z"}), name("undone")];
    // Later items see the effects of earlier ones; at the first failure nothing has happened.
    let parts = [create("AES", 256, &passive), it("Activate"), it("GetAttributes"), it("Destroy"), it("Ping")];
    let items = socket.items(&undo, &parts);
    assert_eq!(outcomes(&items), ["OperationUndone", "OperationUndone", "OperationUndone", "WrongKeyLifecycleState"]);
    let has_payload = |item: &Value| find(item, "ResponsePayload").is_some();
    assert_eq!(items.iter().map(has_payload).collect::<Vec<_>>(), [true, true, false, false], "{items:?}");
    assert_eq!(found(&mut socket, "undone"), 0);
    // Without a failure, all of it has happened.
    let items = socket.items(&undo, &parts[..3]);
    assert_eq!(outcomes(&items), ["Success", "Success", "Success"]);
    assert_eq!(found(&mut socket, "undone"), 1);
    let id = string(&items[0], "UniqueIdentifier");
    assert!(socket.ok(&named("GetAttributes", &id)).to_string().contains("\"Active\""));
    // Several changes of one object, and an object that was there before.
    let revoked = revoke(&id, "CessationOfOperation");
    let broken = named("Destroy", "there is none");
    let items = socket.items(&undo, &[revoked.clone(), named("Destroy", &id), broken]);
    assert_eq!(outcomes(&items), ["OperationUndone", "OperationUndone", "ObjectNotFound"]);
    assert_eq!(outcomes(&socket.items(&[], &[encrypt(&id, b"still active")])), ["Success"]);
    let items = socket.items(&undo, &[revoked, named("Destroy", &id), structure("Ping", &[])]);
    assert_eq!(outcomes(&items), ["Success", "Success", "Success"]);
    assert_eq!(outcomes(&socket.items(&[], &[named("Get", &id)])), ["ObjectDestroyed"]);
    // An identifier that exists fails the message, also if only the commit shows it.
    let chosen = create("AES", 128, &[text("UniqueIdentifier", "taken"), name("first")]);
    socket.ok(&chosen);
    let items = socket.items(&undo, &[create("AES", 128, &[name("second")]), chosen]);
    assert_eq!(outcomes(&items), ["OperationUndone", "ObjectAlreadyExists"]);
    assert_eq!(found(&mut socket, "second"), 0);
    // After a restart the same is there, and nothing is left in the HSM token.
    let server = server.restart();
    let mut socket = server.socket(&server.place.alice);
    assert_eq!((found(&mut socket, "undone"), found(&mut socket, "second"), found(&mut socket, "first")), (0, 0, 1));
    let log = server.log();
    assert!(!log.contains("that no row of this database names"), "{log}");
    let capable = socket.ok(&structure("Query", &[enumeration("QueryFunction", "QueryCapabilities")]));
    assert_eq!(find(&capable, "BatchUndoCapability"), Some(&json!(true)));
}

#[test]
fn only_a_certificate_lets_in() {
    let options = with_socket().with(&["--client-cert", "optional"]);
    let server = Server::start_with(&options);
    assert_eq!(server.nobody().get("/version").status, 200);
    let refused = server.socket_client(None).connect().and_then(|connection| {
        let mut stream = connection.stream;
        stream.read(&mut [0; 1])
    });
    let refused = refused.unwrap_err().to_string();
    assert!(refused.contains("alert certificate required"), "{refused}");
    // A key of alice's is not there for bob.
    let id = string(&server.socket(&server.place.alice).ok(&create("AES", 256, &[])), "UniqueIdentifier");
    assert_eq!(outcomes(&server.socket(&server.place.bob).items(&[], &[named("Get", &id)])), ["ObjectNotFound"]);
}

#[test]
fn every_caller_is_the_default_user_if_the_configuration_says_so() {
    let server = Server::start_with(&with_socket().with(&["--force-default-username"]));
    let id = string(&server.socket(&server.place.alice).ok(&create("AES", 256, &[])), "UniqueIdentifier");
    assert_eq!(outcomes(&server.socket(&server.place.bob).items(&[], &[encrypt(&id, b"x")])), ["Success"]);
    let lines = eventually("both are recorded", || {
        let lines: Vec<Value> =
            server.place.audit_lines().into_iter().filter(|line| line["object"] == id.as_str()).collect();
        (lines.len() >= 2).then_some(lines)
    });
    assert!(lines.iter().all(|line| line["user"] == "admin" && line["method"] == "certificate"), "{lines:?}");
}

#[test]
fn a_revoked_certificate_ends_its_connections() {
    let place = std::sync::Arc::new(crate::harness::server::Place::new());
    std::fs::write(place.path("crl.pem"), Crl::of(&[]).by(&place.authority)).unwrap();
    let file = place.path("crl.pem").display().to_string();
    let server = Server::start_at(std::sync::Arc::clone(&place), &with_socket().with(&["--crl-file", &file]));
    let mut alice = server.socket(&place.alice);
    alice.ok(&structure("Ping", &[]));
    let mut bob = server.socket(&place.bob);
    bob.ok(&structure("Ping", &[]));
    std::fs::write(place.path("crl.pem"), Crl::of(&[&place.alice.certificate]).by(&place.authority)).unwrap();
    server.signal("HUP");
    assert!(alice.is_closed());
    assert_eq!(outcomes(&bob.items(&[], &[structure("Ping", &[])])), ["Success"]);
    let mut late = server.socket(&place.alice);
    late.send(&ttlv(&message(&[], &[structure("Ping", &[])]))).unwrap();
    let answer = late.answer().unwrap();
    assert_eq!(outcomes(&items_of(&answer)), ["AuthenticationNotSuccessful"], "{answer}");
    assert!(late.is_closed());
}

#[test]
fn a_server_without_certificates_has_no_socket_and_says_so() {
    let options = Options { plain: true, ..Options::default() }.with(&["--kmip-port", "0"]);
    let server = Server::start_with(&options);
    assert_eq!(server.kmip, None);
    let log = server.log();
    assert!(log.contains("the KMIP socket is off: it needs --https-p12-file"), "{log}");
}

#[test]
fn old_appliances_are_served_only_if_the_configuration_says_so() {
    let old = |server: &Server| {
        let authority = &server.place.authority.certificate;
        let client = Client::tls_with(server.kmip.unwrap(), authority, Some(&server.place.alice), |builder| {
            builder.set_max_proto_version(Some(SslVersion::TLS1_2)).unwrap();
            builder.set_cipher_list("ECDHE-ECDSA-AES128-SHA:ECDHE-RSA-AES128-SHA:AES128-SHA").unwrap();
        });
        client.connect().map(|connection| Socket { stream: connection.stream })
    };
    let server = Server::start_with(&with_socket());
    assert!(old(&server).is_err());
    drop(server);
    let server = Server::start_with(&with_socket().with(&["--kmip-legacy-tls"]));
    old(&server).unwrap().ok(&structure("Ping", &[]));
    let https =
        Client::tls_with(server.address, &server.place.authority.certificate, Some(&server.place.alice), |builder| {
            builder.set_max_proto_version(Some(SslVersion::TLS1_2)).unwrap();
            builder.set_cipher_list("ECDHE-ECDSA-AES128-SHA:ECDHE-RSA-AES128-SHA:AES128-SHA").unwrap();
        });
    assert!(https.connect().is_err());
}

#[test]
fn a_test_suite_may_announce_itself() {
    let server = Server::start_with(&with_socket().with(&["--kmip-interop"]));
    let mut socket = server.socket(&server.place.alice);
    for function in ["Begin", "End", "Reset"] {
        socket.ok(&structure("Interop", &[enumeration("InteropFunction", function), text("InteropIdentifier", "X")]));
    }
    let query = socket.ok(&structure("Query", &[enumeration("QueryFunction", "QueryOperations")]));
    assert!(query.to_string().contains("Interop"));
}

#[test]
fn the_server_stops_while_a_connection_waits() {
    let server = Server::start_with(&with_socket());
    let mut idle = server.socket(&server.place.alice);
    idle.ok(&structure("Ping", &[]));
    let (_, status) = server.stop();
    assert!(status.success());
    assert!(idle.is_closed());
}
