//! The calls of the token for each cipher.

use std::ffi::c_void;

use cryptoki::context::Function;
use cryptoki::error::{Error, Result, RvError};
use cryptoki::mechanism::Mechanism;
use cryptoki::mechanism::aead::GcmParams;
use cryptoki::object::ObjectHandle;
use cryptoki::session::Session;
use cryptoki::types::Ulong;
use cryptoki_sys::{
    CK_AES_CTR_PARAMS, CK_CCM_PARAMS, CK_CHACHA20_PARAMS, CK_MECHANISM, CK_MECHANISM_TYPE,
    CK_SALSA20_CHACHA20_POLY1305_PARAMS, CKM_AES_CCM, CKM_AES_CFB128, CKM_AES_CTR, CKM_AES_OFB, CKM_CHACHA20,
    CKM_CHACHA20_POLY1305,
};
use zeroize::Zeroizing;

use crate::cipher::Cipher;
use crate::error;
use crate::parts::BLOCK;
use crate::raw::{Direction, Functions};

/// Length in bytes of the longest IV that a token makes and appends to the tag.
pub(crate) const LONGEST_OWN_IV: usize = 16;

/// Length in bytes of the tag of ChaCha20-Poly1305.
const POLY1305_TAG: usize = 16;

/// The result of a call of the token.
pub(crate) struct Output {
    pub(crate) bytes: Zeroizing<Vec<u8>>,
    /// The IV for GCM that the token wrote over the given one.
    pub(crate) own_iv: Option<Vec<u8>>,
}

/// One cipher, one direction and one key in a session.
struct Run<'a> {
    functions: &'a Functions,
    session: &'a Session,
    direction: Direction,
    key: ObjectHandle,
}

/// Runs the cipher in `session`. For GCM, the IV is read back. Padding outside of the token is added, and not removed.
pub(crate) fn run(
    cipher: &Cipher<'_>,
    functions: &Functions,
    session: &Session,
    direction: Direction,
    key: ObjectHandle,
    data: &[u8],
) -> Result<Output> {
    let own = Run { functions, session, direction, key };
    let bytes = match cipher {
        Cipher::AesGcm { iv: given, aad, tag_bits } => {
            let mut iv = given.to_vec();
            let tag_bits = Ulong::try_from(*tag_bits)?;
            let bytes = own.call(&Mechanism::AesGcm(GcmParams::new(&mut iv, aad, tag_bits)?), data)?;
            let own_iv = (iv != *given).then_some(iv);
            return Ok(Output { bytes, own_iv });
        }
        Cipher::AesCcm { nonce, aad, tag_bytes } => own.ccm(nonce, aad, *tag_bytes, data),
        Cipher::AesCbcPad { iv } => own.call(&Mechanism::AesCbcPad(**iv), data),
        Cipher::AesCbc { iv } => own.call(&Mechanism::AesCbc(**iv), data),
        Cipher::AesEcb => own.call(&Mechanism::AesEcb, data),
        Cipher::AesEcbPad => own.padded(&Mechanism::AesEcb, data, BLOCK),
        Cipher::AesCtr { counter } => own.counter_mode(counter, data),
        Cipher::AesCfb { iv } => own.feedback(CKM_AES_CFB128, iv, data, |own| own.cfb_of_others(iv, data)),
        Cipher::AesOfb { iv } => own.feedback(CKM_AES_OFB, iv, data, |own| own.ofb_of_others(iv, data)),
        Cipher::ChaCha20 { nonce, counter } => own.chacha20(nonce, *counter, data),
        Cipher::ChaCha20Poly1305 { nonce, aad, tag_bytes } => own.poly1305_with_tag(nonce, aad, *tag_bytes, data),
        Cipher::Des3CbcPad { iv } => own.call(&Mechanism::Des3CbcPad(**iv), data),
        Cipher::Des3Cbc { iv } => own.call(&Mechanism::Des3Cbc(**iv), data),
        Cipher::Des3Ecb => own.call(&Mechanism::Des3Ecb, data),
        Cipher::Des3EcbPad => own.padded(&Mechanism::Des3Ecb, data, DES_BLOCK),
    }?;
    Ok(Output { bytes, own_iv: None })
}

/// Length in bytes of a DES block.
const DES_BLOCK: usize = 8;

/// Removes PKCS#7 padding (RFC 5652 section 6.3) of blocks of `block` bytes.
pub(crate) fn unpad(
    mut text: Zeroizing<Vec<u8>>,
    block: usize,
) -> std::result::Result<Zeroizing<Vec<u8>>, error::Error> {
    let count = text.last().copied().unwrap_or_default();
    let length = text.len().checked_sub(usize::from(count)).filter(|_| (1..=block).contains(&usize::from(count)));
    let is_padding = |length: &usize| text.get(*length..).is_some_and(|end| end.iter().all(|byte| *byte == count));
    let length = length.filter(is_padding).ok_or(error::Error::DecryptionFailed)?;
    text.truncate(length);
    Ok(text)
}

impl Run<'_> {
    /// A cipher adds at most a block and a tag, and a token may add its IV.
    fn room(data: &[u8]) -> usize {
        data.len() + BLOCK + LONGEST_OWN_IV
    }

    fn call(&self, mechanism: &Mechanism<'_>, data: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        self.functions.cipher(self.session, self.direction, mechanism, self.key, data, Self::room(data))
    }

    /// Calls a mechanism whose parameters the binding does not have.
    ///
    /// # Safety
    /// `T` is the type of the mechanism's parameters, whose pointers point to as many bytes as their lengths say, which
    /// are borrowed for longer than the call.
    unsafe fn call_with<T>(
        &self,
        mechanism: CK_MECHANISM_TYPE,
        parameters: &mut T,
        data: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>> {
        let mechanism = CK_MECHANISM {
            mechanism,
            pParameter: std::ptr::from_mut(parameters).cast::<c_void>(),
            ulParameterLen: size_of::<T>().try_into()?,
        };
        // SAFETY: the mechanism points to parameters of its own type and length, which outlive the calls.
        unsafe { self.functions.crypt(self.session, self.direction, mechanism, self.key, data, Self::room(data)) }
    }

    /// CKM_AES_CTR. All 128 bits of the block are the counter.
    fn counter_mode(&self, counter: &[u8; BLOCK], data: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        let mut parameters = CK_AES_CTR_PARAMS { ulCounterBits: 128, cb: *counter };
        // SAFETY: these are the parameters of CKM_AES_CTR, without pointers.
        unsafe { self.call_with(CKM_AES_CTR, &mut parameters, data) }
    }

    /// CKM_AES_CCM.
    fn ccm(&self, nonce: &[u8], aad: &[u8], tag_bytes: usize, data: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        let length = match self.direction {
            Direction::Encrypt => data.len(),
            Direction::Decrypt => data.len().saturating_sub(tag_bytes),
        };
        let mut parameters = CK_CCM_PARAMS {
            ulDataLen: length.try_into()?,
            pNonce: nonce.as_ptr().cast_mut(),
            ulNonceLen: nonce.len().try_into()?,
            pAAD: aad.as_ptr().cast_mut(),
            ulAADLen: aad.len().try_into()?,
            ulMACLen: tag_bytes.try_into()?,
        };
        // SAFETY: these are the parameters of CKM_AES_CCM. Nonce and additional data are borrowed, and the module only reads
        // them whatever the types say.
        unsafe { self.call_with(CKM_AES_CCM, &mut parameters, data) }
    }

    /// CKM_CHACHA20 with the layout of RFC 8439: a counter of 32 bits and a nonce of 96.
    fn chacha20(&self, nonce: &[u8; 12], counter: u32, data: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        let counter = counter.to_le_bytes();
        let mut parameters = CK_CHACHA20_PARAMS {
            pBlockCounter: counter.as_ptr().cast_mut(),
            blockCounterBits: 32,
            pNonce: nonce.as_ptr().cast_mut(),
            ulNonceBits: 96,
        };
        // SAFETY: these are the parameters of CKM_CHACHA20. Counter and nonce outlive the call and have the lengths in bits that
        // are given; the module only reads them whatever the types say.
        unsafe { self.call_with(CKM_CHACHA20, &mut parameters, data) }
    }

    /// CKM_CHACHA20_POLY1305.
    fn chacha20_poly1305(&self, nonce: &[u8; 12], aad: &[u8], data: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        let mut parameters = CK_SALSA20_CHACHA20_POLY1305_PARAMS {
            pNonce: nonce.as_ptr().cast_mut(),
            ulNonceLen: nonce.len().try_into()?,
            pAAD: aad.as_ptr().cast_mut(),
            ulAADLen: aad.len().try_into()?,
        };
        // SAFETY: these are the parameters of CKM_CHACHA20_POLY1305. Nonce and additional data are borrowed, and the module only
        // reads them whatever the types say.
        unsafe { self.call_with(CKM_CHACHA20_POLY1305, &mut parameters, data) }
    }

    /// The same with a tag of this length. To decrypt with the beginning of a tag, the text is decrypted by ChaCha20, whose
    /// counter begins at 1 here (RFC 8439 section 2.8), and encrypted again for the whole tag. It is returned only if the
    /// tags agree.
    fn poly1305_with_tag(
        &self,
        nonce: &[u8; 12],
        aad: &[u8],
        tag_bytes: usize,
        data: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>> {
        if tag_bytes == POLY1305_TAG || self.direction == Direction::Encrypt {
            let mut sealed = self.chacha20_poly1305(nonce, aad, data)?;
            if self.direction == Direction::Encrypt {
                sealed.truncate(data.len() + tag_bytes);
            }
            return Ok(sealed);
        }
        let end = data.len().saturating_sub(tag_bytes);
        let text = self.chacha20(nonce, 1, data.get(..end).unwrap_or_default())?;
        let sealed = self.encrypting().chacha20_poly1305(nonce, aad, &text)?;
        let (given, own) = (data.get(end..).unwrap_or_default(), sealed.get(end..end + tag_bytes).unwrap_or_default());
        let differing = given.iter().zip(own).fold(0, |differing, (one, other)| differing | (one ^ other));
        if given.len() != own.len() || differing != 0 {
            return Err(Error::Pkcs11(RvError::EncryptedDataInvalid, Function::Decrypt));
        }
        Ok(text)
    }

    /// Adds PKCS#7 padding to a text that is encrypted.
    fn padded(&self, mechanism: &Mechanism<'_>, data: &[u8], block: usize) -> Result<Zeroizing<Vec<u8>>> {
        if self.direction == Direction::Decrypt {
            return self.call(mechanism, data);
        }
        let count = block - data.len() % block;
        let mut text = Zeroizing::new(Vec::with_capacity(data.len() + count));
        text.extend_from_slice(data);
        text.resize(data.len() + count, u8::try_from(count).map_err(|_| Error::InvalidValue)?);
        self.call(mechanism, &text)
    }

    /// A mode whose parameter is an IV. If the token does not have it, its keystream is made by other modes inside the
    /// token. Both keystream and text are then in the server's memory; the key is not.
    fn feedback(
        &self,
        mechanism: CK_MECHANISM_TYPE,
        iv: &[u8; BLOCK],
        data: &[u8],
        keystream: impl Fn(&Self) -> Result<Zeroizing<Vec<u8>>>,
    ) -> Result<Zeroizing<Vec<u8>>> {
        let mut parameter = *iv;
        // SAFETY: the parameter of both mechanisms is an IV of 16 bytes.
        match unsafe { self.call_with(mechanism, &mut parameter, data) } {
            Err(Error::Pkcs11(RvError::MechanismInvalid | RvError::FunctionNotSupported, _)) => {}
            done => return done,
        }
        let mut text = Zeroizing::new(data.to_vec());
        let keystream = keystream(self)?;
        if keystream.len() < text.len() {
            return Err(Error::InvalidValue);
        }
        text.iter_mut().zip(keystream.iter()).for_each(|(byte, key)| *byte ^= key);
        Ok(text)
    }

    /// The keystream of CFB. Its block i is the encryption of the ciphertext's block i - 1, which CBC makes of a block of
    /// zeros and the text, because CBC encrypts the text's block XOR its own last output. For decryption, ECB
    /// encrypts the blocks of the ciphertext.
    fn cfb_of_others(&self, iv: &[u8; BLOCK], data: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        let (first, mechanism) = match self.direction {
            Direction::Encrypt => ([0; BLOCK], Mechanism::AesCbc(*iv)),
            Direction::Decrypt => (*iv, Mechanism::AesEcb),
        };
        let rest = data.len().saturating_sub(1) / BLOCK * BLOCK;
        let mut input = Zeroizing::new(Vec::with_capacity(rest + BLOCK));
        input.extend_from_slice(&first);
        input.extend_from_slice(data.get(..rest).unwrap_or_default());
        self.encrypting().call(&mechanism, &input)
    }

    /// The keystream of OFB, which CBC makes of zeros.
    fn ofb_of_others(&self, iv: &[u8; BLOCK], data: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        self.encrypting().call(&Mechanism::AesCbc(*iv), &vec![0; data.len().next_multiple_of(BLOCK)])
    }

    fn encrypting(&self) -> Self {
        Self { direction: Direction::Encrypt, ..*self }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "allowed in tests")]

    use super::*;

    #[test]
    fn only_whole_padding_is_removed() {
        let unpad = |text: &[u8]| unpad(Zeroizing::new(text.to_vec()), 8).ok().map(|text| text.to_vec());
        assert_eq!(unpad(&[9, 9, 9, 9, 9, 9, 9, 1]), Some(vec![9; 7]));
        assert_eq!(unpad(&[9, 9, 9, 9, 9, 9, 2, 2]), Some(vec![9; 6]));
        assert_eq!(unpad(&[8; 8]), Some(vec![]));
        assert_eq!(unpad(&[[7; 8], [8; 8]].concat()), Some(vec![7; 8]));
        for damaged in [&[][..], &[0; 8], &[9; 16], &[9, 9, 9, 9, 9, 9, 1, 2], &[3, 3], &[255; 8]] {
            assert_eq!(unpad(damaged), None, "{damaged:?}");
        }
    }
}
