//! `claviger identities attach`

use std::path::PathBuf;

use serde_json::{Map, Value, json};

use super::bounds::{Bounds, pem};
use super::jwt_auth_at;
use crate::cli::error::Error;
use crate::cli::report::Report;
use crate::client::Client;

const EXAMPLE: &str = "\
Example:
  id=$(claviger identities create --name deployer --role member)
  claviger identities attach \"$id\" --jwks-url https://gitlab.example/oauth/discovery/keys \\
      --bound-issuer https://gitlab.example --audience claviger --subject 'project_path:acme/web:*'
  claviger login --issuer \"$id\" --jwt-file job.jwt          # as the application";

/// Let an identity log in by JWTs that an issuer signs (Infisical's jwt-auth)
///
/// The issuer, such as a CI system, gives the application a JWT, and the application exchanges it for an access token
/// of this server. A JWT is accepted if it satisfies all given options. The issuer's keys come from a URL or from
/// files. If the issuer is an OpenID Connect provider, use `oidc-auth attach`, which finds its keys.
#[derive(clap::Args)]
#[command(
    mut_arg("bound_issuer", |arg| arg.required(true)),
    mut_arg("audience", |arg| arg.required(true)),
    after_help = EXAMPLE
)]
pub(in crate::cli) struct Attach {
    /// Identifier of the identity
    #[arg(value_name = "ID")]
    id: String,
    /// URL of the issuer's keys, a JWK Set
    #[arg(long, value_name = "URL", required_unless_present = "public_key", conflicts_with = "public_key")]
    jwks_url: Option<String>,
    /// PEM file with the authorities of the server of the URL [default: this server's]
    #[arg(long, value_name = "FILE", requires = "jwks_url")]
    jwks_ca_file: Option<PathBuf>,
    /// PEM file with public keys of the issuer; can be repeated
    #[arg(long, value_name = "FILE")]
    public_key: Vec<PathBuf>,
    #[command(flatten)]
    bounds: Bounds,
}

impl Attach {
    pub(super) async fn run(self, client: &Client) -> Result<Report, Error> {
        let mut body = Map::new();
        let mut put = |name: &str, value: Value| drop(body.insert(name.to_owned(), value));
        match &self.jwks_url {
            Some(url) => {
                put("configurationType", json!("jwks"));
                put("jwksUrl", json!(url));
                if let Some(path) = &self.jwks_ca_file {
                    put("jwksCaCert", pem(path).await?.into());
                }
            }
            None => {
                let mut keys = Vec::new();
                for path in &self.public_key {
                    keys.push(pem(path).await?);
                }
                put("configurationType", json!("static"));
                put("publicKeys", json!(keys));
            }
        }
        self.bounds.put(&mut body)?;
        Ok(Report::quiet(client.post_json(&jwt_auth_at(&self.id), &body).await?))
    }
}
