//! The certificates that an authority has issued, one JSON object a line. Without this record, a certificate whose file
//! was replaced could not be revoked.

use serde::{Deserialize, Serialize};

use super::authority::Purpose;
use super::directory::Directory;
use super::error::Error as PkiError;
use crate::cli::error::Error;

/// The file of the record.
pub(super) const FILE: &str = "issued.jsonl";

/// A certificate that was issued.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Issued {
    /// The name of its files.
    pub(super) name: String,
    /// The user name of a client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) username: Option<String>,
    pub(super) purpose: Purpose,
    /// The serial number in hexadecimal digits.
    pub(super) serial: String,
    /// The notAfter, in seconds since 1970-01-01 UTC.
    pub(super) not_after: i64,
}

/// Reads the record. It is empty if there is no file.
pub(super) fn read(directory: &Directory) -> Result<Vec<Issued>, Error> {
    let bytes = directory.read(FILE)?.unwrap_or_default();
    let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let unusable =
        |_| PkiError::Unusable { path: directory.path(FILE), fault: "a line is not a record of a certificate" };
    Ok(lines.map(|line| serde_json::from_slice(line).map_err(unusable)).collect::<Result<_, _>>()?)
}

/// Returns the content of the file.
pub(super) fn write(issued: &[Issued]) -> Vec<u8> {
    let lines = issued.iter().filter_map(|own| serde_json::to_string(own).ok());
    lines.flat_map(|line| format!("{line}\n").into_bytes()).collect()
}
