//! The exact requests of Conjur's clients, and the parts of the answers that they read.

use std::io::Write as _;

use data_encoding::{BASE64, BASE64_NOPAD, BASE64URL, BASE64URL_NOPAD};
use serde_json::{Value, json};

use crate::harness::caller::Caller;
use crate::harness::conjur::{Host, authenticate, authenticate_at, configured, define, encoded, jwt, server, whoami};
use crate::harness::jwt::but;
use crate::harness::{Answer, Connection, Server, SigningKey};

/// The account `acme` where `host/apps/web` reads and writes, with the policies for it.
fn account(server: &Server, key: &SigningKey) -> Caller {
    configured(server, key, &json!({}));
    let mut root = Caller::certificate(server, "root");
    let policy =
        json!({"policy_type": "allow", "operations": ["read_secret", "write_secret", "destroy"], "resources": ["*"]});
    define(&mut root, "policies", "secrets", &policy);
    define(&mut root, "policies", "read", &but(policy, &json!({"operations": ["read_secret"]})));
    define(&mut root, "roles", "lead", &json!({"capabilities": ["*"], "policies": ["secrets"]}));
    define(&mut root, "roles", "reader", &json!({"capabilities": ["*"], "policies": ["read"]}));
    define(
        &mut root,
        "hosts",
        "apps/api",
        &json!({"account": "acme", "annotations": {"authn-jwt/gitlab/project": "api"}}),
    );
    let host = |project| json!({"account": "other", "annotations": {"authn-jwt/gitlab/project": project}});
    define(&mut root, "hosts", "apps/other", &host("other"));
    let members = json!({"host/apps/web": "lead", "host/apps/api": "reader", "alice": "lead"});
    define(&mut root, "projects", "acme", &json!({ "members": members }));
    root
}

/// The host `apps/api`, which the URL names.
fn api(server: &Server, key: &SigningKey) -> Host {
    let path = "/authn-jwt/gitlab/acme/host%2Fapps%2Fapi/authenticate";
    Host::from(server, &authenticate_at(&server.nobody(), path, &[], &jwt(key, &json!({"project": "api"}))))
}

/// A caller without any right.
fn mallory(server: &Server) -> Connection {
    Caller::certificate(server, "mallory").connection
}

/// Checks for `{error: {code, message}}` with the reason.
#[track_caller]
fn says(answer: &Answer, status: u16, text: &str) {
    let body = String::from_utf8_lossy(&answer.body);
    assert_eq!(answer.status, status, "{body}");
    let message = answer.json()["error"]["message"].as_str().unwrap().to_owned();
    assert!(message.contains(text), "{message}");
}

#[test]
fn tokens_are_written_and_read_in_every_form() {
    let (server, key) = (server(), SigningKey::rsa("one"));
    configured(&server, &key, &json!({}));
    let mut root = Caller::certificate(&server, "root");
    // Bytes whose base64 differs in the two alphabets.
    for id in ["apps/web", "a>", "ab?", "abc~~~>>>???", "ÿþýü", "Größe/😀"] {
        define(&mut root, "hosts", id, &json!({"account": "acme", "annotations": {"authn-jwt/gitlab/project": "web"}}));
        let path = format!("/authn-jwt/gitlab/acme/{}/authenticate", encoded(&format!("host/{id}")));
        let answer = authenticate_at(&server.nobody(), &path, &[], &jwt(&key, &json!({})));
        let token = answer.json();
        for name in ["protected", "payload"] {
            let part = token[name].as_str().unwrap();
            assert!(!part.contains(['+', '/', '-', '_']), "{part}");
            let read: Value = serde_json::from_slice(&BASE64.decode(part.as_bytes()).unwrap()).unwrap();
            assert_eq!(BASE64URL.decode(part.as_bytes()).unwrap(), BASE64.decode(part.as_bytes()).unwrap());
            assert!(name == "protected" || read["sub"] == format!("host/{id}"), "{read}");
        }
        assert_eq!(BASE64.decode(token["signature"].as_str().unwrap().as_bytes()).unwrap().len(), 64);
        let (mut accepted, whole) = (0, answer.body);
        let forms = [BASE64, BASE64_NOPAD, BASE64URL, BASE64URL_NOPAD];
        for parts in &forms {
            let part = |name| parts.encode(&BASE64.decode(token[name].as_str().unwrap().as_bytes()).unwrap());
            let body =
                json!({"protected": part("protected"), "payload": part("payload"), "signature": part("signature")});
            for outer in &forms {
                for text in [body.to_string().into_bytes(), whole.clone()] {
                    let header = format!("Token token=\"{}\"", outer.encode(&text));
                    assert_eq!(whoami(&server.nobody(), &header).unwrap()["username"], format!("host/{id}"));
                    accepted += 1;
                }
            }
        }
        assert_eq!(accepted, 32);
        for wrong in [
            format!("Token token=\"{}=\"", BASE64.encode(&whole)),
            format!("Token token=\"{}\"", BASE64.encode(&whole[1..])),
            format!(
                "Token token=\"{}\"",
                BASE64.encode(but(token.clone(), &json!({"payload": "e30="})).to_string().as_bytes())
            ),
        ] {
            assert_eq!(whoami(&server.nobody(), &wrong), Err(401));
        }
    }
}

#[test]
fn variables_are_listed_as_far_as_the_caller_may_know() {
    let (server, key) = (server(), SigningKey::rsa("one"));
    let mut root = account(&server, &key);
    let web = Host::new(&server, &jwt(&key, &json!({})));
    for name in ["db/password", "db/other", "Db pass+%2F", "a:b/ünicode", "one.two-three"] {
        let path = format!("/secrets/acme/variable/{}", encoded(name));
        assert_eq!(web.send("POST", &path, "one").status, 201, "{name}");
    }
    assert_eq!(web.send("POST", "/secrets/acme/variable/db%2Fpassword", "two").status, 201);
    let full = |name: &str| format!("acme:variable:{name}");
    let all: Vec<String> =
        ["db/password", "db/other", "Db pass+%2F", "a:b/ünicode", "one.two-three"].map(full).to_vec();
    let host = "acme:host:apps/web".to_owned();
    let service = "acme:webservice:conjur/authn-jwt/gitlab".to_owned();
    assert_eq!(web.ids("/resources/acme"), [all.clone(), vec![host.clone(), service.clone()]].concat());
    for kind in ["/resources/acme?kind=variable&limit=1000&offset=0", "/resources/acme/variable"] {
        assert_eq!(web.ids(kind), all);
    }
    assert_eq!(web.ids("/resources/acme?kind=host"), std::slice::from_ref(&host));
    assert_eq!(web.ids("/resources/acme?kind=webservice"), [service]);
    for kind in ["policy", "group", "user", "layer", "host_factory"] {
        assert_eq!(web.ids(&format!("/resources/acme?kind={kind}")), Vec::<String>::new());
    }
    // All words of a search, without regard to case, encoded as a form.
    for (search, expected) in [
        ("db", &all[..3]),
        ("db/other", &all[1..2]),
        ("PASS+db", &[all[0].clone(), all[2].clone()][..]),
        ("%C3%BCNICODE", &all[3..4]),
        ("two%2Eone", &all[4..]),
        ("nothing", &[]),
    ] {
        assert_eq!(web.ids(&format!("/resources/acme?search={search}&kind=variable")), expected, "{search}");
        let counted = web.get(&format!("/resources/acme?search={search}&kind=variable&count=True"));
        assert_eq!(counted.json(), json!({"count": expected.len()}), "{search}");
    }
    let pages: Vec<String> = (0..9).flat_map(|at| web.ids(&format!("/resources/acme?limit=1&offset={at}"))).collect();
    assert_eq!(pages, web.ids("/resources/acme"));
    assert_eq!(web.get("/resources/acme?count=true").json(), json!({"count": 7}));
    for role in ["acme%3Ahost%3Aapps%2Fweb", "host:apps/web", ""] {
        for name in ["role", "acting_as"] {
            assert_eq!(web.ids(&format!("/resources/acme?kind=variable&{name}={role}")), all, "{name}={role}");
        }
    }
    says(&web.get("/resources/acme?role=acme:host:apps/api"), 501, "leave role out");
    says(&web.get("/resources/acme?owner=acme:host:apps/api"), 501, "leave owner out");
    for (query, text) in [("limit=0", "limit"), ("limit=1001", "limit"), ("offset=-1", "offset"), ("count=x", "count")]
    {
        says(&web.get(&format!("/resources/acme?{query}")), 400, text);
    }
    says(&web.get("/resources/acme?cidr=10.0.0.0%2F8"), 400, "cidr");
    assert_eq!(web.ids("/resources/acme?kind=variable&color=red").len(), 5);
    // Other callers see the resources on which they have a right.
    let api = api(&server, &key);
    assert_eq!(api.ids("/resources/acme?kind=variable"), all);
    assert_eq!(api.ids("/resources/acme?kind=host"), ["acme:host:apps/api"]);
    for path in ["/resources/other", "/resources/none", "/resources/default"] {
        assert_eq!(web.ids(path), Vec::<String>::new(), "{path}");
    }
    let mut mallory = mallory(&server);
    assert_eq!(mallory.get("/resources/acme").json(), json!([]));
    assert_eq!(mallory.get("/resources/acme?count=true").json(), json!({"count": 0}));
    let seen = |answer: Value| answer.as_array().unwrap().iter().map(|one| one["id"].clone()).collect::<Vec<_>>();
    let expected = json!(["acme:host:apps/api", "acme:host:apps/web", "acme:webservice:conjur/authn-jwt/gitlab"]);
    assert_eq!(json!(seen(root.get("/resources/acme"))), expected, "who administers has no right to secrets");
    // A deleted variable is not listed, and a name that is used again is listed once.
    assert_eq!(web.send("DELETE", "/secrets/acme/variable/db%2Fother", "").status, 204);
    assert_eq!(web.ids("/resources/acme?search=other"), Vec::<String>::new());
    assert_eq!(web.send("POST", "/secrets/acme/variable/db%2Fother", "x").status, 201);
    assert_eq!(web.ids("/resources/acme?search=other"), [full("db/other")]);
    // Keys are not variables, whatever their names.
    let mut alice = Caller::certificate(&server, "alice");
    alice.key("acme:variable:key", &[]);
    assert_eq!(alice.get("/resources/acme?kind=variable").as_array().unwrap().len(), 5);
}

#[test]
fn a_variable_is_told_to_those_who_may_know_of_it() {
    let (server, key) = (server(), SigningKey::rsa("one"));
    account(&server, &key);
    let (web, api) = (Host::new(&server, &jwt(&key, &json!({}))), api(&server, &key));
    let path = "/resources/acme/variable/db%2Fpass%20word%2B%252F";
    for value in ["one", "two"] {
        assert_eq!(web.send("POST", &path.replace("resources", "secrets"), value).status, 201);
    }
    let told = web.get(path).json();
    assert_eq!(told["id"], "acme:variable:db/pass word+%2F");
    assert_eq!(told["owner"], "acme:host:apps/web");
    assert!(told["created_at"].as_str().unwrap().ends_with('Z'), "{told}");
    assert_eq!(told["secrets"], json!([{"version": 1, "expires_at": null}, {"version": 2, "expires_at": null}]));
    assert_eq!(told["annotations"], json!([]));
    let privileges = |told: &Value, role: &str| {
        let all = told["permissions"].as_array().unwrap().iter();
        all.map(|own| {
            assert_eq!(own["role"], role);
            own["privilege"].as_str().unwrap().to_owned()
        })
        .collect::<Vec<_>>()
    };
    assert_eq!(privileges(&told, "acme:host:apps/web"), ["read", "execute", "update"]);
    let of_api = api.get(path).json();
    assert_eq!(privileges(&of_api, "acme:host:apps/api"), ["read", "execute"]);
    assert_eq!((web.head(path), api.head(path)), (200, 200));
    assert_eq!(web.head("/resources/acme/variable/absent"), 404);
    // The last twenty values are kept.
    for number in 3..=22 {
        assert_eq!(web.send("POST", &path.replace("resources", "secrets"), &number.to_string()).status, 201);
    }
    let versions = web.get(path).json()["secrets"].as_array().unwrap().clone();
    assert_eq!((versions.len(), &versions[0]["version"], &versions[19]["version"]), (20, &json!(3), &json!(22)));
    // For other callers it does not exist.
    let mut mallory = mallory(&server);
    let (there, absent) = (mallory.get(path), mallory.get("/resources/acme/variable/absent"));
    assert_eq!((there.status, absent.status), (404, 404));
    let of = |answer: &Answer, name: &str| String::from_utf8(answer.body.clone()).unwrap().replace(name, "NAME");
    assert_eq!(of(&there, "db/pass word+%2F"), of(&absent, "absent"));
    assert_eq!(server.audited(&there).len(), server.audited(&absent).len());
}

#[test]
fn privileges_are_checked_of_the_caller_and_of_others() {
    let (server, key) = (server(), SigningKey::rsa("one"));
    account(&server, &key);
    let (web, api) = (Host::new(&server, &jwt(&key, &json!({}))), api(&server, &key));
    assert_eq!(web.send("POST", "/secrets/acme/variable/db%2Fpassword", "one").status, 201);
    let check = |host: &Host, name: &str, privilege: &str, role: &str| {
        let path = format!("/resources/acme/variable/{name}?check=true&role={role}&privilege={privilege}");
        let answer = host.get(&path);
        assert_eq!(host.head(&path), answer.status);
        answer.status
    };
    let name = "db%2Fpassword";
    for role in ["", "acme:host:apps/web", "host%3Aapps%2Fweb"] {
        for privilege in ["read", "execute", "update"] {
            assert_eq!(check(&web, name, privilege, role), 204, "{role} {privilege}");
            assert_eq!(check(&web, "absent", privilege, role), 404);
        }
        assert_eq!(check(&web, name, "delete", role), 404);
    }
    assert_eq!(["read", "execute", "update"].map(|privilege| check(&api, name, privilege, "")), [204, 204, 404]);
    // Administrators may ask about others.
    let mut root = Caller::certificate(&server, "root");
    let ask = |caller: &mut Caller, role: &str, privilege: &str| {
        let path = format!("/resources/acme/variable/{name}?check=true&role={role}&privilege={privilege}");
        caller.send("GET", &path, None).status
    };
    for (role, privilege, status) in [
        ("acme:host:apps/api", "execute", 204),
        ("acme:host:apps/api", "update", 404),
        ("acme:user:alice", "update", 204),
        ("acme:user:mallory", "read", 404),
        ("acme:host:absent", "read", 404),
        ("other:host:apps/other", "read", 404),
        ("acme:group:x", "read", 404),
        ("nonsense", "read", 404),
    ] {
        assert_eq!(ask(&mut root, role, privilege), status, "{role} {privilege}");
        // Other callers get 404.
        assert_eq!(check(&api, name, privilege, role), if role.ends_with("apps/api") { status } else { 404 });
    }
    let of_service = |host: &Host, privilege: &str| {
        host.get(&format!("/resources/acme/webservice/conjur%2Fauthn-jwt%2Fgitlab?check=true&privilege={privilege}"))
            .status
    };
    assert_eq!(
        (of_service(&web, "authenticate"), of_service(&web, "read"), of_service(&web, "update")),
        (204, 204, 404)
    );
    says(&web.get(&format!("/resources/acme/variable/{name}?check=true")), 422, "privilege");
    says(
        &web.get(&format!("/resources/acme/variable/{name}?permitted_roles=true&privilege=read")),
        501,
        "permitted_roles",
    );
    // Go's client sends no role. Without `check` the request reads the resource.
    let path = format!("/resources/acme/variable/{name}");
    assert_eq!(web.get(&format!("{path}?check=true&privilege=execute")).status, 204);
    assert_eq!(web.get(&format!("{path}?check=false&privilege=execute")).json()["id"], "acme:variable:db/password");
}

#[test]
fn hosts_are_roles_to_themselves_and_to_those_who_administer() {
    let (server, key) = (server(), SigningKey::rsa("one"));
    let mut root = account(&server, &key);
    let web = Host::new(&server, &jwt(&key, &json!({})));
    for (path, own, roots) in [
        ("/roles/acme/host/apps%2Fweb", 200, 200),
        ("/roles/acme/host/apps%2Fapi", 404, 200),
        ("/roles/acme/host/absent", 404, 404),
        ("/roles/other/host/apps%2Fweb", 404, 404),
        ("/resources/acme/host/apps%2Fweb", 200, 200),
        ("/resources/acme/host/apps%2Fapi", 404, 200),
        ("/resources/acme/webservice/conjur%2Fauthn-jwt%2Fgitlab", 200, 200),
        ("/resources/acme/webservice/conjur%2Fauthn-jwt%2Fabsent", 404, 404),
        ("/resources/acme/webservice/gitlab", 404, 404),
    ] {
        assert_eq!((web.get(path).status, web.head(path)), (own, own), "{path}");
        assert_eq!(root.send("GET", path, None).status, roots, "{path}");
        assert_eq!(mallory(&server).get(path).status, 404, "{path}");
    }
    let role = web.get("/roles/acme/host/apps%2Fweb").json();
    assert_eq!((&role["id"], &role["members"]), (&json!("acme:host:apps/web"), &json!([])));
    for query in ["all", "memberships", "members", "graph", "members&limit=5&role=acme%3Ahost%3Ax&search=x"] {
        says(&web.get(&format!("/roles/acme/host/apps%2Fweb?{query}")), 501, "is not served");
    }
    says(&web.get("/roles/acme/group/ops"), 501, "only hosts are");
    says(&web.get("/resources/acme/policy/root"), 501, "kind \"policy\"");
}

#[test]
fn authenticators_are_listed_and_switched() {
    let (server, key) = (server(), SigningKey::rsa("one"));
    let mut root = account(&server, &key);
    let web = Host::new(&server, &jwt(&key, &json!({})));
    let all = |configured: Value, enabled: Value| json!({"installed": ["authn", "authn-jwt"], "configured": configured, "enabled": enabled});
    let (own, none) = (json!(["authn", "authn-jwt/gitlab"]), json!(["authn"]));
    assert_eq!(web.get("/authenticators").json(), all(own.clone(), own.clone()));
    assert_eq!(root.get("/authenticators"), all(own.clone(), own.clone()));
    assert_eq!(mallory(&server).get("/authenticators").json(), all(none.clone(), none.clone()));
    let mut patch = |path: &str, body: &str| {
        let headers = [("Content-Type", "text/plain; charset=utf-8")];
        root.connection.try_request("PATCH", path, &headers, body.as_bytes()).unwrap()
    };
    // One client encodes the slash, another does not.
    for path in ["/authn-jwt%2Fgitlab/acme", "/authn-jwt%2fgitlab/acme", "/authn-jwt/gitlab/acme"] {
        for _ in 0..2 {
            assert_eq!(patch(path, "enabled=false").status, 204, "{path}");
            assert_eq!(authenticate(&server, &jwt(&key, &json!({}))).status, 401);
        }
        assert_eq!(web.get("/authenticators").json(), all(own.clone(), none.clone()), "a token is good until its end");
        assert_eq!(patch(path, "enabled=True").status, 204);
        assert_eq!(authenticate(&server, &jwt(&key, &json!({}))).status, 200);
    }
    for (path, body, status, text) in [
        ("/authn-jwt%2Fabsent/acme", "enabled=true", 404, "absent"),
        ("/authn-jwt%2Fgitlab/other", "enabled=true", 404, "other/gitlab"),
        ("/authn-jwt%2Fgitlab/acme", "", 400, "enabled=true"),
        ("/authn-jwt%2Fgitlab/acme", "enabled=maybe", 400, "enabled"),
        ("/authn-jwt%2Fgitlab/acme", "enabled=true&enabled=false", 400, "twice"),
    ] {
        says(&patch(path, body), status, text);
    }
    assert_eq!(web.send("PATCH", "/authn-jwt%2Fgitlab/acme", "enabled=false").status, 403);
    assert_eq!(
        mallory(&server).try_request("PATCH", "/authn-jwt/gitlab/acme", &[], b"enabled=false").unwrap().status,
        403
    );
    assert_eq!(authenticate(&server, &jwt(&key, &json!({}))).status, 200);
}

#[test]
fn values_are_written_expired_and_read_as_clients_do() {
    let (server, key) = (server(), SigningKey::rsa("one"));
    account(&server, &key);
    let (web, api) = (Host::new(&server, &jwt(&key, &json!({}))), api(&server, &key));
    let path = "/secrets/acme/variable/db%2Fpass%20word%2B%252F";
    for (name, value) in [(path, "one"), (path, "two, with ünicode"), ("/secrets/acme/variable/db/other", "three")] {
        assert_eq!(web.send("POST", name, value).status, 201);
    }
    says(&web.send("POST", path, ""), 422, "the value is empty");
    says(&web.send("POST", "/secrets/acme/variable/new", ""), 422, "the value is empty");
    assert_eq!(web.get(path).body, "two, with ünicode".as_bytes());
    assert_eq!(web.get(&format!("{path}?version=1")).body, b"one");
    for version in ["0", "3", "99"] {
        assert_eq!(web.get(&format!("{path}?version={version}")).status, 404, "{version}");
    }
    says(&web.get(&format!("{path}?version=x")), 400, "version");
    // The request clears an expiry and does not change the value.
    for query in ["expirations", "expirations=", "expirations=true"] {
        let answer = web.send("POST", &format!("{path}?{query}"), "");
        assert_eq!((answer.status, answer.body.len()), (201, 0));
    }
    assert_eq!(
        web.get("/resources/acme/variable/db%2Fpass%20word%2B%252F").json()["secrets"].as_array().unwrap().len(),
        2
    );
    assert_eq!(api.send("POST", &format!("{path}?expirations"), "").status, 403, "it takes the right to write");
    assert_eq!(web.send("POST", "/secrets/acme/variable/absent?expirations", "").status, 404);
    let mut mallory = mallory(&server);
    for name in [path, "/secrets/acme/variable/absent"] {
        let answer = mallory.try_request("POST", &format!("{name}?expirations"), &[], b"").unwrap();
        assert_eq!((answer.status, server.audited(&answer).len()), (404, 1), "{name}");
    }
    // One client encodes the separators between the names, the other only what it must.
    for ids in [
        "acme:variable:db/pass+word%2B%252F,acme:variable:db/other",
        "acme%3Avariable%3Adb%2Fpass%20word%2B%252F%2Cacme%3Avariable%3Adb%2Fother",
    ] {
        let answer = web.get(&format!("/secrets?variable_ids={ids}"));
        let expected =
            json!({"acme:variable:db/pass word+%2F": "two, with ünicode", "acme:variable:db/other": "three"});
        assert_eq!(answer.json(), expected);
        assert_eq!(web.head(&format!("/secrets?variable_ids={ids}")), 200);
    }
    says(&web.get("/secrets?variable_ids=acme:variable:db/other,acme:variable:db/other"), 400, "twice");
    assert_eq!(web.head(path), 200);
}

#[test]
fn the_version_is_where_clients_look_for_it() {
    let server = server();
    let version = env!("CARGO_PKG_VERSION");
    let info = server.nobody().get("/info");
    assert_eq!((info.status, info.header("content-type")), (200, Some("application/json")));
    assert_eq!(info.json()["services"]["possum"]["version"], version);
    let headers = [("Accept", "application/json, text/html")];
    for headers in [&headers[..], &[]] {
        let root = server.nobody().try_request("GET", "/", headers, b"").unwrap();
        assert_eq!((root.status, &root.json()["version"]), (200, &json!(version)));
        assert!(String::from_utf8(root.body).unwrap().contains(&format!("Version {version}")));
    }
}

#[test]
fn what_is_not_served_says_so() {
    let (server, key) = (server(), SigningKey::rsa("one"));
    account(&server, &key);
    let web = Host::new(&server, &jwt(&key, &json!({})));
    let mut nobody = server.nobody().connect().unwrap();
    for (method, path, text) in [
        ("POST", "/policies/acme/policy/root", "policies"),
        ("PUT", "/policies/acme/policy/root", "policies"),
        ("PATCH", "/policies/acme/policy/root?dryRun=true", "policies"),
        ("GET", "/policies/acme/policy/root?depth=64&limit=100000", "policies"),
        ("POST", "/branches/acme", "branches"),
        ("GET", "/branches/acme/data%2Fteam", "branches"),
        ("PATCH", "/issuers/acme/aws", "issuers"),
        ("GET", "/issuers/acme", "issuers"),
        ("POST", "/workloads/acme", "workloads"),
        ("POST", "/host_factory_tokens", "host factories"),
        ("DELETE", "/host_factory_tokens/token", "host factories"),
        ("POST", "/host_factories/hosts", "host factories"),
        ("PUT", "/authn/acme/password", "not serve PUT"),
        ("GET", "/authn-ldap/gitlab/acme/login", "LDAP"),
        ("POST", "/authn-ldap/gitlab/acme/alice/authenticate", "LDAP"),
        ("GET", "/authn-ldap%2Fgitlab/acme/status", "LDAP"),
        ("GET", "/authn-oidc/gitlab/acme/authenticate?code=code&code_verifier=verifier&nonce=nonce", "OIDC"),
        ("GET", "/authn-oidc/acme/providers", "OIDC"),
        ("POST", "/authn-iam/prod/acme/host%2Fapps%2Fweb/authenticate", "AWS"),
        ("POST", "/authn-azure/gitlab/acme/host%2Fapps%2Fweb/authenticate", "Azure"),
        ("POST", "/authn-gcp/acme/authenticate", "Google"),
        ("POST", "/authn-k8s/prod/acme/host%2Fapps%2Fweb/authenticate", "Kubernetes"),
        ("POST", "/authn-k8s/prod/inject_client_cert", "Kubernetes"),
        ("POST", "/authn-cert/prod/acme/host%2Fapps%2Fweb/authenticate", "certificates"),
        ("GET", "/public_keys/acme/user/alice", "public keys"),
        ("POST", "/ca/acme/prod/sign", "certificate authority"),
        ("GET", "/remote_health/other", "GET /health"),
        ("POST", "/roles/acme/group/ops?members&member=acme%3Auser%3Aalice", "memberships"),
        ("DELETE", "/roles/acme/group/ops?members&member=acme%3Auser%3Aalice", "memberships"),
        ("POST", "/roles/acme/host/apps%2Fweb?members&member=acme%3Auser%3Aalice", "memberships"),
        ("PUT", "/resources/acme/variable/x", "resources"),
        ("POST", "/secrets/acme/user/alice", "only variables"),
        ("PUT", "/secrets/acme/variable/x", "only variables"),
        ("GET", "/authn-jwt/gitlab/acme/authenticate", "authn-jwt has"),
        ("PUT", "/authn-jwt%2Fgitlab/acme", "authn-jwt has"),
        ("POST", "/authenticators/acme", "not serve POST"),
        ("DELETE", "/info", "not serve DELETE"),
    ] {
        let answer = web.send(method, path, "x");
        says(&answer, 501, text);
        // The credential is not checked first, because that of a host factory does not exist here.
        let headers =
            [("Authorization", "Token token=\"token\""), ("Content-Type", "application/x-www-form-urlencoded")];
        says(&nobody.try_request(method, path, &headers, b"").unwrap(), 501, text);
    }
    let head = "HEAD /policies/acme/policy/root HTTP/1.1\r\nHost: localhost\r\n\r\n";
    nobody.stream.write_all(head.as_bytes()).unwrap();
    assert_eq!(nobody.read_head().unwrap().status, 501);
}
