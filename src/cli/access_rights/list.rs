//! `claviger access-rights list`

use clap::builder::NonEmptyStringValueParser;
use serde_json::Value;

use super::{text, words};
use crate::cli::{Error, Report};
use crate::client::{Client, segment};

/// Print who may do what with an object, one on a line: `user NAME: OPERATIONS`
#[derive(clap::Args)]
pub(in crate::cli) struct List {
    /// Unique identifier of the object
    #[arg(short, long, value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    key_id: String,
}

impl List {
    pub(super) async fn run(self, client: &Client) -> Result<Report, Error> {
        let grants: Vec<Value> = client.get_json(&format!("/access/list/{}", segment(&self.key_id))).await?;
        let lines: Vec<String> = grants.iter().map(line).collect();
        Ok(Report::new(lines, Value::Array(grants)))
    }
}

fn line(grant: &Value) -> String {
    let operations = words(grant, "operations");
    match grant.get("role") {
        Some(_) => format!("role {}: {operations}", text(grant, "role")),
        None if text(grant, "user_id") == "*" => format!("everyone: {operations}"),
        None => format!("user {}: {operations}", text(grant, "user_id")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_grant_is_a_line() {
        assert_eq!(
            line(&json!({"user_id": "bob", "operations": ["decrypt", "encrypt"]})),
            "user bob: decrypt, encrypt"
        );
        assert_eq!(line(&json!({"user_id": "*", "operations": ["get"]})), "everyone: get");
        assert_eq!(line(&json!({"role": "*", "operations": ["get"]})), "role *: get");
    }
}
