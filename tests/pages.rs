//! Checks README and docs: links, the list of pages, command blocks, and that the reference pages are complete.
//!
//! The command blocks themselves are run by `tests/blackbox/commands_of_the_pages.rs`.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    missing_docs,
    unreachable_pub,
    reason = "a test that meets something unexpected is to fail there and say where"
)]

mod markdown;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use markdown::{Page, blocks, pages};

/// The most lines of the README: one screen.
const LONGEST_README: usize = 150;

/// The last line in which the first commands of a page may begin.
const LATEST: usize = 8;

/// Sources whose error texts a reader finds on the page about troubleshooting, with the part of the file that counts:
/// from this text to the end.
const ERRORS: [(&str, &str); 18] = [
    ("src/config/error.rs", ""),
    ("src/server/error.rs", ""),
    ("src/server/moving/error.rs", ""),
    ("src/custody/error.rs", "pub enum RootError"),
    ("src/store/error.rs", "/// A file next to the database"),
    ("src/tls/error.rs", ""),
    ("src/audit/error.rs", "pub enum OpenError"),
    ("src/auth/refusal.rs", ""),
    ("src/auth/claims_error.rs", ""),
    ("src/auth/jws.rs", ""),
    ("src/auth/trust.rs", "pub enum CertificateError"),
    ("src/auth/access_token/error.rs", ""),
    ("src/auth/certificate.rs", ""),
    ("src/principal.rs", ""),
    ("src/server/handshake.rs", ""),
    ("src/server/arrival.rs", ""),
    ("src/server/proxy_header.rs", ""),
    ("src/policy/file.rs", ""),
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Returns the text without its fenced blocks and its code between backquotes.
fn prose(text: &str) -> String {
    let (mut prose, mut fenced) = (String::new(), false);
    for line in text.lines() {
        let is_fence = line.trim_start().starts_with("```");
        if !fenced && !is_fence {
            let words: Vec<&str> = line.split('`').step_by(2).collect();
            prose += &words.join("`");
        }
        prose.push('\n');
        fenced ^= is_fence;
    }
    prose
}

/// Returns the targets of the links of a page, each with its line.
fn links(text: &str) -> Vec<(usize, String)> {
    let joined = prose(text);
    let targets = joined.match_indices("](").map(|(at, opening)| {
        let target = joined[at + opening.len()..].split([')', '\n']).next().unwrap();
        (joined[..at].matches('\n').count() + 1, target.to_owned())
    });
    targets.collect()
}

/// Returns the anchors of the headings of a page, as GitHub makes them.
fn anchors(text: &str) -> BTreeSet<String> {
    let mut anchors = BTreeSet::new();
    let mut fenced = false;
    for line in text.lines() {
        fenced ^= line.trim_start().starts_with("```");
        let title = line.trim_start_matches('#');
        if fenced || title.len() == line.len() || !title.starts_with(' ') {
            continue;
        }
        let kept = title.trim().to_lowercase();
        let kept = kept.chars().filter(|c| c.is_alphanumeric() || [' ', '-', '_'].contains(c));
        let anchor: String = kept.map(|c| if c == ' ' { '-' } else { c }).collect();
        let mut own = anchor.clone();
        for number in 1.. {
            if anchors.insert(own) {
                break;
            }
            own = format!("{anchor}-{number}");
        }
    }
    anchors
}

fn complain(complaints: &[String]) {
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[test]
fn every_link_leads_somewhere() {
    let mut complaints = Vec::new();
    for Page { name, text } in pages() {
        let directory = root().join(&name).parent().unwrap().to_owned();
        for (line, target) in links(&text) {
            if target.starts_with("https://") || target.starts_with("http://") {
                continue;
            }
            let (file, anchor) = target.split_once('#').map_or((&*target, None), |(file, anchor)| (file, Some(anchor)));
            let path: PathBuf = if file.is_empty() { root().join(&name) } else { directory.join(file) };
            let has_anchor = |anchor: &str| anchors(&fs::read_to_string(&path).unwrap()).contains(anchor);
            if !path.exists() || anchor.is_some_and(|anchor| !has_anchor(anchor)) {
                complaints.push(format!("{name}:{line}: nothing is at {target}"));
            }
        }
    }
    complain(&complaints);
}

#[test]
fn every_page_is_listed_and_asks_a_question() {
    let index = read("docs/index.md");
    let listed: BTreeSet<String> = links(&index).into_iter().map(|(_, target)| target).collect();
    let mut complaints = Vec::new();
    for Page { name, text } in pages() {
        let from_index = name.strip_prefix("docs/").map_or_else(|| format!("../{name}"), str::to_owned);
        if name != "docs/index.md" && !listed.contains(&from_index) {
            complaints.push(format!("docs/index.md does not list {name}"));
        }
        let title = text.lines().next().unwrap_or_default();
        if !title.starts_with("# ") || name.starts_with("docs/") && name != "docs/index.md" && !title.ends_with('?') {
            complaints.push(format!("{name}: begin with the question that the page answers, as `# How do I ...?`"));
        }
    }
    let readme = read("README.md");
    if !links(&readme).iter().any(|(_, target)| target == "docs/index.md") {
        complaints.push("README.md has no link to docs/index.md".to_owned());
    }
    if readme.lines().count() > LONGEST_README {
        complaints.push(format!("README.md has {} lines, more than {LONGEST_README}", readme.lines().count()));
    }
    complain(&complaints);
}

/// Every page has fenced blocks with a language, so that commands can be told from other text.
#[test]
fn every_block_says_what_it_is() {
    let mut complaints = Vec::new();
    for Page { name, text } in pages() {
        let first = blocks(&text).into_iter().next();
        if name.starts_with("docs/") && !first.is_some_and(|block| block.is_of_commands() && block.line <= LATEST) {
            complaints.push(format!("{name}: begin with commands, at line {LATEST} at the latest"));
        }
        let mut marks = text.lines().filter(|line| line.trim_start().starts_with("<!-- not run here:")).count();
        for block in blocks(&text) {
            let place = format!("{name}:{}", block.line);
            if block.language.is_empty() {
                complaints.push(format!("{place}: give the block a language: sh for commands, or toml, json, text"));
            }
            if block.text.trim().is_empty() {
                complaints.push(format!("{place}: the block is empty"));
            }
            let Some(reason) = &block.not_run else { continue };
            marks -= 1;
            if !block.is_of_commands() || reason.len() < 10 {
                complaints.push(format!("{place}: only a block of commands is marked, with a reason"));
            }
        }
        if marks > 0 {
            complaints.push(format!("{name}: a mark `not run here` is not on the line before a block"));
        }
        let outside = prose(&text);
        let lines: Vec<&str> = outside.lines().collect();
        for (number, pair) in lines.windows(2).enumerate() {
            let before = if number == 0 { "" } else { lines[number] };
            if before.is_empty() && pair[1].starts_with("    ") && pair[0].is_empty() && !pair[1].trim().is_empty() {
                complaints.push(format!("{name}:{}: fence this block", number + 2));
            }
        }
    }
    complain(&complaints);
}

/// Returns what `clavigerd` or `claviger` prints as help.
fn help(program: &str, words: &[&str]) -> String {
    let output = Command::new(program).args(words).arg("--help").env_clear().output().unwrap();
    assert!(output.status.success(), "{words:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Returns the words that begin with `beginning`, without what follows letters, digits, `-` and `_`.
fn words<'a>(text: &'a str, beginning: &'a str) -> BTreeSet<&'a str> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let whole = |(at, _): (usize, &str)| {
        let begins = !text[..at].ends_with(is_part);
        let word = text[at..].split(|c| !is_part(c)).next().unwrap();
        let is_longer = word[beginning.len()..].starts_with(|c: char| c.is_ascii_alphanumeric());
        (begins && is_longer).then_some(word)
    };
    text.match_indices(beginning).filter_map(whole).collect()
}

#[test]
fn every_option_of_the_server_is_in_the_reference() {
    let (help, page) = (help(env!("CARGO_BIN_EXE_clavigerd"), &[]), read("docs/configuration.md"));
    let (_, table) = page.split_once("\n## Options").unwrap();
    for beginning in ["--", "KMS_"] {
        let (known, written) = (words(&help, beginning), words(&page, beginning));
        let missing: Vec<_> = known.difference(&words(table, beginning)).copied().collect();
        // `--help` and `--version` are every program's.
        let missing: Vec<_> = missing.into_iter().filter(|word| !["--help", "--version"].contains(word)).collect();
        assert!(missing.is_empty(), "docs/configuration.md does not have {missing:?}");
        let unknown: Vec<_> = written.difference(&known).copied().collect();
        let unknown: Vec<_> = unknown.into_iter().filter(|word| *word != "KMS_HSM_PIN").collect();
        assert!(unknown.is_empty(), "docs/configuration.md has {unknown:?}, which clavigerd does not know");
    }
}

/// Returns the subcommands that a help text lists.
fn subcommands(help: &str) -> Vec<String> {
    let list = help.split_once("Commands:\n").map_or("", |(_, list)| list);
    let lines = list.lines().take_while(|line| line.starts_with(' ') || line.is_empty());
    let named = lines.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    // The help of `claviger` names several commands in a line.
    let first = |line: &str| line.trim_start().split("  ").next().unwrap_or_default().to_owned();
    let several = named.map(first).collect::<Vec<_>>();
    let names = several.iter().flat_map(|names| names.split(", ")).map(|name| name.trim().to_owned());
    names.filter(|name| name != "help" && !name.is_empty()).collect()
}

#[test]
fn every_command_of_the_client_is_in_the_reference() {
    let page = read("docs/cli.md");
    let program = env!("CARGO_BIN_EXE_claviger");
    let (mut open, mut missing, mut leaves) = (vec![Vec::new()], Vec::new(), Vec::new());
    while let Some(path) = open.pop() {
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        let below = subcommands(&help(program, &path));
        let written = format!("`claviger {}", path.join(" "));
        let is_written = |end: &str| page.contains(&format!("{written}{end}"));
        if below.is_empty() {
            leaves.push(path.join(" "));
            missing.extend((!is_written("`") && !is_written(" ")).then(|| path.join(" ")));
        }
        let longer = |name: String| path.iter().map(|&word| word.to_owned()).chain([name]).collect();
        open.extend(below.into_iter().map(longer));
    }
    assert!(missing.is_empty(), "docs/cli.md does not have {missing:?}");
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `claviger "));
    let is_known =
        |row: &&str| leaves.iter().any(|leaf| row.strip_prefix(&**leaf).is_some_and(|end| end.starts_with(['`', ' '])));
    let unknown: Vec<&str> = rows.filter(|row| !is_known(row)).collect();
    assert!(unknown.is_empty(), "docs/cli.md has commands that claviger does not know: {unknown:?}");
}

/// Returns the text of the files in a directory of the source.
fn sources(directory: &str) -> String {
    let entries = fs::read_dir(root().join(directory)).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.is_file()).map(|path| fs::read_to_string(path).unwrap()).collect()
}

#[test]
fn every_metric_is_in_the_reference() {
    let page = read("docs/metrics.md");
    let sources: String = ["src/desk", "src/metrics", "src/server"].map(sources).concat();
    let is_whole = |name: &&str| sources.contains(&format!("\"{name}\""));
    let known: BTreeSet<&str> = words(&sources, "claviger_").into_iter().filter(is_whole).collect();
    assert!(known.len() > 30, "{known:?}");
    let written = words(&page, "claviger_");
    let missing: Vec<_> = known.difference(&written).collect();
    assert!(missing.is_empty(), "docs/metrics.md does not have {missing:?}");
    let ends = ["_bucket", "_sum", "_count"];
    let series = |name: &str| ends.iter().any(|end| name.strip_suffix(end).is_some_and(|name| known.contains(name)));
    let unknown: Vec<_> = written.difference(&known).filter(|name| !series(name)).collect();
    assert!(unknown.is_empty(), "docs/metrics.md has {unknown:?}, which the server does not know");
}

/// Returns the error texts of a source, with `…` for each value in them.
fn error_texts(source: &str) -> Vec<String> {
    let literal = |rest: &str| -> Option<String> {
        let text = rest.trim_start().strip_prefix('"')?;
        let end = text.char_indices().find(|(at, c)| *c == '"' && !text[..*at].ends_with('\\'))?.0;
        Some(text[..end].split("\\\n").map(str::trim_start).collect::<String>().replace("\\\"", "\""))
    };
    let shown = |text: String| {
        let parts: Vec<&str> = text.split(['{', '}']).collect();
        let shown = parts.iter().enumerate().map(|(at, part)| if at % 2 == 0 { part } else { "…" });
        shown.collect::<String>().trim().to_owned()
    };
    let texts = source.split("#[error(").skip(1).filter_map(literal).map(shown);
    texts.filter(|text| text.chars().any(char::is_alphabetic)).collect()
}

/// Returns a text as it is compared: in one line, without the marks of code and of table cells.
fn plain(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace(['`', '\\'], "")
}

#[test]
fn every_refusal_is_explained() {
    let page = plain(&read("docs/troubleshooting.md"));
    let mut missing = Vec::new();
    for (file, from) in ERRORS {
        let source = read(file);
        let (_, source) = source.split_once(from).unwrap();
        let texts = error_texts(source);
        assert!(!texts.is_empty(), "{file}");
        missing.extend(texts.iter().filter(|text| !page.contains(&plain(text))).map(|text| format!("{file}: {text}")));
    }
    assert!(missing.is_empty(), "docs/troubleshooting.md does not have\n{}", missing.join("\n"));
}

#[test]
fn parts_of_pages_are_read() {
    let text = "# A `b` c, d?\n[x](#a-b-c-d) and `[y](z)`\n```sh\n[no](no)\n# no\n```\n## A b c d\n";
    assert_eq!(links(text), [(2, "#a-b-c-d".to_owned())]);
    assert_eq!(anchors(text).into_iter().collect::<Vec<_>>(), ["a-b-c-d", "a-b-c-d-1"]);
    assert_eq!(error_texts("#[error(\"--{0} and \\\n      {1} exclude \\\"x\\\"\")]"), ["--… and … exclude \"x\""]);
    assert_eq!(words("--a-b,x--c --d", "--").into_iter().collect::<Vec<_>>(), ["--a-b", "--d"]);
}
