//! `claviger access-rights list`

use super::which::Which;
use crate::api::access::{AccessList, Grant, Member};
use crate::cli::error::Error;
use crate::cli::report::Report;
use crate::client::{Client, segment};

/// Print the access to an object: its owner, its project with the members and their roles, and its grants
///
/// Each entry is a line: `owner NAME`, `project NAME`, `member WHO: ROLE`, `user NAME: OPERATIONS`,
/// `role NAME: OPERATIONS`, `everyone: OPERATIONS`. The roles that users have in every project are not listed.
#[derive(clap::Args)]
pub(in crate::cli) struct List {
    #[command(flatten)]
    which: Which,
}

impl List {
    pub(super) async fn run(self, client: &Client) -> Result<Report, Error> {
        let all = access_of(client, &self.which.id(client).await?).await?;
        Ok(Report::of(lines(&all), &all))
    }
}

/// Fetches the owner, the project and the grants of an object.
pub(super) async fn access_of(client: &Client, id: &str) -> Result<AccessList, Error> {
    Ok(client.get_json(&format!("/access/list/{}?all=true", segment(id))).await?)
}

/// Returns the lines of the whole list.
fn lines(all: &AccessList) -> Vec<String> {
    let AccessList { owner, project, members, grants } = all;
    let mut lines = vec![format!("owner {owner}")];
    lines.extend(project.iter().map(|project| format!("project {project}")));
    lines.extend(members.iter().map(|Member { member, role }| format!("member {member}: {role}")));
    lines.extend(grants.iter().map(line));
    lines
}

/// Returns the line of a grant.
pub(super) fn line(grant: &Grant) -> String {
    let operations = grant.operations.join(", ");
    match (&grant.role, grant.user_id.as_deref()) {
        (Some(role), _) => format!("role {role}: {operations}"),
        (None, Some("*")) => format!("everyone: {operations}"),
        (None, user) => format!("user {}: {operations}", user.unwrap_or("?")),
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize as _;
    use serde_json::{Value, json};

    use super::*;

    fn lines(all: &Value) -> Vec<String> {
        super::lines(&AccessList::deserialize(all).unwrap())
    }

    fn line(grant: &Value) -> String {
        super::line(&Grant::deserialize(grant).unwrap())
    }

    #[test]
    fn everybody_is_a_line() {
        let all = json!({
            "owner": "alice", "project": "apollo", "members": [{"member": "*", "role": "reader"}],
            "grants": [{"user_id": "bob", "operations": ["get"]}],
        });
        assert_eq!(lines(&all), ["owner alice", "project apollo", "member *: reader", "user bob: get"]);
        assert_eq!(lines(&json!({"owner": "alice", "project": null, "members": [], "grants": []})), ["owner alice"]);
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
