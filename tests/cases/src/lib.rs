//! The cases of property tests. They are the same in each run, so that a failure does not depend on luck.

use std::ops::RangeInclusive;

pub use arbtest::arbitrary::{Result, Unstructured as Source};

/// The random bytes of a case: more than any case takes.
const BYTES: u32 = 1 << 15;

/// Checks a property with this many cases, which it makes of random bytes. The property panics if it does not hold; the seed of the
/// case is printed then, and the next run begins with the same cases.
///
/// # Panics
/// The property does not hold, or a case takes more bytes than there are: the rest of it would be no longer random.
pub fn check(cases: u32, mut property: impl FnMut(&mut Source<'_>) -> Result<()>) {
    for case in 1..=cases {
        // The upper half of a seed is where the generator begins. The multiplier is odd, so that each case begins elsewhere, and large,
        // so that they begin far from each other.
        let seed = u64::from(case.wrapping_mul(0x9E37_79B9)) << 32 | u64::from(BYTES);
        let whole = |source: &mut Source<'_>| {
            property(source)?;
            assert!(!source.is_empty(), "case {case} takes more than {BYTES} random bytes");
            Ok(())
        };
        arbtest::arbtest(whole).seed(seed).run();
    }
}

/// One of these.
///
/// # Errors
/// There are none.
pub fn one<T: Clone>(source: &mut Source<'_>, all: &[T]) -> Result<T> {
    source.choose(all).cloned()
}

/// A list of so many.
///
/// # Errors
/// Those of `each`.
pub fn list<T>(
    source: &mut Source<'_>,
    lengths: RangeInclusive<usize>,
    mut each: impl FnMut(&mut Source<'_>) -> Result<T>,
) -> Result<Vec<T>> {
    let length = source.int_in_range(lengths)?;
    (0..length).map(|_| each(source)).collect()
}

/// So many of these, each at most once, in their order.
///
/// # Errors
/// None.
pub fn some<T: Clone>(source: &mut Source<'_>, counts: RangeInclusive<usize>, all: &[T]) -> Result<Vec<T>> {
    let mut wanted = source.int_in_range(counts)?.min(all.len());
    let mut found = Vec::with_capacity(wanted);
    for (at, own) in all.iter().enumerate() {
        // As probable as needed for the wanted number of those that are left.
        if source.int_in_range(1..=all.len() - at)? <= wanted {
            found.push(own.clone());
            wanted -= 1;
        }
    }
    Ok(found)
}

/// The value in so many of ten cases, otherwise nothing.
///
/// # Errors
/// Those of `value`.
pub fn perhaps<T>(
    source: &mut Source<'_>,
    tenths: u8,
    value: impl FnOnce(&mut Source<'_>) -> Result<T>,
) -> Result<Option<T>> {
    if source.ratio(tenths, 10_u8)? { value(source).map(Some) } else { Ok(None) }
}

/// A text of so many of these characters.
///
/// # Errors
/// There are no characters.
pub fn text_of(source: &mut Source<'_>, lengths: RangeInclusive<usize>, characters: &str) -> Result<String> {
    let characters: Vec<char> = characters.chars().collect();
    Ok(list(source, lengths, |source| one(source, &characters))?.into_iter().collect())
}

/// A text of so many characters of any kind.
///
/// # Errors
/// None.
pub fn text(source: &mut Source<'_>, lengths: RangeInclusive<usize>) -> Result<String> {
    Ok(list(source, lengths, character)?.into_iter().collect())
}

/// A character: mostly of ASCII, and often one that formats treat in their own way.
fn character(source: &mut Source<'_>) -> Result<char> {
    const ODD: [char; 12] =
        ['"', '\\', '/', '\'', '<', '&', '\0', '\n', '\u{7F}', '\u{2028}', '\u{FFFF}', '\u{10FFFF}'];
    let last = match source.int_in_range(0..=9_u8)? {
        0..=4 => return source.int_in_range(b' '..=b'~').map(char::from),
        5 => return one(source, &ODD),
        6 => 0xFF,
        7 => 0xD7FF,
        _ => 0x10_FFFF,
    };
    Ok(char::from_u32(source.int_in_range(0..=last)?).unwrap_or(char::REPLACEMENT_CHARACTER))
}

/// Bytes, so many of them.
///
/// # Errors
/// None.
pub fn bytes(source: &mut Source<'_>, lengths: RangeInclusive<usize>) -> Result<Vec<u8>> {
    list(source, lengths, |source| source.arbitrary())
}

/// These bytes with up to seven of any kind in the place of two.
///
/// # Errors
/// There are no bytes.
pub fn spoilt(source: &mut Source<'_>, mut own: Vec<u8>) -> Result<Vec<u8>> {
    let at = source.choose_index(own.len())?;
    let noise = bytes(source, 0..=7)?;
    own.splice(at..(at + 2).min(own.len()), noise);
    Ok(own)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn cases_differ_and_are_the_same_in_each_run() {
        let run = || {
            let mut found = Vec::new();
            check(500, |source| {
                let value = (source.arbitrary::<u64>()?, text(source, 0..=5)?, some(source, 1..=2, &[1, 2, 3])?);
                found.push(value);
                Ok(())
            });
            found
        };
        let found = run();
        assert_eq!(found, run());
        assert_eq!(found.iter().map(|(number, ..)| number).collect::<HashSet<_>>().len(), 500);
        assert!(found.iter().any(|(_, text, _)| !text.is_ascii()) && found.iter().any(|(_, text, _)| text.is_empty()));
        assert_eq!(found.iter().map(|(.., some)| some.clone()).collect::<HashSet<_>>().len(), 6);
    }

    #[test]
    #[should_panic(expected = "a case that does not hold")]
    fn a_property_that_does_not_hold_fails() {
        check(500, |source| {
            assert!(source.int_in_range(0..=99)? != 42, "a case that does not hold");
            Ok(())
        });
    }

    #[test]
    #[should_panic(expected = "takes more than")]
    fn a_case_that_is_too_large_fails() {
        check(1, |source| bytes(source, 40_000..=40_000).map(drop));
    }
}
