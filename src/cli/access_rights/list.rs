//! `claviger access-rights list`

use clap::builder::NonEmptyStringValueParser;
use serde_json::Value;

use super::pages::{text, words};
use crate::cli::error::Error;
use crate::cli::report::Report;
use crate::client::{Client, segment};

/// Print the access to an object: its owner, its project with the members and their roles, and its grants
///
/// Each entry is a line: `owner NAME`, `project NAME`, `member WHO: ROLE`, `user NAME: OPERATIONS`,
/// `role NAME: OPERATIONS`, `everyone: OPERATIONS`. The roles that users have in every project are not listed.
#[derive(clap::Args)]
pub(in crate::cli) struct List {
    /// Unique identifier of the object
    #[arg(short, long, value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    key_id: String,
}

impl List {
    pub(super) async fn run(self, client: &Client) -> Result<Report, Error> {
        let all: Value = client.get_json(&format!("/access/list/{}?all=true", segment(&self.key_id))).await?;
        let lines = lines(&all).ok_or(Error::Incomplete("owner and grants"))?;
        Ok(Report::new(lines, all))
    }
}

/// Returns the lines of an answer; `None` if the answer is not a list of access.
fn lines(all: &Value) -> Option<Vec<String>> {
    let list = |name: &str| all.get(name).and_then(Value::as_array).map(Vec::as_slice);
    let mut lines = vec![format!("owner {}", all.get("owner")?.as_str()?)];
    lines.extend(all.get("project").and_then(Value::as_str).map(|project| format!("project {project}")));
    let members = list("members")?.iter();
    lines.extend(members.map(|member| format!("member {}: {}", text(member, "member"), text(member, "role"))));
    lines.extend(list("grants")?.iter().map(line));
    Some(lines)
}

/// Returns the line of a grant.
pub(super) fn line(grant: &Value) -> String {
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
    fn everybody_is_a_line() {
        let all = json!({
            "owner": "alice", "project": "apollo", "members": [{"member": "*", "role": "reader"}],
            "grants": [{"user_id": "bob", "operations": ["get"]}],
        });
        assert_eq!(lines(&all).unwrap(), ["owner alice", "project apollo", "member *: reader", "user bob: get"]);
        assert_eq!(
            lines(&json!({"owner": "alice", "project": null, "members": [], "grants": []})).unwrap(),
            ["owner alice"]
        );
        assert_eq!(lines(&json!([])), None);
    }

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
