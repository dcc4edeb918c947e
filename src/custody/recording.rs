//! Records of root keys in the database.

use claviger_pkcs11::{Device, Key, MacMechanism};

use super::durability::Unsettled;
use super::error::RootError;
use super::root::Roots;
use crate::config::RemadeKey;
use crate::store::Store;
use crate::store::audit_head::AuditHead;
use crate::store::root_key::{self, RootKey};

/// Records root keys, in one transaction with the row `head`, whose binding covers the whole record and whether uses of
/// AES-GCM are counted, and with the new row `beside`. For a key that is recorded already, the check value is replaced.
pub(super) fn record(
    (device, disk): (&Device, Unsettled),
    store: &Store,
    roots: &Roots,
    made: &[RootKey],
    (whole, counts): (&[RootKey], bool),
    (head, beside): (AuditHead, Option<AuditHead>),
    now: i64,
) -> Result<(), RootError> {
    // The keys must be durable before the database records them.
    disk.settle().map_err(RootError::Disk)?;
    // A line that the former key signed proves nothing under the new key.
    let is_names = head.is_common();
    let signed_line = head.signed_line.filter(|_| is_names || !roots.remade().contains(&RemadeKey::Audit));
    let mut head = AuditHead { root_keys: Some(root_key::digest(whole, counts).to_vec()), signed_line, ..head };
    head.binding = Some(mac(device, roots.binding(), &head.bound())?);
    let mut command = root_key::record(made.to_vec(), now).then(root_key::conclude()).then(head.insert());
    if let Some(head) = beside {
        let binding = Some(mac(device, roots.binding(), &head.bound())?);
        command = command.then(AuditHead { binding, ..head }.insert());
    }
    Ok(store.write(command)?)
}

pub(super) fn mac(device: &Device, binding: &Key, bytes: &[u8]) -> Result<Vec<u8>, RootError> {
    Ok(device.mac(binding, MacMechanism::HmacSha256, bytes)?)
}
