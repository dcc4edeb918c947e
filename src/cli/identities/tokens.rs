//! What is said of the access tokens that a way of authentication gives.

use serde_json::{Map, Value, json};

/// How long, how often and from where access tokens are good.
#[derive(clap::Args)]
pub(super) struct Tokens {
    /// Seconds for which an access token is valid; 0 = as long as possible [default of `attach`: 2592000]
    #[arg(long, value_name = "SECONDS")]
    ttl: Option<u32>,
    /// Seconds for which an access token is valid with all its renewals; 0 = as long as possible [default of `attach`: 2592000]
    #[arg(long, value_name = "SECONDS")]
    max_ttl: Option<u32>,
    /// How often an access token may be used; 0 = any number [default of `attach`: 0]
    #[arg(long, value_name = "N")]
    uses: Option<u32>,
    /// A network from which an access token may be used, such as 10.0.0.0/8; repeat the option for several [default of `attach`:
    /// all]
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

/// Networks, if any are named.
pub(super) fn put_networks(body: &mut Map<String, Value>, name: &str, networks: &[String]) {
    if !networks.is_empty() {
        let addresses: Vec<Value> = networks.iter().map(|ip| json!({ "ipAddress": ip })).collect();
        body.insert(name.to_owned(), addresses.into());
    }
}
