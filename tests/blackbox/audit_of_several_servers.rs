//! The logs of several servers over one database: `claviger audit verify` tells them apart by what is in them, and
//! `claviger audit search` puts their lines in the order of time.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use openssl::sha::sha256;
use serde_json::Value;

use crate::harness::audit::{change_of, claviger, use_of};
use crate::harness::cli::{TAMPERED, UNSIGNED};
use crate::harness::kmip::{encrypt, named, revoke};
use crate::harness::postgres::Cluster;
use crate::harness::server::{Place, run};
use crate::harness::{Cli, Server, Trail, eventually};
use crate::several_servers::options;

/// Writes lines into a log of small files, and closes it.
fn fill(trail: &mut Trail, lines: i64) {
    trail.settings.rotate_size = 4096;
    let (audit, _) = trail.open(None);
    for number in 0..lines {
        audit.write(vec![change_of(&format!("{}-{number}", trail.settings.server), number)]).unwrap();
    }
}

/// The files of a log, oldest first.
fn files(trail: &Trail) -> Vec<PathBuf> {
    claviger::audit::files(trail.log()).unwrap()
}

/// Times of lines are in milliseconds: the next line has another one.
fn a_millisecond_passes() {
    let before = Instant::now();
    eventually("a millisecond has passed", || (before.elapsed() > Duration::from_millis(2)).then_some(()));
}

/// Two closed logs of several files each.
fn two() -> [Trail; 2] {
    let first = Trail::still();
    ["one", "two"].map(|server| {
        let mut trail = first.of_server(server);
        fill(&mut trail, 40);
        trail
    })
}

fn copy(from: &Path, to: &Path) -> PathBuf {
    fs::copy(from, to).unwrap();
    to.to_owned()
}

/// Runs `claviger audit` with these arguments and files; returns the exit status and the output.
fn audit<P: AsRef<Path>>(arguments: &[&str], files: &[P]) -> (i32, String, String) {
    let mut command = claviger();
    let (status, out, error) = run(command.arg("audit").args(arguments).args(files.iter().map(AsRef::as_ref)));
    (status.code().unwrap(), out, error)
}

fn values(lines: &str) -> Vec<Value> {
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn logs_are_told_apart_by_what_is_in_them() {
    let [one, two] = two();
    let (own, its) = (files(&one), files(&two));
    assert!(own.len() > 3 && its.len() > 3, "{own:?} {its:?}");
    // Names say nothing here, nor does the order.
    let mut moved: Vec<PathBuf> = own.iter().chain(&its).cloned().collect();
    moved.sort_by_key(|path| path.file_name().unwrap().to_str().unwrap().bytes().rev().collect::<Vec<_>>());
    let moved: Vec<PathBuf> = (0..)
        .zip(&moved)
        .map(|(number, path)| {
            let server = if own.contains(path) { "one" } else { "two" };
            let is_newest = [&own, &its].iter().any(|files| files.last() == Some(path));
            copy(path, &one.path(&format!("{number}-{server}{}", if is_newest { "-newest" } else { "" })))
        })
        .collect();
    let (status, said) = one.verify(None, &moved);
    assert_eq!(status, 0, "{said}");
    let lines: Vec<&str> = said.lines().collect();
    let [first, second, all] = lines[..] else { panic!("{said}") };
    for (server, files) in [("one", &own), ("two", &its)] {
        let line = [first, second].into_iter().find(|line| line.contains(&format!("(server {server})"))).unwrap();
        let expected = format!("-{server}-newest and {} older files (server {server}): ", files.len() - 1);
        assert!(line.starts_with("intact: ") && line.contains(&expected), "{line}");
        assert!(line.ends_with("the last line is signed"), "{line}");
    }
    assert_eq!(all, "all 2 logs are intact, and signed to their ends");
    // Each by itself is what it always was.
    for (trail, files) in [(&one, &own), (&two, &its)] {
        let (status, said) = trail.verify(None, files);
        assert!(status == 0 && said.starts_with("intact: ") && said.lines().count() == 1, "{said}");
    }
    // A log of a former release does not name its server.
    let mut third = one.of_server("three");
    third.settings.server.clear();
    fill(&mut third, 20);
    let (status, said) = one.verify(None, &[own, files(&third), its].concat());
    assert!(status == 0 && said.contains("all 3 logs are intact"), "{said}");
    let json = claviger_json(&one, &[one.log(), third.log(), two.log()]);
    assert_eq!(json["intact"], false, "only the newest files were given: {json}");
}

/// Lines that were not written by a server, although each has the hash of the one before. `members` end each of them.
fn forged(file: &Path, lines: usize, members: &str) -> PathBuf {
    let (mut text, mut prev) = (String::new(), "0".repeat(64));
    for seq in 1..=lines {
        let line = format!(
            "{{\"seq\":{seq},\"time\":\"2026-11-30T00:00:00.000Z\",\"prev\":\"{prev}\",\"event\":\"note\"{members}}}"
        );
        prev = sha256(line.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
        text.push_str(&format!("{line}\n"));
    }
    fs::write(file, text).unwrap();
    file.to_owned()
}

#[test]
fn a_forged_log_beside_others_is_found() {
    let lone = Trail::still();
    lone.open(None).0.write(vec![use_of("object")]).unwrap();
    let [one, two] = two();
    for (trail, others) in [(&lone, vec![]), (&one, files(&two))] {
        let sound = [files(trail), others].concat();
        assert_eq!(trail.verify(None, &sound).0, 0);
        let name = format!("{}.000000000001-000000000005", trail.log().display());
        for members in ["", ",\"server\":\"one\"", ",\"server\":\"two\"", ",\"server\":\"three\""] {
            let forged = forged(&trail.path(&name), 5, members);
            let own = std::slice::from_ref(&forged);
            for order in [[&sound[..], own].concat(), [own, &sound[..]].concat()] {
                let (status, said) = trail.verify(None, &order);
                assert_eq!(status, TAMPERED, "{members:?}: {said}");
                let line = said.lines().find(|line| line.starts_with("not intact: ")).unwrap();
                let expected = format!("{}, line 1: no checkpoint follows", forged.display());
                assert!(line.contains(&expected), "{said}");
            }
            fs::remove_file(forged).unwrap();
        }
    }
}

#[test]
fn two_logs_of_one_server_are_found_although_both_are_signed() {
    for server in ["two", ""] {
        let [one, two] = two();
        let mut former = two.of_server("former");
        former.settings.server = server.to_owned();
        former.open(None).0.write(vec![use_of("former")]).unwrap();
        a_millisecond_passes();
        let mut second = two.of_server("second");
        second.settings.server = server.to_owned();
        second.open(None).0.write(vec![use_of("second")]).unwrap();
        let rivals = if server.is_empty() { [files(&former), files(&second)] } else { [files(&former), files(&two)] };
        for others in [vec![], files(&one)] {
            let (status, said) = one.verify(None, &[rivals.concat(), others].concat());
            assert_eq!(status, TAMPERED, "{server:?}: {said}");
            for [own, other] in [[0, 1], [1, 0]].map(|places| places.map(|place| rivals[place][0].display())) {
                let expected = format!("{own}, line 1: the first line of {other} begins the log of the same server");
                assert!(said.contains(&expected), "{expected}: {said}");
            }
        }
    }
}

#[test]
fn a_server_that_must_have_a_log_is_missed() {
    let [one, two] = two();
    let (own, its) = (files(&one), files(&two));
    let key = one.path("key.pem");
    let verify = |servers: &[&str], files: &[PathBuf]| {
        let servers = servers.iter().flat_map(|server| ["--server", server]);
        let arguments: Vec<&str> =
            ["verify", "--public-key", key.to_str().unwrap()].into_iter().chain(servers).collect();
        let (status, out, error) = audit(&arguments, files);
        (status, out + &error)
    };
    let both = [own.clone(), its.clone()].concat();
    assert_eq!(verify(&["one", "two"], &both).0, 0);
    assert_eq!(verify(&["one"], &both).0, 0);
    assert_eq!(verify(&["one"], &own).0, 0);
    for (servers, files) in [(&["one", "two", "three"][..], &both), (&["three"], &both), (&["one", "three"], &own)] {
        let (status, said) = verify(servers, files);
        assert_eq!(status, TAMPERED, "{said}");
        assert!(said.contains("no intact log of the server three is among the files"), "{said}");
    }
    // A log that is not intact is not the log of its server.
    let text = fs::read_to_string(two.log()).unwrap();
    fs::write(two.log(), text.replacen("prev", "perv", 1)).unwrap();
    let (status, said) = verify(&["one", "two"], &both);
    assert!(status == TAMPERED && said.contains("no intact log of the server two is among the files"), "{said}");
    assert_eq!(verify(&["not a name"], &both).0, 2);
}

#[test]
fn what_cannot_be_the_name_of_a_server_is_not_printed() {
    let [one, two] = two();
    let all = [files(&one), files(&two)].concat();
    let long = "x".repeat(65);
    for name in ["one): intact: 9 lines (server two", "", "\\u001b[2J", &long] {
        let forged = forged(&one.path("forged.jsonl"), 1, &format!(",\"server\":\"{name}\""));
        let (status, said) = one.verify(None, &[&all[..], &[forged]].concat());
        assert_eq!(status, TAMPERED, "{name}: {said}");
        let line = said.lines().find(|line| line.contains("forged.jsonl")).unwrap();
        assert!(line.starts_with("not intact: ") && !line.contains("(server"), "{line}");
    }
}

#[test]
fn a_log_that_began_without_a_name_has_the_later_one() {
    let [one, two] = two();
    let mut third = one.of_server("three");
    third.settings.server.clear();
    third.open(None).0.write(vec![use_of("before")]).unwrap();
    third.settings.server = "three".to_owned();
    third.open(None).0.write(vec![use_of("after")]).unwrap();
    let (status, said) = one.verify(None, &[files(&one), files(&two), files(&third)].concat());
    assert!(status == 0 && said.contains("three.jsonl (server three): "), "{said}");
}

fn claviger_json(trail: &Trail, files: &[&Path]) -> Value {
    let key = trail.path("key.pem");
    let (_, out, error) = audit(&["verify", "--json", "--public-key", key.to_str().unwrap()], files);
    serde_json::from_str(&out).unwrap_or_else(|_| panic!("{out}{error}"))
}

#[test]
fn a_missing_file_is_missed_in_its_log() {
    let [one, two] = two();
    let (own, its) = (files(&one), files(&two));
    for missing in 0..its.len() - 1 {
        let mut left = its.clone();
        let gone = left.remove(missing);
        let (status, said) = one.verify(None, &[own.clone(), left.clone()].concat());
        assert_eq!(status, TAMPERED, "{said}");
        assert!(said.contains("1 of 2 logs are not intact"), "{said}");
        let line = said.lines().find(|line| line.contains("not intact: ")).unwrap();
        let why = if missing == 0 { "give the files before this one too" } else { "is expected here" };
        assert!(line.contains("(server two)") && line.contains(why), "without {gone:?}: {line}");
        let next = left[missing].display().to_string();
        assert!(line.starts_with("not intact: ") && line.contains(&format!("(server two): {next}, line 1 ")), "{line}");
        assert!(said.lines().any(|line| line.starts_with("intact: ") && line.contains("(server one): ")), "{said}");
    }
    // The last one is missed by nobody but the database and a head.
    let (status, said) = one.verify(None, &[&own[..], &its[..its.len() - 1]].concat());
    assert_eq!(status, 0, "{said}");
    let head = |trail: &Trail| {
        let line = trail.published.lock().unwrap().last().unwrap().line.clone();
        let file = trail.path(&format!("{}.head", trail.settings.server));
        fs::write(&file, line + "\n").unwrap();
        file
    };
    let heads = [head(&one), head(&two)];
    let key = one.path("key.pem");
    let [first, second] = heads.each_ref().map(|file| file.to_str().unwrap());
    let arguments = ["verify", "--public-key", key.to_str().unwrap(), "--head", second, "--head", first];
    let (status, out, error) = audit(&arguments, &[own.clone(), its.clone()].concat());
    assert!(status == 0 && out.contains("two.head: this checkpoint is in "), "{out}{error}");
    let (status, out, _) = audit(&arguments, &[&own[..], &its[..its.len() - 1]].concat());
    assert_eq!(status, TAMPERED, "{out}");
    assert!(out.contains("two.head: this checkpoint is in none of the intact logs"), "{out}");
    assert!(out.contains("one.head: this checkpoint is in "), "{out}");
    // Of one log, every head must be in it.
    let (status, _, error) = audit(&arguments, &own);
    assert_eq!(status, TAMPERED, "{error}");
}

#[test]
fn what_is_wrong_in_one_log_is_said_of_it() {
    let [one, two] = two();
    let (own, its) = (files(&one), files(&two));
    let all = [own, its].concat();
    let whole = fs::read(two.log()).unwrap();
    // The last checkpoint is cut off.
    let end = whole[..whole.len() - 1].iter().rposition(|byte| *byte == b'\n').unwrap() + 1;
    fs::write(two.log(), &whole[..end]).unwrap();
    let (status, said) = one.verify(None, &all);
    assert_eq!(status, UNSIGNED, "{said}");
    let expected = "(server two): the last line is ";
    let unsigned = said.lines().find(|line| line.starts_with("intact, but its end is not signed: ")).unwrap();
    assert!(unsigned.contains(expected), "{said}");
    assert!(said.contains("all 2 logs are intact, but the ends of 1 are not signed"), "{said}");
    for at in [0, whole.len() / 2, whole.len() - 2] {
        let mut changed = whole.clone();
        changed[at] ^= 1;
        fs::write(two.log(), &changed).unwrap();
        let (status, said) = one.verify(None, &all);
        assert_eq!(status, TAMPERED, "byte {at}: {said}");
        assert!(said.contains("1 of 2 logs are not intact"), "byte {at}: {said}");
    }
    // Between two files, where the hashes no longer show that one follows the other.
    fs::write(two.log(), &whole).unwrap();
    let older = files(&two)[1].clone();
    let text = fs::read_to_string(&older).unwrap();
    fs::write(&older, text.replace("\"signature\":\"ME", "\"signature\":\"MF")).unwrap();
    let (status, said) = one.verify(None, &all);
    assert_eq!(status, TAMPERED, "{said}");
    assert!(said.contains(&format!("(server two): {}, line ", older.display())), "{said}");
    assert!(said.contains("1 of 2 logs are not intact"), "{said}");
    // A line of the other log.
    fs::write(&older, &text).unwrap();
    let (first, rest) = std::str::from_utf8(&whole).unwrap().split_once('\n').unwrap();
    fs::write(two.log(), [first, one.text().lines().next().unwrap(), rest].join("\n")).unwrap();
    assert_eq!(one.verify(None, &all).0, TAMPERED);
}

#[test]
fn a_log_that_was_forked_is_found() {
    let trail = Trail::still().of_server("one");
    let (audit, _) = trail.open(None);
    audit.write(vec![use_of("before")]).unwrap();
    drop(audit);
    let copied = copy(trail.log(), &trail.path("copied.jsonl"));
    // Both go on.
    let go_on = |file: &Path, server: &str| {
        let mut own = trail.of_server(server);
        own.settings.file = file.to_owned();
        own.open(None).0.write(vec![use_of("after")]).unwrap();
    };
    let lines = trail.text().lines().count();
    go_on(trail.log(), "one");
    go_on(&copied, "other");
    for own in [trail.log(), &copied] {
        assert_eq!(trail.verify(None, &[own]).0, 0);
    }
    let both = [trail.log().to_owned(), copied];
    let (status, said) = trail.verify(None, &both);
    assert_eq!(status, TAMPERED, "{said}");
    let expected =
        format!("{}, line {}: it differs from this line of {}", both[1].display(), lines + 1, both[0].display());
    assert!(said.contains(&expected), "{said}");
    // Beside the log of another server.
    let mut other = trail.of_server("two");
    fill(&mut other, 3);
    let (status, said) = trail.verify(None, &[&both[..], &files(&other)].concat());
    assert!(status == TAMPERED && said.contains(&expected) && said.contains("1 of 2 logs are not intact"), "{said}");
    // In two files that follow the same one.
    let older = trail.path(&format!("one.jsonl.000000000001-{lines}"));
    let before: String = trail.text().lines().take(lines).map(|line| format!("{line}\n")).collect();
    fs::write(&older, &before).unwrap();
    for file in &both {
        fs::remove_file(file).unwrap();
    }
    go_on(trail.log(), "one");
    let kept = copy(trail.log(), &trail.path("kept.jsonl"));
    fs::remove_file(trail.log()).unwrap();
    go_on(trail.log(), "other");
    assert_eq!(trail.verify(None, &[&older, &kept]).0, 0);
    let (status, said) = trail.verify(None, &[older, kept.clone(), trail.log().to_owned()]);
    assert_eq!(status, TAMPERED, "{said}");
    let expected = format!("it follows the same line as the first line of {}: the log was forked", kept.display());
    assert!(said.contains(&expected), "{said}");
}

#[test]
fn a_file_that_is_given_twice_is_named() {
    let [one, two] = two();
    let (own, its) = (files(&one), files(&two));
    let half = one.path("half.jsonl");
    let text = fs::read(one.log()).unwrap();
    fs::write(&half, &text[..text.len() / 2]).unwrap();
    let link = one.path("link.jsonl");
    std::os::unix::fs::symlink(one.log(), &link).unwrap();
    for twice in [one.log(), &half, &link, &copy(one.log(), &one.path("copied.jsonl")), &own[1]] {
        for others in [vec![], its.clone()] {
            let (status, said) = one.verify(None, &[own.clone(), others, vec![twice.to_owned()]].concat());
            assert_eq!(status, TAMPERED, "{twice:?}: {said}");
            let is_same = *twice == *one.log() || *twice == own[1];
            let expected = if is_same { "is given twice: give it once" } else { "does not have: give only the latter" };
            assert!(said.contains(&twice.display().to_string()) && said.contains(expected), "{said}");
        }
    }
    // Older copies do not hide the newer file.
    let (_, out, _) = audit(&["tail", "-n", "1"], &[half, one.log().to_owned()]);
    assert_eq!(out, format!("{}\n", String::from_utf8(text).unwrap().lines().last().unwrap()));
}

#[test]
fn lines_are_merged_by_time() {
    let first = Trail::still();
    let mut trails = ["one", "two", "three"].map(|server| first.of_server(server));
    let mut open: Vec<_> = trails
        .iter_mut()
        .map(|trail| {
            trail.settings.rotate_size = 4096;
            trail.open(None).0
        })
        .collect();
    for round in 0..90 {
        // Not in turns.
        open[round * 7 % 11 % 3].write(vec![use_of(&format!("object-{round}"))]).unwrap();
    }
    open.clear();
    let all: Vec<PathBuf> = trails.iter().flat_map(files).rev().collect();
    let (status, out, error) = audit(&["search", "--operation", "encrypt"], &all);
    assert_eq!(status, 0, "{error}");
    let found = values(&out);
    let times: Vec<&str> = found.iter().map(|line| line["time"].as_str().unwrap()).collect();
    assert!(times.is_sorted() && times.len() == 90, "{times:?}");
    for server in ["one", "two", "three"] {
        let own: Vec<u64> = found.iter().filter(|line| line["server"] == server).map(seq).collect();
        assert!(own.is_sorted() && own.len() > 20, "{server}: {own:?}");
    }
    // The lines are as they are in the logs.
    let written: Vec<String> = all.iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    assert!(out.lines().all(|line| written.iter().any(|text| text.lines().any(|own| own == line))));
    // The newest of all, with bounds of time.
    let (_, last, _) = audit(&["search", "--operation", "encrypt", "--limit", "7"], &all);
    assert!(out.ends_with(&last) && last.lines().count() == 7, "{last}");
    let middle = times[45];
    let (_, later, _) = audit(&["search", "--operation", "encrypt", "--from", middle], &all);
    assert!(out.ends_with(&later) && values(&later)[0]["time"] == middle, "{later}");
    let (_, tail, _) = audit(&["tail", "-n", "500"], &all);
    assert_eq!(tail.lines().count(), written.iter().map(|text| text.lines().count()).sum::<usize>());
    // For programs, with the file of each line.
    let (_, json, _) = audit(&["search", "--json", "--object", "object-13"], &all);
    let [line] = &serde_json::from_str::<Vec<Value>>(&json).unwrap()[..] else { panic!("{json}") };
    let file = fs::read_to_string(line["file"].as_str().unwrap()).unwrap();
    assert!(file.contains("object-13") && line["object"] == "object-13", "{line}");
    // Of one log, JSON is as it always was.
    let (_, json, _) = audit(&["tail", "--json", "-n", "1"], &files(&trails[0]));
    let last = trails[0].lines().pop().unwrap();
    assert_eq!(serde_json::from_str::<Vec<Value>>(&json).unwrap(), [last]);
}

/// The sequence number of a line.
fn seq(line: &Value) -> u64 {
    line["seq"].as_u64().unwrap()
}

/// Writes lines from the number `first` on that have these seconds, and are not chained.
fn plain(trail: &Trail, name: &str, first: usize, times: &[u8]) -> PathBuf {
    let file = trail.path(name);
    let line = |(seq, time): (usize, &u8)| {
        let prev = "0".repeat(64);
        format!(
            "{{\"seq\":{},\"time\":\"2026-11-30T00:00:{time:02}.000Z\",\"prev\":\"{prev}\",\"event\":\"note\",\"detail\":\"{name}\"}}\n",
            seq + first
        )
    };
    fs::write(&file, times.iter().enumerate().map(line).collect::<String>()).unwrap();
    file
}

/// The name and the number of each of these lines.
fn order(lines: &str) -> Vec<String> {
    let name = |line: &Value| format!("{}{}", line["detail"].as_str().unwrap(), line["seq"]);
    lines.lines().filter_map(|line| serde_json::from_str(line).ok()).map(|line| name(&line)).collect()
}

#[test]
fn a_clock_that_was_set_back_does_not_reorder_a_log() {
    let trail = Trail::new();
    let write = |name: &str, times: &[u8]| plain(&trail, name, 1, times);
    let files = [write("a", &[1, 5, 2, 6]), write("b", &[1, 4, 6]), write("c", &[])];
    let (_, out, error) = audit(&["tail", "-n", "20"], &files);
    assert_eq!(order(&out), ["a1", "b1", "a2", "a3", "b2", "a4", "b3"], "{error}");
    // A line that is older than the earliest time does not hide those before it.
    let (_, out, _) =
        audit(&["search", "--from", "2026-11-30T00:00:05Z"], &[write("a", &[1, 5, 6, 2]), write("b", &[5])]);
    assert_eq!(order(&out), ["a2", "b1", "a3"]);
}

#[test]
fn logs_without_a_name_and_a_beginning_are_told_apart_by_their_numbers() {
    let trail = Trail::new();
    let files = [plain(&trail, "a", 5, &[1, 3, 5]), plain(&trail, "b", 6, &[2, 4, 6])];
    let (_, out, _) = audit(&["tail"], &files);
    assert_eq!(order(&out), ["a5", "b6", "a6", "b7", "a7", "b8"]);
    // A file whose numbers come after may be of the only log.
    let files = [plain(&trail, "a", 1, &[1, 3, 5]), plain(&trail, "b", 6, &[2, 4, 6])];
    let (_, out, _) = audit(&["tail"], &files);
    assert_eq!(order(&out), ["a1", "a2", "a3", "b6", "b7", "b8"]);
}

#[test]
fn a_line_without_a_time_does_not_hide_its_log() {
    let trail = Trail::new();
    let files = [plain(&trail, "a", 1, &[1, 2, 3]), plain(&trail, "b", 1, &[4, 5, 6])];
    let text = fs::read_to_string(&files[1]).unwrap();
    fs::write(&files[1], format!("{text}x\ny\n")).unwrap();
    let (_, out, error) = audit(&["tail", "-n", "5"], &files);
    assert_eq!(order(&out), ["b1", "b2", "b3"], "{out}");
    assert!(out.ends_with("x\ny\n"), "{out}");
    let doubt = format!(
        "{}: a line does not have the form of a line of the log: run `claviger audit verify`",
        files[1].display()
    );
    assert!(error.matches(&doubt).count() == 1 && !error.contains("/a:"), "{error}");
    // When the log is followed, only new lines are printed, and the doubt once.
    let (out, error) = (trail.path("out"), trail.path("error"));
    let mut command = claviger();
    command.args(["audit", "tail", "-n", "1", "--follow"]).args(&files).stdin(Stdio::null());
    command.stdout(File::create(&out).unwrap()).stderr(File::create(&error).unwrap());
    let mut child = command.spawn().unwrap();
    eventually("it was read", || fs::read_to_string(&error).unwrap().contains(&doubt).then_some(()));
    let more = plain(&trail, "more", 4, &[7]);
    let more = fs::read_to_string(more).unwrap();
    fs::write(&files[1], format!("{text}x\ny\n{more}")).unwrap();
    let printed = || fs::read_to_string(&out).unwrap();
    eventually("the new line is printed", || printed().contains("more").then_some(()));
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(printed(), more);
    assert_eq!(fs::read_to_string(&error).unwrap().matches(&doubt).count(), 1);
}

#[test]
fn what_search_does_not_read_or_doubts_is_said() {
    let [one, two] = two();
    let own = files(&one);
    // An older copy of a file that another one continues.
    let half = one.path("half.jsonl");
    let text = fs::read(&own[0]).unwrap();
    fs::write(&half, &text[..text.len() / 2]).unwrap();
    let (status, out, error) = audit(&["tail", "-n", "1000"], &[vec![half.clone()], own.clone()].concat());
    let numbers: Vec<u64> = values(&out).iter().map(seq).collect();
    assert!(status == 0 && (1..).zip(&numbers).all(|(expected, seq)| expected == *seq), "{numbers:?}");
    let doubt = format!("{} is not read: it has no line that {} does not have", half.display(), own[0].display());
    assert!(error.contains(&doubt), "{error}");
    // Two logs of one server.
    let mut second = two.of_server("second");
    second.settings.server = "two".to_owned();
    second.open(None).0.write(vec![use_of("second")]).unwrap();
    let (_, _, error) = audit(&["tail"], &[files(&two), files(&second)].concat());
    assert!(error.contains("begins the log of the same server") && error.lines().count() == 1, "{error}");
    let (_, _, error) = audit(&["tail"], &[own, files(&two)].concat());
    assert_eq!(error, "");
}

#[test]
fn new_lines_of_several_logs_are_followed() {
    let first = Trail::still();
    let [one, two, three] = ["one", "two", "three"].map(|server| first.of_server(server));
    // A line that is not among the last ones at the beginning is not printed later.
    three.open(None).0.write(vec![use_of("older")]).unwrap();
    a_millisecond_passes();
    let (first, _) = one.open(None);
    first.write(vec![use_of("before")]).unwrap();
    // This log has not begun yet.
    fs::write(two.log(), "").unwrap();
    let out = one.path("out");
    let mut command = claviger();
    command.args(["audit", "search", "--operation", "Encrypt", "--limit", "1", "--follow"]).args([
        one.log(),
        two.log(),
        three.log(),
    ]);
    let mut child = command.stdout(File::create(&out).unwrap()).stdin(Stdio::null()).spawn().unwrap();
    let objects = || -> Vec<String> {
        values(&fs::read_to_string(&out).unwrap())
            .iter()
            .map(|line| line["object"].as_str().unwrap().to_owned())
            .collect()
    };
    eventually("the last line is printed", || (objects() == ["before"]).then_some(()));
    let (second, _) = two.open(None);
    second.write(vec![use_of("of two")]).unwrap();
    eventually("a log that begins is followed", || (objects() == ["before", "of two"]).then_some(()));
    first.write(vec![use_of("of one")]).unwrap();
    second.write(vec![use_of("again of two")]).unwrap();
    eventually("both are followed", || {
        let found = objects();
        (found.len() == 4 && ["of one", "again of two"].iter().all(|own| found[2..].contains(&(*own).to_owned())))
            .then_some(())
    });
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn three_servers_have_three_logs() {
    let (cluster, place) = (Cluster::shared(), Arc::new(Place::new()));
    let url = cluster.url(&cluster.database());
    let names = ["one", "two", "three"];
    let more = ["--administrators=alice", "--audit-rotate-size=4096"];
    let start = |name: &str| Server::start_at(Arc::clone(&place), &options(&place, &url, name, &more));
    let mut running = names.map(|name| Some(start(name)));
    let alice = |server: &Option<Server>| server.as_ref().unwrap().alice().connect().unwrap();
    let id = alice(&running[0]).aes();
    for round in 0..30 {
        let mut alice = alice(&running[round % 3]);
        let own = alice.aes();
        alice.ok(&encrypt(&own, b"x"));
        if round == 15 {
            running[1].take().unwrap().kill();
            running[1] = Some(start("two"));
        }
    }
    // Uses of the key are in the logs of all.
    for server in &running {
        alice(server).ok(&encrypt(&id, b"x"));
    }
    alice(&running[2]).ok(&revoke(&id, "Superseded"));
    // The other server has to hear of the revocation first.
    let destroyed = || (alice(&running[1]).kmip(&named("Destroy", &id)).status == 200).then_some(());
    eventually("the key is destroyed", destroyed);
    running[0].as_ref().unwrap().keep_audit_key();
    let heads: Vec<PathBuf> = running
        .iter()
        .zip(names)
        .map(|(server, name)| {
            let cli = Cli::alice(server.as_ref().unwrap());
            let head = eventually("the database knows a head", || {
                let output = cli.output(&["audit", "head"], b"");
                output.status.success().then_some(output.stdout)
            });
            let file = place.path(&format!("{name}.head"));
            fs::write(&file, head).unwrap();
            file
        })
        .collect();
    for server in running.into_iter().flatten() {
        assert!(server.stop().1.success());
    }
    let files = |name: &str| claviger::audit::files(&place.path(&format!("{name}.audit.jsonl"))).unwrap();
    let all: Vec<PathBuf> = names.iter().flat_map(|name| files(name)).collect();
    assert!(all.len() > 6, "{all:?}");
    let (status, said) = place.verify(None, &all);
    assert!(status == 0 && said.contains("all 3 logs are intact, and signed to their ends"), "{said}");
    for name in names {
        assert!(
            said.contains(&format!("{name}.audit.jsonl and ")) && said.contains(&format!("(server {name}): ")),
            "{said}"
        );
    }
    for head in &heads {
        let (status, said) = place.verify(Some(head), &all);
        assert!(status == 0 && said.contains(".head: this checkpoint is in "), "{said}");
    }
    // The life of a key, over all servers.
    let (_, out, _) = audit(&["search", "--object", &id, "--outcome", "success"], &all);
    let life: Vec<(Value, Value)> =
        values(&out).into_iter().map(|line| (line["operation"].clone(), line["server"].clone())).collect();
    let expected = [
        ("Create", "one"),
        ("Encrypt", "one"),
        ("Encrypt", "two"),
        ("Encrypt", "three"),
        ("Revoke", "three"),
        ("Destroy", "two"),
    ];
    assert_eq!(life, expected.map(|(operation, server)| (operation.into(), server.into())));
    // Which changes have a line in no log is known where the database is.
    let others = |names: &[&str]| {
        let files = names.iter().map(|name| place.path(&format!("{name}.audit.jsonl")).display().to_string());
        format!("--other-audit-file={}", files.collect::<Vec<_>>().join(","))
    };
    let check = |others: &str| place.check_store(&options(&place, &url, "one", &[&more[..], &[others]].concat()));
    let (is_clean, said) = check(&others(&["two", "three"]));
    assert!(is_clean, "{said}");
    let (is_clean, said) = check(&others(&["two"]));
    assert!(!is_clean && said.contains("version 1 is in no line of the audit log"), "{said}");
    assert!(said.contains("audit log of the server \"three\""), "{said}");
    // A whole log that is not given is missed by nobody but the database and its heads.
    let two_only: Vec<PathBuf> = all.iter().filter(|path| !files("three").contains(path)).cloned().collect();
    let (status, said) = place.verify(Some(&heads[2]), &two_only);
    assert_eq!(status, TAMPERED, "{said}");
    assert!(said.contains("three.head: this checkpoint is in none of the intact logs"), "{said}");
}
