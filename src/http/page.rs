//! Pages of lists as JSON, written entry by entry, and what a request says about the page that it wants.

use serde::Serialize;
use serde_json::Value;
use warp::http::StatusCode;

use super::answer::Answer;
use super::ask::Ask;
use super::problem::Problem;
use crate::kms::MAX_ENTRIES;

/// The array of a page's entries, under way.
pub(super) struct Page {
    body: Vec<u8>,
    is_empty: bool,
    /// What ends the answer if nothing stands beside the array.
    end: &'static [u8],
}

impl Page {
    /// A page that is an array and nothing else.
    pub(super) fn array() -> Self {
        Self { body: b"[".to_vec(), is_empty: true, end: b"]" }
    }

    /// A page that is an object with the array as its member `name`.
    pub(super) fn named(name: &'static str) -> Self {
        Self { body: format!("{{\"{name}\":[").into_bytes(), is_empty: true, end: b"]}" }
    }

    /// Writes an entry; how many bytes it takes.
    pub(super) fn put(&mut self, entry: &impl Serialize) -> usize {
        self.put_with(|body| {
            // Writing into memory does not fail.
            let _ = serde_json::to_writer(body, entry);
        })
    }

    /// The same of an entry that `write` writes.
    pub(super) fn put_with(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> usize {
        let before = self.body.len();
        if !self.is_empty {
            self.body.push(b',');
        }
        self.is_empty = false;
        write(&mut self.body);
        self.body.len() - before
    }

    /// The answer: the array is whole, and nothing stands beside it.
    pub(super) fn end(mut self) -> Answer {
        self.body.extend_from_slice(self.end);
        Answer::new(StatusCode::OK, "application/json", self.body)
    }

    /// The answer of a named page, with one more member beside the array.
    pub(super) fn end_with(mut self, name: &'static str, value: &Value) -> Answer {
        self.body.extend_from_slice(format!("],\"{name}\":{value}}}").as_bytes());
        Answer::new(StatusCode::OK, "application/json", self.body)
    }

    /// The answer, with where the next page begins: null if there is none.
    pub(super) fn end_next(self, next: Option<String>) -> Answer {
        self.end_with("next", &next.into())
    }
}

/// How many entries a page may have: what the query says by `limit`, or as many as there may be.
pub(super) fn limit(ask: &Ask<'_>) -> Result<usize, Problem> {
    Ok(ask.query.number("limit", 1..=MAX_ENTRIES)?.unwrap_or(MAX_ENTRIES))
}

/// After which entry a page begins, if not at the beginning.
pub(super) fn after(ask: &Ask<'_>) -> Option<String> {
    ask.query.text("after").map(str::to_owned)
}

/// So many entries are passed over first: 0 if the query does not say.
pub(super) fn offset(ask: &Ask<'_>) -> Result<i64, Problem> {
    Ok(ask.query.number("offset", 0..=i64::from(i32::MAX))?.unwrap_or(0))
}
