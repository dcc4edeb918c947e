//! What Piiano's clients ask about the server, where they ask it.

use serde::Serialize;
use warp::http::StatusCode;

use super::ask::Ask;
use super::problem::Problem;
use super::{Answer, App};

#[derive(Serialize)]
struct Version {
    vault_id: String,
    vault_version: &'static str,
    db_schema_version: i64,
}

/// `GET /api/pvlt/1.0/system/info/version`
pub(super) fn version(app: &App, _: &Ask<'_>) -> Result<Answer, Problem> {
    let vault = app.kms.vault()?;
    let (vault_id, db_schema_version) = (vault.id, vault.schema);
    let vault_version = env!("CARGO_PKG_VERSION");
    Ok(Answer::json(StatusCode::OK, &Version { vault_id, vault_version, db_schema_version }))
}
