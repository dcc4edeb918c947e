//! Reads the Markdown tables in `tests/` whose rows name tests.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

/// Returns the root of the repository.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Returns the text of a file of `tests/`.
pub fn text(name: &str) -> String {
    fs::read_to_string(root().join("tests").join(name)).unwrap()
}

/// Returns the texts between backquotes.
pub fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// Returns the cells of all rows of the tables in a part of a text, without the headings of the tables.
pub fn cells(part: &str) -> Vec<Vec<String>> {
    let lines: Vec<&str> = part.lines().collect();
    let is_head = |at: usize| lines.get(at + 1).is_some_and(|next| next.starts_with("|---"));
    let rows = lines.iter().enumerate().filter(|(at, line)| line.starts_with("| ") && !is_head(*at));
    rows.map(|(_, line)| line.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect()).collect()
}

/// Returns the headings of the sections of a text, each with the rows of its tables. A row has `CELLS` cells.
pub fn sections<const CELLS: usize>(text: &str) -> Vec<(String, Vec<[String; CELLS]>)> {
    let section = |part: &str| {
        let rows = cells(part).into_iter();
        let rows = rows.map(|cells| <[String; CELLS]>::try_from(cells).unwrap_or_else(|cells| panic!("{cells:?}")));
        (part.lines().next().unwrap().to_owned(), rows.collect())
    };
    text.split("\n## ").skip(1).map(section).collect()
}

/// Fails unless the numbers are the letter with 1, 2 and so on.
#[track_caller]
pub fn check_numbers<'a>(letter: char, numbers: impl Iterator<Item = &'a String>) {
    for (place, number) in numbers.enumerate() {
        assert_eq!(*number, format!("{letter}{}", place + 1));
    }
}

/// Fails if a text is there twice.
#[track_caller]
pub fn check_distinct<'a>(texts: impl Iterator<Item = &'a String>) {
    let mut seen = BTreeSet::new();
    for text in texts {
        assert!(seen.insert(text), "it stands in two rows: {text}");
    }
}

/// Fails unless the last cell of a row names tests, and all of them exist.
#[track_caller]
pub fn check_tests(number: &str, tests: &str) {
    let named: Vec<&str> = quoted(tests).collect();
    assert!(!named.is_empty(), "{number}: no test");
    for name in named {
        assert!(is_test(name), "{number}: there is no test {name}");
    }
}

/// Whether the tests of the repository have this one, written `module::test`, or have it as a case of a test.
pub fn is_test(name: &str) -> bool {
    let Some((module, test)) = name.rsplit_once("::") else { return false };
    let path = module.replace("::", "/");
    let places = ["tests/blackbox/{}.rs", "tests/{}.rs", "src/{}.rs", "src/{}/mod.rs"];
    let read = |place: &str| fs::read_to_string(root().join(place.replace("{}", &path))).ok();
    let source = places.into_iter().find_map(read).unwrap_or_default();
    let head = format!("#[test]\nfn {test}()");
    let is_case = || source.contains("Server::shared(") && source.contains(&format!("\nfn {test}(server: &Server) {{"));
    source.contains(&head) || source.contains(&head.replace('\n', "\n    ")) || is_case()
}
