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

/// Longest IV for GCM, in bytes. PKCS#11 2.40 allows 256, OpenSSL 3 half of that: tokens that are built on it say CKR_DEVICE_ERROR
/// to a longer one, as Kryoptic does, or use 12 bytes of it without a word, so that two are one nonce.
const LONGEST_GCM_IV: usize = 128;

/// Bytes of the longest IV that a token makes and writes behind the tag.
const LONGEST_OWN_IV: usize = 16;

/// What a token takes as the IV for GCM when it encrypts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum IvRule {
    /// Any, and it uses it, or makes one of its own all the same.
    #[default]
    Any,
    /// Zeros, in place of which it makes one.
    Zeros,
}

/// A mode of AES with its parameters.
#[derive(Debug, Clone, Copy)]
pub enum Cipher<'a> {
    /// CKM_AES_GCM; the tag stands at the end of the ciphertext.
    AesGcm {
        /// 1 to 128 bytes, 12 if in doubt; never twice with one key.
        iv: &'a [u8],
        /// Authenticated, not encrypted.
        aad: &'a [u8],
        /// 96, 104, 112, 120 or 128.
        tag_bits: usize,
    },
    /// CKM_AES_CBC_PAD, with the padding of PKCS#7.
    AesCbcPad {
        /// Unpredictable for each encryption.
        iv: &'a [u8; 16],
    },
    /// CKM_AES_CBC of whole blocks.
    AesCbc {
        /// Unpredictable for each encryption.
        iv: &'a [u8; 16],
    },
    /// CKM_AES_CTR, all 128 bits counting. SoftHSM refuses data over which the counter would begin again
    /// ([`Error::DataInvalid`]).
    AesCtr {
        /// The first counter block; the key must never see any of the blocks that follow from it twice.
        counter: &'a [u8; 16],
    },
    /// CKM_AES_ECB of whole blocks. It shows which blocks are equal: for the protocol that asks for it, not for data.
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

    /// Ciphertexts that are wrong by their length alone are refused here, without asking the device.
    fn validate_ciphertext(&self, data: &[u8]) -> Result<(), Error> {
        match self {
            Self::AesGcm { tag_bits, .. } if data.len() < tag_bits / 8 => Err(Error::DecryptionFailed),
            Self::AesCbcPad { .. } if data.is_empty() || !data.len().is_multiple_of(BLOCK) => {
                Err(Error::DecryptionFailed)
            }
            other => other.validate_plaintext(data),
        }
    }

    /// Which bound it has.
    pub fn bounded(&self) -> Bounded {
        match self {
            Self::AesGcm { .. } => Bounded::Gcm,
            Self::AesCbcPad { .. } | Self::AesCbc { .. } | Self::AesCtr { .. } | Self::AesEcb => Bounded::Blocks,
        }
    }

    /// Whether so many bytes of data go into one call where the token takes `most`.
    pub fn fits(&self, direction: Direction, length: usize, most: usize) -> bool {
        self.measured(direction, length) <= most
    }

    /// What counts against the bound: of GCM the text, with padding the padded text.
    fn measured(&self, direction: Direction, length: usize) -> usize {
        match (self, direction) {
            (Self::AesGcm { tag_bits, .. }, Direction::Decrypt) => length.saturating_sub(tag_bits / 8),
            (Self::AesCbcPad { .. }, Direction::Encrypt) => length - length % BLOCK + BLOCK,
            _ => length,
        }
    }

    /// Runs the cipher in `session`. Of GCM the IV is read back.
    fn run(
        &self,
        functions: &Functions,
        session: &Session,
        direction: Direction,
        key: ObjectHandle,
        data: &[u8],
    ) -> Result<Output, cryptoki::error::Error> {
        // What a cipher adds is a block at most, and a token its IV.
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

/// What a call of the token gave.
struct Output {
    bytes: Zeroizing<Vec<u8>>,
    /// What the token wrote over the IV for GCM.
    own_iv: Option<Vec<u8>>,
}

/// A ciphertext.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encrypted {
    /// With the tag at the end, for GCM.
    pub data: Vec<u8>,
    /// The IV for GCM that the token used instead of the one that it was given. Without it nobody decrypts.
    pub own_iv: Option<Vec<u8>>,
}

impl Device {
    /// Encrypts `data` in one piece: two calls, C_EncryptInit and C_Encrypt. [`Error::OwnIv`] if the token used another IV for GCM than
    /// that of `cipher`; [`Error::TooLong`], without a call, for more than the token takes in one.
    pub fn encrypt(&self, key: &Key, cipher: &Cipher<'_>, data: &[u8]) -> Result<Vec<u8>, Error> {
        self.within_bounds(cipher, Direction::Encrypt, data)?;
        let Encrypted { data, own_iv } = self.seal_by(key, cipher, data)?;
        if own_iv.is_some() { Err(Error::OwnIv) } else { Ok(data) }
    }

    /// The same where nobody has chosen the IV for GCM. The token may make one of its own: it writes it into the parameter (AWS
    /// CloudHSM), or behind the tag (Luna and ProtectServer in FIPS mode). [`Error::OwnIv`] if it was given zeros and made none: zeros
    /// are no IV.
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

    /// Without regard to the bound.
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

    /// Finds out what the token takes as the IV for GCM that nobody has chosen: see [`crate::Token::iv_rule`]. Returns what it encrypted
    /// `text` to, and the IV that it was given.
    pub(crate) fn find_iv_rule(&self, key: &Key, aad: &[u8], text: &[u8]) -> Result<(Encrypted, [u8; 12]), Error> {
        let seal = |iv: [u8; 12], rule| {
            let sealed = self.encrypt_afresh(key, &Cipher::AesGcm { iv: &iv, aad, tag_bits: 128 }, text)?;
            self.module.set_iv_rule(rule);
            Ok((sealed, iv))
        };
        // Some take only zeros, and make an IV in their place.
        seal([5; 12], IvRule::Any).or_else(|refused| seal([0; 12], IvRule::Zeros).map_err(|_: Error| refused))
    }

    /// Finds it out once more: it may be another token, or another mode of it.
    pub fn learn_iv_rule(&self) -> Result<(), Error> {
        let kind = SecretKeyKind::Aes { bytes: 32 };
        let key = self.generate(&SecretKeySpec { kind, sensitive: true, extractable: false, uses: Uses::CIPHER })?;
        self.find_iv_rule(&key, b"", b"").map(drop)
    }

    /// The IV for GCM of the one encryption that a key of the server's own is made for.
    pub(crate) fn only_iv(&self) -> &'static [u8] {
        match self.module.iv_rule() {
            IvRule::Any => &[1; 12],
            IvRule::Zeros => &[0; 12],
        }
    }

    /// Decrypts what cannot be damaged, without regard to the bound.
    pub(crate) fn decipher(&self, key: &Key, cipher: &Cipher<'_>, data: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
        let key = key.handle(self.generation)?;
        let decrypt = |session: &Session| cipher.run(&self.module.functions, session, Direction::Decrypt, key, data);
        Ok(self.work(decrypt)?.bytes)
    }

    /// Decrypts `data` in one piece. [`Error::DecryptionFailed`] is one answer for all that can be wrong with the data. Where the token
    /// says that by a value that may mean the device, too, as SoftHSM does, the device has to decrypt something else first.
    /// [`Error::TooLong`], without a call, for more than the token takes in one.
    pub fn decrypt(&self, key: &Key, cipher: &Cipher<'_>, data: &[u8]) -> Result<Secret, Error> {
        cipher.validate()?;
        cipher.validate_ciphertext(data)?;
        self.within_bounds(cipher, Direction::Decrypt, data)?;
        let key = key.handle(self.generation)?;
        let decrypt = |session: &Session| cipher.run(&self.module.functions, session, Direction::Decrypt, key, data);
        match self.read(|| self.try_work(decrypt), || self.decrypts(), |_| Error::DecryptionFailed) {
            Ok(plaintext) => Ok(Secret::new(plaintext.bytes)),
            // By its length, which is within the bound.
            Err(Error::DataInvalid(_)) => Err(Error::DecryptionFailed),
            Err(error) => Err(error),
        }
    }

    /// Refuses what is above the bound.
    fn within_bounds(&self, cipher: &Cipher<'_>, direction: Direction, data: &[u8]) -> Result<(), Error> {
        self.module.bounds.refuse(cipher.bounded(), cipher.measured(direction, data.len()))
    }
}
