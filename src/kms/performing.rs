//! The operations of KMIP: which one does what is asked for.

use super::call::Call;
use super::context::Context;
use super::error::Error;
use super::gate::Kms;
use super::operation::Operation;
use super::operations::{
    activate, create, create_key_pair, decrypt, destroy, discover_versions, encrypt, export, get, get_attributes,
    import, locate, mac, mac_verify, query, register, revoke, rng_retrieve, sign, signature_verify,
};
use crate::kmip::payloads::{Request, Response};

impl Kms {
    /// Performs one operation.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn execute(&self, context: &Context<'_>, request: Request) -> Result<Response, Error> {
        let call = Call::new(context, Operation::Kmip(request.operation()));
        self.recorded(&call, || self.perform(&call, request))
    }

    /// One arm for each operation.
    pub(super) fn perform(&self, call: &Call<'_>, request: Request) -> Result<Response, Error> {
        Ok(match request {
            Request::Create(request) => create::run(self, call, request)?.into(),
            Request::CreateKeyPair(request) => create_key_pair::run(self, call, request)?.into(),
            Request::Register(request) => register::run(self, call, request)?.into(),
            Request::Import(request) => import::run(self, call, request)?.into(),
            Request::Locate(request) => locate::run(self, call, request)?.into(),
            Request::Get(request) => get::run(self, call, request)?.into(),
            Request::Export(request) => export::run(self, call, request)?.into(),
            Request::GetAttributes(request) => get_attributes::run(self, call, &request)?.into(),
            Request::Activate(request) => activate::run(self, call, &request)?.into(),
            Request::Revoke(request) => revoke::run(self, call, &request)?.into(),
            Request::Destroy(request) => destroy::run(self, call, &request)?.into(),
            Request::Query(request) => query::run(self, &request).into(),
            Request::DiscoverVersions(request) => discover_versions::run(&request).into(),
            Request::Encrypt(request) => encrypt::run(self, call, request)?.into(),
            Request::Decrypt(request) => decrypt::run(self, call, request)?.into(),
            Request::MAC(request) => mac::run(self, call, request)?.into(),
            Request::MACVerify(request) => mac_verify::run(self, call, request)?.into(),
            Request::Sign(request) => sign::run(self, call, request)?.into(),
            Request::SignatureVerify(request) => signature_verify::run(self, call, request)?.into(),
            Request::RNGRetrieve(request) => rng_retrieve::run(self, call, &request)?.into(),
        })
    }
}
