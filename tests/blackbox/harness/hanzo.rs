//! The dialect of Hanzo and Infisical: an administrator, identities, and their logins.

use std::fs;
use std::sync::Arc;

use openssl::pkey::PKey;
use serde_json::{Value, json};

use super::caller::{Caller, succeeded};
use super::jwt::{but, claims, key_set};
use super::server::Place;
use super::{Answer, Jwks, Leaf, Options, Server, SigningKey};

pub const ISSUER: &str = "https://issuer.example/";
pub const AUDIENCE: &str = "claviger";
pub const LOGIN: &str = "/api/v1/auth/jwt-auth/login";
pub const RENEW: &str = "/api/v1/auth/token/renew";
pub const REVOKE: &str = "/api/v1/auth/token/revoke";

const POLICY: &str = r#"
administrators = ["root"]
[policies.all]
policy_type = "allow"
operations = ["*"]
resources = ["*"]
[roles.developer]
capabilities = ["create", "use", "read", "manage"]
policies = ["all"]
"#;

/// Options with the administrator `root` and optional certificates.
pub fn options(more: &[&str]) -> Options {
    let usual =
        ["--client-cert=optional", "--policy-file=policy.toml", "--auth-failure-limit=0", "--jwks-ca-file=ca.pem"];
    Options { arguments: usual.iter().chain(more).map(|&own| own.to_owned()).collect(), ..Options::default() }
}

pub fn place() -> Arc<Place> {
    let place = Arc::new(Place::new());
    fs::write(place.path("policy.toml"), POLICY).unwrap();
    place
}

pub fn server() -> Server {
    Server::start_at(place(), &options(&[]))
}

/// Returns the public half of a key in PEM.
pub fn pem(key: &SigningKey) -> String {
    let public = PKey::public_key_from_der(&key.private.public_key_to_der().unwrap()).unwrap();
    String::from_utf8(public.public_key_to_pem().unwrap()).unwrap()
}

/// A configuration that trusts a key.
pub fn trusting(key: &SigningKey, changes: &Value) -> Value {
    let own = json!({
        "configurationType": "static",
        "publicKeys": [pem(key)],
        "boundIssuer": ISSUER,
        "boundAudiences": AUDIENCE,
        "boundSubject": "app",
    });
    but(own, changes)
}

/// Returns a JWT of the identity.
pub fn jwt(key: &SigningKey, changes: &Value) -> String {
    key.token("RS256", &but(claims(ISSUER, AUDIENCE, "app"), changes))
}

pub fn path(identity: &str) -> String {
    format!("/api/v1/auth/jwt-auth/identities/{identity}")
}

/// A new identity of the role.
#[track_caller]
pub fn identity(root: &mut Caller, role: &str) -> String {
    let made = root.done("/api/v1/identities", &json!({"name": "app", "role": role}));
    made["identity"]["id"].as_str().unwrap().to_owned()
}

/// Creates an identity of role `member` that logs in by JWTs of the key, and returns its identifier.
#[track_caller]
pub fn known(server: &Server, key: &SigningKey, changes: &Value) -> String {
    let mut root = Caller::certificate(server, "root");
    let id = identity(&mut root, "member");
    root.done(&path(&id), &trusting(key, changes));
    id
}

/// Logs in over a connection without a certificate.
pub fn try_login(server: &Server, identity: &str, jwt: &str) -> Answer {
    server.nobody().post(LOGIN, &json!({"identityId": identity, "jwt": jwt}))
}

#[track_caller]
pub fn login(server: &Server, identity: &str, jwt: &str) -> String {
    token(&succeeded(&try_login(server, identity, jwt), &json!(identity)))
}

#[track_caller]
pub fn token(given: &Value) -> String {
    given["accessToken"].as_str().unwrap().to_owned()
}

/// Returns the user name of the access token, or the status of the refusal.
pub fn whoami(server: &Server, token: &str) -> Result<String, u16> {
    whoami_at(&mut Caller::bearer(server, token))
}

pub fn whoami_at(caller: &mut Caller) -> Result<String, u16> {
    let answer = caller.send("GET", "/whoami", None);
    if answer.status == 200 { Ok(answer.json()["username"].as_str().unwrap().to_owned()) } else { Err(answer.status) }
}

/// A caller with a certificate who also sends a token.
pub fn both(server: &Server, name: &str, token: &str) -> Caller {
    let identity = server.place.authority.issue(&Leaf::client(name));
    Caller::with(server.client(&identity).connect().unwrap(), token)
}

/// Returns the path of the OIDC auth of an identity.
pub fn oidc_path(identity: &str) -> String {
    format!("/api/v1/auth/oidc-auth/identities/{identity}")
}

pub const OIDC_LOGIN: &str = "/api/v1/auth/oidc-auth/login";

/// An OpenID Connect provider that publishes a key.
pub struct Provider {
    pub origin: String,
    _servers: [Jwks; 2],
}

impl Provider {
    pub fn new(place: &Place, key: &SigningKey) -> Self {
        let keys = Jwks::start(&place.authority, &key_set(&[key.jwk()]));
        let provider = Jwks::start(&place.authority, &json!({}));
        let origin = provider.uri().split('/').take(3).collect::<Vec<_>>().join("/");
        provider.answer(&json!({"issuer": origin, "jwks_uri": keys.uri()}));
        Self { origin, _servers: [keys, provider] }
    }

    /// Returns the settings of an OIDC auth that trusts this provider.
    pub fn trusted(&self) -> Value {
        let Self { origin, .. } = self;
        json!({"oidcDiscoveryUrl": origin, "boundIssuer": origin, "boundAudiences": AUDIENCE, "boundSubject": "app"})
    }

    /// Returns the claims of a JWT for the identity.
    pub fn claims(&self) -> Value {
        claims(&self.origin, AUDIENCE, "app")
    }

    #[track_caller]
    pub fn login(&self, server: &Server, identity: &str, jwt: &str) -> String {
        let body = json!({"identityId": identity, "jwt": jwt});
        token(&succeeded(&server.nobody().post(OIDC_LOGIN, &body), &json!(identity)))
    }
}
