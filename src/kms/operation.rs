//! What is asked for, by the name that the audit log has for it.

use super::operations::{Facts, Purpose};
use crate::kmip::Dialect;
use crate::kmip::enumerations::Operation as Kmip;
use crate::policy::Action;

/// One row for each operation of the server's own: its name in the audit log, made like KMIP's, and the action that has to be
/// permitted for it.
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

            /// The action that has to be permitted for it.
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
    /// To offer an object to somebody else, who becomes its owner by accepting it.
    Transfer "TransferOwnership" Action::Transfer;
    Accept "AcceptOwnership" Action::Accept;
    /// To decline an offer, or to withdraw it.
    EndOffer "EndOffer" Action::Transfer;
    ListOffers "ListOffers" Action::Operation(Kmip::Locate);
    /// To list all objects.
    ListObjects "ListObjects" Action::Audit;
    /// To propose a new owner for an object that belongs to somebody else.
    ProposeRecovery "ProposeRecovery" Action::Recover;
    ApproveRecovery "ApproveRecovery" Action::Recover;
    /// What enough approvals do.
    Recover "RecoverOwnership" Action::Recover;
    WithdrawRecovery "WithdrawRecovery" Action::Recover;
    ListRecoveries "ListRecoveries" Action::Recover;
    /// To put an object into a project or out of it.
    SetProject "SetProject" Action::ManageAccess;
    /// To list what one owns.
    ListOwned "ListOwned" Action::Operation(Kmip::Locate);
    /// To list keys whose attributes one may read.
    ListKeys "ListKeys" Action::Operation(Kmip::Locate);
    /// To list what others let one use.
    ListObtained "ListObtained" Action::Operation(Kmip::Locate);
    /// To ask what the policy would say.
    Explain "ExplainAccess" Action::Operation(Kmip::Locate);
    ListIssuers "ListIssuers" Action::Administer;
    /// To see what the issuers make of a token.
    TestIssuers "TestIssuers" Action::Administer;
    ListDefinitions "ListDefinitions" Action::Administer;
    Define "Define" Action::Administer;
    Undefine "Undefine" Action::Administer;
    ReadAudit "ReadAudit" Action::Audit;
    ReadSecret "ReadSecret" Action::ReadSecret;
    WriteSecret "WriteSecret" Action::WriteSecret;
    RemoveSecret "RemoveSecret" Action::Operation(Kmip::Destroy);
    /// To say that a secret does not expire.
    ExpireSecret "ExpireSecret" Action::WriteSecret;
    /// To see what Conjur's clients call a resource or a role.
    ShowResource "ShowResource" Action::Operation(Kmip::Locate);
    ListResources "ListResources" Action::Operation(Kmip::Locate);
    ListSecrets "ListSecrets" Action::Operation(Kmip::Locate);
    /// To list environments, folders or tags of a project.
    ListPlaces "ListSecretPlaces" Action::Operation(Kmip::Locate);
    /// To make or change an environment, a folder or a tag.
    WritePlace "WriteSecretPlace" Action::WriteSecret;
    RemovePlace "RemoveSecretPlace" Action::WriteSecret;
    IssueToken "IssueAccessToken" Action::AccessToken;
    RenewToken "RenewAccessToken" Action::AccessToken;
    RevokeToken "RevokeAccessToken" Action::AccessToken;
    /// To end the access token of another caller.
    EndToken "RevokeAccessToken" Action::Administer;
    ListTokens "ListAccessTokens" Action::Administer;
    RotateTokenKey "RotateTokenKey" Action::Administer;
    IssueClientSecret "IssueClientSecret" Action::Administer;
    RevokeClientSecret "RevokeClientSecret" Action::Administer;
    ListClientSecrets "ListClientSecrets" Action::Administer;
    /// To let those in again who failed too often.
    ClearLockouts "ClearLockouts" Action::Administer;
    /// To issue the API key of a host, in the place of the one that it has.
    IssueApiKey "IssueApiKey" Action::Administer;
    RevokeApiKey "RevokeApiKey" Action::Administer;
    RotateApiKey "RotateApiKey" Action::AccessToken;
    /// To find out whether one's own API key is right.
    VerifyApiKey "VerifyApiKey" Action::AccessToken;
}

impl Operation {
    /// What it uses a key for.
    pub(super) fn purpose(self) -> Option<Purpose> {
        match self {
            Self::Kmip(operation) => Facts::of(operation)?.uses.first().copied(),
            _ => None,
        }
    }
}
