//! The calls that the binding cannot make: templates inside templates, and reading a key's value without leaving copies.

use std::ffi::c_void;
use std::path::Path;
use std::ptr;

use cryptoki::context::Function;
use cryptoki::error::{Error, Result, Rv};
use cryptoki::object::{Attribute, ObjectHandle};
use cryptoki::session::Session;
use cryptoki_sys::{
    CK_ATTRIBUTE, CK_ATTRIBUTE_TYPE, CK_BBOOL, CK_FUNCTION_LIST, CK_MECHANISM, CK_RV, CK_ULONG,
    CK_UNAVAILABLE_INFORMATION, CKA_VALUE,
};
use zeroize::Zeroizing;

/// One entry of a nested template: attributes whose values are CK_BBOOL.
pub(crate) type Flag = (CK_ATTRIBUTE_TYPE, bool);

/// More entries than any nested template of ours has; a token that claims more is not believed.
const MOST_FLAGS: usize = 64;

/// The module's function list (PKCS#11 5.4, C_GetFunctionList).
pub(crate) struct Functions {
    list: CK_FUNCTION_LIST,
    /// Keeps the code mapped that `list` points to.
    _library: cryptoki_sys::Pkcs11,
}

impl Functions {
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
        Ok(Self {
            list,
            _library: library,
        })
    }

    /// CKA_VALUE, in a buffer that is overwritten when dropped. The binding's own reading leaves copies behind.
    pub(crate) fn value(&self, session: &Session, key: ObjectHandle) -> Result<Zeroizing<Vec<u8>>> {
        let mut template = [CK_ATTRIBUTE {
            type_: CKA_VALUE,
            pValue: ptr::null_mut(),
            ulValueLen: 0,
        }];
        let [length] = self.attributes(session, key, &mut template)?;
        let mut value = Zeroizing::new(vec![0_u8; length]);
        let mut template = [CK_ATTRIBUTE {
            type_: CKA_VALUE,
            pValue: value.as_mut_ptr().cast::<c_void>(),
            ulValueLen: length.try_into()?,
        }];
        let [length] = self.attributes(session, key, &mut template)?;
        value.truncate(length);
        Ok(value)
    }

    /// A template inside an object, such as CKA_UNWRAP_TEMPLATE, if all its values are CK_BBOOL (PKCS#11 4.1.1, array
    /// attributes: the outer value is an array of CK_ATTRIBUTE whose pValue the caller provides).
    pub(crate) fn nested(
        &self,
        session: &Session,
        key: ObjectHandle,
        type_: CK_ATTRIBUTE_TYPE,
    ) -> Result<Vec<Flag>> {
        let mut template = [CK_ATTRIBUTE {
            type_,
            pValue: ptr::null_mut(),
            ulValueLen: 0,
        }];
        let [length] = self.attributes(session, key, &mut template)?;
        let count = length / size_of::<CK_ATTRIBUTE>();
        if length % size_of::<CK_ATTRIBUTE>() != 0 || count > MOST_FLAGS {
            return Err(Error::InvalidValue);
        }
        let mut values: Vec<CK_BBOOL> = vec![0; count];
        let mut entries: Vec<CK_ATTRIBUTE> = values
            .iter_mut()
            .map(|value| CK_ATTRIBUTE {
                type_: 0,
                pValue: ptr::from_mut(value).cast::<c_void>(),
                ulValueLen: 1,
            })
            .collect();
        let mut template = [CK_ATTRIBUTE {
            type_,
            pValue: entries.as_mut_ptr().cast::<c_void>(),
            ulValueLen: length.try_into()?,
        }];
        let [again] = self.attributes(session, key, &mut template)?;
        if again != length || entries.iter().any(|entry| entry.ulValueLen != 1) {
            return Err(Error::InvalidValue);
        }
        let types: Vec<CK_ATTRIBUTE_TYPE> = entries.iter().map(|entry| entry.type_).collect();
        Ok(types
            .into_iter()
            .zip(values.into_iter().map(|value| value != 0))
            .collect())
    }

    /// C_GetAttributeValue; answers the lengths, and fails if one is unavailable. Private: the caller answers for the pointers.
    fn attributes<const N: usize>(
        &self,
        session: &Session,
        key: ObjectHandle,
        template: &mut [CK_ATTRIBUTE; N],
    ) -> Result<[usize; N]> {
        let call = self
            .list
            .C_GetAttributeValue
            .ok_or(Error::NullFunctionPointer)?;
        let count = N.try_into()?;
        // SAFETY: `template` holds `count` attributes, and this module's callers let each pValue be null or point to ulValueLen
        // bytes that live until after the call (in `nested`, to whole CK_ATTRIBUTEs of which the same is true). The session is
        // open as long as it is borrowed, and not used by another thread, since it is not Sync.
        let rv = unsafe { call(session.handle(), key.handle(), template.as_mut_ptr(), count) };
        ok(rv, Function::GetAttributeValue)?;
        let mut lengths = [0; N];
        for (length, attribute) in lengths.iter_mut().zip(template) {
            if attribute.ulValueLen == CK_UNAVAILABLE_INFORMATION {
                return Err(Error::InvalidValue);
            }
            *length = attribute.ulValueLen.try_into()?;
        }
        Ok(lengths)
    }

    /// C_GenerateKey with one nested template, of a type such as CKA_UNWRAP_TEMPLATE.
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
        let mut mechanism = CK_MECHANISM {
            mechanism,
            pParameter: ptr::null_mut(),
            ulParameterLen: 0,
        };
        let count = template.len().try_into()?;
        let mut handle = 0;
        // SAFETY: `template` holds `count` attributes. Those of the caller point into the borrowed `Attribute`s, the last one
        // to `entries`, and these to `values`; all outlive the call, and the module only reads them. As for the session, see
        // `attributes`.
        let rv = unsafe {
            call(
                session.handle(),
                &raw mut mechanism,
                template.as_mut_ptr(),
                count,
                &raw mut handle,
            )
        };
        ok(rv, Function::GenerateKey)?;
        // SAFETY: the module has just given the handle for an object of this session's token.
        Ok(unsafe { ObjectHandle::new_from_raw(handle) })
    }
}

fn ok(rv: CK_RV, function: Function) -> Result<()> {
    Rv::from(rv).into_result(function)
}
