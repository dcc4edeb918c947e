//! The dialect of Conjur: authenticators, hosts, and their logins.

use std::io::Write as _;
use std::sync::Arc;

use data_encoding::{BASE64, BASE64URL_NOPAD};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::caller::{Caller, succeeded};
use super::hanzo;
use super::jwt::{but, claims, key_set};
use super::server::Place;
use super::{Answer, Client, Server, SigningKey};

pub const ISSUER: &str = "https://gitlab.example/";
pub const AUDIENCE: &str = "conjur";

/// A server with the administrator `root`.
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

/// Returns the definition of a host with these annotations.
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

/// The path where the host `apps/web` authenticates.
pub const WEB: &str = "/authn-jwt/gitlab/acme/host%2Fapps%2Fweb/authenticate";

pub fn authenticate_at(client: &Client, path: &str, headers: &[(&str, &str)], jwt: &str) -> Answer {
    let headers = [headers, &[("Content-Type", "application/x-www-form-urlencoded")]].concat();
    client.try_request("POST", path, &headers, format!("jwt={jwt}").as_bytes()).unwrap()
}

pub fn authenticate(server: &Server, jwt: &str) -> Answer {
    authenticate_at(&server.nobody(), WEB, &[], jwt)
}

/// Returns the Authorization header for the answer of a login.
#[track_caller]
pub fn authorization(answer: &Answer) -> String {
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    format!("Token token=\"{}\"", BASE64.encode(&answer.body))
}

/// Returns the compact form of an access token.
pub fn compact(token: &Value) -> String {
    let part = |name: &str| BASE64URL_NOPAD.encode(&BASE64.decode(token[name].as_str().unwrap().as_bytes()).unwrap());
    ["protected", "payload", "signature"].map(part).join(".")
}

/// A host that has logged in, or a caller with another Authorization header. It also sends the other headers of
/// Conjur's clients.
pub struct Host {
    client: Client,
    authorization: String,
}

impl Host {
    /// Logs in by this JWT with the authenticator `acme/gitlab`.
    pub fn new(server: &Server, jwt: &str) -> Self {
        Self::from(server, &authenticate(server, jwt))
    }

    /// Returns the host of this answer to a login.
    pub fn from(server: &Server, answer: &Answer) -> Self {
        Self { client: server.nobody(), authorization: authorization(answer) }
    }

    fn headers(&self) -> [(&str, &str); 4] {
        [
            ("Authorization", &self.authorization),
            ("Accept", "*/*"),
            ("Accept-Encoding", "gzip, deflate"),
            ("Content-Type", "text/plain; charset=utf-8"),
        ]
    }

    pub fn send(&self, method: &str, path: &str, body: &str) -> Answer {
        self.client.try_request(method, path, &self.headers(), body.as_bytes()).unwrap()
    }

    pub fn get(&self, path: &str) -> Answer {
        self.send("GET", path, "")
    }

    /// The status of a HEAD.
    pub fn head(&self, path: &str) -> u16 {
        let mut connection = self.client.connect().unwrap();
        let headers: String = self.headers().iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let request = format!("HEAD {path} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n");
        connection.stream.write_all(request.as_bytes()).unwrap();
        connection.read_head().unwrap().status
    }

    /// The identifiers of a list.
    #[track_caller]
    pub fn ids(&self, path: &str) -> Vec<String> {
        let answer = self.get(path);
        assert_eq!(answer.status, 200, "{path}: {}", String::from_utf8_lossy(&answer.body));
        answer.json().as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect()
    }
}

/// Returns the answer of `/whoami` with this header, or the status of the refusal.
pub fn whoami(client: &Client, authorization: &str) -> Result<Value, u16> {
    let answer = client.try_request("GET", "/whoami", &[("Authorization", authorization)], b"").unwrap();
    if answer.status == 200 { Ok(answer.json()) } else { Err(answer.status) }
}
