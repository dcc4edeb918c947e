//! `claviger --auth-token JWT version`: its output, and the callers who may use it.

use serde_json::Value;

use crate::harness::Server;
use crate::harness::cli::Cli;
use crate::harness::iam::{IDPS, ROLES, TOKEN, VERSION, server};

fn bare(server: &Server) -> Cli {
    Cli::bare(server, "piiano").with("CLAVIGER_CA_FILE", server.place.path("ca.pem"))
}

fn id(server: &Server) -> Value {
    server.alice().get(VERSION).json()["vault_id"].clone()
}

#[test]
fn the_version_is_a_table() {
    let server = server(&format!("{IDPS}{ROLES}"));
    let cli = bare(&server).with("PVAULT_ADDR", format!("https://localhost:{}", server.address.port()));
    for option in ["--auth-token", "--authtoken"] {
        let said = cli.ok(&[option, TOKEN, "version"]);
        let rows: Vec<Vec<&str>> = said
            .lines()
            .filter(|line| line.starts_with('|'))
            .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
            .collect();
        assert_eq!(said.lines().filter(|line| line.starts_with('+')).count(), 3, "{said}");
        assert_eq!(rows[0], ["vault_id", "vault_version", "cli_version", "db_schema_version"]);
        let vault = id(&server);
        let version = env!("CARGO_PKG_VERSION");
        assert_eq!(rows[1][..3], [vault.as_str().unwrap(), version, version]);
        assert!(rows[1][3].parse::<u32>().unwrap() >= 3, "{said}");
        assert_eq!(rows.len(), 2);
    }
    let by_variable = cli.with("PVAULT_AUTH_TOKEN", TOKEN);
    let json = by_variable.json(&["version"]);
    assert_eq!(json["vault_id"], id(&server));
    assert_eq!(json["cli_version"], env!("CARGO_PKG_VERSION"));
    // Every command sends the token.
    assert_eq!(by_variable.json(&["whoami"])["role"], "VaultAdminRole");
    by_variable.fails_with(&["--access-token", "x", "version"], &["both --access-token and --auth-token", "give one"]);
    let elsewhere = by_variable.with("CLAVIGER_URL", "https://localhost:1");
    elsewhere.fails_with(&["version"], &["localhost:1"]);
}

#[test]
fn only_callers_are_told_and_the_others_as_ever() {
    let server = server(&format!("{IDPS}{ROLES}"));
    assert_eq!(server.nobody().get(VERSION).status, 401);
    let cli = bare(&server).knowing(&server);
    cli.fails_with(&["--auth-token", &TOKEN[..TOKEN.len() - 2], "version"], &["not authenticated"]);
    assert!(cli.ok(&["version"]).starts_with("claviger "));
}

#[test]
fn the_identifier_is_the_databases() {
    let server = Server::start();
    let first = id(&server);
    assert_eq!(first.as_str().unwrap().len(), 32);
    let server = server.restart();
    assert_eq!(id(&server), first);
    assert_ne!(id(&Server::start()), first);
}
