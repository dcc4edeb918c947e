//! What binds rows of the database: MACs by the binding key, so that a row that somebody else wrote is noticed.
//!
//! The binding of one row is the MAC of what it covers. Rows that are written together are bound by one MAC, over the SHA-256 of what
//! each of them covers; the binding of each then tells all that is needed to check it alone:
//!
//! ```text
//! binding = MAC(32) | place(1) MAC(32) digest-of-another(32)+
//! ```

use claviger_pkcs11::MacMechanism;
use openssl::sha::sha256;

use super::{Custody, Error};
use crate::metrics::HsmCall;
use crate::secret::is_equal;
use crate::store::object::{put, put_number};

/// Bytes of a MAC, and of a digest.
const BYTES: usize = 32;

/// The most rows that one MAC binds.
const MOST: usize = 8;

impl Custody {
    /// The binding of a row that covers `bound`.
    ///
    /// # Errors
    /// The token is away.
    pub fn bind(&self, bound: &[u8]) -> Result<Vec<u8>, Error> {
        let binding = self.binding_mac(bound)?;
        self.verified.remember(bound, &binding);
        Ok(binding)
    }

    /// The bindings of rows that are written together, by one MAC; eight at most.
    ///
    /// # Errors
    /// The token is away.
    pub fn bind_together<const ROWS: usize>(&self, bound: [&[u8]; ROWS]) -> Result<[Vec<u8>; ROWS], Error> {
        const { assert!(ROWS > 1 && ROWS <= MOST, "one row is bound by `bind`") };
        let digests = bound.map(sha256);
        let mac = self.binding_mac(&covered(&digests))?;
        let mut place = 0_u8;
        Ok(bound.map(|bound| {
            let own = usize::from(place);
            let others = digests.iter().enumerate().filter(|(other, _)| *other != own).map(|(_, digest)| digest);
            let mut binding = Vec::with_capacity(1 + ROWS * BYTES);
            binding.push(place);
            binding.extend_from_slice(&mac);
            others.for_each(|digest| binding.extend_from_slice(digest));
            place += 1;
            self.verified.remember(bound, &binding);
            binding
        }))
    }

    /// Whether `binding` is that of a row that covers `bound`, compared in constant time. The token is not asked again about what this
    /// process has bound, or found to be bound.
    ///
    /// # Errors
    /// The token is away.
    pub fn is_bound(&self, bound: &[u8], binding: &[u8]) -> Result<bool, Error> {
        if self.verified.knows(bound, binding) {
            return Ok(true);
        }
        let is_bound = match together(bound, binding) {
            Some((covered, mac)) => is_equal(&self.binding_mac(&covered)?, mac),
            None => is_equal(&self.binding_mac(bound)?, binding),
        };
        if is_bound {
            self.verified.remember(bound, binding);
        }
        Ok(is_bound)
    }

    /// HMAC-SHA256 by the binding key.
    fn binding_mac(&self, bytes: &[u8]) -> Result<Vec<u8>, Error> {
        self.run(HsmCall::Bind, |device| Ok(device.mac(self.roots().binding(), MacMechanism::HmacSha256, bytes)?))
    }
}

/// What the MAC of rows that were bound together covers, and that MAC; `None` if the binding is that of one row.
fn together<'a>(bound: &[u8], binding: &'a [u8]) -> Option<(Vec<u8>, &'a [u8])> {
    let (&place, rest) = binding.split_first()?;
    let (mac, others) = rest.split_at_checked(BYTES)?;
    let (others, remainder) = others.as_chunks::<BYTES>();
    let place = usize::from(place);
    if !remainder.is_empty() || !(1..MOST).contains(&others.len()) || place > others.len() {
        return None;
    }
    let mut digests = others.to_vec();
    digests.insert(place, sha256(bound));
    Some((covered(&digests), mac))
}

/// No row covers what begins like this: the first field of each is the name of its table.
fn covered(digests: &[[u8; BYTES]]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(64 + digests.len() * (BYTES + 8));
    put(&mut bytes, Some(b"together"));
    put_number(&mut bytes, i64::try_from(digests.len()).ok());
    digests.iter().for_each(|digest| put(&mut bytes, Some(digest)));
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_binding_says_which_row_of_which_it_is() {
        let rows = [b"one".as_slice(), b"two", b"three"];
        let all = covered(&rows.map(sha256));
        let binding = |place: u8, others: [usize; 2]| {
            [&[place][..], &[7; BYTES], &sha256(rows[others[0]]), &sha256(rows[others[1]])].concat()
        };
        for (place, others) in [(0, [1, 2]), (1, [0, 2]), (2, [0, 1])] {
            let own = binding(place, others);
            assert_eq!(together(rows[usize::from(place)], &own), Some((all.clone(), &[7; BYTES][..])));
            assert_ne!(together(b"other", &own).map(|(covered, _)| covered), Some(all.clone()));
        }
        // At another place the same digests are others.
        assert_ne!(together(rows[0], &binding(1, [1, 2])).map(|(covered, _)| covered), Some(all));
    }

    #[test]
    fn what_is_no_binding_of_several_is_that_of_one() {
        let many = [&[0][..], &[7; (MOST + 1) * BYTES]].concat();
        for binding in [&[][..], &[0; 32], &[0; 33], &[0; 64], &[0; 66], &[2; 65], &many] {
            assert_eq!(together(b"row", binding), None, "{binding:?}");
        }
        assert!(together(b"row", &[0; 65]).is_some());
    }
}
