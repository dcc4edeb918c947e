//! `claviger access-rights explain`

use crate::api::access::{Explanation, Question};
use crate::cli::error::Error;
use crate::cli::named::resolve;
use crate::cli::report::Report;
use crate::client::Client;

/// Print whether a user may perform an operation, and by which rule; the operation is not performed
///
/// The exit status is 0 in both cases.
#[derive(clap::Args)]
pub(in crate::cli) struct Explain {
    /// One user: NAME (of a certificate), jwt:ISSUER#NAME, identity:ID, host/ID, api-token [default: you]
    #[arg(long, value_name = "WHO")]
    user: Option<String>,
    /// One operation, such as encrypt or get_attributes, or one of manage_access and transfer
    #[arg(long, value_name = "OPERATION")]
    operation: String,
    /// Unique identifier or name of the object; not needed for create, create_key_pair, register, import, locate and
    /// rng_retrieve
    #[arg(long, visible_alias = "key-id", short = 'k', value_name = "ID")]
    object: Option<String>,
}

impl Explain {
    pub(super) async fn run(self, client: &Client) -> Result<Report, Error> {
        let unique_identifier = match self.object {
            Some(object) => Some(resolve(client, &object, &[]).await?),
            None => None,
        };
        let question = Question { user: self.user, operation: self.operation, unique_identifier };
        let answer: Explanation = client.post_json("/access/explain", &question).await?;
        let Explanation { allowed, rule, user, role } = &answer;
        let mut lines = vec![format!("allowed: {allowed}"), format!("rule: {rule}"), format!("user: {user}")];
        lines.extend(role.iter().map(|role| format!("role: {role}")));
        Ok(Report::of(lines, &answer))
    }
}
