//! Finds circles of imports between the files of `src`. An import is a name in `use` or in a path; re-exports are
//! followed to the file that defines the name.

use std::collections::{BTreeMap, BTreeSet};

/// Permitted circles, each by one of its files, with the reason.
const KNOWN: [(&str, &str); 0] = [];

/// Files by their module paths, each with the files that it imports from.
type Graph = BTreeMap<Vec<String>, BTreeSet<Vec<String>>>;

/// The exports and imports of one file.
struct File {
    /// The names that it exports under its own path, each with its definition.
    exports: BTreeMap<String, Vec<String>>,
    /// The paths that it names, from the root on.
    named: Vec<Vec<String>>,
}

/// The words and signs of a text, without comments and unit tests.
fn tokens(text: &str) -> Vec<String> {
    let text = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    let mut tokens: Vec<String> = Vec::new();
    for line in text.lines().map(|line| line.split("//").next().unwrap_or_default()) {
        let mut in_word = false;
        for c in line.chars() {
            let is_word = c.is_alphanumeric() || c == '_';
            match tokens.last_mut() {
                Some(last) if (is_word && in_word) || (c == ':' && last == ":") => last.push(c),
                _ if c.is_whitespace() => {}
                _ => tokens.push(c.to_string()),
            }
            in_word = is_word;
        }
    }
    tokens
}

/// The paths of a `use` tree, and the rest.
fn tree<'a>(mut tokens: &'a [String], prefix: &[String], found: &mut Vec<Vec<String>>) -> &'a [String] {
    let mut path = prefix.to_vec();
    loop {
        match tokens {
            [open, rest @ ..] if open == "{" => {
                tokens = rest;
                loop {
                    tokens = tree(tokens, &path, found);
                    match tokens {
                        [comma, rest @ ..] if comma == "," => tokens = rest,
                        [_, rest @ ..] => return rest,
                        [] => return tokens,
                    }
                    if let [close, rest @ ..] = tokens
                        && close == "}"
                    {
                        return rest;
                    }
                }
            }
            [sign, rest @ ..] if sign == "::" => tokens = rest,
            [word, _, rest @ ..] if word == "as" => tokens = rest,
            [end, ..] if [",", "}", ";"].contains(&end.as_str()) => {
                found.push(path);
                return tokens;
            }
            [word, rest @ ..] => {
                if word != "self" || path.is_empty() {
                    path.push(word.clone());
                }
                tokens = rest;
            }
            [] => return tokens,
        }
    }
}

/// A path from the root on, as `own` names it; `None` if it is of another crate.
fn absolute(path: &[String], own: &[String], files: &BTreeSet<Vec<String>>) -> Option<Vec<String>> {
    let (first, rest) = path.split_first()?;
    let child = [own, std::slice::from_ref(first)].concat();
    match first.as_str() {
        "crate" => Some(rest.to_vec()),
        "self" => Some([own, rest].concat()),
        "super" => {
            let above = rest.iter().take_while(|word| *word == "super").count();
            let base = own.get(..own.len().checked_sub(above + 1)?)?;
            Some([base, rest.get(above..)?].concat())
        }
        _ if files.contains(&child) => Some([own, path].concat()),
        _ => None,
    }
}

fn read(text: &str, own: &[String], files: &BTreeSet<Vec<String>>) -> File {
    let tokens = tokens(text);
    let mut file = File { exports: BTreeMap::new(), named: Vec::new() };
    let mut rest = tokens.as_slice();
    let mut is_export = false;
    while let [word, after @ ..] = rest {
        rest = after;
        match word.as_str() {
            "use" => {
                let mut paths = Vec::new();
                rest = tree(after, &[], &mut paths);
                for path in paths.iter().filter_map(|path| absolute(path, own, files)) {
                    if let (true, Some(name)) = (is_export, path.last()) {
                        file.exports.insert(name.clone(), path);
                    } else {
                        file.named.push(path);
                    }
                }
                is_export = false;
            }
            "crate" | "super" => {
                let words = after.chunks(2).take_while(|pair| pair.first().is_some_and(|sign| sign == "::"));
                let path: Vec<String> =
                    [word.clone()].into_iter().chain(words.filter_map(|pair| pair.get(1).cloned())).collect();
                file.named.extend(absolute(&path, own, files).filter(|_| path.len() > 1));
                rest = after.get(2 * (path.len() - 1)..).unwrap_or_default();
            }
            "pub" => is_export = true,
            // The end of pub(super).
            "(" | ")" | "in" | "::" => {}
            _ => is_export = false,
        }
    }
    file
}

/// The file that has what a path names.
fn owner(path: &[String], files: &BTreeMap<Vec<String>, File>, depth: usize) -> Option<Vec<String>> {
    (0..=path.len()).rev().find_map(|length| {
        let (module, rest) = path.split_at(length);
        let file = files.get(module)?;
        let exported = rest.first().and_then(|name| file.exports.get(name)).filter(|_| depth < 5);
        match (exported, rest) {
            (Some(target), [_, rest @ ..]) => owner(&[target.as_slice(), rest].concat(), files, depth + 1),
            _ => Some(module.to_vec()),
        }
    })
}

/// Returns the imports of each file.
fn graph(sources: &BTreeMap<Vec<String>, String>) -> Graph {
    let names: BTreeSet<Vec<String>> = sources.keys().cloned().collect();
    let files: BTreeMap<Vec<String>, File> =
        sources.iter().map(|(own, text)| (own.clone(), read(text, own, &names))).collect();
    let imports = |own: &Vec<String>, file: &File| {
        file.named.iter().filter_map(|path| owner(path, &files, 0)).filter(|other| other != own).collect()
    };
    files.iter().map(|(own, file)| (own.clone(), imports(own, file))).collect()
}

/// Returns the files that can be reached from a file.
fn reached<'a>(graph: &'a Graph, from: &'a [String]) -> BTreeSet<&'a [String]> {
    let mut found = BTreeSet::new();
    let mut open = vec![from];
    while let Some(next) = open.pop() {
        for other in graph.get(next).into_iter().flatten() {
            if found.insert(other.as_slice()) {
                open.push(other);
            }
        }
    }
    found
}

/// Returns the sets of files in which each file can be reached from each other.
fn circles(graph: &Graph) -> BTreeSet<Vec<String>> {
    let reached: BTreeMap<&[String], BTreeSet<&[String]>> =
        graph.keys().map(|own| (own.as_slice(), reached(graph, own))).collect();
    let is_back = |own: &[String], other: &[String]| reached.get(other).is_some_and(|found| found.contains(own));
    let circle = |(own, found): (&&[String], &BTreeSet<&[String]>)| -> Option<Vec<String>> {
        let circle: Vec<String> =
            found.iter().filter(|other| is_back(own, other)).map(|other| other.join("/")).collect();
        (circle.len() > 1).then_some(circle)
    };
    reached.iter().filter_map(circle).collect()
}

#[test]
fn files_do_not_import_each_other() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let module = |path: &std::path::Path| {
        let path = path.strip_prefix(&root).unwrap().with_extension("");
        let mut words: Vec<String> = path.iter().map(|word| word.to_string_lossy().into_owned()).collect();
        if words.last().is_some_and(|last| last == "mod") {
            words.pop();
        }
        words
    };
    let sources = super::tree().into_iter().map(|(_, path, text)| (module(&path), text)).collect();
    let found = circles(&graph(&sources));
    let is_known = |circle: &Vec<String>| KNOWN.iter().any(|(file, _)| circle.iter().any(|own| own == file));
    let unknown: Vec<String> =
        found.iter().filter(|circle| !is_known(circle)).map(|circle| circle.join(", ")).collect();
    assert!(unknown.is_empty(), "files that import each other:\n{}", unknown.join("\n"));
    for (file, _) in KNOWN {
        assert!(
            found.iter().any(|circle| circle.iter().any(|own| own == file)),
            "{file} is in no circle: take it off the list"
        );
    }
}

#[test]
fn circles_are_seen_through_groups_and_facades() {
    let sources = |texts: &[(&str, &str)]| {
        let module = |path: &str| path.split('/').filter(|word| !word.is_empty()).map(str::to_owned).collect();
        texts.iter().map(|(path, text)| (module(path), (*text).to_owned())).collect()
    };
    let found = |texts: &[(&str, &str)]| circles(&graph(&sources(texts)));
    let circle = |files: &[&str]| BTreeSet::from([files.iter().map(|file| (*file).to_owned()).collect::<Vec<_>>()]);
    let facade = ("a", "mod b;\nmod c;\npub use b::{B, other::{self, X as Y}};\npub(super) use c::C;");
    assert_eq!(found(&[facade, ("a/b", "pub struct B;"), ("a/c", "use super::B;\nstruct C;")]), BTreeSet::new());
    let there = ("a/b", "use super::{\n    C, // what it is\n};");
    assert_eq!(found(&[facade, there, ("a/c", "use crate::a::B;")]), circle(&["a/b", "a/c"]));
    assert_eq!(found(&[facade, there, ("a/c", "fn f() { super::b::g() }")]), circle(&["a/b", "a/c"]));
    assert_eq!(found(&[facade, there, ("a/c", "#[cfg(test)]\nmod tests { use crate::a::B; }")]), BTreeSet::new());
    assert_eq!(found(&[("a", "use crate::{c, b::{d, e::F}};"), ("b", "use crate::a;")]), circle(&["a", "b"]));
    assert_eq!(found(&[("a", "mod b;\nuse b::x;"), ("a/b", "use super::{y, z};")]), circle(&["a", "a/b"]));
}
