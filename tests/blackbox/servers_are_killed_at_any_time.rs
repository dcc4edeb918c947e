//! Three servers behind haproxy, over one PostgreSQL database and one HSM token. They are killed and started again at random times, while
//! clients make, use, grant and revoke keys, log in, and spend what may be used a number of times.
//! `TEST_SERVERS_SECONDS` says for how long.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::behind_haproxy::{lines, page};
use crate::harness::attributes::limits;
use crate::harness::caller::change;
use crate::harness::kmip::{PATH, create, encrypt, named, revoke, string};
use crate::harness::postgres::Cluster;
use crate::harness::proxied::BALANCER;
use crate::harness::server::Place;
use crate::harness::{Answer, Client, Connection, End, Haproxy, Options, Server, SigningKey, eventually, hanzo};
use crate::several_servers;

const TEXT: &[u8] = b"the same on each of them";
const NAMES: [&str; 3] = ["one", "two", "three"];
const CLIENTS: usize = 16;

/// The uses of one key, and of one access token.
const LIMIT: usize = 300;

/// So long after the acknowledgement of a change every server knows it.
const KNOWN: Duration = Duration::from_secs(1);

fn options(place: &Place, url: &str, name: &str) -> Options {
    let behind = [&*format!("--proxy-protocol-from={BALANCER}"), "--probe-address=127.0.0.1:0", "--kmip-port", "0"];
    let own = several_servers::options(place, url, name, &behind).arguments;
    hanzo::options(&own.iter().map(String::as_str).collect::<Vec<_>>())
}

/// What all clients were told.
#[derive(Default)]
struct Told {
    made: AtomicUsize,
    used: AtomicUsize,
    /// Uses of the key with Usage Limits, and of the access token with a number of uses.
    key_spent: AtomicUsize,
    token_spent: AtomicUsize,
    /// Answers that were compared with a change that was acknowledged a second ago or longer.
    compared: AtomicUsize,
}

/// What the clients have in common.
struct World {
    alice: Client,
    bob: Client,
    nobody: Client,
    /// The key with Usage Limits.
    limited: String,
    /// The access token with a number of uses.
    spending: String,
    /// The identity that logs in, and the JWT for it.
    login: Value,
    told: Told,
    is_over: AtomicBool,
}

/// What one client was told, and when.
#[derive(Default)]
struct Changes {
    made: Vec<String>,
    revoked: Vec<(String, Instant)>,
    /// Keys that bob may use, and those that he may not use any more.
    granted: Vec<(String, Instant)>,
    taken_back: Vec<(String, Instant)>,
    /// Access tokens that were revoked.
    ended: Vec<(String, Instant)>,
}

/// A client's connection, which is made again when it breaks.
struct Kept<'a> {
    client: &'a Client,
    open: Option<Connection>,
}

fn is_done(answer: Option<&Answer>) -> bool {
    answer.is_some_and(|answer| answer.status == 200)
}

fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

/// Sends JSON by a new connection, to whichever server haproxy chooses. Returns nothing if the answer was lost.
fn once(client: &Client, path: &str, body: &Value) -> Option<Answer> {
    client.try_post(path, body).ok()
}

fn whoami(client: &Client, token: &str) -> Option<Answer> {
    client.try_request("GET", "/whoami", &[("Authorization", &bearer(token))], b"").ok()
}

/// Returns the last entry that every server must know.
fn known(changes: &[(String, Instant)]) -> Option<&str> {
    changes.iter().rev().find(|(_, at)| at.elapsed() > KNOWN).map(|(name, _)| name.as_str())
}

impl Kept<'_> {
    fn post(&mut self, path: &str, body: &Value) -> Option<Answer> {
        let mut connection = self.open.take().map_or_else(|| self.client.connect().ok(), Some)?;
        let answer = connection.try_post(path, body).ok()?;
        self.open = Some(connection);
        Some(answer)
    }

    /// Returns whether it was acknowledged.
    fn does(&mut self, path: &str, body: &Value) -> bool {
        is_done(self.post(path, body).as_ref())
    }
}

impl World {
    /// One client's work.
    fn work(&self) -> Changes {
        let (mut changes, mut alice) = (Changes::default(), Kept { client: &self.alice, open: None });
        while !self.is_over.load(Ordering::SeqCst) {
            if let Some(id) = self.make(&mut alice) {
                self.change(&mut alice, &id, &mut changes);
                changes.made.push(id);
            }
            self.log_in(&mut changes);
            if is_done(whoami(&self.nobody, &self.spending).as_ref()) {
                self.told.token_spent.fetch_add(1, Ordering::SeqCst);
            }
            self.compare(&changes);
        }
        changes
    }

    /// Makes a key, and returns it if that was acknowledged.
    fn make(&self, alice: &mut Kept<'_>) -> Option<String> {
        let made = alice.post(PATH, &create("AES", 256, &[])).filter(|answer| answer.status == 200)?;
        self.told.made.fetch_add(1, Ordering::SeqCst);
        Some(string(&made.json(), "UniqueIdentifier"))
    }

    /// Uses a new key, gives it to bob or takes another one from him, and revokes every second one.
    fn change(&self, alice: &mut Kept<'_>, id: &str, changes: &mut Changes) {
        if alice.does(PATH, &encrypt(id, TEXT)) {
            self.told.used.fetch_add(1, Ordering::SeqCst);
        }
        if alice.does(PATH, &encrypt(&self.limited, TEXT)) {
            self.told.key_spent.fetch_add(1, Ordering::SeqCst);
        }
        if changes.made.len().is_multiple_of(2) {
            if alice.does(PATH, &revoke(id, "Superseded")) {
                changes.revoked.push((id.to_owned(), Instant::now()));
            }
            return;
        }
        if alice.does("/access/grant", &change(id, "bob", &["encrypt"])) {
            changes.granted.push((id.to_owned(), Instant::now()));
        }
        // Half of them stay granted. What is in doubt is in neither list.
        if changes.made.len() % 4 == 1 && !changes.granted.is_empty() {
            let (id, _) = changes.granted.remove(0);
            if alice.does("/access/revoke", &change(&id, "bob", &["encrypt"])) {
                changes.taken_back.push((id, Instant::now()));
            }
        }
    }

    /// Gets an access token, uses it, and revokes it.
    fn log_in(&self, changes: &mut Changes) {
        let Some(answer) = once(&self.nobody, hanzo::LOGIN, &self.login).filter(|answer| answer.status == 200) else {
            return;
        };
        let token = hanzo::token(&answer.json());
        whoami(&self.nobody, &token);
        if is_done(once(&self.nobody, hanzo::REVOKE, &json!({"accessToken": token})).as_ref()) {
            changes.ended.push((token, Instant::now()));
        }
    }

    /// Compares answers with what was acknowledged a second ago or longer. A server may always say that it cannot answer.
    fn compare(&self, changes: &Changes) {
        let compared = |answer: Option<Answer>| {
            self.told.compared.fetch_add(usize::from(answer.is_some()), Ordering::SeqCst);
            answer.map(|answer| answer.status).filter(|status| ![429, 503].contains(status))
        };
        let use_by = |client: &Client, id: &str| compared(once(client, PATH, &encrypt(id, TEXT)));
        if let Some(id) = known(&changes.revoked) {
            let status = use_by(&self.alice, id);
            assert!([None, Some(409)].contains(&status), "{id} was revoked: {status:?}");
        }
        if let Some(id) = known(&changes.granted) {
            let status = use_by(&self.bob, id);
            assert!([None, Some(200)].contains(&status), "{id} was granted: {status:?}");
        }
        if let Some(id) = known(&changes.taken_back) {
            let status = use_by(&self.bob, id);
            assert!([None, Some(404)].contains(&status), "{id} was taken back: {status:?}");
        }
        if let Some(token) = known(&changes.ended) {
            let status = compared(whoami(&self.nobody, token));
            assert!([None, Some(401)].contains(&status), "a token was revoked: {status:?}");
        }
    }
}

/// Checks at one server that everything is as it was acknowledged.
fn check(server: &Server, all: &[Changes]) {
    let [mut alice, mut bob] = [server.alice(), server.bob()].map(|client| client.connect().unwrap());
    for changes in all {
        for id in &changes.made {
            assert_eq!(alice.kmip(&named("GetAttributes", id)).status, 200, "{id} was made, and is not there");
        }
        for (id, _) in &changes.revoked {
            alice.refused(&encrypt(id, TEXT), 409, "Wrong_Key_Lifecycle_State");
        }
        for (id, _) in &changes.granted {
            bob.ok(&encrypt(id, TEXT));
        }
        for (id, _) in &changes.taken_back {
            bob.refused(&encrypt(id, TEXT), 404, "Object_Not_Found");
        }
        for (token, _) in &changes.ended {
            assert_eq!(hanzo::whoami(server, token), Err(401));
        }
    }
}

/// Returns a number below `end`.
fn random(end: usize) -> usize {
    let mut bytes = [0; 4];
    openssl::rand::rand_bytes(&mut bytes).unwrap();
    u32::from_ne_bytes(bytes) as usize % end
}

/// The three servers, and haproxy before them.
struct Site {
    place: Arc<Place>,
    url: String,
    haproxy: Haproxy,
    running: [Option<Server>; 3],
}

impl Site {
    fn start(place: Arc<Place>) -> Self {
        let cluster = Cluster::shared();
        let url = cluster.url(&cluster.database());
        let running = NAMES.map(|name| Server::start_at(Arc::clone(&place), &options(&place, &url, name)));
        let [mut https, mut kmip] = [Vec::new(), Vec::new()];
        for (name, server) in NAMES.iter().zip(&running) {
            let [first, second] = lines(name, server);
            https.push(first);
            kmip.push(second);
        }
        // It asks more often than in the page, so that more servers can be killed in the time.
        let page = page().replace("inter 1s", "inter 200ms");
        let haproxy = Haproxy::start(&place, &page, [&https, &kmip]);
        Self { place, url, haproxy, running: running.map(Some) }
    }

    fn server(&self, at: usize) -> &Server {
        self.running[at].as_ref().unwrap()
    }

    /// Kills a server, and starts it again. The others serve meanwhile.
    fn kill(&mut self, at: usize) {
        self.running[at].take().unwrap().kill();
        let name = NAMES[at];
        let server = Server::start_at(Arc::clone(&self.place), &options(&self.place, &self.url, name));
        self.haproxy.is_now_at(name, &server);
        self.running[at] = Some(server);
        eventually("haproxy uses all servers", || NAMES.iter().all(|name| self.haproxy.uses(name)).then_some(()));
    }

    /// Stops all servers, and checks that each audit log verifies and that all of them agree with the database.
    fn ends_sound(self) {
        several_servers::end_sound(&NAMES, self.running.into_iter().flatten().collect());
    }
}

#[test]
fn nothing_acknowledged_is_lost_and_nothing_revoked_is_used() {
    let seconds = std::env::var("TEST_SERVERS_SECONDS").map_or(12, |seconds| seconds.parse().unwrap());
    let mut site = Site::start(hanzo::place());
    let (place, key) = (Arc::clone(&site.place), SigningKey::rsa("one"));
    let first = site.server(0);
    let [id, spender] =
        [json!({}), json!({"accessTokenNumUsesLimit": LIMIT})].map(|more| hanzo::known(first, &key, &more));
    let jwt = hanzo::jwt(&key, &json!({}));
    let client = |identity| Client::tls(site.haproxy.https, &place.authority.certificate, identity);
    let world = World {
        alice: client(Some(&place.alice)),
        bob: client(Some(&place.bob)),
        nobody: client(None),
        limited: first.alice().connect().unwrap().new_key(&create("AES", 256, &[limits(LIMIT as i64, "Object")])),
        spending: hanzo::login(first, &spender, &jwt),
        login: json!({"identityId": id, "jwt": jwt}),
        told: Told::default(),
        is_over: AtomicBool::new(false),
    };
    let (began, mut kills) = (Instant::now(), 0);
    let all: Vec<Changes> = thread::scope(|scope| {
        let _end = End(&world.is_over);
        let clients: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(|| world.work())).collect();
        while began.elapsed() < Duration::from_secs(seconds) {
            let more = world.told.made.load(Ordering::SeqCst) + random(40);
            eventually("keys are made", || (world.told.made.load(Ordering::SeqCst) > more).then_some(()));
            site.kill(random(NAMES.len()));
            kills += 1;
        }
        world.is_over.store(true, Ordering::SeqCst);
        clients.into_iter().map(|client| client.join().unwrap()).collect()
    });
    check(site.server(random(NAMES.len())), &all);
    let Told { made, used, key_spent, token_spent, compared } = world.told;
    let [key_spent, token_spent] = [key_spent, token_spent].map(AtomicUsize::into_inner);
    assert!(key_spent <= LIMIT && token_spent <= LIMIT, "{key_spent}, {token_spent}");
    let count = |of: fn(&Changes) -> usize| all.iter().map(of).sum::<usize>();
    eprintln!(
        "{kills} kills; {} keys made, {} uses, {} revoked, {} granted, {} taken back, {} tokens ended; {} answers compared; \
         {key_spent} uses of a key and {token_spent} of a token with {LIMIT}",
        made.into_inner(),
        used.into_inner(),
        count(|changes| changes.revoked.len()),
        count(|changes| changes.granted.len()),
        count(|changes| changes.taken_back.len()),
        count(|changes| changes.ended.len()),
        compared.into_inner(),
    );
    assert!(!site.server(0).log().contains("panicked"));
    site.ends_sound();
}
