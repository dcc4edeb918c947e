//! The list of tests that do not run on the second HSM token names modules and tests, which must exist.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

#[test]
fn names_what_there_is() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let list = fs::read_to_string(tests.join("second-token")).unwrap();
    let mut named = HashSet::new();
    for line in list.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (name, reason) = line.split_once(' ').unwrap_or_else(|| panic!("no reason: {line}"));
        assert!(!reason.trim().is_empty() && named.insert(name), "{line}");
        let (module, test) = name.split_once("::").unwrap_or((name, ""));
        let source = fs::read_to_string(tests.join(format!("blackbox/{module}.rs"))).unwrap_or_default();
        assert!(source.contains(&format!("#[test]\nfn {test}")), "{name}");
        assert!(test.is_empty() || source.contains(&format!("#[test]\nfn {test}()")), "{name}");
        assert!(test.is_empty() || !named.contains(module), "{module} is named as a whole");
    }
    assert!(!named.is_empty());
}
