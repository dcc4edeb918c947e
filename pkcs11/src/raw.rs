//! Calls that the binding cannot make: nested templates, modes of ciphers, key wrap under any mechanism number, and reading
//! a key's value without leaving copies in memory.

mod derive;
mod wrap;

pub(crate) use wrap::Wrapping;

use std::ffi::c_void;
use std::path::Path;
use std::ptr;

use cryptoki::context::Function;
use cryptoki::error::{Error, Result, Rv};
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, ObjectHandle};
use cryptoki::session::Session;
use cryptoki::slot::Slot;
use cryptoki_sys::{
    CK_ATTRIBUTE, CK_ATTRIBUTE_TYPE, CK_BBOOL, CK_BYTE, CK_FUNCTION_LIST, CK_MECHANISM, CK_MECHANISM_INFO,
    CK_MECHANISM_TYPE, CK_RV, CK_TOKEN_INFO, CK_ULONG, CK_UNAVAILABLE_INFORMATION, CKA_VALUE, CKR_BUFFER_TOO_SMALL,
};
use zeroize::Zeroizing;

/// One entry of a nested template: an attribute whose value is a CK_BBOOL.
pub(crate) type Flag = (CK_ATTRIBUTE_TYPE, bool);

/// The direction of a cipher.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From the plaintext to the ciphertext.
    Encrypt,
    /// From the ciphertext to the plaintext.
    Decrypt,
}

/// The module's function list (C_GetFunctionList).
pub(crate) struct Functions {
    list: CK_FUNCTION_LIST,
}

impl Functions {
    /// Loads the module. It stays loaded until the process ends.
    pub(crate) fn load(path: &Path) -> Result<Self> {
        // SAFETY: loading runs the module's initialisers, which the operator vouches for by configuring the path; the binding
        // has loaded the same file just before, so they do not run a second time.
        let library = unsafe { cryptoki_sys::Pkcs11::new(path) }.map_err(Error::LibraryLoading)?;
        let Ok(get) = &library.C_GetFunctionList else {
            return Err(Error::MissingSymbol("C_GetFunctionList"));
        };
        let mut list: *mut CK_FUNCTION_LIST = ptr::null_mut();
        // SAFETY: the symbol has the type that PKCS#11 gives it, and `list` is a place for one pointer.
        ok(unsafe { get(&raw mut list) }, Function::GetFunctionList)?;
        if list.is_null() {
            return Err(Error::NullFunctionPointer);
        }
        // SAFETY: not null, and after CKR_OK it points to the module's static list, which is copied here.
        let list = unsafe { ptr::read_unaligned(list) };
        // The module stays mapped until the process ends. Destructors of its threads and of its static objects may run
        // that late, and opencryptoki 3.8.1 crashes if its code is unmapped by then.
        std::mem::forget(library);
        Ok(Self { list })
    }

    /// Returns the token's description of itself (C_GetTokenInfo).
    pub(crate) fn token_info(&self, slot: Slot) -> Result<CK_TOKEN_INFO> {
        let call = self.list.C_GetTokenInfo.ok_or(Error::NullFunctionPointer)?;
        let mut info = CK_TOKEN_INFO::default();
        // SAFETY: `info` is a place for one CK_TOKEN_INFO. The module is initialised: `slot` was read from it.
        ok(unsafe { call(slot.id(), &raw mut info) }, Function::GetTokenInfo)?;
        Ok(info)
    }

    /// Returns CKA_VALUE in a buffer that is overwritten when dropped. The binding's own function leaves copies in
    /// memory.
    pub(crate) fn value(&self, session: &Session, key: ObjectHandle) -> Result<Zeroizing<Vec<u8>>> {
        self.bytes(session, key, CKA_VALUE)
    }

    /// Returns an attribute that consists of bytes, as [`Self::value`] does.
    pub(crate) fn bytes(
        &self,
        session: &Session,
        key: ObjectHandle,
        type_: CK_ATTRIBUTE_TYPE,
    ) -> Result<Zeroizing<Vec<u8>>> {
        let length = self.attribute(session, key, type_, &mut [])?;
        let mut value = Zeroizing::new(vec![0_u8; length]);
        let length = self.attribute(session, key, type_, &mut value)?;
        value.truncate(length);
        Ok(value)
    }

    /// Reads one attribute into `buffer` (C_GetAttributeValue) and returns its length. An empty buffer requests only
    /// the length.
    pub(crate) fn attribute(
        &self,
        session: &Session,
        key: ObjectHandle,
        type_: CK_ATTRIBUTE_TYPE,
        buffer: &mut [u8],
    ) -> Result<usize> {
        let call = self.list.C_GetAttributeValue.ok_or(Error::NullFunctionPointer)?;
        let mut attribute = CK_ATTRIBUTE {
            type_,
            pValue: if buffer.is_empty() { ptr::null_mut() } else { buffer.as_mut_ptr().cast::<c_void>() },
            ulValueLen: buffer.len().try_into()?,
        };
        // SAFETY: `attribute` is one attribute, whose pValue is null or points to ulValueLen bytes that are borrowed for longer
        // than the call. The session is open as long as it is borrowed, and no other thread uses it, since it is not Sync.
        let rv = unsafe { call(session.handle(), key.handle(), &raw mut attribute, 1) };
        ok(rv, Function::GetAttributeValue)?;
        if attribute.ulValueLen == CK_UNAVAILABLE_INFORMATION {
            return Err(Error::InvalidValue);
        }
        Ok(attribute.ulValueLen.try_into()?)
    }

    /// Calls C_EncryptInit and C_Encrypt, or the same for decryption. The second function is called once if the output
    /// takes at most `room` bytes.
    pub(crate) fn cipher(
        &self,
        session: &Session,
        direction: Direction,
        mechanism: &Mechanism<'_>,
        key: ObjectHandle,
        data: &[u8],
        room: usize,
    ) -> Result<Zeroizing<Vec<u8>>> {
        // SAFETY: the binding points to parameters of the mechanism's type, which are borrowed for longer than the calls.
        unsafe { self.crypt(session, direction, mechanism.into(), key, data, room) }
    }

    /// Calls the two functions of a cipher.
    ///
    /// # Safety
    /// `mechanism` points to parameters of its own type and length, or to none.
    pub(crate) unsafe fn crypt(
        &self,
        session: &Session,
        direction: Direction,
        mut mechanism: CK_MECHANISM,
        key: ObjectHandle,
        data: &[u8],
        room: usize,
    ) -> Result<Zeroizing<Vec<u8>>> {
        let (init, run, init_name, run_name) = match direction {
            Direction::Encrypt => {
                (self.list.C_EncryptInit, self.list.C_Encrypt, Function::EncryptInit, Function::Encrypt)
            }
            Direction::Decrypt => {
                (self.list.C_DecryptInit, self.list.C_Decrypt, Function::DecryptInit, Function::Decrypt)
            }
        };
        let (Some(init), Some(run)) = (init, run) else {
            return Err(Error::NullFunctionPointer);
        };
        // SAFETY: as the caller promises. As for the session, see `attribute`.
        ok(unsafe { init(session.handle(), &raw mut mechanism, key.handle()) }, init_name)?;
        let length = data.len().try_into()?;
        written(room, run_name, |output, room| {
            // SAFETY: `data` has `length` bytes, which the module only reads whatever the prototype says, and `output` room for as
            // many as `room` says; all outlive the call.
            unsafe { run(session.handle(), data.as_ptr().cast_mut(), length, output, room) }
        })
    }

    /// Calls C_SignInit and C_Sign. C_Sign is called once if the signature takes at most `room` bytes.
    pub(crate) fn sign(
        &self,
        session: &Session,
        mechanism: &Mechanism<'_>,
        key: ObjectHandle,
        data: &[u8],
        room: usize,
    ) -> Result<Vec<u8>> {
        // SAFETY: the binding points to parameters of the mechanism's type, which outlive the call.
        unsafe { self.sign_with(session, mechanism.into(), key, data, room) }
    }

    /// The same with a mechanism without parameters, which the binding may not know.
    pub(crate) fn mac(
        &self,
        session: &Session,
        mechanism: CK_MECHANISM_TYPE,
        key: ObjectHandle,
        data: &[u8],
        room: usize,
    ) -> Result<Vec<u8>> {
        // SAFETY: the mechanism points to no parameters.
        unsafe { self.sign_with(session, bare(mechanism), key, data, room) }
    }

    /// # Safety
    /// As that of `crypt`.
    unsafe fn sign_with(
        &self,
        session: &Session,
        mut mechanism: CK_MECHANISM,
        key: ObjectHandle,
        data: &[u8],
        room: usize,
    ) -> Result<Vec<u8>> {
        let (Some(init), Some(sign)) = (self.list.C_SignInit, self.list.C_Sign) else {
            return Err(Error::NullFunctionPointer);
        };
        // SAFETY: as the caller promises. As for the session, see `attribute`.
        ok(unsafe { init(session.handle(), &raw mut mechanism, key.handle()) }, Function::SignInit)?;
        let length = data.len().try_into()?;
        let mut signature = written(room, Function::Sign, |output, room| {
            // SAFETY: as in `crypt`.
            unsafe { sign(session.handle(), data.as_ptr().cast_mut(), length, output, room) }
        })?;
        Ok(std::mem::take(&mut *signature))
    }

    /// Calls C_SignInit, C_SignUpdate for each part, and C_SignFinal. C_SignFinal is called once if the signature takes
    /// at most `room` bytes. If a call fails, the operation is still active in the session, and the caller must close
    /// the session.
    pub(crate) fn sign_in_parts<'a>(
        &self,
        session: &Session,
        mechanism: CK_MECHANISM_TYPE,
        key: ObjectHandle,
        parts: impl Iterator<Item = &'a [u8]>,
        room: usize,
    ) -> Result<Vec<u8>> {
        let (Some(init), Some(update), Some(end)) =
            (self.list.C_SignInit, self.list.C_SignUpdate, self.list.C_SignFinal)
        else {
            return Err(Error::NullFunctionPointer);
        };
        let mut mechanism = bare(mechanism);
        // SAFETY: the mechanism points to no parameters. As for the session, see `attribute`.
        ok(unsafe { init(session.handle(), &raw mut mechanism, key.handle()) }, Function::SignInit)?;
        for part in parts {
            let length = part.len().try_into()?;
            // SAFETY: `part` has `length` bytes, which the module only reads whatever the prototype says, and outlives the call.
            ok(unsafe { update(session.handle(), part.as_ptr().cast_mut(), length) }, Function::SignUpdate)?;
        }
        let mut signature = written(room, Function::SignFinal, |output, room| {
            // SAFETY: `output` has room for as many bytes as `room` says.
            unsafe { end(session.handle(), output, room) }
        })?;
        Ok(std::mem::take(&mut *signature))
    }

    /// Returns the token's description of a mechanism (C_GetMechanismInfo). An error if the token does not have it.
    pub(crate) fn mechanism_info(&self, slot: Slot, mechanism: CK_MECHANISM_TYPE) -> Result<CK_MECHANISM_INFO> {
        let call = self.list.C_GetMechanismInfo.ok_or(Error::NullFunctionPointer)?;
        let mut info = CK_MECHANISM_INFO::default();
        // SAFETY: `info` is a place for one CK_MECHANISM_INFO. The module is initialised: `slot` was read from it.
        ok(unsafe { call(slot.into(), mechanism, &raw mut info) }, Function::GetMechanismInfo)?;
        Ok(info)
    }

    /// Calls C_GenerateKey with a mechanism without parameters, which the binding may not know.
    pub(crate) fn generate(
        &self,
        session: &Session,
        mechanism: CK_MECHANISM_TYPE,
        template: &[Attribute],
    ) -> Result<ObjectHandle> {
        let call = self.list.C_GenerateKey.ok_or(Error::NullFunctionPointer)?;
        let mut template: Vec<CK_ATTRIBUTE> = template.iter().map(Into::into).collect();
        let (mut mechanism, count) = (bare(mechanism), template.len().try_into()?);
        let mut handle = 0;
        // SAFETY: `template` holds `count` attributes that point into the borrowed `Attribute`s, which outlive the call. As for
        // the session, see `attribute`.
        let rv = unsafe { call(session.handle(), &raw mut mechanism, template.as_mut_ptr(), count, &raw mut handle) };
        ok(rv, Function::GenerateKey)?;
        // SAFETY: the module has just given the handle for an object of this session's token.
        Ok(unsafe { ObjectHandle::new_from_raw(handle) })
    }

    /// Calls C_GenerateKey with one nested template, of a type such as CKA_UNWRAP_TEMPLATE.
    pub(crate) fn generate_with_nested(
        &self,
        session: &Session,
        mechanism: CK_ULONG,
        template: &[Attribute],
        type_: CK_ATTRIBUTE_TYPE,
        flags: &[Flag],
    ) -> Result<ObjectHandle> {
        let call = self.list.C_GenerateKey.ok_or(Error::NullFunctionPointer)?;
        let mut values: Vec<CK_BBOOL> = flags.iter().map(|(_, value)| (*value).into()).collect();
        let mut entries: Vec<CK_ATTRIBUTE> = flags
            .iter()
            .zip(&mut values)
            .map(|((type_, _), value)| CK_ATTRIBUTE {
                type_: *type_,
                pValue: ptr::from_mut(value).cast::<c_void>(),
                ulValueLen: 1,
            })
            .collect();
        let mut template: Vec<CK_ATTRIBUTE> = template.iter().map(Into::into).collect();
        template.push(CK_ATTRIBUTE {
            type_,
            ulValueLen: size_of_val(entries.as_slice()).try_into()?,
            pValue: entries.as_mut_ptr().cast::<c_void>(),
        });
        let mut mechanism = bare(mechanism);
        let count = template.len().try_into()?;
        let mut handle = 0;
        // SAFETY: `template` holds `count` attributes. Those of the caller point into the borrowed `Attribute`s, the last one
        // to `entries`, and these to `values`; all outlive the call, and the module only reads them. As for the session, see
        // `attribute`.
        let rv = unsafe { call(session.handle(), &raw mut mechanism, template.as_mut_ptr(), count, &raw mut handle) };
        ok(rv, Function::GenerateKey)?;
        // SAFETY: the module has just given the handle for an object of this session's token.
        Ok(unsafe { ObjectHandle::new_from_raw(handle) })
    }
}

/// Returns the output of `call`. `call` gets a buffer and its length, and overwrites the length by that of the output.
/// It is called once if the output takes at most `room` bytes, and twice otherwise.
fn written(
    room: usize,
    function: Function,
    mut call: impl FnMut(*mut CK_BYTE, *mut CK_ULONG) -> CK_RV,
) -> Result<Zeroizing<Vec<u8>>> {
    let mut output = Zeroizing::new(vec![0_u8; room]);
    let mut length = room.try_into()?;
    let mut rv = call(output.as_mut_ptr(), &raw mut length);
    if rv == CKR_BUFFER_TOO_SMALL && usize::try_from(length)? > room {
        output = Zeroizing::new(vec![0_u8; length.try_into()?]);
        rv = call(output.as_mut_ptr(), &raw mut length);
    }
    ok(rv, function)?;
    let length = length.try_into()?;
    if length > output.len() {
        return Err(Error::InvalidValue);
    }
    output.truncate(length);
    Ok(output)
}

/// Returns a mechanism without parameters.
fn bare(mechanism: CK_MECHANISM_TYPE) -> CK_MECHANISM {
    CK_MECHANISM { mechanism, pParameter: ptr::null_mut(), ulParameterLen: 0 }
}

fn ok(rv: CK_RV, function: Function) -> Result<()> {
    Rv::from(rv).into_result(function)
}
