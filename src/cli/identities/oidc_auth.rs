//! `claviger identities oidc-auth`

use std::path::PathBuf;

use clap::{ArgGroup, Subcommand};
use serde_json::{Map, Value, json};

use super::bounds::{Bounds, pem};
use super::{detach, end_tokens, pretty};
use crate::cli::confirmation::Confirmation;
use crate::cli::error::Error;
use crate::cli::report::Report;
use crate::client::{Client, segment};

const EXAMPLE: &str = "\
Example:
  id=$(claviger identities create --name deployer --role member)
  url=https://token.actions.githubusercontent.com
  claviger identities oidc-auth attach \"$id\" --discovery-url \"$url\" --bound-issuer \"$url\" \\
      --audience claviger --subject 'repo:acme/web:*'
  claviger login --issuer \"oidc-auth/$id\" --jwt-file job.jwt          # as the application";

/// Let an identity log in by JWTs of an OpenID Connect provider (Infisical's oidc-auth)
///
/// The provider gives the application a JWT, such as the ID token of a CI job, and the application exchanges it for an
/// access token of this server. The server finds the provider's keys by its discovery document.
#[derive(Subcommand)]
#[command(after_help = EXAMPLE)]
pub(in crate::cli) enum OidcAuth {
    Attach(Attach),
    Update(Update),
    Show(Show),
    Detach(Detach),
}

/// The provider, and the requirements on its JWTs.
#[derive(clap::Args)]
struct Provider {
    /// URL of the provider, whose /.well-known/openid-configuration has the same `issuer`
    #[arg(long, value_name = "URL")]
    discovery_url: Option<String>,
    /// PEM file with the authorities of its servers [default of `attach`: the server's]
    #[arg(long, value_name = "FILE")]
    discovery_ca_file: Option<PathBuf>,
    #[command(flatten)]
    bounds: Bounds,
}

/// Let an identity log in by JWTs of a provider
///
/// A JWT is accepted if it satisfies all given options.
#[derive(clap::Args)]
#[command(
    mut_arg("discovery_url", |arg| arg.required(true)),
    mut_arg("bound_issuer", |arg| arg.required(true)),
    mut_arg("audience", |arg| arg.required(true)),
    after_help = EXAMPLE
)]
pub(in crate::cli) struct Attach {
    /// The identity's identifier
    #[arg(value_name = "ID")]
    id: String,
    #[command(flatten)]
    provider: Provider,
}

/// Change the requirements on the provider's JWTs
///
/// Options that are not given leave their values unchanged. Given audiences, claims or networks replace all former
/// ones. Access tokens that were issued before stay valid, unless --end-tokens is given.
#[derive(clap::Args)]
#[command(group = ArgGroup::new("change").required(true).multiple(true).args([
    "discovery_url", "discovery_ca_file", "bound_issuer", "audience", "subject", "claim", "no_claims", "ttl", "max_ttl", "uses",
    "trusted_ip",
]))]
pub(in crate::cli) struct Update {
    /// The identity's identifier
    #[arg(value_name = "ID")]
    id: String,
    #[command(flatten)]
    provider: Provider,
    /// Remove all required claims
    #[arg(long, conflicts_with = "claim")]
    no_claims: bool,
    /// After the change, revoke all access tokens of the identity, of every login method
    #[arg(long)]
    end_tokens: bool,
}

/// Print the requirements on the provider's JWTs as JSON
#[derive(clap::Args)]
pub(in crate::cli) struct Show {
    /// The identity's identifier
    #[arg(value_name = "ID")]
    id: String,
}

/// Remove the login by the provider's JWTs, and revoke the access tokens that were obtained by it
#[derive(clap::Args)]
pub(in crate::cli) struct Detach {
    /// The identity's identifier
    #[arg(value_name = "ID")]
    id: String,
    #[command(flatten)]
    confirmation: Confirmation,
}

fn at(id: &str) -> String {
    format!("/api/v1/auth/oidc-auth/identities/{}", segment(id))
}

impl Provider {
    /// Returns the body of the request, with the given options.
    async fn body(self) -> Result<Map<String, Value>, Error> {
        let mut body = Map::new();
        body.extend(self.discovery_url.map(|url| ("oidcDiscoveryUrl".to_owned(), url.into())));
        if let Some(path) = &self.discovery_ca_file {
            body.insert("caCert".to_owned(), pem(path).await?.into());
        }
        self.bounds.put(&mut body)?;
        Ok(body)
    }
}

impl OidcAuth {
    pub(super) async fn run(self, client: &Client) -> Result<Report, Error> {
        match self {
            Self::Attach(Attach { id, provider }) => {
                Ok(Report::quiet(client.post_json(&at(&id), &provider.body().await?).await?))
            }
            Self::Update(command) => command.run(client).await,
            Self::Show(Show { id }) => Ok(pretty(client.get_json(&at(&id)).await?)),
            Self::Detach(Detach { id, confirmation }) => {
                detach(client, "oidc-auth detach", &id, &at(&id), &confirmation).await
            }
        }
    }
}

impl Update {
    async fn run(self, client: &Client) -> Result<Report, Error> {
        let mut body = self.provider.body().await?;
        if self.no_claims {
            body.insert("boundClaims".to_owned(), json!({}));
        }
        let mut changed: Value = client.patch_json(&at(&self.id), &body).await?;
        if self.end_tokens {
            // The tokens are revoked after the change, because before it the old JWTs could still be exchanged for new
            // ones.
            end_tokens(client, &self.id).await?;
            // The message says that the tokens stay valid, which is no longer true.
            changed.as_object_mut().and_then(|members| members.remove("message"));
        }
        Ok(Report::quiet(changed))
    }
}
