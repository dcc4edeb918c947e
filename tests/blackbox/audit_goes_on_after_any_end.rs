//! A log continues where it stopped, and says which lines may be missing. If lines are missing at its end, it is not
//! continued.

use std::fs::{self, OpenOptions};
use std::io::Write as _;

use claviger::audit::{Loss, OpenError};

use crate::harness::audit::{change_of, head_of, use_of};
use crate::harness::cli::TAMPERED;
use crate::harness::{Trail, eventually};

fn append(trail: &Trail, bytes: &[u8]) {
    OpenOptions::new().append(true).open(trail.log()).unwrap().write_all(bytes).unwrap();
}

/// Returns a log that ends with `stopped`, and the head that a database records.
fn stopped() -> Trail {
    let trail = Trail::still();
    let (audit, found) = trail.open(None);
    assert_eq!(found.end, None);
    audit.write(vec![use_of("a"), change_of("a", 2)]).unwrap();
    drop(audit);
    trail
}

/// Takes the last `count` lines away.
fn cut(trail: &Trail, count: usize) {
    let text = trail.text();
    let lines: Vec<&str> = text.lines().collect();
    fs::write(trail.log(), lines[..lines.len() - count].join("\n") + "\n").unwrap();
}

#[test]
fn a_stop_is_told_and_signed() {
    let trail = stopped();
    let first = ["started", "decision", "decision", "stopped", "checkpoint"];
    assert_eq!(trail.events(), first);
    assert_eq!(trail.lines()[0]["prev"], "0".repeat(64));
    trail.is_intact();
    let published = trail.published.lock().unwrap().clone();
    assert_eq!(published.last().unwrap().line, trail.text().lines().last().unwrap());

    let (audit, found) = trail.open(Some(trail.head()));
    assert!(!found.unclean && found.torn == 0);
    assert!(matches!(trail.open_at_once(None), Err(OpenError::InUse(_))));
    drop(audit);
    assert_eq!(trail.events(), [&first[..], &["started", "stopped", "checkpoint"]].concat());
    trail.is_intact();
}

#[test]
fn what_is_idle_ends_signed() {
    let trail = Trail::new();
    let (audit, _) = trail.open(None);
    audit.note(use_of("a")).unwrap();
    eventually("a checkpoint", || (!trail.published.lock().unwrap().is_empty()).then_some(()));
    assert_eq!(trail.events(), ["started", "decision", "checkpoint"]);
    trail.is_intact();
    // The log is not changed.
    let before = audit.statistics();
    assert_eq!((before.lines, before.queued, before.failing), (3, 0, false));
}

#[test]
fn a_torn_line_is_cut_off_and_told() {
    let trail = stopped();
    let head = head_of(trail.text().lines().next().unwrap());
    cut(&trail, 2);
    append(&trail, b"{\"seq\":4,\"time\":\"2026-11-24T0");
    let (audit, found) = trail.open(Some(head));
    assert!(found.unclean);
    assert_eq!((found.torn, found.not_in_database.as_slice()), (29, &[3][..]));
    drop(audit);
    let lines = trail.lines();
    assert_eq!(lines[3]["event"], "resumed");
    assert_eq!(lines[3]["torn_bytes"], 29);
    assert_eq!(lines[3]["not_in_database"], serde_json::json!([3]));
    assert!(lines[3]["detail"].as_str().unwrap().contains("may be missing"));
    trail.is_intact();
}

#[test]
fn changes_that_were_retracted_are_not_told_again() {
    let trail = Trail::still();
    let (audit, _) = trail.open(None);
    let head = head_of(trail.text().lines().next().unwrap());
    let mark = audit.write(vec![change_of("a", 2), change_of("b", 5)]).unwrap();
    audit.retract(&mark);
    let last = audit.write(vec![change_of("c", 7)]).unwrap();
    audit.close();
    cut(&trail, 2);
    let lines = trail.lines();
    assert_eq!(lines[3]["event"], "not-committed");
    assert_eq!((&lines[3]["first"], &lines[3]["last"]), (&mark.first.into(), &mark.seq.into()));
    let (_audit, found) = trail.open(Some(head));
    assert_eq!(found.not_in_database, [last.seq]);
}

#[test]
fn a_log_that_lacks_lines_is_not_continued_unasked() {
    let mut trail = stopped();
    let head = trail.head();
    cut(&trail, 3);
    let Err(OpenError::Loss { loss, .. }) = trail.try_open(Some(head)) else { panic!("opened") };
    assert_eq!(loss, Loss::Short { end: 2, head: 5 });
    trail.settings.accept_loss = true;
    drop(trail.open(Some(head)));
    let lines = trail.lines();
    // No number is used twice.
    assert_eq!((&lines[2]["event"], &lines[2]["seq"]), (&"loss-accepted".into(), &6.into()));
    assert_eq!((&lines[2]["database_seq"], &lines[2]["log_seq"]), (&5.into(), &2.into()));
    assert_eq!(lines[3]["event"], "resumed");
    let (status, said) = trail.verify(None, &[trail.log()]);
    assert!(status == 0 && said.contains("--audit-accept-loss accepted: at 1 places"), "{said}");
    trail.settings.accept_loss = false;
    drop(trail.open(Some(trail.head())));

    // If the whole log is missing, the chain continues after the head that the database records.
    let head = trail.head();
    fs::write(trail.log(), "").unwrap();
    assert!(matches!(trail.try_open(Some(head)), Err(OpenError::Loss { loss: Loss::Short { end: 0, .. }, .. })));
    trail.settings.accept_loss = true;
    drop(trail.open(Some(head)));
    assert_eq!(trail.lines()[0]["seq"], head.seq + 1);
    let (status, said) = trail.verify(None, &[trail.log()]);
    assert!(status == TAMPERED && said.contains("give the files before this one too"), "{said}");
}

#[test]
fn a_log_that_was_changed_since_is_not_continued_unasked() {
    let trail = stopped();
    let (head, text) = (trail.head(), trail.text());
    let first = head_of(text.lines().next().unwrap());
    let change = |from: &str, to: &str| fs::write(trail.log(), text.replacen(from, to, 1)).unwrap();
    change("\"Revoke\"", "\"Encrypt\"");
    let broken = |head| match trail.try_open(head) {
        Err(OpenError::Loss { loss, .. }) => loss,
        _ => panic!("opened"),
    };
    assert_eq!(broken(Some(first)), Loss::Broken(3));
    change("\"signature\":\"", "\"signature\":\"A");
    assert_eq!(broken(Some(head)), Loss::Other(5));
    // The head of another log.
    fs::write(trail.log(), stopped().text()).unwrap();
    assert_eq!(broken(Some(head)), Loss::Other(5));
    // Without a database to compare with, the chain from the last checkpoint on must hold.
    change("\"stopped\"", "\"stopper\"");
    assert_eq!(broken(None), Loss::Broken(4));
    fs::write(trail.log(), &text).unwrap();
    drop(trail.open(Some(first)));
}
