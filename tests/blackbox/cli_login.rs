//! `claviger login` exchanges a JWT for an access token, which later commands send until `claviger logout`.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};

use crate::harness::server::{P12_PASSWORD, run};
use crate::harness::token::write_private;
use crate::harness::{Leaf, Server, SigningKey, conjur, hanzo};

/// A caller with its own home directory.
struct Home<'a> {
    server: &'a Server,
    path: PathBuf,
}

impl<'a> Home<'a> {
    fn new(server: &'a Server, name: &str) -> Self {
        let path = server.place.path(name);
        fs::create_dir(&path).unwrap();
        Self { server, path }
    }

    /// The home directory of a caller with a certificate of this name.
    fn of(server: &'a Server, name: &str) -> Self {
        let home = Self::new(server, name);
        let identity = server.place.authority.issue(&Leaf::client(name));
        fs::write(home.path.join("own.p12"), identity.pkcs12(P12_PASSWORD)).unwrap();
        write_private(&home.path.join("own.password"), P12_PASSWORD.as_bytes());
        home
    }

    fn login_file(&self) -> PathBuf {
        self.path.join(".config/claviger/login.json")
    }

    fn try_run(&self, arguments: &[&str]) -> (bool, String, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_claviger"));
        command.env_clear().env("HOME", &self.path).current_dir(&self.path);
        command.env("CLAVIGER_URL", format!("https://localhost:{}", self.server.address.port()));
        command.env("CLAVIGER_CA_FILE", self.server.place.path("ca.pem"));
        if self.path.join("own.p12").exists() {
            command.env("CLAVIGER_CLIENT_P12", "own.p12").env("CLAVIGER_CLIENT_P12_PASSWORD_FILE", "own.password");
        }
        let (status, out, error) = run(command.args(arguments));
        (status.success(), out, error)
    }

    #[track_caller]
    fn run(&self, arguments: &[&str]) -> String {
        let (done, out, error) = self.try_run(arguments);
        assert!(done, "{arguments:?}: {error}");
        out.trim_end().to_owned()
    }

    #[track_caller]
    fn fails(&self, arguments: &[&str]) -> String {
        let (done, out, error) = self.try_run(arguments);
        assert!(!done, "{arguments:?}: {out}");
        error
    }

    fn jwt(&self, jwt: &str) {
        fs::write(self.path.join("jwt"), format!("{jwt}\n")).unwrap();
    }
}

#[test]
fn from_nothing_to_a_login_and_out_again() {
    let (server, key) = (hanzo::server(), SigningKey::rsa("one"));
    let root = Home::of(&server, "root");
    let id = root.run(&["identities", "create", "--name", "deployer", "--role", "member"]);
    fs::write(root.path.join("key.pem"), hanzo::pem(&key)).unwrap();
    let attach =
        ["identities", "attach", &id, "--public-key", "key.pem", "--bound-issuer", hanzo::ISSUER, "--audience"];
    let more = ["--subject", "app", "--claim", "org.team=a,b*", "--ttl", "100", "--max-ttl", "1000", "--uses", "50"];
    root.run(&[&attach[..], &[hanzo::AUDIENCE], &more[..]].concat());
    assert!(root.run(&["identities", "list"]).ends_with(&format!("\n{id}  deployer  member")));
    let shown: Value = serde_json::from_str(&root.run(&["identities", "show", &id])).unwrap();
    assert_eq!(shown["identityJwtAuth"]["boundClaims"], json!({"org.team": "a,b*"}));
    assert_eq!(shown["identityJwtAuth"]["accessTokenTTL"], 100);

    let app = Home::new(&server, "app");
    assert!(app.fails(&["whoami"]).contains("not authenticated"));
    app.jwt(&hanzo::jwt(&key, &json!({"org": {"team": "best"}})));
    assert!(app.fails(&["login", "--issuer", "nobody", "--jwt-file", "jwt"]).contains("not configured"));
    let said = app.run(&["login", "--issuer", &id, "--jwt-file", "jwt"]);
    assert!(said.starts_with(&format!("logged in: {id}, until ")), "{said}");
    assert_eq!(fs::metadata(app.login_file()).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(app.run(&["whoami"]), format!("username: identity:{id}\nmethod: access-token"));
    let made = app.run(&["sym", "keys", "create"]);
    assert!(app.run(&["access-rights", "owned"]).contains(&made));
    // It is never sent to another server.
    let (_, _, error) = app.try_run(&["whoami", "--url", "https://localhost:1"]);
    assert!(error.contains("localhost:1"), "{error}");
    // A token that is given takes precedence.
    assert!(app.fails(&["whoami", "--access-token", "a.b.c"]).contains("not authenticated"));
    let listed = root.run(&["tokens", "list"]);
    assert!(
        listed.contains(&format!("identity:{id}")) && listed.contains("  jwt-auth") && listed.contains("/50  "),
        "{listed}"
    );

    app.run(&["logout"]);
    assert!(!app.login_file().exists());
    assert!(app.fails(&["whoami"]).contains("not authenticated"));
    assert!(root.run(&["tokens", "list"]).contains("revoked"));
    assert!(app.fails(&["logout"]).contains("not logged in"));

    // Revoked by an administrator.
    app.run(&["login", "--issuer", &id, "--jwt-file", "jwt"]);
    let listed = root.run(&["tokens", "list"]);
    let live = listed.lines().skip(1).find(|line| !line.contains("revoked")).unwrap();
    root.run(&["tokens", "revoke", live.split(' ').next().unwrap(), "--yes"]);
    assert!(app.fails(&["whoami"]).contains("not authenticated"));
    let kid = root.run(&["tokens", "rotate-key"]);
    assert_eq!(kid.len(), 43, "{kid}");
    app.run(&["login", "--issuer", &id, "--jwt-file", "jwt"]);
    root.run(&["identities", "update", &id, "--role", "no-access"]);
    assert!(app.fails(&["sym", "keys", "create"]).contains("not permitted"));
    root.run(&["identities", "update", &id, "--end-tokens"]);
    assert!(app.fails(&["whoami"]).contains("not authenticated"));
    app.run(&["login", "--issuer", &id, "--jwt-file", "jwt"]);
    app.run(&["whoami"]);
    root.run(&["identities", "detach", &id, "--yes"]);
    assert!(app.fails(&["whoami"]).contains("not authenticated"));
    root.run(&["identities", "delete", &id, "--yes"]);
    assert_eq!(root.run(&["identities", "list"]), "");
}

#[test]
fn a_login_is_renewed_when_its_end_is_near() {
    let (server, key) = (hanzo::server(), SigningKey::rsa("one"));
    let id = hanzo::known(&server, &key, &json!({"accessTokenTTL": 1000, "accessTokenMaxTTL": 5000}));
    let app = Home::new(&server, "app");
    app.jwt(&hanzo::jwt(&key, &json!({})));
    app.run(&["login", "--issuer", &id, "--jwt-file", "jwt"]);
    let kept = || -> Value { serde_json::from_slice(&fs::read(app.login_file()).unwrap()).unwrap() };
    let first = kept();
    app.run(&["whoami"]);
    assert_eq!(kept(), first, "not yet");
    // As if it had been issued long ago.
    let mut old = first.clone();
    old["since"] = json!(first["expires"].as_i64().unwrap() - 100_000);
    write_private(&app.login_file(), old.to_string().as_bytes());
    assert!(app.run(&["whoami"]).contains(&id));
    let second = kept();
    assert_ne!(second["access_token"], first["access_token"]);
    assert!(second["expires"].as_i64() >= first["expires"].as_i64());
    assert_eq!(fs::metadata(app.login_file()).unwrap().permissions().mode() & 0o777, 0o600);
    // A file that others can read is not used, and an invalid file is reported.
    fs::set_permissions(app.login_file(), fs::Permissions::from_mode(0o644)).unwrap();
    assert!(app.fails(&["whoami"]).contains("chmod 600"));
    fs::remove_file(app.login_file()).unwrap();
    write_private(&app.login_file(), b"{}");
    assert!(app.fails(&["whoami"]).contains("is not a file of `claviger login`"));
}

#[test]
fn hosts_of_conjur_log_in_too() {
    let (server, key) = (conjur::server(), SigningKey::rsa("one"));
    conjur::configured(&server, &key, &json!({}));
    let app = Home::of(&server, "app");
    app.jwt(&conjur::jwt(&key, &json!({})));
    app.run(&["login", "--issuer", "authn-jwt/gitlab/acme/host/apps/web", "--jwt-file", "jwt"]);
    assert_eq!(app.run(&["whoami"]), "username: host/apps/web\nmethod: access-token");
    // It was issued with a certificate, and is bound to it.
    fs::remove_file(app.path.join("own.p12")).unwrap();
    assert!(app.fails(&["whoami"]).contains("not authenticated"));
    app.run(&["logout"]);
    for issuer in ["authn-jwt/gitlab", "authn-jwt/"] {
        assert!(
            app.fails(&["login", "--issuer", issuer, "--jwt-file", "jwt"]).contains("is not an issuer"),
            "{issuer}"
        );
    }
    app.jwt("x");
    assert!(app.fails(&["login", "--issuer", "a", "--jwt-file", "jwt"]).contains("does not hold a JWT"));
    fs::write(app.path.join("jwt"), "x".repeat(20_000)).unwrap();
    assert!(app.fails(&["login", "--issuer", "a", "--jwt-file", "jwt"]).contains("larger than"));
}
