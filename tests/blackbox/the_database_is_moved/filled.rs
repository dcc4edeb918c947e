//! A server with every kind of row, and the use of all of it.

use serde_json::{Value, json};

use crate::harness::attributes::limits;
use crate::harness::caller::{Caller, change};
use crate::harness::conjur::{define, host};
use crate::harness::credentials::{App, api_key, app, authenticate, log_in, secret};
use crate::harness::hanzo;
use crate::harness::kmip::{
    Sealed, all, boolean, bytes, create, date, encrypt, enumeration, integer, locate, name, named, octets, register,
    revoke, structure, tags,
};
use crate::harness::pairs::{pair, sign, verify};
use crate::harness::shop::shop_at;
use crate::harness::{Server, SigningKey, reference};

const TEXT: &[u8] = b"the same in every database";

/// Uses that the limited key permits, and encryptions that every key permits.
const UNITS: usize = 30;
const GCM: usize = 60;

/// A name with the character that PostgreSQL does not have, and one with that which stands for it there.
const NAMES: [&str; 2] = ["with \0 in it", "with \u{FFFF} in it"];

/// The options of the servers, on every database.
pub fn options() -> crate::harness::Options {
    hanzo::options(&[&format!("--gcm-limit={GCM}")])
}

/// What was made, and what is known of it.
pub struct Filled {
    sealed: Sealed,
    limited: String,
    /// Uses that are left of the limited key.
    left: usize,
    counted: String,
    shared: String,
    offered: String,
    pair: (String, String),
    signature: Vec<u8>,
    imported: (String, Vec<u8>),
    password: (String, Vec<u8>),
    certificate: String,
    destroyed: String,
    revoked: String,
    odd: [String; 2],
    token: String,
    client: (App, String),
    api_key: String,
    /// How often it was used.
    rounds: usize,
}

fn ecdsa() -> [Value; 1] {
    [enumeration("DigitalSignatureAlgorithm", "ECDSAWithSHA256")]
}

fn rotating() -> [Value; 2] {
    [json!({"tag": "RotateInterval", "type": "Interval", "value": 86_400}), boolean("RotateAutomatic", true)]
}

/// A registered object with a value in the clear.
fn registered(kind: &str, object: Value) -> Value {
    let attributes = [integer("CryptographicUsageMask", 0), date("ActivationDate", "2024-01-01T00:00:00Z")];
    structure("Register", &[enumeration("ObjectType", kind), structure("Attributes", &attributes), object])
}

fn password(value: &[u8]) -> Value {
    let material = structure("KeyValue", &[bytes("KeyMaterial", value)]);
    let block = structure("KeyBlock", &[enumeration("KeyFormatType", "Opaque"), material]);
    registered("SecretData", structure("SecretData", &[enumeration("SecretDataType", "Password"), block]))
}

fn certificate(server: &Server) -> Value {
    let der = server.place.alice.certificate.to_der().unwrap();
    let object = [enumeration("CertificateType", "X509"), bytes("CertificateValue", &der)];
    registered("Certificate", structure("Certificate", &object))
}

/// Makes one of every kind.
pub fn fill(server: Server) -> (Server, Filled) {
    let (server, mut root) = shop_at(server);
    let mut alice = server.alice().connect().unwrap();
    let named_key = alice.new_key(&create("AES", 256, &[name("a name"), tags(&["a tag", "another"])]));
    let sealed = alice.seal(&named_key, TEXT);
    let limited = alice.new_key(&create("AES", 256, &[limits(i64::try_from(UNITS).unwrap(), "Object")]));
    let [shared, offered, counted, destroyed, revoked] = [(); 5].map(|()| alice.aes());
    assert_eq!(server.alice().post("/access/grant", &change(&shared, "bob", &["encrypt"])).status, 200);
    let offer = json!({"unique_identifier": offered, "user_id": "bob"});
    assert_eq!(server.alice().post("/access/transfer", &offer).status, 200);
    let pair = pair(&mut alice, "ECDSA", 256);
    let signature = octets(&alice.ok(&sign(&pair.0, TEXT, &ecdsa())), "SignatureData");
    let value = reference::random(32);
    let imported = alice.new_key(&register("AES", &value, &[]));
    let secret_value = reference::random(20);
    let kept = alice.new_key(&password(&secret_value));
    let certificate = alice.new_key(&certificate(&server));
    alice.new_key(&create("AES", 256, &rotating()));
    let odd = NAMES.map(|text| alice.new_key(&create("AES", 256, &[name(text), tags(&[text])])));
    for id in [&destroyed, &revoked] {
        alice.ok(&revoke(id, "Superseded"));
    }
    alice.ok(&named("Destroy", &destroyed));
    let key = SigningKey::rsa("one");
    let identity = hanzo::known(&server, &key, &json!({}));
    let token = hanzo::login(&server, &identity, &hanzo::jwt(&key, &json!({})));
    let own = app(&mut root, &json!({}));
    let (_, client_secret) = secret(&mut root, &own, &json!({"numUsesLimit": 10}));
    define(&mut root, "hosts", "apps/web", &host(&json!({})));
    let api_key = api_key(&mut root, "apps/web");
    let mut lead = Caller::certificate(&server, "alice");
    let body = json!({"workspaceId": "shop", "environment": "prod", "secretValue": "of the shop", "secretPath": "/"});
    lead.done(&format!("{}/FIRST", crate::harness::shop::RAW), &body);
    let made = json!({"workspaceId": "shop", "name": "Stage", "slug": "stage"});
    let answer = root.post("/api/v1/workspace/shop/environments", &made);
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    let filled = Filled {
        sealed,
        limited,
        left: UNITS,
        counted,
        shared,
        offered,
        pair,
        signature,
        imported: (imported, value),
        password: (kept, secret_value),
        certificate,
        destroyed,
        revoked,
        odd,
        token,
        client: (own, client_secret),
        api_key,
        rounds: 0,
    };
    (server, filled)
}

impl Filled {
    /// Uses everything, and makes something new.
    pub fn is_usable(&mut self, server: &Server) {
        let mut alice = server.alice().connect().unwrap();
        assert_eq!(alice.open(&self.sealed), TEXT);
        alice.ok(&verify(&self.pair.1, TEXT, &self.signature, &ecdsa()));
        self.signature = octets(&alice.ok(&sign(&self.pair.0, TEXT, &ecdsa())), "SignatureData");
        assert_eq!(alice.export(&self.imported.0), self.imported.1);
        for (id, value) in [(&self.password.0, self.password.1.clone()), (&self.certificate, self.der(server))] {
            assert!(alice.ok(&named("Get", id)).to_string().contains(&data_encoding::HEXUPPER.encode(&value)));
        }
        alice.refused(&encrypt(&self.destroyed, TEXT), 409, "Object_Destroyed");
        alice.refused(&encrypt(&self.revoked, TEXT), 409, "Wrong_Key_Lifecycle_State");
        for (text, id) in NAMES.iter().zip(&self.odd) {
            for criterion in [name(text), tags(&[text])] {
                let answer = alice.ok(&locate(&[criterion], &[]));
                let found: Vec<&Value> = all(&answer, "UniqueIdentifier");
                assert_eq!(found, [id], "{text:?}");
            }
        }
        let mut bob = server.bob().connect().unwrap();
        bob.ok(&encrypt(&self.shared, TEXT));
        bob.refused(&encrypt(self.sealed.id.as_str(), TEXT), 404, "Object_Not_Found");
        let offers = server.bob().get("/access/offers").json().to_string();
        assert!(offers.contains(&self.offered), "{offers}");
        // What is limited goes on where it was.
        for _ in 0..10 {
            alice.ok(&encrypt(&self.limited, TEXT));
        }
        self.left -= 10;
        if self.left == 0 {
            alice.refused(&encrypt(&self.limited, TEXT), 409, "Usage_Limit_Exceeded");
        }
        for _ in 0..5 {
            alice.seal(&self.counted, TEXT);
        }
        self.rounds += 1;
        self.credentials(server);
        alice.aes();
    }

    fn der(&self, server: &Server) -> Vec<u8> {
        server.place.alice.certificate.to_der().unwrap()
    }

    fn credentials(&self, server: &Server) {
        assert!(hanzo::whoami(server, &self.token).is_ok());
        let (own, secret) = &self.client;
        assert_eq!(log_in(server, &own.client_id, secret).status, 200);
        assert_eq!(authenticate(&server.nobody(), "acme", "host/apps/web", &self.api_key).status, 200);
        let mut lead = Caller::certificate(server, "alice");
        let path = format!("{}/FIRST?workspaceId=shop&environment=prod&secretPath=/", crate::harness::shop::RAW);
        assert_eq!(lead.get(&path)["secret"]["secretValue"], "of the shop");
    }

    /// Encrypts by one key until the limit is reached: never more often than it permits.
    pub fn is_counted(&self, server: &Server) {
        let mut alice = server.alice().connect().unwrap();
        let mut done = 5 * self.rounds;
        while alice.kmip(&encrypt(&self.counted, TEXT)).status == 200 {
            done += 1;
        }
        // Each start on SQLite counts as one use.
        assert!((GCM - 4..=GCM).contains(&done), "{done}");
    }

    /// Logs in with the client secret as often as it permits, which is ten times.
    pub fn ends(&self, server: &Server) {
        let (own, secret) = &self.client;
        for _ in self.rounds..10 {
            assert_eq!(log_in(server, &own.client_id, secret).status, 200);
        }
        assert_eq!(log_in(server, &own.client_id, secret).status, 401);
    }
}
