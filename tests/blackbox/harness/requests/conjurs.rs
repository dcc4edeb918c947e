//! Requests of Conjur's clients.

use serde_json::json;

use super::super::conjur::jwt;
use super::{Body, Make, Request};

/// The variable that is the secret `KEPT` of the environment `dev`.
const KEPT: &str = "dev%2FKEPT";

const KEYED: &str = "/authn/acme/api_key?role=host:apps%2Fkeyed";

fn form(path: &str, fields: String) -> Request {
    Request::new(path, Body::Form(fields))
}

fn text(path: &str, text: String) -> Request {
    Request::new(path, Body::Text(text))
}

pub const REQUESTS: &[(&str, Make)] = &[
    ("GET /", |_| Request::bare("/")),
    ("GET /info", |_| Request::bare("/info")),
    ("POST /authn-jwt/{}/{}/authenticate", |world| {
        let jwt = jwt(&world.signing, &json!({"app": {"name": "web"}}));
        form("/authn-jwt/claims/acme/authenticate", format!("jwt={jwt}"))
    }),
    ("POST /authn-jwt/{}/{}/{}/authenticate", |world| {
        let jwt = jwt(&world.signing, &json!({}));
        form("/authn-jwt/gitlab/acme/host%2Fapps%2Fweb/authenticate", format!("jwt={jwt}"))
    }),
    ("GET /authn-jwt/{}/{}/status", |_| Request::bare("/authn-jwt/gitlab/acme/status")),
    ("POST /authn/{}/{}/authenticate", |world| {
        let key = world.api_key();
        text("/authn/acme/host%2Fapps%2Fkeyed/authenticate", key)
    }),
    ("GET /authn/{}/login", |world| {
        let key = world.api_key();
        Request::bare("/authn/acme/login").by("host/apps/keyed", &key)
    }),
    ("PUT /authn/{}/api_key", |world| {
        world.api_key();
        Request::bare(KEYED)
    }),
    ("PUT /authn/{}/api_key", |world| {
        let key = world.api_key();
        Request::bare(KEYED).by("host/apps/keyed", &key)
    }),
    ("DELETE /authn/{}/api_key", |world| {
        world.api_key();
        Request::bare(KEYED).answers(204)
    }),
    ("PATCH /authn-jwt/{}/{}", |_| form("/authn-jwt/gitlab/acme", "enabled=true".to_owned()).answers(204)),
    ("GET /authenticators", |_| Request::bare("/authenticators")),
    ("GET /resources/{}", |_| Request::bare("/resources/shop?kind=variable")),
    ("GET /resources/{}/{}", |_| Request::bare("/resources/shop/variable")),
    ("GET /resources/{}/{}/{*}", |_| Request::bare(format!("/resources/shop/variable/{KEPT}"))),
    ("GET /resources/{}/{}/{*}", |_| {
        Request::bare(format!("/resources/shop/variable/{KEPT}?check=true&privilege=read")).answers(204)
    }),
    ("GET /roles/{}/{}/{*}", |_| Request::bare("/roles/acme/host/apps%2Fweb")),
    ("GET /secrets", |_| Request::bare(format!("/secrets?variable_ids=shop:variable:{KEPT}"))),
    ("GET /secrets/{}/variable/{*}", |_| Request::bare(format!("/secrets/shop/variable/{KEPT}"))),
    ("POST /secrets/{}/variable/{*}", |_| {
        text("/secrets/shop/variable/dev%2FWRITTEN", "value".to_owned()).answers(201)
    }),
    ("POST /secrets/{}/variable/{*}", |_| {
        text(&format!("/secrets/shop/variable/{KEPT}?expirations"), String::new()).answers(201)
    }),
];
