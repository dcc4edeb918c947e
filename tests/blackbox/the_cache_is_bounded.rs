//! The cache of objects stays within its size, for small and large objects, and keeps the objects that are used.

use std::fs;

use serde_json::Value;

use crate::batches::message;
use crate::harness::figures::Figures;
use crate::harness::kmip::{all, boolean, create, encrypt, named, revoke, string, structure, text};
use crate::harness::server::{Place, run};
use crate::harness::{Connection, Options, Server};

/// The size of the cache, in MiB, and the most that the process may grow in addition.
const SIZE: usize = 16;
const BESIDE: usize = 48;

/// A number of the largest objects that certainly fits.
const FEW: usize = 8;

fn server() -> Server {
    let arguments = ["--probe-address=127.0.0.1:0", &format!("--cache-size={SIZE}")].map(str::to_owned).to_vec();
    let environment = vec![("KMS_LOG".to_owned(), "warn,claviger::server=info".to_owned())];
    Server::start_with(&Options { arguments, environment, ..Options::default() })
}

/// Objects, bytes and hits.
fn cache(server: &Server) -> (usize, usize, usize) {
    let figures = Figures::read(&server.probe());
    let figure = |name: &str| figures.find(&format!("claviger_cache_{name}"), &[]).unwrap() as usize;
    (figure("objects"), figure("bytes"), figure("hits_total"))
}

/// Makes this many objects, each with 31 attributes of this value: the largest possible objects.
fn large(alice: &mut Connection, count: usize, value: &Value) -> Vec<String> {
    let attribute = |number| {
        let own = [text("VendorIdentification", "x"), text("AttributeName", &format!("a{number}"))];
        structure("Attribute", &[own.as_slice(), std::slice::from_ref(value)].concat())
    };
    let attributes: Vec<Value> = (0..31).map(attribute).collect();
    let request = create("AES", 256, &attributes);
    (0..count).map(|_| alice.new_key(&request)).collect()
}

fn small(alice: &mut Connection, count: usize) -> Vec<String> {
    let mut ids = Vec::new();
    while ids.len() < count {
        let answer = alice.ok(&message(&[], &vec![create("AES", 256, &[]); 64]));
        let items = all(&answer, "BatchItem");
        ids.extend(items.into_iter().map(|item| string(&serde_json::json!({"value": item}), "UniqueIdentifier")));
    }
    ids
}

/// Uses all of them, and the first one again after every few.
fn use_all(alice: &mut Connection, ids: &[String]) {
    for few in ids.chunks(FEW) {
        for id in few.iter().chain([&ids[0]]) {
            alice.ok(&encrypt(id, b"data"));
        }
    }
}

#[test]
fn by_its_bytes_whatever_the_objects_are() {
    let server = server();
    let mut alice = server.alice().connect().unwrap();
    let few = large(&mut alice, 48, &text("AttributeValue", &"x".repeat(16_000)));
    // For their length, small items take the most memory when they are parsed.
    let many = large(&mut alice, 16, &structure("AttributeValue", &vec![boolean("Sensitive", true); 1000]));
    let plain = small(&mut alice, 1408);
    let mut before = server.resident() >> 20;
    for (what, ids) in [("large ones", &few), ("ones of many items", &many), ("small ones", &plain)] {
        let (_, _, hits) = cache(&server);
        use_all(&mut alice, ids);
        let (objects, bytes, now) = cache(&server);
        let grown = (server.resident() >> 20).saturating_sub(before);
        eprintln!("{what}: {objects} objects of {bytes} bytes; {grown} MiB more");
        assert!(bytes <= SIZE << 20 && bytes > (SIZE << 20) * 3 / 4, "{what}: {bytes}");
        assert!(objects < ids.len() && objects > FEW, "{what}: {objects}");
        assert!(grown < SIZE + BESIDE, "{what}: {grown} MiB");
        // An object that is used between all the others stays in the cache.
        assert!(now - hits >= ids.len().div_ceil(FEW), "{what}: {} hits", now - hits);
        before = before.max(server.resident() >> 20);
    }
    // A changed object stays in the cache and is counted with its new size; a removed one is not counted.
    let (objects, bytes, _) = cache(&server);
    let changed = &plain[plain.len() - 100..];
    for id in changed {
        alice.ok(&revoke(id, "Superseded"));
    }
    let (left, more, _) = cache(&server);
    assert!(left <= objects && left > objects - changed.len() && more <= SIZE << 20, "{objects} {left} {bytes} {more}");
    for id in changed {
        alice.ok(&named("Destroy", id));
    }
    let (fewer, rest, _) = cache(&server);
    let (gone, about) = (more - rest, more / left * changed.len());
    assert_eq!(fewer, left - changed.len());
    assert!(gone > about * 9 / 10 && gone < about * 11 / 10, "{gone} bytes of about {about}");
}

#[test]
fn and_too_small_a_one_is_refused() {
    let place = Place::new();
    for (value, said) in [("15", "cache-size"), ("0", "cache-size"), ("1048577", "cache-size"), ("x", "cache-size")] {
        let (status, _, error) = run(place.command(&Options::default()).arg(format!("--cache-size={value}")));
        assert!(!status.success() && error.contains(said), "{value}: {error}");
        let environment = vec![("KMS_CACHE_SIZE".to_owned(), value.to_owned())];
        let (status, _, error) = run(&mut place.command(&Options { environment, ..Options::default() }));
        assert!(!status.success() && error.contains(said), "{value}: {error}");
    }
    fs::write(place.path("claviger.toml"), "cache_size = 15\n").unwrap();
    let (status, _, error) = run(place.command(&Options::default()).arg("--config=claviger.toml"));
    assert!(!status.success() && error.contains("cache-size") && error.contains("15"), "{error}");
}
