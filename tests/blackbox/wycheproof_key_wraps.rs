//! C2SP Wycheproof's vectors for AES key wrap with padding, through the server: what is valid is unwrapped inside
//! the HSM to the right key, and wrapped again to the same blob; what is not is refused.

use serde_json::Value;
use wycheproof::keywrap::{TestName, TestSet};

use crate::harness::key_wraps::{Coming, kwp, mask, wrapped};
use crate::harness::kmip::{enumeration, integer, octets, register};
use crate::harness::{Connection, Server};

const WRAP: i64 = 0x10;
const UNWRAP: i64 = 0x20;

#[test]
fn requests_to_one_server() {
    Server::shared(&[padded]);
}

/// Whether the server makes an AES key of this length.
fn is_aes(bytes: usize) -> bool {
    matches!(bytes, 16 | 24 | 32)
}

fn padded(server: &Server) {
    let way = &kwp();
    let mut alice = server.alice().connect().unwrap();
    let (mut served, mut refused) = (0, 0);
    for group in TestSet::load(TestName::AesKeyWrapWithPadding).unwrap().test_groups {
        for test in group.tests {
            let is_valid = !test.result.must_fail() && is_aes(test.pt.len());
            let wrapping = alice.new_key(&register("AES", &test.key, &[mask(WRAP | UNWRAP)]));
            // The lengths of AES keys that the blob could have.
            for bytes in [16, 24, 32] {
                let own = [
                    enumeration("CryptographicAlgorithm", "AES"),
                    integer("CryptographicLength", 8 * bytes),
                    mask(4 | 8),
                ];
                let bytes = usize::try_from(bytes).unwrap();
                let answer = alice.kmip(&Coming::new(&wrapping, way, &test.ct, &own).import());
                if is_valid && bytes == test.pt.len() {
                    served += 1;
                    let id = crate::harness::kmip::string(&answer.json(), "UniqueIdentifier");
                    assert_eq!(alice.export(&id), *test.pt, "{}", test.tc_id);
                    assert_eq!(again(&mut alice, &id, &wrapping, way), *test.ct, "{}", test.tc_id);
                } else {
                    refused += 1;
                    assert!([400, 422].contains(&answer.status), "{} {bytes}: {}", test.tc_id, answer.status);
                }
            }
        }
    }
    assert_eq!((served, refused), (27, 3 * 254 - 27), "another edition of the vectors");
    assert_eq!(server.log().matches("suspected").count(), 0);
}

fn again(alice: &mut Connection, id: &str, wrapping: &str, way: &[Value]) -> Vec<u8> {
    octets(&alice.ok(&wrapped(id, wrapping, way, "NoEncoding")), "KeyMaterial")
}
