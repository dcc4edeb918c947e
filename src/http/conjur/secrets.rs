//! `/secrets`: values of variables, for authenticated callers.

use std::collections::BTreeMap;

use data_encoding::BASE64;
use percent_encoding::percent_decode_str;
use warp::http::StatusCode;

use super::super::problem::Problem;
use super::super::route::{Ask, value};
use super::super::{Answer, App};
use super::accepts_base64;
use crate::kms::{Error, SecretPath};
use crate::secret::Bytes;

/// Variables that one request may ask for.
const MAX_BATCH: usize = 100;

/// The variable that the path of a request names.
fn path(ask: &Ask<'_>) -> Result<SecretPath, Problem> {
    let parameter = |number: usize| ask.parameters.get(number).map_or("", String::as_str);
    Ok(SecretPath::new(parameter(0), parameter(1))?)
}

/// What is not there is named as the request named it.
fn told(path: &SecretPath, error: Error) -> Problem {
    match error {
        Error::NotFound(_) => Problem::new(StatusCode::NOT_FOUND, format!("there is no variable {:?}", path.name())),
        error => error.into(),
    }
}

/// The same for a write: of a secret that is there and not the caller's, and of one that the caller may not add.
fn told_of_write(path: &SecretPath, error: Error) -> Problem {
    match error {
        Error::NotFound(_) => {
            let detail = format!(
                "there is no variable {:?} that you may write, and you may not add it: it takes a role with write_secret in the \
                 project {:?}",
                path.name(),
                path.account()
            );
            Problem::new(StatusCode::NOT_FOUND, detail)
        }
        error => error.into(),
    }
}

/// `POST /secrets/ACCOUNT/variable/ID`: the body is the value.
pub(in crate::http) fn write(app: &App, ask: &Ask<'_>) -> Result<Answer, Problem> {
    let path = path(ask)?;
    let value = Bytes::from(ask.body);
    app.kms.write_secret(&ask.context, &path, &value).map_err(|error| told_of_write(&path, error))?;
    Ok(Answer::text(StatusCode::CREATED, Vec::new()))
}

/// `GET /secrets/ACCOUNT/variable/ID[?version=N]`
pub(in crate::http) fn read(app: &App, ask: &Ask<'_>) -> Result<Answer, Problem> {
    let path = path(ask)?;
    let number = match value(ask.query, "version") {
        None => None,
        Some(text) => {
            let detail = format!("version {text:?} is not a number");
            Some(text.parse().map_err(|_| Problem::new(StatusCode::BAD_REQUEST, detail))?)
        }
    };
    let value = app.kms.read_secret(&ask.context, &path, number).map_err(|error| told(&path, error))?;
    Ok(Answer::new(StatusCode::OK, "application/octet-stream", value.to_vec()))
}

/// `DELETE /secrets/ACCOUNT/variable/ID`
pub(in crate::http) fn remove(app: &App, ask: &Ask<'_>) -> Result<Answer, Problem> {
    let path = path(ask)?;
    app.kms.remove_secret(&ask.context, &path).map_err(|error| told(&path, error))?;
    Ok(Answer::text(StatusCode::NO_CONTENT, Vec::new()))
}

/// `GET /secrets?variable_ids=ACCOUNT:variable:ID,...`: all of them, or none.
pub(in crate::http) fn batch(app: &App, ask: &Ask<'_>) -> Result<Answer, Problem> {
    let bad = |detail: String| Problem::new(StatusCode::BAD_REQUEST, detail);
    let list = ask.query.split('&').find_map(|pair| pair.strip_prefix("variable_ids="));
    let list = list.filter(|list| !list.is_empty()).ok_or_else(|| bad("variable_ids is missing".to_owned()))?;
    let ids: Vec<&str> = list.split(',').collect();
    if ids.len() > MAX_BATCH {
        return Err(bad(format!("more than {MAX_BATCH} variables")));
    }
    let in_base64 = accepts_base64(ask.headers);
    let mut values = BTreeMap::new();
    for id in ids {
        let name =
            percent_decode_str(id).decode_utf8().map_err(|_| bad("a variable's name is not UTF-8".to_owned()))?;
        let mut parts = name.splitn(3, ':');
        let (Some(account), Some("variable"), Some(path)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(bad(format!("{name:?} is not ACCOUNT:variable:ID")));
        };
        let path = SecretPath::new(account, path)?;
        let value = app.kms.read_secret(&ask.context, &path, None);
        let value = value.map_err(|error| told(&path, error))?;
        let text = if in_base64 {
            BASE64.encode(&value)
        } else {
            let text = std::str::from_utf8(&value).map_err(|_| {
                let detail = format!("the value of {name:?} is not text: ask with Accept-Encoding: base64");
                Problem::new(StatusCode::NOT_ACCEPTABLE, detail)
            })?;
            text.to_owned()
        };
        values.insert(name.into_owned(), text);
    }
    let answer = Answer::json(StatusCode::OK, &values);
    Ok(if in_base64 { answer.in_base64() } else { answer })
}
