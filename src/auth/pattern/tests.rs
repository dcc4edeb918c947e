//! Tests of patterns.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::RngSeed;

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
    /// Ranges, and whether it is none of them.
    Class(bool, Vec<(char, char)>),
    Choice(Vec<Vec<Part>>),
}

fn parts() -> impl Strategy<Value = Vec<Part>> {
    let range = || select(vec![('a', 'a'), ('a', 'c'), ('b', 'b'), ('c', 'é')]);
    let part = prop_oneof![
        4 => select(vec!['a', 'b', 'c', '/', '.', 'é', '*', '{', ',', ']']).prop_map(Part::Is),
        1 => Just(Part::Star),
        1 => Just(Part::Any),
        1 => (any::<bool>(), vec(range(), 1..3)).prop_map(|(negated, ranges)| Part::Class(negated, ranges)),
    ];
    vec(part, 0..4).prop_recursive(3, 12, 3, |inner| {
        let choice = vec(inner.clone(), 2..4).prop_map(|parts| vec![Part::Choice(parts)]);
        prop_oneof![choice, (inner.clone(), inner).prop_map(|(one, other)| [one, other].concat())]
    })
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

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 2_000, failure_persistence: None, rng_seed: RngSeed::Fixed(1), ..ProptestConfig::default()
    })]

    #[test]
    fn a_pattern_matches_what_trying_everything_finds(parts in parts(), texts in vec("[abc/.é*{,\\]]{0,6}", 8)) {
        let pattern = written(&parts);
        prop_assume!(Pattern::new(&pattern).is_ok());
        for text in texts {
            let characters: Vec<char> = text.chars().collect();
            let expected = pattern == text || ends(&parts, &characters, &BTreeSet::from([0])).contains(&characters.len());
            prop_assert_eq!(matches(&pattern, &text), expected, "{:?} {:?}", pattern, text);
        }
    }

    #[test]
    fn any_text_is_a_pattern_that_ends(pattern in "[a,.*?!^{}\\[\\]\\\\-]{0,40}", text in "[a,.{}\\[\\]]{0,20}") {
        if let Ok(pattern) = Pattern::new(&pattern) {
            prop_assert!(pattern.matches(pattern.as_str()));
            let _ = pattern.matches(&text);
        }
        let list = pattern;
        prop_assert!(split_patterns(&list).iter().all(|part| !part.is_empty() && part.trim() == *part));
        prop_assert!(split_patterns(&list).iter().map(|part| part.len()).sum::<usize>() <= list.len());
    }
}
