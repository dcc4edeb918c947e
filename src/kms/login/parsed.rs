//! Parsed definitions, kept so that a definition is not parsed at each login.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

use lru::LruCache;

/// Maximum number of parsed definitions; the least recently used one is evicted.
const CAPACITY: NonZeroUsize = NonZeroUsize::new(1024).unwrap();

/// Parsed definitions by name. An entry is used as long as the definition is the same.
pub(super) struct Parsed<D, T>(Mutex<LruCache<String, Kept<D, T>>>);

/// A definition and its parsed form. The definition is held, so that no other one can have the same address in memory.
struct Kept<D, T> {
    definition: Arc<D>,
    parsed: Arc<T>,
}

impl<D, T> Default for Parsed<D, T> {
    fn default() -> Self {
        Self(Mutex::new(LruCache::new(CAPACITY)))
    }
}

impl<D, T> Parsed<D, T> {
    /// The parsed definition of this name. Calls `parse` if the definition is new.
    pub(super) fn get<E>(
        &self,
        name: &str,
        definition: &Arc<D>,
        parse: impl FnOnce(&D) -> Result<T, E>,
    ) -> Result<Arc<T>, E> {
        let known = || {
            let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let kept = all.get(name).filter(|kept| Arc::ptr_eq(&kept.definition, definition))?;
            Some(Arc::clone(&kept.parsed))
        };
        if let Some(parsed) = known() {
            return Ok(parsed);
        }
        let parsed = Arc::new(parse(definition)?);
        let kept = Kept { definition: Arc::clone(definition), parsed: Arc::clone(&parsed) };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).put(name.to_owned(), kept);
        Ok(parsed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_definition_is_parsed_once_and_another_of_its_name_by_itself() {
        let (parsed, mut count) = (Parsed::default(), 0);
        let mut get = |definition: &Arc<&'static str>| {
            let parse = |text: &&str| {
                count += 1;
                text.parse::<i64>()
            };
            parsed.get("one", definition, parse).map(|number| (*number, count))
        };
        let (first, second) = (Arc::new("1"), Arc::new("2"));
        assert_eq!(get(&first), Ok((1, 1)));
        assert_eq!(get(&first), Ok((1, 1)));
        assert_eq!(get(&second), Ok((2, 2)));
        assert_eq!(get(&Arc::new("1")), Ok((1, 3)));
        assert!(get(&Arc::new("x")).is_err());
        assert_eq!(get(&Arc::new("1")), Ok((1, 5)));
    }
}
