//! What a caller wishes of a key that is to be.

use time::OffsetDateTime;

use crate::cli::words;
use crate::kmip::attributes::Name;
use crate::kmip::enumerations::{CryptographicAlgorithm, State};
use crate::kmip::ttlv::DateTime;
use crate::kmip::{Attributes, UsageMask};

/// Options that creating and importing share.
#[derive(clap::Args)]
pub(super) struct NewKey {
    /// Unique identifier that the key is to have [default: the server chooses]
    #[arg(long, value_name = "ID", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub(super) id: Option<String>,
    /// Name to find the key by; repeat the option for several
    #[arg(long = "name", value_name = "NAME")]
    names: Vec<String>,
    /// Tag to find the key by, along with others; repeat the option for several
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,
    /// Project that is to hold the key
    #[arg(long, value_name = "PROJECT")]
    project: Option<String>,
    /// The key leaves the HSM only wrapped under another key
    #[arg(long)]
    sensitive: bool,
    /// The key never leaves the HSM
    #[arg(long)]
    not_extractable: bool,
    /// What the key may be used for; several are separated by commas, as in encrypt,decrypt or wrap-key,unwrap-key
    /// [default: encrypt,decrypt,mac-generate,mac-verify for AES; mac-generate,mac-verify for HMAC]
    #[arg(long, value_name = "USAGE", value_delimiter = ',', value_parser = words::usage)]
    usage: Vec<UsageMask>,
    /// The key cannot be used until it is activated [default: it is active at once]
    #[arg(long)]
    pre_active: bool,
}

impl NewKey {
    /// The attributes to ask for.
    pub(super) fn attributes(&self, algorithm: CryptographicAlgorithm) -> Attributes {
        let mut attributes = Attributes {
            names: self.names.iter().map(Name::text).collect(),
            cryptographic_algorithm: Some(algorithm),
            cryptographic_usage_mask: Some(self.mask(algorithm)),
            sensitive: self.sensitive.then_some(true),
            extractable: self.not_extractable.then_some(false),
            // A bare operation without a date would make it active.
            state: self.pre_active.then_some(State::PreActive),
            activation_date: (!self.pre_active).then(|| DateTime(OffsetDateTime::now_utc().unix_timestamp())),
            ..Attributes::default()
        };
        attributes.set_tags(&self.tags);
        if let Some(project) = &self.project {
            attributes.set_project(project);
        }
        attributes
    }

    /// Takes back what is asked for by default: of a key that is there it would be a change.
    pub(super) fn leave_what_is_not_given(&self, attributes: &mut Attributes) {
        attributes.activation_date = None;
        attributes.state = None;
        if self.usage.is_empty() {
            attributes.cryptographic_usage_mask = None;
        }
    }

    fn mask(&self, algorithm: CryptographicAlgorithm) -> UsageMask {
        if self.usage.is_empty() {
            let mac = UsageMask::MAC_GENERATE | UsageMask::MAC_VERIFY;
            // An AES key may become an API token, which is checked by its MAC.
            return if algorithm == CryptographicAlgorithm::AES {
                UsageMask::ENCRYPT | UsageMask::DECRYPT | mac
            } else {
                mac
            };
        }
        self.usage.iter().fold(UsageMask::default(), |mask, usage| mask | *usage)
    }
}
