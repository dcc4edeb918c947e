//! References in the values of secrets: `${NAME}` names a secret in the same folder, `${ENVIRONMENT.FOLDER.NAME}` one
//! elsewhere in the same project. The permission to read is checked for each, and each read has a line in the audit
//! log. A reference stays as it is written if there is no such secret, if the caller may not read it, if its value is
//! not a text, if it refers back to itself, or if the chain of references is too long. All of these give the same
//! answer, so that it does not reveal which secrets exist.

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

/// Maximum length of a chain of references.
const MAX_DEPTH: usize = 10;

/// Maximum number of different secrets that are read for one value, and that a request for one secret looks up.
const MAX_READS: usize = 256;

/// Maximum number of names that are looked up without success for one value of a list.
const MAX_MISSING: usize = 32;

/// Maximum number of different secrets that a list reads because of references.
const MAX_LISTED: usize = 10_000;

/// Maximum number of references that are replaced in one value, including those in the values that they name.
const MAX_REPLACED: usize = 4_096;

/// Maximum length of a value with its references replaced, in bytes.
const MAX_EXPANDED: usize = 256 << 10;

/// The beginning and the end of a reference.
const BEGIN: &str = "${";
const END: char = '}';

/// The references in the values of one request.
pub(super) struct References<'a> {
    kms: &'a Kms,
    context: &'a Context<'a>,
    /// The values that were read, by the name of the variable; `None` for a variable that cannot or may not be read.
    known: HashMap<String, Option<Rc<Bytes>>>,
    /// Whether the values belong to a list.
    are_many: bool,
    /// The number of secrets that were read for all values.
    read: usize,
    /// The number of look-ups for the present value: those that found a value, and those that did not.
    own: [usize; 2],
}

/// The state of one value that is being expanded.
struct Expansion {
    out: String,
    replaced: usize,
    /// The variables whose values are being written, the outermost first.
    chain: Vec<String>,
}

/// The reason why a value cannot be expanded.
enum Stop {
    /// A limit was reached.
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

    /// Expands the values of a list: a value that reaches a limit stays as it is written, so that one secret cannot
    /// make every list fail.
    pub(super) fn of_many(self) -> Self {
        Self { are_many: true, ..self }
    }

    /// Replaces the references in the secret's value.
    ///
    /// # Errors
    /// [`PlaceFault::Expansion`], except in a list; or the error of reading another secret.
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

    /// Writes a value that belongs to a secret in `place`.
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
                    // A value that is not a text is never returned, so this cannot fail.
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

    /// Resolves a reference in a value of `place`: returns the place of the named secret, the name of its variable, and
    /// its value.
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

    /// Whether no further look-up is permitted for the present value. Names without a value count only for the present
    /// value.
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

/// Whether the text between the braces can be a reference.
fn is_reference(inside: &str) -> bool {
    !inside.is_empty() && inside.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

/// The place and the path of the secret that a reference in a value of `place` names.
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
