//! With a full disk, operations are refused. Only the lines of acknowledged operations are written later.
//!
//! The test uses the process's limit on the size of a file (setrlimit(2), RLIMIT_FSIZE), which fails writes half-way as
//! a full disk does. So the log runs in its own process.

use std::env;
use std::process::Command;

use claviger::audit::Unavailable;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::harness::audit::use_of;
use crate::harness::server::run;
use crate::harness::{Trail, eventually};

const VARIABLE: &str = "AUDIT_WITH_A_FULL_DISK";

/// Not at the end of a line.
const ROOM: u64 = 20_001;

fn room(bytes: Option<u64>) {
    let maximum = getrlimit(Resource::Fsize).maximum;
    setrlimit(Resource::Fsize, Rlimit { current: bytes.or(maximum), maximum }).unwrap();
}

#[test]
fn operations_are_refused_and_nothing_is_lost() {
    if env::var_os(VARIABLE).is_some() {
        return with_a_full_disk();
    }
    let mut command = Command::new("sh");
    // The signal that comes with the error would end the process.
    command.args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""]).arg(env::current_exe().unwrap());
    command.args(["--exact", "audit_survives_a_full_disk::operations_are_refused_and_nothing_is_lost", "--nocapture"]);
    let (status, out, error) = run(command.env(VARIABLE, "1"));
    assert!(status.success() && out.contains("1 passed"), "{out}{error}");
}

fn with_a_full_disk() {
    let trail = Trail::new();
    let (audit, _) = trail.open(None);
    room(Some(ROOM));
    let (mut promised, mut written, mut refused) = (Vec::new(), Vec::new(), Vec::new());
    for number in 0.. {
        let (note, durable) = (format!("note-{number}"), format!("durable-{number}"));
        if audit.note(use_of(&note)).is_ok() {
            promised.push(note);
        } else {
            refused.push(note);
        }
        match audit.write(vec![use_of(&durable), use_of(&durable)]) {
            Ok(_) => written.push(durable),
            Err(Unavailable::Failing(_)) => {
                refused.push(durable);
                break;
            }
            Err(error) => panic!("{error}"),
        }
    }
    assert!(promised.len() > 10 && written.len() > 10 && !refused.is_empty());
    assert!(audit.check().is_err() && audit.statistics().failing);
    assert!(audit.note(use_of("later")).is_err());
    // Only complete lines.
    eventually("the torn line is cut off", || trail.text().ends_with("}\n").then_some(()));
    // It recovers by itself.
    room(None);
    eventually("recovery", || audit.check().ok());
    audit.write(vec![use_of("after")]).unwrap();
    drop(audit);

    trail.is_intact();
    let lines = trail.lines();
    let count = |object: &str| lines.iter().filter(|line| line["object"] == object).count();
    assert!(promised.iter().all(|object| count(object) == 1), "what was promised is there once");
    assert!(written.iter().all(|object| count(object) == 2), "what was written is there");
    assert!(refused.iter().all(|object| count(object) == 0), "what was refused is not");
    assert_eq!((count("later"), count("after")), (0, 1));
    let told = lines.iter().find(|line| line["event"] == "note").unwrap();
    assert!(told["refused"].as_u64().unwrap() > 0, "{told}");
}

#[test]
fn a_log_that_cannot_be_written_does_not_start() {
    let mut trail = Trail::new();
    trail.settings.file = "/dev/full".into();
    assert!(trail.try_open(None).is_err());
    trail.settings.file = trail.path("missing/audit.jsonl");
    assert!(trail.try_open(None).is_err());
}
