//! Pairs by the identifier of their private half, for callers who know one identifier for both.

use super::create_key_pair::linked;
use super::gate::Grant;
use super::operation::Operation;
use super::{Call, Context, Error, Kms, signature_verify};
use crate::kmip::UniqueIdentifier;
use crate::kmip::enumerations::{LinkType, Operation as Kmip};
use crate::kmip::payloads::signature_verify::{Request, Response};

impl Kms {
    /// Signature Verify by either half. The caller must be permitted to do it with both.
    ///
    /// # Errors
    /// As Signature Verify.
    pub fn verify_by_pair(&self, context: &Context<'_>, request: Request) -> Result<Response, Error> {
        let call = Call::new(context, Operation::Kmip(Kmip::SignatureVerify));
        self.recorded(&call, || {
            let id = request.unique_identifier.clone();
            let grant = self.authorize_public_half(&call, Kmip::SignatureVerify, id.as_ref())?;
            signature_verify::by(grant, &request)
        })
    }

    /// The public key of a pair by either half: a SubjectPublicKeyInfo in DER (RFC 5280 section 4.1.2.7). The caller must be
    /// permitted to Get both.
    ///
    /// # Errors
    /// As Get; the object is no half of a pair.
    pub fn public_key_of_pair(&self, context: &Context<'_>, id: &str) -> Result<Vec<u8>, Error> {
        let call = Call::new(context, Operation::Kmip(Kmip::Get));
        self.recorded(&call, || {
            let id = UniqueIdentifier::Text(id.to_owned());
            let grant = self.authorize_public_half(&call, Kmip::Get, Some(&id))?.undestroyed()?;
            grant.public_key().map(<[u8]>::to_vec).map_err(|_| Error::NoPair)
        })
    }

    fn authorize_public_half<'a>(
        &'a self,
        call: &'a Call<'a>,
        operation: Kmip,
        id: Option<&UniqueIdentifier>,
    ) -> Result<Grant<'a>, Error> {
        let grant = self.authorize(call, operation, id)?;
        match linked(&grant.object().attributes, LinkType::PublicKeyLink) {
            Some(public) => self.authorize(call, operation, Some(&UniqueIdentifier::Text(public.to_owned()))),
            None => Ok(grant),
        }
    }
}
