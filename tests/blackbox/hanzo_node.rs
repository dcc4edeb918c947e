//! The example of Hanzo's document, in Node.js with axios, unchanged except for the server's URL.

use std::os::unix::fs::symlink;
use std::process::Command;
use std::{env, fs};

use serde_json::{Value, json};

use crate::harness::hanzo::{jwt, known, server, whoami};
use crate::harness::server::run;
use crate::harness::{SigningKey, packages};

/// As in the document; its template literal lacks the `$`.
const EXAMPLE: &str = r#"
import axios from "axios";
try {
// Obtain JWT from your issuer
const jwt = "<your-jwt-token>";
const kmsUrl = "https://app.kms.hanzo.ai"; // or your self-hosted Hanzo KMS URL
const identityId = "<your-identity-id>";
const { data } = await axios.post(
`${kmsUrl}/api/v1/auth/jwt-auth/login`,
{
identityId,
jwt,
}
);
console.log("result data: ", data); // access token here
} catch(err) {
console.error(err);
}
"#;

#[test]
fn runs_as_it_stands() {
    let (server, key) = (server(), SigningKey::rsa("one"));
    let id = known(&server, &key, &json!({}));
    let url = format!("https://localhost:{}", server.address.port());
    let example = EXAMPLE
        .replace("<your-jwt-token>", &jwt(&key, &json!({})))
        .replace("<your-identity-id>", &id)
        .replace("https://app.kms.hanzo.ai", &url)
        // The same, with a readable output.
        .replace("\"result data: \", data", "JSON.stringify(data)");
    fs::write(server.place.path("example.mjs"), example).unwrap();
    let path = env::var_os("PATH").unwrap();
    symlink(packages::node_modules("axios"), server.place.path("node_modules")).unwrap();
    let mut node = Command::new("node");
    node.current_dir(server.place.directory.path()).env_clear().env("PATH", &path);
    node.env("NODE_EXTRA_CA_CERTS", server.place.path("ca.pem")).arg("example.mjs");
    let (status, out, error) = run(&mut node);
    assert!(status.success() && error.is_empty(), "{out}{error}");
    let data: Value = serde_json::from_str(out.trim()).unwrap_or_else(|_| panic!("{out}"));
    assert_eq!(whoami(&server, data["accessToken"].as_str().unwrap()), Ok(format!("identity:{id}")));
}
