//! The command lines of the documents work unchanged, except for the names of programs, hosts and tenants.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use crate::harness::iam;
use crate::harness::server::{Place, run};
use crate::harness::{Client, Leaf, Options, Server};

/// Returns a place with files that have the names in the documents.
fn place() -> Place {
    let place = Place::new();
    let identity = place.authority.issue(&Leaf::server());
    fs::write(place.path("kms.server.p12"), identity.pkcs12("password")).unwrap();
    for name in ["verifier.cert.pem", "bundle.pem"] {
        fs::write(place.path(name), place.authority.pem()).unwrap();
    }
    place
}

fn program(place: &Place) -> Command {
    let mut program = place.program();
    program.arg("--hsm-pin-file").arg(&place.token.pin_file);
    program
}

/// Returns the lines about callers in the output of a check.
fn callers(command: &mut Command) -> String {
    let (status, out, error) = run(command.arg("--check-config"));
    assert!(status.success(), "{command:?}: {error}");
    out.lines().find_map(|line| line.strip_prefix("callers: ")).unwrap().to_owned()
}

const GOOGLE: (&str, &str) = ("https://accounts.google.com", "https://www.googleapis.com/oauth2/v3/certs");
const FIREBASE: (&str, &str) = (
    "https://securetoken.google.com/YOUR-PROJECT-ID",
    "https://www.googleapis.com/service_accounts/v1/metadata/x509/securetoken@system.gserviceaccount.com",
);
const AUTH0: (&str, &str) =
    ("https://your-tenant.region.auth0.com/", "https://your-tenant.region.auth0.com/.well-known/jwks.json");
const OKTA: (&str, &str) = ("https://OKTA_TENANT_NAME.com", "https://OKTA_TENANT_NAME.com");
const ENTRA: (&str, &str) = (
    "https://login.microsoftonline.com/TENANT_ID/discovery/v2.0/",
    "https://login.microsoftonline.com/TENANT_ID/discovery/v2.0/keys",
);

#[test]
fn each_provider_by_flags_and_by_variables() {
    let place = place();
    for (issuer, uri) in [GOOGLE, FIREBASE, AUTH0, OKTA, ENTRA] {
        for (audience, shown) in [(Some("cosmian_kms"), "cosmian_kms"), (None, "any audience")] {
            let expected = format!("JWTs of {issuer} for {shown}, keys at {uri}");
            let mut options = vec![("jwt-issuer-uri", issuer), ("jwks-uri", uri)];
            options.extend(audience.map(|audience| ("jwt-audience", audience)));
            let mut joined = program(&place);
            let mut separate = program(&place);
            let mut plain = program(&place);
            let mut bracketed = program(&place);
            for (option, value) in &options {
                joined.arg(format!("--{option}={value}"));
                separate.arg(format!("--{option}")).arg(value);
                let variable = format!("KMS_{}", option.replace('-', "_").to_uppercase());
                plain.env(&variable, value);
                bracketed.env(&variable, format!("[{value}]"));
            }
            for command in [&mut joined, &mut separate, &mut plain, &mut bracketed] {
                assert_eq!(callers(command), expected);
            }
        }
    }
    // Auth0's keys are at the default URL.
    let (issuer, uri) = AUTH0;
    let alone = callers(program(&place).arg(format!("--jwt-issuer-uri={issuer}")));
    assert_eq!(alone, format!("JWTs of {issuer} for any audience, keys at {uri}"));
}

#[test]
fn two_providers_of_which_one_has_an_audience() {
    let place = place();
    let mut command = program(&place);
    command.arg(format!("--jwt-issuer-uri={}", GOOGLE.0)).arg(format!("--jwks-uri={}", GOOGLE.1));
    command.arg("--jwt-audience=cosmian_kms");
    command.arg(format!("--jwt-issuer-uri={}", ENTRA.0)).arg(format!("--jwks-uri={}", ENTRA.1));
    let expected = format!(
        "JWTs of {} for cosmian_kms, keys at {}; JWTs of {} for any audience, keys at {}",
        GOOGLE.0, GOOGLE.1, ENTRA.0, ENTRA.1
    );
    assert_eq!(callers(&mut command), expected);
    let mut all = program(&place);
    let providers = [GOOGLE, FIREBASE, AUTH0, OKTA, ENTRA];
    let list = |part: fn(&(&'static str, &'static str)) -> &'static str| {
        format!("[{}]", providers.iter().map(part).collect::<Vec<_>>().join(","))
    };
    all.env("KMS_JWT_ISSUER_URI", list(|provider| provider.0)).env("KMS_JWKS_URI", list(|provider| provider.1));
    assert_eq!(callers(&mut all).split("; ").count(), 5);
}

#[test]
fn certificates_as_in_the_document() {
    let place = Arc::new(place());
    let mut command = program(&place);
    command.args(["--https-p12-file", "kms.server.p12", "--https-p12-password", "password"]);
    command.args(["--authority-cert-file", "verifier.cert.pem", "--hostname=127.0.0.1", "--port=0"]);
    let server = Server::spawn(Arc::clone(&place), command, &Options::default()).unwrap();
    assert_eq!(server.alice().get("/whoami").json()["username"], "alice");
    assert!(server.nobody().try_request("GET", "/whoami", &[], b"").is_err());
    server.stop();
    for name in ["admin", "somebody"] {
        let mut by_flag = program(&place);
        by_flag.args(["--default-username", name]);
        let mut by_variable = program(&place);
        by_variable.env("KMS_DEFAULT_USERNAME", name);
        for mut command in [by_flag, by_variable] {
            let forced = callers(command.env("KMS_FORCE_DEFAULT_USERNAME", "true"));
            assert_eq!(forced, format!("no authentication, all as {name}"));
        }
    }
    // Without any option, and at the port of the documents unless another one is given.
    let mut command = program(&place);
    command.arg("--port=0");
    let server = Server::spawn(place, command, &Options::default()).unwrap();
    assert_eq!(Client::plain(server.address).get("/whoami").json()["username"], "admin");
}

#[test]
fn the_recipes_of_the_documentation() {
    let place = place();
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/callers.md")).unwrap();
    let (_, recipes) = page.split_once("\n## Recipes").unwrap();
    let lines = recipes.replace("\\\n", " ");
    let recipes: Vec<&str> = lines.lines().filter_map(|line| line.strip_prefix("clavigerd --")).collect();
    assert!(recipes.len() >= 8, "{recipes:?}");
    fs::write(place.path("iam.toml"), iam::guide()).unwrap();
    for recipe in recipes {
        let mut command = program(&place);
        command.args(["--https-p12-file", "kms.server.p12", "--https-p12-password", "password"]);
        for word in format!("--{recipe}").split_whitespace() {
            // The only file with the path of Kubernetes.
            let word = if word.starts_with("--jwks-ca-file=") { "--jwks-ca-file=ca.pem" } else { word };
            command.arg(word);
        }
        let callers = callers(&mut command);
        assert!(!callers.contains("nobody") && !callers.contains("any audience"), "{recipe}: {callers}");
    }
}

#[test]
fn a_check_reads_the_authorities_of_key_sets() {
    let place = place();
    let mut command = program(&place);
    command.args(["--jwt-issuer-uri=https://a.example", "--jwks-ca-file=missing.pem", "--check-config"]);
    let (status, _, error) = run(&mut command);
    assert_eq!(status.code(), Some(1));
    assert!(error.contains("--jwks-ca-file: ") && error.contains("missing.pem"), "{error}");
}
