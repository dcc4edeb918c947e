//! Performs the operations of KMIP by the code of their files.

use super::call::Call;
use super::context::Context;
use super::error::Error;
use super::gate::Kms;
use super::operation::Operation;
use super::operations::{self, table};
use crate::kmip::payloads::{self, OperationRequest, Request, Response};

/// A request that the service performs.
pub trait Served: OperationRequest {
    /// Performs it.
    ///
    /// # Errors
    /// See [`Error`].
    fn perform(self, kms: &Kms, call: &Call<'_>) -> Result<Self::Response, Error>;
}

impl Kms {
    /// Performs one operation.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn execute<R: Served>(&self, context: &Context<'_>, request: R) -> Result<R::Response, Error> {
        let call = Call::new(context, Operation::Kmip(R::OPERATION));
        self.recorded(&call, || request.perform(self, &call))
    }
}

macro_rules! perform {
    ($($operation:ident $module:ident { $($fact:tt)* })*) => {
        $(
            impl Served for payloads::$module::Request {
                fn perform(self, kms: &Kms, call: &Call<'_>) -> Result<Self::Response, Error> {
                    operations::$module::run(kms, call, self)
                }
            }
        )*

        impl Kms {
            /// Performs the operation of a request.
            pub(super) fn perform(&self, call: &Call<'_>, request: Request) -> Result<Response, Error> {
                match request { $(Request::$operation(request) => request.perform(self, call).map(Response::from)),* }
            }
        }
    };
}
table!(perform);
