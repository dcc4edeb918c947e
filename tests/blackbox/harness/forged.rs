//! Invalid JWTs, each for another reason. Every login and every route must refuse all of them.

use data_encoding::BASE64URL_NOPAD;
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::sign::Signer;
use serde_json::{Value, json};

use super::SigningKey;
use super::jwt::{but, compact, encode, now};

/// Returns JWTs like `own` with known attacks on other verifiers. `own` itself, signed by an RSA key of the issuer,
/// would be valid; `uri` may be the URL of the issuer's keys.
pub fn forged(key: &SigningKey, own: &Value, uri: &str) -> Vec<(&'static str, String)> {
    let good = key.token("RS256", own);
    let mut rows = claimed_otherwise(key, own);
    let mut bearer = |fault: &'static str, token: &str| rows.push((fault, token.to_owned()));
    let text = own.to_string();
    let none = compact(br#"{"alg":"none"}"#, text.as_bytes(), |_| Vec::new());
    bearer("alg none", &none);
    let public = PKey::public_key_from_der(&key.private.public_key_to_der().unwrap()).unwrap();
    let secret = PKey::hmac(&public.public_key_to_pem().unwrap()).unwrap();
    let header = key.header("HS256").to_string();
    let confused = compact(header.as_bytes(), text.as_bytes(), |message| {
        Signer::new(MessageDigest::sha256(), &secret).unwrap().sign_oneshot_to_vec(message).unwrap()
    });
    bearer("HMAC by the public key", &confused);
    let mallory = SigningKey::rsa(&key.id);
    for (member, value) in [("jwk", mallory.jwk()), ("jku", json!(uri)), ("x5u", json!(uri))] {
        let header = json!({"alg": "RS256", "kid": &key.id, member: value});
        bearer("a key that the token names itself: jwk, jku, x5u", &mallory.signed("RS256", &header, own));
    }
    let twice = format!("{},\"sub\":\"admin2\"}}", text.trim_end_matches('}'));
    let header = key.header("RS256").to_string();
    let twice = key.signed_text("RS256", &header, &twice);
    bearer("a member twice", &twice);
    let deep = format!("{},\"x\":{}{}}}", text.trim_end_matches('}'), "[".repeat(5000), "]".repeat(5000));
    let deep = key.signed_text("RS256", &header, &deep);
    bearer("JSON of great depth in a token (CVE-2025-6203)", &deep);
    bearer("a token of dots alone (CVE-2025-30204, CVE-2025-27144)", &".".repeat(20_000));
    let dots = format!("{good}{}", ".".repeat(10_000));
    bearer("a token with dots behind (CVE-2025-30204, CVE-2025-27144)", &dots);
    let long = format!("{}.{}.{}", encode(&[b' '; 9000]), encode(text.as_bytes()), encode(&[0; 256]));
    bearer("a long header in a token (CVE-2025-27144)", &long);
    bearer("a signature without its leading zero", &shortened(key, own));
    rows
}

/// Returns a JWT whose signature begins with a zero byte (one in 256 does), without this byte.
fn shortened(key: &SigningKey, own: &Value) -> String {
    let found = (0..10_000).find_map(|number| {
        let token = key.token("PS256", &but(own.clone(), &json!({"jti": number.to_string()})));
        let (message, signature) = token.rsplit_once('.').unwrap();
        let signature = BASE64URL_NOPAD.decode(signature.as_bytes()).unwrap();
        (signature[0] == 0).then(|| format!("{message}.{}", encode(&signature[1..])))
    });
    found.unwrap()
}

/// Returns JWTs that the issuer's key signs, with wrong or missing claims.
fn claimed_otherwise(key: &SigningKey, own: &Value) -> Vec<(&'static str, String)> {
    let mut rows = Vec::new();
    let mut claimed = |fault: &'static str, changes: &Value| {
        rows.push((fault, key.token("RS256", &but(own.clone(), changes))));
    };
    claimed("no iss", &json!({"iss": null}));
    claimed("no exp", &json!({"exp": null}));
    claimed("nbf not looked at", &json!({"nbf": now() + 600}));
    for (claim, value) in [("exp", json!("never")), ("exp", json!([now() + 600])), ("nbf", json!("never"))] {
        claimed("a time of another type taken for none (CVE-2026-25537)", &json!({claim: value}));
    }
    for user in ["", " ", "\u{3000}", "*"] {
        claimed("an empty, blank or `*` user", &json!({"sub": user}));
    }
    claimed("the default user's name", &json!({"sub": "admin"}));
    for value in [json!(false), json!(0)] {
        claimed("a value taken for none because it is false or 0", &json!({"nbf": value, "sub": value}));
    }
    claimed("an empty array of audiences (CVE-2020-26160)", &json!({"aud": []}));
    claimed("a text as audience that is another's (CVE-2024-5798)", &json!({"aud": "other"}));
    rows
}
