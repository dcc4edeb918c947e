//! The header of the PROXY protocol, version 2: a proxy sends it at the beginning of a connection, and says in it whose
//! connection it forwards (<https://www.haproxy.org/download/3.2/doc/proxy-protocol.txt>, section 2.2).

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

/// The first bytes of each header.
const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";

/// The length of the part that each header has.
pub(super) const FIXED: usize = 16;

/// The longest header. The specification recommends that senders keep to it, because it fits in one segment of TCP.
const LONGEST: usize = 536;

/// The reason why a header is refused.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum HeaderFault {
    #[error("it begins with no PROXY header: let the proxy send version 2 (haproxy: send-proxy-v2)")]
    Absent,
    #[error("it begins with a PROXY header of version 1: let the proxy send version 2 (haproxy: send-proxy-v2)")]
    Version1,
    #[error("its PROXY header has version {0}; expected 2")]
    Version(u8),
    #[error("its PROXY header has the unknown command {0}")]
    Command(u8),
    #[error("its PROXY header has {0} bytes, more than {LONGEST}: let the proxy send fewer TLVs")]
    Long(usize),
    #[error("its PROXY header names no address of TCP (family and protocol 0x{0:02x})")]
    Family(u8),
    #[error("its PROXY header ends before its addresses")]
    Short,
}

/// The part that each header has.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Head {
    /// Whether the proxy itself is the client, for example for a health check (command LOCAL).
    is_local: bool,
    /// Address family and transport protocol.
    family: u8,
    /// The length of the rest of the header, in bytes.
    pub(super) rest: usize,
}

impl Head {
    /// Reads the first bytes of a connection.
    ///
    /// # Errors
    /// They are not those of a header, or the header is too long.
    pub(super) fn parse(bytes: &[u8; FIXED]) -> Result<Self, HeaderFault> {
        let [signature @ .., version, family, high, low] = bytes;
        if *signature != SIGNATURE {
            return Err(if signature.starts_with(b"PROXY ") { HeaderFault::Version1 } else { HeaderFault::Absent });
        }
        if version >> 4 != 2 {
            return Err(HeaderFault::Version(version >> 4));
        }
        let is_local = match version & 0xf {
            0 => true,
            1 => false,
            command => return Err(HeaderFault::Command(command)),
        };
        let rest = usize::from(u16::from_be_bytes([*high, *low]));
        if FIXED + rest > LONGEST {
            return Err(HeaderFault::Long(FIXED + rest));
        }
        Ok(Self { is_local, family: *family, rest })
    }

    /// Returns the client's address; `None` if the client is the proxy itself. `rest` is the rest of the header.
    ///
    /// What follows the addresses is ignored, with it the checksum, whose verification is optional: TCP and the network
    /// between proxy and server protect the header no less than the rest of the connection.
    ///
    /// # Errors
    /// The header names no address of TCP. A client whose address is unknown must not count as the proxy.
    pub(super) fn client(&self, rest: &[u8]) -> Result<Option<SocketAddr>, HeaderFault> {
        if self.is_local {
            return Ok(None);
        }
        let port = |at: usize| {
            let bytes = rest.get(at..at + 2).and_then(|bytes| bytes.try_into().ok());
            bytes.map(u16::from_be_bytes).ok_or(HeaderFault::Short)
        };
        // Source, destination, and their ports.
        match self.family {
            0x11 => {
                let source: &[u8; 4] = rest.first_chunk().ok_or(HeaderFault::Short)?;
                port(10)?;
                Ok(Some(SocketAddr::from((Ipv4Addr::from(*source), port(8)?))))
            }
            0x21 => {
                let source: &[u8; 16] = rest.first_chunk().ok_or(HeaderFault::Short)?;
                port(34)?;
                Ok(Some(SocketAddr::new(Ipv6Addr::from(*source).to_canonical(), port(32)?)))
            }
            family => Err(HeaderFault::Family(family)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns a header.
    fn header(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
        let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
        [&SIGNATURE[..], &[command, family], &length, rest].concat()
    }

    fn read(bytes: &[u8]) -> Result<Option<SocketAddr>, HeaderFault> {
        let (fixed, rest) = bytes.split_first_chunk().unwrap();
        let head = Head::parse(fixed)?;
        assert_eq!(head.rest, rest.len());
        head.client(rest)
    }

    #[test]
    fn a_header_names_the_client() {
        let four = [&[192, 0, 2, 7, 10, 0, 0, 1][..], &[0x1f, 0x90, 0x27, 0x0e]].concat();
        let six = |source: &str| {
            let source: Ipv6Addr = source.parse().unwrap();
            [&source.octets()[..], &Ipv6Addr::LOCALHOST.octets(), &[0x1f, 0x90, 0x27, 0x0e]].concat()
        };
        let with_tlv = [&four[..], &[0x03, 0, 4, 1, 2, 3, 4, 0xee]].concat();
        for (family, rest, client) in [
            (0x11, four.clone(), "192.0.2.7:8080"),
            (0x11, with_tlv, "192.0.2.7:8080"),
            (0x21, six("2001:db8::7"), "[2001:db8::7]:8080"),
            (0x21, six("::ffff:192.0.2.7"), "192.0.2.7:8080"),
        ] {
            assert_eq!(read(&header(0x21, family, &rest)), Ok(Some(client.parse().unwrap())), "{client}");
            // The proxy's own connections, whatever they name.
            assert_eq!(read(&header(0x20, family, &rest)), Ok(None));
        }
        assert_eq!(read(&header(0x20, 0, &[])), Ok(None));
        assert_eq!(read(&header(0x20, 0x31, &[7; LONGEST - FIXED])), Ok(None));
    }

    #[test]
    fn what_names_no_client_is_refused() {
        let four = [192, 0, 2, 7, 10, 0, 0, 1, 0x1f, 0x90, 0x27, 0x0e];
        for (bytes, fault) in [
            (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\x00\x00\x00\x00\x00".to_vec(), HeaderFault::Absent),
            (b"PROXY TCP4 192.0".to_vec(), HeaderFault::Version1),
            (header(0x11, 0x11, &four), HeaderFault::Version(1)),
            (header(0x31, 0x11, &four), HeaderFault::Version(3)),
            (header(0x22, 0x11, &four), HeaderFault::Command(2)),
            (header(0x21, 0, &[]), HeaderFault::Family(0)),
            (header(0x21, 0x12, &four), HeaderFault::Family(0x12)),
            (header(0x21, 0x31, &[0; 216]), HeaderFault::Family(0x31)),
            (header(0x21, 0x41, &four), HeaderFault::Family(0x41)),
            (header(0x21, 0x11, &four[..11]), HeaderFault::Short),
            (header(0x21, 0x11, &[]), HeaderFault::Short),
            (header(0x21, 0x21, &[0; 35]), HeaderFault::Short),
            (header(0x20, 0, &[0; LONGEST - FIXED + 1]), HeaderFault::Long(LONGEST + 1)),
            (header(0x21, 0x11, &[0; 65535]), HeaderFault::Long(65551)),
        ] {
            assert_eq!(read(&bytes), Err(fault), "{bytes:?}");
        }
    }
}
