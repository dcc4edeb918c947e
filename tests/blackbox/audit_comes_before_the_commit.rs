//! Changes of the database and their records: there is never one without the other, and the log says where they differ.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use openssl::sha::sha256;

use claviger::audit::{Audit, Head, Unavailable};
use claviger::store::root_key::{self, RootKey};
use claviger::store::{self, Command, Store, audit_head};
use rusqlite::Connection as Database;

use crate::harness::audit::{change_of, head_of};
use crate::harness::{Trail, eventually, forging};

struct Both {
    trail: Trail,
    store: Store,
    audit: Arc<Audit>,
}

/// This replaces the binding key.
fn binder() -> audit_head::Binder {
    let mac = |bytes: &[u8]| Ok(sha256(bytes).to_vec());
    audit_head::Binder::new(Arc::new(mac), audit_head::Sound::default())
}

fn open(trail: Trail) -> Both {
    let store = forging::store(&trail.path("claviger.db"));
    let bind = binder();
    let known = audit_head::read(&store).unwrap();
    match &known {
        Some(known) => bind.trust(known),
        None => store.write(audit_head::AuditHead::begin().write(bind.clone())).unwrap(),
    }
    let poster = store.poster();
    let signing = bind.clone();
    let publish = Box::new(move |signed| {
        let _ = poster.post(audit_head::sign(signed, signing.clone()));
    });
    let head = known.map(|known| known.head).filter(|head| head.seq > 0);
    let (audit, _) = Audit::open(&trail.settings, head, false, trail.signer(), publish).unwrap();
    let audit = Arc::new(audit);
    store.record_in(Arc::clone(&audit), bind);
    Both { trail, store, audit }
}

/// A command that fails where a key of the name is there.
fn insertion(name: &str) -> Command {
    static KEYS: AtomicU64 = AtomicU64::new(0);
    let cka_id = KEYS.fetch_add(1, Ordering::Relaxed).to_be_bytes().to_vec();
    root_key::record(vec![RootKey { name: name.to_owned(), cka_id, check_value: vec![1] }], 0)
}

impl Both {
    fn insert(&self, name: &str) -> Result<(), store::Error> {
        self.store.write(insertion(name).recorded(vec![change_of(name, 1)]))
    }

    fn names(&self) -> Vec<String> {
        root_key::all(&self.store).unwrap().into_iter().map(|key| key.name).collect()
    }

    fn head(&self) -> Head {
        audit_head::read(&self.store).unwrap().unwrap().head
    }

    fn objects(&self) -> Vec<String> {
        let lines = self.trail.lines();
        lines.iter().filter_map(|line| line["object"].as_str()).map(str::to_owned).collect()
    }
}

#[test]
fn what_is_committed_is_recorded_and_the_head_known() {
    let both = open(Trail::new());
    both.insert("a").unwrap();
    let head = both.head();
    assert!(both.trail.text().lines().any(|line| head_of(line) == head));
    // A failed job leaves neither a change nor a record.
    assert!(matches!(both.insert("a"), Err(store::Error::Sqlite(_))));
    both.insert("b").unwrap();
    assert_eq!((both.objects(), both.names()), (vec!["a".to_owned(), "b".to_owned()], both.objects()));
    // The checkpoint and the head are written without a request.
    let signed = eventually("a signed head", || {
        let known = audit_head::read(&both.store).unwrap().unwrap();
        known.signed_line.filter(|line| head_of(line) == known.head)
    });
    assert!(both.trail.text().contains(&format!("{signed}\n")));
    // The next process finds the state of this one.
    both.audit.close();
    let Both { trail, store, audit } = both;
    drop((store, audit));
    let both = open(trail);
    assert!(!both.trail.events().contains(&"resumed".to_owned()));
    both.insert("c").unwrap();
    both.audit.close();
    both.trail.is_intact();
}

#[test]
fn many_changes_share_syncs() {
    let both = open(Trail::new());
    let before = both.audit.statistics().syncs;
    std::thread::scope(|scope| {
        for thread in 0..16 {
            let both = &both;
            scope.spawn(move || (0..20).for_each(|number| both.insert(&format!("{thread}-{number}")).unwrap()));
        }
    });
    let syncs = both.audit.statistics().syncs - before;
    assert!(syncs < 320, "{syncs}");
    assert_eq!((both.names().len(), both.objects().len()), (320, 320));
}

#[test]
fn what_cannot_be_recorded_is_not_done() {
    let both = open(Trail::new());
    both.insert("a").unwrap();
    both.audit.close();
    assert!(matches!(both.insert("b"), Err(store::Error::Audit(Unavailable::Closed))));
    assert_eq!(both.names(), ["a"]);
    // The database itself works, and writes without records continue.
    both.store.check().unwrap();
    both.store.write(insertion("c")).unwrap();
}

#[test]
fn a_commit_that_fails_is_retracted() {
    let both = open(Trail::new());
    both.insert("a").unwrap();
    // Looked at when the transaction is committed.
    let database = Database::open(both.trail.path("claviger.db")).unwrap();
    database
        .execute_batch(
            "CREATE TABLE late (number INTEGER REFERENCES object (number) DEFERRABLE INITIALLY DEFERRED); \
             CREATE TRIGGER late_key AFTER INSERT ON root_key WHEN NEW.name = 'b' \
             BEGIN INSERT INTO late VALUES (4711); END",
        )
        .unwrap();
    let failed = both.store.write(insertion("b").recorded(vec![change_of("b", 1), change_of("c", 1)]));
    assert!(matches!(failed, Err(store::Error::Commit(_))), "{failed:?}");
    let lines = both.trail.lines();
    let void = lines.iter().find(|line| line["event"] == "not-committed").unwrap();
    for object in ["b", "c"] {
        let change = lines.iter().find(|line| line["object"] == object).unwrap();
        assert!(void["first"].as_u64() <= change["seq"].as_u64() && change["seq"].as_u64() <= void["last"].as_u64());
    }
    both.insert("d").unwrap();
    assert_eq!(both.names(), ["a", "d"]);
}
