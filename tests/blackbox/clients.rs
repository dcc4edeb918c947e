//! Runs the clients of the four systems, unchanged from the registries: each of their calls has the outcome in
//! docs/clients.md.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use openssl::pkey::PKey;
use openssl::rsa::Rsa;
use serde_json::{Value, json};

use crate::harness::caller::{Caller, Issuer};
use crate::harness::conjur::{define, variables};
use crate::harness::credentials::api_key;
use crate::harness::jwt::key_set;
use crate::harness::server::{P12_PASSWORD, Place, run};
use crate::harness::socket::with_socket;
use crate::harness::{Jwks, Options, Server, SigningKey, conjur, hanzo, iam, packages};

/// `root` and one host are administrators. The projects of the tests have these roles.
const POLICY: &str = r#"
administrators = ["root", "host/ops"]
[policies.everything]
policy_type = "allow"
operations = ["*"]
resources = ["*"]
[roles.member]
capabilities = ["*"]
policies = ["everything"]
"#;

/// The outcome of a call, or the expected one.
#[derive(Debug)]
struct Outcome {
    /// `works`; `501`: the server says that it does not serve this; `refused`; `fails`: the client itself fails.
    word: String,
    /// From a driver: the text of the answer. From the document: a text that the answer must contain.
    text: String,
}

type Outcomes = BTreeMap<String, Outcome>;

/// Returns the section of a client in the document: its heading, and the outcome of each call.
fn documented(client: &str) -> (String, Outcomes) {
    let document = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/clients.md")).unwrap();
    let names = format!("`tests/clients/{client}`");
    let mut sections = document.split("\n## ").skip(1);
    let section = sections.find(|section| section.contains(&names)).unwrap_or_else(|| panic!("no section has {names}"));
    let (heading, rest) = section.split_once('\n').unwrap();
    let mut outcomes = Outcomes::new();
    for row in rest.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(|cell| cell.trim().trim_matches('`')).collect();
        let [call, word, text] = cells[..] else { panic!("{row}") };
        let outcome = Outcome { word: word.to_owned(), text: text.to_owned() };
        assert!(outcomes.insert(call.to_owned(), outcome).is_none(), "{row} stands there twice");
    }
    assert!(!outcomes.is_empty(), "the section of {client} has no table");
    (heading.to_owned(), outcomes)
}

/// Checks that the document names the pinned version.
fn pinned(client: &str, heading: &str) {
    let (name, version) = heading.split_once(' ').unwrap();
    let version = version.split(',').next().unwrap();
    let directory = packages::directory(client);
    let (file, pin) = match directory.join("package.json") {
        file if file.exists() => (file, format!("\"{name}\": \"{version}\"")),
        _ => (directory.join("requirements.txt"), format!("{name}=={version} ")),
    };
    assert!(fs::read_to_string(&file).unwrap().contains(&pin), "{} has no {pin}", file.display());
}

/// Reads the output of a driver: one line of JSON for each call.
fn said(out: &str) -> Outcomes {
    let mut outcomes = Outcomes::new();
    for line in out.lines() {
        let line: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"));
        let of = |name: &str| line[name].as_str().unwrap().to_owned();
        let outcome = Outcome { word: of("outcome"), text: of("detail") };
        assert!(outcomes.insert(of("call"), outcome).is_none(), "{line} was said twice");
    }
    outcomes
}

/// Runs a client's driver with this description, and compares the outcomes with the document.
fn hold(client: &str, place: &Place, description: &Value) {
    let (heading, expected) = documented(client);
    pinned(client, &heading);
    fs::write(place.path("described.json"), description.to_string()).unwrap();
    let mut driver = driver(client, place);
    driver.arg("described.json").env("HOME", place.directory.path()).env("PATH", std::env::var_os("PATH").unwrap());
    for variable in ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"] {
        driver.env(variable, place.path("ca.pem"));
    }
    // Requests to AWS are signed before they are sent, to this server.
    driver.envs([("AWS_ACCESS_KEY_ID", "AKIA"), ("AWS_SECRET_ACCESS_KEY", "x"), ("AWS_REGION", "us-east-1")]);
    let (status, out, error) = run(&mut driver);
    let found = said(&out);
    let mut wrong = Vec::new();
    for (call, outcome) in &expected {
        let Some(found) = found.get(call) else {
            wrong.push(format!("{call}: not called"));
            continue;
        };
        let unsaid = match outcome.word.as_str() {
            "501" => !found.text.contains("not serve") || !found.text.contains(&outcome.text),
            "refused" => outcome.text.is_empty() || !found.text.contains(&outcome.text),
            _ => false,
        };
        if found.word != outcome.word || unsaid {
            wrong.push(format!("{call}: {outcome:?} is documented, and it is {found:?}"));
        }
    }
    let unknown = found.iter().filter(|(call, _)| !expected.contains_key(*call));
    wrong.extend(unknown.map(|(call, outcome)| format!("{call}: not documented, and it is {outcome:?}")));
    assert!(status.success() && wrong.is_empty(), "{error}\n{}", wrong.join("\n"));
}

/// Returns the command that runs a client's driver. Node.js searches packages in the directory of the program, so the
/// driver is copied there.
fn driver(client: &str, place: &Place) -> Command {
    let sources = packages::directory(client);
    let mut command = if sources.join("package.json").exists() {
        let beside = place.path(client);
        fs::create_dir(&beside).unwrap();
        symlink(packages::node_modules(client), beside.join("node_modules")).unwrap();
        fs::copy(sources.join("driver.mjs"), beside.join("driver.mjs")).unwrap();
        fs::copy(sources.join("../outcome.mjs"), place.path("outcome.mjs")).unwrap();
        let mut node = Command::new("node");
        node.env_clear().arg(beside.join("driver.mjs"));
        node
    } else {
        let mut python = Command::new(packages::python(client));
        python.env_clear().env("PYTHONDONTWRITEBYTECODE", "1").arg(sources.join("driver.py"));
        python
    };
    command.current_dir(place.directory.path());
    command
}

fn url(server: &Server) -> String {
    format!("https://localhost:{}", server.address.port())
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn conjur_api() {
    let (server, key) = (server(), SigningKey::rsa("one"));
    let mut root = Caller::certificate(&server, "root");
    let from_a_claim = json!({"token-app-property": "project", "identity-path": "apps"});
    define(&mut root, "authenticators", "acme/gitlab", &variables(&key, &from_a_claim));
    define(&mut root, "authenticators", "acme/gcp", &variables(&key, &json!({})));
    let web = json!({"authn-jwt/gitlab/project": "web", "authn-jwt/gcp/project": "web"});
    define(&mut root, "hosts", "apps/web", &conjur::host(&web));
    define(&mut root, "hosts", "ops", &conjur::host(&json!({"authn-jwt/gcp/project": "ops"})));
    define(&mut root, "projects", "acme", &json!({"members": {"host/apps/web": "member", "host/ops": "member"}}));
    let api_key = api_key(&mut root, "apps/web");
    let place = &server.place;
    fs::write(place.path("alice.pem"), place.alice.certificate.to_pem().unwrap()).unwrap();
    fs::write(place.path("alice.key"), place.alice.key.private_key_to_pem_pkcs8().unwrap()).unwrap();
    let description = json!({
        "url": url(&server), "ca": path(&place.path("ca.pem")), "account": "acme",
        "host": "host/apps/web", "service": "gitlab", "jwt": conjur::jwt(&key, &json!({})),
        "service_of_named_hosts": "gcp", "administrator": "host/ops",
        "administrator_jwt": conjur::jwt(&key, &json!({"project": "ops"})),
        "api_key": api_key,
        "certificate": path(&place.path("alice.pem")), "key": path(&place.path("alice.key")),
    });
    hold("conjur", place, &description);
}

/// Starts a server for the clients of one system.
fn server() -> Server {
    let place = Arc::new(Place::new());
    fs::write(place.path("policy.toml"), POLICY).unwrap();
    Server::start_at(place, &hanzo::options(&[]))
}

/// A project, identities with access to it by every login, and an administrator.
fn infisical(client: &str) {
    let (server, key) = (server(), SigningKey::rsa("one"));
    let mut root = Caller::certificate(&server, "root");
    let project = root.done("/api/v2/workspace", &json!({"projectName": "shop"}))["project"].clone();
    let [app, administrator] = ["member", "admin"].map(|role| hanzo::identity(&mut root, role));
    for id in [&app, &administrator] {
        root.done(&hanzo::path(id), &hanzo::trusting(&key, &json!({})));
        let members = format!("/api/v2/workspace/{}/identity-memberships/{id}", project["id"].as_str().unwrap());
        root.done(&members, &json!({"role": "member"}));
    }
    // One document has both the issuer's configuration and its keys.
    let issuer = Jwks::stopped(&server.place.authority, &json!({}));
    let mut about = key_set(&[key.jwk()]);
    about["issuer"] = json!(format!("https://{}", issuer.address));
    about["jwks_uri"] = json!(issuer.uri());
    let mut issuer = issuer;
    issuer.answer(&about);
    issuer.resume();
    let trusted = json!({
        "oidcDiscoveryUrl": about["issuer"], "boundIssuer": about["issuer"], "boundAudiences": hanzo::AUDIENCE,
        "boundSubject": "app", "caCert": String::from_utf8(server.place.authority.pem()).unwrap(),
    });
    root.done(&format!("/api/v1/auth/oidc-auth/identities/{app}"), &trusted);
    let universal = format!("/api/v1/auth/universal-auth/identities/{app}");
    let attached = root.done(&universal, &json!({}));
    let made = root.done(&format!("{universal}/client-secrets"), &json!({"description": "a test"}));
    let jwt = hanzo::jwt(&key, &json!({}));
    let token = hanzo::login(&server, &app, &jwt);
    let signer = json!({
        "name": "signer", "projectId": project["id"], "keyUsage": "sign-verify", "encryptionAlgorithm": "RSA_4096",
    });
    let signer = Caller::bearer(&server, &token).done("/api/v1/kms/keys", &signer);
    let description = json!({
        "url": url(&server), "project": project["id"], "project_slug": project["slug"], "environment": "dev",
        "identity": app, "jwt": jwt, "token": token,
        "administrator_token": hanzo::login(&server, &administrator, &jwt),
        "client_id": attached["identityUniversalAuth"]["clientId"], "client_secret": made["clientSecret"],
        "oidc_identity": app, "oidc_jwt": hanzo::jwt(&key, &json!({"iss": about["issuer"]})),
        "rsa_key": signer["key"]["id"],
    });
    hold(client, &server.place, &description);
}

#[test]
fn infisicalsdk() {
    infisical("infisical-python");
}

#[test]
fn infisical_sdk() {
    infisical("infisical-node");
}

#[test]
fn axios() {
    let (server, key) = (server(), SigningKey::rsa("one"));
    let identity = hanzo::known(&server, &key, &json!({}));
    let description = json!({"url": url(&server), "identity": identity, "jwt": hanzo::jwt(&key, &json!({}))});
    hold("axios", &server.place, &description);
}

#[test]
fn piiano_vault_client() {
    let place = iam::place(&format!("{}{}", iam::IDPS, iam::ROLES));
    let server = Server::start_at(place, &iam::options(&["--administrators=jwt:https://jwt.io/#VaultAdmin"]));
    hold("piiano", &server.place, &json!({"url": url(&server), "vault_jwt": iam::TOKEN}));
}

// There is a package for this architecture only.
#[cfg(target_arch = "x86_64")]
#[test]
fn cosmian_kms() {
    let place = Arc::new(Place::new());
    let (token, id) = place.api_token();
    let issuer = Issuer::new(&place);
    fs::write(place.path("alice.p12"), place.alice.pkcs12(P12_PASSWORD)).unwrap();
    let options = Options { arguments: issuer.arguments.clone(), ..Options::default() };
    let server = Server::start_at(place, &options.with(&[&format!("--api-token-id={id}")]));
    let description = json!({
        "url": url(&server), "p12": path(&server.place.path("alice.p12")), "p12_password": P12_PASSWORD,
        "jwt": issuer.token("carol", &Value::Null), "api_token": token,
    });
    hold("cosmian", &server.place, &description);
}

/// A server with a KMIP socket, and what its clients need.
fn kmip_client(client: &str) {
    let place = Arc::new(Place::new());
    fs::write(place.path("alice.pem"), place.alice.certificate.to_pem().unwrap()).unwrap();
    fs::write(place.path("alice.key"), place.alice.key.private_key_to_pem_pkcs8().unwrap()).unwrap();
    let server = Server::start_at(place, &with_socket());
    let place = &server.place;
    let rsa = Rsa::generate(1024).unwrap();
    let private = PKey::from_rsa(rsa.clone()).unwrap().private_key_to_pkcs8().unwrap();
    let hex = |bytes: &[u8]| data_encoding::HEXLOWER.encode(bytes);
    let description = json!({
        "host": "localhost", "port": server.kmip.unwrap().port(), "ca": path(&place.path("ca.pem")),
        "client_certificate": path(&place.path("alice.pem")), "client_key": path(&place.path("alice.key")),
        "certificate": hex(&place.alice.certificate.to_der().unwrap()),
        "public_key": hex(&rsa.public_key_to_der_pkcs1().unwrap()), "private_key": hex(&private),
    });
    hold(client, place, &description);
}

#[test]
fn pykmip() {
    kmip_client("pykmip");
}

#[test]
fn the_tests_of_pykmip() {
    kmip_client("pykmip-tests");
}

// There are packages for x86-64 and ARM64 only.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
#[test]
fn pymongocrypt() {
    kmip_client("pymongocrypt");
}
