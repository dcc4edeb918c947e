//! One chain over many files: rotation by size and age, files that other programs move, and missing files.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use claviger::audit::{Audit, Unavailable};

use crate::harness::audit::{head_of, use_of};
use crate::harness::cli::TAMPERED;
use crate::harness::{Trail, eventually};

/// The rotated files, oldest first, and the log itself.
fn files(trail: &Trail) -> Vec<PathBuf> {
    let entries = fs::read_dir(trail.directory.path()).unwrap();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.file_name().unwrap().to_str().unwrap().starts_with("audit.jsonl."));
    paths.sort();
    paths.push(trail.log().to_owned());
    paths
}

fn write(audit: &Audit, count: usize) {
    for number in 0..count {
        audit.write(vec![use_of(&format!("key-{number}"))]).unwrap();
    }
}

fn first_event(path: &PathBuf) -> String {
    let text = fs::read_to_string(path).unwrap();
    let value: serde_json::Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    value["event"].as_str().unwrap().to_owned()
}

/// A closed log of several files.
fn rotated() -> Trail {
    let mut trail = Trail::still();
    trail.settings.rotate_size = 4096;
    let (audit, _) = trail.open(None);
    write(&audit, 60);
    drop(audit);
    trail
}

#[test]
fn large_files_are_rotated_and_verified_together() {
    let trail = rotated();
    let mut files = files(&trail);
    assert!(files.len() > 3, "{files:?}");
    for (number, path) in files.iter().enumerate() {
        let text = fs::read_to_string(path).unwrap();
        assert!(number + 1 == files.len() || (4096..8192).contains(&text.len()), "{}", text.len());
        assert_eq!(first_event(path), if number == 0 { "started" } else { "rotated" });
        let last = text.lines().last().unwrap();
        assert!(last.contains("\"event\":\"checkpoint\""), "{last}");
        // The name has the first and the last number.
        let (first, last) = [text.lines().next().unwrap(), last].map(|line| head_of(line).seq).into();
        let name = format!("audit.jsonl.{first:012}-{last}");
        assert!(number + 1 == files.len() || path.ends_with(&name), "{name}: {path:?}");
    }
    files.reverse();
    assert_eq!(trail.verify(None, &files).0, 0);
    for missing in 0..files.len() {
        let mut some = files.clone();
        some.remove(missing);
        let (status, said) = trail.verify(None, &some);
        // Without the last file, the log is that of an earlier time.
        assert_eq!(status, if missing == 0 { 0 } else { TAMPERED }, "{said}");
    }
    let twice = [files.clone(), vec![files[1].clone()]].concat();
    assert_eq!(trail.verify(None, &twice).0, TAMPERED);
    // A file of another log of the same key has the right numbers and the wrong hashes.
    let other = rotated();
    let mut mixed = files.clone();
    mixed[1] = self::files(&other)[files.len() - 2].clone();
    assert_eq!(trail.verify(None, &mixed).0, TAMPERED);
}

#[test]
fn old_files_are_rotated_too() {
    let mut trail = Trail::new();
    trail.settings.rotate_age = Duration::from_millis(100);
    let (audit, _) = trail.open(None);
    eventually("a rotation", || (files(&trail).len() > 2).then_some(()));
    drop(audit);
    assert_eq!(trail.verify(None, &files(&trail)).0, 0);
}

#[test]
fn the_line_that_the_database_knows_may_be_in_an_older_file() {
    let trail = rotated();
    let old = files(&trail);
    let first = head_of(fs::read_to_string(&old[0]).unwrap().lines().nth(3).unwrap());
    drop(trail.open(Some(first)));
    // The file was moved away. The next file still names its last line.
    let last = head_of(fs::read_to_string(&old[1]).unwrap().lines().last().unwrap());
    for path in &old[..2] {
        fs::rename(path, trail.path(&format!("moved-{}", path.file_name().unwrap().to_str().unwrap()))).unwrap();
    }
    drop(trail.open(Some(last)));
    assert!(trail.try_open(Some(first)).is_err());
    // The moment between two names: the log was renamed, and the next one does not exist yet.
    let seqs: Vec<u64> = trail.text().lines().map(|line| head_of(line).seq).collect();
    let (head, name) = (trail.head(), format!("audit.jsonl.{:012}-{}", seqs[0], seqs[seqs.len() - 1]));
    fs::rename(trail.log(), trail.path(&name)).unwrap();
    drop(trail.open(Some(head)));
    assert_eq!(head_of(trail.text().lines().next().unwrap()).seq, head.seq + 1);
    let moved = ["moved-", "audit.jsonl"];
    let entries = fs::read_dir(trail.directory.path()).unwrap().map(|entry| entry.unwrap().path());
    let all: Vec<PathBuf> = entries
        .filter(|path| moved.iter().any(|start| path.file_name().unwrap().to_str().unwrap().starts_with(start)))
        .collect();
    let (status, said) = trail.verify(None, &all);
    assert_eq!(status, 0, "{said}");
}

#[test]
fn another_program_may_move_the_file() {
    let trail = Trail::new();
    let (audit, _) = trail.open(None);
    write(&audit, 3);
    let (moved, again) = (trail.path("moved"), trail.path("again"));
    // There is no file.
    fs::rename(trail.log(), &moved).unwrap();
    write(&audit, 1);
    audit.reopen();
    eventually("a new file", || trail.log().exists().then_some(()));
    write(&audit, 1);
    assert_eq!(trail.events()[0], "reopened");
    // There is an empty file.
    fs::rename(trail.log(), &again).unwrap();
    fs::write(trail.log(), "").unwrap();
    audit.reopen();
    eventually("the new file in use", || (!trail.text().is_empty()).then_some(()));
    // There is another log: it is not changed.
    let current = trail.path("current");
    fs::rename(trail.log(), &current).unwrap();
    let foreign = rotated().text();
    fs::write(trail.log(), &foreign).unwrap();
    audit.reopen();
    write(&audit, 1);
    assert_eq!(trail.text(), foreign);
    // There is a copy of this log: it is continued.
    eventually("an idle log that ends signed", || {
        let text = fs::read_to_string(&current).unwrap();
        text.lines().last().is_some_and(|line| line.contains("\"event\":\"checkpoint\"")).then_some(())
    });
    fs::copy(&current, trail.log()).unwrap();
    audit.reopen();
    write(&audit, 1);
    assert!(fs::metadata(trail.log()).unwrap().len() > fs::metadata(&current).unwrap().len());
    drop(audit);
    let (status, said) = trail.verify(None, &[again.as_path(), &moved, trail.log()]);
    assert_eq!(status, 0, "{said}");
}

#[test]
fn what_stands_in_the_way_of_a_rotation_is_left_alone() {
    let mut trail = Trail::new();
    trail.settings.rotate_size = 4096;
    let (audit, _) = trail.open(None);
    fs::write(trail.path("audit.jsonl.new"), "somebody's").unwrap();
    write(&audit, 30);
    drop(audit);
    assert!(trail.text().len() > 8192);
    assert_eq!(fs::read_to_string(trail.path("audit.jsonl.new")).unwrap(), "somebody's");
    trail.is_intact();
}

#[test]
fn a_log_that_was_removed_takes_nothing_more() {
    let trail = Trail::new();
    let (audit, _) = trail.open(None);
    write(&audit, 2);
    let before = trail.path("before");
    fs::copy(trail.log(), &before).unwrap();
    fs::remove_file(trail.log()).unwrap();
    let refused = audit.write(vec![use_of("refused")]);
    assert!(matches!(&refused, Err(Unavailable::Failing(why)) if why.contains("was removed")), "{refused:?}");
    assert!(audit.check().is_err() && audit.note(use_of("refused")).is_err());
    audit.reopen();
    eventually("a new file in use", || audit.check().ok());
    write(&audit, 1);
    drop(audit);
    assert!(!trail.text().contains("\"refused\":\""));
    assert_eq!(trail.events()[0], "reopened");
    let (status, said) = trail.verify(None, &[&before, trail.log()]);
    assert_eq!(status, 0, "{said}");
}
