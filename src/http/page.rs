//! Pages of lists as JSON, written entry by entry, and the parameters of a request for a page.

use serde::Serialize;
use serde_json::Value;
use warp::http::StatusCode;

use super::answer::Answer;
use super::caller_request::CallerRequest;
use super::problem::Problem;
use crate::kms::MAX_ENTRIES;

/// A page that is being written: the array of its entries.
pub(super) struct Page {
    body: Vec<u8>,
    is_empty: bool,
    /// The end of the answer if it has no further member.
    end: &'static [u8],
}

impl Page {
    /// Begins a page that is only an array.
    pub(super) fn array() -> Self {
        Self { body: b"[".to_vec(), is_empty: true, end: b"]" }
    }

    /// Begins a page that is an object with the array as its member `name`.
    pub(super) fn named(name: &'static str) -> Self {
        Self { body: format!("{{\"{name}\":[").into_bytes(), is_empty: true, end: b"]}" }
    }

    /// Writes an entry, and returns its size in bytes.
    pub(super) fn put(&mut self, entry: &impl Serialize) -> usize {
        self.put_with(|body| {
            // Writing into memory does not fail.
            let _ = serde_json::to_writer(body, entry);
        })
    }

    /// Lets `write` write an entry, and returns its size in bytes.
    pub(super) fn put_with(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> usize {
        let before = self.body.len();
        if !self.is_empty {
            self.body.push(b',');
        }
        self.is_empty = false;
        write(&mut self.body);
        self.body.len() - before
    }

    /// Ends the array, and returns the answer without a further member.
    pub(super) fn end(mut self) -> Answer {
        self.body.extend_from_slice(self.end);
        Answer::new(StatusCode::OK, "application/json", self.body)
    }

    /// Ends the array of a named page, and returns the answer with one further member.
    pub(super) fn end_with(mut self, name: &'static str, value: &Value) -> Answer {
        self.body.extend_from_slice(format!("],\"{name}\":{value}}}").as_bytes());
        Answer::new(StatusCode::OK, "application/json", self.body)
    }

    /// Ends the array of a named page, and returns the answer with the member `next`: the identifier after which the
    /// next page begins, or null.
    pub(super) fn end_next(self, next: Option<String>) -> Answer {
        self.end_with("next", &next.into())
    }
}

/// Returns the largest number of entries of a page: the field `limit` of the query, by default [`MAX_ENTRIES`].
pub(super) fn limit(request: &CallerRequest<'_>) -> Result<usize, Problem> {
    Ok(request.query.number("limit", 1..=MAX_ENTRIES)?.unwrap_or(MAX_ENTRIES))
}

/// Returns the field `after` of the query: the entry after which the page begins.
pub(super) fn after(request: &CallerRequest<'_>) -> Option<String> {
    request.query.text("after").map(str::to_owned)
}

/// Returns the field `offset` of the query: the number of entries to skip, by default 0.
pub(super) fn offset(request: &CallerRequest<'_>) -> Result<i64, Problem> {
    Ok(request.query.number("offset", 0..=i64::from(i32::MAX))?.unwrap_or(0))
}
