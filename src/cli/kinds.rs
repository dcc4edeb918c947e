//! The kinds of keys, as `--type` names them, with their algorithms, lengths and usual uses.

use super::error::Error;
use crate::kmip::UsageMask;
use crate::kmip::attributes::CryptographicDomainParameters;
use crate::kmip::enumerations::{CryptographicAlgorithm, HashingAlgorithm, RecommendedCurve};

/// The kind of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Kind {
    Aes,
    Rsa,
    Ec,
    Ed25519,
    X25519,
    Hmac,
    Chacha20,
    #[value(name = "3des")]
    Des3,
    SecretData,
}

/// The parameters of a key of a kind.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Parameters {
    pub(super) algorithm: CryptographicAlgorithm,
    pub(super) bits: i32,
    pub(super) domain: Option<CryptographicDomainParameters>,
}

/// The options that only some kinds have.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Choice {
    pub(super) size: Option<i32>,
    pub(super) curve: Option<RecommendedCurve>,
    pub(super) hash: Option<HashingAlgorithm>,
    /// The algorithm of a symmetric key, in the place of that of its kind.
    pub(super) algorithm: Option<CryptographicAlgorithm>,
}

/// The uses of the halves of a pair: what one half permits, the other one undoes.
const HALVES: [(UsageMask, UsageMask); 5] = [
    (UsageMask::SIGN, UsageMask::VERIFY),
    (UsageMask::DECRYPT, UsageMask::ENCRYPT),
    (UsageMask::UNWRAP_KEY, UsageMask::WRAP_KEY),
    (UsageMask::DERIVE_KEY, UsageMask::DERIVE_KEY),
    (UsageMask::KEY_AGREEMENT, UsageMask::KEY_AGREEMENT),
];

impl Kind {
    /// Returns the kind of keys with this algorithm. That of X25519 is also that of other curves.
    pub(super) fn of(algorithm: CryptographicAlgorithm) -> Option<Self> {
        use CryptographicAlgorithm as A;
        match algorithm {
            A::AES => Some(Self::Aes),
            A::RSA => Some(Self::Rsa),
            A::EC | A::ECDSA | A::ECDH => Some(Self::Ec),
            A::Ed25519 => Some(Self::Ed25519),
            A::ChaCha20 | A::ChaCha20Poly1305 => Some(Self::Chacha20),
            A::DES3 => Some(Self::Des3),
            A::HMAC_SHA1
            | A::HMAC_SHA224
            | A::HMAC_SHA256
            | A::HMAC_SHA384
            | A::HMAC_SHA512
            | A::HMAC_SHA3_224
            | A::HMAC_SHA3_256
            | A::HMAC_SHA3_384
            | A::HMAC_SHA3_512 => Some(Self::Hmac),
            _ => None,
        }
    }

    /// Whether a key of this kind is a private and a public key.
    pub(super) fn is_pair(self) -> bool {
        matches!(self, Self::Rsa | Self::Ec | Self::Ed25519 | Self::X25519)
    }

    /// Returns the parameters of a new key.
    ///
    /// # Errors
    /// An option is given that keys of this kind do not have.
    pub(super) fn parameters(self, choice: Choice) -> Result<Parameters, Error> {
        let refuse = |is_given: bool, what: &str| if is_given { Err(Error::Usage(what.to_owned())) } else { Ok(()) };
        refuse(choice.curve.is_some() && self != Self::Ec, "--curve is only for --type ec")?;
        refuse(choice.hash.is_some() && self != Self::Hmac, "--hash is only for --type hmac")?;
        let is_sized = matches!(self, Self::Aes | Self::Rsa | Self::Hmac | Self::Des3) || choice.algorithm.is_some();
        refuse(
            choice.size.is_some() && !is_sized,
            "--size is only for --type aes, rsa, hmac and 3des, and for --algorithm",
        )?;
        if let Some(algorithm) = choice.algorithm {
            return Ok(Parameters { algorithm, bits: choice.size.unwrap_or(256), domain: None });
        }
        let curve = match self {
            Self::Ec => Some(choice.curve.unwrap_or(RecommendedCurve::P_256)),
            Self::X25519 => Some(RecommendedCurve::CURVE25519),
            _ => None,
        };
        let hash = choice.hash.unwrap_or(HashingAlgorithm::SHA_256);
        let (algorithm, usual) = match self {
            Self::Aes => (CryptographicAlgorithm::AES, 256),
            Self::Rsa => (CryptographicAlgorithm::RSA, 3072),
            Self::Ec | Self::X25519 => (CryptographicAlgorithm::EC, curve.map_or(256, curve_bits)),
            Self::Ed25519 => (CryptographicAlgorithm::Ed25519, 256),
            Self::Hmac => hmac(hash)?,
            Self::Chacha20 => (CryptographicAlgorithm::ChaCha20Poly1305, 256),
            Self::Des3 => (CryptographicAlgorithm::DES3, 168),
            Self::SecretData => {
                return Err(Error::Usage(
                    "--type: secret data has no algorithm: import it by claviger keys import".to_owned(),
                ));
            }
        };
        let domain = curve.map(|_| CryptographicDomainParameters { qlength: None, recommended_curve: curve });
        Ok(Parameters { algorithm, bits: choice.size.unwrap_or(usual), domain })
    }

    /// Returns the uses of a key, or of the private and the public half of a pair. `wanted` is empty for the usual ones.
    ///
    /// # Errors
    /// A use is one that pairs do not have.
    pub(super) fn masks(self, wanted: &[UsageMask]) -> Result<[UsageMask; 2], Error> {
        let all = wanted.iter().fold(UsageMask::default(), |mask, usage| mask | *usage);
        match (self.is_pair(), wanted) {
            (true, []) if self == Self::X25519 => Ok([UsageMask::DERIVE_KEY; 2]),
            (true, []) => Ok([UsageMask::SIGN, UsageMask::VERIFY]),
            (true, _) => halves(all),
            (false, []) if self == Self::SecretData => Ok([UsageMask::default(); 2]),
            (false, []) if self == Self::Hmac => Ok([UsageMask::MAC_GENERATE | UsageMask::MAC_VERIFY; 2]),
            (false, []) => Ok([UsageMask::ENCRYPT | UsageMask::DECRYPT; 2]),
            (false, _) => Ok([all; 2]),
        }
    }
}

/// Returns the uses of both halves of a pair. Each use of one half permits its counterpart to the other.
fn halves(all: UsageMask) -> Result<[UsageMask; 2], Error> {
    let mut masks = [UsageMask::default(); 2];
    let mut rest = all;
    for (private, public) in HALVES {
        if all.contains(private) || all.contains(public) {
            masks = [masks[0] | private, masks[1] | public];
            rest = rest.without(private | public);
        }
    }
    match rest.names().next() {
        None => Ok(masks),
        Some(name) => Err(Error::Usage(format!("--usage: a pair does not have the use {name}"))),
    }
}

/// Returns the algorithm of an HMAC key, and the length of its hash in bits, which RFC 2104 section 3 recommends.
fn hmac(hash: HashingAlgorithm) -> Result<(CryptographicAlgorithm, i32), Error> {
    use {CryptographicAlgorithm as A, HashingAlgorithm as H};
    Ok(match hash {
        H::SHA_1 => (A::HMAC_SHA1, 160),
        H::SHA_224 => (A::HMAC_SHA224, 224),
        H::SHA_256 => (A::HMAC_SHA256, 256),
        H::SHA_384 => (A::HMAC_SHA384, 384),
        H::SHA_512 => (A::HMAC_SHA512, 512),
        H::SHA3_224 => (A::HMAC_SHA3_224, 224),
        H::SHA3_256 => (A::HMAC_SHA3_256, 256),
        H::SHA3_384 => (A::HMAC_SHA3_384, 384),
        H::SHA3_512 => (A::HMAC_SHA3_512, 512),
        other => return Err(Error::Usage(format!("--hash: KMIP has no HMAC key for {other}"))),
    })
}

fn curve_bits(curve: RecommendedCurve) -> i32 {
    match curve {
        RecommendedCurve::P_384 => 384,
        RecommendedCurve::P_521 => 521,
        _ => 256,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_of_other_kinds_are_refused() {
        let curve = Choice { curve: Some(RecommendedCurve::P_384), ..Choice::default() };
        let hash = Choice { hash: Some(HashingAlgorithm::SHA_512), ..Choice::default() };
        let size = Choice { size: Some(2048), ..Choice::default() };
        for (kind, choice, is_right) in [
            (Kind::Ec, curve, true),
            (Kind::Aes, curve, false),
            (Kind::Ed25519, curve, false),
            (Kind::X25519, curve, false),
            (Kind::X25519, Choice::default(), true),
            (Kind::Hmac, hash, true),
            (Kind::Rsa, hash, false),
            (Kind::Rsa, size, true),
            (Kind::Ec, size, false),
            (Kind::Chacha20, size, false),
            (Kind::Des3, size, true),
            (Kind::SecretData, Choice::default(), false),
            (Kind::Ed25519, size, false),
        ] {
            let parameters = kind.parameters(choice);
            assert_eq!(parameters.is_ok(), is_right, "{kind:?} {choice:?}");
            assert!(parameters.is_ok_and(|_| true) || kind.parameters(choice).unwrap_err().status() == 2);
        }
        assert_eq!(Kind::Ec.parameters(curve).unwrap().bits, 384);
        assert_eq!(Kind::Hmac.parameters(hash).unwrap().algorithm, CryptographicAlgorithm::HMAC_SHA512);
    }

    #[test]
    fn each_half_gets_its_uses() {
        let masks = |usage: &[UsageMask]| Kind::Rsa.masks(usage);
        assert_eq!(masks(&[]).unwrap(), [UsageMask::SIGN, UsageMask::VERIFY]);
        assert_eq!(masks(&[UsageMask::SIGN]).unwrap(), [UsageMask::SIGN, UsageMask::VERIFY]);
        assert_eq!(
            masks(&[UsageMask::ENCRYPT, UsageMask::VERIFY]).unwrap(),
            [UsageMask::SIGN | UsageMask::DECRYPT, UsageMask::VERIFY | UsageMask::ENCRYPT]
        );
        assert_eq!(masks(&[UsageMask::SIGN, UsageMask::MAC_GENERATE]).unwrap_err().status(), 2);
        assert_eq!(Kind::X25519.masks(&[]).unwrap(), [UsageMask::DERIVE_KEY; 2]);
        assert_eq!(Kind::Hmac.masks(&[]).unwrap()[0], UsageMask::MAC_GENERATE | UsageMask::MAC_VERIFY);
        assert_eq!(Kind::Aes.masks(&[]).unwrap()[0], UsageMask::ENCRYPT | UsageMask::DECRYPT);
        assert_eq!(Kind::Aes.masks(&[UsageMask::WRAP_KEY]).unwrap()[0], UsageMask::WRAP_KEY);
    }
}
