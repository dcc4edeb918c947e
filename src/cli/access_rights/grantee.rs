//! The common options of granting and revoking: the grantee and the operations.

use clap::builder::NonEmptyStringValueParser;
use serde::Serialize;

/// The grantee, the object and the operations.
#[derive(clap::Args)]
pub(super) struct Change {
    #[command(flatten)]
    grantee: Grantee,
    /// Unique identifier of the object
    #[arg(short, long, value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    key_id: String,
    /// One or more operations, separated by blanks: get_attributes, encrypt, decrypt, mac, mac_verify, sign,
    /// signature_verify, get, export, activate, revoke, destroy, modify_attribute, import, read_secret, write_secret
    #[arg(value_name = "OPERATION", required = true)]
    operations: Vec<String>,
}

#[derive(clap::Args)]
#[group(required = true, multiple = false)]
struct Grantee {
    /// User with this name, with any credential; `*` for every user
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// Every user with this role
    #[arg(long, value_name = "ROLE")]
    role: Option<String>,
}

/// The body of the request.
#[derive(Serialize)]
pub(super) struct Body<'a> {
    unique_identifier: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'a str>,
    operation_types: &'a [String],
}

impl Change {
    pub(super) fn key_id(&self) -> &str {
        &self.key_id
    }

    /// Returns the body of the request. Exactly one of user and role is present.
    pub(super) fn body(&self) -> Body<'_> {
        Body {
            unique_identifier: &self.key_id,
            user_id: self.grantee.user.as_deref(),
            role: self.grantee.role.as_deref(),
            operation_types: &self.operations,
        }
    }
}
