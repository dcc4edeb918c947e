//! The spellings of the names of members, fields and choices.

/// Whether two names have the same letters and digits, without regard to case and separators.
pub(super) fn is_same(one: &str, other: &str) -> bool {
    letters(one).eq(letters(other))
}

fn letters(name: &str) -> impl Iterator<Item = char> + '_ {
    name.chars().filter(|character| character.is_alphanumeric()).flat_map(char::to_lowercase)
}

/// Returns the words of a name in camelCase, snake_case or with hyphens, in lower case. An acronym and its plural are
/// one word.
pub(super) fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let (mut before, mut run) = (None::<char>, 0);
    let mut characters = name.chars().peekable();
    while let Some(character) = characters.next() {
        if !character.is_alphanumeric() {
            words.push(String::new());
            (before, run) = (None, 0);
            continue;
        }
        let next = characters.peek().copied();
        let after = characters.clone().nth(1);
        let is_plural = next == Some('s') && after.is_none_or(|after| !after.is_lowercase());
        let begins = character.is_uppercase()
            && (before.is_some_and(|before| !before.is_uppercase())
                || run > 0 && next.is_some_and(char::is_lowercase) && !is_plural);
        if begins {
            words.push(String::new());
        }
        run = if character.is_uppercase() { run + 1 } else { 0 };
        before = Some(character);
        if let Some(word) = words.last_mut() {
            word.extend(character.to_lowercase());
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_words() {
        for (name, expected) in [
            ("accessTokenTTL", "access token ttl"),
            ("accessTokenTrustedIPs", "access token trusted ips"),
            ("TTLSeconds", "ttl seconds"),
            ("restricted_to", "restricted to"),
            ("not-after", "not after"),
            ("IP", "ip"),
            ("cidrBlocks", "cidr blocks"),
            ("IPsAllowed", "ips allowed"),
        ] {
            assert_eq!(words(name).join(" "), expected);
        }
    }

    #[test]
    fn a_name_is_the_same_in_every_spelling() {
        for other in ["user_id", "userId", "UserID", "user-id", "USERID", "userid"] {
            assert!(is_same("user_id", other), "{other}");
        }
        for other in ["user", "user_ids", "", "useri_d2"] {
            assert!(!is_same("user_id", other), "{other}");
        }
    }
}
