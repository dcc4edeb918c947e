//! Lists that the server returns in pages.

use serde::Deserialize as _;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::cli::error::Error;
use crate::client::{Client, segment};

/// Fetches all pages of a list. Each page is a plain array. The next page begins after the last entry, whose name
/// `name` returns. An empty page ends the list. `path` must end with `?` or with a parameter.
pub(in crate::cli) async fn all<T: DeserializeOwned>(
    client: &Client,
    path: &str,
    name: fn(&T) -> &String,
) -> Result<Vec<T>, Error> {
    let mut all: Vec<T> = Vec::new();
    let mut after = None;
    loop {
        let place = after.as_deref().map(|after| format!("&after={}", segment(after))).unwrap_or_default();
        let page: Vec<T> = client.get_json(&format!("{path}{place}")).await?;
        let last = page.last().map(|last| name(last).clone());
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
pub(in crate::cli) async fn list_of<T: DeserializeOwned>(
    client: &Client,
    path: &str,
    name: &'static str,
    limit: Option<usize>,
) -> Result<Vec<T>, Error> {
    let limit = limit.unwrap_or(usize::MAX);
    let mut all: Vec<T> = Vec::new();
    let mut next = Some(String::new());
    while let Some(after) = next.filter(|_| all.len() < limit) {
        let place = if after.is_empty() { String::new() } else { format!("&after={}", segment(&after)) };
        let mut page: Value = client.get_json(&format!("{path}{place}")).await?;
        let entries = page.get_mut(name).map(Value::take).unwrap_or_default();
        all.extend(Vec::<T>::deserialize(entries).map_err(|_| Error::Incomplete(name))?);
        next = page.get("next").and_then(Value::as_str).map(str::to_owned);
    }
    all.truncate(limit);
    Ok(all)
}
