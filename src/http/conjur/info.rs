//! `GET /info` and `GET /`: the version, where Conjur's clients look for it. It is the version of this server. With a
//! version of Conjur, clients would call functions that this server does not have.

use serde_json::json;
use warp::http::StatusCode;

use super::super::answer::Answer;
use super::super::app::App;
use super::super::problem::Problem;
use super::super::typed::Gives;
use super::shapes::{ANY, TEXT};

/// Bodies of answers, for the description of the routes.
pub(super) const INFO: Gives = Gives::Object(&[("release", TEXT), ("version", TEXT), ("services", ANY)]);
pub(in crate::http) const ROOT: Gives = Gives::Object(&[("version", TEXT), ("description", TEXT)]);

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// `GET /info`: Conjur's clients read the version of the service `possum`.
pub(in crate::http) fn info(_: &App) -> Result<Answer, Problem> {
    let service = json!({ "desired": "i", "status": "i", "err": null, "description": "Claviger", "name": "possum", "version": VERSION });
    let info = json!({ "release": VERSION, "version": VERSION, "services": { "possum": service } });
    Ok(Answer::json(StatusCode::OK, &info))
}

/// `GET /`: clients that find no version in `/info` read it here, from the member `version` or after the word Version.
pub(in crate::http) fn root(_: &App) -> Result<Answer, Problem> {
    let root = json!({ "version": VERSION, "description": format!("Claviger Version {VERSION}") });
    Ok(Answer::json(StatusCode::OK, &root))
}
