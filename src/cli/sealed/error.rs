//! Errors of encrypted files.

/// The reason why a file cannot be decrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Error {
    #[error("it was not made by `claviger encrypt` without --mode and --padding, or by `claviger sym encrypt`")]
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

impl Error {
    /// Whether the file, or the key, is another one than when it was encrypted.
    pub(crate) fn is_tampering(self) -> bool {
        match self {
            Self::Header | Self::Truncated(_) | Self::Chunk(_) | Self::Unverified(_) | Self::Trailing => true,
            Self::NotSealed | Self::Version(_) | Self::TooManyChunks | Self::TooLong(_) => false,
        }
    }
}
