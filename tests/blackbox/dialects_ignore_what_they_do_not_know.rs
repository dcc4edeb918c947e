//! Every route for clients of other systems has the same rule: unknown members and fields are ignored unless they limit
//! the request; null counts as absent; base64, queries and truth values are read as clients write them; and headers
//! without effect are not checked.

use std::collections::BTreeSet;
use std::io::Write as _;

use serde_json::{Value, json};

use crate::harness::caller::Caller;
use crate::harness::limits::{Limit, limits};
use crate::harness::requests::{Make, Request, World, requests};
use crate::harness::{Answer, Http2, Leaf, eventually, routes};

/// Limits that are tried on each route, in its body and in its query.
const SAMPLE: usize = 6;

/// Rows whose bodies have another rule.
const OTHERS: [(&str, &str); 2] = [
    ("POST /kmip/2_1", "the items of KMIP have rules of their own"),
    ("POST /kmip_2_1", "the items of KMIP have rules of their own"),
];

/// A row whose Content-Type names the encoding, and therefore decides.
const BY_ENCODING: &str = "POST /kmip";

fn is_other(row: &str) -> bool {
    OTHERS.iter().any(|(other, _)| *other == row)
}

fn text(answer: &Answer) -> String {
    String::from_utf8_lossy(&answer.body).into_owned()
}

#[track_caller]
fn is_done(answer: &Answer, what: &str, request: &Request) {
    assert_eq!(answer.status, request.status, "{what} {}: {}", request.path, text(answer));
}

/// The status for an error of the client in a request.
fn fault(row: &str) -> u16 {
    if row.contains(" /api/v") { 422 } else { 400 }
}

#[track_caller]
fn is_refused(answer: &Answer, row: &str, name: &str) {
    assert_eq!(answer.status, fault(row), "{row} {name}: {}", text(answer));
    assert!(text(answer).contains(&format!("{name} is not supported here")), "{row} {name}: {}", text(answer));
}

#[test]
fn every_route_of_other_systems_is_tried() {
    let asked: BTreeSet<&str> = requests().iter().map(|(row, _)| *row).collect();
    let rows = routes::rows();
    let is_to_be_tried = |row: &&routes::Row| row.method == "GET" || row.takes_something() && !row.is_strict();
    let missing = rows.iter().filter(is_to_be_tried);
    let missing = missing.map(routes::Row::name);
    let missing: Vec<String> = missing.filter(|row| row != BY_ENCODING && !asked.contains(row.as_str())).collect();
    assert!(missing.is_empty(), "harness/requests has no request for {missing:?}");
    let unknown = asked.iter().filter(|asked| !rows.iter().any(|row| row.name() == **asked));
    assert_eq!(unknown.collect::<Vec<_>>(), Vec::<&&str>::new(), "there are no such routes");
    for (row, why) in OTHERS {
        assert!(asked.contains(row) && !why.is_empty(), "{row}");
    }
}

/// They vary requests to one server.
#[test]
fn one_rule_holds_on_every_route() {
    let mut world = World::new();
    let cases: [fn(&mut World); 6] = [
        what_is_not_known_is_ignored_unless_it_limits,
        null_is_absent_and_what_is_wrong_has_a_name,
        headers_that_decide_nothing_are_not_judged,
        base64_is_read_as_any_client_writes_it,
        queries_are_forms,
        head_is_served_wherever_get_is,
    ];
    for case in cases {
        case(&mut world);
    }
}

fn what_is_not_known_is_ignored_unless_it_limits(world: &mut World) {
    let limits = limits();
    let [mut of_bodies, mut of_forms, mut of_queries] = [0; 3].map(|_| limits.iter().cycle().enumerate());
    let mut tried = [(); 2].map(|()| BTreeSet::new());
    for (row, make) in requests() {
        let request = make(world);
        for (way, limit) in of_queries.by_ref().take(SAMPLE) {
            let name = limit.name(way);
            is_refused(&world.send(row, &request.asking(&format!("{name}={}", limit.value()))), row, &name);
            tried[0].insert(*limit);
        }
        let more = harmless_fields(of_queries.by_ref().take(SAMPLE));
        let mut ignored = vec![Request::asking as fn(&Request, &str) -> Request];
        if request.members().is_some() && !is_other(row) {
            for (way, limit) in of_bodies.by_ref().take(SAMPLE) {
                let name = limit.name(way);
                let (flat, deep) = (limit.value(), json!({"in": [{ name.as_str(): limit.value() }]}));
                is_refused(&world.send(row, &request.with([(name.as_str(), flat)])), row, &name);
                is_refused(&world.send(row, &request.with([("nested", deep)])), row, &name);
                tried[1].insert(*limit);
            }
        }
        if request.is_form() {
            for (way, limit) in of_forms.by_ref().take(SAMPLE) {
                let name = limit.name(way);
                is_refused(&world.send(row, &request.with_fields(&format!("{name}={}", limit.value()))), row, &name);
            }
            ignored.push(Request::with_fields);
        }
        // The request was not performed, so the same request, which can succeed once, succeeds now.
        is_done(&world.send(row, &request), row, &request);
        for add in ignored {
            let request = add(&make(world), &more);
            is_done(&world.send(row, &request), row, &request);
        }
        if request.members().is_some() && !is_other(row) {
            let request = with_harmless(&make(world), of_bodies.by_ref().take(SAMPLE));
            is_done(&world.send(row, &request), row, &request);
        }
    }
    assert_eq!(
        tried.map(|tried| tried.len()),
        [limits.iter().collect::<BTreeSet<_>>().len(); 2],
        "every word is tried"
    );
}

/// Unknown fields, and limits without effect.
fn harmless_fields<'a>(limits: impl Iterator<Item = (usize, &'a Limit)>) -> String {
    let mut fields = vec!["color=red".to_owned(), "empty=".to_owned(), "flag".to_owned()];
    for (way, limit) in limits {
        fields.extend(limit.none_encoded().iter().map(|none| format!("{}={none}", limit.name(way))));
    }
    fields.join("&")
}

/// The same as members.
fn with_harmless<'a>(request: &Request, limits: impl Iterator<Item = (usize, &'a Limit)>) -> Request {
    let mut all = request.with([("color", json!("red")), ("nested", json!({"deep": [{"deeper": 1}]}))]);
    for (way, limit) in limits {
        let names =
            limit.none().into_iter().enumerate().map(|(number, none)| (format!("n{number}_{}", limit.name(way)), none));
        let names: Vec<(String, Value)> = names.collect();
        let deep: Value = names.iter().cloned().collect::<serde_json::Map<_, _>>().into();
        all = all.with(names.iter().map(|(name, none)| (name.as_str(), none.clone())));
        all = all.with([(format!("list{way}").as_str(), json!([deep]))]);
    }
    all
}

fn null_is_absent_and_what_is_wrong_has_a_name(world: &mut World) {
    let known = [
        "description",
        "name",
        "isDisabled",
        "slug",
        "metadata",
        "isDigest",
        "roles",
        "role",
        "organizationId",
        "secretComment",
        "tagIds",
        "numUsesLimit",
        "accessTokenTTL",
        "boundClaims",
        "position",
        "mode",
    ];
    for (row, make) in requests() {
        let request = make(world);
        let Some(members) = request.members().filter(|_| !is_other(row)) else { continue };
        let absent = known.into_iter().filter(|name| !members.contains_key(*name)).map(|name| (name, json!(null)));
        let with_nulls = request.with(absent.collect::<Vec<_>>());
        if let Some(first) = members.keys().next() {
            let answer = world.send(row, &request.with([(first.as_str(), json!({"of": "another kind"}))]));
            assert_eq!(answer.status, fault(row), "{row} {first}: {}", text(&answer));
            let told = answer.json();
            let told = [&told["message"], &told["detail"]].into_iter().find_map(Value::as_str).unwrap().to_owned();
            let rest = told.strip_prefix(first.as_str()).unwrap_or_default();
            // The member itself, or the wrong member in it.
            assert!(rest.starts_with([':', '.']), "{row}: {told}");
        }
        is_done(&world.send(row, &with_nulls), row, &with_nulls);
    }
}

fn headers_that_decide_nothing_are_not_judged(world: &mut World) {
    for (row, make) in requests() {
        if !make(world).has_body() {
            continue;
        }
        for headers in [
            &[][..],
            &[("Content-Type", "application/json")],
            &[("Content-Type", "text/plain; charset=utf-8")],
            &[("Content-Type", "application/x-www-form-urlencoded")],
            &[("Content-Type", "image/png")],
            &[("Accept", "text/html")],
        ] {
            let request = make(world);
            is_done(&world.send_with(row, &request, headers), &format!("{row} {headers:?}"), &request);
        }
        // A page of another site is refused.
        let request = make(world);
        for headers in [
            [("Origin", "https://evil.example"), ("Content-Type", "application/json")],
            [("Sec-Fetch-Site", "cross-site"), ("Content-Type", "text/plain")],
        ] {
            let answer = world.send_with(row, &request, &headers);
            assert_eq!(answer.status, 403, "{row} {headers:?}");
        }
    }
}

fn base64_is_read_as_any_client_writes_it(world: &mut World) {
    // Bytes in which the alphabets differ, and whose length needs padding.
    for spelling in ["+/+/+w==", "-_-_-w==", "+/+/+w", "-_-_-w"] {
        let at = |id: &str, action: &str| format!("/api/v1/kms/keys/{id}/{action}");
        let sealed = world.root.done(&at(&world.aes, "encrypt"), &json!({"plaintext": spelling}));
        let standard = sealed["ciphertext"].as_str().unwrap().to_owned();
        let url = standard.replace('+', "-").replace('/', "_");
        for ciphertext in [&*standard, &url, standard.trim_end_matches('='), url.trim_end_matches('=')] {
            let opened = world.root.done(&at(&world.aes, "decrypt"), &json!({"ciphertext": ciphertext}));
            assert_eq!(opened["plaintext"], "+/+/+w==", "{spelling} {ciphertext}");
        }
        let mut body = json!({"data": spelling, "signingAlgorithm": "ECDSA_SHA_256"});
        let signature = world.root.done(&at(&world.signer, "sign"), &body)["signature"].as_str().unwrap().to_owned();
        body["signature"] = json!(signature.replace('+', "-").replace('/', "_").trim_end_matches('='));
        assert_eq!(world.root.done(&at(&world.signer, "verify"), &body)["signatureValid"], json!(true), "{spelling}");
    }
}

fn queries_are_forms(world: &mut World) {
    let name = "a b+c,d%";
    world.root.done("/api/v1/kms/keys", &json!({"name": name}));
    for query in ["search=a+b%2Bc%2Cd%25", "search=a%20b%2Bc,d%25", "search=A+B&color=red&empty=&flag"] {
        let found = world.root.get(&format!("/api/v1/kms/keys?{query}"));
        assert_eq!((&found["totalCount"], &found["keys"][0]["name"]), (&json!(1), &json!(name)), "{query}");
    }
    for query in ["limit=", "limit=null&offset=None", "limit=5", "offset=0&includeImports=True", "expiresAt=&role="] {
        assert_eq!(world.root.send("GET", &format!("/api/v1/kms/keys?{query}"), None).status, 200, "{query}");
    }
    for query in ["search=a&search=b", "expiresAt=2030", "role=viewer", "allowedIps=10.0.0.0%2F8", "search=%ff"] {
        let answer = world.root.send("GET", &format!("/api/v1/kms/keys?{query}"), None);
        assert!([400, 422].contains(&answer.status), "{query} {answer:?}");
    }
}

/// The answer to a HEAD over a connection that is used for the next request.
fn head(caller: &mut Caller, request: &Request) -> Answer {
    let authorization = request.authorization().map(|value| format!("Authorization: {value}\r\n")).unwrap_or_default();
    let head = format!("HEAD {} HTTP/1.1\r\nHost: localhost\r\n{authorization}\r\n", request.path);
    caller.connection.stream.write_all(head.as_bytes()).unwrap();
    caller.connection.read_head().unwrap()
}

fn head_is_served_wherever_get_is(world: &mut World) {
    let root = world.server.place.authority.issue(&Leaf::client("root"));
    let mut second = Http2::connect(&world.server.client(&root));
    let none: Make = |_| Request::bare("/api/v1/kms/keys/none").answers(404);
    for (row, make) in requests().into_iter().chain([("GET /api/v1/kms/keys/{}", none)]) {
        if !row.starts_with("GET ") {
            continue;
        }
        let request = make(world);
        // An answer may grow meanwhile, so the head is compared with two equal answers.
        let (whole, answer) = eventually("two answers are alike", || {
            let before = world.send(row, &request);
            let answer = head(&mut world.root, &request);
            let after = world.send(row, &request);
            (before.body.len() == after.body.len()).then_some((after, answer))
        });
        is_done(&whole, row, &request);
        assert_eq!(answer.status, whole.status, "{row}");
        for name in ["content-length", "content-type", "content-encoding", "cache-control"] {
            assert_eq!(answer.header(name), whole.header(name), "{row} {name}");
        }
        if whole.status != 204 {
            assert_eq!(answer.header("content-length"), Some(&*whole.body.len().to_string()), "{row}");
        }
        let headers: Vec<(&str, &str)> =
            request.authorization().map(|value| ("authorization", value)).into_iter().collect();
        let stream = second.request("HEAD", &request.path, &headers, true);
        let answer = second.answer(stream);
        assert_eq!((answer.status, answer.data), (Some(whole.status), (0, 0)), "{row} over HTTP/2");
    }
}
