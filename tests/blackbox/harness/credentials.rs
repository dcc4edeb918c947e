//! Credentials that the server hands out: client secrets of identities and API keys of hosts.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use data_encoding::BASE64;
use serde_json::{Value, json};

use super::caller::Caller;
use super::conjur::encoded;
use super::hanzo::identity;
use super::server::Place;
use super::{Answer, Client, Server};

pub const LOGIN: &str = "/api/v1/auth/universal-auth/login";

/// An identity with Universal Auth.
pub struct App {
    pub identity: String,
    pub client_id: String,
}

pub fn at(identity: &str, rest: &str) -> String {
    format!("/api/v1/auth/universal-auth/identities/{identity}{rest}")
}

/// A new identity of a member with Universal Auth.
#[track_caller]
pub fn app(root: &mut Caller, settings: &Value) -> App {
    let identity = identity(root, "member");
    let auth = root.done(&at(&identity, ""), settings);
    App { client_id: auth["identityUniversalAuth"]["clientId"].as_str().unwrap().to_owned(), identity }
}

/// A new client secret: its identifier, and the secret.
#[track_caller]
pub fn secret(root: &mut Caller, app: &App, new: &Value) -> (String, String) {
    let made = root.done(&at(&app.identity, "/client-secrets"), new);
    let id = made["clientSecretData"]["id"].as_str().unwrap().to_owned();
    (id, made["clientSecret"].as_str().unwrap().to_owned())
}

pub fn log_in(server: &Server, client_id: &str, client_secret: &str) -> Answer {
    log_in_at(&server.nobody(), client_id, client_secret)
}

pub fn log_in_at(client: &Client, client_id: &str, client_secret: &str) -> Answer {
    client.post(LOGIN, &json!({"clientId": client_id, "clientSecret": client_secret}))
}

/// Sends a POST that must be refused in Infisical's error format, and returns the message.
#[track_caller]
pub fn refused(root: &mut Caller, path: &str, body: &Value, status: u16) -> String {
    let answer = root.post(path, body);
    assert_eq!(answer.status, status, "{body}\n{}", String::from_utf8_lossy(&answer.body));
    answer.json()["message"].as_str().unwrap().to_owned()
}

/// Requests an access token by the API key of a host.
pub fn authenticate(client: &Client, account: &str, login: &str, key: &str) -> Answer {
    let path = format!("/authn/{account}/{}/authenticate", encoded(login));
    client.try_request("POST", &path, &[], key.as_bytes()).unwrap()
}

/// A request with Basic credentials.
pub fn basic(client: &Client, method: &str, path: &str, user: &str, password: &str) -> Answer {
    let credentials = format!("Basic {}", BASE64.encode(format!("{user}:{password}").as_bytes()));
    client.try_request(method, path, &[("Authorization", &credentials)], b"").unwrap()
}

/// Issues an API key for a host of the account `acme`.
#[track_caller]
pub fn api_key(root: &mut Caller, host: &str) -> String {
    let answer = root.send("PUT", &format!("/authn/acme/api_key?role=host:{}", encoded(host)), None);
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    String::from_utf8(answer.body).unwrap()
}

/// Sets the flag when it is dropped, so that other threads end also if a test fails.
pub struct Over<'a>(pub &'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Returns texts that differ slightly from the credential, each with a description of the difference.
pub fn almost(good: &str) -> Vec<(String, String)> {
    let mut all = Vec::new();
    let mut put = |what: &str, text: String| all.push((what.to_owned(), text));
    put("upper case", good.to_ascii_uppercase());
    put("without its first character", good[1..].to_owned());
    put("without its last character", good[..good.len() - 1].to_owned());
    for more in ["=", "==", " ", "\n", "\0", "0"] {
        put(&format!("followed by {more:?}"), format!("{good}{more}"));
        put(&format!("preceded by {more:?}"), format!("{more}{good}"));
    }
    put("nothing", String::new());
    put("twice", format!("{good}{good}"));
    for (at, own) in good.char_indices() {
        let other = if own == 'a' { 'b' } else { 'a' };
        put(&format!("another digit at {at}"), format!("{}{other}{}", &good[..at], &good[at + 1..]));
    }
    all
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// Returns the names of the server's files that contain one of the needles.
pub fn holding(place: &Place, needles: &[Vec<u8>]) -> Vec<String> {
    let all = files(&place.path("")).into_iter();
    let holds = |content: &[u8]| {
        needles.iter().any(|needle| content.windows(needle.len()).any(|window| window == needle.as_slice()))
    };
    all.filter(|path| fs::read(path).is_ok_and(|content| holds(&content)))
        .map(|path| path.display().to_string())
        .collect()
}
