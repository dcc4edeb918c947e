//! A JWT authenticates its subject if everything about it is valid, and is refused otherwise.

use std::fmt::Write as _;
use std::sync::Arc;

use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::sign::Signer;
use openssl::x509::X509;
use serde_json::{Value, json};

use crate::harness::jwt::{but, claims, compact, encode, key_set, now};
use crate::harness::server::Place;
use crate::harness::{Answer, Authority, Connection, Jwks, Leaf, Options, Server, SigningKey, eventually, kmip};

const A: &str = "https://a.example/";
const B: &str = "https://b.example";
const AUDIENCE: &str = "claviger";

/// Two issuers, of which the second names its users by e-mail address.
struct Gate {
    server: Server,
    a: SigningKey,
    b: SigningKey,
    p256: SigningKey,
    p384: SigningKey,
    p521: SigningKey,
    ed25519: SigningKey,
    only_rs256: SigningKey,
    _keys_of_a: Jwks,
    keys_of_b: Jwks,
}

impl Gate {
    fn new(more: &[&str]) -> Self {
        let place = Place::new();
        // Both issuers have a key of this id.
        let (a, b) = (SigningKey::rsa("shared"), SigningKey::rsa("shared"));
        let (p256, p384, p521) = (SigningKey::p256("p256"), SigningKey::p384("p384"), SigningKey::p521("p521"));
        let (ed25519, only_rs256) = (SigningKey::ed25519("ed25519"), SigningKey::rsa("only-rs256"));
        let of_a = [a.jwk(), p256.jwk(), p384.jwk(), p521.jwk(), ed25519.jwk(), only_rs256.jwk_for("RS256")];
        let keys_of_a = Jwks::start(&place.authority, &key_set(&of_a));
        let keys_of_b = Jwks::start(&place.authority, &key_set(&[b.jwk()]));
        let ca = place.path("ca.pem").to_str().unwrap().to_owned();
        let mut arguments: Vec<String> = [
            "--client-cert=optional",
            &format!("--jwks-ca-file={ca}"),
            &format!("--jwt-issuer-uri={A}"),
            &format!("--jwks-uri={}", keys_of_a.uri()),
            &format!("--jwt-audience={AUDIENCE}"),
            "--jwt-username-claim=sub",
            &format!("--jwt-issuer-uri={B}"),
            &format!("--jwks-uri={}", keys_of_b.uri()),
            &format!("--jwt-audience={AUDIENCE}"),
            "--jwt-username-claim=email",
        ]
        .map(str::to_owned)
        .to_vec();
        arguments.extend(more.iter().map(|&argument| argument.to_owned()));
        let server = Server::start_at(Arc::new(place), &Options { arguments, ..Options::default() });
        Self { server, a, b, p256, p384, p521, ed25519, only_rs256, _keys_of_a: keys_of_a, keys_of_b }
    }

    /// Claims of issuer A.
    fn claims(&self) -> Value {
        claims(A, AUDIENCE, "carol")
    }

    /// Returns a JWT of issuer A with other claims.
    fn but(&self, changes: &Value) -> String {
        self.a.token("RS256", &but(self.claims(), changes))
    }

    fn good(&self) -> String {
        self.a.token("RS256", &self.claims())
    }
}

fn whoami(connection: &mut Connection, authorization: &str) -> Answer {
    connection.try_request("GET", "/whoami", &[("Authorization", authorization)], b"").unwrap()
}

fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

fn is_carol(answer: &Answer) {
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    assert_eq!(answer.json(), json!({"username": "carol", "method": "jwt"}));
}

#[test]
fn tokens_of_every_algorithm_are_accepted() {
    let gate = Gate::new(&[]);
    let mut nobody = gate.server.nobody().connect().unwrap();
    let claims = gate.claims();
    let rsa = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"].map(|algorithm| (algorithm, &gate.a));
    let curves = [("ES256", &gate.p256), ("ES384", &gate.p384), ("ES512", &gate.p521)];
    let others = [("EdDSA", &gate.ed25519), ("Ed25519", &gate.ed25519)];
    for (algorithm, key) in rsa.into_iter().chain(curves).chain(others).chain([("RS256", &gate.only_rs256)]) {
        let token = key.token(algorithm, &claims);
        is_carol(&whoami(&mut nobody, &bearer(&token)));
        // The second time its verification is cached.
        is_carol(&whoami(&mut nobody, &bearer(&token)));
    }
    // The scheme without regard to case (RFC 9110 section 11.1).
    for scheme in ["bearer", "BEARER"] {
        is_carol(&whoami(&mut nobody, &format!("{scheme} {}", gate.good())));
    }
    // Without a key id, every key of the issuer is tried.
    is_carol(&whoami(&mut nobody, &bearer(&gate.a.signed("RS256", &json!({"alg": "RS256"}), &claims))));
    // A member that is null is absent (RFC 7515 has no use for it).
    let nulls = json!({"alg": "RS256", "kid": null, "typ": null, "crit": null, "b64": null, "x5c": null});
    is_carol(&whoami(&mut nobody, &bearer(&gate.a.signed("RS256", &nulls, &claims))));
    // Different forms of valid JWTs.
    let now = now();
    for changes in [
        json!({"aud": ["other", AUDIENCE]}),
        json!({"aud": [AUDIENCE]}),
        json!({"exp": now as f64 + 600.5}),
        json!({"exp": now - 30}),
        json!({"nbf": now + 30, "iat": now + 30}),
        json!({"nbf": now - 1}),
        json!({"iat": null}),
        json!({"nested": {"a": [1, {"b": null}]}, "email_verified": false}),
    ] {
        is_carol(&whoami(&mut nobody, &bearer(&gate.but(&changes))));
    }
    let email = json!({"email": "dora@b.example", "email_verified": true});
    let token = gate.b.token("RS256", &but(claims_of_b(), &email));
    let answer = whoami(&mut nobody, &bearer(&token));
    assert_eq!(answer.json(), json!({"username": "dora@b.example", "method": "jwt"}));
}

fn claims_of_b() -> Value {
    claims(B, AUDIENCE, "carol")
}

/// The JWT, and the reason in the log.
struct Case {
    name: &'static str,
    headers: Vec<String>,
    reason: &'static str,
}

#[derive(Default)]
struct Cases(Vec<Case>);

impl Cases {
    fn token(&mut self, name: &'static str, token: &str, reason: &'static str) {
        self.headers(name, &[&bearer(token)], reason);
    }

    fn headers(&mut self, name: &'static str, headers: &[&str], reason: &'static str) {
        self.0.push(Case { name, headers: headers.iter().map(|&header| header.to_owned()).collect(), reason });
    }
}

const MALFORMED: &str = "it is not a well-formed JWS";
const CLAIMS: &str = "its payload is not a set of claims";
const ALGORITHM: &str = "its algorithm is not served";
const SIGNATURE: &str = "its signature is wrong";
const UNKNOWN_KEY: &str = "the issuer has no key of its key id";
const WRONG_KEY: &str = "the issuer's key is not for its algorithm";
const CRITICAL: &str = "its header has a critical extension";
const FOREIGN: &str = "its issuer is not trusted";
const NOT_ONE_TOKEN: &str = "the Authorization header is not one bearer token";
const NO_API_TOKEN: &str = "API token: none is configured";
const EXPIRED: &str = "it has expired";
const NOT_YET: &str = "it is not valid yet";
const AUDIENCE_IS_ANOTHER: &str = "its audience is not the expected one";

/// Headers: only the issuer chooses the algorithm and the key.
fn headers(gate: &Gate, cases: &mut Cases) {
    let claims = gate.claims().to_string();
    for algorithm in ["none", "None", "NONE", "nOnE", ""] {
        let header = format!(r#"{{"alg":"{algorithm}","kid":"shared"}}"#);
        cases.token("alg none, no signature", &compact(header.as_bytes(), claims.as_bytes(), |_| vec![]), ALGORITHM);
        let signed = gate.a.signed_text("RS256", &header, &claims);
        cases.token("alg none, a good signature", &signed, ALGORITHM);
    }
    // The public key as the secret of an HMAC, in each encoding.
    let public = PKey::public_key_from_der(&gate.a.private.public_key_to_der().unwrap()).unwrap();
    let rsa = gate.a.private.rsa().unwrap();
    for secret in [
        public.public_key_to_pem().unwrap(),
        String::from_utf8(public.public_key_to_pem().unwrap()).unwrap().trim_end().as_bytes().to_vec(),
        public.public_key_to_der().unwrap(),
        rsa.public_key_to_pem_pkcs1().unwrap(),
        rsa.public_key_to_der_pkcs1().unwrap(),
        rsa.n().to_vec(),
        encode(&rsa.n().to_vec()).into_bytes(),
    ] {
        for (algorithm, digest) in [("HS256", MessageDigest::sha256()), ("HS512", MessageDigest::sha512())] {
            let header = gate.a.header(algorithm).to_string();
            let token = compact(header.as_bytes(), claims.as_bytes(), |message| {
                let key = PKey::hmac(&secret).unwrap();
                Signer::new(digest, &key).unwrap().sign_oneshot_to_vec(message).unwrap()
            });
            cases.token("HMAC by the public key", &token, ALGORITHM);
        }
    }
    for algorithm in ["rs256", "RS1", "ES256K", "ES521", "HS256", "RSA-OAEP", "dir"] {
        let token = gate.a.signed("RS256", &gate.a.header(algorithm), &gate.claims());
        cases.token("an algorithm that is not served", &token, ALGORITHM);
    }
    let only = &gate.only_rs256;
    for algorithm in ["RS384", "PS256"] {
        cases.token("a key for RS256 alone", &only.token(algorithm, &gate.claims()), WRONG_KEY);
    }
    cases.token("PS256 said, RS256 made", &gate.a.signed("RS256", &gate.a.header("PS256"), &gate.claims()), SIGNATURE);
    cases.token("RS256 said, PS256 made", &gate.a.signed("PS256", &gate.a.header("RS256"), &gate.claims()), SIGNATURE);
    cases.token("RS384 said, RS256 made", &gate.a.signed("RS256", &gate.a.header("RS384"), &gate.claims()), SIGNATURE);
    cases.token("RS256 by an EC key", &gate.a.signed("RS256", &gate.p256.header("RS256"), &gate.claims()), WRONG_KEY);
    cases.token("ES384 by P-256", &gate.p256.token("ES384", &gate.claims()), WRONG_KEY);
    cases.token("ES256 by P-384", &gate.p384.token("ES256", &gate.claims()), WRONG_KEY);
    cases.token("ES512 by P-384", &gate.p384.token("ES512", &gate.claims()), WRONG_KEY);
    cases.token("ES384 by P-521", &gate.p521.token("ES384", &gate.claims()), WRONG_KEY);
    let of_es512 = gate.p521.token("ES512", &gate.claims());
    let (head, signature) = of_es512.rsplit_once('.').unwrap();
    let short = &data_encoding::BASE64URL_NOPAD.decode(signature.as_bytes()).unwrap()[1..];
    cases.token("a signature that is too short", &format!("{head}.{}", encode(short)), SIGNATURE);
    let message = |header: &Value| format!("{}.{}", encode(header.to_string().as_bytes()), encode(claims.as_bytes()));
    let es256 = gate.p256.header("ES256");
    let der = Signer::new(MessageDigest::sha256(), &gate.p256.private);
    let der = der.unwrap().sign_oneshot_to_vec(message(&es256).as_bytes()).unwrap();
    let raw = gate.p256.signature("ES256", message(&es256).as_bytes());
    for (name, signature) in [
        ("ES256 in DER", der),
        ("ES256 of zeros", vec![0; 64]),
        ("ES256 with r = 0", [vec![0; 32], raw[32..].to_vec()].concat()),
        ("ES256 too short", raw[..63].to_vec()),
        ("ES256 too long", [&raw[..], &[0]].concat()),
        ("ES256, halves padded", [&[0; 16], &raw[..32], &[0; 16], &raw[32..]].concat()),
        ("ES256 without signature", Vec::new()),
    ] {
        cases.token(name, &format!("{}.{}", message(&es256), encode(&signature)), SIGNATURE);
    }
    // Keys inside the JWT.
    let mallory = SigningKey::rsa("mallory");
    let authority = Authority::new("Mallory");
    let certificate: X509 = authority.issue(&Leaf::client("mallory")).certificate;
    let x5c = json!([data_encoding::BASE64.encode(&certificate.to_der().unwrap())]);
    let own = gate.keys_of_b.uri();
    for (member, value) in [
        ("jwk", mallory.jwk()),
        ("jku", json!(own)),
        ("x5u", json!(own)),
        ("x5c", x5c),
        ("x5t", json!("AAAA")),
        ("x5t#S256", json!("AAAA")),
    ] {
        for (id, reason) in [(Some("shared"), SIGNATURE), (Some("mallory"), UNKNOWN_KEY), (None, SIGNATURE)] {
            let mut header = json!({"alg": "RS256", member: value});
            if let Some(id) = id {
                header["kid"] = json!(id);
            }
            cases.token("a key of its own", &mallory.signed("RS256", &header, &gate.claims()), reason);
        }
    }
    for id in ["", "shared ", "SHARED", "../../shared", "shared\u{0}", "' OR 1=1 --", "p256\n"] {
        let header = json!({"alg": "RS256", "kid": id});
        cases.token("another key id", &gate.a.signed("RS256", &header, &gate.claims()), UNKNOWN_KEY);
    }
    for id in [json!(1), json!(["shared"]), json!({"a": 1}), json!("x".repeat(2000))] {
        let header = json!({"alg": "RS256", "kid": id});
        cases.token("a key id of another type", &gate.a.signed("RS256", &header, &gate.claims()), MALFORMED);
    }
    for (member, value) in [
        ("crit", json!(["exp"])),
        ("crit", json!([])),
        ("crit", json!(["b64"])),
        ("b64", json!(false)),
        ("b64", json!(true)),
    ] {
        let mut header = gate.a.header("RS256");
        header[member] = value;
        cases.token("something critical", &gate.a.signed("RS256", &header, &gate.claims()), CRITICAL);
    }
    for header in [
        r#"{"alg":"RS256","kid":"shared","alg":"RS256"}"#,
        r#"{"alg":"none","kid":"shared","alg":"RS256"}"#,
        r#"{"alg":"RS256","kid":"mallory","kid":"shared"}"#,
        r#"{"alg":"RS256","kid":"shared","\u0061lg":"RS256"}"#,
        r#"{"alg":"RS256","kid":"shared","x":{"y":1,"y":2}}"#,
        r#"{"alg":"RS256","kid":"shared"} {}"#,
        r#"{"alg":"RS256","kid":"shared",}"#,
        r#"{"alg":["RS256"],"kid":"shared"}"#,
        r#"{"alg":null,"kid":"shared"}"#,
        r#"{"kid":"shared"}"#,
        r#"["RS256"]"#,
        "\u{feff}{\"alg\":\"RS256\",\"kid\":\"shared\"}",
        "",
    ] {
        cases.token("a header that is none", &gate.a.signed_text("RS256", header, &claims), MALFORMED);
    }
}

/// Form: three parts of base64url, nothing else.
fn forms(gate: &Gate, cases: &mut Cases) {
    let good = gate.good();
    let parts: Vec<&str> = good.split('.').collect();
    let [header, payload, signature] = parts[..] else { panic!("{good}") };
    let mut changed = data_encoding::BASE64URL_NOPAD.decode(signature.as_bytes()).unwrap();
    changed[17] ^= 1;
    cases.token("a bit of the signature", &format!("{header}.{payload}.{}", encode(&changed)), SIGNATURE);
    let other = gate.but(&json!({"sub": "mallory"}));
    let other: Vec<&str> = other.split('.').collect();
    cases.token("another's payload", &format!("{header}.{}.{signature}", other[1]), SIGNATURE);
    cases.token("no signature", &format!("{header}.{payload}."), SIGNATURE);
    cases.token("cut signature", &format!("{header}.{payload}.{}", encode(&changed[..252])), SIGNATURE);
    for (name, token) in [
        ("padding", format!("{header}.{payload}.{signature}==")),
        ("padding in the middle", format!("{header}=.{payload}.{signature}")),
        ("no header", format!(".{payload}.{signature}")),
        ("another alphabet", format!("{header}.{payload}.{}", signature.replace(['-', '_'], "+"))),
        ("a character too many", format!("{header}.{payload}.{signature}AAAA=")),
        ("no base64", format!("{header}.{payload}.!!!!")),
        ("quotes", format!("\"{header}.{payload}.{signature}\"")),
        ("percent", format!("{header}%2E{payload}.{signature}.")),
    ] {
        cases.token(name, &token, MALFORMED);
    }
    // A 256-byte signature ends in four unused bits, which would allow other spellings of the same signature.
    let mut last = signature.as_bytes().to_vec();
    let end = last.len() - 1;
    last[end] = if last[end] == b'A' { b'B' } else { last[end] + 1 };
    let spelling = String::from_utf8(last).unwrap();
    cases.token("spare bits", &format!("{header}.{payload}.{spelling}"), MALFORMED);
    cases.token("no payload", &format!("{header}..{signature}"), CLAIMS);
    // Without three parts it is not a JWT, and no API token is configured.
    for (name, token) in [
        ("a dot behind", format!("{good}.")),
        ("a dot before", format!(".{good}")),
        ("four parts", format!("{good}.AAAA")),
        ("two parts", format!("{header}.{payload}")),
        ("a JWE", format!("{header}.AAAA.AAAA.{payload}.{signature}")),
        ("one part", header.to_owned()),
        ("dots", ".".repeat(4000)),
        ("base64 of it", data_encoding::BASE64.encode(good.as_bytes())),
    ] {
        cases.token(name, &token, NO_API_TOKEN);
    }
    let long = gate.but(&json!({"filler": "x".repeat(15_000)}));
    assert!(long.len() > 20_000);
    cases.token("20 KB", &long, "it is longer than 16384 bytes");
    for payload in [
        "",
        "null",
        "[]",
        "\"text\"",
        "{",
        "{}x",
        r#"{"sub":"carol","sub":"carol"}"#,
        r#"{"iss":"https://b.example","iss":"https://a.example/"}"#,
        r#"{"a":{"b":1,"b":1}}"#,
    ] {
        cases.token(
            "a payload that is none",
            &gate.a.signed_text("RS256", &gate.a.header("RS256").to_string(), payload),
            CLAIMS,
        );
    }
    let claims = gate.claims().to_string();
    for second in [r#""sub":"dora"}"#, r#""\u0073ub":"dora"}"#, r#""x":[{"y":1,"y":1}]}"#, r#""exp":99999999999}"#] {
        let twice = format!("{},{second}", &claims[..claims.len() - 1]);
        cases.token(
            "a member twice",
            &gate.a.signed_text("RS256", &gate.a.header("RS256").to_string(), &twice),
            CLAIMS,
        );
    }
    let deep = format!("{},\"x\":{}1{}}}", &claims[..claims.len() - 1], "[".repeat(3000), "]".repeat(3000));
    cases.token("great depth", &gate.a.signed_text("RS256", &gate.a.header("RS256").to_string(), &deep), CLAIMS);
    let header_bytes = gate.a.header("RS256").to_string();
    let not_utf8 =
        compact(header_bytes.as_bytes(), b"{\"sub\":\"\xff\"}", |message| gate.a.signature("RS256", message));
    cases.token("not UTF-8", &not_utf8, CLAIMS);
}

/// The Authorization header itself.
fn authorizations(gate: &Gate, cases: &mut Cases) {
    let good = gate.good();
    let bearer = bearer(&good);
    cases.headers("none", &[], "no credential");
    cases.headers("the same twice", &[&bearer, &bearer], NOT_ONE_TOKEN);
    cases.headers("a good and a bad one", &[&bearer, "Bearer x"], NOT_ONE_TOKEN);
    cases.headers("a bad and a good one", &["Basic Ym9iOmJvYg==", &bearer], NOT_ONE_TOKEN);
    for value in [
        "Basic Ym9iOmJvYg==",
        "Bearer",
        "",
        &good,
        &format!("Basic {good}"),
        &format!("Token {good}"),
        &format!("Bearer  {good}"),
        &format!("Bearer\t{good}"),
        &format!("Bearer {good}, Bearer {good}"),
        &format!("Bearer {good},x"),
        &format!("Bearer token={good} x"),
        &format!("Bearer: {good}"),
        &format!("Bearer {} {}", &good[..20], &good[20..]),
        "Bearer \u{e4}",
    ] {
        cases.headers("no bearer token", &[value], NOT_ONE_TOKEN);
    }
}

/// Claims: required ones, and those that must be valid if present.
fn claim_cases(gate: &Gate, cases: &mut Cases) {
    let now = now();
    for value in [json!(null), json!(""), json!([A]), json!(1), json!({"a": A}), json!(true)] {
        cases.token("iss", &gate.but(&json!({"iss": value})), "its claim `iss` is missing or has the wrong type");
    }
    for value in ["https://a.example", "https://a.example//", "HTTPS://a.example/", "https://a.example/ ", "a.example"]
    {
        cases.token("another iss", &gate.but(&json!({"iss": value})), FOREIGN);
    }
    cases.token("A's key, B's name", &gate.but(&json!({"iss": B})), SIGNATURE);
    cases.token("B's key, A's name", &gate.b.token("RS256", &gate.claims()), SIGNATURE);
    let key_of_a = gate.p256.token("ES256", &but(claims_of_b(), &json!({"email": "a@b", "email_verified": true})));
    cases.token("a key id of A's, B's name", &key_of_a, UNKNOWN_KEY);
    for value in [json!(null), json!(""), json!(["carol"]), json!(17), json!(true), json!({}), json!("x".repeat(1025))]
    {
        cases.token("sub", &gate.but(&json!({"sub": value})), "its claim `sub` is missing or has the wrong type");
    }
    let exp = "its claim `exp` is missing or has the wrong type";
    cases.token("no exp", &gate.but(&json!({"exp": null})), exp);
    for value in [
        json!((now + 600).to_string()),
        json!(-1),
        json!(-1.5),
        json!(i64::MIN),
        json!(u64::MAX),
        json!(1e300),
        json!(true),
        json!([now + 600]),
        json!({"exp": now + 600}),
        json!("never"),
    ] {
        cases.token("exp", &gate.but(&json!({"exp": value})), exp);
    }
    let text = gate.claims().to_string();
    for literal in ["null", "NaN", "1e400", "-0x1"] {
        let text = text.replace(
            &format!("\"exp\":{}", text.split("\"exp\":").nth(1).unwrap()[..10].to_owned()),
            &format!("\"exp\":{literal}"),
        );
        let token = gate.a.signed_text("RS256", &gate.a.header("RS256").to_string(), &text);
        cases.token("exp of a strange kind", &token, if literal == "null" { exp } else { CLAIMS });
    }
    for value in [json!(0), json!(1), json!(now - 61), json!(now as f64 - 61.5)] {
        cases.token("expired", &gate.but(&json!({"exp": value})), EXPIRED);
    }
    for name in ["nbf", "iat"] {
        let wrong = if name == "nbf" { "its claim `nbf` is" } else { "its claim `iat` is" };
        cases.token("of the future", &gate.but(&json!({name: now + 120})), NOT_YET);
        for value in [json!((now - 5).to_string()), json!(-1), json!(true), json!([]), json!(1e300), json!(u64::MAX)] {
            cases.token("a time of another type", &gate.but(&json!({name: value})), wrong);
        }
        let null = format!(
            "{},\"{name}2\":0,\"{name}\":null}}",
            &but(gate.claims(), &json!({name: null})).to_string().trim_end_matches('}')
        );
        let token = gate.a.signed_text("RS256", &gate.a.header("RS256").to_string(), &null);
        cases.token("a time that is null", &token, wrong);
    }
    let audience = "its claim `aud` is missing or has the wrong type";
    cases.token("no aud", &gate.but(&json!({"aud": null})), audience);
    for value in
        [json!(1), json!(true), json!({"claviger": 1}), json!([AUDIENCE, 1]), json!([[AUDIENCE]]), json!([null])]
    {
        cases.token("aud of another type", &gate.but(&json!({"aud": value})), audience);
    }
    for value in [
        json!("other"),
        json!(""),
        json!("Claviger"),
        json!("claviger "),
        json!([]),
        json!(["other"]),
        json!("claviger,other"),
    ] {
        cases.token("another aud", &gate.but(&json!({"aud": value})), AUDIENCE_IS_ANOTHER);
    }
    for (user, reason) in [
        (" ", "it is empty or blank"),
        ("\u{3000}\u{a0}", "it is empty or blank"),
        ("*", "`*` is not a user"),
        ("admin", "it names the default user"),
        ("identity:x", "are reserved"),
        ("host/x", "are reserved"),
        (" carol", "it begins or ends with white space"),
        ("carol ", "it begins or ends with white space"),
        ("car\u{202e}ol", "it holds a control, bidirectional or invisible character"),
        ("car\u{200b}ol", "it holds a control, bidirectional or invisible character"),
        ("carol\u{0}", "it holds a control, bidirectional or invisible character"),
        ("carol\n", "it begins or ends with white space"),
        ("jose\u{301}", "it is not in Unicode normalization form C"),
    ] {
        cases.token("a user that is none", &gate.but(&json!({"sub": user})), reason);
    }
    cases.token("a long name", &gate.but(&json!({"sub": "x".repeat(256)})), "it is longer than 255 bytes");
    let of_b = |changes: Value| gate.b.token("RS256", &but(claims_of_b(), &changes));
    cases.token("no email", &of_b(json!({})), "its claim `email` is missing or has the wrong type");
    for verified in [json!(null), json!(false), json!("true"), json!(1), json!([true])] {
        let token = of_b(json!({"email": "dora@b.example", "email_verified": verified}));
        cases.token("email not verified", &token, "its e-mail address is not verified");
    }
    let nameless = of_b(json!({"sub": null, "email": "dora@b.example", "email_verified": true}));
    cases.token("an email and no sub", &nameless, "its claim `sub` is missing or has the wrong type");
    let admin = of_b(json!({"email": "admin", "email_verified": true}));
    cases.token("the default user by email", &admin, "it names the default user");
}

#[test]
fn whatever_is_wrong_the_answer_is_one_and_the_same() {
    let gate = Gate::new(&["--auth-failure-limit=0"]);
    let mut cases = Cases::default();
    headers(&gate, &mut cases);
    forms(&gate, &mut cases);
    authorizations(&gate, &mut cases);
    claim_cases(&gate, &mut cases);
    let mut nobody = gate.server.nobody().connect().unwrap();
    let mut first = None;
    let fetched = gate.keys_of_b.requests();
    for (number, case) in cases.0.iter().enumerate() {
        let id = format!("case-{number}");
        let mut headers = vec![("X-Request-Id", id.as_str())];
        headers.extend(case.headers.iter().map(|value| ("Authorization", value.as_str())));
        let answer = nobody.try_request("GET", "/whoami", &headers, b"").unwrap();
        let seen = format!("{}: {headers:?}\n{}", case.name, String::from_utf8_lossy(&answer.body));
        assert_eq!(answer.status, 401, "{seen}");
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"), "{seen}");
        let same = anonymous(&answer, &id);
        assert_eq!(first.get_or_insert(same.clone()), &same, "{seen}");
    }
    // The server did not fetch the key set that a JWT named: it knows B by its configuration.
    let of_unknown_ids = gate.keys_of_b.requests() - fetched;
    assert!(of_unknown_ids <= 1, "{of_unknown_ids}");
    let log = gate.server.log();
    let mut missing = String::new();
    for (number, case) in cases.0.iter().enumerate() {
        let id = format!("case-{number}");
        let told = |line: &&str| {
            line.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').any(|word| word == id)
                && line.contains("authentication failed")
        };
        let line = log.lines().find(told).unwrap_or_default();
        if !line.contains(case.reason) || !line.contains("127.0.0.1") {
            let _ = writeln!(missing, "{}: {} not in {line}", case.name, case.reason);
        }
        for secret in case.headers.iter().flat_map(|header| header.split([' ', '.'])).filter(|part| part.len() > 20) {
            assert!(!log.contains(secret), "{}: {secret}", case.name);
        }
    }
    assert!(missing.is_empty(), "{missing}");
    assert!(cases.0.len() > 200, "{}", cases.0.len());
    is_carol(&whoami(&mut nobody, &bearer(&gate.good())));
}

/// Returns the answer as its caller sees it, without the parts that differ in every answer.
fn anonymous(answer: &Answer, id: &str) -> (Vec<(String, String)>, String) {
    let headers = answer.headers.iter().filter(|(name, _)| name != "date" && name != "x-request-id");
    let body = String::from_utf8(answer.body.clone()).unwrap();
    assert!(body.contains(id));
    let lengthless = headers.filter(|(name, _)| name != "content-length").cloned().collect();
    (lengthless, body.replace(id, "ID"))
}

#[test]
fn a_token_in_another_place_is_none() {
    let gate = Gate::new(&[]);
    let mut nobody = gate.server.nobody().connect().unwrap();
    let good = gate.good();
    for header in ["X-Authorization", "Proxy-Authorization", "X-Access-Token", "Cookie", "X-Forwarded-Authorization"] {
        let answer = nobody.try_request("GET", "/whoami", &[(header, &bearer(&good))], b"").unwrap();
        assert_eq!(answer.status, 401, "{header}");
    }
    let answer = nobody.try_request("GET", &format!("/whoami?access_token={good}"), &[], b"").unwrap();
    assert_eq!(answer.status, 401);
    let content = [("Content-Type", "application/json")];
    let body = format!("{{\"access_token\":\"{good}\"}}");
    assert_eq!(nobody.try_request("POST", kmip::PATH, &content, body.as_bytes()).unwrap().status, 401);
}

#[test]
fn a_certificate_wins_over_any_header() {
    let gate = Gate::new(&[]);
    let mut alice = gate.server.alice().connect().unwrap();
    let good = bearer(&gate.good());
    for headers in [vec![good.as_str()], vec!["Bearer x"], vec!["Basic Ym9iOmJvYg=="], vec!["Bearer a.b.c"], vec![]] {
        let headers: Vec<_> = headers.into_iter().map(|value| ("Authorization", value)).collect();
        let answer = alice.try_request("GET", "/whoami", &headers, b"").unwrap();
        assert_eq!(answer.json(), json!({"username": "alice", "method": "certificate"}), "{headers:?}");
    }
    // One of two headers could be an access token of this server, which would be used.
    let twice = [("Authorization", good.as_str()), ("Authorization", good.as_str())];
    assert_eq!(alice.try_request("GET", "/whoami", &twice, b"").unwrap().status, 401);
    assert_eq!(gate.server.nobody().get("/whoami").status, 401);
    // Two users with a key each.
    let mut carol = gate.server.nobody().connect().unwrap();
    let request = kmip::create("AES", 256, &[]).to_string();
    let headers = [("Content-Type", "application/json"), ("Authorization", good.as_str())];
    let made = carol.try_request("POST", kmip::PATH, &headers, request.as_bytes()).unwrap();
    let id = kmip::string(&made.json(), "UniqueIdentifier");
    alice.refused(&kmip::named("Get", &id), 404, "Object_Not_Found");
    let request = kmip::named("Get", &id).to_string();
    assert_eq!(carol.try_request("POST", kmip::PATH, &headers, request.as_bytes()).unwrap().status, 200);
}

#[test]
fn a_remembered_token_ends_when_it_ends() {
    let gate = Gate::new(&["--jwt-leeway=0"]);
    let mut nobody = gate.server.nobody().connect().unwrap();
    let end = now() + 2;
    let token = bearer(&gate.but(&json!({"exp": end})));
    is_carol(&whoami(&mut nobody, &token));
    let later = bearer(&gate.but(&json!({"exp": end + 600})));
    eventually("the token ends", || (whoami(&mut nobody, &token).status == 401).then_some(()));
    // Not earlier, and as soon as a busy machine permits.
    assert!((end..=end + 5).contains(&now()));
    is_carol(&whoami(&mut nobody, &later));
    // Without a leeway, a clock that is ahead matters.
    for changes in [json!({"nbf": now() + 5}), json!({"iat": now() + 5}), json!({"exp": now() - 1})] {
        assert_eq!(whoami(&mut nobody, &bearer(&gate.but(&changes))).status, 401, "{changes}");
    }
}

#[test]
fn names_get_the_prefix_of_their_issuer() {
    let gate = Gate::new(&["--jwt-username-prefix=a:", "--jwt-username-prefix=b/", "--default-username=a:root"]);
    let mut nobody = gate.server.nobody().connect().unwrap();
    assert_eq!(whoami(&mut nobody, &bearer(&gate.good())).json()["username"], "a:carol");
    let email = json!({"email": "dora@b.example", "email_verified": true});
    let of_b = gate.b.token("RS256", &but(claims_of_b(), &email));
    assert_eq!(whoami(&mut nobody, &bearer(&of_b)).json()["username"], "b/dora@b.example");
    // A prefix does not make an invalid name valid, nor the name of the default user.
    for user in ["*", " ", "identity:x", "root", "host/x"] {
        let answer = whoami(&mut nobody, &bearer(&gate.but(&json!({"sub": user}))));
        assert_eq!(answer.status, 401, "{user}");
    }
    assert_eq!(whoami(&mut nobody, &bearer(&gate.but(&json!({"sub": "admin"})))).json()["username"], "a:admin");
}

#[test]
fn a_name_without_a_prefix_cannot_bring_anothers_along() {
    // Only the second issuer of each kind has a prefix.
    let both = ["--username-prefix=pki/", "--jwt-username-prefix=", "--jwt-username-prefix=b/"];
    let gate = Gate::new(&both);
    let mut nobody = gate.server.nobody().connect().unwrap();
    for (user, status) in [("carol", 200), ("b/dora", 401), ("b/", 401), ("pki/alice", 401), ("xb/dora", 200)] {
        let answer = whoami(&mut nobody, &bearer(&gate.but(&json!({"sub": user}))));
        assert_eq!(answer.status, status, "{user}");
    }
    assert!(gate.server.log().contains("JWT: its user name begins with the prefix of another issuer or authority"));
    let of_b = |user: &str| {
        let email = json!({"email": user, "email_verified": true});
        gate.b.token("RS256", &but(claims_of_b(), &email))
    };
    // With a prefix, no name of another issuer can be forged.
    for user in ["dora", "b/dora", "pki/alice"] {
        assert_eq!(whoami(&mut nobody, &bearer(&of_b(user))).json()["username"], format!("b/{user}"));
    }
    assert_eq!(gate.server.alice().get("/whoami").json()["username"], "pki/alice");

    // An authority without a prefix must not use those of the issuers.
    let gate = Gate::new(&["--jwt-username-prefix=a:", "--jwt-username-prefix=b/"]);
    for (user, status) in [("carol", 200), ("a:carol", 401), ("b/dora", 401), ("a", 200)] {
        let identity = gate.server.place.authority.issue(&Leaf::client(user));
        assert_eq!(gate.server.client(&identity).get("/whoami").status, status, "{user}");
    }
    assert!(gate.server.log().contains("the certificate's name begins with the prefix of another"));
}

#[test]
fn everyone_can_be_made_the_default_user_but_nobody_gets_in_by_it() {
    let gate = Gate::new(&["--force-default-username", "--default-username=team"]);
    let mut nobody = gate.server.nobody().connect().unwrap();
    let answer = whoami(&mut nobody, &bearer(&gate.good()));
    assert_eq!(answer.json(), json!({"username": "team", "method": "jwt"}));
    assert_eq!(gate.server.alice().get("/whoami").json(), json!({"username": "team", "method": "certificate"}));
    for authorization in ["Bearer x", "Bearer a.b.c", "Basic dGVhbTp0ZWFt"] {
        assert_eq!(whoami(&mut nobody, authorization).status, 401, "{authorization}");
    }
    assert_eq!(nobody.get("/whoami").status, 401);
    for changes in [json!({"exp": 1}), json!({"sub": "team"}), json!({"aud": "other"})] {
        assert_eq!(whoami(&mut nobody, &bearer(&gate.but(&changes))).status, 401, "{changes}");
    }
}
