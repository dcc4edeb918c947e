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
    /// To give somebody access to an object.
    GrantAccess "GrantAccess" Action::ManageAccess;
    /// To take it back.
    RevokeAccess "RevokeAccess" Action::ManageAccess;
    /// To see who has access.
    ListAccess "ListAccess" Action::ManageAccess;
    /// To offer an object to somebody else, who becomes its owner by accepting it.
    Transfer "TransferOwnership" Action::Transfer;
    /// To accept it.
    Accept "AcceptOwnership" Action::Accept;
    /// To decline an offer, or to withdraw it.
    EndOffer "EndOffer" Action::Transfer;
    /// To list offers.
    ListOffers "ListOffers" Action::Operation(Kmip::Locate);
    /// To list all objects.
    ListObjects "ListObjects" Action::Audit;
    /// To propose a new owner for an object that belongs to somebody else.
    ProposeRecovery "ProposeRecovery" Action::Recover;
    /// To approve that.
    ApproveRecovery "ApproveRecovery" Action::Recover;
    /// What enough approvals do.
    Recover "RecoverOwnership" Action::Recover;
    /// To take a proposal back.
    WithdrawRecovery "WithdrawRecovery" Action::Recover;
    /// To list proposals.
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
    /// To list the issuers of JWTs.
    ListIssuers "ListIssuers" Action::Administer;
    /// To see what they make of a token.
    TestIssuers "TestIssuers" Action::Administer;
    /// To list roles, policies, users or projects.
    ListDefinitions "ListDefinitions" Action::Administer;
    /// To write one.
    Define "Define" Action::Administer;
    /// To remove one.
    Undefine "Undefine" Action::Administer;
    /// To read the audit log.
    ReadAudit "ReadAudit" Action::Audit;
    /// To read a secret's value.
    ReadSecret "ReadSecret" Action::ReadSecret;
    /// To write one.
    WriteSecret "WriteSecret" Action::WriteSecret;
    /// To remove a secret.
    RemoveSecret "RemoveSecret" Action::Operation(Kmip::Destroy);
    /// To say that a secret does not expire.
    ExpireSecret "ExpireSecret" Action::WriteSecret;
    /// To see what Conjur's clients call a resource or a role.
    ShowResource "ShowResource" Action::Operation(Kmip::Locate);
    /// To list resources.
    ListResources "ListResources" Action::Operation(Kmip::Locate);
    /// To list secrets of a project.
    ListSecrets "ListSecrets" Action::Operation(Kmip::Locate);
    /// To list environments, folders or tags of a project.
    ListPlaces "ListSecretPlaces" Action::Operation(Kmip::Locate);
    /// To make or change one.
    WritePlace "WriteSecretPlace" Action::WriteSecret;
    /// To remove one.
    RemovePlace "RemoveSecretPlace" Action::WriteSecret;
    /// To get an access token.
    IssueToken "IssueAccessToken" Action::AccessToken;
    /// To have it last longer.
    RenewToken "RenewAccessToken" Action::AccessToken;
    /// To end it.
    RevokeToken "RevokeAccessToken" Action::AccessToken;
    /// To end somebody else's.
    EndToken "RevokeAccessToken" Action::Administer;
    /// To list those that there are.
    ListTokens "ListAccessTokens" Action::Administer;
    /// To change the key that signs them.
    RotateTokenKey "RotateTokenKey" Action::Administer;
    /// To make a client secret.
    IssueClientSecret "IssueClientSecret" Action::Administer;
    /// To revoke it.
    RevokeClientSecret "RevokeClientSecret" Action::Administer;
    /// To list those of an identity.
    ListClientSecrets "ListClientSecrets" Action::Administer;
    /// To let those in again who failed too often.
    ClearLockouts "ClearLockouts" Action::Administer;
    /// To issue the API key of a host, in the place of the one that it has.
    IssueApiKey "IssueApiKey" Action::Administer;
    /// To take it away.
    RevokeApiKey "RevokeApiKey" Action::Administer;
    /// To change one's own.
    RotateApiKey "RotateApiKey" Action::AccessToken;
    /// To find out whether one's own is right.
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
