//! Patterns with `*` and `?`, as in policies.

/// Whether `pattern` matches `text`. `*` matches any number of characters, including none, and also slashes; `?`
/// matches exactly one character. Equal texts always match, so that a pattern can name an object whose name contains
/// `*`. The running time is at most proportional to the product of both lengths.
#[must_use]
pub fn matches(pattern: &str, text: &str) -> bool {
    if pattern == "*" || pattern == text {
        return true;
    }
    let (mut pattern, mut text) = (pattern.chars(), text.chars());
    // The position to continue from when the rest does not match: the pattern after the last `*`, and one character
    // further in the text.
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
