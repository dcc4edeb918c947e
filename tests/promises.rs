//! Checks the table of the promises of the five documents (`promises.md`). Each row has an answer, and names existing
//! tests.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    missing_docs,
    unreachable_pub,
    reason = "a test that meets something unexpected is to fail there and say where"
)]

mod tables;

use tables::{cells, check_distinct, check_numbers, check_tests, is_test, root};

/// The documents, by the letter that the numbers of their rows begin with.
const DOCUMENTS: [(char, &str); 5] = [
    ('A', "Cosmian: Authenticating users to the server"),
    ('B', "Cosmian: JWT access tokens"),
    ('C', "Hanzo: JWT Auth"),
    ('D', "Conjur: Authenticate JWT"),
    ('E', "Piiano: Configure JWT authentication"),
];

/// The least number of rows, so that no row is removed.
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

fn text() -> String {
    tables::text("promises.md")
}

/// Each document's name and rows.
fn sections() -> Vec<(String, Vec<Row>)> {
    let row = |[number, promise, place, answer, tests]: [String; 5]| Row { number, promise, place, answer, tests };
    let sections = tables::sections(&text()).into_iter();
    sections.map(|(name, rows)| (name, rows.into_iter().map(row).collect())).collect()
}

/// Whether the text names existing pages of the documentation, `docs/NAME.md`, in brackets at its end.
fn is_documented(answer: &str) -> bool {
    let Some((_, named)) = answer.rsplit_once('(') else { return false };
    let is_page = |place: &str| place.starts_with("docs/") && root().join(place).is_file();
    named.trim_end_matches(')').split(';').map(str::trim).all(is_page)
}

#[test]
fn each_promise_is_answered_by_tests_that_there_are() {
    for (_, rows) in sections() {
        check_distinct(rows.iter().map(|row| &row.promise));
        for row in &rows {
            let Row { number, promise, place, answer, tests } = row;
            assert!(!promise.is_empty() && !place.is_empty(), "{number}");
            assert!(row.holds() != row.differs(), "{number}: neither holds nor differs: {answer}");
            assert!(
                row.holds() || is_documented(answer),
                "{number}: what differs is documented, in brackets at the end: {answer}"
            );
            check_tests(number, tests);
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
        check_numbers(*letter, rows.iter().map(|row| &row.number));
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
    assert!(is_documented("differs: x (docs/hsm.md)") && is_documented("differs: x (docs/hsm.md; docs/callers.md)"));
    for place in ["differs: x", "differs: x (README, Callers)", "differs: x (docs/nothing.md)", "differs: x (docs/)"] {
        assert!(!is_documented(place), "{place}");
    }
}
