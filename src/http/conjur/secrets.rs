//! `/secrets`: values of variables, for authenticated callers.

use std::collections::BTreeMap;

use data_encoding::BASE64;
use warp::http::StatusCode;

use super::super::answer::Answer;
use super::super::app::App;
use super::super::caller_request::CallerRequest;
use super::super::problem::Problem;
use super::super::typed::{Gives, typed};
use super::shapes::accepts_base64;
use crate::kms::{Error, SecretPath};
use crate::secret::Bytes;

/// The maximum number of variables in one request.
const MAX_BATCH: usize = 100;

/// Returns the variable that the path of a request names.
/// The body of several values, by their names, for the description of the routes.
pub(super) const BATCH: Gives = Gives::One(typed::<BTreeMap<String, String>>);

fn path(request: &CallerRequest<'_>) -> Result<SecretPath, Problem> {
    Ok(SecretPath::new(request.parameter("account"), request.parameter("id"))?)
}

/// Converts an error. A missing variable is named as in the request.
pub(super) fn variable_error(path: &SecretPath, error: Error) -> Problem {
    match error {
        Error::NotFound(_) => Problem::new(StatusCode::NOT_FOUND, format!("there is no variable {:?}", path.name())),
        error => error.into(),
    }
}

/// Converts an error of a write. A variable that exists but may not be written by the caller, and a missing one that
/// the caller may not add, give the same error.
fn write_error(path: &SecretPath, error: Error) -> Problem {
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

/// `POST /secrets/ACCOUNT/variable/ID`: the body is the value. With `?expirations` in the query, Conjur clears the
/// expiry of the value. Values do not expire here, so that nothing is changed.
pub(in crate::http) fn write(app: &App, request: &CallerRequest<'_>) -> Result<Answer, Problem> {
    let path = path(request)?;
    if request.query.value("expirations").is_some() {
        app.kms.expire_secret(&request.context, &path).map_err(|error| write_error(&path, error))?;
        return Ok(Answer::text(StatusCode::CREATED, Vec::new()));
    }
    if request.body.is_empty() {
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "the value is empty: the body must be the value"));
    }
    let value = Bytes::from(request.body);
    app.kms.write_secret(&request.context, &path, &value).map_err(|error| write_error(&path, error))?;
    Ok(Answer::text(StatusCode::CREATED, Vec::new()))
}

/// `GET /secrets/ACCOUNT/variable/ID[?version=N]`
pub(in crate::http) fn read(app: &App, request: &CallerRequest<'_>) -> Result<Answer, Problem> {
    let path = path(request)?;
    let number = request.query.number("version", 0..=i64::MAX)?;
    let value = app.kms.read_secret(&request.context, &path, number).map_err(|error| variable_error(&path, error))?;
    Ok(Answer::new(StatusCode::OK, "application/octet-stream", value.to_vec()))
}

/// `DELETE /secrets/ACCOUNT/variable/ID`
pub(in crate::http) fn remove(app: &App, request: &CallerRequest<'_>) -> Result<Answer, Problem> {
    let path = path(request)?;
    app.kms.remove_secret(&request.context, &path).map_err(|error| variable_error(&path, error))?;
    Ok(Answer::text(StatusCode::NO_CONTENT, Vec::new()))
}

/// `GET /secrets?variable_ids=ACCOUNT:variable:ID,...`: the answer has all of the variables, or it is an error.
pub(in crate::http) fn batch(app: &App, request: &CallerRequest<'_>) -> Result<Answer, Problem> {
    let bad = |detail: String| Problem::new(StatusCode::BAD_REQUEST, detail);
    let list = request.query.text("variable_ids").ok_or_else(|| bad("variable_ids is missing".to_owned()))?;
    let names: Vec<&str> = list.split(',').collect();
    if names.len() > MAX_BATCH {
        return Err(bad(format!("more than {MAX_BATCH} variables")));
    }
    let in_base64 = accepts_base64(request.headers);
    let mut values = BTreeMap::new();
    for name in names {
        if values.contains_key(name) {
            return Err(bad(format!("{name:?} is given twice: ask for each variable once")));
        }
        let mut parts = name.splitn(3, ':');
        let (Some(account), Some("variable"), Some(path)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(bad(format!("{name:?} is not ACCOUNT:variable:ID")));
        };
        let path = SecretPath::new(account, path)?;
        let value = app.kms.read_secret(&request.context, &path, None);
        let value = value.map_err(|error| variable_error(&path, error))?;
        let text = if in_base64 {
            BASE64.encode(&value)
        } else {
            let text = std::str::from_utf8(&value).map_err(|_| {
                let detail = format!("the value of {name:?} is not text: ask with Accept-Encoding: base64");
                Problem::new(StatusCode::NOT_ACCEPTABLE, detail)
            })?;
            text.to_owned()
        };
        values.insert(name.to_owned(), text);
    }
    let answer = Answer::json(StatusCode::OK, &values);
    Ok(if in_base64 { answer.in_base64() } else { answer })
}
