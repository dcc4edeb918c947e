//! The operations of the service, by their names in the audit log.

use super::operations::{Facts, Purpose};
use crate::kmip::Dialect;
use crate::kmip::enumerations::Operation as Kmip;
use crate::policy::Action;

/// One row for each operation of the server's own: its name in the audit log, formed like KMIP's names, and the action
/// that must be permitted for it.
macro_rules! operations {
    ($($(#[$meta:meta])* $operation:ident $name:literal $action:expr;)*) => {
        /// An operation of the service.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Operation {
            /// One of KMIP.
            Kmip(Kmip),
            $($(#[$meta])* $operation,)*
        }

        impl Operation {
            /// The name in the audit log.
            pub(super) fn name(self) -> &'static str {
                match self {
                    Self::Kmip(operation) => operation.name(Dialect::Oasis),
                    $(Self::$operation => $name,)*
                }
            }

            /// The action that must be permitted for it.
            pub(super) fn action(self) -> Action {
                match self {
                    Self::Kmip(operation) => {
                        Facts::of(operation).map_or(Action::Operation(operation), |facts| facts.right)
                    }
                    $(Self::$operation => $action,)*
                }
            }
        }
    };
}

operations! {
    GrantAccess "GrantAccess" Action::ManageAccess;
    RevokeAccess "RevokeAccess" Action::ManageAccess;
    ListAccess "ListAccess" Action::ManageAccess;
    /// Offer an object to another user, who becomes its owner by accepting it.
    Transfer "TransferOwnership" Action::Transfer;
    Accept "AcceptOwnership" Action::Accept;
    /// Decline an offer, or withdraw it.
    EndOffer "EndOffer" Action::Transfer;
    ListOffers "ListOffers" Action::Operation(Kmip::Locate);
    /// List all objects.
    ListObjects "ListObjects" Action::Audit;
    /// Propose a new owner for an object of another user.
    ProposeRecovery "ProposeRecovery" Action::Recover;
    ApproveRecovery "ApproveRecovery" Action::Recover;
    /// The change of owner after the last approval.
    Recover "RecoverOwnership" Action::Recover;
    WithdrawRecovery "WithdrawRecovery" Action::Recover;
    ListRecoveries "ListRecoveries" Action::Recover;
    /// Move an object into a project or out of it.
    SetProject "SetProject" Action::ManageAccess;
    /// List the caller's own objects.
    ListOwned "ListOwned" Action::Operation(Kmip::Locate);
    /// List the keys whose attributes the caller may read.
    ListKeys "ListKeys" Action::Operation(Kmip::Locate);
    /// List the objects of other owners that the caller may use.
    ListObtained "ListObtained" Action::Operation(Kmip::Locate);
    /// Ask for the policy's decision.
    Explain "ExplainAccess" Action::Operation(Kmip::Locate);
    ListIssuers "ListIssuers" Action::Administer;
    /// Test a token with the issuers.
    TestIssuers "TestIssuers" Action::Administer;
    ListDefinitions "ListDefinitions" Action::Administer;
    Define "Define" Action::Administer;
    Undefine "Undefine" Action::Administer;
    ReadAudit "ReadAudit" Action::Audit;
    /// Read the state of the database.
    ReadDatabase "ReadDatabaseState" Action::Audit;
    ReadSecret "ReadSecret" Action::ReadSecret;
    WriteSecret "WriteSecret" Action::WriteSecret;
    RemoveSecret "RemoveSecret" Action::Operation(Kmip::Destroy);
    /// Set that a secret does not expire.
    ExpireSecret "ExpireSecret" Action::WriteSecret;
    /// Show a resource or a role of Conjur's clients.
    ShowResource "ShowResource" Action::Operation(Kmip::Locate);
    ListResources "ListResources" Action::Operation(Kmip::Locate);
    ListSecrets "ListSecrets" Action::Operation(Kmip::Locate);
    /// List environments, folders or tags of a project.
    ListPlaces "ListSecretPlaces" Action::Operation(Kmip::Locate);
    /// Make or change an environment, a folder or a tag.
    WritePlace "WriteSecretPlace" Action::WriteSecret;
    RemovePlace "RemoveSecretPlace" Action::WriteSecret;
    IssueToken "IssueAccessToken" Action::AccessToken;
    RenewToken "RenewAccessToken" Action::AccessToken;
    RevokeToken "RevokeAccessToken" Action::AccessToken;
    /// Revoke the access token of another caller.
    EndToken "RevokeAccessToken" Action::Administer;
    ListTokens "ListAccessTokens" Action::Administer;
    RotateTokenKey "RotateTokenKey" Action::Administer;
    IssueClientSecret "IssueClientSecret" Action::Administer;
    RevokeClientSecret "RevokeClientSecret" Action::Administer;
    ListClientSecrets "ListClientSecrets" Action::Administer;
    /// Remove the lockouts of a client.
    ClearLockouts "ClearLockouts" Action::Administer;
    /// Issue a new API key to a host, in place of the present one.
    IssueApiKey "IssueApiKey" Action::Administer;
    RevokeApiKey "RevokeApiKey" Action::Administer;
    RotateApiKey "RotateApiKey" Action::AccessToken;
    /// Check one's own API key.
    VerifyApiKey "VerifyApiKey" Action::AccessToken;
}

impl Operation {
    /// The purpose for which it uses a key.
    pub(super) fn purpose(self) -> Option<Purpose> {
        match self {
            Self::Kmip(operation) => Facts::of(operation)?.uses.first().copied(),
            _ => None,
        }
    }
}
