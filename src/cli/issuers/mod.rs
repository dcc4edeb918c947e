//! `claviger issuers`: the trusted issuers, and the reason why a JWT is refused, for administrators.

use std::path::PathBuf;

use clap::Subcommand;

use super::access_rights::all;
use super::error::Error;
use super::login;
use super::report::Report;
use super::table;
use crate::api::issuers::{Issuer, Outcome, Step, Tested, ToTest, Verdicts};
use crate::client::Client;

/// List the issuers that the server trusts, and test why a JWT is refused; for administrators
#[derive(Subcommand)]
pub(super) enum Issuers {
    List(List),
    Test(Test),
}

/// Print a table of the issuers: the use of their JWTs, their audiences, and the source and number of their keys
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

impl Issuers {
    pub(super) async fn run(self, client: &Client) -> Result<Report, Error> {
        match self {
            Self::List(List {}) => {
                let all = all(client, "/issuers?", |issuer: &Issuer| &issuer.name).await?;
                let rows: Vec<_> = all.iter().map(row).collect();
                Ok(Report::of(table::lines(["NAME", "USE", "ISSUER", "AUDIENCES", "KEYS", "FAULT"], &rows), &all))
            }
            Self::Test(Test { jwt_file, issuer }) => {
                let jwt = login::read(&jwt_file).await?;
                let body = ToTest { jwt: (&*jwt).into(), issuer };
                let verdicts: Verdicts = client.post_json("/issuers/test", &body).await?;
                let report = Report::of(lines(&verdicts), &verdicts);
                Ok(if verdicts.accepted { report } else { report.failed() })
            }
        }
    }
}

fn row(issuer: &Issuer) -> [String; 6] {
    let any = |text: String| if text.is_empty() { "any".to_owned() } else { text };
    let count = issuer.key_count.map(|count| format!(" ({count})")).unwrap_or_default();
    [
        issuer.name.clone(),
        issuer.purpose.word().to_owned(),
        any(issuer.issuer.clone().unwrap_or_default()),
        any(issuer.audiences.join(", ")),
        format!("{}{count}", issuer.keys.as_deref().unwrap_or_default()),
        issuer.fault.clone().unwrap_or_default(),
    ]
}

fn lines(verdicts: &Verdicts) -> Vec<String> {
    let Verdicts { says, issuers, others, .. } = verdicts;
    let mut lines: Vec<String> = says.iter().cloned().collect();
    for Tested { name, purpose, accepted, steps, .. } in issuers {
        let verdict = if *accepted { "accepts" } else { "REFUSES" };
        lines.push(format!("{name} ({}) {verdict} the JWT", purpose.word()));
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
