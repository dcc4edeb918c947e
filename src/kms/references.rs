//! References in the values of secrets: `${NAME}` to one in the same folder, `${ENVIRONMENT.FOLDER.NAME}` to one elsewhere in the
//! same project. The right to read is asked for each, and each that is read has its line in the audit log. A reference stays as it
//! is written if there is no such secret, the caller may not read it, its value is no text, it leads back to itself or leads on too
//! often: the answer is the same for all of these, so that it tells nobody what there is.

use std::collections::HashMap;
use std::rc::Rc;

use super::context::Context;
use super::error::Error;
use super::gate::Kms;
use super::place_fault::PlaceFault;
use super::project_secret::ProjectSecret;
use super::secret_path::SecretPath;
use super::secret_place::SecretPlace;
use crate::secret::Bytes;

/// References that lead to each other, at most.
const MAX_DEPTH: usize = 10;

/// Different secrets that are read because one value refers to them, and that one request for a secret asks for.
const MAX_READS: usize = 256;

/// Names that are asked for because one value of a list refers to them, and whose values it does not get.
const MAX_MISSING: usize = 32;

/// Different secrets that a list reads because others refer to them.
const MAX_LISTED: usize = 10_000;

/// References that are replaced in one value, those in what they refer to among them.
const MAX_REPLACED: usize = 4_096;

/// The longest value with what it refers to, in bytes.
const MAX_EXPANDED: usize = 256 << 10;

/// Begins and ends a reference.
const BEGIN: &str = "${";
const END: char = '}';

/// What the values of one request refer to.
pub(super) struct References<'a> {
    kms: &'a Kms,
    context: &'a Context<'a>,
    /// What was read, and what may not or cannot be read, by the name of the variable.
    known: HashMap<String, Option<Rc<Bytes>>>,
    /// The values are those of a list.
    are_many: bool,
    /// What was read for all of them.
    read: usize,
    /// What was asked for the value under way: with a value, and without.
    own: [usize; 2],
}

/// One value under way.
struct Expansion {
    out: String,
    replaced: usize,
    /// The variables whose values are being written, the outermost first.
    chain: Vec<String>,
}

/// Why a value cannot be expanded.
enum Stop {
    /// It would be too much.
    TooMuch,
    Failed(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl<'a> References<'a> {
    pub(super) fn new(kms: &'a Kms, context: &'a Context<'a>) -> Self {
        Self { kms, context, known: HashMap::new(), are_many: false, read: 0, own: [0; 2] }
    }

    /// The values are those of a list: one that would be too much stays as it is written, so that one secret does not end the lists
    /// of all others.
    pub(super) fn of_many(self) -> Self {
        Self { are_many: true, ..self }
    }

    /// Replaces the references in the secret's value.
    ///
    /// # Errors
    /// [`PlaceFault::Expansion`], but not in a list; or what went wrong with reading another secret.
    pub(super) fn expand(&mut self, secret: &mut ProjectSecret) -> Result<(), Error> {
        let Some(value) = &secret.value else { return Ok(()) };
        let Ok(text) = std::str::from_utf8(value) else { return Ok(()) };
        if !text.contains(BEGIN) {
            return Ok(());
        }
        let own = secret.place.secret(&secret.name)?;
        self.own = [0; 2];
        let mut expansion = Expansion { out: String::new(), replaced: 0, chain: vec![own.name()] };
        match self.write(text, &secret.place, &mut expansion) {
            Ok(()) => {
                secret.value = Some(Bytes::from(expansion.out.into_bytes()));
                Ok(())
            }
            Err(Stop::TooMuch) if self.are_many => Ok(()),
            Err(Stop::TooMuch) => Err(PlaceFault::Expansion(secret.name.clone()).into()),
            Err(Stop::Failed(error)) => Err(error),
        }
    }

    /// Writes a value that is in `place`.
    fn write(&mut self, text: &str, place: &SecretPlace, expansion: &mut Expansion) -> Result<(), Stop> {
        let mut rest = text;
        while let Some((before, behind)) = rest.split_once(BEGIN) {
            expansion.push(before)?;
            let Some((inside, after)) = behind.split_once(END) else {
                expansion.push(BEGIN)?;
                rest = behind;
                break;
            };
            let found = if is_reference(inside) { self.resolve(inside, place, expansion)? } else { None };
            match found {
                Some((place, name, value)) => {
                    expansion.replaced += 1;
                    if expansion.replaced > MAX_REPLACED {
                        return Err(Stop::TooMuch);
                    }
                    expansion.chain.push(name);
                    // What is no text was not taken for a value.
                    self.write(std::str::from_utf8(&value).unwrap_or_default(), &place, expansion)?;
                    expansion.chain.pop();
                    rest = after;
                }
                None => {
                    expansion.push(BEGIN)?;
                    rest = behind;
                }
            }
        }
        expansion.push(rest)
    }

    /// What a reference in a value of `place` means: where that is, the name of its variable and its value.
    fn resolve(
        &mut self,
        inside: &str,
        place: &SecretPlace,
        expansion: &Expansion,
    ) -> Result<Option<(SecretPlace, String, Rc<Bytes>)>, Stop> {
        if expansion.chain.len() > MAX_DEPTH {
            return Ok(None);
        }
        let Some((place, path)) = target(inside, place) else { return Ok(None) };
        let name = path.name();
        if expansion.chain.contains(&name) {
            return Ok(None);
        }
        Ok(self.read(&path)?.map(|value| (place, name, value)))
    }

    fn read(&mut self, path: &SecretPath) -> Result<Option<Rc<Bytes>>, Stop> {
        let name = path.name();
        if let Some(known) = self.known.get(&name) {
            return Ok(known.clone());
        }
        self.context.go_on()?;
        if self.is_full() {
            return Err(Stop::TooMuch);
        }
        let value = match self.kms.read_secret(self.context, path, None) {
            Ok(value) => std::str::from_utf8(&value).is_ok().then(|| Rc::new(value)),
            Err(Error::NotFound(_) | Error::NotPermitted { .. } | Error::Destroyed(_)) => None,
            Err(error) => return Err(error.into()),
        };
        let [read, missing] = &mut self.own;
        *(if value.is_some() { read } else { missing }) += 1;
        self.read += usize::from(value.is_some());
        self.context.hold(name.len() + value.as_ref().map_or(0, |value| value.len()))?;
        self.known.insert(name, value.clone());
        Ok(value)
    }

    /// Whether nothing more is asked for the value under way. What is not there counts for this value, and for no other.
    fn is_full(&self) -> bool {
        let [read, missing] = self.own;
        if self.are_many {
            read >= MAX_READS || missing >= MAX_MISSING || self.read >= MAX_LISTED
        } else {
            read + missing >= MAX_READS
        }
    }
}

impl Expansion {
    fn push(&mut self, text: &str) -> Result<(), Stop> {
        if self.out.len() + text.len() > MAX_EXPANDED {
            return Err(Stop::TooMuch);
        }
        self.out.push_str(text);
        Ok(())
    }
}

/// Whether what is between the braces can be a reference.
fn is_reference(inside: &str) -> bool {
    !inside.is_empty() && inside.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

/// Where a reference in a value of `place` leads, and the secret there.
fn target(inside: &str, place: &SecretPlace) -> Option<(SecretPlace, SecretPath)> {
    if inside.split('.').any(str::is_empty) {
        return None;
    }
    let Some((place_of, name)) = inside.rsplit_once('.') else {
        return Some((place.clone(), place.secret(inside).ok()?));
    };
    let (environment, folders) = place_of.split_once('.').unwrap_or((place_of, ""));
    let other = SecretPlace::new(place.project(), environment, &folders.replace('.', "/")).ok()?;
    let path = other.secret(name).ok()?;
    Some((other, path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_leads_to_one_place() {
        let here = SecretPlace::new("p", "dev", "/a/b").unwrap();
        let leads = |inside: &str| target(inside, &here).map(|(_, path)| path.name());
        assert_eq!(leads("X").as_deref(), Some("p:variable:dev/a/b/X"));
        assert_eq!(leads("prod.X").as_deref(), Some("p:variable:prod/X"));
        assert_eq!(leads("prod.a.b.X").as_deref(), Some("p:variable:prod/a/b/X"));
        for inside in [".X", "prod.", "prod..X", "prod.a..X", "."] {
            assert_eq!(leads(inside), None, "{inside}");
        }
        assert!(is_reference("prod.a-b.X_1"));
        for inside in ["", "a b", "a/b", "a${b", "ä"] {
            assert!(!is_reference(inside), "{inside}");
        }
    }
}
