//! The list of test cases of other systems names tests of this repository, which must exist.

#[allow(dead_code, reason = "other tables have numbers and cells")]
#[path = "../tables/mod.rs"]
mod tables;

#[test]
fn names_tests_that_there_are() {
    let list = tables::text("peers.md");
    let mut named = 0;
    for name in tables::quoted(&list).filter(|name| name.contains("::") && *name != "module::test") {
        assert!(tables::is_test(name), "{name}");
        named += 1;
    }
    // Every theme names tests.
    assert!(named >= 60, "{named}");
    for section in
        list.split("\n## ").skip(1).flat_map(|part| part.split("\n### ").skip(usize::from(part.contains("\n### "))))
    {
        assert!(section.contains("::"), "{}", section.lines().next().unwrap_or_default());
    }
}
