//! Checks the language of README, docs, packaging, help, manual pages and error texts for wordings that a reader has to
//! read twice.
//!
//! Comments are not read, except the doc comments that clap prints as help.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "helpers of tests fail where they are"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The patterns to avoid, in lower case, each with a replacement.
const PATTERNS: [(&str, &str); 17] = [
    ("alone,", "only"),
    ("alone.", "only"),
    ("anew", "again, or: reloaded"),
    ("is none", "is not a ..., or: does not exist"),
    ("are none", "are not ..., or: do not exist"),
    ("has not the", "does not have the, or: is N bytes long; expected M"),
    ("is told", "gets, is reported"),
    ("are told", "get, are reported"),
    ("who is somebody", "an authenticated caller"),
    ("whom nobody", "an unauthenticated caller"),
    ("no more,", "no longer"),
    ("is no time", "is not an RFC 3339 time"),
    ("is no token", "is not a token"),
    ("is no object", "is not an object"),
    ("says to whom", "name the fields to give"),
    ("is away", "is unavailable"),
    ("are away", "are unavailable"),
];

/// Quotations and names that have such words: the file, and the text around them.
const EXCEPTED: [(&str, &str); 0] = [];

/// The first line of a program in Python, in which `is None` is not English.
const PYTHON: &str = "#!/usr/bin/env python3\n";

/// Files whose doc comments are help.
const HELP: [&str; 3] = ["src/cli/", "src/config/options.rs", "src/bin/"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn files(directory: &str, is_read: impl Fn(&Path) -> bool + Copy, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(root().join(directory)).unwrap() {
        let path = entry.unwrap().path();
        let name = path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            files(&name, is_read, found);
        } else if is_read(&path) {
            found.push(PathBuf::from(name));
        }
    }
}

fn has_extension(path: &Path, extension: &str) -> bool {
    path.extension().is_some_and(|own| own == extension)
}

/// A text of a file, with the line that it begins in.
struct Text {
    line: usize,
    text: String,
}

/// The string literals of Rust source, a continued line joined to the one before, and its doc comments, each block in one.
fn literals_and_docs(source: &str) -> (Vec<Text>, Vec<Text>) {
    let (mut literals, mut docs): (Vec<Text>, Vec<Text>) = (Vec::new(), Vec::new());
    let (mut rest, mut line) = (source, 1);
    let mut before = '\n';
    while let Some(first) = rest.chars().next() {
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        let (taken, literal) = if rest.starts_with("//") {
            let comment = rest.lines().next().unwrap();
            if let Some(doc) = comment.strip_prefix("///") {
                match docs.last_mut() {
                    Some(last) if last.line + last.text.lines().count() == line => last.text += &format!("\n{doc}"),
                    _ => docs.push(Text { line, text: doc.to_owned() }),
                }
            }
            (comment.len(), None)
        } else if let (false, Some((opening, closing))) = (is_word(before), raw(rest)) {
            let length = rest[opening..].find(&closing).unwrap();
            (opening + length + closing.len(), Some(&rest[opening..opening + length]))
        } else if first == '"' {
            let length = end(&rest[1..]);
            (length + 2, Some(&rest[1..=length]))
        } else if first == '\'' {
            (character(rest), None)
        } else {
            (first.len_utf8(), None)
        };
        literals.extend(literal.map(|text| Text { line, text: joined(text) }));
        line += rest[..taken].matches('\n').count();
        before = rest[..taken].chars().last().unwrap();
        rest = &rest[taken..];
    }
    (literals, docs)
}

/// The length of the beginning of a raw string, and its end, if the text begins with one.
fn raw(text: &str) -> Option<(usize, String)> {
    let hashes = text.strip_prefix('r')?.chars().take_while(|c| *c == '#').count();
    let begins = text[1 + hashes..].starts_with('"');
    begins.then(|| (hashes + 2, format!("\"{}", "#".repeat(hashes))))
}

/// Returns the length of a string literal without its closing quotation mark.
fn end(text: &str) -> usize {
    let mut escaped = false;
    let is_end = |c: char| {
        let ends = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        ends
    };
    text.find(is_end).unwrap()
}

/// The length of a character literal, or of the quotation mark of a lifetime.
fn character(text: &str) -> usize {
    let mut characters = text.char_indices().skip(1);
    match (characters.next(), characters.next()) {
        (Some((_, '\\')), Some((at, _))) => at + text[at + 1..].find('\'').unwrap() + 2,
        (Some(_), Some((at, '\''))) => at + 1,
        _ => 1,
    }
}

fn joined(literal: &str) -> String {
    let mut parts = literal.split("\\\n");
    let first = parts.next().unwrap().to_owned();
    parts.fold(first, |text, part| format!("{text}\n{}", part.trim_start()))
}

/// Returns the offences of a text: the line, the pattern and the replacement. A phrase may continue on the next line.
/// "There is no X" and "there is none" are allowed.
fn offences(text: &Text) -> Vec<(usize, &'static str, &'static str)> {
    let (mut words, mut lines) = (String::new(), Vec::new());
    for (number, line) in text.text.lines().enumerate() {
        for word in line.split_whitespace() {
            lines.push((words.len(), text.line + number));
            words += &format!("{} ", word.to_lowercase());
        }
    }
    let is_whole = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric() && c != '_' && c != '-');
    let mut found = Vec::new();
    for (pattern, better) in PATTERNS {
        for (at, _) in words.match_indices(pattern) {
            let (before, after) = (&words[..at], &words[at + pattern.len()..]);
            let ends = !pattern.ends_with(char::is_alphanumeric) || is_whole(after.chars().next());
            if is_whole(before.chars().last()) && ends && !before.ends_with("there ") {
                let line = lines[lines.partition_point(|(start, _)| *start <= at) - 1].1;
                found.push((line, pattern, better));
            }
        }
    }
    found
}

fn complain(file: &str, texts: &[Text], complaints: &mut Vec<String>) {
    for text in texts {
        for (line, pattern, better) in offences(text) {
            let is_excepted = EXCEPTED.iter().any(|(own, around)| *own == file && text.text.contains(around));
            if !is_excepted {
                complaints.push(format!("{file}:{line}: `{pattern}`: write `{better}`"));
            }
        }
    }
}

#[test]
fn documents_help_and_errors_are_plain() {
    let beside = ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "Dockerfile", "compose.yaml"];
    let mut documents: Vec<PathBuf> = beside.into_iter().map(PathBuf::from).collect();
    files("docs", |path| has_extension(path, "md"), &mut documents);
    files("scripts", |_| true, &mut documents);
    files("packaging", |_| true, &mut documents);
    let mut sources = Vec::new();
    files("src", |path| has_extension(path, "rs"), &mut sources);
    files("kmip/src", |path| has_extension(path, "rs"), &mut sources);
    files("pkcs11/src", |path| has_extension(path, "rs"), &mut sources);
    let mut complaints = Vec::new();
    for file in documents {
        let mut text = fs::read_to_string(root().join(&file)).unwrap();
        if text.starts_with(PYTHON) {
            text = text.replace(" is None", " is_None");
        }
        complain(file.to_str().unwrap(), &[Text { line: 1, text }], &mut complaints);
    }
    for file in sources {
        let name = file.to_str().unwrap();
        let (literals, docs) = literals_and_docs(&fs::read_to_string(root().join(&file)).unwrap());
        complain(name, &literals, &mut complaints);
        if HELP.iter().any(|help| name.starts_with(help)) {
            complain(name, &docs, &mut complaints);
        }
    }
    complaints.sort();
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[test]
fn manual_pages_are_plain() {
    let directory = tempfile::tempdir().unwrap();
    for (program, arguments) in
        [(env!("CARGO_BIN_EXE_claviger"), &["man"][..]), (env!("CARGO_BIN_EXE_clavigerd"), &["--man"])]
    {
        let status = Command::new(program).args(arguments).arg(directory.path()).status().unwrap();
        assert!(status.success(), "{program}: {status}");
    }
    let (mut complaints, mut count) = (Vec::new(), 0);
    for entry in fs::read_dir(directory.path()).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        // The marks of roff within a word.
        let text = ["\\fB", "\\fI", "\\fR", "\\"].iter().fold(text, |text, mark| text.replace(mark, ""));
        complain(path.file_name().unwrap().to_str().unwrap(), &[Text { line: 1, text }], &mut complaints);
        count += 1;
    }
    assert!(count > 50, "{count} pages");
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[test]
fn a_phrase_is_found_wherever_it_stands() {
    let found = |source: &str| {
        let (literals, docs) = literals_and_docs(source);
        let all = literals.iter().chain(&docs).flat_map(offences);
        all.map(|(line, pattern, _)| (line, pattern)).collect::<Vec<_>>()
    };
    assert_eq!(found("let a = '\"';\n#[error(\"by TLS Alone, {0}\")]"), [(2, "alone,")]);
    assert_eq!(found("f(r#\"it \"is none\" here\"#, b'\\'', 'a, \"x\")"), [(1, "is none")]);
    assert_eq!(found("\"a \\\n    caller is \\\n    told\""), [(2, "is told")]);
    assert_eq!(found("/// Who is\n/// told nothing.\nfn x<'a>() {}"), [(1, "is told")]);
    assert_eq!(found("\"there is no object\", \"that is no object\""), [(1, "is no object")]);
    assert_eq!(found("// the caller is told\nfetch_anew(\"standalone, is nonempty, --anew\"); // \"is told\""), []);
    assert_eq!(offences(&Text { line: 1, text: "* It is\n  told.".to_owned() }).len(), 1);
}
