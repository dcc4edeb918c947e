//! Braces with two dots between: `{1..3}`. Without its option `expandRange`, with which the original does not call it, picomatch
//! counts nothing: it makes a class of one character from what stands there, and so is it done here.

use super::Step;

/// What braces with two dots between describe, and what follows them; none if there is a character among them that has a meaning of
/// its own, a comma too.
///
/// The parts between the dots are put in order and joined by hyphens: `{1..3}` and `{3..1}` are `[1-3]`, `{01..10}` is `[01-10]` and
/// describes one `0` or `1`. If a range of that class ends before it begins, as in `{prod..dev}`, the parts are text, with any
/// character for each of the dots.
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

/// Whether picomatch reads a character within braces as more than text.
fn has_meaning(character: char) -> bool {
    matches!(character, '*' | '?' | '+' | '[' | ']' | '{' | '}' | '(' | ')' | '|' | ',' | '\\' | '$' | '^' | '"')
}

/// The parts between pairs of dots. A slash is a part of its own, and so is a dot that has no other beside it.
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

/// The ranges of a class; none if one ends before it begins.
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

    /// What picomatch 3.0.2 and 4.0.7 answer: `p === t || picomatch.isMatch(t, p)`.
    #[test]
    fn picomatch_answers_the_same() {
        for (pattern, text, answer) in [
            ("{1..3}", "1", true),
            ("{1..3}", "2", true),
            ("{1..3}", "3", true),
            ("{1..3}", "0", false),
            ("{1..3}", "4", false),
            ("{1..3}", "12", false),
            ("{1..3}", "1..3", false),
            ("{1..3}", "{1..3}", true),
            ("{3..1}", "2", true),
            ("{3..1}", "4", false),
            ("{a..c}", "b", true),
            ("{a..c}", "d", false),
            ("{a..c}", "B", false),
            ("{a..c}", "", false),
            ("{01..10}", "0", true),
            ("{01..10}", "1", true),
            ("{01..10}", "5", false),
            ("{01..10}", "01", false),
            ("{01..10}", "10", false),
            ("{1..9..2}", "1", true),
            ("{1..9..2}", "2", true),
            ("{1..9..2}", "-", true),
            ("{1..9..2}", "9", true),
            ("{1..9..2}", "3", false),
            ("{1..9..2}", "5", false),
            ("{10..19}", "0", true),
            ("{10..19}", "1", true),
            ("{10..19}", "9", true),
            ("{10..19}", "10", false),
            ("{10..19}", "15", false),
            ("{-5..5}", "-", true),
            ("{-5..5}", "0", false),
            ("{-5..5}", "5", true),
            ("{-5..5}", "-5", false),
            ("{eu..us}", "e", true),
            ("{eu..us}", "u", true),
            ("{eu..us}", "s", true),
            ("{eu..us}", "eu", false),
            ("{eu..us}", "t", false),
            ("{az..by}", "az..by", true),
            ("{az..by}", "az-3by", true),
            ("{az..by}", "azby", false),
            ("{az..by}", "a", false),
            ("{az..by}", "{az..by}", true),
            ("{prod..dev}", "dev..prod", true),
            ("{prod..dev}", "dev/.prod", true),
            ("{prod..dev}", "devprod", false),
            ("{prod..dev}", "prod..dev", false),
            ("{prod..dev}", "prod", false),
            ("{..}", "", false),
            ("{..}", ".", false),
            ("{..}", "a", false),
            ("{..}", "{..}", true),
            ("{1..}", "1", true),
            ("{1..}", "2", false),
            ("{..3}", "3", true),
            ("{..3}", "1", false),
            ("{a...c}", ".", true),
            ("{a...c}", "/", true),
            ("{a...c}", "a", true),
            ("{a...c}", "b", false),
            ("{a...c}", "c", true),
            ("{a....c}", "b", true),
            ("{a....c}", ".", false),
            ("{1.5..2}", ".", true),
            ("{1.5..2}", "0", true),
            ("{1.5..2}", "1", true),
            ("{1.5..2}", "-", true),
            ("{1.5..2}", "2", true),
            ("{1.5..2}", "5", true),
            ("{1.5..2}", "3", true),
            ("{a-c..e}", "b", true),
            ("{a-c..e}", "-", true),
            ("{a-c..e}", "e", true),
            ("{a-c..e}", "d", false),
            ("{a/b..c}", "/", true),
            ("{a/b..c}", "0", true),
            ("{a/b..c}", "a", true),
            ("{a/b..c}", "b", true),
            ("{a/b..c}", "-", true),
            ("{a/b..c}", "c", true),
            ("{!..a}", "!", true),
            ("{!..a}", "0", true),
            ("{!..a}", "A", true),
            ("{!..a}", "a", true),
            ("{!..a}", "b", false),
            ("{@..a}", "@", true),
            ("{@..a}", "A", true),
            ("{@..a}", "a", true),
            ("{@..a}", "b", false),
            ("{é..ü}", "ê", true),
            ("{é..ü}", "z", false),
            ("svc-{0..9}.*", "svc-7.x", true),
            ("svc-{0..9}.*", "svc-a.x", false),
            ("svc-{0..9}.*", "svc-10.x", false),
            ("{x,{1..3}}", "x", true),
            ("{x,{1..3}}", "2", true),
            ("{x,{1..3}}", "4", false),
            ("{{1..3}}", "{2}", true),
            ("{{1..3}}", "2", false),
            ("{{1..3},x}", "3", true),
            ("{{1..3},x}", "x", true),
            ("{{1..3},x}", "{3}", false),
            ("{a..c}{1..2}", "b2", true),
            ("{a..c}{1..2}", "b3", false),
            ("{a..c}{1..2}", "b", false),
            ("{1..3}}", "1}", true),
            ("{1..3}}", "1", false),
            ("a.b", "a.b", true),
            ("{a.b}", "{a.b}", true),
            ("{a.b}", "a.b", false),
            ("a..b", "a..b", true),
            ("a..b", "axxb", false),
            ("a{1..3", "a{1..3", true),
            ("a{1..3", "a1", false),
        ] {
            assert_eq!(Pattern::new(pattern).unwrap().matches(text), answer, "{pattern:?} {text:?}");
        }
    }

    #[test]
    fn what_is_among_others_is_not_read_as_picomatch_does() {
        // There a class of what stands between a comma and an `x`, which has all digits and upper case letters.
        for text in ["a..c", "x"] {
            assert!(Pattern::new("{a..c,x}").unwrap().matches(text), "{text}");
        }
        for text in ["b", "Z", "7"] {
            assert!(!Pattern::new("{a..c,x}").unwrap().matches(text), "{text}");
        }
        // What has a meaning of its own leaves the braces text.
        for (pattern, text) in
            [("{a..$}", "{a..$}"), ("{a..\\*}", "{a..*}"), ("{a..[bc]}", "{a..b}"), ("{a..*}", "{a..z}")]
        {
            assert!(Pattern::new(pattern).unwrap().matches(text), "{pattern}");
            assert!(!Pattern::new(pattern).unwrap().matches("a"), "{pattern}");
        }
    }
}
