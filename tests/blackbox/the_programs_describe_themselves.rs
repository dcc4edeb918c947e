//! Both programs make their completions and manual pages from the definition of their command lines.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::harness::directory;
use crate::harness::server::{run, run_with};

const CLAVIGER: &str = env!("CARGO_BIN_EXE_claviger");
const CLAVIGERD: &str = env!("CARGO_BIN_EXE_clavigerd");

/// Runs a program that must succeed, and returns its standard output.
fn ran(program: &str, arguments: &[&str]) -> String {
    let mut command = Command::new(program);
    // A configuration that cannot be used is not read.
    command.env("CLAVIGER_CONFIG", "/nowhere").env("KMS_CONFIG", "/nowhere");
    let (status, out, error) = run(command.args(arguments));
    assert!(status.success(), "{program} {arguments:?}: {error}");
    out
}

fn completions(program: &str, shell: &str) -> String {
    if program == CLAVIGER { ran(CLAVIGER, &["completions", shell]) } else { ran(CLAVIGERD, &["--completions", shell]) }
}

/// What bash offers after a line that ends with an incomplete word.
fn offered(program: &str, line: &str) -> String {
    let name = Path::new(program).file_name().unwrap().to_str().unwrap();
    let script = completions(program, "bash");
    let words: Vec<&str> = line.split(' ').collect();
    let ask = format!(
        "{script}\nCOMP_WORDS=({name} {line}''); COMP_CWORD={}; _{name} {name} '{}' '{}'; echo \"${{COMPREPLY[*]}}\"",
        words.len(),
        words.last().unwrap(),
        words.iter().rev().nth(1).unwrap_or(&name)
    );
    let output = run_with(Command::new("bash").args(["--norc", "-s"]), ask.as_bytes());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn shells_complete_commands_and_options() {
    for (program, line, expected) in [
        (CLAVIGER, "ke", "keys"),
        (CLAVIGER, "keys cr", "create"),
        (CLAVIGER, "keys create --expo", "--exportable"),
        (CLAVIGER, "whoami --ca", "--ca-file"),
        (CLAVIGERD, "--hsm-pin", "--hsm-pin-file"),
        (CLAVIGERD, "--client-cert optio", "optional"),
    ] {
        let said = offered(program, line);
        assert!(said.split_whitespace().any(|word| word == expected), "{line}: {said}");
    }
    for program in [CLAVIGER, CLAVIGERD] {
        let option = if program == CLAVIGER { "ca-file" } else { "hsm-pin-file" };
        for shell in ["zsh", "fish"] {
            assert!(completions(program, shell).contains(option), "{program} {shell}");
        }
    }
    let json: Value = serde_json::from_str(&ran(CLAVIGER, &["completions", "bash", "--json"])).unwrap();
    assert_eq!(json["script"].as_str(), Some(&*completions(CLAVIGER, "bash")));
}

#[test]
fn every_command_has_a_manual_page() {
    let directory = directory();
    let place = directory.path().to_str().unwrap();
    assert_eq!(ran(CLAVIGER, &["man", place]), "");
    ran(CLAVIGERD, &["--man", place]);
    let pages: Vec<_> = fs::read_dir(place).unwrap().map(|own| own.unwrap().path()).collect();
    let has = |name: &str| pages.iter().any(|page| page.ends_with(name));
    for name in ["claviger.1", "claviger-keys.1", "claviger-keys-create.1", "claviger-audit-verify.1", "clavigerd.8"] {
        assert!(has(name), "{name}: {pages:?}");
    }
    assert!(pages.len() > 60 && !has("claviger-help.1"), "{pages:?}");
    for page in &pages {
        // groff complains of a macro that it does not know, and of a page without a title.
        let mut groff = Command::new("groff");
        let (status, out, error) = run(groff.args(["-man", "-Tutf8", "-ww", "-z"]).arg(page));
        assert!(status.success() && error.is_empty(), "{}: {out}{error}", page.display());
    }
    let text = ran("groff", &["-man", "-Tascii", "-P-cbu", &format!("{place}/clavigerd.8")]);
    assert!(text.contains("KMS_HSM_PIN_FILE"), "{text}");
    // What only the build of packages needs.
    assert!(!text.contains("--man") && !completions(CLAVIGERD, "fish").contains("--man"), "{text}");
}
