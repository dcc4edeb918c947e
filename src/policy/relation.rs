//! References between definitions, as sets that successive policies share.

use std::hash::Hash;

use rpds::{HashTrieMapSync, HashTrieSetSync};

use super::definition::Kind;

/// A map whose copies share their common entries: a copy costs nothing, and a change of a copy costs one entry.
pub(super) type Map<K, V> = HashTrieMapSync<K, V>;

/// The kind and name of a definition.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Name {
    pub(super) kind: Kind,
    pub(super) name: String,
}

impl Name {
    pub(super) fn new(kind: Kind, name: &str) -> Self {
        Self { kind, name: name.to_owned() }
    }
}

/// A set of values for each key.
#[derive(Debug, Clone)]
pub(super) struct Relation<K: Eq + Hash, V: Eq + Hash>(Map<K, HashTrieSetSync<V>>);

impl<K: Eq + Hash, V: Eq + Hash> Default for Relation<K, V> {
    fn default() -> Self {
        Self(Map::default())
    }
}

impl<K: Eq + Hash + Clone, V: Eq + Hash + Clone + Ord> Relation<K, V> {
    /// The values of a key.
    pub(super) fn of<'a>(&'a self, key: &K) -> impl Iterator<Item = &'a V> + use<'a, K, V> {
        self.0.get(key).into_iter().flat_map(HashTrieSetSync::iter)
    }

    /// The values of a key, sorted.
    pub(super) fn sorted(&self, key: &K) -> Vec<V> {
        let mut all: Vec<V> = self.of(key).cloned().collect();
        all.sort();
        all
    }

    pub(super) fn add(&mut self, key: &K, value: &V) {
        let values = self.0.get(key).cloned().unwrap_or_default();
        self.0.insert_mut(key.clone(), values.insert(value.clone()));
    }

    pub(super) fn remove(&mut self, key: &K, value: &V) {
        let Some(values) = self.0.get(key) else { return };
        let values = values.remove(value);
        if values.is_empty() {
            self.0.remove_mut(key);
        } else {
            self.0.insert_mut(key.clone(), values);
        }
    }
}
