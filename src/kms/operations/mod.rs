//! The operations of KMIP, one file each.

pub(super) mod activate;
pub(super) mod create;
pub(super) mod create_key_pair;
pub(super) mod decrypt;
pub(super) mod destroy;
pub(super) mod discover_versions;
pub(super) mod encrypt;
pub(super) mod export;
pub(super) mod get;
pub(super) mod get_attributes;
pub(super) mod import;
pub(super) mod locate;
pub(super) mod mac;
pub(super) mod mac_verify;
pub(super) mod query;
pub(super) mod register;
pub(super) mod revoke;
pub(super) mod rng_retrieve;
pub(super) mod sign;
pub(super) mod signature_verify;
