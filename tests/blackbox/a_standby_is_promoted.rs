//! PostgreSQL with a synchronous standby under two servers: the primary is killed while clients make and revoke keys, and the
//! standby is promoted.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::harness::kmip::{PATH, create, encrypt, named, revoke, string};
use crate::harness::postgres::Cluster;
use crate::harness::server::Place;
use crate::harness::{Client, End, Server, eventually};
use crate::several_servers::{end_sound, options};

const TEXT: &[u8] = b"on the primary and on the standby";

/// So long after the promotion the servers serve again: five seconds, and what a busy machine adds.
const SERVED: Duration = Duration::from_secs(15);

/// What a client was told.
#[derive(Default)]
struct Told {
    made: Vec<String>,
    revoked: Vec<String>,
}

/// Makes keys, and revokes every second one.
fn work(client: &Client, made: &AtomicUsize, is_over: &AtomicBool) -> Told {
    let (mut told, mut alice) = (Told::default(), client.connect().unwrap());
    while !is_over.load(Ordering::SeqCst) {
        let answer = alice.kmip(&create("AES", 256, &[]));
        if answer.status != 200 {
            assert_eq!(answer.status, 503, "{}", answer.detail());
            continue;
        }
        let id = string(&answer.json(), "UniqueIdentifier");
        if made.fetch_add(1, Ordering::SeqCst).is_multiple_of(2) && alice.kmip(&revoke(&id, "Superseded")).status == 200
        {
            told.revoked.push(id.clone());
        }
        told.made.push(id);
    }
    told
}

/// Waits until the server makes a key; returns how long that took.
fn serves(server: &Server, began: Instant) -> Duration {
    eventually("the server makes a key", || {
        let answer = server.alice().try_post(PATH, &create("AES", 256, &[]));
        answer.is_ok_and(|answer| answer.status == 200).then_some(())
    });
    began.elapsed()
}

#[test]
fn nothing_acknowledged_is_lost_and_the_servers_go_on() {
    let (primary, place) = (Cluster::start(), Arc::new(Place::new()));
    let standby = primary.synchronous_standby();
    let url = primary.url_of_two(&standby, &primary.database());
    let names = ["one", "two"];
    let servers = names.map(|name| Server::start_at(Arc::clone(&place), &options(&place, &url, name, &[])));
    let (made, is_over) = (AtomicUsize::new(0), AtomicBool::new(false));
    let more = |count: usize| {
        let enough = made.load(Ordering::SeqCst) + count;
        eventually("keys are made", || (made.load(Ordering::SeqCst) >= enough).then_some(()));
    };
    let told: Vec<Told> = thread::scope(|scope| {
        let _end = End(&is_over);
        let clients: Vec<_> = (0..6)
            .map(|number| {
                let (client, made, is_over) = (servers[number % 2].alice(), &made, &is_over);
                scope.spawn(move || work(&client, made, is_over))
            })
            .collect();
        more(100);
        primary.kill();
        let id = "no-such-key";
        for server in &servers {
            let answers = || server.alice().connect().unwrap().kmip(&named("GetAttributes", id)).status;
            eventually("the server answers 503", || (answers() == 503).then_some(()));
        }
        standby.promote();
        let promoted = Instant::now();
        let served = servers.each_ref().map(|server| serves(server, promoted));
        eprintln!("served after the promotion: {served:?}");
        assert!(served.iter().all(|time| *time < SERVED), "{served:?}");
        more(100);
        is_over.store(true, Ordering::SeqCst);
        clients.into_iter().map(|client| client.join().unwrap()).collect()
    });
    let mut alice = servers[1].alice().connect().unwrap();
    for told in &told {
        for id in &told.made {
            assert_eq!(alice.kmip(&named("GetAttributes", id)).status, 200, "{id} was made, and is not there");
        }
        for id in &told.revoked {
            alice.refused(&encrypt(id, TEXT), 409, "Wrong_Key_Lifecycle_State");
        }
    }
    end_sound(&names, servers.into());
}
