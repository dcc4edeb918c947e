//! Tests of patterns.

use std::time::{Duration, Instant};

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
