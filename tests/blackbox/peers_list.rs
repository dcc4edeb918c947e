//! The list of what peers test names tests of ours; it must not outlive them.

use std::fs;
use std::path::Path;

#[test]
fn names_tests_that_there_are() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let list = fs::read_to_string(tests.join("peers.md")).unwrap();
    let mut named = 0;
    for name in list.split('`').skip(1).step_by(2) {
        let Some((module, test)) = name.split_once("::") else { continue };
        if (module, test) == ("module", "test") {
            continue;
        }
        let source = fs::read_to_string(tests.join(format!("blackbox/{module}.rs"))).unwrap_or_default();
        assert!(source.contains(&format!("#[test]\nfn {test}()")), "{name}");
        named += 1;
    }
    // Every theme names some.
    assert!(named >= 60, "{named}");
    for section in
        list.split("\n## ").skip(1).flat_map(|part| part.split("\n### ").skip(usize::from(part.contains("\n### "))))
    {
        assert!(section.contains("::"), "{}", section.lines().next().unwrap_or_default());
    }
}
