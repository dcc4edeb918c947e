//! The sources of options: a flag takes precedence over the environment, the environment over the file.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use crate::harness::cli::{ACCESS_TOKEN, PASSWORD};
use crate::harness::{Cli, Leaf, Server};

const FILE: &str = ".config/claviger/claviger.toml";

fn who(cli: &Cli, options: &[&str]) -> String {
    let said = cli.json(&[&["whoami"], options].concat());
    said["username"].as_str().unwrap().to_owned()
}

/// A caller with all options in the configuration file, and no variables.
fn configured(server: &Server) -> Cli {
    let cli = Cli::bare(server, "file");
    fs::create_dir_all(cli.path(".config/claviger")).unwrap();
    fs::copy(server.place.path("ca.pem"), cli.path(".config/claviger/ca.pem")).unwrap();
    cli.write(".config/claviger/own.p12", &server.place.authority.issue(&Leaf::client("file")).pkcs12(PASSWORD));
    // A path in the file is relative to the file.
    let port = server.address.port();
    let text = format!(
        "url = 'https://localhost:{port}'\nca-file = 'ca.pem'\nclient_p12 = 'own.p12'\n\
         client-p12-password = '{PASSWORD}'\n"
    );
    cli.write(FILE, text.as_bytes());
    cli
}

#[test]
fn requests_to_one_server() {
    Server::shared(&[
        a_flag_beats_the_environment_and_that_beats_the_file,
        an_empty_variable_counts_as_unset,
        the_file_is_found_where_it_is_named,
        what_is_wrong_with_the_file_is_told,
    ]);
}

fn a_flag_beats_the_environment_and_that_beats_the_file(server: &Server) {
    let cli = configured(server);
    assert_eq!(who(&cli, &[]), "file");

    for name in ["environment", "flag"] {
        let password = format!("{PASSWORD} of {name}");
        cli.write(&format!("{name}.p12"), &server.place.authority.issue(&Leaf::client(name)).pkcs12(&password));
        cli.write(&format!("{name}.password"), password.as_bytes());
    }
    let flag = ["--client-p12", "flag.p12", "--client-p12-password-file", "flag.password"];
    let good = format!("https://127.0.0.1:{}", server.address.port());
    assert_eq!(who(&cli, &flag), "flag");
    // Each option separately: the certificate from one source, its password from another.
    cli.fails_with(&["whoami", "--client-p12", "flag.p12"], &["wrong password"]);

    let cli = cli.with("CLAVIGER_CLIENT_P12", "environment.p12");
    cli.fails_with(&["whoami"], &["wrong password"]);
    for (name, value) in [
        ("CLAVIGER_CLIENT_P12_PASSWORD_FILE", "environment.password".to_owned()),
        ("CLAVIGER_CLIENT_P12_PASSWORD", format!("{PASSWORD} of environment")),
    ] {
        let cli = configured(server).with("CLAVIGER_CLIENT_P12", "environment.p12").with(name, value);
        assert_eq!(who(&cli, &[]), "environment");
        assert_eq!(who(&cli, &flag), "flag");
        // The URL, from the lowest to the highest precedence.
        let cli = cli.with("CLAVIGER_URL", "https://127.0.0.1:1");
        cli.fails_with(&["whoami"], &["cannot connect to https://127.0.0.1:1"]);
        assert_eq!(who(&cli, &["--url", &good]), "environment");
        // Options may also be before the command.
        let said = cli.ok(&["--url", &good, "whoami"]);
        assert!(said.starts_with("username: environment\n"), "{said}");
        let cli = cli.without("CLAVIGER_URL").with("CLAVIGER_CA_FILE", "missing.pem");
        cli.fails_with(&["whoami"], &["missing.pem"]);
        assert_eq!(who(&cli, &["--ca-file", ".config/claviger/ca.pem"]), "environment");
        let cli = cli.without("CLAVIGER_CA_FILE").with("CLAVIGER_TIMEOUT", "x");
        assert_eq!(cli.output(&["whoami"], b"").status.code(), Some(2));
    }
}

fn an_empty_variable_counts_as_unset(server: &Server) {
    let mut cli = configured(server);
    for name in [
        "CLAVIGER_URL",
        "CLAVIGER_CA_FILE",
        "CLAVIGER_CLIENT_P12",
        "CLAVIGER_CLIENT_P12_PASSWORD_FILE",
        "CLAVIGER_ACCESS_TOKEN",
        "PVAULT_AUTH_TOKEN",
        "PVAULT_ADDR",
        "CLAVIGER_TIMEOUT",
        "CLAVIGER_CONFIG",
        "CLAVIGER_ACCOUNT",
    ] {
        cli = cli.with(name, "");
        assert_eq!(who(&cli, &[]), "file", "{name}");
    }
    // Also of a subcommand: the account is the default one.
    let said = String::from_utf8(cli.output(&["secrets", "put", "db"], b"x").stderr).unwrap();
    assert!(!said.contains("ACCOUNT") && !said.contains("account"), "{said}");
    // An empty flag does not count as unset.
    cli.fails_with(&["whoami", "--url", ""], &["--url: it is not a URL"]);
}

fn the_file_is_found_where_it_is_named(server: &Server) {
    let cli = configured(server);
    let named = ["--config", ".config/claviger/other.toml"];
    fs::rename(cli.path(FILE), cli.path(named[1])).unwrap();
    cli.fails_with(&["whoami"], &["localhost:9998"]);
    assert_eq!(who(&cli, &named), "file");
    let cli = cli.with("CLAVIGER_CONFIG", named[1]);
    assert_eq!(who(&cli, &[]), "file");
    cli.fails_with(&["whoami", "--config", "missing.toml"], &["cannot read the configuration file missing.toml"]);
    // Without XDG_CONFIG_HOME it is below HOME, as it is here.
    fs::rename(cli.path(named[1]), cli.path(FILE)).unwrap();
    let cli = cli.without("CLAVIGER_CONFIG");
    let mut command = cli.command(&["whoami"]);
    let output = command.env_remove("XDG_CONFIG_HOME").output().unwrap();
    assert!(output.status.success(), "{output:?}");
}

fn what_is_wrong_with_the_file_is_told(server: &Server) {
    let cli = configured(server);
    let good = String::from_utf8(cli.read(FILE)).unwrap();
    let mode = |mode| fs::set_permissions(cli.path(FILE), fs::Permissions::from_mode(mode)).unwrap();
    for exposed in [0o644, 0o640, 0o604, 0o620] {
        mode(exposed);
        cli.fails_with(&["whoami"], &["holds `client_p12_password` and is readable by others", "chmod 600"]);
    }
    mode(0o400);
    assert_eq!(who(&cli, &[]), "file");
    mode(0o600);
    for (more, words) in [
        ("pasword = 'x'".to_owned(), &["claviger.toml", "`pasword`"][..]),
        ("url = 'https://a'".to_owned(), &["claviger.toml", "line 5", "duplicate key"]),
        (format!("access-token = ['{ACCESS_TOKEN}']"), &["`access-token` must be a string"]),
        ("timeout = 0".to_owned(), &["1 to 3600"]),
        ("client_p12_password_file = 'own.p12'".to_owned(), &["both as a text and as a file"]),
        (format!("= {ACCESS_TOKEN}"), &["line 5"]),
    ] {
        cli.write(FILE, format!("{good}{more}\n").as_bytes());
        cli.fails_with(&["whoami"], words);
    }
    // A file without a secret may be read by everyone.
    cli.write("own.password", PASSWORD.as_bytes());
    cli.write(FILE, good.replace("client-p12-password = ", "# ").as_bytes());
    mode(0o644);
    assert_eq!(who(&cli, &["--client-p12-password-file", "own.password"]), "file");
}
