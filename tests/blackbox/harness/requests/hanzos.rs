//! Requests of Infisical's clients.

use serde_json::{Value, json};

use super::super::credentials::{LOGIN as UNIVERSAL, app, at, secret};
use super::super::hanzo::{LOGIN, OIDC_LOGIN, RENEW, REVOKE, jwt, oidc_path, path, trusting};
use super::{Make, Request, World, newer, place};

const SHOP: &str = "/api/v1/workspace/shop";
const MEMBERS: &str = "/api/v2/workspace/shop/identity-memberships";
const IN_SHOP: &str = "workspaceId=shop&environment=dev";
const IN_PROJECT: &str = "projectId=shop&environment=dev";

fn key(id: &str, action: &str) -> String {
    format!("/api/v1/kms/keys/{id}{action}")
}

fn to_sign() -> Value {
    json!({"data": "aGVsbG8=", "signingAlgorithm": "ECDSA_SHA_256"})
}

/// Returns the body of a batch with one secret.
fn batch(name: &str, more: Value) -> Value {
    let mut own = json!({ "secretKey": name });
    own.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({ "secrets": [own] })
}

/// Creates a folder, and returns its path by name.
fn folder(world: &mut World, version: &str) -> String {
    format!("/api/{version}/folders/{}", world.new_folder())
}

pub const REQUESTS: &[(&str, Make)] = &[
    ("POST /api/v1/auth/jwt-auth/login", |world| {
        Request::json(LOGIN, json!({"identityId": world.identity, "jwt": jwt(&world.signing, &json!({}))}))
    }),
    ("POST /api/v1/auth/jwt-auth/identities/{}", |world| {
        let id = world.new_identity();
        Request::json(path(&id), trusting(&world.signing, &json!({"accessTokenTTL": 60})))
    }),
    ("PATCH /api/v1/auth/jwt-auth/identities/{}", |world| {
        Request::json(path(&world.identity), json!({"accessTokenTTL": 60, "accessTokenNumUsesLimit": 0}))
    }),
    ("GET /api/v1/auth/jwt-auth/identities/{}", |world| Request::bare(path(&world.identity))),
    ("POST /api/v1/auth/oidc-auth/login", |world| {
        let jwt = world.signing.token("RS256", &world.provider.claims());
        Request::json(OIDC_LOGIN, json!({"identityId": world.by_provider, "jwt": jwt}))
    }),
    ("POST /api/v1/auth/oidc-auth/identities/{}", |world| {
        let id = world.new_identity();
        Request::json(oidc_path(&id), world.provider.trusted())
    }),
    ("PATCH /api/v1/auth/oidc-auth/identities/{}", |world| {
        Request::json(oidc_path(&world.by_provider), json!({"accessTokenTTL": 60}))
    }),
    ("GET /api/v1/auth/oidc-auth/identities/{}", |world| Request::bare(oidc_path(&world.by_provider))),
    ("POST /api/v1/auth/universal-auth/login", |world| {
        let (client_id, client_secret) = (&world.app.client_id, &world.client_secret.1);
        Request::json(UNIVERSAL, json!({"clientId": client_id, "clientSecret": client_secret}))
    }),
    ("POST /api/v1/auth/universal-auth/identities/{}", |world| {
        let id = world.new_identity();
        Request::json(at(&id, ""), json!({}))
    }),
    ("PATCH /api/v1/auth/universal-auth/identities/{}", |world| {
        Request::json(at(&world.app.identity, ""), json!({"accessTokenTTL": 60}))
    }),
    ("GET /api/v1/auth/universal-auth/identities/{}", |world| Request::bare(at(&world.app.identity, ""))),
    ("POST /api/v1/auth/universal-auth/identities/{}/client-secrets", |world| {
        Request::json(at(&world.app.identity, "/client-secrets"), json!({"description": "text", "ttl": 60}))
    }),
    ("GET /api/v1/auth/universal-auth/identities/{}/client-secrets", |world| {
        Request::bare(at(&world.app.identity, "/client-secrets"))
    }),
    ("GET /api/v1/auth/universal-auth/identities/{}/client-secrets/{}", |world| {
        Request::bare(at(&world.app.identity, &format!("/client-secrets/{}", world.client_secret.0)))
    }),
    ("POST /api/v1/auth/universal-auth/identities/{}/client-secrets/{}/revoke", |world| {
        let (id, _) = secret(&mut world.root, &world.app, &json!({}));
        Request::json(at(&world.app.identity, &format!("/client-secrets/{id}/revoke")), json!({}))
    }),
    ("POST /api/v1/auth/universal-auth/identities/{}/clear-lockouts", |world| {
        let app = app(&mut world.root, &json!({}));
        Request::json(at(&app.identity, "/clear-lockouts"), json!({}))
    }),
    ("POST /api/v1/auth/token/renew", |world| Request::json(RENEW, json!({"accessToken": world.access_token()}))),
    ("POST /api/v1/auth/token/revoke", |world| Request::json(REVOKE, json!({"accessToken": world.access_token()}))),
    ("POST /api/v1/identities", |_| Request::json("/api/v1/identities", json!({"name": "new"}))),
    ("GET /api/v1/identities", |_| Request::bare("/api/v1/identities?limit=2")),
    ("GET /api/v1/identities/details", |_| Request::bare("/api/v1/identities/details")),
    ("POST /api/v2/identities/search", |_| {
        Request::json("/api/v2/identities/search", json!({"search": {"name": {"$contains": "app"}}}))
    }),
    ("GET /api/v1/identities/{}", |world| Request::bare(format!("/api/v1/identities/{}", world.identity))),
    ("PATCH /api/v1/identities/{}", |world| {
        Request::json(format!("/api/v1/identities/{}", world.identity), json!({"name": "app"}))
    }),
    ("POST /api/v2/workspace", |world| Request::json("/api/v2/workspace", json!({"projectName": world.fresh()}))),
    ("GET /api/v1/workspace", |_| Request::bare("/api/v1/workspace?limit=2")),
    ("GET /api/v1/workspace/{}", |_| Request::bare(SHOP)),
    ("PATCH /api/v1/workspace/{}", |_| Request::json(SHOP, json!({"description": "text"}))),
    ("GET /api/v2/workspace/{}", |_| Request::bare("/api/v2/workspace/shop")),
    ("PATCH /api/v2/workspace/{}", |_| Request::json("/api/v2/workspace/shop", json!({"name": "Shop"}))),
    ("GET /api/v2/workspace/{}/identity-memberships", |_| Request::bare(MEMBERS)),
    ("GET /api/v2/workspace/{}/identity-memberships/{}", |world| {
        Request::bare(format!("{MEMBERS}/{}", world.identity))
    }),
    ("POST /api/v2/workspace/{}/identity-memberships/{}", |world| {
        Request::json(format!("{MEMBERS}/{}", world.identity), json!({"roles": [{"role": "developer"}]}))
    }),
    ("PATCH /api/v2/workspace/{}/identity-memberships/{}", |world| {
        Request::json(format!("{MEMBERS}/{}", world.identity), json!({"role": "developer"}))
    }),
    ("GET /api/v2/workspace/identity-memberships/{}", |world| {
        let id = world.root.get(&format!("{MEMBERS}/{}", world.identity))["identityMembership"]["id"].clone();
        Request::bare(format!("/api/v2/workspace/identity-memberships/{}", id.as_str().unwrap()))
    }),
    ("GET /api/v1/workspace/environments/{}", |world| {
        Request::bare(format!("/api/v1/workspace/environments/{}", world.environment))
    }),
    ("GET /api/v1/workspace/{}/environments", |_| Request::bare(format!("{SHOP}/environments"))),
    ("GET /api/v1/workspace/{}/environments/{}", |world| {
        Request::bare(format!("{SHOP}/environments/{}", world.environment))
    }),
    ("POST /api/v1/workspace/{}/environments", |world| {
        let name = world.fresh();
        Request::json(format!("{SHOP}/environments"), json!({"name": name, "slug": name}))
    }),
    ("PATCH /api/v1/workspace/{}/environments/{}", |world| {
        Request::json(format!("{SHOP}/environments/{}", world.environment), json!({"name": "Development"}))
    }),
    ("GET /api/v1/workspace/{}/tags", |_| Request::bare(format!("{SHOP}/tags"))),
    ("POST /api/v1/workspace/{}/tags", |world| Request::json(format!("{SHOP}/tags"), json!({"slug": world.fresh()}))),
    ("GET /api/v1/workspace/{}/tags/{}", |world| Request::bare(format!("{SHOP}/tags/{}", world.new_tag().0))),
    ("PATCH /api/v1/workspace/{}/tags/{}", |world| {
        Request::json(format!("{SHOP}/tags/{}", world.new_tag().0), json!({"name": "text", "color": "#ff0000"}))
    }),
    ("GET /api/v1/workspace/{}/tags/slug/{}", |world| Request::bare(format!("{SHOP}/tags/slug/{}", world.new_tag().1))),
    ("GET /api/v1/folders", |_| Request::bare(format!("/api/v1/folders?{IN_SHOP}"))),
    ("POST /api/v1/folders", |world| {
        Request::json("/api/v1/folders", place(json!({"path": "/", "name": world.fresh()})))
    }),
    ("GET /api/v1/folders/{}", |world| Request::bare(format!("/api/v1/folders/{}", world.folder))),
    ("GET /api/v1/folders/{}/{}/{*}", |_| Request::bare("/api/v1/folders/shop/dev/kept")),
    ("PATCH /api/v1/folders/{}", |world| {
        let name = world.fresh();
        Request::json(folder(world, "v1"), place(json!({"path": "/", "name": name})))
    }),
    ("DELETE /api/v1/folders/{}", |world| Request::json(folder(world, "v1"), place(json!({"path": "/"})))),
    ("GET /api/v2/folders", |_| Request::bare(format!("/api/v2/folders?{IN_PROJECT}"))),
    ("POST /api/v2/folders", |world| {
        Request::json("/api/v2/folders", newer(json!({"path": "/", "name": world.fresh()})))
    }),
    ("GET /api/v2/folders/{}", |world| Request::bare(format!("/api/v2/folders/{}", world.folder))),
    ("PATCH /api/v2/folders/{}", |world| {
        Request::json(folder(world, "v2"), newer(json!({"path": "/", "description": "text"})))
    }),
    ("DELETE /api/v2/folders/{}", |world| Request::json(folder(world, "v2"), newer(json!({"path": "/"})))),
    ("GET /api/v3/secrets/raw", |_| Request::bare(format!("/api/v3/secrets/raw?{IN_SHOP}&limit=2"))),
    ("POST /api/v3/secrets/batch/raw", |world| {
        Request::json("/api/v3/secrets/batch/raw", place(batch(&world.fresh(), json!({"secretValue": "x"}))))
    }),
    ("PATCH /api/v3/secrets/batch/raw", |world| {
        Request::json("/api/v3/secrets/batch/raw", place(batch(&world.new_secret(), json!({"secretValue": "y"}))))
    }),
    ("DELETE /api/v3/secrets/batch/raw", |world| {
        Request::json("/api/v3/secrets/batch/raw", place(batch(&world.new_secret(), json!({}))))
    }),
    ("GET /api/v3/secrets/raw/id/{}", |world| {
        let id = world.root.get(&format!("/api/v3/secrets/raw/KEPT?{IN_SHOP}"))["secret"]["id"].clone();
        Request::bare(format!("/api/v3/secrets/raw/id/{}", id.as_str().unwrap()))
    }),
    ("GET /api/v3/secrets/raw/{}", |_| Request::bare(format!("/api/v3/secrets/raw/KEPT?{IN_SHOP}"))),
    ("POST /api/v3/secrets/raw/{}", |world| {
        Request::json(format!("/api/v3/secrets/raw/{}", world.fresh()), place(json!({"secretValue": "x"})))
    }),
    ("PATCH /api/v3/secrets/raw/{}", |world| {
        Request::json(format!("/api/v3/secrets/raw/{}", world.new_secret()), place(json!({"secretValue": "y"})))
    }),
    ("DELETE /api/v3/secrets/raw/{}", |world| {
        Request::json(format!("/api/v3/secrets/raw/{}", world.new_secret()), place(json!({})))
    }),
    ("GET /api/v4/secrets", |_| Request::bare(format!("/api/v4/secrets?{IN_PROJECT}&limit=2"))),
    ("POST /api/v4/secrets/batch", |world| {
        Request::json("/api/v4/secrets/batch", newer(batch(&world.fresh(), json!({"secretValue": "x"}))))
    }),
    ("PATCH /api/v4/secrets/batch", |world| {
        Request::json("/api/v4/secrets/batch", newer(batch(&world.new_secret(), json!({"secretValue": "y"}))))
    }),
    ("DELETE /api/v4/secrets/batch", |world| {
        Request::json("/api/v4/secrets/batch", newer(batch(&world.new_secret(), json!({}))))
    }),
    ("GET /api/v4/secrets/{}", |_| Request::bare(format!("/api/v4/secrets/KEPT?{IN_PROJECT}"))),
    ("POST /api/v4/secrets/{}", |world| {
        Request::json(format!("/api/v4/secrets/{}", world.fresh()), newer(json!({"secretValue": "x"})))
    }),
    ("PATCH /api/v4/secrets/{}", |world| {
        Request::json(format!("/api/v4/secrets/{}", world.new_secret()), newer(json!({"secretValue": "y"})))
    }),
    ("DELETE /api/v4/secrets/{}", |world| {
        Request::json(format!("/api/v4/secrets/{}", world.new_secret()), newer(json!({})))
    }),
    ("POST /api/v1/kms/keys", |_| Request::json("/api/v1/kms/keys", json!({"name": "new"}))),
    ("GET /api/v1/kms/keys", |_| Request::bare("/api/v1/kms/keys?limit=2")),
    ("GET /api/v1/kms/keys/key-name/{}", |_| Request::bare("/api/v1/kms/keys/key-name/aes")),
    ("GET /api/v1/kms/keys/{}", |world| Request::bare(key(&world.aes, ""))),
    ("PATCH /api/v1/kms/keys/{}", |world| Request::json(key(&world.aes, ""), json!({"description": "text"}))),
    ("POST /api/v1/kms/keys/{}/encrypt", |world| {
        Request::json(key(&world.aes, "/encrypt"), json!({"plaintext": "aGVsbG8="}))
    }),
    ("POST /api/v1/kms/keys/{}/decrypt", |world| {
        let sealed = world.root.done(&key(&world.aes, "/encrypt"), &json!({"plaintext": "aGVsbG8="}));
        Request::json(key(&world.aes, "/decrypt"), json!({"ciphertext": sealed["ciphertext"]}))
    }),
    ("POST /api/v1/kms/keys/{}/sign", |world| Request::json(key(&world.signer, "/sign"), to_sign())),
    ("POST /api/v1/kms/keys/{}/verify", |world| {
        let signed = world.root.done(&key(&world.signer, "/sign"), &to_sign());
        let mut body = to_sign();
        body["signature"] = signed["signature"].clone();
        Request::json(key(&world.signer, "/verify"), body)
    }),
    ("GET /api/v1/kms/keys/{}/public-key", |world| Request::bare(key(&world.signer, "/public-key"))),
    ("GET /api/v1/kms/keys/{}/signing-algorithms", |world| Request::bare(key(&world.signer, "/signing-algorithms"))),
];

/// Requests without a body that remove something.
pub const REMOVALS: &[(&str, Make)] = &[
    ("DELETE /api/v1/auth/jwt-auth/identities/{}", |world| {
        let id = world.new_identity();
        world.root.done(&path(&id), &trusting(&world.signing, &json!({})));
        Request::bare(path(&id))
    }),
    ("DELETE /api/v1/auth/oidc-auth/identities/{}", |world| {
        let id = world.new_identity();
        world.root.done(&oidc_path(&id), &world.provider.trusted());
        Request::bare(oidc_path(&id))
    }),
    ("DELETE /api/v1/auth/universal-auth/identities/{}", |world| {
        let id = world.new_identity();
        world.root.done(&at(&id, ""), &json!({}));
        Request::bare(at(&id, ""))
    }),
    ("DELETE /api/v2/workspace/{}/identity-memberships/{}", |world| {
        let id = world.new_identity();
        world.root.done(&format!("{MEMBERS}/{id}"), &json!({"role": "developer"}));
        Request::bare(format!("{MEMBERS}/{id}"))
    }),
    ("DELETE /api/v1/identities/{}", |world| Request::bare(format!("/api/v1/identities/{}", world.new_identity()))),
    ("DELETE /api/v1/workspace/{}/tags/{}", |world| Request::bare(format!("{SHOP}/tags/{}", world.new_tag().0))),
    ("DELETE /api/v1/workspace/{}/environments/{}", |world| {
        let slug = world.fresh();
        let made = world.root.done(&format!("{SHOP}/environments"), &json!({"name": slug, "slug": slug}));
        Request::bare(format!("{SHOP}/environments/{}", made["environment"]["id"].as_str().unwrap()))
    }),
    ("DELETE /api/v1/workspace/{}", |world| Request::bare(format!("/api/v1/workspace/{}", world.new_project()))),
    ("DELETE /api/v2/workspace/{}", |world| Request::bare(format!("/api/v2/workspace/{}", world.new_project()))),
    ("DELETE /api/v1/kms/keys/{}", |world| {
        let made = world.root.done("/api/v1/kms/keys", &json!({"name": "to remove"}));
        Request::bare(key(made["key"]["id"].as_str().unwrap(), ""))
    }),
];
