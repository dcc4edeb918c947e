//! The user is the only commonName of the certificate's subject. An ambiguous name is refused.

use serde_json::json;

use crate::harness::subject::{BMP, CN, IA5, O, OU, PRINTABLE, T61, UNIVERSAL, UTF8, name};
use crate::harness::{Leaf, Server};

#[test]
fn a_subject_without_one_unmistakable_name_is_nobody() {
    let long = "x".repeat(256);
    let utf8 = |text: &'static str| name(&[&[(CN, UTF8, text.as_bytes())]]);
    let not = "the certificate's CN is neither UTF8String, PrintableString nor IA5String";
    let subjects = [
        ("two CNs", name(&[&[(CN, UTF8, b"alice")], &[(CN, UTF8, b"bob")]]), "has several CNs"),
        ("the same CN twice", name(&[&[(CN, UTF8, b"alice")], &[(CN, UTF8, b"alice")]]), "has several CNs"),
        ("two CNs in one RDN", name(&[&[(CN, UTF8, b"alice"), (CN, UTF8, b"bob")]]), "has several CNs"),
        ("a second CN in an RDN", name(&[&[(CN, UTF8, b"bob")], &[(O, UTF8, b"x"), (CN, UTF8, b"alice")]]), "several"),
        ("no CN", name(&[&[(O, UTF8, b"alice")]]), "has no CN"),
        ("an empty subject", name(&[]), "has no CN"),
        ("a CN in another attribute's text", name(&[&[(O, UTF8, b"x/CN=alice, CN=alice\nCN=alice")]]), "has no CN"),
        ("an empty CN", utf8(""), "empty or blank"),
        ("a blank CN", utf8(" \t "), "empty or blank"),
        ("an exotic blank", utf8("\u{a0}\u{3000}"), "empty or blank"),
        ("a space at the end", utf8("alice "), "white space"),
        ("a NUL", utf8("alice\0.example.com"), "control, bidirectional or invisible"),
        ("a NUL at the end", utf8("alice\0"), "control, bidirectional or invisible"),
        ("a line end", utf8("alice\nuser=admin"), "control, bidirectional or invisible"),
        ("an escape", utf8("alice\x1b[2J"), "control, bidirectional or invisible"),
        ("a reversed text", utf8("\u{202e}ecila"), "control, bidirectional or invisible"),
        ("an isolate", utf8("ali\u{2066}ce"), "control, bidirectional or invisible"),
        ("zero width", utf8("ali\u{200b}ce"), "control, bidirectional or invisible"),
        ("a joiner", utf8("ali\u{200d}ce"), "control, bidirectional or invisible"),
        ("a byte order mark", utf8("\u{feff}alice"), "control, bidirectional or invisible"),
        ("a soft hyphen", utf8("ali\u{ad}ce"), "control, bidirectional or invisible"),
        ("not composed", utf8("jose\u{301}"), "normalization form C"),
        ("everyone", utf8("*"), "is not a user"),
        ("an exchanged identity", utf8("identity:alice"), "reserved"),
        ("a host", utf8("host/alice"), "reserved"),
        ("too long", name(&[&[(CN, UTF8, long.as_bytes())]]), "longer than 255 bytes"),
        ("a BMPString", name(&[&[(CN, BMP, b"\0a\0l\0i\0c\0e")]]), not),
        ("a BMPString that reads as ASCII", name(&[&[(CN, BMP, b"alicea")]]), not),
        ("a T61String", name(&[&[(CN, T61, b"alice")]]), not),
        ("a UniversalString", name(&[&[(CN, UNIVERSAL, b"\0\0\0a")]]), not),
        ("Latin-1 in an IA5String", name(&[&[(CN, IA5, b"jos\xe9")]]), "is not UTF-8"),
    ];
    let server = Server::start();
    let mut bodies = Vec::new();
    for (what, subject, reason) in subjects {
        let identity = server.place.authority.issue_to(&subject, &Leaf::client(""));
        let mut connection = server.client(&identity).connect().unwrap_or_else(|error| panic!("{what}: {error}"));
        // Routes without authentication serve them, because their certificate is valid.
        assert_eq!(connection.get("/version").status, 200, "{what}");
        let told = server.log().len();
        let answer = connection.try_request("GET", "/whoami", &[("X-Request-Id", "one")], b"").unwrap();
        assert_eq!(answer.status, 401, "{what}: {answer:?}");
        assert!(answer.header("www-authenticate").is_some(), "{what}");
        bodies.push(answer.body);
        let kmip = connection.try_request("POST", "/kmip/2_1", &[("X-Request-Id", "one")], b"{}").unwrap();
        assert_eq!((kmip.status, &kmip.body), (401, &bodies[0]), "{what}");
        let line = server.log()[told..].lines().find(|line| line.contains("authentication failed")).unwrap().to_owned();
        assert!(line.contains(reason), "{what}: {line}");
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1, "the answer tells the causes apart");
}

#[test]
fn one_common_name_is_the_user_wherever_it_stands() {
    let long = "x".repeat(255);
    let subjects = [
        (name(&[&[(CN, PRINTABLE, b"alice")]]), "alice"),
        (name(&[&[(CN, IA5, b"alice@example.com")]]), "alice@example.com"),
        (name(&[&[(CN, UTF8, "jos\u{e9} \u{540d}\u{524d}".as_bytes())]]), "jos\u{e9} \u{540d}\u{524d}"),
        (name(&[&[(CN, UTF8, b"alice")], &[(O, UTF8, b"x, CN=bob")], &[(OU, UTF8, b"admin")]]), "alice"),
        // CVE-2021-44533: the attributes of an RDN are read from the structure, not from a text.
        (name(&[&[(O, UTF8, b"x + CN=bob"), (CN, UTF8, b"alice")]]), "alice"),
        (name(&[&[(CN, UTF8, b"alice/CN=bob")]]), "alice/CN=bob"),
        (name(&[&[(CN, UTF8, b"alice, O=x")]]), "alice, O=x"),
        (name(&[&[(CN, UTF8, b"*.example.com")]]), "*.example.com"),
        // Over the 64 characters of ub-common-name (RFC 5280 appendix A), and at our own bound.
        (name(&[&[(CN, UTF8, long.as_bytes())]]), long.as_str()),
    ];
    let server = Server::start();
    for (subject, user) in subjects {
        let identity = server.place.authority.issue_to(&subject, &Leaf::client(""));
        let answer = server.client(&identity).get("/whoami");
        assert_eq!(answer.json(), json!({"username": user, "method": "certificate"}));
    }
}
