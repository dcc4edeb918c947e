//! The record of what an authority has issued and revoked, one JSON object a line. Without it, a certificate whose file
//! was replaced could not be revoked, and a lost list of revoked certificates could not be made again.

use openssl::bn::BigNum;
use openssl::error::ErrorStack;
use serde::{Deserialize, Serialize};

use super::authority::{self, Purpose};
use super::crl::{self, Revoked};
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

/// A line of the record.
#[derive(Deserialize, Serialize)]
#[serde(untagged)]
enum Line {
    Issued(Issued),
    Revoked(Revoked),
    /// The number of the last list, in hexadecimal digits.
    List {
        crl_number: String,
    },
}

/// The record.
pub(super) struct Record {
    /// The certificates that were issued.
    pub(super) issued: Vec<Issued>,
    /// Those that were revoked, also after their end.
    pub(super) revoked: Vec<Revoked>,
    /// The number of the last list of revoked certificates; zero if there was none.
    number: BigNum,
}

impl Record {
    /// Reads the record. It is empty if there is no file. What only the present list has, of a former version or of
    /// another program, becomes part of it.
    pub(super) fn read(directory: &Directory) -> Result<Self, Error> {
        let (listed, mut number) = crl::read(directory)?;
        let bytes = directory.read(FILE)?.unwrap_or_default();
        let unusable = |fault| PkiError::Unusable { path: directory.path(FILE), fault };
        let (mut issued, mut revoked) = (Vec::new(), Vec::new());
        for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            match serde_json::from_slice(line) {
                Ok(Line::Issued(own)) => issued.push(own),
                Ok(Line::Revoked(own)) => revoked.push(own),
                Ok(Line::List { crl_number }) => {
                    let own = BigNum::from_hex_str(&crl_number);
                    let own = own.and_then(|own| crl::check_number(&own).map(|()| own));
                    number = own.map_err(|_| unusable("a line has no number of a CRL"))?.max(number);
                }
                Err(_) => return Err(unusable("a line is not a record of a certificate").into()),
            }
        }
        let mut record = Self { issued, revoked, number };
        record.add(listed);
        Ok(record)
    }

    /// Adds revoked certificates that it does not have.
    pub(super) fn add(&mut self, revoked: Vec<Revoked>) {
        for own in revoked {
            if !self.has_revoked(&own.serial) {
                self.revoked.push(own);
            }
        }
    }

    /// Returns whether the certificate of a serial number was revoked.
    pub(super) fn has_revoked(&self, serial: &str) -> bool {
        self.revoked.iter().any(|own| own.serial == serial)
    }

    /// Returns the number of the next list: a later one is larger (RFC 5280 section 5.2.3).
    pub(super) fn next_number(&mut self) -> Result<BigNum, ErrorStack> {
        self.number.add_word(1)?;
        self.number.to_owned()
    }

    /// Returns the content of the file.
    pub(super) fn written(self) -> Result<Vec<u8>, ErrorStack> {
        let number = Line::List { crl_number: authority::digits(&self.number)? };
        let lines = self.issued.into_iter().map(Line::Issued).chain(self.revoked.into_iter().map(Line::Revoked));
        let lines = lines.chain([number]).filter_map(|line| serde_json::to_string(&line).ok());
        Ok(lines.flat_map(|line| format!("{line}\n").into_bytes()).collect())
    }
}
