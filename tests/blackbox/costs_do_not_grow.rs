//! What an operation costs does not grow with the number of objects or definitions: the same requests at a server that holds
//! few and at one that holds many.

use std::fs;
use std::sync::Arc;

use serde_json::json;

use crate::harness::costs::{Pair, SLACK, fill, objects, quiet_server, starts, warm};
use crate::harness::kmip::locate;
use crate::harness::server::Place;
use crate::harness::{Options, Server};

/// Objects of alice at the two servers.
const FEW: usize = 1_000;
const MANY: usize = 50_000;

/// As many of them as the cache can hold.
const WARM: usize = 20_000;

#[test]
fn with_the_number_of_objects() {
    let (few, many) = (quiet_server(), quiet_server());
    fill(&few, FEW);
    fill(&many, MANY);
    warm(&many, WARM);
    objects([&few, &many], SLACK);
    starts([few, many]);
}

/// A policy file with so many users, projects, identities and hosts; a role that all of them name, and one that nobody does.
fn policy(count: usize) -> String {
    let mut text = "administrators = [\"root\"]\n[policies.all]\npolicy_type = \"allow\"\noperations = [\"*\"]\n\
                    resources = [\"*\"]\n[roles.full]\ncapabilities = [\"*\"]\npolicies = [\"all\"]\n"
        .to_owned();
    for number in 0..count {
        text.push_str(&format!(
            "[users.u{number}]\nrole = \"full\"\n[projects.p{number}]\nmembers = {{ u{number} = \"full\" }}\n\
             [identities.i{number}]\nname = \"app\"\n[hosts.h{number}]\naccount = \"acme\"\n"
        ));
    }
    text
}

#[test]
fn with_the_number_of_definitions() {
    let [few, many] = [10, 4_000].map(|count| {
        let place = Arc::new(Place::new());
        fs::write(place.path("policy.toml"), policy(count)).unwrap();
        let arguments = vec!["--policy-file=policy.toml".to_owned()];
        let environment = vec![("KMS_LOG".to_owned(), "warn".to_owned())];
        Server::start_at(place, &Options { arguments, environment, ..Options::default() })
    });
    let servers = [&few, &many];
    let mut root = Pair::new(servers, "root", SLACK);
    let rule = json!({"policy_type": "allow", "operations": ["get"], "resources": ["*"]});
    let role = json!({"capabilities": ["read"], "policies": ["all"]});
    for (kind, definition) in [
        ("policies", rule),
        ("roles", role),
        ("users", json!({"role": "full"})),
        ("projects", json!({"members": {"mary": "full"}})),
        ("identities", json!({"name": "app"})),
        ("hosts", json!({"account": "acme"})),
        ("authenticators/acme%2F", json!({"variables": {"jwks-uri": "https://issuer.example/jwks"}})),
    ] {
        let (kind, prefix) = kind.split_once('/').unwrap_or((kind, ""));
        let name = |turn: usize| format!("{prefix}new{turn}");
        root.check(&format!("a definition among {kind}"), |root, turn, cpu| {
            cpu.spent(|| assert_eq!(root.define(kind, &name(turn), &definition).status, 200, "{kind}"))
        });
        root.check(&format!("a change among {kind}"), |root, turn, cpu| {
            root.define(kind, &name(turn), &definition);
            cpu.spent(|| assert_eq!(root.define(kind, &name(turn), &definition).json()["version"], 2))
        });
        root.check(&format!("a removal among {kind}"), |root, turn, cpu| {
            root.define(kind, &name(turn), &definition);
            cpu.spent(|| assert_eq!(root.undefine(kind, &name(turn)).status, 200, "{kind}"))
        });
    }
    // What somebody finds who is in a project, and who is in none.
    let request = locate(&[], &[]);
    for name in ["u1", "mary"] {
        Pair::new(servers, name, SLACK).check("Locate", |caller, _, cpu| cpu.least(|| drop(caller.ok(&request))));
    }
}
