//! Several issuers, each with its own keys, which appear, change, and sometimes cannot be fetched.

use std::fs;
use std::net::TcpListener;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use openssl::asn1::Asn1Time;
use openssl::hash::MessageDigest;
use openssl::x509::{X509, X509NameBuilder};
use serde_json::{Value, json};

use crate::harness::clock;
use crate::harness::jwks::Document;
use crate::harness::jwt::{claims, key_set};
use crate::harness::server::{P12_PASSWORD, Place, run};
use crate::harness::{Authority, Client, Connection, End, Jwks, Options, Server, SigningKey, eventually};

/// The seconds between two fetches of an issuer's keys that JWTs can cause.
const APART: u64 = 30;

/// An issuer with one key.
struct Provider {
    issuer: String,
    key: SigningKey,
    jwks: Jwks,
}

impl Provider {
    fn new(place: &Place, name: &str) -> Self {
        let key = SigningKey::p256("first");
        let jwks = Jwks::start(&place.authority, &key_set(&[key.jwk()]));
        Self { issuer: format!("https://{name}.example/"), key, jwks }
    }

    fn arguments(&self) -> [String; 3] {
        [
            format!("--jwt-issuer-uri={}", self.issuer),
            format!("--jwks-uri={}", self.jwks.uri()),
            "--jwt-audience=claviger".to_owned(),
        ]
    }

    fn token_by(&self, key: &SigningKey) -> String {
        format!("Bearer {}", key.token("ES256", &claims(&self.issuer, "claviger", "carol")))
    }

    fn token(&self) -> String {
        self.token_by(&self.key)
    }

    /// A JWT by an unknown key, which causes a fetch.
    fn strange(&self) -> String {
        self.token_by(&SigningKey::p256(&format!("{:x?}", openssl::sha::sha256(self.token().as_bytes()))))
    }

    fn failures(&self, server: &Server) -> usize {
        let of_us = format!("issuer={:?}", self.issuer);
        server.log().lines().filter(|line| line.contains("could not be fetched") && line.contains(&of_us)).count()
    }
}

fn server(place: Arc<Place>, providers: &[&Provider]) -> Server {
    let ca = format!("--jwks-ca-file={}", place.path("ca.pem").display());
    let mut arguments = vec![ca, "--auth-failure-limit=0".to_owned()];
    arguments.extend(providers.iter().flat_map(|provider| provider.arguments()));
    let options = Options { plain: true, arguments, ..Options::default() };
    let options = clock::moved(&place, options);
    Server::start_at(place, &options)
}

fn status(connection: &mut Connection, authorization: &str) -> u16 {
    connection.try_request("GET", "/whoami", &[("Authorization", authorization)], b"").unwrap().status
}

/// Sends JWTs by unknown keys, which cause fetches; all at once, because each request waits.
fn ask(server: &Server, providers: &[Provider], token: impl Fn(&Provider) -> String + Sync) {
    std::thread::scope(|scope| {
        for provider in providers {
            let token = &token;
            scope.spawn(move || {
                let answer = status(&mut server.nobody().connect().unwrap(), &token(provider));
                assert_eq!(answer, 401, "{}", provider.issuer);
            });
        }
    });
}

/// Waits until it answers 200, on connections that the moved clock has not ended.
fn known(server: &Server, token: &str) {
    let asked = || status(&mut server.nobody().connect().unwrap(), token) == 200;
    eventually("the key is known", || asked().then_some(()));
}

/// These tests mostly wait for their servers, so they run together.
#[test]
fn keys_come_stay_and_go() {
    let cases = [
        the_last_good_keys_stay_whatever_the_issuer_answers,
        a_key_comes_within_seconds_and_goes_with_the_next_fetch,
        a_flood_of_unknown_keys_fetches_seldom_and_does_not_wait,
        whatever_strangers_send_a_new_key_is_known_after_half_a_minute,
        who_asks_during_a_fetch_gets_the_keys_of_the_next,
        an_issuer_that_is_away_does_not_keep_the_server_from_starting,
        the_authority_of_a_key_server_may_be_exchanged,
    ];
    std::thread::scope(|scope| {
        for case in cases {
            scope.spawn(case);
        }
    });
}

fn the_last_good_keys_stay_whatever_the_issuer_answers() {
    let place = Arc::new(Place::new());
    let names = ["away", "garbage", "empty", "large", "redirect", "error", "secret", "many", "good"];
    let mut providers = names.map(|name| Provider::new(&place, name));
    let mallory = SigningKey::p256("mallory");
    let target = Jwks::start(&place.authority, &key_set(&[mallory.jwk()]));
    let server = server(Arc::clone(&place), &providers.each_ref());
    let mut nobody = server.nobody().connect().unwrap();
    let tokens: Vec<String> = providers.iter().map(Provider::token).collect();
    for (provider, token) in providers.iter().zip(&tokens) {
        assert_eq!(status(&mut nobody, token), 200, "{}", provider.issuer);
        // The start logs each issuer, with its keys and its audience.
        let table =
            format!("JWTs are trusted issuer={:?} keys={} audience=\"claviger\"", provider.issuer, provider.jwks.uri());
        assert!(server.log().contains(&table), "{table}");
    }

    let padding = json!({"keys": [mallory.jwk()], "x": "x".repeat(5 << 20)});
    let many: Vec<Value> = (0..101).map(|_| mallory.jwk()).collect();
    let with = |status, headers: String| Document { status, headers, ..Document::from(&key_set(&[mallory.jwk()])) };
    let bad = [
        Document::from(b"<html>We'll be back soon</html>".to_vec()),
        Document::from(&key_set(&[])),
        Document::from(&padding),
        with("302 Found", format!("Location: {}\r\n", target.uri())),
        with("503 Service Unavailable", String::new()),
        Document::from(&key_set(&[json!({"kty": "oct", "k": "c2VjcmV0", "kid": "mallory"})])),
        Document::from(&key_set(&many)),
    ];
    providers[0].jwks.stop();
    for (provider, document) in providers[1..].iter().zip(bad) {
        provider.jwks.answer(document);
    }
    clock::advance(&place, APART);
    ask(&server, &providers[..8], Provider::strange);
    // A key of one issuer is not valid for another one with the same key id.
    let other = providers[8].key.clone();
    ask(&server, &providers[..8], |provider| provider.token_by(&other));
    for failures in 1..=2 {
        for provider in &providers[..8] {
            eventually("fetches fail", || (provider.failures(&server) >= failures).then_some(()));
        }
        // A failed fetch is tried again without a request.
        clock::advance(&place, APART);
        nobody = server.nobody().connect().unwrap();
        for (provider, token) in providers.iter().zip(&tokens) {
            assert_eq!(status(&mut nobody, token), 200, "remembered, {}", provider.issuer);
            let fresh = provider.token();
            assert_eq!(status(&mut nobody, &fresh), 200, "fresh, {}", provider.issuer);
        }
    }
    ask(&server, &providers[..8], |provider| provider.token_by(&mallory));
    assert_eq!(target.requests(), 0, "a redirect was followed");
    let log = server.log();
    for reason in [
        "cannot connect to",
        "neither a JWK Set nor a map",
        "no key that is usable",
        "is larger than 1048576 bytes",
        "error=status 302",
        "error=status 503",
        "more than 100 keys",
    ] {
        assert!(log.contains(reason), "{reason}");
    }

    // The issuers come back with other keys.
    let second = SigningKey::p256("second");
    providers[0].jwks.resume();
    for provider in &providers[..8] {
        provider.jwks.answer(&key_set(&[second.jwk()]));
    }
    let second = &second;
    clock::advance(&place, APART);
    nobody = server.nobody().connect().unwrap();
    std::thread::scope(|scope| {
        for provider in &providers[..8] {
            let client = server.nobody();
            scope.spawn(move || {
                let mut connection = client.connect().unwrap();
                let new = provider.token_by(second);
                eventually("new keys are known", || (status(&mut connection, &new) == 200).then_some(()));
                assert_eq!(status(&mut connection, &provider.token()), 401, "{}", provider.issuer);
            });
        }
    });
    for (number, token) in tokens.iter().enumerate() {
        let expected = if number == 8 { 200 } else { 401 };
        assert_eq!(status(&mut nobody, token), expected, "remembered, {}", providers[number].issuer);
    }
}

fn a_key_comes_within_seconds_and_goes_with_the_next_fetch() {
    let place = Arc::new(Place::new());
    let a = Provider::new(&place, "a");
    let b = Provider::new(&place, "b");
    let server = server(Arc::clone(&place), &[&a, &b]);
    let mut nobody = server.nobody().connect().unwrap();
    let old = a.token();
    assert_eq!(status(&mut nobody, &old), 200);

    let second = SigningKey::p256("second");
    a.jwks.answer(&key_set(&[a.key.jwk(), second.jwk()]));
    let new = a.token_by(&second);
    // There was no other request, and the keys are old enough: the first request is accepted.
    clock::advance(&place, APART);
    let mut nobody = server.nobody().connect().unwrap();
    known(&server, &new);
    assert_eq!(a.jwks.requests(), 2);
    assert_eq!(status(&mut nobody, &old), 200);
    assert_eq!(status(&mut nobody, &a.token()), 200);

    // Its key is removed, so the JWT is refused, although it was valid a moment ago.
    a.jwks.answer(&key_set(&[second.jwk()]));
    assert_eq!(status(&mut nobody, &old), 200, "nobody has asked yet");
    let fetched = a.jwks.requests();
    clock::advance(&place, APART);
    let mut nobody = server.nobody().connect().unwrap();
    assert_eq!(status(&mut nobody, &a.strange()), 401);
    eventually("a fetch", || (a.jwks.requests() > fetched).then_some(()));
    eventually("the old token ends", || (status(&mut nobody, &old) == 401).then_some(()));
    assert_eq!(status(&mut nobody, &new), 200);
    assert_eq!(status(&mut nobody, &b.token()), 200);
    assert_eq!(b.jwks.requests(), 1, "what is asked of A concerns A alone");
}

fn whatever_strangers_send_a_new_key_is_known_after_half_a_minute() {
    let place = Arc::new(Place::new());
    let a = Provider::new(&place, "a");
    let server = server(Arc::clone(&place), &[&a]);
    let began = Instant::now();
    let strange = |number: usize| {
        let header = json!({"alg": "ES256", "kid": format!("random-{number}")});
        format!("Bearer {}", a.key.signed("ES256", &header, &claims(&a.issuer, "claviger", "carol")))
    };
    for turn in 1..=11 {
        let mut stranger = server.nobody().connect().unwrap();
        (0..5).for_each(|number| assert_eq!(status(&mut stranger, &strange(100 * turn + number)), 401));
        clock::advance(&place, APART);
        eventually("the fetch that they asked for", || (a.jwks.requests() > turn).then_some(()));
        // The clock also advances without the test.
        let most = 1 + turn + usize::try_from(began.elapsed().as_secs() / APART).unwrap();
        assert!(a.jwks.requests() <= most, "{} after {turn} times {APART} s", a.jwks.requests());
    }
    let second = SigningKey::p256("second");
    a.jwks.answer(&key_set(&[second.jwk()]));
    let new = a.token_by(&second);
    let mut nobody = server.nobody().connect().unwrap();
    assert!([200, 401].contains(&status(&mut nobody, &new)));
    clock::advance(&place, APART);
    known(&server, &new);
}

fn a_flood_of_unknown_keys_fetches_seldom_and_does_not_wait() {
    let place = Arc::new(Place::new());
    let a = Provider::new(&place, "a");
    let server = server(Arc::clone(&place), &[&a]);
    let began = Instant::now();
    let flooded = AtomicBool::new(false);
    // The time of signing must not count.
    let tokens: Vec<String> = (0..1000)
        .map(|number| {
            let header = json!({"alg": "ES256", "kid": format!("random-{number}")});
            format!("Bearer {}", a.key.signed("ES256", &header, &claims(&a.issuer, "claviger", "carol")))
        })
        .collect();
    let slow: usize = std::thread::scope(|scope| {
        let end = End(&flooded);
        let threads: Vec<_> = tokens
            .chunks(250)
            .map(|tokens| {
                let client = server.nobody();
                scope.spawn(move || {
                    let mut connection = client.connect().unwrap();
                    let waits = |token: &&String| {
                        let began = Instant::now();
                        assert_eq!(status(&mut connection, token), 401);
                        began.elapsed() > Duration::from_secs(1)
                    };
                    tokens.iter().filter(waits).count()
                })
            })
            .collect();
        let good = scope.spawn(|| {
            let mut connection = server.nobody().connect().unwrap();
            while !flooded.load(Ordering::Relaxed) {
                assert_eq!(status(&mut connection, &a.token()), 200);
            }
        });
        let slow = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
        drop(end);
        good.join().unwrap();
        slow
    });
    let intervals = usize::try_from(began.elapsed().as_secs() / APART).unwrap();
    assert!(a.jwks.requests() <= 1 + 1 + intervals, "{} in {intervals} intervals", a.jwks.requests());
    assert!(slow <= 1 + intervals, "{slow} waited in {intervals} intervals");
    // A rotation is delayed by at most one interval.
    let second = SigningKey::p256("second");
    a.jwks.answer(&key_set(&[second.jwk()]));
    clock::advance(&place, APART);
    known(&server, &a.token_by(&second));
}

fn who_asks_during_a_fetch_gets_the_keys_of_the_next() {
    let place = Arc::new(Place::new());
    let a = Provider::new(&place, "a");
    let server = server(Arc::clone(&place), &[&a]);
    let fetched = || server.log().matches("fetched the issuer's keys").count();
    let second = SigningKey::p256("second");
    clock::advance(&place, APART);
    let held = a.jwks.hold();
    assert_eq!(status(&mut server.nobody().connect().unwrap(), &a.strange()), 401);
    eventually("a fetch", || (a.jwks.requests() > 1).then_some(()));
    std::thread::scope(|scope| {
        let asked = scope.spawn(|| status(&mut server.nobody().connect().unwrap(), &a.token_by(&second)));
        // It waits at most two seconds, for a fetch that was answered before the issuer had the key.
        assert_eq!(asked.join().unwrap(), 401);
    });
    drop(held);
    eventually("the fetch ends", || (fetched() > 1).then_some(()));
    a.jwks.answer(&key_set(&[second.jwk()]));
    // The next fetch happens without another request.
    clock::advance(&place, APART);
    eventually("the next fetch", || (fetched() > 2).then_some(()));
    assert_eq!(status(&mut server.nobody().connect().unwrap(), &a.token_by(&second)), 200);
}

fn an_issuer_that_is_away_does_not_keep_the_server_from_starting() {
    let place = Arc::new(Place::new());
    let mut away = Provider::new(&place, "away");
    away.jwks.stop();
    // Connections to this issuer are accepted only by the kernel.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent_uri = format!("https://{}/keys", silent.local_addr().unwrap());
    let elsewhere = Authority::new("Another authority");
    let mut foreign = Provider::new(&place, "foreign");
    foreign.jwks = Jwks::start(&elsewhere, &key_set(&[foreign.key.jwk()]));
    let good = Provider::new(&place, "good");
    let mut arguments = vec![
        format!("--jwks-ca-file={}", place.path("ca.pem").display()),
        "--jwt-issuer-uri=https://silent.example/".to_owned(),
        format!("--jwks-uri={silent_uri}"),
        "--jwt-audience=claviger".to_owned(),
    ];
    arguments.extend([&away, &foreign, &good].iter().flat_map(|provider| provider.arguments()));
    let server = Server::start_at(place, &Options { plain: true, arguments, ..Options::default() });
    eventually("it is away", || (away.failures(&server) > 0).then_some(()));
    let untrusted = format!("the certificate of {} is not trusted", foreign.jwks.uri());
    eventually("it is not trusted", || server.log().contains(&untrusted).then_some(()));
    // It is tried again without a request.
    away.jwks.resume();
    let mut nobody = server.nobody().connect().unwrap();
    assert_eq!(status(&mut nobody, &good.token()), 200);
    assert_eq!(status(&mut nobody, &foreign.token()), 401);
    assert!(server.log().contains("the keys of its issuer are not known yet"));
    eventually("tried again", || (away.jwks.requests() > 0).then_some(()));
    eventually("keys", || (status(&mut nobody, &away.token()) == 200).then_some(()));
    assert_eq!(foreign.jwks.requests(), 0);
}

/// A self-signed certificate, as Firebase's are.
fn the_authority_of_a_key_server_may_be_exchanged() {
    let place = Arc::new(Place::new());
    let provider = Provider::new(&place, "a");
    let file = place.path("jwks-ca.pem");
    fs::write(&file, Authority::new("Test authority").pem()).unwrap();
    let mut arguments = vec!["--jwks-ca-file=jwks-ca.pem".to_owned(), "--auth-failure-limit=0".to_owned()];
    arguments.extend(provider.arguments());
    let server = Server::start_at(Arc::clone(&place), &Options { plain: true, arguments, ..Options::default() });
    let mut nobody = server.nobody().connect().unwrap();
    // The request waits, and delays the next try.
    assert_eq!(status(&mut nobody, &provider.token()), 401);
    eventually("it is not trusted", || (provider.failures(&server) > 0).then_some(()));
    fs::write(&file, "not PEM").unwrap();
    eventually("the file is seen", || server.log().contains("reload failed").then_some(()));
    fs::write(&file, place.authority.pem()).unwrap();
    eventually("the file is read", || server.log().contains("reloaded cause").then_some(()));
    // Without a request.
    eventually("the keys are fetched", || server.log().contains("fetched the issuer's keys").then_some(()));
    assert_eq!(status(&mut nobody, &provider.token()), 200);
}

fn certificate(key: &SigningKey) -> String {
    let mut name = X509NameBuilder::new().unwrap();
    name.append_entry_by_text("CN", "securetoken.system.gserviceaccount.com").unwrap();
    let name = name.build();
    let mut builder = X509::builder().unwrap();
    builder.set_version(2).unwrap();
    builder.set_subject_name(&name).unwrap();
    builder.set_issuer_name(&name).unwrap();
    builder.set_pubkey(&key.private).unwrap();
    builder.set_not_before(&Asn1Time::days_from_now(0).unwrap()).unwrap();
    builder.set_not_after(&Asn1Time::days_from_now(10).unwrap()).unwrap();
    builder.sign(&key.private, MessageDigest::sha256()).unwrap();
    String::from_utf8(builder.build().to_pem().unwrap()).unwrap()
}

#[test]
fn a_map_of_certificates_is_a_key_set_too() {
    let place = Place::new();
    let issuer = "https://securetoken.google.com/project";
    let (one, two) = (SigningKey::rsa("one"), SigningKey::rsa("two"));
    let (p256, p384) = (SigningKey::p256("p256"), SigningKey::p384("p384"));
    let keys = [&one, &two, &p256, &p384];
    let map: Value = keys.iter().map(|key| (key.id.clone(), json!(certificate(key)))).collect();
    // Without TLS, which needs an option.
    let jwks =
        Jwks::plain(Document { headers: "Cache-Control: public, max-age=20000\r\n".to_owned(), ..(&map).into() });
    let arguments = vec![
        format!("--jwt-issuer-uri={issuer}"),
        format!("--jwks-uri={}", jwks.uri()),
        "--jwt-audience=project".to_owned(),
        "--jwks-allow-http".to_owned(),
    ];
    let options = Options { plain: true, arguments, ..Options::default() };
    let server = Server::start_at(Arc::new(place), &options);
    let mut nobody = server.nobody().connect().unwrap();
    let claims = claims(issuer, "project", "carol");
    for (key, algorithm) in keys.into_iter().zip(["RS256", "RS256", "ES256", "ES384"]) {
        assert_eq!(status(&mut nobody, &format!("Bearer {}", key.token(algorithm, &claims))), 200, "{}", key.id);
    }
    let crossed = one.signed("RS256", &two.header("RS256"), &claims);
    assert_eq!(status(&mut nobody, &format!("Bearer {crossed}")), 401);
}

/// Returns the output of a check of issuer options, or its error.
pub fn checked(place: &Place, arguments: &[&str], environment: &[(&str, &str)]) -> Result<String, String> {
    let options = Options { plain: true, ..Options::default() };
    let mut command: Command = place.command(&options);
    command.args(arguments).envs(environment.iter().copied()).arg("--check-config");
    let (status, out, error) = run(&mut command);
    if !status.success() {
        assert_eq!((status.code(), error.lines().count()), (Some(1), 1), "{error}");
        return Err(error);
    }
    Ok(out.lines().find(|line| line.starts_with("callers: ")).unwrap().to_owned())
}

#[test]
fn options_belong_to_the_issuer_beside_them() {
    let place = Place::new();
    let (a, b) = ("--jwt-issuer-uri=https://a/", "--jwt-issuer-uri=https://b");
    let own = "JWTs of https://a/ for any audience, keys at https://a/.well-known/jwks.json";
    for (arguments, callers) in [
        (vec![a], own.to_owned()),
        (vec![a, b], format!("{own}; JWTs of https://b for any audience, keys at https://b/.well-known/jwks.json")),
        // Options of equal number are paired by position, in any order on the command line.
        (
            vec![a, b, "--jwks-uri=https://x/a", "--jwks-uri=https://x/b", "--jwt-audience=1", "--jwt-audience=2"],
            "JWTs of https://a/ for 1, keys at https://x/a; JWTs of https://b for 2, keys at https://x/b".to_owned(),
        ),
        (
            vec!["--jwt-audience=1", "--jwks-uri=https://x/a", a, "--jwt-audience=2", b, "--jwks-uri=https://x/b"],
            "JWTs of https://a/ for 1, keys at https://x/a; JWTs of https://b for 2, keys at https://x/b".to_owned(),
        ),
        // Otherwise an option belongs to the issuer before it.
        (
            vec![a, b, "--jwt-audience=2", "--jwks-uri=https://x/b"],
            format!("{own}; JWTs of https://b for 2, keys at https://x/b"),
        ),
        (
            vec![a, "--jwks-uri=https://x/a", "--jwt-audience=1", b],
            "JWTs of https://a/ for 1, keys at https://x/a; JWTs of https://b for any audience, keys at \
             https://b/.well-known/jwks.json"
                .to_owned(),
        ),
        // One issuer with two audiences counts as two.
        (
            vec![a, "--jwt-audience=1", a, "--jwt-audience=2", "--jwks-uri=https://x/a", "--jwks-uri=https://x/a"],
            "JWTs of https://a/ for 1, keys at https://x/a; JWTs of https://a/ for 2, keys at https://x/a".to_owned(),
        ),
    ] {
        assert_eq!(checked(&place, &arguments, &[]), Ok(format!("callers: {callers}")), "{arguments:?}");
    }
    let refused = [
        (vec!["--jwks-uri=https://x/a", a, b], "cannot be paired"),
        // A list in brackets has one place for all its values.
        (vec!["--jwt-issuer-uri=[https://a/,https://b]", "--jwt-audience=1"], "cannot be paired"),
        (vec![a, b, "--jwt-issuer-uri=https://c", "--jwt-audience=[1,2]"], "cannot be paired"),
        (vec![a, b, "--jwt-username-prefix=k", "--jwt-username-prefix=k8s:"], "do not keep names apart"),
        (vec![a, "--jwt-audience=1", "--jwt-audience=2"], "2 values of --jwt-audience cannot be paired with 1"),
        (vec![a, "--jwt-audience=1", "--jwt-audience=2", b, "--jwt-issuer-uri=https://c"], "cannot be paired"),
        (vec![a, b, "--jwt-username-claim=x", "--jwt-username-claim=y", "--jwt-username-claim=z"], "cannot be paired"),
        (vec!["--jwks-uri=https://x/a"], "--jwks-uri needs --jwt-issuer-uri"),
        (vec!["--jwt-audience=1"], "--jwt-audience needs --jwt-issuer-uri"),
        (vec![a, a], "is given twice"),
        (vec![a, a, "--jwt-audience=1", "--jwt-audience=1"], "the issuer https://a/ is given twice for the audience 1"),
        (vec![a, "--jwks-uri=http://x/a"], "unless --jwks-allow-http is given"),
        (vec!["--jwt-issuer-uri=http://a"], "unless --jwks-allow-http is given"),
        (vec![a, "--jwks-uri=ftp://x"], "it must begin with https:// or http://"),
        (vec![a, "--jwks-uri=x"], "--jwks-uri x: "),
        (vec!["--jwt-issuer-uri="], "must not be empty"),
        (vec![a, "--jwt-audience="], "must not be empty"),
    ];
    for (arguments, reason) in refused {
        let error = checked(&place, &arguments, &[]).expect_err(reason);
        assert!(error.contains(reason), "{arguments:?}: {error}");
    }
    let plain = checked(&place, &[a, "--jwks-uri=http://x/a", "--jwks-allow-http"], &[]).unwrap();
    assert!(plain.ends_with("keys at http://x/a"), "{plain}");
}

#[test]
fn what_belongs_together_comes_from_one_place() {
    let place = Place::new();
    let (two, uris) = ("[https://a/,https://b]", "[https://x/a,https://x/b]");
    let flag = |name: &str, value: &str| format!("--{name}={value}");
    fs::write(place.path("issuers.toml"), "jwt-issuer-uri = ['https://a/', 'https://b']\n").unwrap();
    fs::write(place.path("uris.toml"), "jwks-uri = ['https://x/a', 'https://x/b']\n").unwrap();
    fs::write(place.path("claims.toml"), "jwt-username-claim = ['sub', 'email']\n").unwrap();
    let (issuers, keys) = (flag("jwt-issuer-uri", two), flag("jwks-uri", uris));
    let (environment, line, file) = ("the environment", "the command line", "the file");
    type Variables<'a> = &'a [(&'a str, &'a str)];
    let refused: [(&str, &[&str], Variables<'_>, &str, &str); 7] = [
        ("jwks-uri", &[&issuers], &[("KMS_JWKS_URI", uris)], environment, line),
        ("jwt-audience", &[&issuers], &[("KMS_JWT_AUDIENCE", "[1,2]")], environment, line),
        ("jwt-username-prefix", &[&issuers], &[("KMS_JWT_USERNAME_PREFIX", "[a:,b:]")], environment, line),
        ("jwks-uri", &[&keys], &[("KMS_JWT_ISSUER_URI", two)], line, environment),
        ("jwks-uri", &[&issuers, "--config=uris.toml"], &[], file, line),
        ("jwks-uri", &["--config=issuers.toml"], &[("KMS_JWKS_URI", uris)], environment, file),
        ("jwt-username-claim", &[&issuers, "--config=claims.toml"], &[], file, line),
    ];
    for (option, arguments, variables, from, owner) in refused {
        let error = checked(&place, arguments, variables).expect_err(option);
        let text = format!("--{option} comes from {from} and --jwt-issuer-uri from {owner}: give both in one place");
        assert!(error.contains(&text), "{text}\n{error}");
    }
    let tls = [("KMS_HTTPS_P12_FILE", "server.p12"), ("KMS_HTTPS_P12_PASSWORD", P12_PASSWORD)];
    let files = [("KMS_AUTHORITY_CERT_FILE", "[ca.pem,two.pem]")];
    let prefixes = ["--username-prefix=a/", "--username-prefix=b/"];
    let error = checked(&place, &prefixes, &[&tls[..], &files].concat()).unwrap_err();
    assert!(error.contains("--authority-cert-file from the environment"), "{error}");

    // With one issuer there is no ambiguity, and one claim applies to all.
    let one = checked(&place, &["--jwt-issuer-uri=https://a/"], &[("KMS_JWKS_URI", "https://x/a")]).unwrap();
    assert!(one.ends_with("keys at https://x/a"), "{one}");
    assert!(checked(&place, &[&issuers], &[("KMS_JWT_USERNAME_CLAIM", "email")]).is_ok());
    let both = checked(&place, &[], &[("KMS_JWT_ISSUER_URI", two), ("KMS_JWKS_URI", uris)]).unwrap();
    assert!(both.contains("keys at https://x/a; JWTs of https://b"), "{both}");
}

#[test]
fn a_server_for_several_audiences_of_one_issuer_takes_either() {
    let place = Place::new();
    let provider = Provider::new(&place, "a");
    let mut arguments = vec![format!("--jwks-ca-file={}", place.path("ca.pem").display())];
    for audience in ["one", "two"] {
        arguments.push(format!("--jwt-issuer-uri={}", provider.issuer));
        arguments.push(format!("--jwks-uri={}", provider.jwks.uri()));
        arguments.push(format!("--jwt-audience={audience}"));
        arguments.push(format!("--jwt-username-prefix={audience}:"));
    }
    let server = Server::start_at(Arc::new(place), &Options { plain: true, arguments, ..Options::default() });
    let client: Client = server.nobody();
    for (audience, name) in [("one", Some("one:carol")), ("two", Some("two:carol")), ("three", None)] {
        let token = provider.key.token("ES256", &claims(&provider.issuer, audience, "carol"));
        let headers = [("Authorization", format!("Bearer {token}"))];
        let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
        let answer = client.try_request("GET", "/whoami", &headers, b"").unwrap();
        assert_eq!(answer.json()["username"].as_str(), name, "{audience}");
    }
}

/// An issuer like Okta, whose keys are not at the usual URL.
#[test]
fn a_provider_whose_keys_are_elsewhere_is_asked_where_and_the_log_says_it() {
    let place = Arc::new(Place::new());
    let key = SigningKey::p256("first");
    let provider = Jwks::start(&place.authority, &json!({}));
    let origin = provider.uri().split('/').take(3).collect::<Vec<_>>().join("/");
    let keys = "https://127.0.0.1:9/oauth2/v1/keys";
    provider.answer(&json!({"issuer": origin, "jwks_uri": keys}));
    let arguments = vec![
        format!("--jwks-ca-file={}", place.path("ca.pem").display()),
        format!("--jwt-issuer-uri={origin}"),
        "--jwt-audience=claviger".to_owned(),
    ];
    let server = Server::start_at(place, &Options { plain: true, arguments, ..Options::default() });
    eventually("the log says where they are", || {
        let log = server.log();
        let line = log.lines().find(|line| line.contains("its keys are elsewhere"))?;
        (line.contains(keys) && line.contains(&origin)).then_some(())
    });
    let token = format!("Bearer {}", key.token("ES256", &claims(&origin, "claviger", "carol")));
    assert_eq!(status(&mut server.nobody().connect().unwrap(), &token), 401);
}
