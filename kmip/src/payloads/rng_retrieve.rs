//! RNG Retrieve (KMIP 2.1, section 6.1.49).

use crate::Bytes;
use crate::structure::structure;

structure! {
    /// The request.
    #[derive(Eq)]
    pub struct Request {
        /// The number of bytes.
        data_length: i32 = DataLength,
    }
}

structure! {
    /// The response.
    pub struct Response {
        /// The random bytes.
        data: Bytes = Data,
    }
}
