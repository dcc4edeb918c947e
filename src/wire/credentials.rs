//! Credentials in the header of a message. They never authenticate a caller.

use crate::kmip::enumerations::{CredentialType, ResultReason};
use crate::kmip::message::RequestHeader;
use crate::principal::Username;

/// Refuses credentials that contradict the caller's, and those that the client must expect to be checked. A user name
/// that is the caller's own, or empty, is no contradiction; the password beside it is not checked.
pub(super) fn check(header: &RequestHeader, proved: &Username) -> Result<(), (ResultReason, &'static str)> {
    for credential in header.authentication.iter().flat_map(|own| &own.credentials) {
        if matches!(credential.credential_type, CredentialType::Attestation | CredentialType::Ticket) {
            let text = "credentials of the types Attestation and Ticket are not supported: leave them out, \
                        the client certificate authenticates the caller";
            return Err((ResultReason::FeatureNotSupported, text));
        }
        if credential.username.as_ref().is_some_and(|claimed| !claimed.is_empty() && claimed != proved.as_str()) {
            let text = "the Username in the Authentication of the request is not that of the caller's certificate or \
                        token: leave the Authentication out";
            return Err((ResultReason::AuthenticationNotSuccessful, text));
        }
    }
    Ok(())
}
