//! Patterns with `*` and `?`, as policies have them.

/// Whether `text` is what `pattern` describes: `*` stands for any characters, none and slashes among them, `?` for exactly
/// one. Equality is tried first, so that a name that holds a `*` can be named. Takes at most the product of both lengths.
#[must_use]
pub fn matches(pattern: &str, text: &str) -> bool {
    if pattern == "*" || pattern == text {
        return true;
    }
    let (mut pattern, mut text) = (pattern.chars(), text.chars());
    // What to go back to when the rest does not match: the pattern after the last star, and one character later.
    let mut retry: Option<(std::str::Chars<'_>, std::str::Chars<'_>)> = None;
    loop {
        match (pattern.next(), text.clone().next()) {
            (None, None) => return true,
            (Some('*'), _) => {
                retry = Some((pattern.clone(), text.clone()));
                continue;
            }
            (Some(wanted), Some(found)) if wanted == '?' || wanted == found => {
                text.next();
                continue;
            }
            _ => {}
        }
        let Some((after_star, mut later)) = retry.take() else { return false };
        if later.next().is_none() {
            return false;
        }
        pattern = after_star.clone();
        text = later.clone();
        retry = Some((after_star, later));
    }
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn stars_cross_everything_and_question_marks_one_character() {
        for (pattern, text) in [
            ("*", ""),
            ("", ""),
            ("a*", "a"),
            ("a*c", "abbbc"),
            ("a*c", "a/b/c"),
            ("*b*", "abc"),
            ("a?c", "aéc"),
            ("**", "x"),
            ("a*b*c", "a1b2b3c"),
            ("[a]", "[a]"),
            ("a*", "a*"),
            ("*.example.com", "db.example.com"),
        ] {
            assert!(matches(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [
            ("", "a"),
            ("a", ""),
            ("a", "A"),
            ("a*c", "abcd"),
            ("a?c", "ac"),
            ("?", "ab"),
            ("a*b*c", "acb"),
            ("a", "a*"),
            ("ab", "a*"),
        ] {
            assert!(!matches(pattern, text), "{pattern} {text}");
        }
    }
}
