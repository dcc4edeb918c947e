use std::sync::Arc;

use super::*;
use crate::kmip::enumerations::Operation;
use crate::principal::{Caller, Method, Narrowing, Username};

const FILE: &str = r#"
administrators = ["root", "role:keeper"]
create = ["alice", "jwt:https://issuer#bob"]

[roles.keeper]
capabilities = ["*"]
policies = ["everything", "not-the-crown"]

[roles.reader]
capabilities = ["read"]
policies = ["everything"]

[policies.everything]
policy_type = "allow"
operations = ["*"]
resources = ["*"]

[policies.not-the-crown]
policy_type = "deny"
operations = ["destroy", "ex*"]
resources = ["tags/crown", "projects/*/crown-*"]

[users.carol]
role = "keeper"

[projects.p]
members = { dave = "reader", "*" = "reader" }
"#;

struct Tags(&'static [&'static str]);

impl Properties for Tags {
    fn tags(&self) -> Vec<String> {
        self.0.iter().map(|tag| (*tag).to_owned()).collect()
    }

    fn values(&self, property: &str) -> Vec<String> {
        if property == "tag" { self.tags() } else { Vec::new() }
    }
}

fn policy() -> Policy {
    Policy::new(&toml::from_str(FILE).unwrap(), false).unwrap()
}

fn by_certificate(name: &str) -> Caller {
    let username = Username::new(name).unwrap();
    Caller { username, method: Method::Certificate { thumbprint: [0; 32] }, narrowing: None, role: None }
}

fn by_jwt(name: &str) -> Caller {
    Caller { method: Method::Jwt { issuer: Arc::from("https://issuer"), table: None }, ..by_certificate(name) }
}

fn decide(caller: &Caller, operation: Operation, project: Option<&str>, tags: &'static [&'static str]) -> Decision {
    let grants = Grants::default();
    let resource = Resource { id: "k", owner: "alice", project, grants: &grants, properties: &Tags(tags) };
    policy().decide(caller, Action::Operation(operation), &resource)
}

#[test]
fn what_is_in_no_project_belongs_to_its_owner() {
    assert_eq!(decide(&by_certificate("alice"), Operation::Destroy, None, &[]), Ok(Rule::Owner));
    assert_eq!(decide(&by_certificate("carol"), Operation::Encrypt, None, &[]), Err(Refusal::Nothing));
    assert_eq!(decide(&by_certificate("Alice"), Operation::Encrypt, None, &[]), Err(Refusal::Nothing));
}

#[test]
fn a_deny_wins_and_a_capability_is_needed() {
    let carol = by_certificate("carol");
    let allowed = |operation, tags| decide(&carol, operation, Some("p"), tags).is_ok();
    assert!(allowed(Operation::Destroy, &[]));
    assert!(allowed(Operation::Encrypt, &["crown"]));
    assert!(!allowed(Operation::Destroy, &["crown"]));
    assert!(!allowed(Operation::Export, &["crown"]));
    let dave = by_certificate("dave");
    assert!(decide(&dave, Operation::GetAttributes, Some("p"), &[]).is_ok());
    assert!(decide(&dave, Operation::Encrypt, Some("p"), &[]).is_err());
}

#[test]
fn a_name_in_a_token_is_not_the_name_in_a_certificate() {
    let policy = policy();
    assert!(policy.decide_administer(&by_certificate("root")).is_ok());
    assert!(policy.decide_administer(&by_certificate("carol")).is_ok());
    for caller in [by_jwt("root"), by_jwt("carol"), by_certificate("Root")] {
        assert!(policy.decide_administer(&caller).is_err(), "{caller:?}");
    }
    let narrowed = Caller { narrowing: Some(Arc::new(Narrowing::default())), ..by_certificate("root") };
    assert!(policy.decide_administer(&narrowed).is_err());
    let nothing = Policy::new(&Documents::default(), false).unwrap();
    let default = Caller { method: Method::Default, ..by_certificate("admin") };
    assert!(nothing.decide_administer(&default).is_err());
    assert!(Policy::new(&Documents::default(), true).unwrap().decide_administer(&default).is_ok());
}

#[test]
fn what_is_left_out_gives_nobody_more() {
    let mut documents: Documents = toml::from_str(FILE).unwrap();
    documents.policies.remove("not-the-crown");
    let (policy, faults) = Policy::lenient(&documents, false);
    assert_eq!(faults.len(), 2, "{faults:?}");
    let grants = Grants::default();
    let resource = Resource { id: "k", owner: "carol", project: None, grants: &grants, properties: &Tags(&[]) };
    let refused = policy.decide(&by_certificate("carol"), Action::Operation(Operation::Encrypt), &resource);
    assert_eq!(refused, Err(Refusal::UnknownRole("keeper".to_owned())));
}

#[test]
fn faults_are_told_with_line_and_key() {
    let directory = std::env::temp_dir().join(format!("claviger-policy-{}", std::process::id()));
    for (text, told) in [
        ("[roles.r]\ncapabilities = [\"fly\"]\npolicies = []\n", "line 2: roles.r.capabilities: \"fly\""),
        ("[roles.r]\ncapabilities = []\npolicies = [\"p\"]\n", "line 3: roles.r.policies: there is no policy \"p\""),
        ("\n[users.\"a b\"]\nrole = \"r\"\n", "line 3: users.a b.role: there is no role \"r\""),
        ("\n[users.\"a b \"]\nrole = \"r\"\n", "line 2: users.a b : \"a b \" is not a user name"),
        ("[projects.x]\nowner = 1\n", "line 2: projects.x.owner: unknown field `owner`"),
        ("[policies.p]\npolicy_type = \"maybe\"\n", "line 2: policies.p.policy_type: unknown variant `maybe`"),
        ("administrators = [\"jwt:x\"]\n", "line 1: administrators: \"jwt:x\""),
        ("a b\n", "line 1: "),
        (
            "[policies.p]\npolicy_type = \"deny\"\noperations = [\"cook\"]\nresources = [\"*\"]\n",
            "line 3: policies.p.operations: \"cook\" matches no operation",
        ),
        (
            "[policies.p]\npolicy_type = \"deny\"\noperations = [\"*\"]\nresources = [\"keys/a\"]\n",
            "line 4: policies.p.resources: \"keys/a\" matches nothing",
        ),
    ] {
        std::fs::write(&directory, text).unwrap();
        let permission = crate::config::Permission { file: Some(directory.clone()), ..Default::default() };
        let error = read(&permission).unwrap_err().to_string();
        assert!(error.contains(told), "{error}");
    }
    std::fs::remove_file(&directory).unwrap();
}

#[test]
fn a_token_of_a_host_rests_on_the_definitions_that_gave_it() {
    let file = |host: &str, authenticator: &str| {
        let text = format!(
            "[authenticators.\"acme/ci\"]\n{authenticator}\n[authenticators.\"acme/ci\".variables]\njwks-uri = \"https://a/b\"\n\
             [hosts.web]\naccount = \"acme\"\n{host}\n[hosts.web.annotations]\n\"authn-jwt/ci/sub\" = \"web\"\n"
        );
        Policy::new(&toml::from_str(&text).unwrap(), false).unwrap()
    };
    let bases = |policy: &Policy| {
        let (host, authenticator) = (policy.host("web").unwrap(), policy.authenticator("acme", "ci").unwrap());
        [host.api_key_basis(), host.authenticator_basis("ci", &authenticator)]
    };
    let holds =
        |policy: &Policy, bases: &[String; 2]| bases.each_ref().map(|basis| policy.terms("host/web", basis).is_some());
    let [none, one, other, by_other] = [("", ""), ("id = \"1\"", ""), ("id = \"2\"", ""), ("", "id = \"1\"")]
        .map(|(host, authenticator)| file(host, authenticator));
    // These are the bases of tokens of former releases.
    assert_eq!(bases(&none), ["api-key:acme", "acme/ci"]);
    for (number, policy) in [&none, &one, &other, &by_other].into_iter().enumerate() {
        assert_eq!(holds(policy, &bases(policy)), [true, true]);
        for (another, former) in
            [&none, &one, &other, &by_other].into_iter().enumerate().filter(|(at, _)| *at != number)
        {
            // The API key has nothing to do with the authenticator.
            let is_same_host = number % 3 == 0 && another % 3 == 0;
            assert_eq!(holds(policy, &bases(former)), [is_same_host, false], "{number} {another}");
        }
    }
    for basis in ["", "#", "acme/ci#", "acme/ci##", "acme/other", "other/ci", "api-key:other"] {
        assert!(none.terms("host/web", basis).is_none(), "{basis}");
    }
    let faulty = "[hosts.web]\naccount = \"acme\"\nid = \"a#b\"\n";
    assert_eq!(Policy::new(&toml::from_str(faulty).unwrap(), false).unwrap_err().path, ["hosts", "web", "id"]);
}

#[test]
fn a_way_of_logging_in_is_of_one_identity() {
    let identity = |name: &str, id: &str| {
        format!(
            "[identities.{name}]\nname = \"{name}\"\nrole = \"member\"\n[identities.{name}.universal_auth]\nid = \"{id}\"\n\
             client_id = \"{name}\"\nclient_secret_trusted_ips = [\"::/0\"]\naccess_token_ttl = 60\naccess_token_max_ttl = 60\n\
             access_token_num_uses_limit = 0\naccess_token_trusted_ips = [\"::/0\"]\nlockout_enabled = true\n\
             lockout_threshold = 3\nlockout_duration_seconds = 300\nlockout_counter_reset_seconds = 30\n"
        )
    };
    let read = |text: &str| -> Documents { toml::from_str(text).unwrap() };
    let both = read(&(identity("one", "same") + &identity("two", "same")));
    let fault = Policy::new(&both, false).unwrap_err();
    assert_eq!(fault.path, ["identities", "two", "universal_auth", "id"]);
    let mut policy = Policy::new(&read(&identity("one", "same")), false).unwrap();
    let put = |policy: &mut Policy, name: &str, id: &str| {
        let document = read(&identity(name, id)).identities.remove(name).unwrap();
        policy.put(name, Definition::Identity(Box::new(document))).len()
    };
    assert_eq!(put(&mut policy, "one", "same"), 0, "it is its own");
    assert_eq!(put(&mut policy, "two", "same"), 1);
    assert_eq!(put(&mut policy, "one", "next"), 0);
    assert_eq!(put(&mut policy, "two", "same"), 0, "it is free");
    assert_eq!(put(&mut policy, "one", "same"), 1);
    policy.remove(Kind::Identity, "two");
    assert_eq!(put(&mut policy, "one", "same"), 0);
}
