//! Bindings of rows of the database: MACs by the binding key, which detect a row that was not written by the server.
//!
//! The binding of a single row is the MAC of what the row covers. Rows that are written together share one MAC, which
//! covers a leaf of each row. The binding of each row then contains everything that is needed to check that row without
//! the others:
//!
//! ```text
//! binding = MAC(32) | place(1) salt(16) MAC(32) leaf-of-another(32)+
//! leaf    = SHA-256(salt what-the-row-covers)
//! ```
//!
//! The salt of a row is stored only in the binding of that row. So when a row is overwritten, its former binding cannot
//! be computed from the bindings of the other rows.

use claviger_pkcs11::MacMechanism;
use openssl::rand::rand_bytes;
use openssl::sha::{Sha256, sha256};

use super::error::Error;
use super::state::Custody;
use crate::metrics::HsmCall;
use crate::secret::is_equal;
use crate::store::object::{put, put_number};

/// Length in bytes of a MAC and of a digest.
const BYTES: usize = 32;

/// Length in bytes of a salt.
const SALT: usize = 16;

/// The maximum number of rows that one MAC binds.
const MOST: usize = 8;

impl Custody {
    /// Returns the binding of a row that covers `bound`.
    ///
    /// # Errors
    /// The token is unavailable.
    pub fn bind(&self, bound: &[u8]) -> Result<Vec<u8>, Error> {
        let binding = self.binding_mac(bound)?;
        self.verified.remember(&sha256(bound), &binding);
        Ok(binding)
    }

    /// Returns the bindings of rows that are written together, by one MAC. At most eight rows.
    ///
    /// # Errors
    /// The token is unavailable, or OpenSSL's generator failed.
    pub fn bind_together<const ROWS: usize>(&self, bound: [&[u8]; ROWS]) -> Result<[Vec<u8>; ROWS], Error> {
        const { assert!(ROWS > 1 && ROWS <= MOST, "one row is bound by `bind`") };
        let mut salts = [[0; SALT]; ROWS];
        for salt in &mut salts {
            rand_bytes(salt).map_err(Error::Random)?;
        }
        let mut rows = salts.iter().zip(bound);
        let leaves = bound.map(|_| rows.next().map(|(salt, bound)| leaf(salt, bound)).unwrap_or_default());
        let mac = self.bind(&covered(&leaves))?;
        let mut places = 0..;
        Ok(salts.map(|salt| binding(places.next().unwrap_or_default(), &salt, &mac, &leaves)))
    }

    /// Whether `binding` is the binding of a row that covers `bound`, compared in constant time. The token is not
    /// called for what this process has bound or verified before, nor for rows that were bound together with such a
    /// row.
    ///
    /// # Errors
    /// The token is unavailable.
    pub fn is_bound(&self, bound: &[u8], binding: &[u8]) -> Result<bool, Error> {
        match together(bound, binding) {
            Some((leaves, mac)) => self.is_mac(&covered(&leaves), mac),
            None => self.is_mac(bound, binding),
        }
    }

    fn is_mac(&self, bytes: &[u8], mac: &[u8]) -> Result<bool, Error> {
        let digest = sha256(bytes);
        if self.verified.knows(&digest, mac) {
            return Ok(true);
        }
        let is_mac = is_equal(&self.binding_mac(bytes)?, mac);
        if is_mac {
            self.verified.remember(&digest, mac);
        }
        Ok(is_mac)
    }

    /// Returns the HMAC-SHA256 of `bytes` by the binding key.
    pub(super) fn binding_mac(&self, bytes: &[u8]) -> Result<Vec<u8>, Error> {
        self.run(HsmCall::Bind, |device| Ok(device.mac(self.roots().binding(), MacMechanism::HmacSha256, bytes)?))
    }
}

fn leaf(salt: &[u8; SALT], bound: &[u8]) -> [u8; BYTES] {
    let mut state = Sha256::new();
    state.update(salt);
    state.update(bound);
    state.finish()
}

/// Returns the binding of one of the rows that were bound together.
fn binding(place: usize, salt: &[u8; SALT], mac: &[u8], leaves: &[[u8; BYTES]]) -> Vec<u8> {
    let mut binding = Vec::with_capacity(1 + SALT + leaves.len() * BYTES);
    binding.push(u8::try_from(place).unwrap_or(u8::MAX));
    binding.extend_from_slice(salt);
    binding.extend_from_slice(mac);
    let others = leaves.iter().enumerate().filter(|(other, _)| *other != place);
    others.for_each(|(_, leaf)| binding.extend_from_slice(leaf));
    binding
}

/// Returns the leaves of all rows that were bound together with the one that covers `bound`, and the MAC over them.
/// `None` if the binding is that of a single row.
fn together<'a>(bound: &[u8], binding: &'a [u8]) -> Option<(Vec<[u8; BYTES]>, &'a [u8])> {
    let (&place, rest) = binding.split_first()?;
    let (salt, rest) = rest.split_first_chunk::<SALT>()?;
    let (mac, others) = rest.split_at_checked(BYTES)?;
    let (others, remainder) = others.as_chunks::<BYTES>();
    let place = usize::from(place);
    if !remainder.is_empty() || !(1..MOST).contains(&others.len()) || place > others.len() {
        return None;
    }
    let mut leaves = others.to_vec();
    leaves.insert(place, leaf(salt, bound));
    Some((leaves, mac))
}

/// Returns the bytes that the MAC of these leaves covers. No single row covers bytes that begin like this, because the
/// first field of each row is the name of its table.
fn covered(leaves: &[[u8; BYTES]]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(64 + leaves.len() * (BYTES + 8));
    put(&mut bytes, Some(b"together"));
    put_number(&mut bytes, i64::try_from(leaves.len()).ok());
    leaves.iter().for_each(|leaf| put(&mut bytes, Some(leaf)));
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_binding_says_which_row_of_which_it_is() {
        let rows = [b"one".as_slice(), b"two", b"three"];
        let salts = [[1; SALT], [2; SALT], [3; SALT]];
        let leaves = [0, 1, 2].map(|row| leaf(&salts[row], rows[row]));
        let mac = [7; BYTES];
        for (place, row) in rows.into_iter().enumerate() {
            let own = binding(place, &salts[place], &mac, &leaves);
            assert_eq!(together(row, &own), Some((leaves.to_vec(), &mac[..])));
            // Another row, another salt, or another place gives other bytes for the MAC.
            assert_ne!(together(b"other", &own), Some((leaves.to_vec(), &mac[..])));
            let salted = binding(place, &[9; SALT], &mac, &leaves);
            assert_ne!(together(row, &salted), Some((leaves.to_vec(), &mac[..])));
            let elsewhere = [&[u8::try_from((place + 1) % 3).unwrap_or_default()], &own[1..]].concat();
            assert_ne!(together(row, &elsewhere), Some((leaves.to_vec(), &mac[..])));
            // The bindings of the other rows do not contain the salt of this row.
            let others =
                (0..3).filter(|other| *other != place).map(|other| binding(other, &salts[other], &mac, &leaves));
            assert!(others.into_iter().all(|other| !other.windows(SALT).any(|bytes| bytes == salts[place])));
        }
        assert_ne!(covered(&leaves), covered(&leaves[..2]));
    }

    #[test]
    fn what_is_no_binding_of_several_is_that_of_one() {
        let many = [&[0][..], &[7; SALT], &[7; (MOST + 1) * BYTES]].concat();
        for binding in [&[][..], &[0; 32], &[0; 49], &[0; 80], &[0; 82], &[2; 81], &many] {
            assert_eq!(together(b"row", binding), None, "{binding:?}");
        }
        assert!(together(b"row", &[0; 81]).is_some());
    }
}
