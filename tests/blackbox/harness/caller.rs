//! Callers with any kind of credential, each with a kept-alive connection.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Value, json};

use super::jwt::{but, claims, key_set};
use super::server::Place;
use super::{Answer, Connection, Jwks, Leaf, Options, Server, SigningKey, kmip};

pub const ISSUER: &str = "https://issuer.example/";
const AUDIENCE: &str = "claviger";

/// A caller with a kept-alive connection.
pub struct Caller {
    pub connection: Connection,
    authorization: Option<String>,
}

/// An issuer of JWTs.
pub struct Issuer {
    key: SigningKey,
    _keys: Jwks,
    pub arguments: Vec<String>,
}

impl Issuer {
    pub fn new(place: &Place) -> Self {
        let key = SigningKey::p256("key");
        let keys = Jwks::start(&place.authority, &key_set(&[key.jwk()]));
        let arguments = vec![
            "--client-cert=optional".to_owned(),
            format!("--jwks-ca-file={}", place.path("ca.pem").display()),
            format!("--jwt-issuer-uri={ISSUER}"),
            format!("--jwks-uri={}", keys.uri()),
            format!("--jwt-audience={AUDIENCE}"),
        ];
        Self { key, _keys: keys, arguments }
    }

    /// Returns a JWT of the user; `narrowing` is the claim `claviger`, or null.
    pub fn token(&self, user: &str, narrowing: &Value) -> String {
        self.key.token("ES256", &but(claims(ISSUER, AUDIENCE, user), &json!({ "claviger": narrowing })))
    }
}

/// A server with a policy file and an issuer.
pub struct World {
    pub server: Server,
    pub issuer: Issuer,
}

impl World {
    pub fn new(policy: &str) -> Self {
        Self::with(policy, &[])
    }

    pub fn with(policy: &str, more: &[&str]) -> Self {
        let place = Place::new();
        let issuer = Issuer::new(&place);
        fs::write(place.path("policy.toml"), policy).unwrap();
        let mut arguments = issuer.arguments.clone();
        arguments.push(format!("--policy-file={}", place.path("policy.toml").display()));
        arguments.extend(more.iter().map(|&argument| argument.to_owned()));
        Self { server: Server::start_at(Arc::new(place), &Options { arguments, ..Options::default() }), issuer }
    }

    pub fn restart(self) -> Self {
        Self { server: self.server.restart(), issuer: self.issuer }
    }

    /// Restarts the server with additional options.
    pub fn restart_with(self, more: &[&str]) -> Self {
        let options = self.server.options.with(more);
        let (place, _) = self.server.stop();
        Self { server: Server::start_at(place, &options), issuer: self.issuer }
    }

    pub fn policy_file(&self) -> PathBuf {
        self.server.place.path("policy.toml")
    }

    /// The bearer of a client certificate of this name.
    pub fn certificate(&self, name: &str) -> Caller {
        Caller::certificate(&self.server, name)
    }

    /// The bearer of a JWT; `narrowing` is the claim `claviger`, or null.
    pub fn token(&self, user: &str, narrowing: &Value) -> Caller {
        Caller::bearer(&self.server, &self.issuer.token(user, narrowing))
    }
}

impl Caller {
    pub fn certificate(server: &Server, name: &str) -> Self {
        let identity = server.place.authority.issue(&Leaf::client(name));
        Self { connection: server.client(&identity).connect().unwrap(), authorization: None }
    }

    pub fn bearer(server: &Server, token: &str) -> Self {
        let connection = server.nobody().connect().unwrap();
        Self { connection, authorization: Some(format!("Bearer {token}")) }
    }

    /// A caller on this connection who also sends a token.
    pub fn with(connection: Connection, token: &str) -> Self {
        Self { connection, authorization: Some(format!("Bearer {token}")) }
    }

    pub fn send(&mut self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        let mut headers = Vec::new();
        headers.extend(self.authorization.as_deref().map(|value| ("Authorization", value)));
        headers.extend(body.map(|_| ("Content-Type", "application/json")));
        let body = body.map(Value::to_string).unwrap_or_default();
        self.connection.try_request(method, path, &headers, body.as_bytes()).unwrap()
    }

    pub fn kmip(&mut self, request: &Value) -> Answer {
        self.send("POST", kmip::PATH, Some(request))
    }

    /// Sends a KMIP request that must succeed, and returns the answer.
    #[track_caller]
    pub fn ok(&mut self, request: &Value) -> Value {
        succeeded(&self.kmip(request), request)
    }

    /// Sends a KMIP request that must be refused, and returns the detail of the error.
    #[track_caller]
    pub fn refused(&mut self, request: &Value, status: u16) -> String {
        failed(&self.kmip(request), status, request)
    }

    pub fn get(&mut self, path: &str) -> Value {
        succeeded(&self.send("GET", path, None), &json!(path))
    }

    pub fn post(&mut self, path: &str, body: &Value) -> Answer {
        self.send("POST", path, Some(body))
    }

    /// Sends a POST that must succeed, and returns the answer.
    #[track_caller]
    pub fn done(&mut self, path: &str, body: &Value) -> Value {
        succeeded(&self.post(path, body), body)
    }

    /// Sends a request of any method that must succeed, and returns the answer.
    #[track_caller]
    pub fn done_with(&mut self, method: &str, path: &str, body: &Value) -> Value {
        succeeded(&self.send(method, path, Some(body)), body)
    }

    /// Sends a POST that must be refused, and returns the detail of the error.
    #[track_caller]
    pub fn not_done(&mut self, path: &str, body: &Value, status: u16) -> String {
        failed(&self.post(path, body), status, body)
    }

    #[track_caller]
    pub fn grant(&mut self, id: &str, user: &str, operations: &[&str]) {
        self.done("/access/grant", &change(id, user, operations));
    }

    #[track_caller]
    pub fn take_back(&mut self, id: &str, user: &str, operations: &[&str]) {
        self.done("/access/revoke", &change(id, user, operations));
    }

    pub fn define(&mut self, kind: &str, name: &str, definition: &Value) -> Answer {
        self.send("PUT", &format!("/access/definitions/{kind}/{name}"), Some(definition))
    }

    pub fn undefine(&mut self, kind: &str, name: &str) -> Answer {
        self.send("DELETE", &format!("/access/definitions/{kind}/{name}"), None)
    }

    /// A new active AES key.
    #[track_caller]
    pub fn key(&mut self, id: &str, more: &[Value]) -> String {
        let more = [&[kmip::text("UniqueIdentifier", id)], more].concat();
        kmip::string(&self.ok(&kmip::create("AES", 256, &more)), "UniqueIdentifier")
    }

    /// Returns the identifiers that Locate finds, and LocatedItems.
    #[track_caller]
    pub fn located(&mut self, criteria: &[Value]) -> (Vec<String>, i64) {
        let answer = self.ok(&kmip::locate(criteria, &[]));
        let ids = kmip::all(&answer, "UniqueIdentifier").into_iter().map(|id| id.as_str().unwrap().to_owned());
        (ids.collect(), kmip::find(&answer, "LocatedItems").unwrap().as_i64().unwrap())
    }
}

/// Returns the body of a grant or of its revocation.
pub fn change(id: &str, user: &str, operations: &[&str]) -> Value {
    match user.strip_prefix("role:") {
        Some(role) => json!({"unique_identifier": id, "role": role, "operation_types": operations}),
        None => json!({"unique_identifier": id, "user_id": user, "operation_types": operations}),
    }
}

/// The attribute that names the project.
pub fn project(name: &str) -> Value {
    kmip::vendor_attribute("claviger", "project", name)
}

#[track_caller]
pub fn succeeded(answer: &Answer, request: &Value) -> Value {
    assert_eq!(answer.status, 200, "{request}\n{}", String::from_utf8_lossy(&answer.body));
    answer.json()
}

#[track_caller]
pub fn failed(answer: &Answer, status: u16, request: &Value) -> String {
    assert_eq!(answer.status, status, "{request}\n{}", String::from_utf8_lossy(&answer.body));
    answer.detail()
}
