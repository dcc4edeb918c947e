//! What is asked for, by the name that the audit log has for it.

use crate::kmip::Dialect;
use crate::kmip::enumerations::Operation as Kmip;
use crate::policy::Action;

/// An operation of the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    /// One of KMIP.
    Kmip(Kmip),
    /// To give somebody access to an object.
    GrantAccess,
    /// To take it back.
    RevokeAccess,
    /// To see who has access.
    ListAccess,
    /// To offer an object to somebody else, who becomes its owner by accepting it.
    Transfer,
    /// To accept it.
    Accept,
    /// To decline an offer, or to withdraw it.
    EndOffer,
    /// To list offers.
    ListOffers,
    /// To list all objects.
    ListObjects,
    /// To propose a new owner for an object that belongs to somebody else.
    ProposeRecovery,
    /// To approve that.
    ApproveRecovery,
    /// What enough approvals do.
    Recover,
    /// To take a proposal back.
    WithdrawRecovery,
    /// To list proposals.
    ListRecoveries,
    /// To put an object into a project or out of it.
    SetProject,
    /// To list what one owns.
    ListOwned,
    /// To list keys whose attributes one may read.
    ListKeys,
    /// To list what others let one use.
    ListObtained,
    /// To ask what the policy would say.
    Explain,
    /// To list the issuers of JWTs.
    ListIssuers,
    /// To see what they make of a token.
    TestIssuers,
    /// To list roles, policies, users or projects.
    ListDefinitions,
    /// To write one.
    Define,
    /// To remove one.
    Undefine,
    /// To read the audit log.
    ReadAudit,
    /// To read a secret's value.
    ReadSecret,
    /// To write one.
    WriteSecret,
    /// To remove a secret.
    RemoveSecret,
    /// To say that a secret does not expire.
    ExpireSecret,
    /// To see what Conjur's clients call a resource or a role.
    ShowResource,
    /// To list resources.
    ListResources,
    /// To list secrets of a project.
    ListSecrets,
    /// To list environments, folders or tags of a project.
    ListPlaces,
    /// To make or change one.
    WritePlace,
    /// To remove one.
    RemovePlace,
    /// To get an access token.
    IssueToken,
    /// To have it last longer.
    RenewToken,
    /// To end it.
    RevokeToken,
    /// To end somebody else's.
    EndToken,
    /// To list those that there are.
    ListTokens,
    /// To change the key that signs them.
    RotateTokenKey,
    /// To make a client secret.
    IssueClientSecret,
    /// To revoke it.
    RevokeClientSecret,
    /// To list those of an identity.
    ListClientSecrets,
    /// To let those in again who failed too often.
    ClearLockouts,
    /// To issue the API key of a host, in the place of the one that it has.
    IssueApiKey,
    /// To take it away.
    RevokeApiKey,
    /// To change one's own.
    RotateApiKey,
    /// To find out whether one's own is right.
    VerifyApiKey,
}

impl Operation {
    /// The name in the audit log: KMIP's, or one made like it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Kmip(operation) => operation.name(Dialect::Oasis),
            Self::GrantAccess => "GrantAccess",
            Self::RevokeAccess => "RevokeAccess",
            Self::ListAccess => "ListAccess",
            Self::Transfer => "TransferOwnership",
            Self::Accept => "AcceptOwnership",
            Self::EndOffer => "EndOffer",
            Self::ListOffers => "ListOffers",
            Self::ListObjects => "ListObjects",
            Self::ProposeRecovery => "ProposeRecovery",
            Self::ApproveRecovery => "ApproveRecovery",
            Self::Recover => "RecoverOwnership",
            Self::WithdrawRecovery => "WithdrawRecovery",
            Self::ListRecoveries => "ListRecoveries",
            Self::SetProject => "SetProject",
            Self::ListOwned => "ListOwned",
            Self::ListKeys => "ListKeys",
            Self::ListObtained => "ListObtained",
            Self::Explain => "ExplainAccess",
            Self::ListIssuers => "ListIssuers",
            Self::TestIssuers => "TestIssuers",
            Self::ListDefinitions => "ListDefinitions",
            Self::Define => "Define",
            Self::Undefine => "Undefine",
            Self::ReadAudit => "ReadAudit",
            Self::ReadSecret => "ReadSecret",
            Self::WriteSecret => "WriteSecret",
            Self::RemoveSecret => "RemoveSecret",
            Self::ExpireSecret => "ExpireSecret",
            Self::ShowResource => "ShowResource",
            Self::ListResources => "ListResources",
            Self::ListSecrets => "ListSecrets",
            Self::ListPlaces => "ListSecretPlaces",
            Self::WritePlace => "WriteSecretPlace",
            Self::RemovePlace => "RemoveSecretPlace",
            Self::IssueToken => "IssueAccessToken",
            Self::RenewToken => "RenewAccessToken",
            Self::RevokeToken | Self::EndToken => "RevokeAccessToken",
            Self::ListTokens => "ListAccessTokens",
            Self::RotateTokenKey => "RotateTokenKey",
            Self::IssueClientSecret => "IssueClientSecret",
            Self::RevokeClientSecret => "RevokeClientSecret",
            Self::ListClientSecrets => "ListClientSecrets",
            Self::ClearLockouts => "ClearLockouts",
            Self::IssueApiKey => "IssueApiKey",
            Self::RevokeApiKey => "RevokeApiKey",
            Self::RotateApiKey => "RotateApiKey",
            Self::VerifyApiKey => "VerifyApiKey",
        }
    }

    /// The action that has to be permitted for it.
    pub(super) fn action(self) -> Action {
        match self {
            Self::Kmip(operation) => Action::Operation(operation),
            Self::Transfer | Self::EndOffer => Action::Transfer,
            Self::Accept => Action::Accept,
            Self::ReadAudit | Self::ListObjects => Action::Audit,
            Self::ProposeRecovery
            | Self::ApproveRecovery
            | Self::Recover
            | Self::WithdrawRecovery
            | Self::ListRecoveries => Action::Recover,
            Self::GrantAccess | Self::RevokeAccess | Self::ListAccess | Self::SetProject => Action::ManageAccess,
            Self::ListOwned
            | Self::ListKeys
            | Self::ListObtained
            | Self::ListOffers
            | Self::Explain
            | Self::ShowResource
            | Self::ListResources
            | Self::ListSecrets
            | Self::ListPlaces => Action::Operation(Kmip::Locate),
            Self::ReadSecret => Action::ReadSecret,
            Self::WriteSecret | Self::ExpireSecret | Self::WritePlace | Self::RemovePlace => Action::WriteSecret,
            Self::RemoveSecret => Action::Operation(Kmip::Destroy),
            Self::IssueToken | Self::RenewToken | Self::RevokeToken | Self::RotateApiKey | Self::VerifyApiKey => {
                Action::AccessToken
            }
            Self::ListIssuers
            | Self::TestIssuers
            | Self::ListDefinitions
            | Self::Define
            | Self::Undefine
            | Self::EndToken
            | Self::ListTokens
            | Self::RotateTokenKey
            | Self::IssueClientSecret
            | Self::RevokeClientSecret
            | Self::ListClientSecrets
            | Self::ClearLockouts
            | Self::IssueApiKey
            | Self::RevokeApiKey => Action::Administer,
        }
    }
}
