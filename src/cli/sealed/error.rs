//! Errors of encrypted files.

/// The reason why a file cannot be decrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Error {
    #[error("it was not made by `claviger sym encrypt`")]
    NotSealed,
    #[error("its format is version {0}, which this program does not support")]
    Version(u8),
    #[error("its header is damaged")]
    Header,
    #[error("it is cut off after {0} whole chunks")]
    Truncated(u64),
    #[error("chunk {0} is damaged")]
    Chunk(u64),
    #[error("chunk {0} does not verify: the key or --aad-hex is wrong, or the file was changed")]
    Unverified(u64),
    #[error("it has data after its end")]
    Trailing,
    #[error("it is larger than the format permits")]
    TooManyChunks,
    #[error(
        "its chunks are longer than the {0} bytes that the server's HSM takes in one call: they were made when it took \
         more; ask the operators of the server"
    )]
    TooLong(u64),
}
