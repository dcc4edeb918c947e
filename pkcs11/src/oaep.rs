//! Removal of the padding of RSAES-OAEP (RFC 8017, 7.1.2, step 3), for tokens that have only raw RSA. It is OpenSSL's
//! implementation, which runs in constant time: a caller who learns which check failed, or at which byte the message
//! begins, decrypts other ciphertexts with many calls (Manger, "A Chosen Ciphertext Attack on RSA-OAEP").

use std::ffi::{c_int, c_uchar};

use openssl_sys::{EVP_MD, EVP_sha1, EVP_sha224, EVP_sha256, EVP_sha384, EVP_sha512};
use zeroize::Zeroizing;

use crate::rsa::Oaep;
use crate::secret::Secret;
use crate::signature::Hash;

unsafe extern "C" {
    /// <https://docs.openssl.org/3.0/man3/RSA_padding_add_PKCS1_type_1/>
    fn RSA_padding_check_PKCS1_OAEP_mgf1(
        to: *mut c_uchar,
        tlen: c_int,
        from: *const c_uchar,
        flen: c_int,
        num: c_int,
        param: *const c_uchar,
        plen: c_int,
        md: *const EVP_MD,
        mgf1md: *const EVP_MD,
    ) -> c_int;
}

/// Returns the message in an encoded message, which is as long as the modulus. `None` for every fault.
pub(crate) fn remove(encoded: &[u8], Oaep { hash, mask, label }: Oaep<'_>) -> Option<Secret> {
    let mut message = Zeroizing::new(vec![0_u8; encoded.len()]);
    let [length, label_length] = [encoded.len(), label.len()].map(c_int::try_from);
    let (length, label_length) = (length.ok()?, label_length.ok()?);
    // SAFETY: `message` and `encoded` have `length` bytes and `label` has `label_length`; all outlive the call, which writes to
    // `message` only. The hashes are static objects of OpenSSL.
    let found = unsafe {
        RSA_padding_check_PKCS1_OAEP_mgf1(
            message.as_mut_ptr(),
            length,
            encoded.as_ptr(),
            length,
            length,
            label.as_ptr(),
            label_length,
            md(hash),
            md(mask),
        )
    };
    // OpenSSL leaves an error in the thread's queue, which the next TLS connection of the thread would report.
    // SAFETY: the call has no requirements.
    unsafe { openssl_sys::ERR_clear_error() };
    let found = usize::try_from(found).ok()?;
    message.truncate(found);
    Some(Secret::new(message))
}

fn md(hash: Hash) -> *const EVP_MD {
    // SAFETY: these functions have no requirements and return pointers to static objects.
    unsafe {
        match hash {
            Hash::Sha1 => EVP_sha1(),
            Hash::Sha224 => EVP_sha224(),
            Hash::Sha256 => EVP_sha256(),
            Hash::Sha384 => EVP_sha384(),
            Hash::Sha512 => EVP_sha512(),
        }
    }
}
