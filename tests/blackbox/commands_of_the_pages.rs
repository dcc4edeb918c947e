//! Runs the command blocks of README and docs as a reader would, with `sh -e`, each page in a directory of its own.
//!
//! docs/index.md says what the directory holds. A block that needs another system is marked on its page, and not run.
//! `CLAVIGER_TEST_PAGE=backup` runs only the pages with this text in their name.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, LazyLock, Mutex};

use openssl::symm::Cipher;
use serde_json::{Value, json};

use crate::harness::jwt::{claims, key_set, now};
use crate::harness::server::{P12_PASSWORD, Place, run};
use crate::harness::token::write_private;
use crate::harness::{Authority, Leaf, Options, Server, SigningKey};
use crate::markdown::{Block, Page, blocks, pages};

/// The callers whose certificates are in the directory.
const CALLERS: [&str; 8] = ["alice", "bob", "root", "audrey", "rita", "rolf", "rosa", "vera"];

/// What runs before the blocks of a page: the callers, as `scripts/quickstart` defines them, and alice's key.
const BEFORE: &str = "
as() { export CLAVIGER_CLIENT_P12=$1.p12 CLAVIGER_CLIENT_P12_PASSWORD_FILE=$1.password; }
as alice
claviger sym keys create --id my-key
";

/// The least number of blocks that are run, so that a page is not marked because it is easier.
const FEWEST: usize = 70;

/// The number of pages that run at one time.
const AT_ONCE: usize = 2;

/// The key of all issuers of JWTs.
static ISSUER: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::rsa("issuer"));

#[test]
fn the_command_blocks_of_the_pages_work() {
    let chosen = std::env::var("CLAVIGER_TEST_PAGE").ok();
    let is_chosen = |page: &Page| chosen.as_ref().is_none_or(|name| page.name.contains(name.as_str()));
    let pages: Vec<(Page, Vec<Block>)> = pages().into_iter().filter(is_chosen).map(commands).collect();
    let all = || pages.iter().flat_map(|(_, blocks)| blocks);
    let marked = all().filter(|block| block.not_run.is_some()).count();
    let to_run = pages.iter().filter(|(_, blocks)| blocks.iter().any(|block| block.not_run.is_none()));
    let (queue, complaints) = (Mutex::new(to_run), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                let next = || queue.lock().unwrap().next();
                while let Some((page, blocks)) = next() {
                    complaints.lock().unwrap().extend(complaint(&page.name, blocks));
                }
            });
        }
    });
    let count = all().count() - marked;
    eprintln!("{count} command blocks run, {marked} are marked and not run");
    assert!(count >= FEWEST || chosen.is_some(), "only {count} command blocks were run, fewer than {FEWEST}");
    let complaints = complaints.into_inner().unwrap();
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[test]
fn a_command_that_fails_is_named_with_its_line() {
    let texts = [
        "```sh\nclaviger whoami\n```\n",
        "```sh\nfalse\n```\n",
        "<!-- not run here: it fails -->\n```sh\nfalse\n```\n",
    ];
    let all = blocks(&texts.concat());
    assert_eq!(complaint("right", &all[..1]), None);
    let complaint = complaint("wrong", &all).unwrap();
    assert!(complaint.contains("in the block at wrong:5") && complaint.contains("username: alice"), "{complaint}");
    let reasons: Vec<Option<&str>> = all.iter().map(|block| block.not_run.as_deref()).collect();
    assert_eq!(reasons, [None, None, Some("it fails")]);
}

fn commands(page: Page) -> (Page, Vec<Block>) {
    let blocks = blocks(&page.text).into_iter().filter(Block::is_of_commands).collect();
    (page, blocks)
}

/// Returns the first block of a page that is in this language.
fn file_of(page: &str, language: &str) -> String {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(page)).unwrap();
    blocks(&text).into_iter().find(|block| block.language == language).unwrap().text
}

/// Starts a server in a directory as docs/index.md describes it.
fn server() -> Server {
    let mut place = Place::new();
    place.authority = Authority::with_key_identifier("Test authority");
    fs::write(place.path("ca.pem"), place.authority.pem()).unwrap();
    for name in CALLERS {
        let identity = place.authority.issue(&Leaf::client(name));
        write_identity(&place, name, &identity);
    }
    write_identity(&place, "server", &place.authority.issue(&Leaf::server()));
    let key = place.authority.key.private_key_to_pem_pkcs8_passphrase(Cipher::aes_256_cbc(), P12_PASSWORD.as_bytes());
    write_private(&place.path("ca.key"), &key.unwrap());
    write_private(&place.path("ca.password"), P12_PASSWORD.as_bytes());
    fs::write(place.path("clavigerd.toml"), file_of("docs/configuration.md", "toml")).unwrap();
    fs::write(place.path("policy.toml"), file_of("docs/permissions.md", "toml")).unwrap();
    fs::write(place.path("plain.txt"), "a text that must not be lost\n").unwrap();
    write_tokens(&place);
    std::os::unix::fs::symlink(concat!(env!("CARGO_MANIFEST_DIR"), "/scripts"), place.path("scripts")).unwrap();
    let files = ["--policy-file", "policy.toml", "--iam-file", "iam.toml"];
    let options = Options::default()
        .with(&files)
        .with(&["--client-cert", "optional", "--probe-address", "127.0.0.1:0"])
        .with(&["--kmip-port", "0"]);
    Server::start_at(Arc::new(place), &options)
}

/// Writes JWTs, the keys that verify them, and the IAM file with one of the keys.
fn write_tokens(place: &Place) {
    let key = &*ISSUER;
    let mut job = claims("https://issuer.example", "claviger", "repo:acme/web:main");
    (job["exp"], job["project_id"]) = (json!(now() + 3600), json!("42"));
    fs::write(place.path("job.jwt"), key.token("RS256", &job)).unwrap();
    fs::write(place.path("issuer.pem"), key.private.public_key_to_pem().unwrap()).unwrap();
    fs::write(place.path("issuer.jwks"), key_set(&[key.jwk_for("RS256")]).to_string()).unwrap();
    let mut vault = claims("https://jwt.io/", "vault1", "alice@example.com");
    (vault["roles"], vault["org"]) = (json!(["VaultAdminRole"]), json!({"team": "payments"}));
    fs::write(place.path("vault.jwt"), key.token("RS256", &vault)).unwrap();
    let own = format!("keys = {}", Value::from(key.jwk_for("RS256").to_string()));
    let line = |line: &str| if line.starts_with("keys = ") { own.clone() } else { line.to_owned() };
    let lines: Vec<String> = file_of("docs/piiano.md", "toml").lines().map(line).collect();
    fs::write(place.path("iam.toml"), lines.join("\n")).unwrap();
}

fn write_identity(place: &Place, name: &str, identity: &crate::harness::Identity) {
    fs::write(place.path(&format!("{name}.p12")), identity.pkcs12(P12_PASSWORD)).unwrap();
    fs::write(place.path(&format!("{name}.pem")), identity.certificate.to_pem().unwrap()).unwrap();
    write_private(&place.path(&format!("{name}.key")), &identity.key.private_key_to_pem_pkcs8().unwrap());
    write_private(&place.path(&format!("{name}.password")), P12_PASSWORD.as_bytes());
}

/// Runs the blocks of a page in order, in one shell. Returns what went wrong.
fn complaint(name: &str, blocks: &[Block]) -> Option<String> {
    let server = server();
    let mut script = BEFORE.to_owned();
    for block in blocks.iter().filter(|block| block.not_run.is_none()) {
        write!(script, "echo '@@ {name}:{}' >&2\n{}", block.line, block.text).unwrap();
    }
    let place = &server.place;
    fs::write(place.path("page.sh"), script).unwrap();
    let programs = Path::new(env!("CARGO_BIN_EXE_clavigerd")).parent().unwrap();
    let mut shell = Command::new("sh");
    shell.args(["-e", "page.sh"]).env_clear().current_dir(place.directory.path()).env("HOME", place.directory.path());
    shell.env("PATH", format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", programs.display()));
    shell
        .env("SOFTHSM2_CONF", &place.token.configuration)
        .env("JWT", fs::read_to_string(place.path("job.jwt")).unwrap());
    shell.env("CLAVIGER_URL", format!("https://localhost:{}", server.address.port())).env("CLAVIGER_CA_FILE", "ca.pem");
    shell.env("PROBE", server.probe().address.to_string());
    shell.env("CLAVIGER_KMIP", format!("localhost:{}", server.kmip.unwrap().port()));
    // Reading the machine's authorities would take 0.1 s in each process.
    shell.env("SSL_CERT_FILE", "/dev/null").env("SSL_CERT_DIR", "/dev/null");
    let (status, out, error) = run(&mut shell);
    let end =
        |text: &str| text.lines().rev().take(15).collect::<Vec<_>>().into_iter().rev().collect::<Vec<_>>().join("\n");
    let place = error.rsplit("@@ ").next().unwrap_or_default();
    (!status.success()).then(|| format!("{status} in the block at {}\n{}\n", end(place), end(&out)))
}
