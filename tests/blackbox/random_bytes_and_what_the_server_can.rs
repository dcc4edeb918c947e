//! RNGRetrieve, Query and DiscoverVersions.

use serde_json::{Value, json};

use crate::harness::kmip::{all, bytes, enumeration, find, integer, octets, string, structure};
use crate::harness::{Server, World};

const POLICY: &str = r#"
[policies.of_apollo]
policy_type = "allow"
operations = ["*"]
resources = ["projects/apollo/*"]

[policies.no_production]
policy_type = "deny"
operations = ["*"]
resources = ["tags/production"]

[policies.no_random]
policy_type = "deny"
operations = ["rng_retrieve"]
resources = ["objects/*"]

[roles.lead]
capabilities = ["*"]
policies = ["of_apollo", "no_production"]

[roles.auditor]
capabilities = ["read"]
policies = ["of_apollo"]

[roles.quiet]
capabilities = ["*"]
policies = ["of_apollo", "no_random"]

[users.vera]
role = "auditor"

[users.lena]
role = "lead"

[projects.apollo.members]
alice = "lead"
bob = "auditor"
carol = "quiet"
vera = "lead"
lena = "auditor"
'*' = "auditor"

[projects.mars.members]
bob = "auditor"
"jwt:https://issuer.example/#dave" = "auditor"

[projects.venus.members]
"jwt:https://issuer.example/#dave" = "lead"
"#;

#[test]
fn requests_to_one_server() {
    Server::shared(&[random_bytes_within_bounds, what_is_served_is_told, versions_in_common]);
}

fn random_bytes_within_bounds(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let mut seen = std::collections::HashSet::new();
    for length in [1, 16, 32, 32, 32, 1000, 65_536] {
        let answer = alice.ok(&structure("RNGRetrieve", &[integer("DataLength", length)]));
        let bytes = octets(&answer, "Data");
        assert_eq!(bytes.len() as i64, length);
        assert!(length < 32 || seen.insert(bytes));
    }
    for length in [-1, 0, 65_537, i64::from(i32::MAX)] {
        let request = structure("RNGRetrieve", &[integer("DataLength", length)]);
        alice.refused(&request, 400, "Invalid_Attribute_Value");
    }
    alice.refused(&structure("RNGRetrieve", &[]), 400, "Missing_Data");
}

#[test]
fn a_role_limits_random_bytes() {
    let world = World::new(POLICY);
    let requests =
        [structure("RNGRetrieve", &[integer("DataLength", 8)]), structure("RNGSeed", &[bytes("Data", b"seed")])];
    let null = Value::Null;
    let narrowed = |role: &str| world.token("sam", &json!({ "role": role }));
    // The own role of a caller must allow it. Without one, a role of the caller in one project is enough, and roles of the member
    // `*` do not count.
    let permitted = [
        world.certificate("alice"),
        world.certificate("lena"),
        world.certificate("sam"),
        world.token("dave", &null),
        narrowed("lead"),
    ];
    let refused = [
        (world.certificate("bob"), "use"),
        (world.certificate("carol"), "no_random"),
        (world.certificate("vera"), "auditor"),
        (narrowed("auditor"), "auditor"),
    ];
    for mut caller in permitted {
        requests.iter().for_each(|request| drop(caller.ok(request)));
    }
    for (mut caller, reason) in refused {
        for request in &requests {
            let detail = caller.refused(request, 403);
            assert!(detail.contains(reason), "{detail}");
        }
        // Other operations that concern no object need no right.
        caller.ok(&structure("Query", &[enumeration("QueryFunction", "QueryOperations")]));
    }
}

fn what_is_served_is_told(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let functions = ["QueryOperations", "QueryObjects", "QueryServerInformation", "QueryCapabilities"];
    let functions: Vec<_> = functions.into_iter().map(|name| enumeration("QueryFunction", name)).collect();
    let answer = alice.ok(&structure("Query", &functions));
    let operations = all(&answer, "Operation");
    for operation in [
        "Create",
        "Register",
        "Locate",
        "Get",
        "GetAttributes",
        "Activate",
        "Revoke",
        "Destroy",
        "Query",
        "DiscoverVersions",
        "Encrypt",
        "Decrypt",
        "MAC",
        "MACVerify",
        "CreateKeyPair",
        "Sign",
        "SignatureVerify",
        "RNGRetrieve",
        "Import",
        "Export",
    ] {
        assert!(operations.iter().any(|told| **told == operation), "{operation}: {operations:?}");
    }
    // Each of them is served: other operations have another answer.
    for operation in &operations {
        let answer = alice.kmip(&structure(operation.as_str().unwrap(), &[]));
        assert_ne!(answer.json()["result_reason"], "Operation_Not_Supported", "{operation}");
    }
    let kinds =
        ["Certificate", "SymmetricKey", "PublicKey", "PrivateKey", "SplitKey", "SecretData", "OpaqueObject", "PGPKey"];
    assert_eq!(all(&answer, "ObjectType"), [&kinds[..], &["CertificateRequest"]].concat());
    assert_eq!(string(&answer, "VendorIdentification"), "Claviger");
    assert_eq!(string(&answer, "ServerVersion"), env!("CARGO_PKG_VERSION"));
    assert_eq!(find(&answer, "BatchUndoCapability").unwrap(), true);
    assert_eq!(find(&answer, "BatchContinueCapability").unwrap(), true);
    let one = alice.ok(&structure("Query", &[enumeration("QueryFunction", "QueryObjects")]));
    assert!(find(&one, "Operation").is_none() && find(&one, "ServerInformation").is_none());
    for operation in ["CreateKeyPair", "Locate2", "Poll", "Interop"] {
        let answer = alice.kmip(&structure(operation, &[]));
        assert!([400, 422, 501].contains(&answer.status), "{operation}");
    }
}

fn versions_in_common(server: &Server) {
    let mut alice = server.alice().connect().unwrap();
    let version = |major, minor| {
        let numbers = [integer("ProtocolVersionMajor", major), integer("ProtocolVersionMinor", minor)];
        structure("ProtocolVersion", &numbers)
    };
    let every = [(2, 1), (2, 0), (1, 4), (1, 3), (1, 2), (1, 1), (1, 0)];
    for (asked, expected) in [
        (&[][..], &every[..]),
        (&[(2, 1), (1, 4)], &[(2, 1), (1, 4)]),
        (&[(3, 0), (1, 0)], &[(1, 0)]),
        (&[(3, 0), (0, 9), (1, 5)], &[]),
    ] {
        let [asked, expected] = [asked, expected]
            .map(|all| -> Vec<Value> { all.iter().map(|(major, minor)| version(*major, *minor)).collect() });
        let answer = alice.ok(&structure("DiscoverVersions", &asked));
        let expected: Vec<&Value> = expected.iter().map(|version| &version["value"]).collect();
        assert_eq!(all(&answer, "ProtocolVersion"), expected);
    }
}
