//! RNG Seed (KMIP 2.1, section 6.1.50).

use crate::Bytes;
use crate::structure::structure;

structure! {
    /// The request.
    #[derive(Eq)]
    pub struct Request {
        /// The seed.
        data: Bytes = Data,
    }
}

structure! {
    /// The response.
    pub struct Response {
        /// The number of bytes of the seed that were used.
        data_length: i32 = DataLength,
    }
}
