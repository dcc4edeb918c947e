//! A public key is accepted only if a signature by it proves something. The rule is the same wherever keys come from,
//! and the reason is reported for each key that is left out.

use std::fs;
use std::sync::Arc;

use data_encoding::BASE64;
use openssl::bn::{BigNum, BigNumContext, BigNumRef};
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Private, Public};
use openssl::rsa::Rsa;
use openssl::sha::sha256;
use openssl::x509::{X509, X509NameBuilder};
use serde_json::{Value, json};

use crate::harness::caller::Caller;
use crate::harness::jwt::{but, claims, compact, encode, key_set};
use crate::harness::server::Place;
use crate::harness::{
    Authority, Identity, Jwks, Leaf, Options, Root, Server, SigningKey, conjur, eventually, hanzo, iam,
};

const SET: &str = "https://set.example/";
const MAP: &str = "https://map.example/";
const TABLE: &str = "https://table.example/";
const AUDIENCE: &str = "claviger";

/// A number with these bits set.
fn number(bits: &[i32]) -> BigNum {
    let mut number = BigNum::new().unwrap();
    bits.iter().for_each(|bit| number.set_bit(*bit).unwrap());
    number
}

fn rsa_jwk(id: &str, n: &BigNum, e: &BigNum) -> Value {
    json!({"kty": "RSA", "kid": id, "use": "sig", "n": encode(&n.to_vec()), "e": encode(&e.to_vec_padded(1.max(e.num_bytes())).unwrap())})
}

/// The modulus of a key that is otherwise valid.
fn modulus() -> BigNum {
    Rsa::generate(2048).unwrap().n().to_owned().unwrap()
}

fn of_length(bits: u32) -> BigNum {
    Rsa::generate(bits).unwrap().n().to_owned().unwrap()
}

/// A modulus with the pattern of the generator of CVE-2017-15361.
fn marked_modulus() -> BigNum {
    let is_prime = |number: &u32| (2..*number).all(|factor| !number.is_multiple_of(factor));
    let mut product = BigNum::from_u32(1).unwrap();
    (2..=701).filter(is_prime).for_each(|prime| product.mul_word(prime).unwrap());
    let mut context = BigNumContext::new().unwrap();
    let (mut marked, base) = (BigNum::new().unwrap(), BigNum::from_u32(65_537).unwrap());
    marked.mod_exp(&base, &BigNum::from_u32(4711).unwrap(), &product, &mut context).unwrap();
    while marked.num_bits() < 2048 {
        let mut step = product.to_owned().unwrap();
        step.lshift(&product, 2048 - product.num_bits()).unwrap();
        marked = &marked + &step;
    }
    marked
}

/// A key with a given exponent. If the exponent is 1, the padded digest is its own signature, so that anyone can sign.
fn forged(id: &str, claims: &Value) -> String {
    let header = json!({"alg": "RS256", "kid": id});
    compact(header.to_string().as_bytes(), claims.to_string().as_bytes(), |message| {
        let prefix = [0x30, 0x31, 0x30, 0x0d, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1, 5, 0, 4, 0x20];
        let tail = [&[0][..], &prefix, &sha256(message)].concat();
        [&[0, 1][..], &vec![0xff; 256 - 2 - tail.len()], &tail].concat()
    })
}

fn public(n: &BigNum, e: u32) -> PKey<Public> {
    let e = BigNum::from_u32(e).unwrap();
    PKey::from_rsa(Rsa::from_public_components(BigNum::from_slice(&n.to_vec()).unwrap(), e).unwrap()).unwrap()
}

fn pem_of(key: &PKey<Public>) -> String {
    String::from_utf8(key.public_key_to_pem().unwrap()).unwrap()
}

/// A certificate of the key, signed by another key, because a key with the exponent 1 cannot sign it.
fn certificate(key: &PKey<Public>, signer: &SigningKey) -> String {
    let mut name = X509NameBuilder::new().unwrap();
    name.append_entry_by_text("CN", "keys").unwrap();
    let name = name.build();
    let mut builder = X509::builder().unwrap();
    builder.set_version(2).unwrap();
    builder.set_subject_name(&name).unwrap();
    builder.set_issuer_name(&name).unwrap();
    builder.set_pubkey(key).unwrap();
    builder.set_not_before(&openssl::asn1::Asn1Time::days_from_now(0).unwrap()).unwrap();
    builder.set_not_after(&openssl::asn1::Asn1Time::days_from_now(10).unwrap()).unwrap();
    builder.sign(&signer.private, MessageDigest::sha256()).unwrap();
    String::from_utf8(builder.build().to_pem().unwrap()).unwrap()
}

fn okp(id: &str, x: &[u8]) -> Value {
    json!({"kty": "OKP", "crv": "Ed25519", "kid": id, "x": encode(x)})
}

/// A key id, the key, and a part of the reason for leaving it out.
type Bad = (&'static str, Value, &'static str);

fn bad_rsa() -> Vec<Bad> {
    let (n, f4) = (modulus(), BigNum::from_u32(65_537).unwrap());
    let word = |e: u32| BigNum::from_u32(e).unwrap();
    let even = &n - &word(1);
    let (private, long) = (SigningKey::rsa("private"), number(&[16_384, 0]));
    let d = encode(&private.private.rsa().unwrap().d().to_vec());
    vec![
        ("e0", rsa_jwk("e0", &n, &word(0)), "its RSA exponent is 0"),
        ("e1", rsa_jwk("e1", &n, &word(1)), "its RSA exponent is 1; expected an odd number of at least 3"),
        ("e2", rsa_jwk("e2", &n, &word(2)), "its RSA exponent is 2"),
        ("e65536", rsa_jwk("e65536", &n, &word(65_536)), "its RSA exponent is 65536"),
        ("e257", rsa_jwk("e257", &n, &number(&[256, 0])), "its RSA exponent is 257 bits long"),
        ("n1024", rsa_jwk("n1024", &of_length(1024), &f4), "its RSA modulus has 1024 bits; expected 2048 to 16384"),
        // As many bytes as one of 2048 bits.
        ("n2041", rsa_jwk("n2041", &of_length(2041), &f4), "its RSA modulus has 2041 bits"),
        ("n2047", rsa_jwk("n2047", &of_length(2047), &f4), "its RSA modulus has 2047 bits"),
        ("n16385", rsa_jwk("n16385", &long, &f4), "its RSA modulus has 16385 bits"),
        ("even", rsa_jwk("even", &even, &f4), "its RSA modulus is even"),
        ("e-long", rsa_jwk("e-long", &number(&[4095, 0]), &number(&[80, 0])), "its RSA exponent has 81 bits"),
        ("roca", rsa_jwk("roca", &marked_modulus(), &f4), "CVE-2017-15361"),
        ("private", but(private.jwk(), &json!({"d": d})), "this is a private key"),
        ("no-e", but(rsa_jwk("no-e", &n, &f4), &json!({"e": null})), "its member e is missing"),
    ]
}

fn bad_others() -> Vec<Bad> {
    let (ec, ed) = (SigningKey::p256("ec"), SigningKey::ed25519("ed"));
    let zero = encode(&[0; 32]);
    let mut moved = data_encoding::BASE64URL_NOPAD.decode(ec.jwk()["y"].as_str().unwrap().as_bytes()).unwrap();
    moved[31] ^= 1;
    let named = |jwk: Value, id: &str, changes: Value| but(but(jwk, &json!({"kid": id})), &changes);
    let point = |y: u8| [&[y][..], &[0; 31]].concat();
    vec![
        ("off", named(ec.jwk(), "off", json!({"y": encode(&moved)})), "its point is not on its curve"),
        ("nought", named(ec.jwk(), "nought", json!({"x": zero, "y": zero})), "its point is not on its curve"),
        (
            "short-x",
            named(ec.jwk(), "short-x", json!({"x": encode(&[1; 31])})),
            "have [31, 32] bytes; expected 32 each",
        ),
        ("private-ec", named(ec.jwk(), "private-ec", json!({"d": zero})), "this is a private key"),
        ("private-ed", named(ed.jwk(), "private-ed", json!({"d": zero})), "this is a private key"),
        ("ed31", okp("ed31", &[1; 31]), "it is 31 bytes long; expected 32"),
        ("ed33", okp("ed33", &[1; 33]), "it is 33 bytes long; expected 32"),
        ("ed-one", okp("ed-one", &point(1)), "its point has a small order"),
        ("ed-nought", okp("ed-nought", &point(0)), "its point has a small order"),
        ("ed-off", okp("ed-off", &point(2)), "its point is not on its curve"),
        ("secret", json!({"kty": "oct", "kid": "secret", "k": "c2VjcmV0"}), "this is a secret key"),
        (
            "k256",
            json!({"kty": "EC", "crv": "secp256k1", "kid": "k256", "x": "AA", "y": "AA"}),
            "crv \"secp256k1\"; expected RSA",
        ),
        (
            "p521",
            json!({"kty": "EC", "crv": "P-521", "kid": "p521", "x": "AA", "y": "AA"}),
            "x and y have [1, 1] bytes; expected 66",
        ),
        ("enc", named(ec.jwk(), "enc", json!({"use": "enc"})), "its use is \"enc\"; expected \"sig\""),
        ("wrap", named(ec.jwk(), "wrap", json!({"key_ops": ["wrapKey"]})), "its key_ops are [\"wrapKey\"]"),
        ("es521", named(ec.jwk(), "es521", json!({"alg": "ES521"})), "its alg is \"ES521\", which is not served"),
        ("es384", named(ec.jwk(), "es384", json!({"alg": "ES384"})), "its alg is \"ES384\", which is not for a key"),
        ("text\u{1b}[2J\n", json!({"kty": "EC", "kid": "text\u{1b}[2J\n"}), "crv missing"),
    ]
}

/// Starts a server with an issuer for each source of keys.
struct Doors {
    server: Server,
    _served: [Jwks; 2],
}

impl Doors {
    fn new(set: &[Value], map: &Value, table: &Value) -> Self {
        let place: Arc<Place> = hanzo::place();
        let served = [Jwks::start(&place.authority, &key_set(set)), Jwks::start(&place.authority, map)];
        let keys = Value::from(table.to_string());
        let file = format!(
            "[idps.app]\ntype = \"direct-jwt\"\n[idps.app.conf]\niss = \"{TABLE}\"\naud = \"{AUDIENCE}\"\nkeys = {keys}\n{}",
            iam::ROLES.replace("\"all\"", "\"vault\"").replace("policies.all", "policies.vault")
        );
        fs::write(place.path("iam.toml"), file).unwrap();
        let mut arguments = vec!["--iam-file=iam.toml".to_owned()];
        for (issuer, jwks) in [SET, MAP].into_iter().zip(&served) {
            arguments.push(format!("--jwt-issuer-uri={issuer}"));
            arguments.push(format!("--jwks-uri={}", jwks.uri()));
            arguments.push(format!("--jwt-audience={AUDIENCE}"));
        }
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let options: Options = hanzo::options(&arguments);
        Self { server: Server::start_at(place, &options), _served: served }
    }

    fn status(&self, jwt: &str) -> u16 {
        Caller::bearer(&self.server, jwt).send("GET", "/whoami", None).status
    }

    /// Returns the step `keys` of a test of a JWT by one issuer.
    fn keys_step(&self, issuer: &str, jwt: &str) -> String {
        let told =
            Caller::certificate(&self.server, "root").done("/issuers/test", &json!({"jwt": jwt, "issuer": issuer}));
        let steps = told["issuers"][0]["steps"].as_array().unwrap().clone();
        let step = steps.iter().find(|step| step["step"] == "keys").unwrap_or_else(|| panic!("{told}"));
        step["says"].as_str().unwrap().to_owned()
    }
}

fn of(issuer: &str) -> Value {
    but(claims(issuer, AUDIENCE, "carol"), &json!({"roles": ["VaultAdminRole"]}))
}

#[test]
fn each_key_of_a_set_is_judged_and_the_reason_is_told() {
    let bad: Vec<Bad> = bad_rsa().into_iter().chain(bad_others()).collect();
    let (good, small) = (
        SigningKey::rsa("good"),
        SigningKey {
            id: "e3".to_owned(),
            private: PKey::from_rsa(Rsa::generate_with_e(2048, &BigNum::from_u32(3).unwrap()).unwrap()).unwrap(),
        },
    );
    let large = SigningKey {
        id: "e256".to_owned(),
        private: PKey::from_rsa(Rsa::generate_with_e(2048, &number(&[255, 0])).unwrap()).unwrap(),
    };
    let ed = SigningKey::ed25519("ed");
    let long = rsa_jwk("n16384", &number(&[16_383, 0]), &BigNum::from_u32(65_537).unwrap());
    let absent = json!({"use": null, "alg": null, "key_ops": null, "d": null, "x5c": null});
    let mut nulls = SigningKey::p256("nulls").jwk();
    nulls.as_object_mut().unwrap().extend(absent.as_object().unwrap().clone());
    let mut set = vec![good.jwk(), small.jwk(), large.jwk(), ed.jwk_for("Ed25519"), long.clone(), nulls.clone()];
    set.extend(bad.iter().map(|(_, key, _)| key.clone()));
    // A map and a table with a key of the exponent 1 and a valid one.
    let (n, one) = (modulus(), BigNum::from_u32(1).unwrap());
    let forgeable = public(&n, 1);
    let good_public = PKey::public_key_from_der(&good.private.public_key_to_der().unwrap()).unwrap();
    let map =
        json!({"good": certificate(&good_public, &good), "one": certificate(&forgeable, &good), "text": "x", "no": 5});
    let doors = Doors::new(&set, &map, &key_set(&[good.jwk(), rsa_jwk("one", &n, &one)]));

    for (id, issuer) in [("e1", SET), ("one", MAP), ("one", TABLE)] {
        assert_eq!(doors.status(&good.token("RS256", &of(issuer))), 200, "the control, {issuer}");
        assert_eq!(doors.status(&forged(id, &of(issuer))), 401, "forged by the exponent 1, {issuer}");
    }
    for (key, algorithm) in [(&good, "RS256"), (&small, "RS256"), (&large, "PS256"), (&ed, "EdDSA"), (&ed, "Ed25519")] {
        assert_eq!(doors.status(&key.token(algorithm, &of(SET))), 200, "{} {algorithm}", key.id);
    }
    let log = doors.server.log();
    for (id, _, reason) in &bad {
        let own = format!("({id:?})");
        let line = log.lines().find(|line| line.contains("a key of the issuer") && line.contains(&own));
        let line = line.unwrap_or_else(|| panic!("{id} is not told of"));
        assert!(line.replace('\\', "").contains(reason), "{id}: {reason} is not in {line}");
        assert!(line.contains(SET) && !line.contains("c2VjcmV0"), "{line}");
    }
    for (issuer, id) in [(MAP, "one"), (TABLE, "one")] {
        let is_told =
            |line: &&str| line.contains(issuer) && line.contains(id) && line.contains("its RSA exponent is 1;");
        assert!(log.lines().any(|line| is_told(&line)), "{issuer}");
    }
    assert!(log.lines().any(|line| line.contains(MAP) && line.contains("it is not an X.509 certificate in PEM")));
    let warned: Vec<&str> = log.lines().filter(|line| line.contains("is below 65537")).collect();
    assert!(warned.len() == 1 && warned[0].contains("e3") && warned[0].contains("WARN"), "{warned:?}");
    let says = doors.keys_step(SET, &good.token("RS256", &of(SET)));
    assert!(says.starts_with("6 from ") && says.contains("\"n16384\"") && says.contains("\"nulls\""), "{says}");
    assert!(
        says.contains("left out: key 7 (\"e0\"): its RSA exponent is 0; expected") && says.contains(" more"),
        "{says}"
    );
    let says = doors.keys_step("idps.app", &good.token("RS256", &of(TABLE)));
    assert!(says.contains("left out: key 2 (\"one\"): its RSA exponent is 1; expected"), "{says}");
}

/// A key of P-256 at infinity, as SubjectPublicKeyInfo.
fn at_infinity() -> String {
    let algorithm = [0x30, 0x13, 6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
    let der = [&[0x30, 0x19][..], &algorithm, &[3, 2, 0, 0]].concat();
    format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", BASE64.encode(&der))
}

#[test]
fn keys_that_are_given_one_by_one_are_refused_with_the_reason() {
    let server = hanzo::server();
    let (good, n) = (SigningKey::rsa("good"), modulus());
    let mut root = Caller::certificate(&server, "root");
    let id = hanzo::known(&server, &good, &json!({}));
    let private = String::from_utf8(good.private.private_key_to_pem_pkcs8().unwrap()).unwrap();
    let dsa = "-----BEGIN DSA PARAMETERS-----\nAAAA\n-----END DSA PARAMETERS-----\n";
    let mut cases = vec![
        (pem_of(&public(&n, 1)), "its RSA exponent is 1"),
        (pem_of(&public(&n, 4)), "its RSA exponent is 4"),
        (pem_of(&public(&of_length(2047), 65_537)), "its RSA modulus has 2047 bits"),
        (certificate(&public(&n, 1), &good), "its RSA exponent is 1"),
        (private, "this is a private key"),
        (at_infinity(), "infinity"),
        (dsa.to_owned(), "expected PUBLIC KEY or CERTIFICATE"),
    ];
    let k256 = openssl::ec::EcGroup::from_curve_name(openssl::nid::Nid::SECP256K1).unwrap();
    let k256 = PKey::from_ec_key(openssl::ec::EcKey::generate(&k256).unwrap()).unwrap();
    cases.push((String::from_utf8(k256.public_key_to_pem().unwrap()).unwrap(), "key of another kind"));
    for (pem, reason) in cases {
        for (number, list) in
            [(1, json!([pem])), (2, json!([hanzo::pem(&good), pem])), (2, json!([hanzo::pem(&good) + &pem]))]
        {
            let refused = root.send("PATCH", &hanzo::path(&id), Some(&json!({"publicKeys": list})));
            let message = refused.json()["message"].as_str().unwrap_or_default().to_owned();
            assert_eq!(refused.status, 422, "{reason}: {message}");
            assert!(message.contains(&format!("publicKeys: key {number}: ")) && message.contains(reason), "{message}");
        }
    }
    assert_eq!(hanzo::try_login(&server, &id, &hanzo::jwt(&good, &json!({}))).status, 200, "what was there stays");
    // PKCS #1 is a public key too.
    let pkcs1 = String::from_utf8(good.private.rsa().unwrap().public_key_to_pem_pkcs1().unwrap()).unwrap();
    let taken = root.send("PATCH", &hanzo::path(&id), Some(&json!({"publicKeys": [pkcs1]})));
    assert_eq!(taken.status, 200, "{}", taken.json());
    assert_eq!(hanzo::try_login(&server, &id, &hanzo::jwt(&good, &json!({}))).status, 200);

    // Conjur's variable: the status has the reason, and so has the log after the definition.
    let one = rsa_jwk("one", &n, &BigNum::from_u32(1).unwrap());
    let keys = |keys: &[Value]| json!({"public-keys": json!({"type": "jwks", "value": key_set(keys)}).to_string()});
    conjur::configured(&server, &good, &keys(std::slice::from_ref(&one)));
    let status = root.send("GET", "/authn-jwt/gitlab/acme/status", None);
    let error = status.json()["error"].as_str().unwrap().to_owned();
    assert!(error.starts_with("CONJ00087E public-keys: ") && error.contains("its RSA exponent is 1;"), "{error}");
    conjur::configured(&server, &good, &keys(&[good.jwk(), one]));
    assert_eq!(conjur::authenticate(&server, &conjur::jwt(&good, &json!({}))).status, 200);
    let own = but(claims(conjur::ISSUER, conjur::AUDIENCE, "x"), &json!({"project": "web"}));
    assert_eq!(conjur::authenticate(&server, &forged("one", &own)).status, 401);
    eventually("the log has the reason", || {
        let is_told = |line: &str| line.contains("acme/gitlab") && line.contains("its RSA exponent is 1;");
        server.log().lines().any(is_told).then_some(())
    });
}

/// The key with the exponent 1: its private exponent is 1 too.
fn exponent_one() -> PKey<Private> {
    let rsa = Rsa::generate(2048).unwrap();
    let copy = |number: &BigNumRef| number.to_owned().unwrap();
    let one = || BigNum::from_u32(1).unwrap();
    let (p, q, inverse) = (copy(rsa.p().unwrap()), copy(rsa.q().unwrap()), copy(rsa.iqmp().unwrap()));
    let key = Rsa::from_private_components(copy(rsa.n()), one(), one(), p, q, one(), one(), inverse);
    PKey::from_rsa(key.unwrap()).unwrap()
}

#[test]
fn certificates_of_such_keys_prove_nothing_and_vouch_for_nobody() {
    let server =
        Server::start_with(&Options { arguments: vec!["--client-cert=optional".to_owned()], ..Options::default() });
    let of = |key: PKey<Private>| server.place.authority.issue(&Leaf { key: Some(key), ..Leaf::client("carol") });
    let status =
        |identity: &Identity| server.client(identity).try_request("GET", "/whoami", &[], b"").map(|own| own.status);
    let small = Rsa::generate_with_e(2048, &BigNum::from_u32(3).unwrap()).unwrap();
    assert_eq!(status(&of(PKey::from_rsa(small).unwrap())).unwrap(), 200, "the control");
    // A person who sees the certificate could authenticate as carol.
    assert_ne!(status(&of(exponent_one())).ok(), Some(200));
    assert!(server.log().lines().any(|line| line.contains("CN=carol") && line.contains("below 65537")));
    assert!(server.log().contains("the key of CN=carol cannot be trusted: its RSA exponent is 1;"));
    // Certificates of an authority with such a key could be made by anyone.
    let place = server.stop().0;
    let weak = Authority::of(&Root { key: Some(exponent_one()), ..Root::new("Weak") });
    fs::write(place.path("weak.pem"), weak.pem()).unwrap();
    let options = |arguments: &[&str]| Options {
        arguments: arguments.iter().map(|&own| own.to_owned()).collect(),
        ..Options::default()
    };
    for arguments in [
        &["--authority-cert-file=weak.pem"][..],
        &["--jwt-issuer-uri=https://a/", "--jwt-audience=a", "--jwks-ca-file=weak.pem"],
    ] {
        let log = Server::try_start_at(Arc::clone(&place), &options(arguments)).err().unwrap();
        let last = log.lines().last().unwrap();
        assert!(last.contains("weak.pem") && last.contains("the key of CN=Weak (line 1)"), "{last}");
        assert!(last.contains("its RSA exponent is 1; expected an odd number of at least 3"), "{last}");
    }
}
