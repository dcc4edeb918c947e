//! Operations in several parts: the result is that of one piece, whatever the cuts. They belong to one caller and one
//! key, are bounded, and end with the right to use the key.

use openssl::hash::{MessageDigest, hash};
use serde_json::Value;

use crate::harness::kmip::{
    boolean, bytes, create, encrypt, enumeration, find, integer, mac, named, octets, parameters, register, revoke,
    string, structure, text, with,
};
use crate::harness::pairs::pair;
use crate::harness::{Connection, Hsm, Server, World, reference};

fn mode(name: &str, more: &[Value]) -> Value {
    parameters(&[&[enumeration("BlockCipherMode", name)], more].concat())
}

fn operation(name: &str, id: &str) -> Value {
    structure(name, &[text("UniqueIdentifier", id)])
}

/// Sends data in parts of these lengths; the last part is what is left. `first` are the fields of the first part, `last`
/// those of the last one. Returns all answers.
fn in_parts(
    alice: &mut Connection,
    request: &Value,
    data: &[u8],
    cuts: &[usize],
    (first, last): (&[Value], &[Value]),
) -> Vec<Value> {
    let (mut rest, mut value, mut answers) = (data, None::<Vec<u8>>, Vec::new());
    for (at, cut) in cuts.iter().enumerate() {
        let (part, later) = rest.split_at(*cut);
        rest = later;
        let mut fields = if part.is_empty() { vec![] } else { vec![bytes("Data", part)] };
        match &value {
            None => fields.extend([&[boolean("InitIndicator", true)], first].concat()),
            Some(value) => fields.push(bytes("CorrelationValue", value)),
        }
        let answer = alice.ok(&with(request.clone(), &fields));
        let told = octets(&answer, "CorrelationValue");
        assert!(told.len() >= 16, "{answer}");
        assert!(at == 0 || value.as_ref() == Some(&told), "{answer}");
        value = Some(told);
        answers.push(answer);
    }
    let fields =
        [&[bytes("Data", rest), bytes("CorrelationValue", &value.unwrap()), boolean("FinalIndicator", true)], last];
    let answer = alice.ok(&with(request.clone(), &fields.concat()));
    assert!(find(&answer, "CorrelationValue").is_none(), "{answer}");
    answers.push(answer);
    answers
}

fn joined(answers: &[Value]) -> Vec<u8> {
    answers.iter().filter(|answer| find(answer, "Data").is_some()).flat_map(|answer| octets(answer, "Data")).collect()
}

/// The ways to cut 1,000 bytes.
fn cuts() -> Vec<Vec<usize>> {
    let random = reference::random(6).into_iter().map(usize::from).map(|cut| cut % 160).collect();
    vec![
        vec![0],
        vec![1],
        vec![16],
        vec![999],
        vec![1000],
        vec![500, 0, 1, 15, 16, 17, 400],
        vec![1; 40],
        vec![64; 15],
        random,
    ]
}

#[test]
fn requests_to_one_server() {
    Server::shared(&[
        ciphers_in_parts_are_those_of_one_piece,
        ciphers_with_a_tag_in_parts_are_those_of_one_piece,
        macs_signatures_and_hashes_in_parts_are_those_of_one_piece,
        a_place_that_is_none_is_refused,
        a_failure_ends_it,
        the_number_and_the_size_are_bounded,
        the_end_of_the_key_is_its_end,
        the_server_says_that_it_has_them,
    ]);
}

fn ciphers_in_parts_are_those_of_one_piece(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let id = alice.aes();
    let data = reference::random(1000);
    let none = enumeration("PaddingMethod", "None");
    let pkcs5 = enumeration("PaddingMethod", "PKCS5");
    let mut keys = vec![
        (id.clone(), mode("CBC", &[]), true),
        (id.clone(), mode("CBC", std::slice::from_ref(&none)), false),
        (id.clone(), mode("ECB", &[pkcs5]), true),
        (id.clone(), mode("ECB", &[none]), false),
        (id.clone(), mode("CTR", &[]), true),
        (id.clone(), mode("CFB", &[]), true),
        (id.clone(), mode("OFB", &[]), true),
    ];
    if Hsm::chosen() == Hsm::Kryoptic {
        keys.push((alice.new_key(&create("ChaCha20", 256, &[])), parameters(&[]), true));
    }
    for (id, own, any_length) in keys {
        let data = if any_length { &data[..] } else { &data[..992] };
        for cuts in cuts().into_iter().filter(|cuts| cuts.iter().sum::<usize>() <= data.len()) {
            let fields = [own.clone()];
            let answers = in_parts(&mut alice, &operation("Encrypt", &id), data, &cuts, (&fields, &[]));
            let iv = find(&answers[0], "IVCounterNonce").map(|_| octets(&answers[0], "IVCounterNonce"));
            assert!(answers[1..].iter().all(|answer| find(answer, "IVCounterNonce").is_none()));
            let given: Vec<Value> = iv.iter().map(|iv| bytes("IVCounterNonce", iv)).collect();
            let whole = alice.ok(&with(encrypt(&id, data), &[&fields[..], &given].concat()));
            let encrypted = octets(&whole, "Data");
            assert_eq!(joined(&answers), encrypted, "{own} {cuts:?}");
            let first = [&fields[..], &given].concat();
            let cuts: Vec<usize> = cuts.into_iter().collect();
            let answers = in_parts(&mut alice, &operation("Decrypt", &id), &encrypted, &cuts, (&first, &[]));
            assert_eq!(joined(&answers), data, "{own} {cuts:?}");
        }
    }
}

fn ciphers_with_a_tag_in_parts_are_those_of_one_piece(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let id = alice.aes();
    let data = reference::random(1000);
    let aad = bytes("AuthenticatedEncryptionAdditionalData", b"context");
    let mut keys = vec![(id.clone(), mode("GCM", &[integer("TagLength", 14)]))];
    if Hsm::chosen() == Hsm::Kryoptic {
        keys.push((id, mode("CCM", &[])));
        keys.push((alice.new_key(&create("ChaCha20Poly1305", 256, &[])), parameters(&[])));
    }
    for (id, own) in keys {
        for cuts in cuts() {
            let fields = [own.clone(), aad.clone()];
            let answers = in_parts(&mut alice, &operation("Encrypt", &id), &data, &cuts, (&fields, &[]));
            let iv = bytes("IVCounterNonce", &octets(&answers[0], "IVCounterNonce"));
            let whole = alice.ok(&with(encrypt(&id, &data), &[&fields[..], std::slice::from_ref(&iv)].concat()));
            let (encrypted, tag) = (octets(&whole, "Data"), octets(&whole, "AuthenticatedEncryptionTag"));
            assert_eq!(joined(&answers), encrypted, "{cuts:?}");
            let (last, others) = answers.split_last().unwrap();
            assert_eq!(octets(last, "AuthenticatedEncryptionTag"), tag);
            assert!(others.iter().all(|answer| find(answer, "AuthenticatedEncryptionTag").is_none()));
            // The first part is answered at once.
            assert_eq!(joined(&answers[..1]), encrypted[..cuts[0]]);

            let (first, tagged) = ([&fields[..], &[iv]].concat(), bytes("AuthenticatedEncryptionTag", &tag));
            let request = operation("Decrypt", &id);
            let answers = in_parts(&mut alice, &request, &encrypted, &cuts, (&first, std::slice::from_ref(&tagged)));
            assert_eq!(joined(&answers), data);
            // No plaintext comes before the tag is verified.
            assert!(answers[..answers.len() - 1].iter().all(|answer| find(answer, "Data").is_none()));
            let begun = alice.ok(&with(
                request.clone(),
                &[&first[..], &[boolean("InitIndicator", true), bytes("Data", &encrypted)]].concat(),
            ));
            let value = bytes("CorrelationValue", &octets(&begun, "CorrelationValue"));
            let wrong = bytes("AuthenticatedEncryptionTag", &vec![7; tag.len()]);
            let request = with(request, &[value, boolean("FinalIndicator", true), wrong]);
            alice.refused(&request, 422, "Cryptographic_Failure");
        }
    }
}

fn macs_signatures_and_hashes_in_parts_are_those_of_one_piece(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let data = reference::random(1000);
    let hmac = alice.new_key(&create("HMACSHA256", 512, &[]));
    let aes = alice.aes();
    let (private, public) = pair(&mut alice, "EC", 256);
    for cuts in cuts() {
        for id in [&hmac, &aes] {
            let expected = alice.mac(id, &data);
            let answers = in_parts(&mut alice, &operation("MAC", id), &data, &cuts, (&[], &[]));
            assert_eq!(octets(answers.last().unwrap(), "MACData"), expected);
            let (right, wrong) = (bytes("MACData", &expected), bytes("MACData", &expected[1..]));
            for (given, validity) in [(right, "Valid"), (wrong, "Invalid")] {
                let answers = in_parts(&mut alice, &operation("MACVerify", id), &data, &cuts, (&[], &[given]));
                assert_eq!(string(answers.last().unwrap(), "ValidityIndicator"), validity);
            }
        }
        let sha = parameters(&[enumeration("HashingAlgorithm", "SHA384")]);
        let first = [sha.clone()];
        let answers = in_parts(&mut alice, &operation("Sign", &private), &data, &cuts, (&first, &[]));
        let signature = octets(answers.last().unwrap(), "SignatureData");
        let given = bytes("SignatureData", &signature);
        let whole = with(operation("SignatureVerify", &public), &[bytes("Data", &data), sha, given.clone()]);
        assert_eq!(string(&alice.ok(&whole), "ValidityIndicator"), "Valid");
        let request = operation("SignatureVerify", &public);
        let answers = in_parts(&mut alice, &request, &data, &cuts, (&first, std::slice::from_ref(&given)));
        assert_eq!(string(answers.last().unwrap(), "ValidityIndicator"), "Valid");
        let answers = in_parts(&mut alice, &request, &data[1..], &[500], (&first, &[given]));
        assert_eq!(string(answers.last().unwrap(), "ValidityIndicator"), "Invalid");

        // Hash has no key, and its parameters are in every part.
        let hashing = structure("Hash", &[parameters(&[enumeration("HashingAlgorithm", "SHA512256")])]);
        let answers = in_parts(&mut alice, &hashing, &data, &cuts, (&[], &[]));
        let expected = hash(MessageDigest::from_name("SHA512-256").unwrap(), &data).unwrap();
        assert_eq!(octets(answers.last().unwrap(), "Data"), *expected);
    }
}

/// Begins an operation, and returns the field with its correlation value.
fn begin(alice: &mut Connection, request: &Value, data: &[u8]) -> Value {
    let answer = alice.ok(&with(request.clone(), &[boolean("InitIndicator", true), bytes("Data", data)]));
    bytes("CorrelationValue", &octets(&answer, "CorrelationValue"))
}

fn a_place_that_is_none_is_refused(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let mut bob = server.bob().connect().unwrap();
    let (id, other) = (alice.new_key(&create("HMACSHA256", 512, &[])), alice.new_key(&create("HMACSHA256", 512, &[])));
    let value = begin(&mut alice, &operation("MAC", &id), b"one");
    let last = boolean("FinalIndicator", true);
    let mut gone = |request: Value| {
        let problem = alice.refused(&request, 409, "Invalid_Correlation_Value");
        assert!(problem["detail"].as_str().unwrap().contains("InitIndicator"), "{problem}");
    };
    // Another key, operation or value.
    gone(with(mac(&other, b"x"), &[value.clone(), last.clone()]));
    gone(with(operation("MACVerify", &id), &[bytes("Data", b"x"), value.clone(), last.clone()]));
    gone(with(mac(&id, b"x"), &[bytes("CorrelationValue", &[7; 24])]));
    gone(with(mac(&id, b"x"), &[bytes("CorrelationValue", b"")]));
    let hashing = structure("Hash", &[parameters(&[enumeration("HashingAlgorithm", "SHA256")])]);
    gone(with(hashing.clone(), &[bytes("Data", b"x"), value.clone()]));
    let hashed = begin(&mut bob, &hashing, b"x");
    alice.refused(&with(hashing.clone(), &[bytes("Data", b"x"), hashed.clone()]), 409, "Invalid_Correlation_Value");
    bob.ok(&with(hashing, &[hashed, last.clone()]));
    // These requests did not end it.
    let answer = alice.ok(&with(mac(&id, b" and two"), &[value.clone(), last.clone()]));
    assert_eq!(octets(&answer, "MACData"), alice.mac(&id, b"one and two"));
    alice.refused(&with(mac(&id, b"x"), &[value.clone(), last.clone()]), 409, "Invalid_Correlation_Value");
    // The indicators contradict each other.
    alice.refused(&with(mac(&id, b"x"), std::slice::from_ref(&last)), 400, "Missing_Data");
    let value = begin(&mut alice, &operation("MAC", &id), b"one");
    let again = with(mac(&id, b"x"), &[value.clone(), boolean("InitIndicator", true)]);
    alice.refused(&again, 400, "Invalid_Field");
    // Both at once are one piece.
    let both = alice.ok(&with(mac(&id, b"x"), &[boolean("InitIndicator", true), last]));
    assert_eq!(octets(&both, "MACData"), alice.mac(&id, b"x"));
}

fn a_failure_ends_it(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let id = alice.aes();
    let last = boolean("FinalIndicator", true);
    let gcm = with(operation("Encrypt", &id), &[mode("GCM", &[])]);
    for (wrong, reason) in [
        (vec![mode("CBC", &[])], "Bad_Cryptographic_Parameters"),
        (vec![bytes("IVCounterNonce", &[7; 12])], "Bad_Cryptographic_Parameters"),
        (vec![bytes("AuthenticatedEncryptionAdditionalData", b"late")], "Bad_Cryptographic_Parameters"),
    ] {
        let value = begin(&mut alice, &gcm, b"one");
        let fields = [&wrong[..], &[value.clone(), bytes("Data", b"two")]].concat();
        alice.refused(&with(operation("Encrypt", &id), &fields), 400, reason);
        let next = with(operation("Encrypt", &id), &[value, last.clone()]);
        alice.refused(&next, 409, "Invalid_Correlation_Value");
    }
    // The counter of 8 bits ends within the second part.
    let counter = mode("CTR", &[integer("CounterLength", 8), integer("InitialCounterValue", 254)]);
    let value =
        begin(&mut alice, &with(operation("Encrypt", &id), &[counter, bytes("IVCounterNonce", &[1; 15])]), &[0; 20]);
    let next = with(operation("Encrypt", &id), &[bytes("Data", &[0; 13]), value]);
    alice.refused(&next, 400, "Bad_Cryptographic_Parameters");
    // Not whole blocks at the end.
    let none = mode("CBC", &[enumeration("PaddingMethod", "None")]);
    let value = begin(&mut alice, &with(operation("Encrypt", &id), &[none]), &[0; 20]);
    alice.refused(&with(operation("Encrypt", &id), &[value, last.clone()]), 400, "Bad_Cryptographic_Parameters");
    let digested = with(operation("Sign", &id), &[boolean("InitIndicator", true)]);
    assert_ne!(alice.kmip(&digested).status, 200);
}

fn the_number_and_the_size_are_bounded(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let mut bob = server.bob().connect().unwrap();
    let hashing = structure("Hash", &[parameters(&[enumeration("HashingAlgorithm", "SHA256")])]);
    let mut open = Vec::new();
    let refusal = loop {
        let answer = bob.kmip(&with(hashing.clone(), &[boolean("InitIndicator", true)]));
        if answer.status != 200 {
            break answer;
        }
        open.push(bytes("CorrelationValue", &octets(&answer.json(), "CorrelationValue")));
        assert!(open.len() <= 16, "there is no bound");
    };
    assert_eq!((open.len(), refusal.status), (16, 429));
    assert_eq!(refusal.json()["result_reason"], "Server_Limit_Exceeded");
    // Other callers are not affected, and the end of one makes room for another.
    let own = begin(&mut alice, &hashing, b"x");
    alice.ok(&with(hashing.clone(), &[own, boolean("FinalIndicator", true)]));
    bob.ok(&with(hashing.clone(), &[open.pop().unwrap(), boolean("FinalIndicator", true)]));
    begin(&mut bob, &hashing, b"x");
    // What is collected is bounded too: 6 MiB in one operation, 8 in all of a caller.
    let id = alice.new_key(&create("HMACSHA256", 512, &[]));
    let part = vec![7; 2 << 20];
    let value = begin(&mut alice, &operation("MAC", &id), &part);
    for _ in 0..2 {
        alice.ok(&with(mac(&id, &part), std::slice::from_ref(&value)));
    }
    let other = with(operation("MAC", &id), &[boolean("InitIndicator", true), bytes("Data", &vec![7; 3 << 20])]);
    alice.refused(&other, 413, "Server_Limit_Exceeded");
    alice.refused(&with(mac(&id, b"x"), std::slice::from_ref(&value)), 413, "Server_Limit_Exceeded");
    alice.refused(&with(mac(&id, b"x"), &[value]), 409, "Invalid_Correlation_Value");
    // Nothing of it is left.
    alice.ok(&other);
}

fn the_end_of_the_key_is_its_end(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let secret = reference::random(64);
    let id = alice.new_key(&register("HMACSHA256", &secret, &[]));
    let request = operation("MAC", &id);
    let value = begin(&mut alice, &request, b"one");
    // Another key under the same name does not go on.
    alice.ok(&crate::harness::kmip::replace(&id, "HMACSHA256", &[9; 64], &[]));
    let next = |value: &Value| with(request.clone(), &[value.clone(), boolean("FinalIndicator", true)]);
    alice.refused(&next(&value), 409, "Invalid_Correlation_Value");
    let value = begin(&mut alice, &request, b"one");
    // A change of other attributes does not matter.
    alice.ok(&structure(
        "AddAttribute",
        &[text("UniqueIdentifier", &id), structure("NewAttribute", &[text("Comment", "x")])],
    ));
    alice.ok(&next(&value));
    let value = begin(&mut alice, &request, b"one");
    alice.ok(&revoke(&id, "CessationOfOperation"));
    alice.refused(&next(&value), 409, "Wrong_Key_Lifecycle_State");
    alice.ok(&named("Destroy", &id));
    alice.refused(&next(&value), 409, "Object_Destroyed");
}

fn the_server_says_that_it_has_them(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let query = structure("Query", &[enumeration("QueryFunction", "QueryCapabilities")]);
    let answer = alice.ok(&query);
    assert_eq!(find(&answer, "StreamingCapability"), Some(&Value::Bool(true)), "{answer}");
}

#[test]
fn each_part_is_authorized() {
    let world = World::new("");
    let [mut alice, mut bob, mut carol] = ["alice", "bob", "carol"].map(|name| world.certificate(name));
    alice.key("k", &[]);
    for user in ["bob", "carol"] {
        alice.grant("k", user, &["encrypt", "decrypt"]);
    }
    let begin = |caller: &mut crate::harness::Caller, mode: Value| {
        let first = with(encrypt("k", &[8; 16]), &[mode, boolean("InitIndicator", true)]);
        bytes("CorrelationValue", &octets(&caller.ok(&first), "CorrelationValue"))
    };
    let next = |value: &Value| with(encrypt("k", &[8; 16]), std::slice::from_ref(value));
    let value = begin(&mut bob, mode("CBC", &[]));
    // Not for another caller, who may also use the key.
    let told = carol.refused(&next(&value), 409);
    assert!(told.contains("CorrelationValue"), "{told}");
    bob.ok(&next(&value));
    // A later part of a chain needs the right to decrypt, and one of a keystream does not.
    alice.take_back("k", "bob", &["decrypt"]);
    assert!(bob.refused(&next(&value), 403).contains("decrypt"));
    for own in ["GCM", "CTR", "OFB"] {
        let value = begin(&mut bob, mode(own, &[]));
        bob.ok(&next(&value));
    }
    for own in ["CBC", "CFB"] {
        let value = begin(&mut bob, mode(own, &[]));
        bob.refused(&next(&value), 403);
    }
    let value = begin(&mut bob, mode("GCM", &[]));
    alice.take_back("k", "bob", &["encrypt"]);
    bob.refused(&next(&value), 404);
    alice.grant("k", "bob", &["encrypt"]);
    // A refusal has ended it.
    bob.refused(&next(&value), 409);
}
