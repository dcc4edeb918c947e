//! The IAM file: what is wrong with it is told with line and key, before anything starts.

use std::fs;

use crate::harness::Server;
use crate::harness::iam::{IDPS, ROLES, options, place};
use crate::harness::server::run;

const CONF: &str = "[idps.a]\ntype = \"direct-jwt\"\n[idps.a.conf]\niss = \"https://i\"\n";

#[test]
fn faults_are_told_with_line_and_key() {
    let place = place("");
    let key = IDPS.lines().find(|line| line.starts_with("keys")).unwrap();
    let conf = |more: &str| format!("{CONF}aud = \"kms\"\n{more}\n{ROLES}");
    let role = |capabilities: &str| format!("[roles.r]\ncapabilities = [{capabilities}]\npolicies = []\n");
    for (text, told) in [
        (format!("{CONF}{key}\n"), "line 3: idps.a.conf.aud: tokens must be for an audience"),
        (format!("{CONF}aud = \"\"\n{key}\n"), "line 5: idps.a.conf.aud: tokens must be for an audience"),
        (conf(""), "line 3: idps.a.conf.keys: give either keys or jwks_uri"),
        (conf(&format!("{key}\njwks_uri = \"https://i/k\"")), "line 6: idps.a.conf.keys: give either"),
        (conf("jwks_uri = \"http://i/k\""), "line 6: idps.a.conf.jwks_uri: keys are fetched over https:// only"),
        (conf("jwks_uri = \"i\""), "line 6: idps.a.conf.jwks_uri: "),
        (conf("keys = \"{}\""), "line 6: idps.a.conf.keys: neither a JWK nor a JWK Set"),
        (conf("keys = '{\"kty\":\"oct\",\"k\":\"AAAA\"}'"), "line 6: idps.a.conf.keys: no key that is usable"),
        (conf("keys = '{\"keys\":[]}'"), "line 6: idps.a.conf.keys: no key that is usable"),
        (conf("keys = 1"), "line 6: idps.a.conf.keys: invalid type"),
        (conf(&format!("{key}\nroles_claim = \"\"")), "line 7: idps.a.conf.roles_claim: "),
        (conf(&format!("{key}\nleeway = 5")), "line 7: idps.a.conf.leeway: unknown field `leeway`"),
        (conf(&format!("{key}\n[idps.a.conf.bound_claims]\nx = []")), "line 8: idps.a.conf.bound_claims.x: "),
        (conf(&format!("{key}\n[idps.a.roles_map]\nbob = \"no\"")), "line 8: idps.a.roles_map.bob: there is no role"),
        (conf(key).replace("direct-jwt", "oidc"), "line 2: idps.a.type: unknown variant `oidc`"),
        (
            conf(key).replace("[idps.a.conf]", "allowed_roles = [\"no\"]\n[idps.a.conf]"),
            "line 3: idps.a.allowed_roles: ",
        ),
        (conf(key).replace("idps.a", "idps.\"a b\""), "line 1: idps.a b: a name has"),
        (
            role("\"CapDataReader\""),
            "line 2: roles.r.capabilities: \"CapDataReader\" is not a capability; there are create, read",
        ),
        ("[users.x]\nrole = \"r\"\n".to_owned(), "line 2: users.x.role: there is no role \"r\""),
        ("[projects.x]\n".to_owned(), "unknown field `projects`"),
        ("administrators = [\"x\"]\n".to_owned(), "line 1: administrators: unknown field"),
        (
            format!("{}{}", conf(key), conf(key).replace("idps.a", "idps.b").replace(ROLES, "")),
            "line 21: idps.b.conf.iss: issuer and audience are those of idps.a",
        ),
    ] {
        fs::write(place.path("iam.toml"), &text).unwrap();
        let (status, _, error) = run(place.command(&options(&[])).arg("--check-config"));
        let file = format!("clavigerd: the IAM file iam.toml, {told}");
        assert!(
            !status.success() && (error.contains(&file) || !told.starts_with("line") && error.contains(told)),
            "{told}: {error}\n{text}"
        );
        assert!(!error.contains("AAAA") && !error.contains("AQAB"), "{error}");
    }
}

#[test]
fn it_is_checked_beside_the_other_files_and_options() {
    let place = place(&format!("{IDPS}{ROLES}"));
    let check = |more: &[&str]| {
        let (status, out, error) = run(place.command(&options(more)).arg("--check-config"));
        (status.success(), out + &error)
    };
    let (good, said) = check(&[]);
    assert!(good && said.contains("JWTs of https://jwt.io/ for vault1 by idps.app1, 1 keys in the file"), "{said}");
    for kind in ["users.alice]\nrole = \"mine\"", "roles.VaultAdminRole]\ncapabilities = []\npolicies = []"] {
        let mine = "[roles.mine]\ncapabilities = []\npolicies = []\n";
        fs::write(place.path("policy.toml"), format!("{mine}[{kind}\n")).unwrap();
        let (good, said) = check(&["--policy-file=policy.toml"]);
        assert!(!good && said.contains("is defined in the policy file and in the IAM file"), "{said}");
    }
    let (good, said) = check(&["--jwt-issuer-uri=https://jwt.io/"]);
    assert!(!good && said.contains("idps.app1.conf.iss: its tokens are trusted by --jwt-issuer-uri too"), "{said}");
    let (good, said) = check(&["--jwt-issuer-uri=https://jwt.io/", "--jwt-audience=another"]);
    assert!(good, "{said}");
    fs::remove_file(place.path("iam.toml")).unwrap();
    let (good, said) = check(&[]);
    assert!(!good && said.contains("cannot read the IAM file iam.toml: "), "{said}");
    fs::write(place.path("iam.toml"), "[idps.x]\n").unwrap();
    let refused = Server::try_start_at(place, &options(&[])).err().unwrap();
    assert!(refused.contains("the IAM file iam.toml, line 1: "), "{refused}");
}
