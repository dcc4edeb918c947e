//! To whom, and what: the options that granting and revoking share.

use clap::builder::NonEmptyStringValueParser;

use crate::api::access as api;

/// Who, what, and on which object.
#[derive(clap::Args)]
pub(super) struct Change {
    #[command(flatten)]
    grantee: Grantee,
    /// Unique identifier of the object
    #[arg(short, long, value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    key_id: String,
    /// One or more operations, separated by blanks: get_attributes, encrypt, decrypt, mac, mac_verify, sign, signature_verify, get, export, activate, revoke,
    /// destroy, modify_attribute, import, read_secret, write_secret
    #[arg(value_name = "OPERATION", required = true)]
    operations: Vec<String>,
}

#[derive(clap::Args)]
#[group(required = true, multiple = false)]
struct Grantee {
    /// The user of this name, by whatever credential; `*` for everyone
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// Everyone with this role
    #[arg(long, value_name = "ROLE")]
    role: Option<String>,
}

impl Change {
    /// The request; one of user and role is there.
    pub(super) fn body(self) -> api::Change {
        let Self { grantee: Grantee { user, role }, key_id, operations } = self;
        api::Change { unique_identifier: key_id, user_id: user, role, operation_types: operations }
    }
}
