//! `/issuers` and `claviger issuers`: the trusted issuers, and the test of a JWT, step by step. The test has the same
//! result as authentication.

use std::fs;
use std::process::Command;

use serde_json::{Value, json};

use crate::harness::caller::{Caller, ISSUER, World};
use crate::harness::jwks::Jwks;
use crate::harness::jwt::{but, claims, compact, now};
use crate::harness::server::{P12_PASSWORD, run};
use crate::harness::token::write_private;
use crate::harness::{Connection, Leaf, Server, SigningKey, conjur, hanzo, iam};

const TEST: &str = "/issuers/test";

/// The issuers of these tests.
struct Trusting {
    world: World,
    key: SigningKey,
    identity: String,
}

/// The table of the IAM file.
const TABLE: (&str, &str) = ("https://table.example/", "vault");

impl Trusting {
    fn new() -> Self {
        let key = SigningKey::rsa("one");
        let world = World::with("administrators = [\"root\"]\n", &["--auth-failure-limit=0"]);
        let table = iam::table("app", TABLE.0, TABLE.1, &key);
        let file = format!("{table}[idps.app.conf.bound_claims]\n\"org.team\" = \"payments\"\n{}", iam::ROLES);
        fs::write(world.server.place.path("iam.toml"), file).unwrap();
        let world = world.restart_with(&["--iam-file=iam.toml"]);
        let identity = hanzo::known(&world.server, &key, &json!({"boundClaims": {"org.team": "a*,b"}}));
        conjur::configured(&world.server, &key, &json!({}));
        Self { world, key, identity }
    }

    fn server(&self) -> &Server {
        &self.world.server
    }

    fn root(&self) -> Caller {
        self.world.certificate("root")
    }

    /// The result of a test: whether the JWT is accepted, and the failed steps.
    fn verdict(&self, jwt: &str, issuer: &str) -> (bool, Vec<String>) {
        let told = self.root().done(TEST, &json!({"jwt": jwt, "issuer": issuer}));
        let [tested] = told["issuers"].as_array().unwrap().as_slice() else { panic!("{told}") };
        assert_eq!(tested["accepted"], told["accepted"]);
        let steps = tested["steps"].as_array().unwrap();
        let failed = steps.iter().filter(|step| step["outcome"] == "failed");
        let failed: Vec<String> = failed.map(|step| step["step"].as_str().unwrap().to_owned()).collect();
        assert_eq!(tested["accepted"] == json!(true), failed.is_empty(), "{told}");
        (tested["accepted"] == json!(true), failed)
    }

    fn bearer(&self, jwt: &str) -> bool {
        Caller::bearer(self.server(), jwt).send("GET", "/whoami", None).status == 200
    }
}

/// The claims of a JWT, whether authentication accepts it, and the failed steps except `verdict`.
type Case<'a> = (&'a str, Value, &'a [&'a str]);

const EXPIRED: i64 = -120;

fn cases() -> Vec<Case<'static>> {
    vec![
        ("good", json!({}), &[]),
        ("expired", json!({"exp": now() + EXPIRED}), &["exp"]),
        ("no exp", json!({"exp": null}), &["exp"]),
        ("not yet", json!({"nbf": now() + 600}), &["nbf, iat"]),
        ("issued tomorrow", json!({"iat": now() + 86_400}), &["nbf, iat"]),
        ("another issuer", json!({"iss": "https://other.example/"}), &["iss"]),
        ("another audience", json!({"aud": "other"}), &["aud"]),
        ("no audience", json!({"aud": null}), &["aud"]),
        ("an empty list of audiences", json!({"aud": []}), &["aud"]),
        ("a subject that is no text", json!({"sub": 5}), &["sub"]),
        ("all at once", json!({"exp": 1, "aud": "other", "iss": "x"}), &["iss", "exp", "aud"]),
        ("a claim of ours that is not understood", json!({"claviger": {"x": 1}}), &["ours"]),
    ]
}

/// Returns the names of failed steps except `verdict`, which must be among them if any failed.
fn failures(found: &(bool, Vec<String>), case: &str) -> Vec<String> {
    let (accepted, failed) = found;
    assert_eq!(!accepted, failed.iter().any(|step| step == "verdict" || step == "host"), "{case}: {failed:?}");
    failed.iter().filter(|step| !["verdict", "host"].contains(&step.as_str())).cloned().collect()
}

#[test]
fn what_is_said_of_a_token_is_what_is_done_with_it() {
    let trusting = Trusting::new();
    let (server, key) = (trusting.server(), &trusting.key);
    let team = json!({"org": {"team": "payments"}, "roles": ["VaultAdminRole"]});
    for (case, changes, failing) in cases() {
        // The names of the steps for this server's own claim in each dialect.
        let failing = |ours: &str| -> Vec<String> {
            failing.iter().map(|step| if *step == "ours" { ours.to_owned() } else { (*step).to_owned() }).collect()
        };
        let table = key.token("RS256", &but(but(claims(TABLE.0, TABLE.1, "alice"), &team), &changes));
        let found = trusting.verdict(&table, "idps.app");
        assert_eq!((found.0, failures(&found, case)), (trusting.bearer(&table), failing("user")), "{case}");

        let changed =
            but(but(claims(hanzo::ISSUER, hanzo::AUDIENCE, "app"), &json!({"org": {"team": "abc"}})), &changes);
        let identity = key.token("RS256", &changed);
        let found = trusting.verdict(&identity, &trusting.identity);
        let does = hanzo::try_login(server, &trusting.identity, &identity).status == 200;
        assert_eq!((found.0, failures(&found, case)), (does, failing("claim claviger")), "{case}");

        let host = conjur::jwt(key, &changes);
        let found = trusting.verdict(&host, "authn-jwt/gitlab/acme/host/apps/web");
        let does = conjur::authenticate(server, &host).status == 200;
        assert_eq!((found.0, failures(&found, case)), (does, failing("claim claviger")), "{case}");
    }
}

#[test]
fn each_dialect_tells_of_its_own_conditions() {
    let trusting = Trusting::new();
    let (server, key) = (trusting.server(), &trusting.key);
    let subject = hanzo::jwt(key, &json!({"sub": "other", "org": {"team": "b"}}));
    assert_eq!(trusting.verdict(&subject, &trusting.identity), (false, vec!["sub".into(), "verdict".into()]));
    for claims in [json!({}), json!({"org": {"team": "c"}})] {
        let found = trusting.verdict(&hanzo::jwt(key, &claims), &trusting.identity);
        assert_eq!(found, (false, vec!["claim org.team".into(), "verdict".into()]), "{claims}");
    }
    let base = but(claims(TABLE.0, TABLE.1, "alice"), &json!({"org": {"team": "payments"}}));
    for roles in [
        json!({}),
        json!({"roles": ["A", "B"]}),
        json!({"roles": "Other"}),
        json!({"roles": ["VaultAdminRole"], "sub": "admin"}),
    ] {
        let jwt = key.token("RS256", &but(base.clone(), &roles));
        assert_eq!(
            trusting.verdict(&jwt, "idps.app"),
            (trusting.bearer(&jwt), vec!["user".into(), "verdict".into()]),
            "{roles}"
        );
    }
    // Conjur's hosts: by the URL, and by their restrictions.
    let good = conjur::jwt(key, &json!({}));
    for (name, says) in [
        ("authn-jwt/gitlab/acme", "CONJ00098E"),
        ("authn-jwt/gitlab/acme/host/none", "CONJ00007E"),
        ("authn-jwt/gitlab/acme/apps/web", "CONJ00007E"),
    ] {
        assert_eq!(trusting.verdict(&good, name), (false, vec!["host".into()]), "{name}");
        let told = trusting.root().done(TEST, &json!({"jwt": good, "issuer": name}));
        assert!(told["issuers"][0]["refused"].as_str().unwrap().contains(says), "{told}");
    }
    let other = conjur::jwt(key, &json!({"project": "other"}));
    assert_eq!(trusting.verdict(&other, "authn-jwt/gitlab/acme/host/apps/web"), (false, vec!["host".into()]));
    assert_eq!(conjur::authenticate(server, &other).status, 401);
    // An algorithm that the authenticator does not accept.
    let pss = key.token("PS256", &but(claims(conjur::ISSUER, conjur::AUDIENCE, "x"), &json!({"project": "web"})));
    let found = trusting.verdict(&pss, "authn-jwt/gitlab/acme/host/apps/web");
    assert_eq!(found, (false, vec!["algorithm".into(), "verdict".into()]));
}

#[test]
fn signatures_and_keys_are_told() {
    let trusting = Trusting::new();
    let own = claims(ISSUER, "claviger", "carol");
    let good = trusting.world.issuer.token("carol", &json!(null));
    assert_eq!(trusting.verdict(&good, ISSUER), (true, vec![]));
    assert!(trusting.bearer(&good));
    // A key of the same id, and one of another.
    for id in ["key", "other"] {
        let forged = SigningKey::p256(id).token("ES256", &own);
        assert_eq!(trusting.verdict(&forged, ISSUER), (false, vec!["signature".into(), "verdict".into()]), "{id}");
        assert!(!trusting.bearer(&forged));
    }
    let rsa = SigningKey::rsa("key").token("RS256", &own);
    assert_eq!(trusting.verdict(&rsa, ISSUER), (false, vec!["signature".into(), "verdict".into()]));
    // Texts that are not a JWS.
    let unsigned = compact(br#"{"alg":"none"}"#, own.to_string().as_bytes(), |_| Vec::new());
    let hmac = compact(br#"{"alg":"HS256"}"#, own.to_string().as_bytes(), |_| vec![0; 32]);
    let critical = compact(br#"{"alg":"ES256","crit":["x"]}"#, own.to_string().as_bytes(), |_| vec![0; 64]);
    for (jwt, says) in [
        (unsigned.as_str(), "algorithm is not served"),
        (&hmac, "algorithm is not served"),
        (&critical, "critical extension"),
        ("a.b.c", "not a well-formed JWS"),
        ("no token", "not a well-formed JWS"),
        (&"x".repeat(20_000), "longer than"),
    ] {
        let told = trusting.root().done(TEST, &json!({"jwt": jwt}));
        assert_eq!((&told["accepted"], &told["issuers"]), (&json!(false), &json!([])));
        assert!(told["says"].as_str().unwrap().contains(says), "{told}");
    }
    let foreign = SigningKey::p256("x").token("ES256", &claims("https://nobody.example/\u{202e}", "x", "x"));
    let told = trusting.root().done(TEST, &json!({"jwt": foreign}));
    let says = told["says"].as_str().unwrap();
    assert!(says.contains("nobody.example") && !says.contains('\u{202e}'), "{says}");

    // Keys that cannot be fetched at first.
    let keys = Jwks::start(&trusting.server().place.authority, &json!({"keys": []}));
    let variables = json!({"public-keys": null, "jwks-uri": keys.uri()});
    let ca = fs::read_to_string(trusting.server().place.path("ca.pem")).unwrap();
    let mut changed = conjur::variables(&trusting.key, &but(variables, &json!({"ca-cert": ca})));
    changed["variables"].as_object_mut().unwrap().remove("public-keys");
    conjur::define(&mut trusting.root(), "authenticators", "acme/down", &changed);
    let jwt = conjur::jwt(&trusting.key, &json!({}));
    let (accepted, failed) = trusting.verdict(&jwt, "authn-jwt/down/acme/host/apps/web");
    assert_eq!((accepted, failed.as_slice()), (false, ["keys".to_owned(), "verdict".to_owned()].as_slice()));
}

#[test]
fn administrators_see_who_is_trusted_and_nobody_else_does() {
    let trusting = Trusting::new();
    let list = trusting.root().get("/issuers");
    let names: Vec<&str> = list.as_array().unwrap().iter().map(|own| own["name"].as_str().unwrap()).collect();
    assert_eq!(names, [ISSUER, "idps.app", &trusting.identity, "authn-jwt/gitlab/acme"]);
    let of = |number: usize, member: &str| list[number][member].clone();
    assert_eq!(
        (of(0, "use"), of(0, "key_count"), of(0, "audiences")),
        (json!("direct"), json!(1), json!(["claviger"]))
    );
    assert!(of(0, "keys").as_str().unwrap().starts_with("https://"), "{list}");
    assert_eq!((of(1, "use"), of(1, "issuer"), of(1, "keys")), (json!("direct"), json!(TABLE.0), json!("configured")));
    assert_eq!((of(1, "bound_claims"), of(2, "subject")), (json!(["org.team"]), json!("app")));
    assert_eq!(
        (of(2, "use"), of(3, "use"), of(3, "issuer")),
        (json!("exchange"), json!("exchange"), json!(conjur::ISSUER))
    );
    // Without a name, the issuers with the `iss` of the JWT are tested.
    let jwt = hanzo::jwt(&trusting.key, &json!({"org": {"team": "b"}}));
    let told = trusting.root().done(TEST, &json!({"jwt": jwt}));
    // The identity has the same issuer as the command line, so both are tested.
    assert_eq!(
        (&told["accepted"], told["issuers"].as_array().unwrap().len(), &told["others"]),
        (&json!(true), 2, &json!(2))
    );
    assert_eq!((&told["issuers"][0]["accepted"], &told["issuers"][1]["accepted"]), (&json!(false), &json!(true)));

    let mut alice = trusting.world.certificate("alice");
    assert_eq!(alice.send("GET", "/issuers", None).status, 403);
    alice.not_done(TEST, &json!({"jwt": jwt}), 403);
    let mut nobody: Connection = trusting.server().nobody().connect().unwrap();
    assert_eq!(nobody.get("/issuers").status, 401);
    assert_eq!(nobody.post(TEST, &json!({"jwt": jwt})).status, 401);
    for body in [json!({}), json!({"jwt": 5}), json!({"jwt": "a.b.c", "x": 1})] {
        trusting.root().not_done(TEST, &body, 400);
    }
    trusting.root().not_done(TEST, &json!({"jwt": jwt, "issuer": "none"}), 404);
    // The JWT is a credential, and must not appear anywhere.
    let audit = fs::read_to_string(trusting.server().place.audit_file()).unwrap();
    assert!(audit.contains("\"operation\":\"TestIssuers\"") && audit.contains("\"operation\":\"ListIssuers\""));
    for part in jwt.split('.') {
        assert!(!audit.contains(part) && !trusting.server().log().contains(part));
    }
}

#[test]
fn the_command_line_says_it_line_by_line() {
    let trusting = Trusting::new();
    let server = trusting.server();
    let identity = server.place.authority.issue(&Leaf::client("root"));
    fs::write(server.place.path("root.p12"), identity.pkcs12(P12_PASSWORD)).unwrap();
    write_private(&server.place.path("root.password"), P12_PASSWORD.as_bytes());
    let claviger = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_claviger"));
        command.env_clear().env("HOME", server.place.directory.path()).current_dir(server.place.directory.path());
        command.env("CLAVIGER_URL", format!("https://localhost:{}", server.address.port()));
        command.env("CLAVIGER_CA_FILE", "ca.pem").env("CLAVIGER_CLIENT_P12", "root.p12");
        command.env("CLAVIGER_CLIENT_P12_PASSWORD_FILE", "root.password");
        let (status, out, error) = run(command.args(arguments));
        (status.code().unwrap(), out, error)
    };
    let (status, out, _) = claviger(&["issuers", "list"]);
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!((status, lines.len()), (0, 5), "{out}");
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(words(lines[0]), ["NAME", "USE", "ISSUER", "AUDIENCES", "KEYS", "FAULT"]);
    let first = words(lines[1]);
    assert_eq!(first[..4], [ISSUER, "direct", ISSUER, "claviger"], "{out}");
    assert!(first[4].starts_with("https://") && first[5..] == ["(1)", "-"], "{out}");
    assert_eq!(words(lines[4])[..2], ["authn-jwt/gitlab/acme", "exchange"], "{out}");

    let good = conjur::jwt(&trusting.key, &json!({}));
    fs::write(server.place.path("jwt"), &good).unwrap();
    let name = "authn-jwt/gitlab/acme/host/apps/web";
    let (status, out, error) = claviger(&["issuers", "test", "--jwt-file", "jwt", "--issuer", name]);
    assert_eq!(status, 0, "{out}{error}");
    assert!(out.starts_with("authn-jwt/gitlab/acme (exchange) accepts the JWT\n"), "{out}");
    assert!(
        out.lines().skip(1).all(|line| line.starts_with("  passed  ") || line.ends_with(" others were not asked")),
        "{out}"
    );
    assert!(out.contains("  passed  host: host/apps/web: all its restrictions hold\n"), "{out}");

    let expired = conjur::jwt(&trusting.key, &json!({"exp": now() - 3600}));
    fs::write(server.place.path("jwt"), &expired).unwrap();
    let (status, out, error) = claviger(&["issuers", "test", "--jwt-file", "jwt"]);
    assert_eq!((status, error.as_str()), (1, ""), "{out}");
    let failed: Vec<&str> = out.lines().filter(|line| line.starts_with("  FAILED  ")).collect();
    assert!(
        failed.len() == 2 && failed[0].contains("exp: it has expired: exp is ") && failed[0].ends_with(" s ago"),
        "{out}"
    );
    assert!(failed[1].starts_with("  FAILED  verdict: JWT: it has expired"), "{out}");
    for part in expired.split('.') {
        assert!(!out.contains(part));
    }
    let (status, out, _) = claviger(&["--json", "issuers", "test", "--jwt-file", "jwt"]);
    let told: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((status, &told["accepted"]), (1, &json!(false)));
    fs::write(server.place.path("jwt"), "no token").unwrap();
    assert_eq!(claviger(&["issuers", "test", "--jwt-file", "jwt"]).0, 1);
}
