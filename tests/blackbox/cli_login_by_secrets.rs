//! `claviger login` by a client secret of an identity and by an API key of a host of Conjur.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::json;

use crate::harness::caller::Caller;
use crate::harness::cli::{NOT_AUTHENTICATED, UNAVAILABLE};
use crate::harness::conjur::{define, host};
use crate::harness::credentials::{api_key, app, secret};
use crate::harness::hanzo::server;
use crate::harness::{Cli, Server};

const LOGIN_FILE: &str = ".config/claviger/login.json";

/// An application that has only the address of the server.
fn bare(server: &Server, name: &str) -> Cli {
    Cli::bare(server, name).knowing(server)
}

/// Runs a command that must fail with this exit status, and returns its error, which must not contain the secret.
#[track_caller]
fn refusal(cli: &Cli, arguments: &[&str], input: &str, status: i32, secret: &str) -> String {
    let output = cli.output(arguments, input.as_bytes());
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(status), "{arguments:?}: {said}");
    assert_eq!(output.stdout, b"", "{arguments:?}");
    assert!(!said.contains(secret), "{arguments:?}: {said}");
    said
}

#[test]
fn a_client_secret_logs_in() {
    let server = server();
    let mut root = Caller::certificate(&server, "root");
    let own = app(&mut root, &json!({"lockoutEnabled": false, "accessTokenTTL": 1000}));
    let (secret_id, secret) = secret(&mut root, &own, &json!({}));
    let who = format!("username: identity:{}\nmethod: access-token\n", own.identity);
    let login = ["login", "--client-id", &own.client_id];
    let from = |file: &'static str| [&login[..], &["--client-secret-file", file]].concat();
    let by_file = bare(&server, "file");
    by_file.write("secret", format!("{secret}\n").as_bytes());
    let by_variable = bare(&server, "variable").with("CLAVIGER_CLIENT_SECRET", &secret);
    let by_input = bare(&server, "input");
    for (cli, arguments, input) in [
        (&by_file, from("secret"), String::new()),
        (&by_variable, login.to_vec(), String::new()),
        (&by_input, from("-"), format!("{secret}\r\n")),
    ] {
        let said = String::from_utf8(cli.pipe(&arguments, input.as_bytes())).unwrap();
        let start = format!("logged in: universal-auth/{}, until ", own.client_id);
        assert!(said.starts_with(&start) && !said.contains(&secret), "{said}");
        assert_eq!(cli.ok(&["whoami"]), who);
        assert_eq!(fs::metadata(cli.path(LOGIN_FILE)).unwrap().permissions().mode() & 0o777, 0o600);
        let kept = String::from_utf8(cli.read(LOGIN_FILE)).unwrap();
        assert!(
            kept.contains("\"renewable\":true") && !kept.contains(&secret),
            "the token is kept, and not the secret"
        );
        let kept: serde_json::Value = serde_json::from_str(&kept).unwrap();
        assert!(!said.contains(kept["access_token"].as_str().unwrap()));
    }
    // A named file takes precedence over the variable.
    let both = bare(&server, "both").with("CLAVIGER_CLIENT_SECRET", "0".repeat(68));
    both.write("secret", secret.as_bytes());
    both.ok(&from("secret"));
    assert_eq!(both.ok(&["whoami"]), who);
    let listed = root.get("/access/tokens").to_string();
    assert!(listed.contains(&format!("universal-auth {secret_id}")), "{listed}");
    by_file.quiet(&["logout"]);
    by_file.fails_with(&["whoami"], &["not authenticated"]);
    assert_eq!(by_input.ok(&["whoami"]), who, "a login of its own");
}

/// At a terminal the credential is asked for, and what is typed is not shown.
#[test]
fn typed_credentials_are_not_shown() {
    let server = server();
    let mut root = Caller::certificate(&server, "root");
    let own = app(&mut root, &json!({"lockoutEnabled": false}));
    let (_, secret) = secret(&mut root, &own, &json!({}));
    define(&mut root, "hosts", "apps/web", &host(&json!({})));
    let key = api_key(&mut root, "apps/web");
    let (by_secret, by_key) = (format!("login --client-id {}", own.client_id), "login --host apps/web --account acme");
    let typed = |text: &str| format!("{text}\n");
    for (number, (line, question, text)) in [
        (by_secret.clone(), "The client secret: ", &secret),
        (format!("{by_secret} --client-secret-file -"), "The client secret: ", &secret),
        (by_key.to_owned(), "The API key: ", &key),
    ]
    .into_iter()
    .enumerate()
    {
        let cli = bare(&server, &format!("typist {number}"));
        let (status, shown) = cli.at_a_terminal(&line, &[(question, &typed(text))]);
        assert!(status == 0 && shown.contains("logged in: ") && !shown.contains(&**text), "{line}: {status}: {shown}");
        assert_eq!(cli.json(&["whoami"])["method"], "access-token");
    }
    let cli = bare(&server, "typist");
    let (status, shown) = cli.at_a_terminal(&by_secret, &[("The client secret: ", "\n")]);
    assert!(status == 1 && shown.contains("no client secret was typed"), "{status}: {shown}");
    let (status, shown) = cli.at_a_terminal(&by_secret, &[("The client secret: ", "hidden\u{3}")]);
    assert!(status == 130 && !shown.contains("hidden"), "{status}: {shown}");
    let wrong = format!("{}\n", "0".repeat(68));
    let (status, shown) = cli.at_a_terminal(&by_secret, &[("The client secret: ", &wrong)]);
    assert!(status == NOT_AUTHENTICATED && shown.contains("the server refused"), "{status}: {shown}");
    // A JWT, which must have three parts.
    let (status, shown) = cli.at_a_terminal("login --issuer a --jwt-file -", &[("The JWT: ", "hidden\n")]);
    assert!(status == 1 && shown.contains("does not hold a JWT") && !shown.contains("hidden"), "{status}: {shown}");
    assert!(!cli.path(LOGIN_FILE).exists());
}

#[test]
fn an_api_key_logs_in() {
    let server = server();
    let mut root = Caller::certificate(&server, "root");
    define(&mut root, "hosts", "apps/web", &host(&json!({})));
    let key = api_key(&mut root, "apps/web");
    let login = ["login", "--host", "apps/web", "--account", "acme"];
    let web = bare(&server, "web").with("CLAVIGER_API_KEY", &key);
    let said = web.ok(&login);
    assert!(said.starts_with("logged in: authn/acme/host/apps/web, until "), "{said}");
    assert_eq!(web.ok(&["whoami"]), "username: host/apps/web\nmethod: access-token\n");
    assert_eq!(fs::metadata(web.path(LOGIN_FILE)).unwrap().permissions().mode() & 0o777, 0o600);
    let kept = String::from_utf8(web.read(LOGIN_FILE)).unwrap();
    assert!(kept.contains("\"renewable\":false") && !kept.contains(&key));
    // The account comes from the variable too, and the key from a file and from standard input.
    let other = bare(&server, "other").with("CLAVIGER_ACCOUNT", "acme");
    other.write("key", format!("{key}\n").as_bytes());
    for (file, input) in [("key", ""), ("-", &*key)] {
        let said = other.pipe(&["login", "--host", "apps/web", "--api-key-file", file, "--json"], input.as_bytes());
        let said: serde_json::Value = serde_json::from_slice(&said).unwrap();
        assert_eq!(said["issuer"], "authn/acme/host/apps/web");
        assert_eq!(other.json(&["whoami"])["username"], "host/apps/web");
        other.quiet(&["logout"]);
    }
    // With a fault in each part: no token is stored, and a stored one is not changed.
    let wrong = "0".repeat(64);
    for (arguments, input) in [
        (&["login", "--host", "apps/web", "--account", "acme", "--api-key-file", "-"][..], &wrong),
        (&["login", "--host", "apps/api", "--account", "acme", "--api-key-file", "-"], &key),
        (&["login", "--host", "host/apps/web", "--account", "acme", "--api-key-file", "-"], &key),
        (&["login", "--host", "apps/web", "--account", "default", "--api-key-file", "-"], &key),
    ] {
        let said = refusal(&web, arguments, input, NOT_AUTHENTICATED, input);
        let told = "claviger: the server refused the account, host and API key: HTTP status 401 Unauthorized; the server's log";
        assert!(said.starts_with(told) && !said.contains("--client-p12"), "{said}");
        assert_eq!(String::from_utf8(web.read(LOGIN_FILE)).unwrap(), kept);
    }
    assert_eq!(web.json(&["whoami"])["username"], "host/apps/web");
}

#[test]
fn a_wrong_secret_is_refused_and_none_is_taken_from_the_command_line() {
    let server = server();
    let mut root = Caller::certificate(&server, "root");
    let own = app(&mut root, &json!({"lockoutEnabled": false}));
    let (_, secret) = secret(&mut root, &own, &json!({}));
    let cli = bare(&server, "app");
    let by_input = ["login", "--client-id", &own.client_id, "--client-secret-file", "-"];
    // The exact secret, except for the last line end.
    for wrong in
        ["0".repeat(68), format!("{secret} "), format!(" {secret}"), format!("{secret}\n\n"), secret[1..].to_owned()]
    {
        let said = refusal(&cli, &by_input, &wrong, NOT_AUTHENTICATED, wrong.trim());
        let told = "claviger: the server refused the client id and client secret: Invalid credentials";
        assert!(said.starts_with(told) && said.contains("the server's log says why (request "), "{said}");
        assert!(!cli.path(LOGIN_FILE).exists(), "{wrong:?}");
    }
    let unknown = ["login", "--client-id", "00000000-0000-4000-8000-000000000000", "--client-secret-file", "-"];
    assert!(refusal(&cli, &unknown, &secret, NOT_AUTHENTICATED, &secret).contains("Invalid credentials"));

    // Without a secret, no request is sent.
    let away = bare(&server, "away").with("CLAVIGER_URL", "https://127.0.0.1:1").with("CLAVIGER_CLIENT_SECRET", "");
    away.write("empty", b"\n");
    away.write("long", &[b'a'; 5000]);
    away.write("bytes", &[0xff; 68]);
    let from = |file: &'static str| ["login", "--client-id", "a", "--client-secret-file", file];
    for (arguments, words) in [
        (
            &["login", "--client-id", "a"][..],
            &["there is no client secret", "--client-secret-file", "CLAVIGER_CLIENT_SECRET"][..],
        ),
        (&["login", "--host", "a"], &["there is no API key", "--api-key-file", "CLAVIGER_API_KEY"]),
        (&from("empty"), &["empty holds no client secret"]),
        (&from("none"), &["cannot read none"]),
        (&from("long"), &["long is larger than the server takes (4096 bytes)"]),
        (&from("bytes"), &["cannot read bytes"]),
    ] {
        away.fails_with(arguments, words);
    }

    // No secret is sent or read for a connection without TLS.
    for (url, status, words) in [
        ("http://192.0.2.1", 1, "a credential is sent only by https://"),
        ("http://127.0.0.1:1", UNAVAILABLE, "cannot connect"),
    ] {
        let clear = bare(&server, "clear").with("CLAVIGER_URL", url);
        assert!(refusal(&clear, &by_input, &secret, status, &secret).contains(words), "{url}");
    }

    // No option takes it as its value, and the error does not repeat it.
    for arguments in [
        vec!["login", "--client-id", "a", "--client-secret", &*secret],
        vec!["login", "--host", "a", "--api-key", &*secret],
    ] {
        let usage = String::from_utf8(cli.output(&arguments, b"").stderr).unwrap();
        assert!(usage.contains("unexpected argument"), "{usage}");
        let joined = format!("{}={secret}", arguments[3]);
        refusal(&cli, &[&arguments[..3], &[&*joined]].concat(), "", 2, &secret);
    }
    let help = cli.ok(&["login", "--help"]);
    for option in ["--client-secret ", "--client-secret <", "--api-key ", "--api-key <"] {
        assert!(!help.contains(option), "{option}");
    }
    assert!(!cli.path(LOGIN_FILE).exists());
    cli.pipe(&by_input, secret.as_bytes());
    assert_eq!(cli.json(&["whoami"])["username"], format!("identity:{}", own.identity));
}
