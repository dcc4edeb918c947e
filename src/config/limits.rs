//! What requests may cost.

use std::time::Duration;

use super::Error;

/// The least that bodies and answers may take in all, in MiB: an eighth of it, which is what one caller may have, holds the
/// largest request and its answer.
pub const LEAST_MEMORY: usize = 256;

/// The most, in MiB: 1 TiB.
const MOST_MEMORY: usize = 1 << 20;

/// What requests may cost.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// From the end of a request's headers to its answer.
    pub request_timeout: Duration,
    /// Memory of bodies and answers at one time, in bytes.
    pub memory: usize,
    /// Connections at one time.
    pub connections: usize,
}

impl Limits {
    /// Seconds, MiB and a number, as given.
    pub(super) fn new(
        request_timeout: Option<u16>,
        memory: Option<u32>,
        connections: Option<u32>,
    ) -> Result<Self, Error> {
        // clap has looked at flag and environment, but not at the file.
        let seconds = request_timeout.unwrap_or(30);
        if !(1..=3600).contains(&seconds) {
            return Err(Error::OutOfRange {
                option: "request-timeout",
                value: seconds.into(),
                fault: "give 1 to 3600 seconds",
            });
        }
        let given = memory.unwrap_or(512);
        let mebibytes = usize::try_from(given).unwrap_or(usize::MAX);
        if !(LEAST_MEMORY..=MOST_MEMORY).contains(&mebibytes) {
            return Err(Error::OutOfRange {
                option: "memory-limit",
                value: given.into(),
                fault: "give 256 to 1048576 MiB: an eighth, which is what one caller may have, must hold the largest request \
                        (16 MiB with what the server makes of it) and its answer (16 MiB)",
            });
        }
        let connections = connections.unwrap_or(8192);
        if !(64..=1_000_000).contains(&connections) {
            return Err(Error::OutOfRange {
                option: "max-connections",
                value: connections.into(),
                fault: "give 64 to 1000000",
            });
        }
        let connections = usize::try_from(connections).unwrap_or(usize::MAX);
        Ok(Self { request_timeout: Duration::from_secs(seconds.into()), memory: mebibytes << 20, connections })
    }
}
