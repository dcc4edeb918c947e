//! `claviger access-rights list`

use clap::builder::NonEmptyStringValueParser;

use super::held::{Obtained, Owned};
use super::ownership::Offers;
use super::which::Which;
use crate::api::access::{AccessList, Grant, Member};
use crate::cli::account::Account;
use crate::cli::error::Error;
use crate::cli::report::Report;
use crate::cli::table;
use crate::client::{Client, segment};

/// Print a table of the access to an object: its owner, its project with the members and their roles, and its grants
///
/// The roles that users have in every project are not listed. With an option in place of the object, print a table of
/// objects.
#[derive(clap::Args)]
pub(in crate::cli) struct List {
    /// Unique identifier or name of the object
    #[arg(short, long, value_name = "KEY", value_parser = NonEmptyStringValueParser::new(), conflicts_with = "secret")]
    #[arg(required_unless_present_any = ["secret", "owned", "obtained", "offers", "offers_made"])]
    key_id: Option<String>,
    /// Name of a secret, instead of -k
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    secret: Option<String>,
    #[command(flatten)]
    account: Account,
    #[command(flatten)]
    objects: Objects,
}

/// Lists of objects. Each takes the place of the object, which is then not required.
#[derive(clap::Args)]
#[group(multiple = false, conflicts_with_all = ["key_id", "secret"])]
struct Objects {
    /// Print the objects that you own
    #[arg(long)]
    owned: bool,
    /// Print the objects of other owners on which you have grants
    #[arg(long)]
    obtained: bool,
    /// Print the objects that are offered to you
    #[arg(long)]
    offers: bool,
    /// Print the objects that you offer to other users
    #[arg(long)]
    offers_made: bool,
}

impl List {
    pub(super) async fn run(self, client: &Client) -> Result<Report, Error> {
        match self.objects {
            Objects { owned: true, .. } => Owned {}.run(client).await,
            Objects { obtained: true, .. } => Obtained {}.run(client).await,
            Objects { offers: true, .. } => Offers { made: false }.run(client).await,
            Objects { offers_made: true, .. } => Offers { made: true }.run(client).await,
            Objects { .. } => {
                let which = Which { key_id: self.key_id, secret: self.secret, account: self.account };
                let all = access_of(client, &which.id(client).await?).await?;
                Ok(Report::of(lines(&all), &all))
            }
        }
    }
}

/// Fetches the owner, the project and the grants of an object.
pub(super) async fn access_of(client: &Client, id: &str) -> Result<AccessList, Error> {
    Ok(client.get_json(&format!("/access/list/{}?all=true", segment(id))).await?)
}

/// Returns the table of the whole list.
fn lines(all: &AccessList) -> Vec<String> {
    let AccessList { owner, project, members, grants } = all;
    let row = |kind: &str, name: &str, may: String| [kind.to_owned(), name.to_owned(), may];
    let mut rows = vec![row("owner", owner, "everything".to_owned())];
    rows.extend(project.iter().map(|project| row("project", project, String::new())));
    rows.extend(members.iter().map(|Member { member, role }| row("member", member, format!("role {role}"))));
    rows.extend(grants.iter().map(|grant| {
        let (kind, name) = grantee(grant);
        row(kind, name, grant.operations.join(", "))
    }));
    table::lines(["KIND", "NAME", "MAY"], &rows)
}

/// Returns the kind and the name of a grantee.
fn grantee(grant: &Grant) -> (&'static str, &str) {
    match (&grant.role, grant.user_id.as_deref()) {
        (Some(role), _) => ("role", role),
        (None, Some("*")) => ("everyone", ""),
        (None, user) => ("user", user.unwrap_or("?")),
    }
}

/// Returns a grant as a text.
pub(super) fn granted(grant: &Grant) -> String {
    let (kind, name) = grantee(grant);
    format!("{}: {}", format!("{kind} {name}").trim_end(), grant.operations.join(", "))
}

#[cfg(test)]
mod tests {
    use serde::Deserialize as _;
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn everybody_is_a_row() {
        let lines = |all: &Value| super::lines(&AccessList::deserialize(all).unwrap());
        let all = json!({
            "owner": "alice", "project": "apollo", "members": [{"member": "*", "role": "reader"}],
            "grants": [{"user_id": "bob", "operations": ["get", "mac"]}, {"user_id": "*", "operations": ["get"]}],
        });
        assert_eq!(
            lines(&all),
            [
                "KIND      NAME    MAY",
                "owner     alice   everything",
                "project   apollo  -",
                "member    *       role reader",
                "user      bob     get, mac",
                "everyone  -       get"
            ]
        );
        let alone = json!({"owner": "alice", "project": null, "members": [], "grants": []});
        assert_eq!(lines(&alone), ["KIND   NAME   MAY", "owner  alice  everything"]);
    }

    #[test]
    fn a_grant_is_a_text() {
        let text = |grant: &Value| granted(&Grant::deserialize(grant).unwrap());
        assert_eq!(
            text(&json!({"user_id": "bob", "operations": ["decrypt", "encrypt"]})),
            "user bob: decrypt, encrypt"
        );
        assert_eq!(text(&json!({"user_id": "*", "operations": ["get"]})), "everyone: get");
        assert_eq!(text(&json!({"role": "*", "operations": ["get"]})), "role *: get");
    }
}
