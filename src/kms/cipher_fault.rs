//! Reasons why data cannot be encrypted, decrypted, signed or hashed, in one piece or in parts.

/// Reason why data cannot be processed.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum CipherFault {
    /// The HSM token does not have a mechanism.
    #[error("the HSM token {token:?} has no {what}: use another mode or algorithm")]
    Lacks {
        /// The mechanism.
        what: &'static str,
        /// The label of the token.
        token: String,
    },
    /// The operator does not allow the algorithm.
    #[error(
        "{0} is no longer secure, and this server does not use it: use AES, or ask the operator for --allow-legacy-algorithms"
    )]
    Legacy(&'static str),
    /// The tag has a length that the mode does not permit.
    #[error("TagLength: {0}")]
    TagLength(&'static str),
    /// A position in an operation in several parts that is not one.
    #[error("{0}")]
    Part(&'static str),
    /// There is no such operation in several parts.
    #[error(
        "CorrelationValue: you have no such operation in several parts with this key, or it was too long idle, or one of its parts \
         failed: begin again with InitIndicator"
    )]
    NoStream,
    /// Too many operations in several parts are open.
    #[error("{whose} {most} operations in several parts: end one with FinalIndicator, or wait until one has ended")]
    TooManyStreams {
        /// Whose operations are counted, as the beginning of a sentence.
        whose: &'static str,
        /// The maximum number.
        most: usize,
    },
    /// Operations in several parts hold too much data.
    #[error(
        "the parts of {whose} hold more than {most} bytes, because their data is kept until the last part: send less data, or \
         fewer operations in several parts at a time"
    )]
    TooMuchStreamed {
        /// Whose parts are counted.
        whose: &'static str,
        /// The maximum, in bytes.
        most: usize,
    },
}
