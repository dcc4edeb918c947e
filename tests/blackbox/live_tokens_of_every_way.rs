//! At each use and at each renewal, access tokens of every login must satisfy both the settings at the login and the
//! current ones. They end when an administrator ends them.

use std::process::Command;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::hanzo_tokens::renew;
use crate::harness::caller::{Caller, succeeded};
use crate::harness::conjur::{self, WEB, authenticate_at, authorization, compact, define};
use crate::harness::credentials::{App, api_key, app, at, authenticate, log_in, secret};
use crate::harness::hanzo::{
    Provider, identity, jwt, login, oidc_path, options, path, place, server, token, trusting, whoami, whoami_at,
};
use crate::harness::jwt::{but, now};
use crate::harness::server::run;
use crate::harness::{Answer, Cli, Leaf, Server, SigningKey, clock};

/// One kind of login.
pub struct Way<'a> {
    pub server: &'a Server,
    /// The path where its settings are changed.
    pub settings: String,
    pub log_in: &'a dyn Fn() -> String,
}

impl Way<'_> {
    fn set(&self, changes: &Value) {
        let mut root = Caller::certificate(self.server, "root");
        succeeded(&root.send("PATCH", &self.settings, Some(changes)), changes);
    }

    /// Changes the settings of live tokens. The clock is stopped at `start`, and 1,100 seconds later at the end.
    pub fn holds_tokens_to_the_stricter(&self, start: i64) {
        self.networks_narrow();
        self.times_narrow(start);
        self.widened_gives_nothing(start + 1_000);
    }

    fn networks_narrow(&self) {
        let Self { server, log_in, .. } = self;
        self.set(&json!({"accessTokenTTL": 1000, "accessTokenMaxTTL": 2000}));
        let everywhere = json!([{"ipAddress": "0.0.0.0/0"}, {"ipAddress": "::/0"}]);
        let elsewhere = json!({"accessTokenTrustedIps": [{"ipAddress": "127.0.0.2/32"}]});
        let token = log_in();
        let mut open = Caller::bearer(server, &token);
        assert!(whoami_at(&mut open).is_ok());
        // The next use, over an open connection too, and the next renewal.
        self.set(&elsewhere);
        assert_eq!((whoami_at(&mut open), whoami(server, &token)), (Err(401), Err(401)));
        assert_eq!(renew(&server.nobody(), &token), Err(401));
        self.set(&json!({ "accessTokenTrustedIps": everywhere }));
        assert!(whoami_at(&mut open).is_ok());
        // More networks have no effect on a token that was issued for fewer.
        self.set(&elsewhere);
        let token = log_in();
        self.set(&json!({ "accessTokenTrustedIps": everywhere }));
        assert_eq!(whoami(server, &token), Err(401));
        assert_eq!(renew(&server.nobody(), &token), Err(401));
    }

    /// The time of each spelling, and the longest time of the token.
    fn times_narrow(&self, start: i64) {
        let Self { server, log_in, .. } = self;
        let stand = |at| clock::stand(&server.place, start + at);
        let token = log_in();
        self.set(&json!({"accessTokenTTL": 100, "accessTokenMaxTTL": 250}));
        stand(99);
        assert!(whoami(server, &token).is_ok());
        let given = renew(&server.nobody(), &token).unwrap();
        assert_eq!((&given["expiresIn"], &given["accessTokenMaxTTL"]), (&json!(100), &json!(250)));
        let second = crate::harness::hanzo::token(&given);
        stand(100);
        assert_eq!(whoami(server, &token), Err(401), "its time by what is set now");
        assert_eq!(renew(&server.nobody(), &token), Err(401));
        stand(198);
        assert!(whoami(server, &second).is_ok());
        self.set(&json!({"accessTokenTTL": 0, "accessTokenMaxTTL": 200}));
        assert_eq!(renew(&server.nobody(), &second).unwrap()["expiresIn"], 2);
        stand(200);
        assert_eq!((whoami(server, &second), renew(&server.nobody(), &second).map(drop)), (Err(401), Err(401)));
    }

    /// Wider settings have no effect on tokens that were issued before.
    fn widened_gives_nothing(&self, start: i64) {
        let Self { server, log_in, .. } = self;
        clock::stand(&server.place, start);
        self.set(&json!({"accessTokenTTL": 100, "accessTokenMaxTTL": 200}));
        let token = log_in();
        self.set(&json!({"accessTokenTTL": 5000, "accessTokenMaxTTL": 5000}));
        clock::stand(&server.place, start + 99);
        assert!(whoami(server, &token).is_ok());
        assert_eq!(renew(&server.nobody(), &token).unwrap()["expiresIn"], 100);
        clock::stand(&server.place, start + 100);
        assert_eq!(whoami(server, &token), Err(401));
    }
}

/// Starts a server whose clock is stopped.
pub fn standing(start: i64) -> Server {
    let place = place();
    let options = clock::moved(&place, options(&[]));
    clock::stand(&place, start);
    Server::start_at(Arc::clone(&place), &options)
}

#[track_caller]
fn by_secret(server: &Server, app: &App, client_secret: &str) -> String {
    token(&succeeded(&log_in(server, &app.client_id, client_secret), &json!("login")))
}

#[test]
fn oidc_auth_and_universal_auth_hold_live_tokens_to_what_is_set() {
    let (key, start) = (SigningKey::rsa("one"), now());
    let server = standing(start);
    let mut root = Caller::certificate(&server, "root");
    let provider = Provider::new(&server.place, &key);
    let id = identity(&mut root, "member");
    root.done(&oidc_path(&id), &provider.trusted());
    let forever = json!({"iat": start - 10, "exp": start + 100_000});
    let forever = key.token("RS256", &but(provider.claims(), &forever));
    let log_in = || provider.login(&server, &id, &forever);
    Way { server: &server, settings: oidc_path(&id), log_in: &log_in }.holds_tokens_to_the_stricter(start);
    let start = start + 2_000;
    clock::stand(&server.place, start);
    let mut root = Caller::certificate(&server, "root");
    let own = app(&mut root, &json!({"lockoutEnabled": false}));
    let (_, client_secret) = secret(&mut root, &own, &json!({}));
    let log_in = || by_secret(&server, &own, &client_secret);
    Way { server: &server, settings: at(&own.identity, ""), log_in: &log_in }.holds_tokens_to_the_stricter(start);
}

#[test]
fn the_tokens_of_every_way_are_ended_by_the_command_line() {
    let (server, key) = (server(), SigningKey::rsa("one"));
    let mut root = Caller::certificate(&server, "root");
    let own = app(&mut root, &json!({"lockoutEnabled": false}));
    let (_, client_secret) = secret(&mut root, &own, &json!({}));
    let (provider, id) = (Provider::new(&server.place, &key), &own.identity);
    root.done(&oidc_path(id), &provider.trusted());
    root.done(&path(id), &trusting(&key, &json!({})));
    let of_provider = key.token("RS256", &provider.claims());
    let all = || {
        [
            login(&server, id, &jwt(&key, &json!({}))),
            provider.login(&server, id, &of_provider),
            by_secret(&server, &own, &client_secret),
        ]
    };
    let other = login(&server, &crate::harness::hanzo::known(&server, &key, &json!({})), &jwt(&key, &json!({})));
    let before = all();
    let mut open = before.each_ref().map(|token| Caller::bearer(&server, token));
    assert!(open.each_mut().map(whoami_at).iter().all(Result::is_ok));
    let administrator = server.place.authority.issue(&Leaf::client("root"));
    Cli::new(&server, "root", &administrator).ok(&["identities", "update", id, "--end-tokens"]);
    assert_eq!(open.each_mut().map(whoami_at), [Err(401), Err(401), Err(401)], "over connections that are open");
    for token in &before {
        assert_eq!((whoami(&server, token), renew(&server.nobody(), token).map(drop)), (Err(401), Err(401)));
    }
    assert!(whoami(&server, &other).is_ok(), "another identity's");
    // Its credential is still valid.
    let after = all();
    assert!(after.iter().all(|token| whoami(&server, token).is_ok()));
    let server = server.restart();
    assert!(before.iter().all(|token| whoami(&server, token) == Err(401)));
    assert!(after.iter().all(|token| whoami(&server, token).is_ok()));
}

/// A request that comes from 127.0.0.2.
fn from_elsewhere(server: &Server, authorization: &str) -> String {
    let mut curl = Command::new("curl");
    curl.current_dir(server.place.directory.path());
    curl.args(["--silent", "--interface", "127.0.0.2", "--cacert", "ca.pem", "--output", "elsewhere"]);
    curl.args(["--write-out", "%{http_code}", "--resolve"]);
    curl.arg(format!("localhost:{}:127.0.0.1", server.address.port()));
    curl.arg("--header").arg(format!("Authorization: {authorization}"));
    curl.arg(format!("https://localhost:{}/whoami", server.address.port()));
    run(&mut curl).1
}

#[test]
fn tokens_of_hosts_are_held_to_their_networks_and_their_time() {
    let (key, start) = (SigningKey::rsa("one"), now());
    let server = standing(start);
    let mut root = Caller::certificate(&server, "root");
    define(&mut root, "authenticators", "acme/gitlab", &conjur::variables(&key, &json!({})));
    let mut restrict = |networks: &[&str]| {
        let own = conjur::host(&json!({"authn-jwt/gitlab/project": "web"}));
        define(&mut root, "hosts", "apps/web", &but(own, &json!({ "restricted_to": networks })));
    };
    restrict(&[]);
    let api_key = api_key(&mut Caller::certificate(&server, "root"), "apps/web");
    let nobody = server.nobody();
    let forever = conjur::jwt(&key, &json!({"iat": start - 10, "exp": start + 10_000}));
    let by_jwt = || authenticate_at(&nobody, WEB, &[], &forever);
    let by_key = || authenticate(&nobody, "acme", "host/apps/web", &api_key);
    let uses = |answer: &Answer| {
        let here = conjur::whoami(&nobody, &authorization(answer)).map_or_else(|status| status, |_| 200);
        (here, from_elsewhere(&server, &authorization(answer)))
    };
    let renewed = |answer: &Answer| renew(&nobody, &compact(&answer.json()));
    let both = |code: u16, elsewhere: &str| (code, elsewhere.to_owned());
    let anywhere = [by_jwt(), by_key()];
    restrict(&["127.0.0.1/32"]);
    let here = [by_jwt(), by_key()];
    for token in anywhere.iter().chain(&here) {
        assert_eq!(uses(token), both(200, "401"));
    }
    restrict(&["127.0.0.2/32"]);
    assert_eq!([by_jwt(), by_key()].map(|answer| answer.status), [401; 2]);
    for (token, elsewhere) in anywhere.iter().map(|token| (token, "200")).chain(here.iter().map(|token| (token, "401")))
    {
        assert_eq!(uses(token), both(401, elsewhere));
        assert_eq!(renewed(token), Err(401));
    }
    // More networks have no effect on a token that was issued for fewer.
    restrict(&[]);
    assert!(anywhere.iter().all(|token| uses(token) == both(200, "200")));
    assert!(here.iter().all(|token| uses(token) == both(200, "401")));
    // A renewal does not extend an access token beyond the longest time of a host.
    clock::stand(&server.place, start + 100);
    let later: Vec<Value> = anywhere.iter().map(|token| renewed(token).unwrap()).collect();
    for given in &later {
        assert_eq!((&given["expiresIn"], &given["accessTokenMaxTTL"]), (&json!(380), &json!(480)));
    }
    restrict(&["127.0.0.2/32"]);
    assert!(later.iter().all(|given| whoami(&server, &token(given)) == Err(401)), "what was renewed is held to it too");
    restrict(&[]);
    clock::stand(&server.place, start + 479);
    assert!(later.iter().all(|given| whoami(&server, &token(given)).is_ok()));
    clock::stand(&server.place, start + 480);
    for given in later.iter().map(token) {
        assert_eq!((whoami(&server, &given), renew(&nobody, &given).map(drop)), (Err(401), Err(401)));
    }
}
