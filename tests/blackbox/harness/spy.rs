//! OpenSC's pkcs11-spy between a server and the HSM token, and which of its calls carry the bytes of keys.
//!
//! With `TEST_SPY=DIRECTORY`, every server of the tests on SoftHSM has the spy, and a line for each such call goes to
//! `DIRECTORY/calls`: `scripts/spy` runs the tests in this way. What the spy writes holds keys, so it goes through a pipe and
//! is not kept.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use claviger_pkcs11_shim::{MODULE, ONE_BY_ONE};

use super::token::Hsm;
use super::{again, shim};

/// The library.
pub fn library() -> PathBuf {
    let places = [
        "/usr/lib/x86_64-linux-gnu/pkcs11-spy.so",
        "/usr/lib/x86_64-linux-gnu/pkcs11/pkcs11-spy.so",
        "/usr/lib/aarch64-linux-gnu/pkcs11-spy.so",
        "/usr/lib64/pkcs11-spy.so",
        "/usr/lib/pkcs11/pkcs11-spy.so",
    ];
    places.into_iter().map(PathBuf::from).find(|place| place.exists()).expect("opensc: scripts/test installs it")
}

/// The attributes that hold the value of a secret or private key.
const VALUES: [&str; 7] = [
    "CKA_VALUE",
    "CKA_PRIVATE_EXPONENT",
    "CKA_PRIME_1",
    "CKA_PRIME_2",
    "CKA_EXPONENT_1",
    "CKA_EXPONENT_2",
    "CKA_COEFFICIENT",
];

/// Whether a key may leave, by its attributes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protection {
    /// SENSITIVE, and not EXTRACTABLE.
    Sealed,
    /// SENSITIVE and EXTRACTABLE.
    Guarded,
    /// Neither SENSITIVE, nor not EXTRACTABLE.
    Open,
    /// The calls do not say it.
    Unknown,
}

/// A call that carried the bytes of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Carried {
    pub function: String,
    /// The attributes with bytes, or what was wrong.
    pub what: String,
    pub protection: Protection,
    /// Whether a rule is broken.
    pub is_wrong: bool,
    /// The time, as in the server's log.
    pub at: String,
}

/// Reads the report of the spy.
#[derive(Default)]
pub struct Watch {
    function: String,
    at: String,
    is_out: bool,
    is_private_template: bool,
    object: String,
    made: Option<String>,
    flags: [Option<bool>; 2],
    last: String,
    carried: Vec<String>,
    chunks: Vec<String>,
    told: usize,
    /// Whether lines of this call may be another's: no handle is then known by it, and no rule judged.
    is_mixed: bool,
    /// The number of calls that began and have not returned.
    open: usize,
    /// The flags of the keys by their handles.
    known: HashMap<String, [Option<bool>; 2]>,
    /// The blocks of 16 bytes of imported keys that are sealed.
    sealed: HashSet<String>,
    pub found: Vec<Carried>,
    /// The number of calls, and of those whose lines are mixed with those of another call.
    pub calls: [usize; 2],
}

fn protection([sensitive, extractable]: [Option<bool>; 2]) -> Protection {
    match (sensitive, extractable) {
        (Some(true), Some(false)) => Protection::Sealed,
        (Some(true), Some(true)) => Protection::Guarded,
        (Some(false), Some(true)) => Protection::Open,
        _ => Protection::Unknown,
    }
}

impl Watch {
    /// Reads one line.
    pub fn line(&mut self, line: &str) {
        // After a mechanism that it has no name for, the spy does not begin a new line.
        if let Some(mechanism) = line.strip_prefix("[in] type = ")
            && let Some((_, answer)) = mechanism.split_once("Returned:")
        {
            return self.line(&format!("Returned:{answer}"));
        }
        let text = line.trim_start();
        if let Some((number, function)) = line.split_once(": C_")
            && number.parse::<u64>().is_ok()
        {
            let (is_mixed, open) = (self.open > 0, self.open + 1);
            self.calls[1] += usize::from(is_mixed);
            let known = std::mem::take(&mut self.known);
            let (sealed, found, [calls, mixed]) =
                (std::mem::take(&mut self.sealed), std::mem::take(&mut self.found), self.calls);
            let function = format!("C_{}", function.trim());
            *self =
                Self { function, is_mixed, open, known, sealed, found, calls: [calls + 1, mixed], ..Self::default() };
        } else if self.function.is_empty() && line.starts_with("Returned:") {
            self.open = self.open.saturating_sub(1);
        } else if self.function.is_empty() {
            // Between two calls.
        } else if let Some(result) = line.strip_prefix("Returned:") {
            self.end(result.trim_start().starts_with("0 "));
            self.function.clear();
            self.open = self.open.saturating_sub(1);
        } else if line.starts_with("20") && self.at.is_empty() {
            self.at = line.trim().replacen(' ', "T", 1);
        } else if let Some(rest) = line.strip_prefix("[in] ") {
            self.is_out = false;
            self.is_private_template = rest.starts_with("pPrivateKeyTemplate");
            if let Some(handle) = rest.strip_prefix("hObject = ").or(rest.strip_prefix("hKey = ")) {
                self.object = handle.trim().to_owned();
            }
        } else if let Some(rest) = line.strip_prefix("[out] ") {
            self.is_out = true;
            let made = ["*phObject = ", "hKey = ", "*phKey = ", "hPrivateKey = ", "*phPrivateKey = "];
            self.made = made
                .iter()
                .find_map(|name| rest.strip_prefix(name))
                .map(|own| own.trim().to_owned())
                .or(self.made.take());
        } else if text.starts_with("CKA_") {
            self.attribute(text);
        } else if text.starts_with("0000") && text.len() > 57 {
            self.bytes(text);
        }
    }

    fn attribute(&mut self, text: &str) {
        let (name, value) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        self.last = name.to_owned();
        let flag = match name {
            "CKA_SENSITIVE" => 0,
            "CKA_EXTRACTABLE" => 1,
            _ => return,
        };
        // Of a pair, only the private half is of interest; an attribute that is asked for has no value yet.
        let is_of_pair = self.function == "C_GenerateKeyPair" && !self.is_private_template;
        match value.trim() {
            "True" if !is_of_pair => self.flags[flag] = Some(true),
            "False" if !is_of_pair => self.flags[flag] = Some(false),
            _ => {}
        }
    }

    /// A line of 16 bytes in hexadecimal.
    fn bytes(&mut self, text: &str) {
        let Some(chunk) = text.get(10..57) else { return };
        self.told += 1;
        if VALUES.contains(&self.last.as_str()) {
            if self.carried.last() != Some(&self.last) {
                self.carried.push(self.last.clone());
            }
            self.chunks.push(chunk.to_owned());
        }
        if self.is_out && self.sealed.contains(chunk) {
            self.tell("bytes of a sealed key that was imported".to_owned(), Protection::Sealed, true);
        }
    }

    fn tell(&mut self, what: String, protection: Protection, is_wrong: bool) {
        let (function, at) = (self.function.clone(), self.at.clone());
        let is_wrong = is_wrong && !self.is_mixed;
        self.found.push(Carried { function, what, protection, is_wrong, at });
    }

    fn end(&mut self, is_done: bool) {
        let own = match self.function.as_str() {
            _ if self.is_mixed => None,
            "C_GetAttributeValue" | "C_WrapKey" | "C_DeriveKey" => self.known.get(&self.object).copied(),
            _ => Some(self.flags),
        };
        let own = own.unwrap_or_default();
        let what = self.carried.join(" ");
        match self.function.as_str() {
            "C_CreateObject" if !what.is_empty() => {
                if protection(own) == Protection::Sealed {
                    let is_telling = |chunk: &&String| chunk.split(' ').collect::<HashSet<_>>().len() > 6;
                    self.sealed.extend(self.chunks.iter().filter(is_telling).cloned());
                }
                self.tell(what, protection(own), false);
            }
            "C_GetAttributeValue" if !what.is_empty() => {
                let protection = protection(own);
                self.tell(what, protection, is_done && matches!(protection, Protection::Sealed | Protection::Guarded));
            }
            "C_WrapKey" if is_done && own[1] == Some(false) => {
                self.tell("a key that is not EXTRACTABLE".to_owned(), protection(own), true);
            }
            _ if !what.is_empty() => self.tell(what, protection(own), true),
            _ => {}
        }
        if self.is_mixed {
            if let Some(made) = self.made.take() {
                self.known.remove(&made);
            }
        } else if self.function == "C_GetAttributeValue" && is_done {
            let known = self.known.entry(self.object.clone()).or_default();
            for (known, own) in known.iter_mut().zip(self.flags) {
                *known = own.or(*known);
            }
        } else if self.function == "C_DestroyObject" {
            self.known.remove(&self.object);
        } else if let (true, Some(made)) = (is_done, self.made.take()) {
            self.known.insert(made, self.flags);
        }
    }
}

/// The directory for what is found, if the spy is used.
fn directory() -> Option<PathBuf> {
    std::env::var_os("TEST_SPY").filter(|_| Hsm::chosen() == Hsm::SoftHsm).map(PathBuf::from)
}

/// Puts the spy between a program and SoftHSM, if `TEST_SPY` says so. `log` is the file of the program's log.
pub fn watched(command: &mut Command, log: &Path) {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    let Some(directory) = directory() else { return };
    let pipe = directory.join(format!("pipe-{}", NUMBER.fetch_add(1, Ordering::Relaxed)));
    let made = Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success(), "mkfifo");
    command.env("PKCS11SPY", Hsm::SoftHsm.module()).env("PKCS11SPY_OUTPUT", &pipe);
    // The lines of simultaneous calls would be mixed.
    command.env("KMS_HSM_MODULE", shim::library()).env(MODULE, library()).env(ONE_BY_ONE, "1");
    let (test, log) = (thread::current().name().unwrap_or("?").to_owned(), log.to_owned());
    let calls = directory.join("calls");
    // A program that does not load the module leaves the thread waiting until the tests end.
    thread::spawn(move || follow(&pipe, &log, &test, &calls));
}

/// The module that a program's own module forwards to: the spy, if `TEST_SPY` says so.
pub fn module() -> PathBuf {
    if directory().is_some() { library() } else { again::module() }
}

fn follow(pipe: &Path, log: &Path, test: &str, calls: &Path) {
    let Ok(report) = File::open(pipe) else { return };
    let mut out = File::options().create(true).append(true).open(calls).unwrap();
    let (mut report, mut watch, mut line) = (BufReader::with_capacity(1 << 16, report), Watch::default(), Vec::new());
    let (mut told, mut began) = (0, String::new());
    while report.read_until(b'\n', &mut line).is_ok_and(|count| count > 0) {
        watch.line(String::from_utf8_lossy(&line).trim_end());
        line.clear();
        if began.is_empty() {
            began.clone_from(&watch.at);
        }
        for carried in &watch.found[told..] {
            let Carried { function, what, protection, is_wrong, at } = carried;
            let verdict = if *is_wrong { "WRONG" } else { "right" };
            let operation = asked(log, &began, at);
            let row = format!("{verdict}\t{function}\t{what}\t{protection:?}\t{operation}\t{test}\n");
            let _ = out.write_all(row.as_bytes());
        }
        told = watch.found.len();
    }
    let [all, mixed] = watch.calls;
    let _ = out.write_all(format!("calls\t{all}\t{mixed}\t\t\t{test}\n").as_bytes());
}

/// The operation that began last before a time, and not before the program did, by the end of the server's log.
fn asked(log: &Path, began: &str, at: &str) -> String {
    const END: u64 = 1 << 16;
    let mut text = Vec::new();
    if let Ok(mut file) = File::open(log) {
        let length = fs::metadata(log).map_or(0, |facts| facts.len());
        let _ = file.seek(SeekFrom::Start(length.saturating_sub(END)));
        let _ = file.read_to_end(&mut text);
    }
    let text = String::from_utf8_lossy(&text);
    let before = |line: &&str| line.get(..23).is_some_and(|time| time <= at && time >= began);
    let last = text.lines().filter(before).filter_map(|line| line.split_once("operation operation=")).next_back();
    last.map_or("start, clock or another request".to_owned(), |(_, name)| name.trim().to_owned())
}
