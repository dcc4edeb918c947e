//! The networks of proxies.

use super::error::Error;
use super::listed::{self, flag, variable};
use super::options::Options;
use super::places::OptionSources;
use crate::network::{TrustedNetwork, TrustedNetworkError};

const OPTION: &str = "proxy_protocol_from";

/// Returns the networks whose connections begin with a header of the PROXY protocol.
///
/// # Errors
/// A text is not a network, or the list is not written as one.
pub(super) fn proxies(options: &Options, places: &OptionSources) -> Result<Vec<TrustedNetwork>, Error> {
    let texts = listed::all(OPTION, options.proxy_protocol_from.as_deref(), places)?;
    let network = |text: String| {
        text.parse().map_err(|fault: TrustedNetworkError| {
            let name = if places.is_environment(OPTION) { variable(OPTION) } else { flag(OPTION) };
            Error::Listed { name, value: text, fault: fault.to_string() }
        })
    };
    texts.into_iter().map(network).collect()
}
