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
        self.verified.remember(&sha256(bound), &binding);
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
        let mut places = 0..;
        let bindings = digests.map(|_| binding(places.next().unwrap_or_default(), &mac, &digests));
        for (digest, binding) in digests.iter().zip(&bindings) {
            self.verified.remember(digest, binding);
        }
        Ok(bindings)
    }

    /// Whether `binding` is that of a row that covers `bound`, compared in constant time. The token is not asked again about what this
    /// process has bound, or found to be bound, nor about the rows that were bound together with it.
    ///
    /// # Errors
    /// The token is away.
    pub fn is_bound(&self, bound: &[u8], binding: &[u8]) -> Result<bool, Error> {
        let digest = sha256(bound);
        if self.verified.knows(&digest, binding) {
            return Ok(true);
        }
        let Some((digests, mac)) = together(digest, binding) else {
            let is_bound = is_equal(&self.binding_mac(bound)?, binding);
            if is_bound {
                self.verified.remember(&digest, binding);
            }
            return Ok(is_bound);
        };
        let is_bound = is_equal(&self.binding_mac(&covered(&digests))?, mac);
        if is_bound {
            for (place, digest) in digests.iter().enumerate() {
                self.verified.remember(digest, &self::binding(place, mac, &digests));
            }
        }
        Ok(is_bound)
    }

    /// HMAC-SHA256 by the binding key.
    fn binding_mac(&self, bytes: &[u8]) -> Result<Vec<u8>, Error> {
        self.run(HsmCall::Bind, |device| Ok(device.mac(self.roots().binding(), MacMechanism::HmacSha256, bytes)?))
    }
}

/// The binding of one of the rows that were bound together.
fn binding(place: usize, mac: &[u8], digests: &[[u8; BYTES]]) -> Vec<u8> {
    let mut binding = Vec::with_capacity(1 + digests.len() * BYTES);
    binding.push(u8::try_from(place).unwrap_or(u8::MAX));
    binding.extend_from_slice(mac);
    let others = digests.iter().enumerate().filter(|(other, _)| *other != place);
    others.for_each(|(_, digest)| binding.extend_from_slice(digest));
    binding
}

/// The digests of all rows that were bound together with the one of this digest, and the MAC over them; `None` if the binding is that
/// of one row.
fn together(digest: [u8; BYTES], binding: &[u8]) -> Option<(Vec<[u8; BYTES]>, &[u8])> {
    let (&place, rest) = binding.split_first()?;
    let (mac, others) = rest.split_at_checked(BYTES)?;
    let (others, remainder) = others.as_chunks::<BYTES>();
    let place = usize::from(place);
    if !remainder.is_empty() || !(1..MOST).contains(&others.len()) || place > others.len() {
        return None;
    }
    let mut digests = others.to_vec();
    digests.insert(place, digest);
    Some((digests, mac))
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
        let digests = [b"one".as_slice(), b"two", b"three"].map(sha256);
        let mac = [7; BYTES];
        for (place, digest) in digests.into_iter().enumerate() {
            let own = binding(place, &mac, &digests);
            assert_eq!(together(digest, &own), Some((digests.to_vec(), &mac[..])));
            // Another row, and the same row at another place, are others to the MAC.
            assert_ne!(together(sha256(b"other"), &own), Some((digests.to_vec(), &mac[..])));
            let elsewhere = [&[u8::try_from((place + 1) % 3).unwrap_or_default()], &own[1..]].concat();
            assert_ne!(together(digest, &elsewhere), Some((digests.to_vec(), &mac[..])));
        }
        assert_ne!(covered(&digests), covered(&digests[..2]));
    }

    #[test]
    fn what_is_no_binding_of_several_is_that_of_one() {
        let many = [&[0][..], &[7; (MOST + 1) * BYTES]].concat();
        for binding in [&[][..], &[0; 32], &[0; 33], &[0; 64], &[0; 66], &[2; 65], &many] {
            assert_eq!(together([1; BYTES], binding), None, "{binding:?}");
        }
        assert!(together([1; BYTES], &[0; 65]).is_some());
    }
}
