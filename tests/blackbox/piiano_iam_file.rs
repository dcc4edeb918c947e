//! The IAM file: errors are reported with line and key, before the server starts.

use std::fs;

use crate::harness::caller::Caller;
use crate::harness::iam::{IDPS, ROLES, TOKEN, VERSION, options, place};
use crate::harness::server::run;
use crate::harness::{Server, eventually};

const CONF: &str = "[idps.a]\ntype = \"direct-jwt\"\n[idps.a.conf]\niss = \"https://i\"\n";

#[test]
fn faults_are_told_with_line_and_key() {
    let place = place("");
    let key = IDPS.lines().find(|line| line.starts_with("keys")).unwrap();
    let conf = |more: &str| format!("{CONF}aud = \"kms\"\n{more}\n{ROLES}");
    let private = r#"{"kty":"EC","crv":"P-256","x":"AAAA","y":"AAAA","d":"AAAA"}"#;
    let role = |capabilities: &str| format!("[roles.r]\ncapabilities = [{capabilities}]\npolicies = []\n");
    for (text, told) in [
        (format!("{CONF}{key}\n"), "line 3: idps.a.conf.aud: give an audience"),
        (format!("{CONF}aud = \"\"\n{key}\n"), "line 5: idps.a.conf.aud: give an audience"),
        (conf(""), "line 3: idps.a.conf.keys: give either keys or jwks_uri"),
        (conf(&format!("{key}\njwks_uri = \"https://i/k\"")), "line 6: idps.a.conf.keys: give either"),
        (conf("jwks_uri = \"http://i/k\""), "line 6: idps.a.conf.jwks_uri: keys are fetched over https:// only"),
        (conf("jwks_uri = \"i\""), "line 6: idps.a.conf.jwks_uri: "),
        (conf("keys = \"{}\""), "line 6: idps.a.conf.keys: neither a JWK nor a JWK Set"),
        (conf("keys = '{\"kty\":\"oct\",\"k\":\"AAAA\"}'"), "line 6: idps.a.conf.keys: no key that is usable"),
        (
            conf(&format!("keys = '{private}'")),
            "line 6: idps.a.conf.keys: no key that is usable, which is RSA of 2048 to 16384 bits, P-256, P-384, P-521 or Ed25519, for \
             signatures: key 1: this is a private key: publish only its public half, and replace the key",
        ),
        (
            conf(&key.replace("\\\"use\\\":\\\"sig\\\"", "\\\"use\\\":\\\"enc\\\"")),
            "for signatures: key 1 (\"abc\"): its use is \"enc\"; expected \"sig\"",
        ),
        (
            format!("[idps]\n\n{IDPS}{ROLES}"),
            "line 4: a second [idps]; line 1 has the first: keep one of them, and put the tables of both under it",
        ),
        (format!("{IDPS}[ idps ] # default\n"), "a second [idps]; line 2 has the first"),
        (format!("{}[idps.a.conf]\n", conf(key)), "a second [idps.a.conf]; line 3 has the first"),
        (format!("idps = {{}}\n{IDPS}"), "line 3: idps: duplicate key"),
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
    assert!(!good && said.contains("idps.app1.conf.iss: --jwt-issuer-uri trusts its tokens too"), "{said}");
    let (good, said) = check(&["--jwt-issuer-uri=https://jwt.io/", "--jwt-audience=another"]);
    assert!(good, "{said}");
    fs::remove_file(place.path("iam.toml")).unwrap();
    let (good, said) = check(&[]);
    assert!(!good && said.contains("cannot read the IAM file iam.toml: "), "{said}");
    fs::write(place.path("iam.toml"), "[idps.x]\n").unwrap();
    let refused = Server::try_start_at(place, &options(&[])).err().unwrap();
    assert!(refused.contains("the IAM file iam.toml, line 1: "), "{refused}");
}

#[test]
fn a_table_that_lets_nobody_in_is_warned_of_and_a_missing_role_is_named() {
    // The table of the document without a role.
    let place = place(IDPS);
    let check = || run(place.command(&options(&[])).arg("--check-config")).1;
    let said = check();
    assert!(said.contains("by idps.app1, 1 keys in the file, and accepts no caller: no role is defined"), "{said}");
    let server = Server::start_at(std::sync::Arc::clone(&place), &options(&[]));
    let warning = "no role is defined: idps.app1 accepts no caller";
    let warned = |text: &str| server.log().lines().any(|line| line.contains("WARN") && line.contains(text));
    assert!(warned(warning), "{}", server.log());
    assert_eq!(Caller::bearer(&server, TOKEN).send("GET", VERSION, None).status, 401);
    let named = "its role \"VaultAdminRole\" is not defined: define [roles.NAME] in the IAM file";
    assert!(warned(named), "{}", server.log());
    // A role of another name, and one that the table does not allow.
    let other = ROLES.replace("VaultAdminRole", "another");
    for (iam, told) in [
        (format!("{IDPS}{other}"), named),
        (
            format!(
                "{}{ROLES}[roles.another]\ncapabilities = []\npolicies = []\n",
                IDPS.replace("\"direct-jwt\"", "\"direct-jwt\"\nallowed_roles = [\"another\"]")
            ),
            "its role \"VaultAdminRole\" is not among the allowed_roles of its table",
        ),
        (
            format!("{}{ROLES}", IDPS.replace("\"direct-jwt\"", "\"direct-jwt\"\nallowed_roles = []")),
            "its allowed_roles are empty: idps.app1 accepts no caller",
        ),
    ] {
        fs::write(place.path("iam.toml"), &iam).unwrap();
        server.signal("HUP");
        eventually(told, || {
            assert_eq!(Caller::bearer(&server, TOKEN).send("GET", VERSION, None).status, 401, "{told}");
            warned(told).then_some(())
        });
    }
    // With the role, there is no warning.
    fs::write(place.path("iam.toml"), format!("{IDPS}{ROLES}")).unwrap();
    server.signal("HUP");
    eventually("the token is good", || {
        (Caller::bearer(&server, TOKEN).send("GET", VERSION, None).status == 200).then_some(())
    });
    assert!(!check().contains("accepts no caller"), "{}", check());
    assert!(!server.log().contains(TOKEN), "the token is in the log");
}
