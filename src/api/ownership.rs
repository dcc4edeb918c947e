//! How an object gets another owner: `/access/accept`, `decline`, `offers`, `recoveries`.

use serde::{Deserialize, Serialize};

use super::access::Grant;
use super::objects::About;

/// `POST /access/accept` and `/access/decline`
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Offered {
    /// The object.
    pub unique_identifier: String,
}

/// An entry of `GET /access/offers` and `/access/offers/made`.
#[derive(Debug, Serialize, Deserialize)]
pub struct Offer {
    /// The object.
    pub unique_identifier: String,
    /// Its owner.
    pub owner: String,
    /// To whom it is offered.
    pub to: String,
    /// When the offer ends.
    pub expires: String,
    /// What the object is.
    #[serde(flatten)]
    pub object: About,
}

/// `POST /access/recoveries`
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewRecovery {
    /// The object.
    pub unique_identifier: String,
    /// The user who is to own it.
    pub user_id: String,
    /// Why, for those who approve and for the audit log.
    pub reason: String,
    /// Whether grants to others and the place in a project stay.
    #[serde(default)]
    pub keep_access: bool,
}

/// `POST /access/recoveries/approve` and `/access/recoveries/withdraw`
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OneRecovery {
    /// The object.
    pub unique_identifier: String,
    /// The identifier of the recovery.
    pub recovery: String,
}

/// A recovery.
#[derive(Debug, Serialize, Deserialize)]
pub struct Recovery {
    /// The object.
    pub unique_identifier: String,
    /// The identifier of the recovery.
    pub recovery: String,
    /// The object's owner when it was proposed.
    pub owner: String,
    /// The user who is to own it.
    pub to: String,
    /// Why.
    pub reason: String,
    /// Whether grants to others and the place in a project stay.
    pub keep_access: bool,
    /// What stays of the access of others, if anything does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kept: Option<Kept>,
    /// Who approves; the first proposed it.
    pub approvals: Vec<String>,
    /// How many have to.
    pub approvals_needed: usize,
    /// Whether the new owner owns the object.
    pub done: bool,
    /// When the proposal ends.
    pub expires: String,
    /// What the object is.
    #[serde(flatten)]
    pub object: About,
}

/// The access of others that a recovery leaves.
#[derive(Debug, Serialize, Deserialize)]
pub struct Kept {
    /// The project that the object stays in.
    pub project: Option<String>,
    /// The grants that stay.
    pub grants: Vec<Grant>,
}
