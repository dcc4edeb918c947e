//! A request for each route that clients of other systems call, and for each GET route.

mod conjurs;
mod hanzos;
mod ours;

use data_encoding::BASE64;
use serde_json::{Map, Value, json};

use super::caller::Caller;
use super::conjur::{self, define};
use super::credentials::{App, api_key, app, secret};
use super::hanzo::{Provider, identity, jwt, oidc_path, path, server, trusting};
use super::{Answer, Server, SigningKey, eventually};

/// The body of a request.
enum Body {
    Nothing,
    Json(Map<String, Value>),
    Form(String),
    Text(String),
}

/// A request that succeeds once.
pub struct Request {
    pub path: String,
    /// The status of its success.
    pub status: u16,
    body: Body,
    authorization: Option<String>,
}

impl Request {
    fn new(path: impl Into<String>, body: Body) -> Self {
        Self { path: path.into(), status: 200, body, authorization: None }
    }

    /// One without a body.
    pub fn bare(path: impl Into<String>) -> Self {
        Self::new(path, Body::Nothing)
    }

    fn json(path: impl Into<String>, body: Value) -> Self {
        let Value::Object(members) = body else { panic!("{body}") };
        Self::new(path, Body::Json(members))
    }

    pub fn answers(self, status: u16) -> Self {
        Self { status, ..self }
    }

    /// Adds the API key of a host as Basic credentials.
    fn by(self, user: &str, key: &str) -> Self {
        let credentials = BASE64.encode(format!("{user}:{key}").as_bytes());
        Self { authorization: Some(format!("Basic {credentials}")), ..self }
    }

    pub fn authorization(&self) -> Option<&str> {
        self.authorization.as_deref()
    }

    fn with_body(&self, body: Body) -> Self {
        Self { path: self.path.clone(), status: self.status, body, authorization: self.authorization.clone() }
    }

    fn same_body(&self) -> Body {
        match &self.body {
            Body::Nothing => Body::Nothing,
            Body::Json(members) => Body::Json(members.clone()),
            Body::Form(fields) => Body::Form(fields.clone()),
            Body::Text(text) => Body::Text(text.clone()),
        }
    }

    /// Adds fields to the query.
    pub fn asking(&self, fields: &str) -> Self {
        let sign = if self.path.contains('?') { '&' } else { '?' };
        Self { path: format!("{}{sign}{fields}", self.path), ..self.with_body(self.same_body()) }
    }

    /// Returns the members of the body, if it is JSON.
    pub fn members(&self) -> Option<&Map<String, Value>> {
        if let Body::Json(members) = &self.body { Some(members) } else { None }
    }

    /// Returns the body and its media type.
    pub fn said(&self) -> Option<(Value, &'static str)> {
        match &self.body {
            Body::Nothing => None,
            Body::Json(members) => Some((Value::Object(members.clone()), "application/json")),
            Body::Form(fields) => Some((fields.as_str().into(), "application/x-www-form-urlencoded")),
            Body::Text(text) => Some((text.as_str().into(), "text/plain")),
        }
    }

    pub fn is_form(&self) -> bool {
        matches!(self.body, Body::Form(_))
    }

    pub fn has_body(&self) -> bool {
        !matches!(self.body, Body::Nothing)
    }

    /// Sets members of the body; existing ones are replaced.
    pub fn with<'a>(&self, more: impl IntoIterator<Item = (&'a str, Value)>) -> Self {
        let mut members = self.members().unwrap().clone();
        members.extend(more.into_iter().map(|(name, value)| (name.to_owned(), value)));
        self.with_body(Body::Json(members))
    }

    /// Adds fields to the form.
    pub fn with_fields(&self, fields: &str) -> Self {
        let Body::Form(own) = &self.body else { panic!("{} takes no form", self.path) };
        self.with_body(Body::Form(format!("{own}&{fields}")))
    }

    fn bytes(&self) -> Vec<u8> {
        match &self.body {
            Body::Nothing => Vec::new(),
            Body::Json(members) => Value::Object(members.clone()).to_string().into_bytes(),
            Body::Form(text) | Body::Text(text) => text.clone().into_bytes(),
        }
    }
}

/// The server where all requests succeed: `root` is the administrator, and has the role `lead` in the project `shop`.
pub struct World {
    pub server: Server,
    pub root: Caller,
    pub aes: String,
    pub signer: String,
    signing: SigningKey,
    identity: String,
    by_provider: String,
    provider: Provider,
    app: App,
    client_secret: (String, String),
    environment: String,
    folder: String,
    number: usize,
}

/// Makes the request of a row, and the objects that it needs.
pub type Make = fn(&mut World) -> Request;

/// The rows, by their names in the table of rights, with their requests.
pub fn requests() -> Vec<(&'static str, Make)> {
    [ours::REQUESTS, conjurs::REQUESTS, hanzos::REQUESTS].concat()
}

/// More rows: they remove something by their path.
pub fn removals() -> Vec<(&'static str, Make)> {
    hanzos::REMOVALS.to_vec()
}

impl World {
    pub fn new() -> Self {
        let (server, signing) = (server(), SigningKey::rsa("one"));
        let mut root = Caller::certificate(&server, "root");
        define(&mut root, "roles", "lead", &json!({"capabilities": ["*"], "policies": ["all"]}));
        define(&mut root, "projects", "shop", &json!({"members": {"root": "lead"}}));
        let mut key = |body: Value| root.done("/api/v1/kms/keys", &body)["key"]["id"].as_str().unwrap().to_owned();
        let aes = key(json!({"name": "aes"}));
        let signer = key(json!({"name": "signer", "encryptionAlgorithm": "ECC_NIST_P256"}));
        // An identity for each way of logging in, and a host.
        let by_jwt = identity(&mut root, "member");
        root.done(&path(&by_jwt), &trusting(&signing, &json!({})));
        root.done(&format!("/api/v2/workspace/shop/identity-memberships/{by_jwt}"), &json!({"role": "developer"}));
        let provider = Provider::new(&server.place, &signing);
        let by_provider = identity(&mut root, "member");
        root.done(&oidc_path(&by_provider), &provider.trusted());
        let app = app(&mut root, &json!({"lockoutEnabled": false}));
        let client_secret = secret(&mut root, &app, &json!({}));
        define(&mut root, "authenticators", "acme/gitlab", &conjur::variables(&signing, &json!({})));
        let by_claim = json!({"token-app-property": "app/name", "identity-path": "apps"});
        define(&mut root, "authenticators", "acme/claims", &conjur::variables(&signing, &by_claim));
        let annotations = json!({"authn-jwt/gitlab/project": "web", "authn-jwt/claims/project": "web"});
        define(&mut root, "hosts", "apps/web", &conjur::host(&annotations));
        // Places, and a secret in one.
        let environments = root.get("/api/v1/workspace/shop/environments");
        let environment = environments["environments"][0]["id"].as_str().unwrap().to_owned();
        let folder = root.done("/api/v1/folders", &place(json!({"path": "/", "name": "kept"})));
        let folder = folder["folder"]["id"].as_str().unwrap().to_owned();
        root.done("/api/v3/secrets/raw/KEPT", &place(json!({"secretValue": "x"})));
        eventually("the log is signed", || (root.send("GET", "/audit/head", None).status == 200).then_some(()));
        let (identity, number) = (by_jwt, 0);
        Self {
            server,
            root,
            aes,
            signer,
            signing,
            identity,
            by_provider,
            provider,
            app,
            client_secret,
            environment,
            folder,
            number,
        }
    }

    /// Sends a request of a row as `root`, with these headers.
    pub fn send_with(&mut self, row: &str, request: &Request, headers: &[(&str, &str)]) -> Answer {
        let (method, _) = row.split_once(' ').unwrap();
        let mut headers = headers.to_vec();
        headers.extend(request.authorization.as_deref().map(|value| ("Authorization", value)));
        self.root.connection.try_request(method, &request.path, &headers, &request.bytes()).unwrap()
    }

    pub fn send(&mut self, row: &str, request: &Request) -> Answer {
        self.send_with(row, request, &[])
    }

    /// Returns an unused name.
    fn fresh(&mut self) -> String {
        self.number += 1;
        format!("n{}", self.number)
    }

    fn new_identity(&mut self) -> String {
        identity(&mut self.root, "member")
    }

    fn api_key(&mut self) -> String {
        define(&mut self.root, "hosts", "apps/keyed", &json!({"account": "acme"}));
        api_key(&mut self.root, "apps/keyed")
    }

    fn access_token(&mut self) -> Value {
        let body = json!({"identityId": self.identity, "jwt": jwt(&self.signing, &json!({}))});
        self.root.done("/api/v1/auth/jwt-auth/login", &body)["accessToken"].clone()
    }

    /// Creates a project, and returns its name.
    fn new_project(&mut self) -> String {
        let name = self.fresh();
        let made = self.root.done("/api/v2/workspace", &json!({ "projectName": name }));
        made["project"]["slug"].as_str().unwrap().to_owned()
    }

    /// Creates a tag, and returns its identifier and slug.
    fn new_tag(&mut self) -> (String, String) {
        let slug = self.fresh();
        let made = self.root.done("/api/v1/workspace/shop/tags", &json!({ "slug": slug }));
        (made["workspaceTag"]["id"].as_str().unwrap().to_owned(), slug)
    }

    fn new_folder(&mut self) -> String {
        let name = self.fresh();
        self.root.done("/api/v1/folders", &place(json!({"path": "/", "name": name})));
        name
    }

    fn new_secret(&mut self) -> String {
        let name = self.fresh();
        self.root.done(&format!("/api/v3/secrets/raw/{name}"), &place(json!({"secretValue": "x"})));
        name
    }
}

/// Adds the environment `dev` of the project to the body of a request.
fn place(more: Value) -> Value {
    let mut own = json!({"workspaceId": "shop", "environment": "dev"});
    own.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    own
}

/// Adds it with the member names of newer clients.
fn newer(more: Value) -> Value {
    let mut own = json!({"projectId": "shop", "environment": "dev"});
    own.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    own
}
