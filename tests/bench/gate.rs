//! Measures the cost of authentication: the same request by client certificate, JWT, API token and access token, all
//! over the TLS of one server, with each verification cached. One access token is bound to the certificate of its
//! connection and has a limit of uses; the other has neither.

use std::sync::Arc;

use serde_json::Value;

use crate::harness::hanzo;
use crate::harness::jwt::{claims, key_set};
use crate::harness::server::Place;
use crate::harness::{Client, Connection, Jwks, Options, Server, SigningKey, kmip};
use crate::{Figures, REQUESTS, load_by, report};

const ISSUER: &str = "https://issuer.example/";
const AUDIENCE: &str = "claviger";

/// The number of rounds. The least value of each measurement counts, because other processes can only add time.
const ROUNDS: usize = 3;

/// The most that a token may cost, as a multiple of the cost of a certificate, which is verified in the handshake.
const LIMIT: f64 = 1.25;

/// The limit of uses, which is more than all rounds make.
const USES: i64 = 10_000_000;

/// Logs a new identity in over a connection of this client, and returns its access token.
fn access_token(server: &Server, client: &Client, key: &SigningKey, uses: i64) -> String {
    let id = hanzo::known(server, key, &serde_json::json!({"accessTokenNumUsesLimit": uses}));
    let login = serde_json::json!({"identityId": id, "jwt": hanzo::jwt(key, &serde_json::json!({}))});
    hanzo::token(&client.post(hanzo::LOGIN, &login).json())
}

/// One kind of credential, with a key that its user owns.
struct Way {
    name: &'static str,
    client: Client,
    authorization: Option<String>,
    body: Value,
}

pub fn measure() {
    let place = Arc::new(Place::new());
    let (token, id) = place.api_token();
    let key = SigningKey::rsa("one");
    let jwks = Jwks::start(&place.authority, &key_set(&[key.jwk()]));
    let arguments = vec![
        "--client-cert=optional".to_owned(),
        format!("--api-token-id={id}"),
        format!("--jwt-issuer-uri={ISSUER}"),
        format!("--jwks-uri={}", jwks.uri()),
        format!("--jwt-audience={AUDIENCE}"),
        format!("--jwks-ca-file={}", place.path("ca.pem").display()),
        "--administrators=root".to_owned(),
    ];
    let environment = vec![("KMS_LOG".to_owned(), "info".to_owned())];
    let server = Server::start_at(Arc::clone(&place), &Options { arguments, environment, ..Options::default() });
    let jwt = key.token("RS256", &claims(ISSUER, AUDIENCE, "carol"));
    let ways = [
        Way::new("client certificate", server.alice(), None),
        Way::new("JWT", server.nobody(), Some(jwt)),
        Way::new("API token", server.nobody(), Some(token)),
        Way::new("access token", server.nobody(), Some(access_token(&server, &server.nobody(), &key, 0))),
        Way::new("access token, bound, counted", server.bob(), Some(access_token(&server, &server.bob(), &key, USES))),
    ];
    for connections in [1, 16] {
        let mut least = [f64::INFINITY; 5];
        for _ in 0..ROUNDS {
            for (way, least) in ways.iter().zip(&mut least) {
                let figures = way.measure(&server, connections);
                report(&format!("Encrypt 32 B, {}, {connections} conn.", way.name), &figures);
                *least = least.min(figures.cpu);
            }
        }
        for (way, cpu) in ways.iter().zip(least).skip(1) {
            let ratio = cpu / least[0];
            println!("  {} to client certificate: {ratio:.2}", way.name);
            assert!(ratio <= LIMIT, "{} costs {ratio:.2} times a client certificate", way.name);
        }
    }
}

impl Way {
    fn new(name: &'static str, client: Client, token: Option<String>) -> Self {
        let mut way =
            Self { name, client, authorization: token.map(|token| format!("Bearer {token}")), body: Value::Null };
        let made = way.ask(&mut way.client.connect().unwrap(), &kmip::create("AES", 256, &[]));
        way.body = kmip::encrypt(&kmip::string(&made, "UniqueIdentifier"), &[7; 32]);
        way
    }

    fn ask(&self, connection: &mut Connection, request: &Value) -> Value {
        let answer = connection.kmip_as(self.authorization.as_deref(), request);
        assert_eq!(answer.status, 200, "{}", self.name);
        answer.json()
    }

    fn measure(&self, server: &Server, connections: usize) -> Figures {
        load_by(&self.client, self.authorization.as_deref(), server.pid(), connections, &self.body, REQUESTS)
    }
}
