//! The table of what the five documents promise (`promises.md`): each row is answered, and by tests that there are.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    missing_docs,
    reason = "a test that meets something unexpected is to fail there and say where"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

/// The documents, by the letter that the numbers of their rows begin with.
const DOCUMENTS: [(char, &str); 5] = [
    ('A', "Cosmian: Authenticating users to the server"),
    ('B', "Cosmian: JWT access tokens"),
    ('C', "Hanzo: JWT Auth"),
    ('D', "Conjur: Authenticate JWT"),
    ('E', "Piiano: Configure JWT authentication"),
];

/// The fewest rows: fewer would be rows that somebody took away.
const FEWEST: usize = 83;

struct Row {
    number: String,
    promise: String,
    place: String,
    answer: String,
    tests: String,
}

impl Row {
    fn holds(&self) -> bool {
        self.answer == "holds" || self.answer.starts_with("holds: ")
    }

    fn differs(&self) -> bool {
        self.answer.strip_prefix("differs: ").is_some_and(|why| why.len() > 20)
    }
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn text() -> String {
    fs::read_to_string(root().join("tests/promises.md")).unwrap()
}

/// The texts between backquotes.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// The cells of the rows of the tables in a part of the text, without their heads.
fn cells(part: &str) -> Vec<Vec<String>> {
    let lines = part
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| n ") && !line.starts_with("| document "));
    lines.map(|line| line.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect()).collect()
}

/// Each document's name and rows.
fn sections() -> Vec<(String, Vec<Row>)> {
    let text = text();
    let section = |part: &str| {
        let name = part.lines().next().unwrap().to_owned();
        let rows = cells(part).into_iter().map(|cells| {
            let [number, promise, place, answer, tests] =
                <[String; 5]>::try_from(cells).unwrap_or_else(|cells| panic!("{cells:?}"));
            Row { number, promise, place, answer, tests }
        });
        (name, rows.collect())
    };
    text.split("\n## ").skip(1).map(section).collect()
}

/// Whether the tests of the repository have this one, written `module::test`.
fn is_test(name: &str) -> bool {
    let Some((module, test)) = name.rsplit_once("::") else { return false };
    let path = module.replace("::", "/");
    let places = [format!("tests/blackbox/{path}.rs"), format!("tests/{path}.rs"), format!("src/{path}.rs")];
    let source = places.iter().find_map(|place| fs::read_to_string(root().join(place)).ok()).unwrap_or_default();
    let head = format!("#[test]\nfn {test}()");
    source.contains(&head) || source.contains(&head.replace('\n', "\n    "))
}

/// Whether the text names a part of the documentation that there is: `README.md`, with a section, or `docs/NAME.md`.
fn is_documented(answer: &str) -> bool {
    let Some((_, named)) = answer.rsplit_once('(') else { return false };
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let section =
        |name: &str| readme.lines().any(|line| line.trim_start_matches('#').trim() == name && line.starts_with('#'));
    named.trim_end_matches(')').split(';').map(str::trim).all(|place| match place.strip_prefix("README, ") {
        Some(name) => section(name),
        None => place.starts_with("docs/") && root().join(place).is_file(),
    })
}

#[test]
fn each_promise_is_answered_by_tests_that_there_are() {
    for (_, rows) in sections() {
        let mut seen = BTreeSet::new();
        for row in &rows {
            let Row { number, promise, place, answer, tests } = row;
            assert!(!promise.is_empty() && !place.is_empty(), "{number}");
            assert!(seen.insert(promise.clone()), "{number}: the promise stands in two rows: {promise}");
            assert!(row.holds() != row.differs(), "{number}: neither holds nor differs: {answer}");
            assert!(
                row.holds() || is_documented(answer),
                "{number}: what differs is documented, in brackets at the end: {answer}"
            );
            let named: Vec<&str> = quoted(tests).collect();
            assert!(!named.is_empty(), "{number}: no test");
            for name in named {
                assert!(is_test(name), "{number}: there is no test {name}");
            }
        }
    }
}

#[test]
fn the_rows_are_numbered_and_counted() {
    let sections = sections();
    let names: Vec<&str> = sections.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, DOCUMENTS.map(|(_, name)| name));
    let mut counted = Vec::new();
    for ((letter, document), (_, rows)) in DOCUMENTS.iter().zip(&sections) {
        let numbers: Vec<&str> = rows.iter().map(|row| row.number.as_str()).collect();
        let expected: Vec<String> = (1..=rows.len()).map(|number| format!("{letter}{number}")).collect();
        assert_eq!(numbers, expected, "{document}");
        let holding = rows.iter().filter(|row| row.holds()).count();
        println!("{document}: {} promises, {holding} hold, {} differ", rows.len(), rows.len() - holding);
        let numbers = [rows.len(), holding, rows.len() - holding].map(|number| number.to_string());
        counted.push([vec![(*document).to_owned()], numbers.to_vec()].concat());
    }
    let total = |column: usize| counted.iter().map(|row| row[column].parse::<usize>().unwrap()).sum::<usize>();
    let totals = vec!["all".to_owned(), total(1).to_string(), total(2).to_string(), total(3).to_string()];
    assert!(total(1) >= FEWEST, "{totals:?}");
    counted.push(totals);
    let text = text();
    let summary = cells(text.split("\n## ").next().unwrap());
    assert_eq!(summary, counted, "the counts at the top of promises.md");
}

#[test]
fn a_name_that_is_no_test_is_found() {
    assert!(is_test("promises::a_name_that_is_no_test_is_found"));
    for name in ["promises::a_name", "promises", "nothing::at_all", "default_mode::plain", "::"] {
        assert!(!is_test(name), "{name}");
    }
    assert!(
        is_documented("differs: x (README, Callers)") && is_documented("differs: x (docs/hsm.md; README, Callers)")
    );
    for place in ["differs: x", "differs: x (README, Nothing)", "differs: x (docs/nothing.md)", "differs: x (docs/)"] {
        assert!(!is_documented(place), "{place}");
    }
}
