//! Settings of the access tokens that a login method issues.

use serde_json::{Map, Value, json};

/// The lifetime, the number of uses and the networks of access tokens.
#[derive(clap::Args)]
pub(super) struct Tokens {
    /// Seconds that an access token is valid; 0 = longest [default of `attach`: 2592000]
    #[arg(long, value_name = "SECONDS")]
    ttl: Option<u32>,
    /// The same with all renewals; 0 = longest [default of `attach`: 2592000]
    #[arg(long, value_name = "SECONDS")]
    max_ttl: Option<u32>,
    /// Uses of an access token; 0 = any number [default of `attach`: 0]
    #[arg(long, value_name = "N")]
    uses: Option<u32>,
    /// Network that may use it, as 10.0.0.0/8; can be repeated [default of `attach`: all]
    #[arg(long, value_name = "NETWORK")]
    trusted_ip: Vec<String>,
}

impl Tokens {
    pub(super) fn put(&self, body: &mut Map<String, Value>) {
        for (name, number) in
            [("accessTokenTTL", self.ttl), ("accessTokenMaxTTL", self.max_ttl), ("accessTokenNumUsesLimit", self.uses)]
        {
            if let Some(number) = number {
                body.insert(name.to_owned(), number.into());
            }
        }
        put_networks(body, "accessTokenTrustedIps", &self.trusted_ip);
    }
}

/// Adds networks to a request, if any are given.
pub(super) fn put_networks(body: &mut Map<String, Value>, name: &str, networks: &[String]) {
    if !networks.is_empty() {
        let addresses: Vec<Value> = networks.iter().map(|ip| json!({ "ipAddress": ip })).collect();
        body.insert(name.to_owned(), addresses.into());
    }
}
