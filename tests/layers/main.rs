//! Checks the structure of the source: imports point down, some crates have only one user, files stay small.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail where they are")]

mod circles;

use std::fs;
use std::path::{Path, PathBuf};

/// Modules from the lowest to the highest; each may use those before it.
const ORDER: [&str; 29] = [
    "base64",
    "turns",
    "secret",
    "text",
    "api",
    "file",
    "public_key",
    "signature",
    "x509",
    "pem",
    "pkcs12",
    "principal",
    "network",
    "metrics",
    "desk",
    "client",
    "config",
    "policy",
    "audit",
    "store",
    "custody",
    "auth",
    "kms",
    "wire",
    "http",
    "tls",
    "server",
    "cli",
    "bin",
];

/// Crates that belong to few modules: who needs what they do, asks those.
const OWNED: [(&str, &[&str]); 17] = [
    ("const_hex", &[]),
    ("claviger_pkcs11", &["custody"]),
    ("rusqlite", &["store"]),
    ("tokio_postgres", &["store"]),
    ("postgres_native_tls", &["store"]),
    ("warp", &["http", "server"]),
    ("hyper", &["server", "client"]),
    ("x509_parser", &["auth"]),
    ("cidr", &["network"]),
    ("uuid", &["kms"]),
    ("form_urlencoded", &["http", "cli"]),
    ("native_tls", &["client", "store"]),
    ("jsonwebtoken", &["auth"]),
    ("clap", &["config", "cli", "bin"]),
    ("clap_complete", &["cli", "bin"]),
    ("clap_mangen", &["cli"]),
    ("prometheus", &["metrics"]),
];

/// The most lines of a file.
const LONGEST: usize = 400;

/// The most lines of a function.
const LONGEST_FUNCTION: usize = 60;

/// Functions that may be longer, with the reason.
const LONG: [(&str, &str, &str); 3] = [
    ("http/problem.rs", "status", "one row for each error"),
    ("kms/reason.rs", "result_reason", "one row for each error"),
    ("metrics/mod.rs", "new", "one row for each metric"),
];

fn sources(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// Every file of `src` with the top-level module that it belongs to.
fn tree() -> Vec<(String, PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    files.sort();
    let module = |path: &Path| {
        let first = path.strip_prefix(&root).unwrap().components().next().unwrap().as_os_str().to_owned();
        first.to_string_lossy().trim_end_matches(".rs").to_owned()
    };
    files.into_iter().map(|path| (module(&path), path.clone(), fs::read_to_string(&path).unwrap())).collect()
}

/// The code of a file without its comments.
fn code(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(|line| line.split("//").next().unwrap_or_default())
}

/// The names that follow `prefix` in a line.
fn names_after<'a>(line: &'a str, prefix: &'a str) -> impl Iterator<Item = &'a str> {
    line.match_indices(prefix).map(move |(at, _)| {
        let rest = line.get(at + prefix.len()..).unwrap_or_default();
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        rest.get(..end).unwrap_or_default()
    })
}

#[test]
fn imports_point_down() {
    let rank = |module: &str| ORDER.iter().position(|known| *known == module);
    let mut faults = Vec::new();
    for (module, path, text) in tree() {
        if module == "lib" {
            continue;
        }
        let own = rank(&module).unwrap_or_else(|| panic!("{module} has no place in the order: {}", path.display()));
        for line in code(&text) {
            for used in names_after(line, "crate::").chain(names_after(line, "claviger::")) {
                if rank(used).is_some_and(|other| other > own) {
                    faults.push(format!("{}: {module} uses {used}", path.display()));
                }
            }
        }
    }
    assert!(faults.is_empty(), "imports that point up:\n{}", faults.join("\n"));
}

#[test]
fn crates_stay_with_their_owners() {
    let mut faults = Vec::new();
    for (module, path, text) in tree() {
        for (name, owners) in OWNED {
            let path_of_crate = format!("{name}::");
            let uses = code(&text).any(|line| {
                line.match_indices(&path_of_crate).any(|(at, _)| {
                    let before = line.get(..at).and_then(|before| before.chars().next_back());
                    before.is_none_or(|c| !c.is_alphanumeric() && c != '_' && c != ':')
                })
            });
            if uses && !owners.contains(&module.as_str()) {
                faults.push(format!("{}: {name} belongs to {owners:?}", path.display()));
            }
        }
    }
    assert!(faults.is_empty(), "crates outside their modules:\n{}", faults.join("\n"));
}

/// What other modules can call of the store.
fn public_functions(text: &str) -> impl Iterator<Item = &str> {
    text.split("pub fn ").skip(1).map(|rest| rest.split(['{', ';']).next().unwrap_or_default())
}

/// The store speaks in commands and rows: nobody else works on a connection or in a transaction.
#[test]
fn no_connection_leaves_the_store() {
    let leaves = |head: &str| ["Connection", "Transaction", "rusqlite"].iter().any(|word| head.contains(word));
    for (_, path, text) in tree().into_iter().filter(|(module, ..)| module == "store") {
        let found: Vec<&str> = public_functions(&text).filter(|head| leaves(head)).collect();
        assert!(found.is_empty(), "{}: {found:?}", path.display());
        assert!(!code(&text).any(|line| line.contains("pub use rusqlite")), "{}", path.display());
    }
    let text = "pub fn a(\n    of: &Connection,\n) -> u8 {}\npub(super) fn b(of: &Connection) {}\npub fn c() {}";
    assert_eq!(public_functions(text).map(leaves).collect::<Vec<_>>(), [true, false]);
}

/// What is only one database's is below the module with its name.
#[test]
fn each_database_has_a_module_of_its_own() {
    for (_, path, text) in tree().into_iter().filter(|(module, ..)| module == "store") {
        for (name, crates) in [("sqlite", "rusqlite"), ("postgres", "tokio_postgres")] {
            let is_own = path.iter().any(|part| part == name);
            assert!(is_own || !code(&text).any(|line| line.contains(crates)), "{}", path.display());
        }
    }
}

#[test]
fn unsafe_code_stays_in_the_hsm_crate() {
    for (_, path, text) in tree() {
        let found =
            code(&text).any(|line| line.split(|c: char| !c.is_alphanumeric() && c != '_').any(|w| w == "unsafe"));
        assert!(!found, "unsafe code in {}", path.display());
    }
}

/// Blocking work leaves the runtime at the front desk.
#[test]
fn handlers_hand_nothing_off_by_themselves() {
    for (module, path, text) in tree() {
        let own = ["http", "kms", "custody", "store"].contains(&module.as_str());
        let found = code(&text).any(|line| line.contains("block_in_place") || line.contains("spawn_blocking"));
        assert!(!(own && found), "{}: it runs where it may block already", path.display());
    }
}

/// The functions of a file as rustfmt writes them: name and lines.
fn functions(text: &str) -> Vec<(String, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let begins = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let at = words.iter().position(|word| *word == "fn")?;
        let is_head = words.iter().take(at).all(|word| {
            ["async", "const", "unsafe", "extern"].contains(word) || word.starts_with("pub") || word.ends_with(')')
        });
        let name: String = words.get(at + 1)?.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        is_head.then_some(name)
    };
    let mut found = Vec::new();
    for (number, line) in lines.iter().enumerate() {
        let Some(name) = begins(line) else { continue };
        let indent = line.len() - line.trim_start().len();
        let end = format!("{}}}", " ".repeat(indent));
        let is_short = line.ends_with('}') || line.ends_with(';');
        let length = lines.iter().skip(number).position(|line| **line == end).filter(|_| !is_short);
        found.push((name, length.map_or(1, |length| length + 1)));
    }
    found
}

#[test]
fn functions_stay_short() {
    let (mut long, mut known) = (Vec::new(), 0);
    for (_, path, text) in tree() {
        for (name, lines) in functions(&text).into_iter().filter(|(_, lines)| *lines > LONGEST_FUNCTION) {
            if LONG.iter().any(|(file, own, _)| path.ends_with(Path::new("src").join(file)) && *own == name) {
                known += 1;
            } else {
                long.push(format!("{}: {name} has {lines} lines", path.display()));
            }
        }
    }
    assert!(long.is_empty(), "{}", long.join("\n"));
    assert_eq!(known, LONG.len(), "what is not long any more is to be taken off the list");
    let text = "    pub(in crate::a) async fn one(\n        a: u8,\n    ) {\n        b();\n    }\nfn two() {}\n";
    assert_eq!(functions(text), [("one".to_owned(), 5), ("two".to_owned(), 1)]);
}

#[test]
fn files_stay_small() {
    let mut lengths: Vec<(usize, PathBuf)> =
        tree().into_iter().map(|(_, path, text)| (text.lines().count(), path)).collect();
    lengths.sort();
    let (longest, path) = lengths.last().unwrap();
    assert!(*longest <= LONGEST, "{} has {longest} lines", path.display());
    let (median, _) = lengths.get(lengths.len() / 2).unwrap();
    assert!(*median <= 150, "the median file has {median} lines");
}

/// Whether the file of a parent has a `mod` line for this file, or includes it.
fn is_module(path: &Path) -> bool {
    let stem = path.file_stem().unwrap().to_string_lossy().into_owned();
    let directory = path.parent().unwrap();
    let (name, parents) = if stem == "mod" {
        (directory.file_name().unwrap().to_string_lossy().into_owned(), directory.parent().unwrap())
    } else {
        (stem, directory)
    };
    let beside = parents.with_extension("rs");
    let candidates = ["mod.rs", "main.rs", "lib.rs"].map(|file| parents.join(file)).into_iter().chain([beside]);
    candidates.filter(|parent| parent != path).any(|parent| {
        let text = fs::read_to_string(parent).unwrap_or_default();
        let included = format!("/{name}.rs\")");
        code(&text).any(|line| names_after(line, "mod ").any(|found| found == name))
            || text.lines().any(|line| line.starts_with("include!") && line.contains(&included))
    })
}

/// A test that no `mod` line names is not compiled, and nobody notices.
#[test]
fn every_file_is_compiled() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for directory in ["src", "kmip/src", "pkcs11/src", "tests/blackbox", "tests/layers", "tests/bench"] {
        sources(&root.join(directory), &mut files);
    }
    let is_root = |path: &Path| {
        let name = path.file_name().unwrap().to_string_lossy();
        name == "main.rs" || name == "lib.rs" || path.starts_with(root.join("src/bin"))
    };
    let unused: Vec<&PathBuf> = files.iter().filter(|path| !is_root(path) && !is_module(path)).collect();
    assert!(files.len() > 700 && unused.is_empty(), "no mod line names {unused:?}");
}
