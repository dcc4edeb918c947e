//! Tests of patterns.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use claviger_cases::{Result, Source, check, list, one, text_of};

use super::*;

fn matches(pattern: &str, text: &str) -> bool {
    Pattern::new(pattern).unwrap().matches(text)
}

#[test]
fn what_a_pattern_describes() {
    for (pattern, text) in [
        ("", ""),
        ("*", ""),
        ("*", "a/b/.c"),
        ("a*c", "a/b\n/c"),
        ("a?c", "aéc"),
        ("a?c", "a/c"),
        ("repo:{acme,globex}/*", "repo:globex/web:ref"),
        ("{a,b}{c,d}", "bc"),
        ("{a,b{c,d}}e", "bde"),
        ("x{,y}", "x"),
        ("x{,y}", "xy"),
        ("[ab]*", "bx"),
        ("[!ab]", "c"),
        ("[^ab]", "é"),
        ("v[0-9].[a-f]", "v7.c"),
        ("[]a]", "]"),
        ("[a-]", "-"),
        ("a\\*", "a*"),
        ("a\\{b,c\\}", "a{b,c}"),
        ("a\\\\*", "a\\b"),
        ("[a\\]]", "]"),
        ("[a\\-z]", "-"),
        ("[\\!a]", "!"),
        ("[+-\\]]", "]"),
        ("{[,;],b}", ","),
        ("{[}],b}", "}"),
        // A backslash before an ordinary character is text.
        ("CORP\\admin", "CORP\\admin"),
        ("CORP\\*", "CORP*"),
        ("CORP\\a*", "CORP\\admin"),
        ("{CORP\\a,b}", "CORP\\a"),
        ("[\\w]", "\\"),
        ("a*\\", "ab\\"),
        // A special text matches itself, and so does one that is not closed.
        ("[ab]", "[ab]"),
        ("{a,b}", "{a,b}"),
        ("a[b", "a[b"),
        ("a{b,c", "a{b,c"),
        ("{a}", "{a}"),
        ("a*b*c", "a1b2b3c"),
    ] {
        assert!(matches(pattern, text), "{pattern:?} {text:?}");
    }
}

#[test]
fn what_a_pattern_does_not_describe() {
    for (pattern, text) in [
        ("", "a"),
        ("a", "A"),
        ("a?c", "ac"),
        ("?", "ab"),
        ("repo:{acme,globex}/*", "repo:other/web"),
        ("{a,b}", "ab"),
        ("{a,b}", ""),
        ("[ab]", "ab"),
        ("[ab]", "c"),
        ("[!ab]", "a"),
        ("[!ab]", ""),
        ("v[0-9]", "vx"),
        ("a\\*", "ab"),
        ("{a}", "a"),
        ("!a", "b"),
        ("@(a|b)", "a"),
        ("a", "a*"),
        ("CORP\\admin", "CORPadmin"),
        ("CORP\\admin", "CORP\\\\admin"),
        ("CORP\\a*", "CORPadmin"),
        ("{CORP\\a,b}", "CORPa"),
        ("CORP\\[ab]", "CORPa"),
        ("[a\\-z]", "m"),
        ("[!\\]a]", "]"),
        ("{[,;],b}", "["),
    ] {
        assert!(!matches(pattern, text), "{pattern:?} {text:?}");
    }
}

#[test]
fn a_pattern_has_bounds_in_length_depth_and_time() {
    assert_eq!(Pattern::new(&"*a".repeat(300)), Err(PatternError::TooLong));
    assert!(Pattern::new(&"a".repeat(4096)).unwrap().matches(&"a".repeat(4096)));
    let nested = |depth: usize| format!("{}a{}", "{x,".repeat(depth), "}".repeat(depth));
    assert!(matches(&nested(MAX_DEPTH), "a"));
    assert_eq!(Pattern::new(&nested(MAX_DEPTH + 1)), Err(PatternError::TooDeep));
    let began = Instant::now();
    let text = "a".repeat(MAX_TEXT);
    assert!(!matches(&format!("{}b", "*a".repeat(250)), &text));
    assert!(!matches(&format!("{}b", "{a,*a}".repeat(80)), &text));
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    assert!(!matches("*", &"a".repeat(MAX_TEXT + 1)));
}

#[test]
fn a_list_is_split_at_commas_outside_braces() {
    for (list, parts) in [
        ("a, b*", vec!["a", "b*"]),
        ("repo:{a,b}/*, c", vec!["repo:{a,b}/*", "c"]),
        ("{a,{b,c}},d", vec!["{a,{b,c}}", "d"]),
        ("{a,b", vec!["{a", "b"]),
        ("{a,{b,c},d", vec!["{a", "{b,c}", "d"]),
        ("a},b", vec!["a}", "b"]),
        ("a\\,b,c", vec!["a\\,b", "c"]),
        ("a\\\\,b", vec!["a\\\\", "b"]),
        ("CORP\\a,b", vec!["CORP\\a", "b"]),
        ("svc[.,*],b", vec!["svc[.,*]", "b"]),
        ("svc[.,b", vec!["svc[.", "b"]),
        ("[],],b", vec!["[],]", "b"]),
        ("[},{],b", vec!["[},{]", "b"]),
        ("{é[}],b},ü", vec!["{é[}],b}", "ü"]),
        (" , ", vec![]),
    ] {
        assert_eq!(split_patterns(list), parts, "{list:?}");
    }
    // The time must not be quadratic.
    let began = Instant::now();
    assert_eq!(split_patterns(&"[".repeat(1 << 20)).len(), 1);
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
}

/// A part of a pattern, before it is written down.
#[derive(Debug, Clone)]
enum Part {
    Is(char),
    Star,
    Any,
    /// Ranges of characters, and whether the class matches only what is outside them.
    Class(bool, Vec<(char, char)>),
    Choice(Vec<Vec<Part>>),
}

/// Parts whose choices are at most so deep.
fn parts(source: &mut Source<'_>, depth: usize) -> Result<Vec<Part>> {
    const RANGES: &[(char, char)] = &[('a', 'a'), ('a', 'c'), ('b', 'b'), ('c', 'é')];
    let part = |source: &mut Source<'_>| {
        Ok(match source.int_in_range(0..=6)? {
            0..=3 => Part::Is(one(source, &['a', 'b', 'c', '/', '.', 'é', '*', '{', ',', ']'])?),
            4 => Part::Star,
            5 => Part::Any,
            _ => Part::Class(source.arbitrary()?, list(source, 1..=2, |source| one(source, RANGES))?),
        })
    };
    if depth == 0 || source.ratio(1, 3)? {
        return list(source, 0..=3, part);
    }
    if source.arbitrary()? {
        return Ok(vec![Part::Choice(list(source, 2..=3, |source| parts(source, depth - 1))?)]);
    }
    Ok([parts(source, depth - 1)?, parts(source, depth - 1)?].concat())
}

fn written(parts: &[Part]) -> String {
    let text = parts.iter().map(|part| match part {
        Part::Is(own) if is_special(*own) => format!("\\{own}"),
        Part::Is(own) => own.to_string(),
        Part::Star => "*".to_owned(),
        Part::Any => "?".to_owned(),
        Part::Class(negated, ranges) => {
            let ranges: String = ranges.iter().map(|(first, last)| format!("{first}-{last}")).collect();
            format!("[{}{ranges}]", if *negated { "!" } else { "" })
        }
        Part::Choice(parts) => {
            let parts: Vec<String> = parts.iter().map(|parts| written(parts)).collect();
            format!("{{{}}}", parts.join(","))
        }
    });
    text.collect()
}

/// Everywhere that the parts may end if they begin at one of these places: everything is tried.
fn ends(parts: &[Part], text: &[char], begins: &BTreeSet<usize>) -> BTreeSet<usize> {
    let step = |begins: BTreeSet<usize>, part: &Part| {
        let takes = |found: &dyn Fn(char) -> bool| {
            begins.iter().filter(|at| text.get(**at).is_some_and(|own| found(*own))).map(|at| at + 1).collect()
        };
        match part {
            Part::Is(own) => takes(&|found| found == *own),
            Part::Any => takes(&|_| true),
            Part::Class(negated, ranges) => {
                takes(&|found| ranges.iter().any(|(first, last)| (*first..=*last).contains(&found)) != *negated)
            }
            Part::Star => begins.first().map(|first| (*first..=text.len()).collect()).unwrap_or_default(),
            Part::Choice(choice) => choice.iter().flat_map(|parts| ends(parts, text, &begins)).collect(),
        }
    };
    parts.iter().fold(begins.clone(), step)
}

#[test]
fn a_pattern_matches_what_trying_everything_finds() {
    check(2_000, |source| {
        let parts = parts(source, 3)?;
        let texts = list(source, 8..=8, |source| text_of(source, 0..=6, "abc/.é*{,]"))?;
        let pattern = written(&parts);
        if Pattern::new(&pattern).is_err() {
            return Ok(());
        }
        for text in texts {
            let characters: Vec<char> = text.chars().collect();
            let expected =
                pattern == text || ends(&parts, &characters, &BTreeSet::from([0])).contains(&characters.len());
            assert_eq!(matches(&pattern, &text), expected, "{:?} {:?}", pattern, text);
        }
        Ok(())
    });
}

#[test]
fn any_text_is_a_pattern_that_ends() {
    check(2_000, |source| {
        let pattern = text_of(source, 0..=40, r"a,.*?!^{}[]\-")?;
        let text = text_of(source, 0..=20, "a,.{}[]")?;
        if let Ok(pattern) = Pattern::new(&pattern) {
            assert!(pattern.matches(pattern.as_str()));
            let _ = pattern.matches(&text);
        }
        let list = pattern;
        assert!(split_patterns(&list).iter().all(|part| !part.is_empty() && part.trim() == *part));
        assert!(split_patterns(&list).iter().map(|part| part.len()).sum::<usize>() <= list.len());
        Ok(())
    });
}
