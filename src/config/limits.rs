//! Limits of time, memory and connections.

use std::time::Duration;

use super::error::Error;
use super::within::within;

/// The smallest memory limit of bodies and answers, in MiB. An eighth of it, which is what one caller may have, holds
/// the largest request and its answer.
pub const LEAST_MEMORY: usize = 256;

/// The smallest size of the object cache, in MiB. It holds a thousand keys, or a dozen of the largest objects.
const LEAST_CACHE: usize = 16;

/// The largest value of either, in MiB: 1 TiB.
const MOST_MEMORY: usize = 1 << 20;

/// Limits of time, memory and connections.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The longest time from the end of a request's headers to its answer.
    pub request_timeout: Duration,
    /// The time from a terminating signal, after which the server is not ready, until it stops.
    pub drain_delay: Duration,
    /// The memory of all bodies and answers at one time, in bytes.
    pub memory: usize,
    /// The number of connections at one time.
    pub connections: usize,
    /// The memory of the objects in the cache, in bytes.
    pub cache: usize,
}

impl Limits {
    /// Checks the limits as given and fills in defaults. `request_timeout` and `drain_delay` are in seconds, `memory` and
    /// `cache` are in MiB.
    pub(super) fn new(
        request_timeout: Option<u16>,
        drain_delay: Option<u16>,
        memory: Option<u32>,
        connections: Option<u32>,
        cache: Option<u32>,
    ) -> Result<Self, Error> {
        let seconds = within("request-timeout", request_timeout.unwrap_or(30), &(1..=3600), " seconds")?;
        let delay = within("drain-delay", drain_delay.unwrap_or(0), &(0..=600), " seconds")?;
        let memory = bytes(
            "memory-limit",
            memory.unwrap_or(512),
            LEAST_MEMORY,
            " MiB: an eighth, which is what one caller may have, must hold the largest request (16 MiB with what the server makes \
             of it) and its answer (16 MiB)",
        )?;
        let cache = bytes("cache-size", cache.unwrap_or(256), LEAST_CACHE, " MiB: about 12 KiB for each key in use")?;
        let connections = within("max-connections", connections.unwrap_or(8192), &(64..=1_000_000), "")?;
        let connections = usize::try_from(connections).unwrap_or(usize::MAX);
        let [request_timeout, drain_delay] = [seconds, delay].map(|own| Duration::from_secs(own.into()));
        Ok(Self { request_timeout, drain_delay, memory, connections, cache })
    }
}

/// Converts MiB to bytes, if the number is between `least` and [`MOST_MEMORY`].
fn bytes(option: &'static str, given: u32, least: usize, unit: &'static str) -> Result<usize, Error> {
    let given = usize::try_from(given).unwrap_or(usize::MAX);
    Ok(within(option, given, &(least..=MOST_MEMORY), unit)? << 20)
}
