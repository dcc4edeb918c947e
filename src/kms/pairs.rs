//! Key pairs by the identifier of their private key, for callers who know one identifier for both.

use std::sync::Arc;

use super::call::Call;
use super::context::Context;
use super::error::Error;
use super::gate::{Grant, Kms};
use super::object::{Object, is_destroyed};
use super::object_kind::{Half, ObjectKind};
use super::operation::Operation;
use super::operations::create_key_pair::linked;
use super::operations::signature_verify;
use crate::kmip::UniqueIdentifier;
use crate::kmip::attributes::RevocationReason;
use crate::kmip::enumerations::{Operation as Kmip, RevocationReasonCode, State};
use crate::kmip::payloads::signature_verify::{Request, Response};
use crate::kmip::payloads::{destroy, revoke};

const NO_PAIR: Error = Error::ObjectType("the object has no public key: it is not half of a key pair");

impl Kms {
    /// Signature Verify by either half. The caller must be permitted to do it with both.
    ///
    /// # Errors
    /// As Signature Verify.
    pub fn verify_by_pair(&self, context: &Context<'_>, request: Request) -> Result<Response, Error> {
        let call = Call::new(context, Operation::Kmip(Kmip::SignatureVerify));
        self.recorded(&call, || {
            let id = request.unique_identifier.clone();
            let grant = self.authorize_public_half(&call, id.as_ref())?;
            signature_verify::by(grant, &request)
        })
    }

    /// The public key of a pair by either half: a SubjectPublicKeyInfo in DER (RFC 5280 section 4.1.2.7). The caller must be
    /// permitted to Get both.
    ///
    /// # Errors
    /// As for Get; or the object is not half of a pair.
    pub fn public_key_of_pair(&self, context: &Context<'_>, id: &str) -> Result<Vec<u8>, Error> {
        let call = Call::new(context, Operation::Kmip(Kmip::Get));
        self.recorded(&call, || {
            let id = UniqueIdentifier::Text(id.to_owned());
            let grant = self.authorize_public_half(&call, Some(&id))?.undestroyed()?;
            grant.public_key().map(<[u8]>::to_vec).map_err(|error| match error {
                Error::NotExtractable => NO_PAIR,
                error => error,
            })
        })
    }

    /// Revokes a key if it is Active, and destroys it. Of a pair, both halves are destroyed, after the caller's
    /// permission for both was checked. If the call fails in between, a second call completes it.
    ///
    /// # Errors
    /// As Revoke and Destroy.
    pub fn end_key(&self, context: &Context<'_>, id: &str) -> Result<(), Error> {
        let [revocation, destruction] =
            [Kmip::Revoke, Kmip::Destroy].map(|operation| Call::new(context, Operation::Kmip(operation)));
        let key = self.foresee(&destruction, id)?;
        let mut halves = Vec::with_capacity(2);
        if let Some(public) = public_half(&key) {
            let public = self.foresee(&destruction, public)?;
            check_halves(&key, &public)?;
            // The public key is destroyed first, so that a pair without its public key can still be removed by a second
            // call.
            if !is_destroyed(public.attributes.state) {
                halves.push(public);
            }
        }
        halves.push(key);
        let active = halves.iter().filter(|half| half.state(destruction.now) == State::Active);
        let active = active.map(|half| self.foresee(&revocation, &half.id)).collect::<Result<Vec<_>, _>>()?;
        for half in active {
            let code = RevocationReasonCode::CessationOfOperation;
            let request = revoke::Request {
                unique_identifier: Some(UniqueIdentifier::Text(half.id.clone())),
                revocation_reason: RevocationReason { code, message: None },
                compromise_occurrence_date: None,
            };
            self.execute(context, request)?;
        }
        for half in halves {
            let unique_identifier = Some(UniqueIdentifier::Text(half.id.clone()));
            self.execute(context, destroy::Request { unique_identifier })?;
        }
        Ok(())
    }

    /// The other half of a pair, if the caller may perform the call's operation on it; `None` if the object is not a
    /// half.
    ///
    /// # Errors
    /// The caller may not, or the halves do not name each other.
    pub(super) fn other_half(&self, call: &Call<'_>, half: &Object) -> Result<Option<Arc<Object>>, Error> {
        let Some(id) = half.kind.half().and_then(|own| linked(&half.attributes, own.link)) else { return Ok(None) };
        let other = self.foresee(call, id)?;
        match half.kind {
            ObjectKind::PrivateKey => check_halves(half, &other)?,
            _ => check_halves(&other, half)?,
        }
        Ok(Some(other))
    }

    fn authorize_public_half<'a>(
        &'a self,
        call: &'a Call<'a>,
        id: Option<&UniqueIdentifier>,
    ) -> Result<Grant<'a>, Error> {
        let grant = self.authorize(call, id)?;
        let Some(public) = public_half(grant.object()) else { return Ok(grant) };
        let public = self.authorize(call, Some(&UniqueIdentifier::Text(public.to_owned())))?;
        check_halves(grant.object(), public.object())?;
        Ok(public)
    }
}

/// The identifier of the public half if the object is a private key. The server sets this link on private keys; links
/// that clients set on other objects are only data.
pub(super) fn public_half(object: &Object) -> Option<&str> {
    (object.kind == ObjectKind::PrivateKey).then(|| linked(&object.attributes, Half::PRIVATE.link)).flatten()
}

/// Refuses two objects that do not name each other as the halves of a pair.
pub(super) fn check_halves(private: &Object, public: &Object) -> Result<(), Error> {
    let named = linked(&public.attributes, Half::PUBLIC.link);
    let are_halves =
        public.kind == ObjectKind::PublicKey && named == Some(&private.id) && public_half(private) == Some(&public.id);
    are_halves.then_some(()).ok_or(NO_PAIR)
}
