//! `claviger issuers`: the trusted issuers, and the reason why a JWT is refused, for administrators.

use std::path::PathBuf;

use clap::Subcommand;
use serde::Deserialize;
use serde_json::{Value, json};

use super::access_rights::all;
use super::error::Error;
use super::login;
use super::report::Report;
use crate::client::Client;

/// List the issuers that the server trusts, and test why a JWT is refused; for administrators
#[derive(Subcommand)]
pub(super) enum Issuers {
    List(List),
    Test(Test),
}

/// Print the issuers, one per line: `NAME direct|exchange ISSUER audiences A,B keys FROM (COUNT)`
///
/// A JWT of a direct issuer is sent with each request (--access-token). A JWT of another issuer is exchanged for an
/// access token by `login --issuer NAME`.
#[derive(clap::Args)]
pub(super) struct List {}

/// Print step by step how the server judges a JWT
///
/// No access token is issued, and the JWT is not shown. Without --issuer, at most 16 issuers with the `iss` of the JWT
/// are tested. Exit status: 0 if one of them accepts it, 1 if no issuer does.
#[derive(clap::Args)]
pub(super) struct Test {
    /// File that holds the JWT; `-` for standard input
    #[arg(long, value_name = "FILE")]
    jwt_file: PathBuf,
    /// Test only this issuer: a name as printed by `issuers list`; authn-jwt/SERVICE/ACCOUNT may be followed by
    /// /host/ID
    #[arg(long, value_name = "NAME", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    issuer: Option<String>,
}

#[derive(Deserialize)]
struct Verdicts {
    accepted: bool,
    says: Option<String>,
    issuers: Vec<Tested>,
    others: usize,
}

#[derive(Deserialize)]
struct Tested {
    name: String,
    #[serde(rename = "use")]
    purpose: String,
    accepted: bool,
    steps: Vec<Step>,
}

#[derive(Deserialize)]
struct Step {
    step: String,
    outcome: Outcome,
    says: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Outcome {
    Passed,
    Failed,
    NotLookedAt,
}

impl Issuers {
    pub(super) async fn run(self, client: &Client) -> Result<Report, Error> {
        match self {
            Self::List(List {}) => {
                let all = all(client, "/issuers?", "name").await?;
                let lines: Vec<String> = all.iter().map(line).collect();
                Ok(Report::new(lines, Value::Array(all)))
            }
            Self::Test(Test { jwt_file, issuer }) => {
                let jwt = login::read(&jwt_file).await?;
                let mut body = json!({ "jwt": &*jwt });
                if let (Some(issuer), Some(members)) = (issuer, body.as_object_mut()) {
                    members.insert("issuer".to_owned(), issuer.into());
                }
                let told: Value = client.post_json("/issuers/test", &body).await?;
                let verdicts = Verdicts::deserialize(&told).map_err(|_| Error::Incomplete("verdicts"))?;
                let report = Report::new(lines(&verdicts), told);
                Ok(if verdicts.accepted { report } else { report.failed() })
            }
        }
    }
}

fn line(issuer: &Value) -> String {
    let text = |name: &str| issuer.get(name).and_then(Value::as_str);
    let audiences: Vec<&str> =
        issuer.get("audiences").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    let audiences = if audiences.is_empty() { "any".to_owned() } else { audiences.join(",") };
    let (name, purpose) = (text("name").unwrap_or_default(), text("use").unwrap_or_default());
    if let Some(fault) = text("fault") {
        return format!("{name} {purpose} FAULTY {fault}");
    }
    let count = issuer.get("key_count").map(|count| format!(" ({count})")).unwrap_or_default();
    let (iss, keys) = (text("issuer").unwrap_or("any"), text("keys").unwrap_or_default());
    format!("{name} {purpose} {iss} audiences {audiences} keys {keys}{count}")
}

fn lines(verdicts: &Verdicts) -> Vec<String> {
    let Verdicts { says, issuers, others, .. } = verdicts;
    let mut lines: Vec<String> = says.iter().cloned().collect();
    for Tested { name, purpose, accepted, steps } in issuers {
        let verdict = if *accepted { "accepts" } else { "REFUSES" };
        lines.push(format!("{name} ({purpose}) {verdict} the JWT"));
        for Step { step, outcome, says } in steps {
            let outcome = match outcome {
                Outcome::Passed => "passed",
                Outcome::Failed => "FAILED",
                Outcome::NotLookedAt => "-     ",
            };
            lines.push(format!("  {outcome}  {step}: {says}"));
        }
    }
    if *others > 0 {
        lines.push(format!("{others} others were not asked"));
    }
    lines
}
