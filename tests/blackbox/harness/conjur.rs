//! The dialect of Conjur: authenticators, hosts, and their logins.

use std::sync::Arc;

use data_encoding::BASE64;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::caller::{Caller, succeeded};
use super::hanzo;
use super::jwt::{but, claims, key_set};
use super::server::Place;
use super::{Answer, Client, Server, SigningKey};

pub const ISSUER: &str = "https://gitlab.example/";
pub const AUDIENCE: &str = "conjur";

/// A server where `root` administers.
pub fn server() -> Server {
    hanzo::server()
}

pub fn place() -> Arc<Place> {
    hanzo::place()
}

/// The variables of an authenticator that trusts a key.
pub fn variables(key: &SigningKey, changes: &Value) -> Value {
    let keys = json!({"type": "jwks", "value": key_set(&[key.jwk()])}).to_string();
    let own = json!({"public-keys": keys, "issuer": ISSUER, "audience": AUDIENCE});
    json!({ "variables": but(own, changes) })
}

/// The host of an application whose JWTs have this project.
pub fn host(annotations: &Value) -> Value {
    json!({"account": "acme", "annotations": annotations})
}

/// The authenticator `acme/gitlab` and its host `apps/web`.
pub fn configured(server: &Server, key: &SigningKey, changes: &Value) {
    let mut root = Caller::certificate(server, "root");
    define(&mut root, "authenticators", "acme/gitlab", &variables(key, changes));
    define(&mut root, "hosts", "apps/web", &host(&json!({"authn-jwt/gitlab/project": "web"})));
}

#[track_caller]
pub fn define(root: &mut Caller, kind: &str, name: &str, definition: &Value) {
    succeeded(&root.define(kind, &encoded(name), definition), definition);
}

pub fn encoded(name: &str) -> String {
    utf8_percent_encode(name, NON_ALPHANUMERIC).to_string()
}

pub fn jwt(key: &SigningKey, changes: &Value) -> String {
    let own = but(claims(ISSUER, AUDIENCE, "someone"), &json!({"project": "web"}));
    key.token("RS256", &but(own, changes))
}

/// Where the host of the URL authenticates.
pub const WEB: &str = "/authn-jwt/gitlab/acme/host%2Fapps%2Fweb/authenticate";

pub fn authenticate_at(client: &Client, path: &str, headers: &[(&str, &str)], jwt: &str) -> Answer {
    let headers = [headers, &[("Content-Type", "application/x-www-form-urlencoded")]].concat();
    client.try_request("POST", path, &headers, format!("jwt={jwt}").as_bytes()).unwrap()
}

pub fn authenticate(server: &Server, jwt: &str) -> Answer {
    authenticate_at(&server.nobody(), WEB, &[], jwt)
}

/// The header by which the answer of a login is used.
#[track_caller]
pub fn authorization(answer: &Answer) -> String {
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    format!("Token token=\"{}\"", BASE64.encode(&answer.body))
}

/// Who it is with this header, or the status.
pub fn whoami(client: &Client, authorization: &str) -> Result<Value, u16> {
    let answer = client.try_request("GET", "/whoami", &[("Authorization", authorization)], b"").unwrap();
    if answer.status == 200 { Ok(answer.json()) } else { Err(answer.status) }
}
