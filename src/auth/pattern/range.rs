//! Braces with two dots: `{1..3}`. Infisical calls picomatch without the option `expandRange`. Then picomatch does not
//! count, but makes a class of one character of the contents. This module does the same.

use super::step::Step;

/// Compiles braces with two dots, and returns the steps and what follows. `None` if the contents have a character with
/// a special meaning, including a comma.
///
/// The parts between the dots are sorted and joined by hyphens: `{1..3}` and `{3..1}` become `[1-3]`; `{01..10}`
/// becomes `[01-10]`, which matches one `0` or `1`. If a range of that class ends before it begins, as in
/// `{prod..dev}`, the parts are text, with any character in place of each dot.
pub(super) fn range(characters: &[char]) -> Option<(Vec<Step>, &[char])> {
    let end = characters.iter().position(|&own| own == '}')?;
    let (content, after) = characters.split_at(end);
    if content.iter().copied().any(has_meaning) || !content.windows(2).any(|two| two == ['.', '.']) {
        return None;
    }
    let mut parts = parts(content);
    parts.sort();
    let class: Vec<char> = parts.join(&'-');
    let steps = match ranges(&class) {
        Some(ranges) => vec![Step::Class { ranges, negated: false }],
        None => {
            let texts = parts.into_iter().map(|part| part.into_iter().map(Step::Is).collect::<Vec<_>>());
            texts.collect::<Vec<_>>().join(&[Step::Any, Step::Any][..])
        }
    };
    Some((steps, after.get(1..)?))
}

/// Whether a character within braces has a special meaning for picomatch.
fn has_meaning(character: char) -> bool {
    matches!(character, '*' | '?' | '+' | '[' | ']' | '{' | '}' | '(' | ')' | '|' | ',' | '\\' | '$' | '^' | '"')
}

/// Splits the contents at pairs of dots. A slash is a part of its own, and so is a single dot.
fn parts(content: &[char]) -> Vec<Vec<char>> {
    let (mut parts, mut rest, mut goes_on) = (Vec::<Vec<char>>::new(), content, false);
    while let [first, after @ ..] = rest {
        rest = after;
        match (first, rest) {
            ('.', ['.', after @ ..]) => {
                rest = after;
                goes_on = false;
            }
            ('.' | '/', _) => {
                parts.push(vec![*first]);
                goes_on = false;
            }
            _ => {
                match parts.last_mut() {
                    Some(part) if goes_on => part.push(*first),
                    _ => parts.push(vec![*first]),
                }
                goes_on = true;
            }
        }
    }
    parts
}

/// Returns the ranges of a class. `None` if one ends before it begins.
fn ranges(class: &[char]) -> Option<Vec<(char, char)>> {
    let (mut ranges, mut rest) = (Vec::new(), class);
    while let [first, after @ ..] = rest {
        let mut last = first;
        rest = after;
        if let ['-', end, after @ ..] = rest {
            (last, rest) = (end, after);
        }
        if last < first {
            return None;
        }
        ranges.push((*first, *last));
    }
    Some(ranges)
}

#[cfg(test)]
mod tests {
    use super::super::Pattern;

    /// Compares with picomatch 3.0.2 and 4.0.7, by `pattern === text || picomatch.isMatch(text, pattern)`.
    #[test]
    fn picomatch_answers_the_same() {
        let table: [(&str, &[&str], &[&str]); 31] = [
            ("{1..3}", &["1", "2", "3", "{1..3}"], &["0", "4", "12", "1..3"]),
            ("{3..1}", &["2"], &["4"]),
            ("{a..c}", &["b"], &["d", "B", ""]),
            ("{01..10}", &["0", "1"], &["5", "01", "10"]),
            ("{1..9..2}", &["1", "2", "-", "9"], &["3", "5"]),
            ("{10..19}", &["0", "1", "9"], &["10", "15"]),
            ("{-5..5}", &["-", "5"], &["0", "-5"]),
            ("{eu..us}", &["e", "u", "s"], &["eu", "t"]),
            ("{az..by}", &["az..by", "az-3by", "{az..by}"], &["azby", "a"]),
            ("{prod..dev}", &["dev..prod", "dev/.prod"], &["devprod", "prod..dev", "prod"]),
            ("{..}", &["{..}"], &["", ".", "a"]),
            ("{1..}", &["1"], &["2"]),
            ("{..3}", &["3"], &["1"]),
            ("{a...c}", &[".", "/", "a", "c"], &["b"]),
            ("{a....c}", &["b"], &["."]),
            ("{1.5..2}", &[".", "0", "1", "-", "2", "5", "3"], &[]),
            ("{a-c..e}", &["b", "-", "e"], &["d"]),
            ("{a/b..c}", &["/", "0", "a", "b", "-", "c"], &[]),
            ("{!..a}", &["!", "0", "A", "a"], &["b"]),
            ("{@..a}", &["@", "A", "a"], &["b"]),
            ("{é..ü}", &["ê"], &["z"]),
            ("svc-{0..9}.*", &["svc-7.x"], &["svc-a.x", "svc-10.x"]),
            ("{x,{1..3}}", &["x", "2"], &["4"]),
            ("{{1..3}}", &["{2}"], &["2"]),
            ("{{1..3},x}", &["3", "x"], &["{3}"]),
            ("{a..c}{1..2}", &["b2"], &["b3", "b"]),
            ("{1..3}}", &["1}"], &["1"]),
            ("a.b", &["a.b"], &[]),
            ("{a.b}", &["{a.b}"], &["a.b"]),
            ("a..b", &["a..b"], &["axxb"]),
            ("a{1..3", &["a{1..3"], &["a1"]),
        ];
        for (pattern, matched, others) in table {
            let own = Pattern::new(pattern).unwrap();
            for text in matched {
                assert!(own.matches(text), "{pattern:?} {text:?}");
            }
            for text in others {
                assert!(!own.matches(text), "{pattern:?} {text:?}");
            }
        }
    }

    #[test]
    fn what_is_among_others_is_not_read_as_picomatch_does() {
        // picomatch makes the class `[,-a-c-x]`, which contains all digits and upper case letters.
        for text in ["a..c", "x"] {
            assert!(Pattern::new("{a..c,x}").unwrap().matches(text), "{text}");
        }
        for text in ["d", "Z", "7"] {
            assert!(!Pattern::new("{a..c,x}").unwrap().matches(text), "{text}");
        }
        // With a special character the braces are ordinary text.
        for (pattern, text) in
            [("{a..$}", "{a..$}"), ("{a..\\*}", "{a..*}"), ("{a..[bc]}", "{a..b}"), ("{a..*}", "{a..z}")]
        {
            assert!(Pattern::new(pattern).unwrap().matches(text), "{pattern}");
            assert!(!Pattern::new(pattern).unwrap().matches("a"), "{pattern}");
        }
    }
}
