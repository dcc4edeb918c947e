//! Changes of owner: `/access/accept`, `decline`, `offers`, `recoveries`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::access::Grant;
use super::objects::About;

/// `POST /access/accept` and `/access/decline`
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Offered {
    /// The object.
    pub unique_identifier: String,
}

/// An entry of `GET /access/offers` and `/access/offers/made`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Offer {
    /// The object.
    pub unique_identifier: String,
    /// Its owner.
    pub owner: String,
    /// The user to whom it is offered.
    pub to: String,
    /// When the offer expires.
    pub expires: String,
    /// A summary of the object's attributes.
    #[serde(flatten)]
    pub object: About,
}

/// `POST /access/recoveries`
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRecovery {
    /// The object.
    pub unique_identifier: String,
    /// The user who will own it.
    pub user_id: String,
    /// The reason, for the other recoverers and for the audit log.
    pub reason: String,
    /// Whether grants to other users and the project are kept.
    #[serde(default)]
    pub keep_access: bool,
}

/// `POST /access/recoveries/approve` and `/access/recoveries/withdraw`
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OneRecovery {
    /// The object.
    pub unique_identifier: String,
    /// The identifier of the recovery.
    pub recovery: String,
}

/// A recovery.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Recovery {
    /// The object.
    pub unique_identifier: String,
    /// The identifier of the recovery.
    pub recovery: String,
    /// The object's owner at the time of the proposal.
    pub owner: String,
    /// The user who will own it.
    pub to: String,
    /// The reason.
    pub reason: String,
    /// Whether grants to other users and the project are kept.
    pub keep_access: bool,
    /// The access of other users that is kept, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kept: Option<Kept>,
    /// The recoverers who have approved; the first one is the proposer.
    pub approvals: Vec<String>,
    /// Number of users who must approve.
    pub approvals_needed: usize,
    /// Whether the new owner already owns the object.
    pub done: bool,
    /// When the proposal expires.
    pub expires: String,
    /// A summary of the object's attributes.
    #[serde(flatten)]
    pub object: About,
}

/// The access of other users that a recovery keeps.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Kept {
    /// The project in which the object stays.
    pub project: Option<String>,
    /// The grants that are kept.
    pub grants: Vec<Grant>,
}
