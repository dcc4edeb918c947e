//! Checks the table of faults (`faults.md`): what clients sent, what they got before, and what they get now. Each row
//! is complete, and names existing tests.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    unreachable_pub,
    reason = "a test that meets something unexpected is to fail there and say where"
)]

mod tables;

use tables::{cells, check_distinct, check_numbers, check_tests, quoted};

/// The parts of the table, by the letter that the numbers of their rows begin with.
const PARTS: [(char, &str); 6] = [
    ('R', "Requests and bodies"),
    ('J', "Conjur"),
    ('H', "Hanzo KMS and Infisical"),
    ('P', "Piiano Vault"),
    ('K', "Cosmian KMS"),
    ('D', "What the documents of the systems say"),
];

/// The least number of rows, so that no row is removed.
const FEWEST: usize = 130;

/// Number, what was sent, the answer before, the answer now, and the tests.
type Row = [String; 5];

/// The beginning of the answer before, if it was the same as now.
const SAME: &str = "the same: ";

fn sections() -> Vec<(String, Vec<Row>)> {
    tables::sections(&tables::text("faults.md"))
}

/// Whether a text describes an outcome: an HTTP status, an exit status, or what a server did at its start or wrote into
/// its log.
fn is_outcome(text: &str) -> bool {
    let is_status = |word: &str| word.len() == 3 && word.parse().is_ok_and(|status: u16| (200..600).contains(&status));
    let has_status = text.split(|own: char| !own.is_ascii_alphanumeric()).any(is_status);
    has_status
        || ["exit status", "at the start", "started", "warning", "the log"].iter().any(|word| text.contains(word))
}

#[test]
fn each_row_is_whole_and_held_by_tests_that_there_are() {
    for (_, rows) in sections() {
        check_distinct(rows.iter().map(|[_, sent, ..]| sent));
        for [number, sent, before, now, tests] in &rows {
            assert!(quoted(sent).any(|part| part.len() > 3), "{number}: what was sent is quoted: {sent}");
            assert!(is_outcome(before), "{number}: not what a client got: {before}");
            assert!(is_outcome(now), "{number}: not what a client gets: {now}");
            assert!(before != now, "{number}: nothing changed: say so by {SAME:?}");
            check_tests(number, tests);
        }
    }
}

#[test]
fn the_rows_are_numbered_and_counted() {
    let sections = sections();
    let names: Vec<&str> = sections.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, PARTS.map(|(_, name)| name));
    let (mut counted, mut total) = (Vec::new(), [0, 0]);
    for ((letter, part), (_, rows)) in PARTS.iter().zip(&sections) {
        check_numbers(*letter, rows.iter().map(|[number, ..]| number));
        let same = rows.iter().filter(|[_, _, before, ..]| before.starts_with(SAME)).count();
        total = [total[0] + rows.len(), total[1] + same];
        counted.push([*part, &rows.len().to_string(), &same.to_string()].map(str::to_owned).to_vec());
    }
    counted.push(["all", &total[0].to_string(), &total[1].to_string()].map(str::to_owned).to_vec());
    assert!(total[0] >= FEWEST, "{total:?}");
    let text = tables::text("faults.md");
    assert_eq!(cells(text.split("\n## ").next().unwrap()), counted, "the counts at the top of faults.md");
}

#[test]
fn what_is_no_outcome_is_found() {
    for outcome in ["200 with all keys", "401", "the server started, and every JWT was 401", "exit status 2"] {
        assert!(is_outcome(outcome), "{outcome}");
    }
    for text in ["", "an error", "it failed with 12", "2000", "x404", "600"] {
        assert!(!is_outcome(text), "{text}");
    }
}
