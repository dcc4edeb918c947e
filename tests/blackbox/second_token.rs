//! The lists of tests that do not run on the second HSM token, and on the second database, name modules and tests, which must
//! exist.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

/// Returns the source of a module: a file, or the files of a directory.
fn source(module: &str) -> String {
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/blackbox").join(module);
    if let Ok(source) = fs::read_to_string(place.with_extension("rs")) {
        return source;
    }
    let files = fs::read_dir(place).unwrap_or_else(|error| panic!("{module}: {error}"));
    files.map(|file| fs::read_to_string(file.unwrap().path()).unwrap()).collect()
}

/// Checks one list. Returns the modules after `+`.
fn check(list: &str) -> Vec<String> {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(list)).unwrap();
    let (mut named, mut added) = (HashSet::new(), Vec::new());
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if let Some(module) = line.strip_prefix("+ ") {
            assert!(source(module).contains("#[test]\nfn "), "{module}");
            added.push(module.to_owned());
            continue;
        }
        let (name, reason) = line.split_once(' ').unwrap_or_else(|| panic!("no reason: {line}"));
        assert!(!reason.trim().is_empty() && named.insert(name), "{line}");
        let (module, test) = name.split_once("::").unwrap_or((name, ""));
        let test = if test.is_empty() { String::new() } else { format!("{test}()") };
        assert!(source(module).contains(&format!("#[test]\nfn {test}")), "{name}");
        assert!(test.is_empty() || !named.contains(module), "{module} is named as a whole");
    }
    assert!(!named.is_empty());
    added.retain(|module| !named.contains(module.as_str()));
    added
}

#[test]
fn names_what_there_is() {
    assert!(check("second-token").is_empty());
    assert!(!check("second-database").is_empty());
}
