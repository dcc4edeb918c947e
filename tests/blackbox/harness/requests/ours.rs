//! Requests of this server's own clients, and of Cosmian's and Piiano's clients.

use serde_json::json;

use super::super::caller::change;
use super::{Make, Request};

pub const REQUESTS: &[(&str, Make)] = &[
    ("GET /version", |_| Request::bare("/version")),
    ("GET /openapi.json", |_| Request::bare("/openapi.json")),
    ("GET /server-info", |_| Request::bare("/server-info")),
    ("GET /health", |_| Request::bare("/health")),
    ("GET /health/database", |_| Request::bare("/health/database")),
    ("GET /.well-known/jwks.json", |_| Request::bare("/.well-known/jwks.json")),
    ("GET /whoami", |_| Request::bare("/whoami")),
    ("GET /api/pvlt/1.0/system/info/version", |_| Request::bare("/api/pvlt/1.0/system/info/version")),
    ("GET /api/pvlt/1.0/data/info/health", |_| Request::bare("/api/pvlt/1.0/data/info/health")),
    ("GET /api/pvlt/1.0/ctl/info/health", |_| Request::bare("/api/pvlt/1.0/ctl/info/health")),
    // There is no IAM file.
    ("GET /api/pvlt/1.0/ctl/iam/conf", |_| Request::bare("/api/pvlt/1.0/ctl/iam/conf").answers(404)),
    ("POST /kmip/2_1", |_| Request::json("/kmip/2_1", json!({"tag": "Query", "value": []}))),
    ("POST /kmip_2_1", |_| Request::json("/kmip_2_1", json!({"tag": "Query", "value": []}))),
    ("POST /access/grant", |world| {
        let user = world.fresh();
        Request::json("/access/grant", change(&world.aes, &user, &["encrypt"]))
    }),
    ("POST /access/revoke", |world| {
        let (user, aes) = (world.fresh(), world.aes.clone());
        world.root.grant(&aes, &user, &["encrypt"]);
        Request::json("/access/revoke", change(&aes, &user, &["encrypt"]))
    }),
    ("GET /access/offers", |_| Request::bare("/access/offers")),
    ("GET /access/offers/made", |_| Request::bare("/access/offers/made")),
    // There are no recoverers.
    ("GET /access/recoveries", |_| Request::bare("/access/recoveries").answers(403)),
    ("GET /access/list/{}", |world| Request::bare(format!("/access/list/{}", world.aes))),
    ("GET /access/owned", |_| Request::bare("/access/owned?limit=2")),
    ("GET /access/obtained", |_| Request::bare("/access/obtained")),
    ("GET /access/create", |_| Request::bare("/access/create")),
    ("GET /access/privileged", |_| Request::bare("/access/privileged")),
    ("GET /objects", |_| Request::bare("/objects?limit=2")),
    ("GET /audit/public-key", |_| Request::bare("/audit/public-key")),
    ("GET /audit/head", |_| Request::bare("/audit/head")),
    ("GET /access/tokens", |_| Request::bare("/access/tokens")),
    ("GET /issuers", |_| Request::bare("/issuers")),
    ("GET /access/definitions/{}", |_| Request::bare("/access/definitions/roles")),
];
