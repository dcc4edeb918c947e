//! `claviger audit tail` and `search` on files, without any server.

use serde_json::Value;

use crate::harness::Trail;
use crate::harness::audit::{change_of, claviger, use_of};
use crate::harness::server::run;

fn said(trail: &Trail, arguments: &[&str]) -> (i32, String, String) {
    let mut command = claviger();
    command.arg("audit").args(arguments).arg(trail.log());
    // Files and a key are enough, whatever the environment says of servers.
    command.env("CLAVIGER_URL", "nonsense").env("CLAVIGER_CONFIG", "/nonexistent");
    let (status, out, error) = run(&mut command);
    (status.code().unwrap(), out, error)
}

fn found(trail: &Trail, arguments: &[&str]) -> Vec<Value> {
    let (status, out, error) = said(trail, arguments);
    assert_eq!(status, 0, "{error}");
    out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn lines_are_found_by_what_they_say() {
    let mut trail = Trail::new();
    trail.settings.rotate_size = 4096;
    let (audit, _) = trail.open(None);
    for number in 0..50 {
        audit.write(vec![use_of(&format!("k{number}")), change_of("twice \u{202e}\"quoted\"", number)]).unwrap();
    }
    drop(audit);
    let all: Vec<_> = std::fs::read_dir(trail.directory.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    let mut all: Vec<&str> = all.iter().filter_map(|path| path.to_str()).filter(|path| path.contains(".0")).collect();
    let search =
        |trail: &Trail, arguments: &[&str], files: &[&str]| found(trail, &[&["search"], arguments, files].concat());
    all.reverse();

    let objects = |found: Vec<Value>| -> Vec<String> {
        found.iter().map(|line| line["object"].as_str().unwrap_or_default().to_owned()).collect()
    };
    assert_eq!(objects(search(&trail, &["--object", "k7"], &all)), ["k7"]);
    let twice = search(&trail, &["--object", "twice \u{202e}\"quoted\"", "--outcome", "success"], &all);
    let versions: Vec<i64> = twice.iter().map(|line| line["version"].as_i64().unwrap()).collect();
    assert_eq!(versions, (0..50).collect::<Vec<_>>());
    // The newest, in the order of the log.
    let limited = search(&trail, &["--caller", "alice", "--limit", "3"], &all);
    let seqs: Vec<u64> = limited.iter().map(|line| line["seq"].as_u64().unwrap()).collect();
    assert!(seqs.is_sorted() && seqs[0] > 100, "{seqs:?}");
    for nothing in [["--caller", "bob"], ["--outcome", "refused"], ["--to", "2020-01-01T00:00:00Z"]] {
        assert_eq!(search(&trail, &nothing, &all), Vec::<Value>::new());
    }
    for (operation, count) in [("ENCRYPT", 50), ("Decrypt", 0)] {
        assert_eq!(search(&trail, &["--operation", operation], &all).len(), count, "{operation}");
    }
    for (bounds, count) in [(["--from", "1h"], 50), (["--from", "2020-01-01"], 50), (["--to", "2020-01-01"], 0)] {
        assert_eq!(
            search(&trail, &[&bounds[..], &["--operation", "encrypt"]].concat(), &all).len(),
            count,
            "{bounds:?}"
        );
    }
    let time = twice[20]["time"].as_str().unwrap();
    let later = search(&trail, &["--from", time, "--object", "k49"], &all);
    assert_eq!(objects(later), ["k49"]);
    let same = search(&trail, &["--from", time, "--to", time], &all);
    assert!(!same.is_empty() && same.iter().all(|line| line["time"] == time));

    let last = found(&trail, &["tail", "-n", "2"]);
    assert_eq!((&last[0]["event"], &last[1]["event"]), (&"stopped".into(), &"checkpoint".into()));
    let (_, out, _) = said(&trail, &["tail", "--json", "-n", "2"]);
    assert_eq!(serde_json::from_str::<Vec<Value>>(&out).unwrap(), last);
}

#[test]
fn usage_errors_and_missing_files_are_told() {
    let trail = Trail::new();
    let (status, _, error) = said(&trail, &["tail"]);
    assert_eq!(status, 1);
    assert!(error.starts_with("claviger: cannot read ") && error.contains("audit.jsonl"), "{error}");
    for wrong in [&["search", "--from", "yesterday"][..], &["search", "--outcome", "good"], &["tail", "-n", "x"]] {
        assert_eq!(said(&trail, wrong).0, 2);
    }
    // An incomplete line does not count.
    std::fs::write(trail.log(), "{\"seq\":1").unwrap();
    assert_eq!(found(&trail, &["tail"]), Vec::<Value>::new());
}
