//! The first input of a cipher: an IV, a nonce, or a counter.

use openssl::rand::rand_bytes;

use super::cipher_mode::{Beginning, Mode};
use super::error::Error;
use crate::custody::{Cipher, Error as CustodyError};
use crate::kmip::{CryptographicParameters, Tag};

/// Length in bytes of an AES block, of the IVs of CBC, CFB and OFB, and of the counter block of CTR.
pub(super) const BLOCK: usize = 16;

/// Length in bytes of the IV of 3DES.
const DES_BLOCK: usize = 8;

/// Length in bytes of a nonce that the server chooses (NIST SP 800-38D section 8.2.2), and of those of ChaCha20.
pub(super) const NONCE: usize = 12;

/// Length in bits of a counter besides a nonce of that length.
const COUNTER: i32 = 32;

/// Length in bytes of a block of the keystream of ChaCha20.
const CHACHA20_BLOCK: u128 = 64;

/// The first input of a cipher.
#[derive(Debug, Clone)]
pub(super) struct FirstInput {
    mode: Mode,
    /// As the token takes it. Empty for ECB.
    iv: Vec<u8>,
    /// The first counter of ChaCha20.
    counter: u32,
    /// The number of bytes until the counter would overflow.
    pub(super) left: Option<u128>,
}

impl Beginning {
    /// Returns whether the server or the caller chooses the first input of a request. A counter of at most 32 bits beside a
    /// random nonce counts as the server's choice: the nonce does not repeat.
    pub(super) fn of(mode: Mode, parameters: &CryptographicParameters, has_iv: bool) -> Self {
        let is_short = parameters.counter_length.is_some_and(|bits| bits <= COUNTER);
        match mode {
            _ if has_iv => Self::Chosen,
            Mode::Ctr if parameters.initial_counter_value.is_some() && !is_short => Self::Chosen,
            _ => Self::Fresh,
        }
    }
}

impl FirstInput {
    /// The first input that a caller gives. A counter block of CTR may be given whole, or as a nonce beside Initial Counter
    /// Value.
    pub(super) fn given(mode: Mode, parameters: &CryptographicParameters, iv: &[u8]) -> Result<Self, Error> {
        check_lengths(parameters, iv.len())?;
        let bad = |fault| Err(Error::BadParameters(fault));
        let mut own = Self { mode, iv: iv.to_vec(), counter: 0, left: None };
        match mode {
            Mode::Ecb { .. } | Mode::Des3Ecb { .. } if !iv.is_empty() => return bad("ECB takes no IV"),
            Mode::Cbc { .. } if iv.len() != BLOCK => return bad("the IV of CBC has 16 bytes"),
            Mode::Cfb | Mode::Ofb if iv.len() != BLOCK => return bad("the IV of CFB and OFB has 16 bytes"),
            Mode::Des3Cbc { .. } if iv.len() != DES_BLOCK => return bad("the IV of 3DES has 8 bytes"),
            Mode::Ccm { .. } if !(7..=13).contains(&iv.len()) => return bad("the nonce of CCM has 7 to 13 bytes"),
            Mode::ChaCha20Poly1305 { .. } if iv.len() != NONCE => {
                return bad("the nonce of ChaCha20-Poly1305 has 12 bytes");
            }
            Mode::Ctr => (own.iv, own.left) = counter_block(parameters, iv)?,
            Mode::ChaCha20 => own.set_chacha20(parameters)?,
            _ => {}
        }
        Ok(own)
    }

    /// A first input that the server chooses. `gcm_iv` makes the IV for GCM.
    pub(super) fn fresh(
        mode: Mode,
        parameters: &CryptographicParameters,
        gcm_iv: impl FnOnce() -> Result<[u8; NONCE], Error>,
    ) -> Result<Self, Error> {
        let stated = parameters.iv_length.map(|bits| usize::try_from(bits).unwrap_or_default());
        if parameters.fixed_field_length.is_some() || parameters.invocation_field_length.is_some() {
            return Err(Error::UnsupportedParameters(
                "the server makes random IVs, without a fixed field: leave FixedFieldLength and InvocationFieldLength out, or \
                 give an IVCounterNonce",
            ));
        }
        let length = match mode {
            Mode::Ecb { .. } | Mode::Des3Ecb { .. } => 0,
            Mode::Cbc { .. } | Mode::Cfb | Mode::Ofb => BLOCK,
            Mode::Des3Cbc { .. } => DES_BLOCK,
            Mode::Gcm { .. } | Mode::Ccm { .. } | Mode::ChaCha20 | Mode::ChaCha20Poly1305 { .. } => NONCE,
            // A nonce, and a counter that begins where the request says; or a random counter block.
            Mode::Ctr => match (parameters.counter_length, parameters.initial_counter_value) {
                (Some(bits), Some(_)) => BLOCK - counter_bytes(bits)?,
                (None, Some(_)) => {
                    return Err(Error::BadParameters("InitialCounterValue needs a CounterLength or an IVCounterNonce"));
                }
                (Some(bits), None) if counter_bytes(bits)? < BLOCK => {
                    return Err(Error::BadParameters("CounterLength needs an InitialCounterValue"));
                }
                (_, None) => BLOCK,
            },
        };
        if stated.is_some_and(|stated| stated != length * 8) {
            return Err(Error::UnsupportedParameters(
                "IVLength is not that of the IVs that the server chooses: leave it out, or give an IVCounterNonce",
            ));
        }
        if let Mode::Gcm { .. } = mode {
            return Ok(Self { mode, iv: gcm_iv()?.to_vec(), counter: 0, left: None });
        }
        let mut iv = vec![0; length];
        rand_bytes(&mut iv).map_err(CustodyError::Random)?;
        let parameters = CryptographicParameters { iv_length: None, ..parameters.clone() };
        if (mode, length) == (Mode::Ctr, BLOCK) {
            // Of 2^128 blocks the last ones are never reached.
            return Ok(Self { mode, iv, counter: 0, left: None });
        }
        Self::given(mode, &parameters, &iv)
    }

    /// The same first input in another mode.
    pub(super) fn with_mode(&self, mode: Mode) -> Self {
        Self { mode, ..self.clone() }
    }

    /// The IV, nonce or counter block as the caller needs it to decrypt; `None` for ECB.
    pub(super) fn shown(&self) -> Option<Vec<u8>> {
        (!self.iv.is_empty()).then(|| self.iv.clone())
    }

    /// The cipher of the HSM token with this first input.
    pub(super) fn cipher<'a>(&'a self, aad: &'a [u8]) -> Result<Cipher<'a>, Error> {
        let iv = self.iv.as_slice();
        let wrong = |_| Error::BadParameters("the IV does not have the length of the mode");
        let block = || iv.try_into().map_err(wrong);
        let des = || iv.try_into().map_err(wrong);
        let nonce = || iv.try_into().map_err(wrong);
        Ok(match self.mode {
            Mode::Gcm { tag_bytes } => Cipher::AesGcm { iv, aad, tag_bits: tag_bytes * 8 },
            Mode::Ccm { tag_bytes } => Cipher::AesCcm { nonce: iv, aad, tag_bytes },
            Mode::Cbc { padded: true } => Cipher::AesCbcPad { iv: block()? },
            Mode::Cbc { padded: false } => Cipher::AesCbc { iv: block()? },
            Mode::Ecb { padded: true } => Cipher::AesEcbPad,
            Mode::Ecb { padded: false } => Cipher::AesEcb,
            Mode::Ctr => Cipher::AesCtr { counter: block()? },
            Mode::Cfb => Cipher::AesCfb { iv: block()? },
            Mode::Ofb => Cipher::AesOfb { iv: block()? },
            Mode::ChaCha20 => Cipher::ChaCha20 { nonce: nonce()?, counter: self.counter },
            Mode::ChaCha20Poly1305 { tag_bytes } => Cipher::ChaCha20Poly1305 { nonce: nonce()?, aad, tag_bytes },
            Mode::Des3Cbc { padded: true } => Cipher::Des3CbcPad { iv: des()? },
            Mode::Des3Cbc { padded: false } => Cipher::Des3Cbc { iv: des()? },
            Mode::Des3Ecb { padded: true } => Cipher::Des3EcbPad,
            Mode::Des3Ecb { padded: false } => Cipher::Des3Ecb,
        })
    }

    /// Refuses data during which the counter would overflow.
    pub(super) fn check_fits(&self, length: usize) -> Result<(), Error> {
        let fits = self.left.is_none_or(|left| u128::try_from(length).is_ok_and(|length| length <= left));
        if fits { Ok(()) } else { Err(overflow()) }
    }

    /// A nonce of 8 bytes is that of the original ChaCha20, whose counter has 64 bits: the upper half is 0 here.
    fn set_chacha20(&mut self, parameters: &CryptographicParameters) -> Result<(), Error> {
        if self.iv.len() == 8 {
            self.iv.splice(..0, [0; 4]);
        }
        if self.iv.len() != NONCE {
            return Err(Error::BadParameters("the nonce of ChaCha20 has 8 or 12 bytes"));
        }
        if parameters.counter_length.is_some_and(|bits| bits != COUNTER) {
            return Err(Error::UnsupportedParameters("the counter of ChaCha20 has 32 bits (RFC 8439)"));
        }
        self.counter = initial(parameters)?.unwrap_or_default();
        self.left = Some(((1 << COUNTER) - u128::from(self.counter)) * CHACHA20_BLOCK);
        Ok(())
    }
}

pub(super) fn overflow() -> Error {
    Error::BadParameters("the counter would overflow: use another nonce, a lower InitialCounterValue, or less data")
}

/// The counter block of CTR, and the number of bytes until the counter overflows.
fn counter_block(parameters: &CryptographicParameters, iv: &[u8]) -> Result<(Vec<u8>, Option<u128>), Error> {
    let bytes = match parameters.counter_length {
        Some(bits) => counter_bytes(bits)?,
        None if iv.len() < BLOCK => BLOCK - iv.len(),
        None => BLOCK,
    };
    let initial = initial(parameters)?;
    let counter = u128::from(initial.unwrap_or_default());
    let most = if bytes == BLOCK { u128::MAX } else { (1 << (bytes * 8)) - 1 };
    if counter > most {
        return Err(Error::BadParameters("InitialCounterValue does not fit into CounterLength"));
    }
    let block: [u8; BLOCK] = match (<[u8; BLOCK]>::try_from(iv), initial) {
        (Ok(block), _) => block,
        (Err(_), Some(_)) if iv.len() + bytes == BLOCK => {
            let mut block = counter.to_be_bytes();
            block.iter_mut().zip(iv).for_each(|(byte, nonce)| *byte = *nonce);
            block
        }
        (Err(_), None) if iv.len() + bytes == BLOCK => {
            return Err(Error::BadParameters(
                "a nonce of CTR that is shorter than 16 bytes needs an InitialCounterValue",
            ));
        }
        (Err(_), _) => {
            return Err(Error::BadParameters("nonce and CounterLength of CTR do not have 16 bytes together"));
        }
    };
    let first = u128::from_be_bytes(block) & most;
    if initial.is_some() && first != counter {
        return Err(Error::BadParameters("InitialCounterValue is not the counter at the end of the IVCounterNonce"));
    }
    let left = (most - first).checked_add(1).and_then(|blocks| blocks.checked_mul(16));
    Ok((block.to_vec(), left))
}

fn counter_bytes(bits: i32) -> Result<usize, Error> {
    let bits = usize::try_from(bits).unwrap_or_default();
    if (8..=BLOCK * 8).contains(&bits) && bits.is_multiple_of(8) {
        return Ok(bits / 8);
    }
    Err(Error::Invalid { tag: Tag::CounterLength, fault: "it is a multiple of 8, from 8 to 128 bits" })
}

fn initial(parameters: &CryptographicParameters) -> Result<Option<u32>, Error> {
    let initial = parameters.initial_counter_value.map(u32::try_from).transpose();
    initial.map_err(|_| Error::Invalid { tag: Tag::InitialCounterValue, fault: "it is negative" })
}

/// Checks the lengths that describe the parts of a given IV, in bits.
fn check_lengths(parameters: &CryptographicParameters, bytes: usize) -> Result<(), Error> {
    let bits = i64::try_from(bytes).unwrap_or(i64::MAX).saturating_mul(8);
    if parameters.iv_length.is_some_and(|stated| i64::from(stated) != bits) {
        return Err(Error::BadParameters("IVLength is not the length of the IVCounterNonce, in bits"));
    }
    let fields = [parameters.fixed_field_length, parameters.invocation_field_length];
    if fields.iter().any(Option::is_none) {
        return Ok(());
    }
    let stated: i64 = fields.into_iter().flatten().map(i64::from).sum();
    let counter = parameters.counter_length.map_or(0, i64::from);
    if stated == bits || stated + counter == bits {
        return Ok(());
    }
    Err(Error::BadParameters("FixedFieldLength and InvocationFieldLength are not those of the IVCounterNonce, in bits"))
}
