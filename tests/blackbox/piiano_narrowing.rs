//! Claims `<namespace>/prop/<property>` limit a JWT to objects that have the property with one of the values.

use serde_json::{Value, json};

use crate::harness::caller::Caller;
use crate::harness::iam::{ROLES, server, table};
use crate::harness::jwt::{but, claims};
use crate::harness::{Server, SigningKey, kmip};

const A: &str = "https://a.example/";

struct World {
    key: SigningKey,
    server: Server,
}

impl World {
    fn caller(&self, narrowing: &Value) -> Caller {
        let own = but(claims(A, "kms", "carol"), &json!({"roles": "VaultAdminRole"}));
        Caller::bearer(&self.server, &self.key.token("ES256", &but(own, narrowing)))
    }

    fn status(&self, narrowing: &Value, request: &Value) -> u16 {
        self.caller(narrowing).send("POST", kmip::PATH, Some(request)).status
    }
}

fn world() -> World {
    let key = SigningKey::p256("abc");
    World { server: server(&format!("{}{ROLES}", table("a", A, "kms", &key))), key }
}

#[test]
fn a_property_narrows_what_a_token_reaches() {
    let world = world();
    let mut carol = world.caller(&json!({}));
    let mut made = |tags: &[&str], owner: &str| {
        let more = [kmip::tags(tags), kmip::vendor_attribute("app", "owner", owner)];
        let answer = carol.send("POST", kmip::PATH, Some(&kmip::create("AES", 256, &more)));
        assert_eq!(answer.status, 200, "{}", answer.json());
        kmip::string(&answer.json(), "UniqueIdentifier")
    };
    let (red, blue) = (made(&["red", "big"], "ann"), made(&["blue"], "bob"));
    for (narrowing, of_red, of_blue) in [
        (json!({}), 200, 200),
        (json!({"https://myapp/prop/owner": "ann"}), 200, 404),
        (json!({"https://myapp/prop/owner": ["ann", "bob"]}), 200, 200),
        (json!({"https://myapp/prop/owner": ["zoe", "bob"]}), 404, 200),
        (json!({"https://myapp/prop/owner": "Ann"}), 404, 404),
        (json!({"https://myapp/prop/owner": []}), 404, 404),
        (json!({"https://myapp/prop/tag": "red"}), 200, 404),
        (json!({"https://myapp/prop/tag": ["small", "big"]}), 200, 404),
        (json!({"https://myapp/prop/nothing": "red"}), 404, 404),
        // Several must all hold, with any namespaces.
        (json!({"https://myapp/prop/tag": "red", "https://myapp/prop/owner": "ann"}), 200, 404),
        (json!({"https://myapp/prop/tag": "red", "https://myapp/prop/owner": "bob"}), 404, 404),
        (json!({"a/prop/tag": "red", "b/prop/tag": "blue"}), 404, 404),
        // Together with the server's own claim.
        (json!({"a/prop/tag": "red", "claviger": {"operations": ["GetAttributes"]}}), 403, 404),
        (json!({"a/proper/tag": "red", "prop/tag": "red"}), 200, 200),
    ] {
        let got = [&red, &blue].map(|id| world.status(&narrowing, &kmip::encrypt(id, b"x")));
        assert_eq!(got, [of_red, of_blue], "{narrowing}");
    }
    // A new object must have it too.
    let narrowing = json!({"https://myapp/prop/owner": "ann"});
    assert_eq!(world.status(&narrowing, &kmip::create("AES", 256, &[])), 403);
    let own = [kmip::vendor_attribute("app", "owner", "ann")];
    assert_eq!(world.status(&narrowing, &kmip::create("AES", 256, &own)), 200);
}

#[test]
fn what_is_not_understood_as_narrowing_is_refused() {
    let world = world();
    for value in [json!(1), json!(false), json!({}), json!({"a": "b"}), json!(["a", 1]), json!([["a"]])] {
        let mut caller = world.caller(&json!({"https://myapp/prop/owner": value}));
        assert_eq!(caller.send("GET", "/whoami", None).status, 401, "{value}");
    }
    for claims in [json!({"https://myapp/prop/": "a"}), json!({"a/prop/b": vec!["c"; 65]})] {
        assert_eq!(world.caller(&claims).send("GET", "/whoami", None).status, 401, "{claims}");
    }
}
