//! Derivation of keys, whose mechanisms the binding does not have.

use std::ffi::c_void;
use std::ptr;

use cryptoki::context::Function;
use cryptoki::error::{Error, Result};
use cryptoki::object::{Attribute, ObjectHandle};
use cryptoki::session::Session;
use cryptoki_sys::{
    CK_AES_CBC_ENCRYPT_DATA_PARAMS, CK_ATTRIBUTE, CK_ECDH1_DERIVE_PARAMS, CK_HKDF_PARAMS,
    CK_KEY_DERIVATION_STRING_DATA, CK_MECHANISM, CK_MECHANISM_TYPE, CK_PRF_DATA_PARAM, CK_SP800_108_BYTE_ARRAY,
    CK_SP800_108_COUNTER_FORMAT, CK_SP800_108_FEEDBACK_KDF_PARAMS, CK_SP800_108_ITERATION_VARIABLE,
    CK_SP800_108_KDF_PARAMS, CK_SP800_108_OPTIONAL_COUNTER, CK_ULONG, CKD_NULL, CKF_HKDF_SALT_DATA, CKF_HKDF_SALT_NULL,
    CKM_AES_CBC_ENCRYPT_DATA, CKM_AES_ECB_ENCRYPT_DATA, CKM_ECDH1_DERIVE, CKM_HKDF_DERIVE, CKM_SP800_108_COUNTER_KDF,
    CKM_SP800_108_FEEDBACK_KDF,
};

use super::{Functions, ok};

/// The width of the counter of SP 800-108, in bits.
const COUNTER_BITS: u8 = 32;

impl Functions {
    /// Derives by CKM_AES_ECB_ENCRYPT_DATA.
    pub(crate) fn derive_by_ecb(
        &self,
        session: &Session,
        base: ObjectHandle,
        data: &[u8],
        template: &[Attribute],
    ) -> Result<ObjectHandle> {
        let mut parameters =
            CK_KEY_DERIVATION_STRING_DATA { pData: data.as_ptr().cast_mut(), ulLen: data.len().try_into()? };
        // SAFETY: the parameters are of this mechanism, and point to `data`, which is borrowed for longer than the call.
        unsafe { self.derive(session, CKM_AES_ECB_ENCRYPT_DATA, &mut parameters, base, template) }
    }

    /// Derives by CKM_AES_CBC_ENCRYPT_DATA.
    pub(crate) fn derive_by_cbc(
        &self,
        session: &Session,
        base: ObjectHandle,
        (iv, data): (&[u8; 16], &[u8]),
        template: &[Attribute],
    ) -> Result<ObjectHandle> {
        let (p_data, length) = (data.as_ptr().cast_mut(), data.len().try_into()?);
        let mut parameters = CK_AES_CBC_ENCRYPT_DATA_PARAMS { iv: *iv, pData: p_data, length };
        // SAFETY: as in `derive_by_ecb`.
        unsafe { self.derive(session, CKM_AES_CBC_ENCRYPT_DATA, &mut parameters, base, template) }
    }

    /// Derives by CKM_HKDF_DERIVE, with both of its steps (RFC 5869).
    pub(crate) fn derive_by_hkdf(
        &self,
        session: &Session,
        base: ObjectHandle,
        (hash, salt, info): (CK_MECHANISM_TYPE, &[u8], &[u8]),
        template: &[Attribute],
    ) -> Result<ObjectHandle> {
        let mut parameters = CK_HKDF_PARAMS {
            bExtract: 1,
            bExpand: 1,
            prfHashMechanism: hash,
            ulSaltType: if salt.is_empty() { CKF_HKDF_SALT_NULL } else { CKF_HKDF_SALT_DATA },
            pSalt: if salt.is_empty() { ptr::null_mut() } else { salt.as_ptr().cast_mut() },
            ulSaltLen: salt.len().try_into()?,
            hSaltKey: 0,
            pInfo: if info.is_empty() { ptr::null_mut() } else { info.as_ptr().cast_mut() },
            ulInfoLen: info.len().try_into()?,
        };
        // SAFETY: the parameters are of this mechanism, and point to `salt` and `info`, which are borrowed for longer than the
        // call.
        unsafe { self.derive(session, CKM_HKDF_DERIVE, &mut parameters, base, template) }
    }

    /// Derives by CKM_SP800_108_COUNTER_KDF: a counter of 32 bits before the fixed input.
    pub(crate) fn derive_by_counter(
        &self,
        session: &Session,
        base: ObjectHandle,
        (prf, input): (CK_MECHANISM_TYPE, &[u8]),
        template: &[Attribute],
    ) -> Result<ObjectHandle> {
        let mut counter = CK_SP800_108_COUNTER_FORMAT { bLittleEndian: 0, ulWidthInBits: COUNTER_BITS.into() };
        let mut data = [part(CK_SP800_108_ITERATION_VARIABLE, &mut counter)?, fixed(input)?];
        let mut parameters = CK_SP800_108_KDF_PARAMS {
            prfType: prf,
            ulNumberOfDataParams: data.len().try_into()?,
            pDataParams: data.as_mut_ptr(),
            ulAdditionalDerivedKeys: 0,
            pAdditionalDerivedKeys: ptr::null_mut(),
        };
        // SAFETY: the parameters are of this mechanism; they point to `data`, and this to `counter` and `input`. All of them
        // outlive the call.
        unsafe { self.derive(session, CKM_SP800_108_COUNTER_KDF, &mut parameters, base, template) }
    }

    /// Derives by CKM_SP800_108_FEEDBACK_KDF: the result of the step before, a counter of 32 bits, and the fixed input.
    pub(crate) fn derive_by_feedback(
        &self,
        session: &Session,
        base: ObjectHandle,
        (prf, iv, input): (CK_MECHANISM_TYPE, &[u8], &[u8]),
        template: &[Attribute],
    ) -> Result<ObjectHandle> {
        let mut counter = CK_SP800_108_COUNTER_FORMAT { bLittleEndian: 0, ulWidthInBits: COUNTER_BITS.into() };
        let before =
            CK_PRF_DATA_PARAM { type_: CK_SP800_108_ITERATION_VARIABLE, pValue: ptr::null_mut(), ulValueLen: 0 };
        let mut data = [before, part(CK_SP800_108_OPTIONAL_COUNTER, &mut counter)?, fixed(input)?];
        let mut parameters = CK_SP800_108_FEEDBACK_KDF_PARAMS {
            prfType: prf,
            ulNumberOfDataParams: data.len().try_into()?,
            pDataParams: data.as_mut_ptr(),
            ulIVLen: iv.len().try_into()?,
            pIV: if iv.is_empty() { ptr::null_mut() } else { iv.as_ptr().cast_mut() },
            ulAdditionalDerivedKeys: 0,
            pAdditionalDerivedKeys: ptr::null_mut(),
        };
        // SAFETY: as in `derive_by_counter`, and the parameters point to `iv`, which outlives the call, too.
        unsafe { self.derive(session, CKM_SP800_108_FEEDBACK_KDF, &mut parameters, base, template) }
    }

    /// Derives by the mechanism of a hash, such as CKM_SHA256_KEY_DERIVATION.
    pub(crate) fn derive_by_hash(
        &self,
        session: &Session,
        base: ObjectHandle,
        hash: CK_MECHANISM_TYPE,
        template: &[Attribute],
    ) -> Result<ObjectHandle> {
        // SAFETY: the mechanism has no parameters.
        unsafe { self.derive(session, hash, &mut (), base, template) }
    }

    /// Derives by CKM_ECDH1_DERIVE, without a key derivation function. `point` is the other party's.
    pub(crate) fn derive_by_ecdh(
        &self,
        session: &Session,
        base: ObjectHandle,
        point: &[u8],
        template: &[Attribute],
    ) -> Result<ObjectHandle> {
        let mut parameters = CK_ECDH1_DERIVE_PARAMS {
            kdf: CKD_NULL,
            ulSharedDataLen: 0,
            pSharedData: ptr::null_mut(),
            ulPublicDataLen: point.len().try_into()?,
            pPublicData: point.as_ptr().cast_mut(),
        };
        // SAFETY: the parameters are of this mechanism, and point to `point`, which is borrowed for longer than the call.
        unsafe { self.derive(session, CKM_ECDH1_DERIVE, &mut parameters, base, template) }
    }

    /// Calls C_DeriveKey. A mechanism without parameters has `()`.
    ///
    /// # Safety
    /// `parameters` are those of the mechanism, and point to what outlives the call.
    unsafe fn derive<T>(
        &self,
        session: &Session,
        mechanism: CK_MECHANISM_TYPE,
        parameters: &mut T,
        base: ObjectHandle,
        template: &[Attribute],
    ) -> Result<ObjectHandle> {
        let call = self.list.C_DeriveKey.ok_or(Error::NullFunctionPointer)?;
        let mut mechanism = CK_MECHANISM {
            mechanism,
            pParameter: if size_of::<T>() == 0 { ptr::null_mut() } else { ptr::from_mut(parameters).cast::<c_void>() },
            ulParameterLen: size_of::<T>().try_into()?,
        };
        let mut template: Vec<CK_ATTRIBUTE> = template.iter().map(Into::into).collect();
        let count = template.len().try_into()?;
        let mut handle = 0;
        // SAFETY: as the caller promises for the parameters. `template` holds `count` attributes that point into the borrowed
        // `Attribute`s, which outlive the call. As for the session, see `attribute`.
        let rv = unsafe {
            call(session.handle(), &raw mut mechanism, base.handle(), template.as_mut_ptr(), count, &raw mut handle)
        };
        ok(rv, Function::DeriveKey)?;
        // SAFETY: the module has just given the handle for an object of this session's token.
        Ok(unsafe { ObjectHandle::new_from_raw(handle) })
    }
}

/// A counter of the data of SP 800-108. It points to `counter`.
fn part(type_: CK_ULONG, counter: &mut CK_SP800_108_COUNTER_FORMAT) -> Result<CK_PRF_DATA_PARAM> {
    let ul_value_len = size_of::<CK_SP800_108_COUNTER_FORMAT>().try_into()?;
    Ok(CK_PRF_DATA_PARAM { type_, pValue: ptr::from_mut(counter).cast::<c_void>(), ulValueLen: ul_value_len })
}

/// The fixed input of the data of SP 800-108. It points to `input`.
fn fixed(input: &[u8]) -> Result<CK_PRF_DATA_PARAM> {
    let (value, length) = (input.as_ptr().cast_mut().cast::<c_void>(), input.len().try_into()?);
    Ok(CK_PRF_DATA_PARAM { type_: CK_SP800_108_BYTE_ARRAY, pValue: value, ulValueLen: length })
}
