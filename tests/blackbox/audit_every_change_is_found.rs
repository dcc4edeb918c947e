//! Every change of a log without the signing key is detected with only the public key.

use std::fs;
use std::path::PathBuf;

use crate::harness::Trail;
use crate::harness::audit::use_of;
use crate::harness::cli::{TAMPERED, UNSIGNED};

/// xorshift64: each seed gives the same mutations in every run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(bound).unwrap()).unwrap()
    }
}

const SEED: u64 = 0x00C0_FFEE_1234_5678;

const LINES: usize = 10_000;

/// Returns a closed log of this many lines.
fn log(lines: usize) -> Trail {
    let trail = Trail::still();
    let (audit, _) = trail.open(None);
    // Two for the start and the stop, one checkpoint in a thousand and one at the end.
    let uses = lines - 3 - lines.saturating_sub(1) / 1000;
    for number in 0..uses {
        audit.note(use_of(&format!("key-{number}"))).unwrap();
    }
    audit.close();
    trail
}

/// A description of the change, and the changed bytes.
fn mutate(lines: &mut Vec<String>, foreign: &[String], chance: &mut Chance) -> (&'static str, Vec<u8>) {
    let whole = |lines: &[String]| (lines.join("\n") + "\n").into_bytes();
    let at = chance.below(lines.len());
    match chance.below(8) {
        0..=2 => {
            let mut bytes = whole(lines);
            let at = chance.below(bytes.len());
            bytes[at] ^= 1 << chance.below(8);
            ("a bit flipped", bytes)
        }
        3 => {
            lines.remove(at);
            ("a line dropped", whole(lines))
        }
        4 => {
            lines.insert(at, lines[at].clone());
            ("a line twice", whole(lines))
        }
        5 => {
            let other = (at + 1 + chance.below(lines.len() - 1)) % lines.len();
            lines.swap(at, other);
            ("two lines swapped", whole(lines))
        }
        6 => {
            let mut bytes = whole(lines);
            bytes.truncate(chance.below(bytes.len()));
            ("the end cut off", bytes)
        }
        _ => {
            // A line of another log replaces this line, or is inserted before it.
            let foreign = foreign[at].clone();
            if chance.below(2) == 0 {
                lines[at] = foreign
            } else {
                lines.insert(at, foreign)
            }
            ("a line of another log", whole(lines))
        }
    }
}

#[test]
fn two_hundred_mutations_of_ten_thousand_lines() {
    let (trail, other) = (log(LINES), log(LINES));
    let text = trail.text();
    let lines: Vec<String> = text.lines().map(str::to_owned).collect();
    assert_eq!(lines.len(), LINES);
    let foreign: Vec<String> = other.text().lines().map(str::to_owned).collect();
    trail.is_intact();
    let head = trail.path("head");
    fs::write(&head, lines.last().unwrap()).unwrap();
    assert_eq!(trail.verify(Some(&head), &[trail.log()]).0, 0);

    eprintln!("seed {SEED:#x}");
    let mut chance = Chance(SEED);
    let mutated = trail.path("mutated.jsonl");
    for number in 0..200 {
        let (what, bytes) = mutate(&mut lines.clone(), &foreign, &mut chance);
        assert_ne!(bytes, text.as_bytes());
        fs::write(&mutated, &bytes).unwrap();
        let is_cut = text.as_bytes().starts_with(&bytes);
        let (mut status, mut said) = trail.verify(None, &[&mutated]);
        if is_cut && status != TAMPERED {
            // A cut between two lines: either the end is not signed, or the log ends at a checkpoint, which only the
            // head shows.
            assert_eq!(
                status,
                if bytes.ends_with(b"\"}\n") && said.starts_with("intact: ") { 0 } else { UNSIGNED },
                "{said}"
            );
            (status, said) = trail.verify(Some(&head), &[&mutated]);
        }
        assert_eq!(status, TAMPERED, "{number}: {what}: {said}");
        let differs = bytes.iter().zip(text.as_bytes()).position(|(one, other)| one != other);
        let first = text[..differs.unwrap_or(bytes.len())].matches('\n').count() + 1;
        // The first changed line, or the line before it if the end of that line is missing.
        let told = said.split_once(", line ").and_then(|(_, rest)| rest.split([' ', ':']).next()).unwrap();
        let told: usize = told.parse().unwrap();
        assert!((first.saturating_sub(1)..=first + 1).contains(&told), "{number}: {what} at {first}: {said}");
    }
}

#[test]
fn a_log_cut_back_to_a_checkpoint_is_found_by_the_head() {
    let trail = log(2500);
    let text = trail.text();
    let at = text.find("\"event\":\"checkpoint\"").unwrap();
    let cut = at + text[at..].find('\n').unwrap() + 1;
    let (kept, head) = (trail.path("kept.jsonl"), trail.path("head"));
    fs::write(&kept, &text[..cut]).unwrap();
    fs::write(&head, text.lines().last().unwrap()).unwrap();
    assert_eq!(trail.verify(None, &[&kept]).0, 0);
    let (status, said) = trail.verify(Some(&head), &[&kept]);
    assert_eq!(status, TAMPERED, "{said}");
    assert!(said.contains("before the given head, line 2500: it was cut off"), "{said}");

    // A head that is not a checkpoint of this key is refused.
    let line = text[..cut].lines().last().unwrap();
    for faulty in [text.lines().next().unwrap().to_owned(), line.replacen("\"time\":\"2", "\"time\":\"3", 1)] {
        fs::write(&head, faulty).unwrap();
        let (status, said) = trail.verify(Some(&head), &[trail.log()]);
        assert!(status == 1 && said.contains("not a checkpoint of this key"), "{said}");
    }
}

#[test]
fn the_end_must_be_signed_and_the_beginning_there() {
    let trail = log(1500);
    let text = trail.text();
    let lines: Vec<&str> = text.lines().collect();
    let file = trail.path("part.jsonl");
    let judged = |content: String, status: i32, words: &str| {
        fs::write(&file, content).unwrap();
        let (found, said) = trail.verify(None, &[&file]);
        assert!(found == status && said.contains(words), "{found}: {said}");
    };
    let join = |lines: &[&str]| lines.join("\n") + "\n";
    judged(join(&lines[..10]), UNSIGNED, "its end is not signed: the last line is 10, the last checkpoint 0");
    judged(join(&lines[..1499]), UNSIGNED, "the last checkpoint 1000");
    judged(join(&lines[1..]), TAMPERED, "line 1 (sequence 2): the log begins with sequence 2");
    judged(String::new(), TAMPERED, "there are no lines");
    judged("\n".to_owned(), TAMPERED, "line 1");
    judged(text.trim_end().to_owned(), TAMPERED, "line 1500: it has no newline");
    judged(text.clone() + "\n", TAMPERED, "line 1501");
    judged(text.replace('\n', "\r\n"), TAMPERED, "line 1");
    judged(text.clone() + lines[1499] + "\n", TAMPERED, "line 1501 (sequence 1500): sequence 1501 is expected");
    // The error names the changed line itself, not the line that shows the change.
    let changed = lines[699].replace("\"user\":\"alice\"", "\"user\":\"mallory\"");
    let mut forged = lines.clone();
    forged[699] = &changed;
    judged(join(&forged), TAMPERED, "line 700 (sequence 700): it was changed");

    let other = log(10);
    let (status, said) = trail.verify(None, &[other.log()]);
    assert!(status == TAMPERED && said.contains("signed by another key"), "{said}");
    fs::write(trail.path("key.pem"), "").unwrap();
    assert!(trail.verify(None, &[trail.log()]).1.contains("not a public key in PEM"));
    let missing = PathBuf::from("missing.jsonl");
    assert_eq!(other.verify(None, &[&missing]).0, 1);
}
