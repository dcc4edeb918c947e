//! KMIP's names in options, in the spelling of a command line.

use clap::builder::{PossibleValuesParser, TypedValueParser};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::hexadecimal;
use crate::kmip::enumerations::{
    BlockCipherMode, CryptographicAlgorithm, DerivationMethod, HashingAlgorithm, ObjectType, PaddingMethod,
    RecommendedCurve, RevocationReasonCode, State,
};
use crate::kmip::ttlv::DateTime;
use crate::kmip::{Tag, UsageMask};

const ALGORITHMS: [&str; 6] = ["aes", "hmac-sha1", "hmac-sha224", "hmac-sha256", "hmac-sha384", "hmac-sha512"];

const OBJECT_TYPES: [&str; 4] = ["symmetric-key", "private-key", "public-key", "secret-data"];

const KEY_TYPES: [&str; 3] = ["symmetric-key", "private-key", "public-key"];

const CURVES: [&str; 4] = ["p256", "p384", "p521", "secp256k1"];

const HASHES: [&str; 11] = [
    "sha1",
    "sha224",
    "sha256",
    "sha384",
    "sha512",
    "sha512-224",
    "sha512-256",
    "sha3-224",
    "sha3-256",
    "sha3-384",
    "sha3-512",
];

const MODES: [&str; 8] = ["gcm", "ccm", "aead", "cbc", "ctr", "cfb", "ofb", "ecb"];

const PADDINGS: [&str; 5] = ["pkcs5", "none", "oaep", "pkcs1v15", "pss"];

/// The methods for which HSMs have mechanisms that keep the result inside.
const DERIVATIONS: [&str; 6] = ["hkdf", "nist800-108-c", "nist800-108-f", "encrypt", "hash", "asymmetric-key"];

const STATES: [&str; 6] = ["pre-active", "active", "deactivated", "compromised", "destroyed", "destroyed-compromised"];

const REASONS: [&str; 6] = [
    "unspecified",
    "key-compromise",
    "affiliation-changed",
    "superseded",
    "cessation-of-operation",
    "privilege-withdrawn",
];

/// A word of a list is not a name of KMIP, which is a defect of the program.
#[derive(Debug, thiserror::Error)]
#[error("it is not a name of KMIP")]
pub(super) struct Unknown;

pub(super) fn algorithm() -> impl TypedValueParser<Value = CryptographicAlgorithm> {
    PossibleValuesParser::new(ALGORITHMS).try_map(|word| CryptographicAlgorithm::from_name(&word).ok_or(Unknown))
}

pub(super) fn object_type() -> impl TypedValueParser<Value = ObjectType> {
    PossibleValuesParser::new(OBJECT_TYPES).try_map(|word| ObjectType::from_name(&word).ok_or(Unknown))
}

/// The types of keys.
pub(super) fn key_type() -> impl TypedValueParser<Value = ObjectType> {
    PossibleValuesParser::new(KEY_TYPES).try_map(|word| ObjectType::from_name(&word).ok_or(Unknown))
}

pub(super) fn curve() -> impl TypedValueParser<Value = RecommendedCurve> {
    PossibleValuesParser::new(CURVES).try_map(|word| RecommendedCurve::from_name(&word).ok_or(Unknown))
}

pub(super) fn hash() -> impl TypedValueParser<Value = HashingAlgorithm> {
    PossibleValuesParser::new(HASHES).try_map(|word| HashingAlgorithm::from_name(&word).ok_or(Unknown))
}

pub(super) fn derivation() -> impl TypedValueParser<Value = DerivationMethod> {
    PossibleValuesParser::new(DERIVATIONS).try_map(|word| DerivationMethod::from_name(&word).ok_or(Unknown))
}

pub(super) fn mode() -> impl TypedValueParser<Value = BlockCipherMode> {
    PossibleValuesParser::new(MODES).try_map(|word| BlockCipherMode::from_name(&word).ok_or(Unknown))
}

pub(super) fn padding() -> impl TypedValueParser<Value = PaddingMethod> {
    PossibleValuesParser::new(PADDINGS).try_map(|word| PaddingMethod::from_name(&word).ok_or(Unknown))
}

/// Returns the algorithm with this name, in any spelling.
pub(super) fn any_algorithm(word: &str) -> Result<CryptographicAlgorithm, String> {
    CryptographicAlgorithm::from_name(word)
        .ok_or_else(|| "it is not an algorithm of KMIP, such as aes, rsa, ec or hmac-sha256".to_owned())
}

pub(super) fn state() -> impl TypedValueParser<Value = State> {
    PossibleValuesParser::new(STATES).try_map(|word| State::from_name(&word).ok_or(Unknown))
}

pub(super) fn revocation_reason() -> impl TypedValueParser<Value = RevocationReasonCode> {
    PossibleValuesParser::new(REASONS).try_map(|word| RevocationReasonCode::from_name(&word).ok_or(Unknown))
}

/// Returns the bit of a usage mask with this name.
pub(super) fn usage(word: &str) -> Result<UsageMask, String> {
    let bit = UsageMask::BITS.bit(word).and_then(UsageMask::from_bits);
    bit.ok_or_else(|| {
        "the words are encrypt, decrypt, wrap-key, unwrap-key, mac-generate, mac-verify, sign, verify, derive-key \
         and others of KMIP's Cryptographic Usage Mask"
            .to_owned()
    })
}

/// Returns the attribute with this name, in any spelling; `None` for `tags`, which is not an attribute of KMIP.
pub(super) fn attribute(word: &str) -> Result<Option<Tag>, String> {
    if word.eq_ignore_ascii_case("tags") {
        return Ok(None);
    }
    Tag::from_name(word).map(Some).ok_or_else(|| {
        "it is not an attribute of KMIP, such as State, CryptographicAlgorithm, CryptographicUsageMask or Name; \
         or Tags"
            .to_owned()
    })
}

/// Returns the seconds of a time such as `90`, `90s`, `15m`, `12h` or `30d`.
pub(super) fn duration(text: &str) -> Result<u32, String> {
    let (number, unit) = match text.char_indices().next_back() {
        Some((at, unit)) if unit.is_ascii_alphabetic() => (text.get(..at).unwrap_or_default(), Some(unit)),
        _ => (text, None),
    };
    let seconds = match unit {
        None | Some('s') => Some(1),
        Some('m') => Some(60),
        Some('h') => Some(60 * 60),
        Some('d') => Some(24 * 60 * 60),
        Some(_) => None,
    };
    let total = seconds.and_then(|seconds: u32| number.parse::<u32>().ok()?.checked_mul(seconds));
    total.ok_or_else(|| "it is not a time, such as 90, 15m, 12h or 30d, of at most 49710 days".to_owned())
}

/// Returns a time in RFC 3339.
pub(super) fn time(text: &str) -> Result<DateTime, String> {
    let time = OffsetDateTime::parse(text, &Rfc3339);
    time.map(|time| DateTime(time.unix_timestamp()))
        .map_err(|_| "it is not an RFC 3339 time, such as 2027-01-31T00:00:00Z".to_owned())
}

/// Decodes hexadecimal digits.
pub(super) fn hexadecimal(text: &str) -> Result<Vec<u8>, String> {
    hexadecimal::decode(text.as_bytes()).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_known() {
        assert!(ALGORITHMS.iter().all(|word| CryptographicAlgorithm::from_name(word).is_some()));
        assert!(OBJECT_TYPES.iter().all(|word| ObjectType::from_name(word).is_some()));
        assert!(STATES.iter().all(|word| State::from_name(word).is_some()));
        assert!(REASONS.iter().all(|word| RevocationReasonCode::from_name(word).is_some()));
        assert!(KEY_TYPES.iter().all(|word| ObjectType::from_name(word).is_some()));
        assert!(CURVES.iter().all(|word| RecommendedCurve::from_name(word).is_some()));
        assert!(HASHES.iter().all(|word| HashingAlgorithm::from_name(word).is_some()));
        assert!(DERIVATIONS.iter().all(|word| DerivationMethod::from_name(word).is_some()));
        assert!(MODES.iter().all(|word| BlockCipherMode::from_name(word).is_some()));
        assert!(PADDINGS.iter().all(|word| PaddingMethod::from_name(word).is_some()));
        assert_eq!(any_algorithm("hmac-sha256"), Ok(CryptographicAlgorithm::HMAC_SHA256));
        assert!(any_algorithm("rot13").is_err());
        for (text, seconds) in [("90", 90), ("90s", 90), ("15m", 900), ("12h", 43_200), ("30d", 2_592_000), ("0", 0)] {
            assert_eq!(duration(text), Ok(seconds), "{text}");
        }
        for text in ["", "d", "1y", "-1", "1.5h", "49711d", "4294967296", "1 h"] {
            assert!(duration(text).is_err(), "{text}");
        }
        assert_eq!(time("1970-01-01T00:01:00Z"), Ok(DateTime(60)));
        assert!(time("1970-01-01").is_err() && time("now").is_err());
        assert_eq!(usage("mac-generate"), Ok(UsageMask::MAC_GENERATE));
        assert!(usage("everything").is_err());
        assert_eq!(attribute("activation-date"), Ok(Some(Tag::ActivationDate)));
        assert_eq!(attribute("Tags"), Ok(None));
        assert!(attribute("colour").is_err());
    }
}
