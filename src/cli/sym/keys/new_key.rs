//! Options of a new key.

use time::OffsetDateTime;

use crate::cli::words;
use crate::kmip::attributes::Name;
use crate::kmip::enumerations::{CryptographicAlgorithm, State};
use crate::kmip::ttlv::DateTime;
use crate::kmip::{Attributes, UsageMask};

/// The common options of creating and importing.
#[derive(clap::Args)]
pub(super) struct NewKey {
    /// Unique identifier of the new key [default: chosen by the server]
    #[arg(long, value_name = "ID", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub(super) id: Option<String>,
    /// Name of the key; for several, repeat the option
    #[arg(long = "name", value_name = "NAME")]
    names: Vec<String>,
    /// Tag of the key; several keys may have the same tag; for several tags, repeat the option
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,
    /// Project that the key belongs to
    #[arg(long, value_name = "PROJECT")]
    project: Option<String>,
    /// The key leaves the HSM only wrapped under another key
    #[arg(long)]
    sensitive: bool,
    /// The key never leaves the HSM
    #[arg(long)]
    not_extractable: bool,
    /// Permitted uses of the key; several are separated by commas, as in encrypt,decrypt or wrap-key,unwrap-key
    /// [default: encrypt,decrypt,mac-generate,mac-verify for AES; mac-generate,mac-verify for HMAC]
    #[arg(long, value_name = "USAGE", value_delimiter = ',', value_parser = words::usage)]
    usage: Vec<UsageMask>,
    /// The key cannot be used until it is activated [default: it is active at once]
    #[arg(long)]
    pre_active: bool,
}

impl NewKey {
    /// Returns the attributes to request.
    pub(super) fn attributes(&self, algorithm: CryptographicAlgorithm) -> Attributes {
        let mut attributes = Attributes {
            names: self.names.iter().map(Name::text).collect(),
            cryptographic_algorithm: Some(algorithm),
            cryptographic_usage_mask: Some(self.mask(algorithm)),
            sensitive: self.sensitive.then_some(true),
            extractable: self.not_extractable.then_some(false),
            // Without a date, a single operation makes the key active, so a Pre-Active key needs this state.
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

    /// Removes the attributes that are only defaults, because they would change an existing key.
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
            // An AES key may be used as an API token, which is verified by a MAC.
            return if algorithm == CryptographicAlgorithm::AES {
                UsageMask::ENCRYPT | UsageMask::DECRYPT | mac
            } else {
                mac
            };
        }
        self.usage.iter().fold(UsageMask::default(), |mask, usage| mask | *usage)
    }
}
