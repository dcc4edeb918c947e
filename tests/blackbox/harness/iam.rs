//! The IAM file of Piiano's document, its JWT, and servers that trust it.

use std::fs;
use std::sync::Arc;

use super::server::Place;
use super::{Options, Server};

/// The idps table of the document, unchanged.
pub const IDPS: &str = r#"
[idps]

[idps.app1]
type = "direct-jwt"

[idps.app1.conf]
iss = "https://jwt.io/"
aud = "vault1"
keys = "{\"kty\":\"RSA\",\"n\":\"t3wbPZPZFAKln1dzrEd6sg3FFG0_lqkvFgKaEQB8ZMPnFJm16CMY8C4zjO4TVktsY6klqzFL2mEldLiKJ1ZekiAy0eZgW8Icm6tRkMiYkSTRAcCqxNxKQOS6Yr8q6FMkAcnxWIoJyAwdXj9BWzetCKBfW-vQ3z6CXs0e-ty5JMN7UqxwWPBBeEYxgNrZggR5tyKB3TFMXZFvBAbNM7vxfEy7ObxL60IYMguTKNLJJyYx6AZsDXHt-iW72pmoUhhm_rCuFo4aKqJvGqoYkOSTVigm8OfjD921fWp1v8Remq9hf9hS19VsP4yRL8ogFRnhoGy32FcOugnoo23jaXVG5Q\",\"e\":\"AQAB\",\"alg\":\"RS256\",\"kid\":\"abc\",\"use\":\"sig\"}"
"#;

/// The JWT of the document, which is valid until the end of 2029.
pub const TOKEN: &str = "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImFiYyJ9.eyJpc3MiOiJodHRwczovL2p3dC5pby8iLCJhdWQiOiJ2YXVsdDEiLCJzdWIiOiJWYXVsdEFkbWluIiwiZXhwIjoxODkzNDEyNzk5LCJyb2xlcyI6WyJWYXVsdEFkbWluUm9sZSJdfQ.CXTyS-j9rVyJw0VOkysQDUmRiF4GW1jNqPBxD2cRhcG9RwJRFnMx_U0l6h9C--dESGHhf8yeOIgkB_24FpuyyWzc8rPpewa2DzfPJS-iqQD9JjKIParSpp79p6ZfFLwRdHEvME8Xbdj_YVP2IchrEhuk3LwgFIfS1Scq7z9aEsB3h_fARI81hPugzODYkl77vo3D0hb0W9SmZprKuVtCY8NA2-qDK6HWZNXSjVkWJgzLttlzjwfU6WhKCR0cYHgmiE9Mt_tBeHF_m03Y8BqhF2yDQKpOo6ptohUZLYynarhBlApGrOkbs9zQdwKmQwaVlQxRQhnEjcxsIu7HwkYmxg";

/// The roles and policies to use with the table.
pub const ROLES: &str = r#"
[users.alice]
role = "VaultAdminRole"
[roles.VaultAdminRole]
capabilities = ["*"]
policies = ["all"]
[policies.all]
policy_type = "allow"
operations = ["*"]
reasons = ["*"]
resources = ["*"]
"#;

/// The path of the version.
pub const VERSION: &str = "/api/pvlt/1.0/system/info/version";

/// A place with this IAM file.
pub fn place(iam: &str) -> Arc<Place> {
    let place = Arc::new(Place::new());
    fs::write(place.path("iam.toml"), iam).unwrap();
    place
}

/// Options with the IAM file of the place and optional certificates.
pub fn options(more: &[&str]) -> Options {
    let usual = ["--client-cert=optional", "--iam-file=iam.toml", "--auth-failure-limit=0"];
    Options { arguments: usual.iter().chain(more).map(|&own| own.to_owned()).collect(), ..Options::default() }
}

/// A server with this IAM file.
pub fn server(iam: &str) -> Server {
    Server::start_at(place(iam), &options(&[]))
}

/// An idps table with one key in it.
pub fn table(name: &str, issuer: &str, audience: &str, key: &super::SigningKey) -> String {
    let keys = serde_json::Value::from(key.jwk().to_string());
    format!(
        "[idps.{name}]\ntype = \"direct-jwt\"\n[idps.{name}.conf]\niss = \"{issuer}\"\naud = \"{audience}\"\nkeys = {keys}\n"
    )
}

/// The IAM file that docs/piiano.md shows, with the key of the document.
pub fn guide() -> String {
    let page = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/piiano.md")).unwrap();
    let (_, file) = page.split_once("```toml\n").unwrap();
    let (file, _) = file.split_once("```").unwrap();
    let key = IDPS.lines().find(|line| line.starts_with("keys")).unwrap();
    let line = |line: &str| if line.trim().starts_with("keys = ") { key.to_owned() } else { line.trim().to_owned() };
    file.lines().map(line).collect::<Vec<_>>().join("\n")
}
