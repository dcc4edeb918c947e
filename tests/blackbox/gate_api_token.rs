//! The API token: one key's bytes in base64, for the default user, for as long as the key is active.

use std::fs;
use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

use data_encoding::{BASE64, BASE64URL, HEXLOWER};
use openssl::sha::sha256;
use serde_json::{Value, json};

use crate::harness::cli::NOT_AUTHENTICATED;
use crate::harness::jwt::{but, claims, key_set};
use crate::harness::server::{Place, run};
use crate::harness::token::write_private;
use crate::harness::{Connection, Jwks, Leaf, Options, Server, SigningKey, kmip, reference};

/// Bytes whose base64 has letters of both cases, digits, `+`, `/` and padding.
fn key_bytes(length: usize) -> Vec<u8> {
    let mut bytes = reference::random(length);
    bytes[..6].copy_from_slice(&[0xfb, 0xff, 0xbe, 0x02, 0x5d, 0xb7]);
    bytes
}

fn api_token() -> Value {
    json!({"username": "admin", "method": "api-token"})
}

fn authorized(connection: &mut Connection, authorization: &str) -> (u16, Value) {
    let answer = connection.try_request("GET", "/whoami", &[("Authorization", authorization)], b"").unwrap();
    (answer.status, answer.json())
}

fn status(connection: &mut Connection, token: &str) -> u16 {
    authorized(connection, &format!("Bearer {token}")).0
}

fn options(plain: bool, arguments: &[&str]) -> Options {
    let arguments = arguments.iter().map(|&argument| argument.to_owned()).collect();
    Options { plain, arguments, ..Options::default() }
}

/// Returns a place where a key of these bytes is registered in default mode, and the key's identifier.
fn place_with(algorithm: &str, key: &[u8], more: &[Value]) -> (Arc<Place>, String) {
    let server = Server::start_with(&options(true, &[]));
    let id = server.nobody().connect().unwrap().new_key(&kmip::register(algorithm, key, more));
    (server.stop().0, id)
}

#[test]
fn from_nothing_to_a_token_by_the_command_line() {
    let server = Server::start_with(&options(true, &[]));
    let place = Arc::clone(&server.place);
    let home = place.path("home");
    fs::create_dir_all(home.join(".config/claviger")).unwrap();
    let claviger = |server: &Server, arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_claviger"));
        command.env_clear().env("HOME", &home).current_dir(&home).args(arguments);
        command.env("CLAVIGER_URL", format!("http://{}", server.address));
        run(&mut command)
    };
    let (made, id, error) = claviger(&server, &["sym", "keys", "create"]);
    assert!(made.success(), "{error}");
    let id = id.trim_end();
    let (exported, _, error) =
        claviger(&server, &["sym", "keys", "export", "-k", id, "-f", "base64", "api_token.base64"]);
    assert!(exported.success(), "{error}");
    let token = fs::read_to_string(home.join("api_token.base64")).unwrap();
    assert_eq!(BASE64.decode(token.as_bytes()).unwrap().len(), 32, "{token:?}");
    server.stop();

    let configuration = home.join(".config/claviger/claviger.toml");
    for spelling in ["--api-token-id", "--api_token_id", "KMS_API_TOKEN_ID"] {
        let mut options = options(true, &[spelling, id]);
        if spelling.starts_with("KMS_") {
            options.environment = vec![(spelling.to_owned(), options.arguments.pop().unwrap())];
            options.arguments.clear();
        }
        let server = Server::start_at(Arc::clone(&place), &options);
        let _ = fs::remove_file(&configuration);
        let (refused, _, error) = claviger(&server, &["whoami"]);
        assert_eq!((refused.code(), error.lines().count()), (Some(NOT_AUTHENTICATED), 1), "{error}");
        write_private(&configuration, format!("access_token = \"{token}\"\n").as_bytes());
        let (known, who, error) = claviger(&server, &["whoami", "--json"]);
        assert!(known.success(), "{error}");
        assert_eq!(serde_json::from_str::<Value>(&who).unwrap(), api_token());
        let (found, ids, error) = claviger(&server, &["sym", "keys", "locate"]);
        assert!(found.success(), "{error}");
        assert!(ids.contains(id), "{ids}");
        assert!(!server.log().contains(&token));
    }
}

#[test]
fn nothing_but_the_token_itself_is_the_token() {
    let key = key_bytes(32);
    let (place, id) = place_with("AES", &key, &[]);
    let server = Server::start_at(place, &options(true, &["--api-token-id", &id, "--auth-failure-limit=0"]));
    let mut nobody = server.nobody().connect().unwrap();
    let token = BASE64.encode(&key);
    let good = |nobody: &mut Connection| assert_eq!(authorized(nobody, &format!("bearer {token}")), (200, api_token()));
    good(&mut nobody);
    let swapped = |at: usize| {
        let swap = |c: char| if c.is_ascii_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() };
        let one = |(number, c)| if number == at { swap(c) } else { c };
        token.chars().enumerate().map(one).collect::<String>()
    };
    let letters = token.char_indices().filter(|(_, c)| c.is_ascii_alphabetic()).map(|(at, _)| at);
    let mut wrong: Vec<String> = letters.map(swapped).collect();
    assert!(wrong.len() > 10);
    for bit in 0..256 {
        let mut key = key.clone();
        key[bit / 8] ^= 1 << (bit % 8);
        wrong.push(BASE64.encode(&key));
    }
    let also = |more: &[u8]| BASE64.encode(&[&key, more].concat());
    wrong.extend([
        token.to_lowercase(),
        token.to_uppercase(),
        also(b"\0"),
        also(&[0; 32]),
        also(b"\n"),
        also(&key),
        BASE64.encode(&[&[0], &key[..]].concat()),
        BASE64.encode(&key[..31]),
        BASE64.encode(&key[..16]),
        BASE64.encode(&key[1..]),
        BASE64.encode(&sha256(&key)),
        BASE64.encode(token.as_bytes()),
        BASE64URL.encode(&key),
        token.trim_end_matches('=').to_owned(),
        format!("{token}="),
        format!("{token}AAAA"),
        format!("{token}%0A"),
        format!("{token}%00"),
        format!("\"{token}\""),
        token.replace('=', "%3D"),
        token[..token.len() - 4].to_owned(),
        token[..22].to_owned(),
        HEXLOWER.encode(&key),
        id.clone(),
        "AA==".to_owned(),
        "=".to_owned(),
        "====".to_owned(),
        "A".to_owned(),
        BASE64.encode(&[0; 32]),
        "A".repeat(20_000),
    ]);
    // The spare bits of the last character: another spelling of the same bytes.
    let (head, last) = token.trim_end_matches('=').split_at(token.trim_end_matches('=').len() - 1);
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let next = alphabet.find(last).unwrap() + 1;
    wrong.push(format!("{head}{}=", &alphabet[next..=next]));
    for token in &wrong {
        assert_eq!(status(&mut nobody, token), 401, "{token}");
    }
    for authorization in [
        token.clone(),
        format!("Basic {token}"),
        format!("Bearer {token} x"),
        format!("Bearer {token},{token}"),
        format!("Bearer {} {}", &token[..20], &token[20..]),
    ] {
        assert_eq!(authorized(&mut nobody, &authorization).0, 401, "{authorization}");
    }
    assert_eq!(nobody.get("/whoami").status, 401);
    good(&mut nobody);
    let log = server.log();
    assert!(log.contains("reason=API token: wrong, or its key is not active"));
    for secret in wrong.iter().filter(|token| token.len() > 20 && **token != id).chain([&token]) {
        assert!(!log.contains(secret.as_str()), "{secret}");
    }
}

#[test]
fn any_symmetric_key_that_the_token_can_compare_will_do() {
    // A key for HMAC that is longer than the hash's block means the same as its hash, and a short one the same as with
    // zeros behind it: both are refused.
    let not_for_macs = kmip::integer("CryptographicUsageMask", 4 | 8);
    for (algorithm, length, more) in [
        ("AES", 16, vec![]),
        ("AES", 24, vec![]),
        ("AES", 32, vec![not_for_macs]),
        ("AES", 32, vec![kmip::boolean("Sensitive", true), kmip::boolean("Extractable", false)]),
        ("HMACSHA256", 32, vec![]),
        ("HMACSHA512", 96, vec![]),
    ] {
        let key = key_bytes(length);
        let (place, id) = place_with(algorithm, &key, &more);
        let server = Server::start_at(place, &options(true, &["--api-token-id", &id]));
        let mut nobody = server.nobody().connect().unwrap();
        let mut changed = key.clone();
        changed[length - 1] ^= 0x80;
        for wrong in [sha256(&key).to_vec(), [&key[..], &[0]].concat(), key[..length - 1].to_vec(), changed] {
            assert_eq!(status(&mut nobody, &BASE64.encode(&wrong)), 401, "{algorithm} {length}");
        }
        assert_eq!(status(&mut nobody, &BASE64.encode(&key)), 200, "{algorithm} {length}");
        // Its owner gets no more of the key by this than its attributes permit.
        let exported = nobody.kmip(&kmip::named("Export", &id)).status;
        assert_eq!(exported, 401);
    }
}

/// The ways in which the key of an API token can end.
type End = fn(&str) -> Value;

#[test]
fn the_token_ends_with_its_key_from_the_next_request_on() {
    let ends: [(&str, End); 4] = [
        ("revoked", |id| kmip::revoke(id, "CessationOfOperation")),
        ("compromised", |id| kmip::revoke(id, "KeyCompromise")),
        ("revoked by itself", |id| kmip::revoke(id, "CessationOfOperation")),
        ("destroyed", |id| kmip::named("Destroy", id)),
    ];
    let place = Arc::new(Place::new());
    // A certificate may be that of the default user; a JWT may not.
    let admin = place.authority.issue(&Leaf::client("admin"));
    for (end, request) in ends {
        let key = key_bytes(32);
        let token = BASE64.encode(&key);
        let server = Server::start_at(Arc::clone(&place), &options(false, &["--client-cert=optional"]));
        let mut owner = server.client(&admin).connect().unwrap();
        let id = owner.new_key(&kmip::register("AES", &key, &[]));
        server.stop();
        let with_token = options(false, &["--client-cert=optional", "--api-token-id", &id]);
        let server = Server::start_at(Arc::clone(&place), &with_token);
        let mut owner = server.client(&admin).connect().unwrap();
        let mut nobody = server.nobody().connect().unwrap();
        for _ in 0..2 {
            assert_eq!(status(&mut nobody, &token), 200, "{end}");
        }
        match end {
            "revoked by itself" => {
                let authorization = format!("Bearer {token}");
                let headers = [("Content-Type", "application/json"), ("Authorization", authorization.as_str())];
                let body = request(&id).to_string();
                let answer = nobody.try_request("POST", kmip::PATH, &headers, body.as_bytes()).unwrap();
                assert_eq!(answer.status, 200);
            }
            "destroyed" => {
                owner.ok(&kmip::revoke(&id, "CessationOfOperation"));
                owner.ok(&request(&id));
            }
            _ => {
                owner.ok(&request(&id));
            }
        }
        assert_eq!(status(&mut nobody, &token), 401, "{end}");
        assert_eq!(status(&mut server.nobody().connect().unwrap(), &token), 401, "{end}");
        assert_eq!(owner.get("/whoami").json(), json!({"username": "admin", "method": "certificate"}));
        // The next start logs it, and callers with other credentials are accepted.
        drop((owner, nobody));
        server.stop();
        let server = Server::start_at(Arc::clone(&place), &with_token);
        let log = server.log();
        let told = |line: &str| line.contains("WARN") && line.contains("--api-token-id") && line.contains(&id);
        assert!(log.lines().any(told), "{end}: {log}");
        let mut owner = server.client(&admin).connect().unwrap();
        assert_eq!(owner.get("/whoami").json()["username"], "admin", "{end}");
        assert_eq!(status(&mut server.nobody().connect().unwrap(), &token), 401, "{end}");
        let check = run(place.command(&with_token).arg("--check-config"));
        assert!(
            check.0.success() && check.1.contains(&format!("not the API token of key {id}, which is ")),
            "{check:?}"
        );
    }
}

#[test]
fn a_key_that_is_not_there_keeps_the_server_from_starting() {
    let (place, id) = place_with("AES", &key_bytes(32), &[]);
    let upper = id.to_uppercase();
    for missing in ["b0b51ed0-0000-4000-8000-000000000000", "nobody's key", upper.as_str()] {
        let log = Server::try_start_at(Arc::clone(&place), &options(true, &["--api-token-id", missing])).err().unwrap();
        let last = log.lines().last().unwrap();
        assert!(last.contains(&format!("--api-token-id {missing}: ")), "{last}");
    }
    // A Pre-Active key is not Active.
    let server = Server::start_at(Arc::clone(&place), &options(true, &[]));
    let later = kmip::date("ActivationDate", "2999-01-01T00:00:00Z");
    let id = server.nobody().connect().unwrap().new_key(&kmip::register("AES", &key_bytes(32), &[later]));
    server.stop();
    let log = Server::try_start_at(place, &options(true, &["--api-token-id", &id])).err().unwrap();
    let told = format!("--api-token-id {id}: the object is in state PreActive");
    assert!(log.lines().last().unwrap().contains(&told), "{log}");
}

#[test]
fn a_key_that_nobody_can_hold_keeps_the_server_from_starting() {
    let place = Arc::new(Place::new());
    let server = Server::start_at(Arc::clone(&place), &options(true, &[]));
    let mut nobody = server.nobody().connect().unwrap();
    let (sensitive, sealed) = (kmip::boolean("Sensitive", true), kmip::boolean("Extractable", false));
    let hidden = [vec![sensitive.clone()], vec![sealed.clone()], vec![sensitive.clone(), sealed.clone()]];
    let hidden = hidden.map(|more| nobody.new_key(&kmip::create("AES", 256, &more)));
    let leaves = nobody.new_key(&kmip::create("AES", 256, &[]));
    // The caller who registered it knows it, whatever its attributes here.
    let brought = nobody.new_key(&kmip::register("AES", &key_bytes(32), &[sensitive, sealed]));
    drop(nobody);
    server.stop();
    let of = |id: &str| options(true, &["--api-token-id", id]);
    for id in &hidden {
        let told = Server::refused_at(&place, &of(id));
        assert!(
            told.contains(&format!("--api-token-id {id}: the key was made in the HSM and never leaves it")),
            "{told}"
        );
        assert!(told.contains("use a key that was imported by Register"), "{told}");
    }
    for id in [&leaves, &brought] {
        assert!(Server::start_at(Arc::clone(&place), &of(id)).stop().1.success(), "{id}");
    }
}

#[test]
fn a_key_whose_time_is_over_keeps_nobody_from_starting() {
    let place = Arc::new(Place::new());
    let server = Server::start_at(Arc::clone(&place), &options(true, &[]));
    let (key, past) = (key_bytes(32), |name: &str| kmip::date(name, "2020-01-01T00:00:00Z"));
    let expired = kmip::register("AES", &key, &[past("ActivationDate"), past("DeactivationDate")]);
    let id = server.nobody().connect().unwrap().new_key(&expired);
    server.stop();
    let server = Server::start_at(place, &options(true, &["--api-token-id", &id]));
    assert!(
        server.log().lines().any(|line| line.contains("WARN") && line.contains(&id) && line.contains("Deactivated"))
    );
    assert_eq!(status(&mut server.nobody().connect().unwrap(), &BASE64.encode(&key)), 401);
}

#[test]
fn a_bad_credential_is_never_a_reason_to_try_the_next() {
    let key = key_bytes(32);
    let token = BASE64.encode(&key);
    let (place, id) = place_with("AES", &key, &[]);
    let issuer = "https://a.example";
    let signing = SigningKey::p256("one");
    let jwks = Jwks::start(&place.authority, &key_set(&[signing.jwk()]));
    let ca = format!("--jwks-ca-file={}", place.path("ca.pem").display());
    let uri = format!("--jwks-uri={}", jwks.uri());
    let mut arguments = vec!["--client-cert=optional", "--api-token-id", &id, "--jwt-issuer-uri", issuer, &ca, &uri];
    arguments.push("--jwt-audience=claviger");
    for forced in [false, true] {
        if forced {
            arguments.extend(["--force-default-username", "--default-username=team"]);
        }
        let server = Server::start_at(Arc::clone(&place), &options(false, &arguments));
        let mut nobody = server.nobody().connect().unwrap();
        let name = |name: &'static str| if forced { "team" } else { name };
        let default = if forced { "team" } else { "admin" };
        let own = claims(issuer, "claviger", "carol");
        let jwt = |changes: &Value| format!("Bearer {}", signing.token("ES256", &but(own.clone(), changes)));
        assert_eq!(
            authorized(&mut nobody, &jwt(&json!({}))),
            (200, json!({"username": name("carol"), "method": "jwt"}))
        );
        let by_token = (200, json!({"username": default, "method": "api-token"}));
        assert_eq!(authorized(&mut nobody, &format!("Bearer {token}")), by_token);
        for bad in [
            jwt(&json!({"exp": 1})),
            jwt(&json!({"iss": "https://b.example"})),
            jwt(&json!({"sub": default})),
            format!("Bearer {token}.{token}.{token}"),
            format!("Bearer ..{token}"),
            "Bearer ..".to_owned(),
            format!("Bearer {}", BASE64.encode(&[0; 32])),
            format!("Basic {}", BASE64.encode(b"admin:admin")),
        ] {
            assert_eq!(authorized(&mut nobody, &bad).0, 401, "{bad}");
        }
        assert_eq!(nobody.get("/whoami").status, 401);
        let both = [("Authorization", format!("Bearer {token}")), ("Authorization", jwt(&json!({})))];
        let both = both.each_ref().map(|(name, value)| (*name, value.as_str()));
        assert_eq!(nobody.try_request("GET", "/whoami", &both, b"").unwrap().status, 401);
        // The certificate takes precedence over other credentials.
        let mut alice = server.alice().connect().unwrap();
        for authorization in [&format!("Bearer {token}"), &jwt(&json!({})), "Bearer x", "Basic eA=="] {
            let expected = (200, json!({"username": name("alice"), "method": "certificate"}));
            assert_eq!(authorized(&mut alice, authorization), expected, "{authorization}");
        }
        drop((alice, nobody));
        server.stop();
    }
}

/// Returns the difference of two samples by their ranks (Mann-Whitney U), so that outliers do not count more than other
/// values. For two samples of one distribution it is standard normal.
fn rank_sum(one: &[u64], other: &[u64]) -> f64 {
    let mut all: Vec<(u64, bool)> =
        one.iter().map(|&time| (time, true)).chain(other.iter().map(|&time| (time, false))).collect();
    all.sort_unstable();
    let ranks: f64 = all.iter().enumerate().filter(|(_, (_, first))| *first).map(|(rank, _)| rank as f64 + 1.0).sum();
    let (n, m) = (one.len() as f64, other.len() as f64);
    (ranks - n * (n + m + 1.0) / 2.0) / (n * m * (n + m + 1.0) / 12.0).sqrt()
}

#[test]
fn time_does_not_tell_where_a_token_is_wrong() {
    const EACH: usize = 5000;
    const ROUNDS: usize = 5;
    let key = key_bytes(32);
    let (place, id) = place_with("AES", &key, &[]);
    let mut options = options(true, &["--api-token-id", &id, "--auth-failure-limit=0"]);
    options.environment = vec![("KMS_LOG".to_owned(), "error".to_owned())];
    let server = Server::start_at(place, &options);
    let mut nobody = server.nobody().connect().unwrap();
    // 0: wrong in the first byte; 1: wrong in the last byte; 2: of another length, which is refused before the HSM is
    // called.
    let mut measure = |sort: usize| {
        let noise = reference::random(1)[0] | 1;
        let mut wrong = key.clone();
        match sort {
            0 => wrong[0] ^= noise,
            1 => wrong[31] ^= noise,
            _ => wrong.push(noise),
        }
        let authorization = format!("Bearer {}", BASE64.encode(&wrong));
        let headers = [("Authorization", authorization.as_str())];
        let began = Instant::now();
        let answer = nobody.try_request("GET", "/whoami", &headers, b"").unwrap();
        let took = u64::try_from(began.elapsed().as_nanos()).unwrap();
        assert_eq!(answer.status, 401);
        took
    };
    for _ in 0..200 {
        measure(2);
    }
    for _ in 0..ROUNDS {
        let mut times: [Vec<u64>; 3] = Default::default();
        // In a random order, so that no other process on this machine has the same rhythm.
        for random in reference::random(EACH) {
            let pair = if random & 1 == 0 { [0, 1] } else { [1, 0] };
            pair.into_iter().for_each(|sort| times[sort].push(measure(sort)));
            if random & 0x06 == 0 {
                times[2].push(measure(2));
            }
        }
        let [first, last, short] = times;
        assert_eq!((first.len(), last.len()), (EACH, EACH));
        let difference = rank_sum(&first, &last);
        let control = rank_sum(&first, &short);
        println!("first against last byte: {difference:.2}, against another length: {control:.2} standard deviations");
        assert!(difference.abs() < 4.5, "{difference}");
        // The measurement must detect a difference, unless the machine is too busy: a token that is not compared at all
        // is refused sooner.
        if control > 4.5 {
            return;
        }
    }
    panic!("nothing can be told by times here");
}
