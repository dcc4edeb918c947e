//! AES as a cipher: GCM, CBC, CTR and ECB.

use cryptoki::mechanism::Mechanism;
use cryptoki::mechanism::aead::GcmParams;
use cryptoki::object::ObjectHandle;
use cryptoki::session::Session;
use cryptoki::types::Ulong;
use zeroize::Zeroizing;

use crate::bounds::Bounded;
use crate::device::Device;
use crate::error::{Error, InvalidInput};
use crate::key::Key;
use crate::parts::BLOCK;
use crate::raw::{Direction, Functions};
use crate::secret::Secret;
use crate::secret_key::{SecretKeyKind, SecretKeySpec, Uses};

/// The longest IV for GCM, in bytes. PKCS#11 2.40 allows 256, OpenSSL 3 only 128. Tokens that are built on OpenSSL
/// answer CKR_DEVICE_ERROR to a longer IV, as Kryoptic does, or use 12 bytes of it without an error, so that two IVs
/// become the same nonce.
const LONGEST_GCM_IV: usize = 128;

/// Length in bytes of the longest IV that a token makes and appends to the tag.
const LONGEST_OWN_IV: usize = 16;

/// The rule of a token for the IV of a GCM encryption.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum IvRule {
    /// The token takes any IV. It uses it, or makes one of its own.
    #[default]
    Any,
    /// The token takes only zeros, and makes an IV in place of them.
    Zeros,
}

/// A mode of AES with its parameters.
#[derive(Debug, Clone, Copy)]
pub enum Cipher<'a> {
    /// CKM_AES_GCM. The tag follows the ciphertext.
    AesGcm {
        /// 1 to 128 bytes; 12 are usual. An IV must not be used twice with one key.
        iv: &'a [u8],
        /// The additional data, which is authenticated and not encrypted.
        aad: &'a [u8],
        /// The length of the tag in bits: 96, 104, 112, 120 or 128.
        tag_bits: usize,
    },
    /// CKM_AES_CBC_PAD, with PKCS#7 padding.
    AesCbcPad {
        /// The IV, which must be unpredictable for each encryption.
        iv: &'a [u8; 16],
    },
    /// CKM_AES_CBC of whole blocks.
    AesCbc {
        /// The IV, which must be unpredictable for each encryption.
        iv: &'a [u8; 16],
    },
    /// CKM_AES_CTR, with all 128 bits as the counter. SoftHSM refuses data during which the counter would overflow
    /// ([`Error::DataInvalid`]).
    AesCtr {
        /// The first counter block. The key must not be used twice with this block or the blocks that follow from it.
        counter: &'a [u8; 16],
    },
    /// CKM_AES_ECB of whole blocks. It reveals which blocks are equal, so it is only for protocols that require it.
    AesEcb,
}

impl Cipher<'_> {
    fn validate(&self) -> Result<(), Error> {
        match self {
            Self::AesGcm { iv, .. } if iv.is_empty() || iv.len() > LONGEST_GCM_IV => {
                Err(Error::InvalidInput(InvalidInput::Iv))
            }
            Self::AesGcm { tag_bits, .. } if !matches!(tag_bits, 96 | 104 | 112 | 120 | 128) => {
                Err(Error::InvalidInput(InvalidInput::Tag))
            }
            _ => Ok(()),
        }
    }

    fn validate_plaintext(&self, data: &[u8]) -> Result<(), Error> {
        match self {
            Self::AesCbc { .. } | Self::AesEcb if !data.len().is_multiple_of(BLOCK) => {
                Err(Error::InvalidInput(InvalidInput::BlockLength))
            }
            _ => Ok(()),
        }
    }

    /// Refuses ciphertexts whose length is wrong, without calling the device.
    fn validate_ciphertext(&self, data: &[u8]) -> Result<(), Error> {
        match self {
            Self::AesGcm { tag_bits, .. } if data.len() < tag_bits / 8 => Err(Error::DecryptionFailed),
            Self::AesCbcPad { .. } if data.is_empty() || !data.len().is_multiple_of(BLOCK) => {
                Err(Error::DecryptionFailed)
            }
            other => other.validate_plaintext(data),
        }
    }

    /// Returns the bound that applies to this cipher.
    pub fn bounded(&self) -> Bounded {
        match self {
            Self::AesGcm { .. } => Bounded::Gcm,
            Self::AesCbcPad { .. } | Self::AesCbc { .. } | Self::AesCtr { .. } | Self::AesEcb => Bounded::Blocks,
        }
    }

    /// Whether `length` bytes of data fit into one call if the token takes `most` bytes.
    pub fn fits(&self, direction: Direction, length: usize, most: usize) -> bool {
        self.measured(direction, length) <= most
    }

    /// Returns the length that counts against the bound: of the text for GCM, and of the padded text with padding.
    fn measured(&self, direction: Direction, length: usize) -> usize {
        match (self, direction) {
            (Self::AesGcm { tag_bits, .. }, Direction::Decrypt) => length.saturating_sub(tag_bits / 8),
            (Self::AesCbcPad { .. }, Direction::Encrypt) => length - length % BLOCK + BLOCK,
            _ => length,
        }
    }

    /// Runs the cipher in `session`. For GCM, the IV is read back.
    fn run(
        &self,
        functions: &Functions,
        session: &Session,
        direction: Direction,
        key: ObjectHandle,
        data: &[u8],
    ) -> Result<Output, cryptoki::error::Error> {
        // A cipher adds at most a block, and a token may add its IV.
        let room = data.len() + BLOCK + LONGEST_OWN_IV;
        let run = |mechanism: &Mechanism<'_>| functions.cipher(session, direction, mechanism, key, data, room);
        let bytes = match self {
            Self::AesGcm { iv: given, aad, tag_bits } => {
                let mut iv = given.to_vec();
                let tag_bits = Ulong::try_from(*tag_bits)?;
                let bytes = run(&Mechanism::AesGcm(GcmParams::new(&mut iv, aad, tag_bits)?))?;
                let own_iv = (iv != *given).then_some(iv);
                return Ok(Output { bytes, own_iv });
            }
            Self::AesCbcPad { iv } => run(&Mechanism::AesCbcPad(**iv)),
            Self::AesCbc { iv } => run(&Mechanism::AesCbc(**iv)),
            Self::AesEcb => run(&Mechanism::AesEcb),
            Self::AesCtr { counter } => functions.counter_mode(session, direction, key, counter, data),
        }?;
        Ok(Output { bytes, own_iv: None })
    }
}

/// The result of a call of the token.
struct Output {
    bytes: Zeroizing<Vec<u8>>,
    /// The IV for GCM that the token wrote over the given one.
    own_iv: Option<Vec<u8>>,
}

/// A ciphertext.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encrypted {
    /// The ciphertext. For GCM, it ends with the tag.
    pub data: Vec<u8>,
    /// The IV for GCM that the token used instead of the given one. It is needed for decryption.
    pub own_iv: Option<Vec<u8>>,
}

impl Device {
    /// Encrypts `data` in one piece, by two calls: C_EncryptInit and C_Encrypt. [`Error::OwnIv`] if the token used
    /// another IV for GCM than that of `cipher`. [`Error::TooLong`], without a call, if the data is longer than the
    /// token takes in one call.
    pub fn encrypt(&self, key: &Key, cipher: &Cipher<'_>, data: &[u8]) -> Result<Vec<u8>, Error> {
        self.within_bounds(cipher, Direction::Encrypt, data)?;
        let Encrypted { data, own_iv } = self.seal_by(key, cipher, data)?;
        if own_iv.is_some() { Err(Error::OwnIv) } else { Ok(data) }
    }

    /// Like [`Self::encrypt`], if the caller did not choose the IV for GCM. The token may make an IV of its own: it
    /// writes it into the parameter (AWS CloudHSM), or behind the tag (Luna and ProtectServer in FIPS mode).
    /// [`Error::OwnIv`] if the given IV was zeros and the token made none, because zeros are not a valid IV.
    pub fn encrypt_afresh(&self, key: &Key, cipher: &Cipher<'_>, data: &[u8]) -> Result<Encrypted, Error> {
        self.within_bounds(cipher, Direction::Encrypt, data)?;
        let encrypted = self.seal_by(key, cipher, data)?;
        match cipher {
            Cipher::AesGcm { iv, .. } if encrypted.own_iv.is_none() && iv.iter().all(|byte| *byte == 0) => {
                Err(Error::OwnIv)
            }
            _ => Ok(encrypted),
        }
    }

    /// Encrypts without checking the bound.
    pub(crate) fn seal_by(&self, key: &Key, cipher: &Cipher<'_>, data: &[u8]) -> Result<Encrypted, Error> {
        cipher.validate()?;
        cipher.validate_plaintext(data)?;
        let key = key.handle(self.generation)?;
        let encrypt = |session: &Session| cipher.run(&self.module.functions, session, Direction::Encrypt, key, data);
        let Output { mut bytes, mut own_iv } = self.work(encrypt)?;
        if let Cipher::AesGcm { tag_bits, .. } = cipher {
            let length = data.len() + tag_bits / 8;
            match bytes.len().checked_sub(length) {
                Some(0) => {}
                Some(12..=LONGEST_OWN_IV) if own_iv.is_none() => own_iv = Some(bytes.split_off(length)),
                _ => return Err(Error::Binding(cryptoki::error::Error::InvalidValue)),
            }
        }
        Ok(Encrypted { data: std::mem::take(&mut *bytes), own_iv })
    }

    /// Finds the token's rule for GCM IVs: see [`crate::Token::iv_rule`]. Returns the ciphertext of `text` and the IV
    /// that the token was given.
    pub(crate) fn find_iv_rule(&self, key: &Key, aad: &[u8], text: &[u8]) -> Result<(Encrypted, [u8; 12]), Error> {
        let seal = |iv: [u8; 12], rule| {
            let sealed = self.encrypt_afresh(key, &Cipher::AesGcm { iv: &iv, aad, tag_bits: 128 }, text)?;
            self.module.set_iv_rule(rule);
            Ok((sealed, iv))
        };
        // Some tokens take only zeros, and make an IV in place of them.
        seal([5; 12], IvRule::Any).or_else(|refused| seal([0; 12], IvRule::Zeros).map_err(|_: Error| refused))
    }

    /// Finds the IV rule again, because the token may be another one or in another mode.
    pub fn learn_iv_rule(&self) -> Result<(), Error> {
        let kind = SecretKeyKind::Aes { bytes: 32 };
        let key = self.generate(&SecretKeySpec { kind, sensitive: true, extractable: false, uses: Uses::CIPHER })?;
        self.find_iv_rule(&key, b"", b"").map(drop)
    }

    /// Returns an IV for GCM for a key of the server's own that encrypts only once.
    pub(crate) fn only_iv(&self) -> &'static [u8] {
        match self.module.iv_rule() {
            IvRule::Any => &[1; 12],
            IvRule::Zeros => &[0; 12],
        }
    }

    /// Decrypts a ciphertext that cannot be damaged, without checking the bound.
    pub(crate) fn decipher(&self, key: &Key, cipher: &Cipher<'_>, data: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
        let key = key.handle(self.generation)?;
        let decrypt = |session: &Session| cipher.run(&self.module.functions, session, Direction::Decrypt, key, data);
        Ok(self.work(decrypt)?.bytes)
    }

    /// Decrypts `data` in one piece. [`Error::DecryptionFailed`] is the only error for damaged data, whatever is wrong
    /// with it. If the token gives an answer that may also mean a failing device, as SoftHSM does, the device must
    /// first decrypt something else. [`Error::TooLong`], without a call, if the data is longer than the token takes in
    /// one call.
    pub fn decrypt(&self, key: &Key, cipher: &Cipher<'_>, data: &[u8]) -> Result<Secret, Error> {
        cipher.validate()?;
        cipher.validate_ciphertext(data)?;
        self.within_bounds(cipher, Direction::Decrypt, data)?;
        let key = key.handle(self.generation)?;
        let decrypt = |session: &Session| cipher.run(&self.module.functions, session, Direction::Decrypt, key, data);
        match self.read(|| self.try_work(decrypt), || self.decrypts(), |_| Error::DecryptionFailed) {
            Ok(plaintext) => Ok(Secret::new(plaintext.bytes)),
            // The length is wrong, because it is within the bound.
            Err(Error::DataInvalid(_)) => Err(Error::DecryptionFailed),
            Err(error) => Err(error),
        }
    }

    /// Refuses data that is above the bound.
    fn within_bounds(&self, cipher: &Cipher<'_>, direction: Direction, data: &[u8]) -> Result<(), Error> {
        self.module.bounds.refuse(cipher.bounded(), cipher.measured(direction, data.len()))
    }
}
