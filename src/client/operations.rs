//! The KMIP operations, each with its own response.

use super::{AnswerError, Client, Error};
use crate::kmip::payloads::{
    Request, Response, activate, create, decrypt, destroy, encrypt, export, get_attributes, import, locate, register,
    revoke,
};

macro_rules! operations {
    ($($method:ident $operation:ident),* $(,)?) => {
        impl Client {
            $(
                #[doc = concat!("`", stringify!($operation), "`")]
                ///
                /// # Errors
                /// There was no answer, or the server refused the request.
                pub async fn $method(&self, request: $method::Request) -> Result<$method::Response, Error> {
                    let request = Request::from(request);
                    let asked = request.operation();
                    match self.kmip(request).await? {
                        Response::$operation(response) => Ok(response),
                        other => Err(self.misunderstood(AnswerError::Operation { asked, answered: other.operation() })),
                    }
                }
            )*
        }
    };
}

operations! {
    activate Activate,
    create Create,
    decrypt Decrypt,
    destroy Destroy,
    encrypt Encrypt,
    export Export,
    get_attributes GetAttributes,
    import Import,
    locate Locate,
    register Register,
    revoke Revoke,
}
