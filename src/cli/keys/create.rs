//! `claviger keys create`

use serde_json::json;

use crate::cli::error::Error;
use crate::cli::kinds::{Choice, Kind, Parameters};
use crate::cli::labels::{Labels, now};
use crate::cli::report::{Report, made};
use crate::cli::words;
use crate::client::Client;
use crate::kmip::attributes::UsageLimits;
use crate::kmip::enumerations::{
    CryptographicAlgorithm, HashingAlgorithm, ObjectType, RecommendedCurve, State, UsageLimitsUnit,
};
use crate::kmip::payloads::{create, create_key_pair};
use crate::kmip::ttlv::DateTime;
use crate::kmip::{Attributes, UsageMask};

/// Create a key in the HSM and print its unique identifier; of a pair, the private key's first
#[derive(clap::Args)]
pub(in crate::cli) struct Create {
    /// Kind: aes, rsa, ec, ed25519, x25519 (these four are pairs), hmac, chacha20 (for ChaCha20-Poly1305) or 3des
    #[arg(long = "type", value_name = "TYPE", value_enum, default_value = "aes", hide_possible_values = true)]
    kind: Kind,
    /// Another algorithm of KMIP for a symmetric key, such as chacha20, camellia or hmac-sha3-256
    #[arg(long, value_name = "ALGORITHM", value_parser = words::any_algorithm, conflicts_with = "kind")]
    algorithm: Option<CryptographicAlgorithm>,
    /// Length in bits [default: 256, 3072 for rsa, 168 for 3des, that of the hash for hmac]
    #[arg(long, value_name = "BITS", value_parser = clap::value_parser!(i32).range(1..))]
    size: Option<i32>,
    /// Curve of an ec pair [default: p256]
    #[arg(long, value_name = "CURVE", value_parser = words::curve())]
    curve: Option<RecommendedCurve>,
    /// Hash of an hmac key [default: sha256]
    #[arg(long, value_name = "HASH", value_parser = words::hash(), hide_possible_values = true)]
    hash: Option<HashingAlgorithm>,
    #[command(flatten)]
    labels: Labels,
    #[command(flatten)]
    terms: Terms,
    #[command(flatten)]
    life: Life,
}

/// When a new key may be used, and how often.
#[derive(clap::Args)]
pub(in crate::cli) struct Life {
    /// Activate the key at this time, such as 2027-01-31T00:00:00Z
    #[arg(long, value_name = "TIME", value_parser = words::time, conflicts_with = "pre_active")]
    activate_at: Option<DateTime>,
    /// Deactivate the key at this time
    #[arg(long, value_name = "TIME", value_parser = words::time)]
    deactivate_at: Option<DateTime>,
    /// Most uses that protect data, or, with --limit-bytes, most bytes that it may protect
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(1..))]
    limit: Option<i64>,
    /// --limit counts bytes
    #[arg(long, requires = "limit")]
    limit_bytes: bool,
}

impl Life {
    /// Adds the dates.
    fn put_dates(&self, attributes: &mut Attributes) {
        attributes.activation_date = self.activate_at.or(attributes.activation_date);
        attributes.deactivation_date = self.deactivate_at;
    }

    fn limits(&self) -> Option<UsageLimits> {
        let unit = if self.limit_bytes { UsageLimitsUnit::Byte } else { UsageLimitsUnit::Object };
        self.limit.map(|total| UsageLimits { total, count: None, unit })
    }
}

/// What may be done with a new key.
#[derive(clap::Args)]
pub(in crate::cli) struct Terms {
    /// Permitted uses, separated by commas [default: encrypt,decrypt; sign,verify for pairs; mac-generate,mac-verify
    /// for hmac]
    #[arg(long, value_name = "USAGE", value_delimiter = ',', value_parser = words::usage)]
    usage: Vec<UsageMask>,
    /// The key may leave the HSM in clear [default: it never leaves]
    #[arg(long)]
    exportable: bool,
    /// The key may leave the HSM, but only wrapped under another key
    #[arg(long, conflicts_with = "exportable")]
    sensitive: bool,
    /// The key cannot be used until it is activated [default: it is active at once]
    #[arg(long)]
    pre_active: bool,
}

impl Terms {
    /// Adds whether the key may leave.
    pub(in crate::cli) fn put_leaving(&self, attributes: &mut Attributes) {
        attributes.extractable = Some(self.exportable || self.sensitive);
        attributes.sensitive = Some(!self.exportable);
    }

    /// Adds the beginning of the lifecycle.
    pub(in crate::cli) fn put_state(&self, attributes: &mut Attributes) {
        // Without a date, a single operation makes the key active, so a Pre-Active key needs this state.
        attributes.state = self.pre_active.then_some(State::PreActive);
        attributes.activation_date = (!self.pre_active).then(now);
    }

    /// The uses of a key, or of the halves of a pair.
    pub(in crate::cli) fn masks(&self, kind: Kind) -> Result<[UsageMask; 2], Error> {
        kind.masks(&self.usage)
    }
}

impl Create {
    pub(super) async fn run(self, client: &Client) -> Result<Report, Error> {
        let choice = Choice { size: self.size, curve: self.curve, hash: self.hash, algorithm: self.algorithm };
        let parameters = self.kind.parameters(choice)?;
        let is_hmac = self.algorithm.and_then(Kind::of) == Some(Kind::Hmac);
        let masks = self.terms.masks(if is_hmac { Kind::Hmac } else { self.kind })?;
        let mut attributes = self.labels.attributes();
        self.terms.put_state(&mut attributes);
        self.life.put_dates(&mut attributes);
        let Parameters { algorithm, bits, domain } = parameters;
        attributes.cryptographic_algorithm = Some(algorithm);
        attributes.cryptographic_length = Some(bits);
        attributes.cryptographic_domain_parameters = domain;
        if self.kind.is_pair() {
            return self.pair(client, attributes, masks).await;
        }
        self.terms.put_leaving(&mut attributes);
        attributes.usage_limits = self.life.limits();
        let [mask, _] = masks;
        attributes.cryptographic_usage_mask = Some(mask);
        attributes.unique_identifier = self.labels.id.map(Into::into);
        let object_type = ObjectType::SymmetricKey;
        let attributes = Box::new(attributes);
        let request = create::Request { object_type, attributes, protection_storage_masks: None };
        Ok(made(&client.execute(request).await?.unique_identifier))
    }

    async fn pair(
        self,
        client: &Client,
        common: Attributes,
        [private_mask, public_mask]: [UsageMask; 2],
    ) -> Result<Report, Error> {
        let half = |mask| Attributes { cryptographic_usage_mask: Some(mask), ..Attributes::default() };
        let (mut private, public) = (half(private_mask), half(public_mask));
        private.usage_limits = self.life.limits();
        self.terms.put_leaving(&mut private);
        private.unique_identifier = self.labels.id.map(Into::into);
        let answer = client
            .execute(create_key_pair::Request {
                common_attributes: Some(Box::new(common)),
                private_key_attributes: Some(Box::new(private)),
                public_key_attributes: Some(Box::new(public)),
                ..create_key_pair::Request::default()
            })
            .await?;
        Ok(made_pair(answer.private_key_unique_identifier, answer.public_key_unique_identifier))
    }
}

/// Returns the report of a new pair: the identifiers of its halves, each on a line.
pub(super) fn made_pair(private: String, public: String) -> Report {
    let json = json!({ "private_key_unique_identifier": private, "public_key_unique_identifier": public });
    Report::new([private, public], json)
}
