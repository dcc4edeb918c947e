//! C_WrapKey and C_UnwrapKey.

use cryptoki::context::Function;
use cryptoki::error::{Error, Result};
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, ObjectHandle};
use cryptoki::session::Session;
use cryptoki_sys::{CK_ATTRIBUTE, CK_MECHANISM, CK_MECHANISM_TYPE};

use super::{Functions, bare, ok, written};

/// A mechanism that wraps.
#[derive(Clone, Copy)]
pub(crate) enum Wrapping<'a> {
    /// One without parameters, which the binding may not know.
    Bare(CK_MECHANISM_TYPE),
    /// One with its parameters.
    Known(&'a Mechanism<'a>),
}

impl From<CK_MECHANISM_TYPE> for Wrapping<'_> {
    fn from(number: CK_MECHANISM_TYPE) -> Self {
        Self::Bare(number)
    }
}

impl Wrapping<'_> {
    /// The mechanism, which may point to parameters that `self` borrows.
    fn mechanism(self) -> CK_MECHANISM {
        match self {
            Self::Bare(number) => bare(number),
            Self::Known(mechanism) => mechanism.into(),
        }
    }
}

impl Functions {
    /// Calls C_WrapKey. It is called once if the blob takes at most `room` bytes.
    pub(crate) fn wrap<'a>(
        &self,
        session: &Session,
        mechanism: impl Into<Wrapping<'a>>,
        wrapping: ObjectHandle,
        key: ObjectHandle,
        room: usize,
    ) -> Result<Vec<u8>> {
        let call = self.list.C_WrapKey.ok_or(Error::NullFunctionPointer)?;
        let mut mechanism = mechanism.into().mechanism();
        let (session, wrapping, key) = (session.handle(), wrapping.handle(), key.handle());
        let mut blob = written(room, Function::WrapKey, |blob, room| {
            // SAFETY: the parameters of the mechanism, if it has any, are borrowed for longer than the call, and `blob` has
            // room for as many bytes as `room` says. As for the session, see `attribute`.
            unsafe { call(session, &raw mut mechanism, wrapping, key, blob, room) }
        })?;
        Ok(std::mem::take(&mut *blob))
    }

    /// Calls C_UnwrapKey.
    pub(crate) fn unwrap<'a>(
        &self,
        session: &Session,
        mechanism: impl Into<Wrapping<'a>>,
        wrapping: ObjectHandle,
        blob: &[u8],
        template: &[Attribute],
    ) -> Result<ObjectHandle> {
        let call = self.list.C_UnwrapKey.ok_or(Error::NullFunctionPointer)?;
        let mut mechanism = mechanism.into().mechanism();
        let mut template: Vec<CK_ATTRIBUTE> = template.iter().map(Into::into).collect();
        let (length, count) = (blob.len().try_into()?, template.len().try_into()?);
        let mut handle = 0;
        // SAFETY: the parameters of the mechanism are of its type, and borrowed for longer than the call; `blob` has `length`
        // bytes, which the module only reads whatever the prototype says; `template` holds `count` attributes that point into the borrowed `Attribute`s. All outlive the call.
        // As for the session, see `attribute`.
        let rv = unsafe {
            call(
                session.handle(),
                &raw mut mechanism,
                wrapping.handle(),
                blob.as_ptr().cast_mut(),
                length,
                template.as_mut_ptr(),
                count,
                &raw mut handle,
            )
        };
        ok(rv, Function::UnwrapKey)?;
        // SAFETY: the module has just given the handle for an object of this session's token.
        Ok(unsafe { ObjectHandle::new_from_raw(handle) })
    }
}
