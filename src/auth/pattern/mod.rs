//! Patterns of claims, with the syntax of picomatch that clients of Infisical use in their configurations: `*`, `?`,
//! `{a,b}`, `{a..c}` and `[ab]`. Unlike there, `*` and `?` match everything, including slashes and leading dots, and
//! nothing else is special.
//!
//! No crate fits: crates for paths stop a star at a slash, or match bytes, so that `?` is half of an `é`. A pattern
//! becomes a program of states. Only stars are loops, and all possible states are followed at once. So the time is at
//! most the product of the lengths of the pattern and the text.

mod range;
mod step;
#[cfg(test)]
mod tests;

use range::range;
use step::Step;

/// The maximum length of a pattern, in characters. A text without special characters may be longer.
const MAX_PATTERN: usize = 512;

/// The maximum depth of nested braces.
const MAX_DEPTH: usize = 8;

/// The maximum length of a text that is matched by the program, in bytes. A longer text is only compared for equality.
const MAX_TEXT: usize = 2048;

/// A pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    text: String,
    /// The program. Empty for a text without special characters, which is only compared for equality.
    program: Vec<Step>,
}

/// The reason for which a text is not accepted as a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// The pattern is too long.
    #[error("a pattern has at most {MAX_PATTERN} characters")]
    TooLong,
    /// The braces are nested too deeply.
    #[error("a pattern has at most {MAX_DEPTH} braces within each other")]
    TooDeep,
}

impl Pattern {
    /// Reads a pattern. A bracket or brace that is not closed, and braces without a comma or two dots, are ordinary
    /// text. A backslash before one of `*?[]{},\\` makes that character ordinary text, and within brackets also `-`,
    /// `!` and `^`. Before any other character the backslash itself is ordinary text.
    ///
    /// # Errors
    /// The pattern is longer or deeper than permitted.
    pub fn new(text: &str) -> Result<Self, PatternError> {
        let mut program = Vec::new();
        if text.contains(['*', '?', '[', '{', '\\']) {
            let characters: Vec<char> = text.chars().take(MAX_PATTERN + 1).collect();
            if characters.len() > MAX_PATTERN {
                return Err(PatternError::TooLong);
            }
            compile(&characters, &mut program, 0)?;
        }
        Ok(Self { text: text.to_owned(), program })
    }

    /// Returns the text of the pattern.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the pattern matches a text. Equality is tried first, so that a text with special characters matches
    /// itself.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        self.text == text || (!self.program.is_empty() && text.len() <= MAX_TEXT && self.run(text))
    }

    fn run(&self, text: &str) -> bool {
        let end = self.program.len();
        let mut present = Active::new(end);
        present.add(&self.program, 0);
        for character in text.chars() {
            let mut next = Active::new(end);
            for &state in &present.states {
                let takes = match self.program.get(state) {
                    Some(Step::Is(own)) => *own == character,
                    Some(Step::Any) => true,
                    Some(Step::Class { ranges, negated }) => {
                        ranges.iter().any(|(first, last)| (*first..=*last).contains(&character)) != *negated
                    }
                    Some(Step::Fork(..) | Step::Jump(_)) | None => false,
                };
                if takes {
                    next.add(&self.program, state + 1);
                }
            }
            if next.states.is_empty() {
                return false;
            }
            present = next;
        }
        present.states.contains(&end)
    }
}

/// The possible states of a program, each once.
struct Active {
    states: Vec<usize>,
    seen: Vec<bool>,
}

impl Active {
    fn new(end: usize) -> Self {
        Self { states: Vec::new(), seen: vec![false; end + 1] }
    }

    /// Adds a state, and those that follow it without a character.
    fn add(&mut self, program: &[Step], state: usize) {
        let mut waiting = vec![state];
        while let Some(state) = waiting.pop() {
            match self.seen.get_mut(state) {
                Some(seen) if !*seen => *seen = true,
                _ => continue,
            }
            match program.get(state) {
                Some(Step::Fork(one, other)) => waiting.extend([*other, *one]),
                Some(Step::Jump(to)) => waiting.push(*to),
                _ => self.states.push(state),
            }
        }
    }
}

fn compile(characters: &[char], program: &mut Vec<Step>, depth: usize) -> Result<(), PatternError> {
    let mut rest = characters;
    while let [first, after @ ..] = rest {
        rest = after;
        match first {
            '*' => {
                while let ['*', after @ ..] = rest {
                    rest = after;
                }
                let begin = program.len();
                program.extend([Step::Fork(begin + 1, begin + 3), Step::Any, Step::Jump(begin)]);
            }
            '?' => program.push(Step::Any),
            '[' => match class(rest) {
                Some((class, after)) => {
                    program.push(class);
                    rest = after;
                }
                None => program.push(Step::Is('[')),
            },
            '{' => rest = braces(rest, program, depth)?,
            '\\' => match rest {
                [escaped, after @ ..] if is_special(*escaped) => {
                    program.push(Step::Is(*escaped));
                    rest = after;
                }
                _ => program.push(Step::Is('\\')),
            },
            other => program.push(Step::Is(*other)),
        }
    }
    Ok(())
}

/// Compiles braces. Returns what follows them. If they contain neither a range nor alternatives, the brace is ordinary
/// text.
fn braces<'a>(rest: &'a [char], program: &mut Vec<Step>, depth: usize) -> Result<&'a [char], PatternError> {
    if let Some((steps, after)) = range(rest) {
        program.extend(steps);
        return Ok(after);
    }
    match alternatives(rest) {
        Some(_) if depth == MAX_DEPTH => Err(PatternError::TooDeep),
        Some((parts, after)) => {
            choose(&parts, program, depth)?;
            Ok(after)
        }
        None => {
            program.push(Step::Is('{'));
            Ok(rest)
        }
    }
}

/// Compiles alternatives.
fn choose(parts: &[&[char]], program: &mut Vec<Step>, depth: usize) -> Result<(), PatternError> {
    let mut jumps = Vec::new();
    for (number, part) in parts.iter().enumerate() {
        let fork = program.len();
        program.push(Step::Jump(fork + 1));
        compile(part, program, depth + 1)?;
        if number + 1 < parts.len() {
            jumps.push(program.len());
            program.push(Step::Jump(0));
            let next = program.len();
            set(program, fork, Step::Fork(fork + 1, next));
        }
    }
    let end = program.len();
    jumps.into_iter().for_each(|jump| set(program, jump, Step::Jump(end)));
    Ok(())
}

fn set(program: &mut [Step], at: usize, step: Step) {
    if let Some(own) = program.get_mut(at) {
        *own = step;
    }
}

/// Whether a backslash makes a character ordinary text. Before other characters it is text itself, as in `CORP\admin`.
fn is_special(character: char) -> bool {
    matches!(character, '*' | '?' | '[' | ']' | '{' | '}' | ',' | '\\')
}

/// Returns the class after an opening bracket, and what follows it.
fn class(characters: &[char]) -> Option<(Step, &[char])> {
    let (negated, mut rest) = match characters {
        ['!' | '^', after @ ..] => (true, after),
        all => (false, all),
    };
    let mut ranges = Vec::new();
    loop {
        match rest {
            // The first member may be a closing bracket.
            [']', after @ ..] if !ranges.is_empty() => return Some((Step::Class { ranges, negated }, after)),
            _ => {}
        }
        let (first, after) = member(rest)?;
        rest = after;
        let mut last = first;
        if let ['-', after @ ..] = rest
            && !matches!(after, [']', ..])
        {
            (last, rest) = member(after)?;
        }
        ranges.push((first, last));
    }
}

/// Returns one character of a class, and what follows it.
fn member(characters: &[char]) -> Option<(char, &[char])> {
    match characters {
        ['\\', escaped, after @ ..] if is_special(*escaped) || matches!(escaped, '-' | '!' | '^') => {
            Some((*escaped, after))
        }
        [own, after @ ..] => Some((*own, after)),
        [] => None,
    }
}

/// Returns how many characters belong together: those of an escape, those of a closed class, otherwise one.
fn unit(characters: &[char]) -> usize {
    match characters {
        ['\\', escaped, ..] if is_special(*escaped) => 2,
        ['[', after @ ..] => class(after).map_or(1, |(_, rest)| characters.len() - rest.len()),
        _ => 1,
    }
}

/// Returns the alternatives after an opening brace, of which there must be several, and what follows them.
fn alternatives(characters: &[char]) -> Option<(Vec<&[char]>, &[char])> {
    let (mut parts, mut begin, mut depth, mut at) = (Vec::new(), 0, 0_usize, 0);
    while let Some([character, ..]) = characters.get(at..) {
        let length = unit(characters.get(at..)?);
        match character {
            _ if length > 1 => {}
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            ',' if depth == 0 => {
                parts.push(characters.get(begin..at)?);
                begin = at + 1;
            }
            '}' => {
                if parts.is_empty() {
                    return None;
                }
                parts.push(characters.get(begin..at)?);
                return Some((parts, characters.get(at + 1..)?));
            }
            _ => {}
        }
        at += length;
    }
    None
}

/// Splits a list of patterns at its commas. Removes white space around the patterns, and empty patterns. A comma within
/// closed braces or brackets, or after a backslash, does not separate.
#[must_use]
pub fn split_patterns(list: &str) -> Vec<&str> {
    let marks = marks(list);
    // Find from the end which braces are closed later.
    let mut unclosed = 0_usize;
    let mut closes: Vec<bool> = marks
        .iter()
        .rev()
        .map(|(_, mark)| match mark {
            '}' => {
                unclosed += 1;
                false
            }
            '{' if unclosed > 0 => {
                unclosed -= 1;
                true
            }
            _ => false,
        })
        .collect();
    closes.reverse();
    let (mut parts, mut begin, mut opened) = (Vec::new(), 0, 0_usize);
    for ((at, mark), closes) in marks.into_iter().zip(closes) {
        match mark {
            '{' if closes => opened += 1,
            '}' => opened = opened.saturating_sub(1),
            ',' if opened == 0 => {
                parts.extend(list.get(begin..at));
                begin = at + 1;
            }
            _ => {}
        }
    }
    parts.extend(list.get(begin..));
    parts.into_iter().map(str::trim).filter(|part| !part.is_empty()).collect()
}

/// Returns the special braces and commas of a list, with their positions in bytes.
fn marks(list: &str) -> Vec<(usize, char)> {
    let characters: Vec<char> = list.chars().collect();
    let (mut marks, mut place, mut rest, mut may_close) = (Vec::new(), 0, characters.as_slice(), true);
    while let [first, ..] = rest {
        // If one bracket is not closed, none of the following is, so they are not searched again. This keeps the time
        // linear.
        let length = if *first == '[' && !may_close { 1 } else { unit(rest) };
        may_close &= *first != '[' || length > 1;
        if length == 1 && matches!(first, '{' | '}' | ',') {
            marks.push((place, *first));
        }
        let (own, after) = rest.split_at(length.min(rest.len()));
        place += own.iter().map(|character| character.len_utf8()).sum::<usize>();
        rest = after;
    }
    marks
}
