//! Lists that the server returns in pages, and the members of their entries.

use serde_json::Value;

use crate::cli::error::Error;
use crate::client::{Client, segment};

/// Fetches all pages of a list. Each page is a plain array. The next page begins after the last entry, which is named
/// by its member `name`. An empty page ends the list. `path` must end with `?` or with a parameter.
pub(in crate::cli) async fn all(client: &Client, path: &str, name: &str) -> Result<Vec<Value>, Error> {
    let mut all: Vec<Value> = Vec::new();
    let mut after = None;
    loop {
        let place = after.as_deref().map(|after| format!("&after={}", segment(after))).unwrap_or_default();
        let page: Vec<Value> = client.get_json(&format!("{path}{place}")).await?;
        let last = page.last().map(|last| text(last, name).to_owned());
        // A server without pages for this list returns the whole list each time.
        if last.is_none() || last == after {
            return Ok(all);
        }
        all.extend(page);
        after = last;
    }
}

/// Fetches all pages of a list. Each page is `{NAME: [...], "next": ...}`. `path` must end with `?` or with a
/// parameter. Returns at most `limit` entries, if it is given.
pub(in crate::cli) async fn list_of(
    client: &Client,
    path: &str,
    name: &str,
    limit: Option<usize>,
) -> Result<Vec<Value>, Error> {
    let limit = limit.unwrap_or(usize::MAX);
    let mut all: Vec<Value> = Vec::new();
    let mut next = Some(String::new());
    while let Some(after) = next.filter(|_| all.len() < limit) {
        let place = if after.is_empty() { String::new() } else { format!("&after={}", segment(&after)) };
        let mut page: Value = client.get_json(&format!("{path}{place}")).await?;
        if let Some(Value::Array(entries)) = page.get_mut(name) {
            all.append(entries);
        }
        next = page.get("next").and_then(Value::as_str).map(str::to_owned);
    }
    all.truncate(limit);
    Ok(all)
}

/// Returns a text member of an object, or `?`.
pub(in crate::cli) fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or("?")
}

/// Returns the words of an array member, separated by commas.
pub(super) fn words(value: &Value, name: &str) -> String {
    let words = value.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    words.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", ")
}
