//! Changes of the database and their records: there is never one without the other, and the log says where they differ.

use std::sync::Arc;

use openssl::sha::sha256;

use claviger::audit::{Audit, Head, Unavailable};
use claviger::store::root_key::{self, RootKey};
use claviger::store::{self, Store, audit_head};

use crate::harness::audit::{change_of, head_of};
use crate::harness::{Trail, eventually};

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
    let metrics = claviger::metrics::Metrics::new().unwrap();
    // A child of another test that was just forked has the lock of the one before until it is another program.
    let store = eventually("the lock is free", || match Store::open(&trail.path("claviger.db"), &metrics) {
        Err(store::Error::InUse(_)) => None,
        opened => Some(opened.unwrap()),
    });
    let bind = binder();
    let known = store.read(|connection| Ok(audit_head::read(connection)?)).unwrap();
    match &known {
        Some(known) => bind.trust(known),
        None => {
            let bind = bind.clone();
            store.write(move |transaction| audit_head::AuditHead::begin().write(transaction, &bind)).unwrap();
        }
    }
    let poster = store.poster();
    let signing = bind.clone();
    let publish = Box::new(move |signed| {
        let bind = signing.clone();
        let _ = poster.post(move |transaction| audit_head::sign(transaction, &signed, &bind));
    });
    let head = known.map(|known| known.head).filter(|head| head.seq > 0);
    let (audit, _) = Audit::open(&trail.settings, head, false, trail.signer(), publish).unwrap();
    let audit = Arc::new(audit);
    store.record_in(Arc::clone(&audit), bind);
    Both { trail, store, audit }
}

impl Both {
    fn insert(&self, name: &str) -> Result<(), store::Error> {
        let key = RootKey { name: name.to_owned(), cka_id: name.into(), check_value: vec![1] };
        self.store
            .write_recorded(vec![change_of(name, 1)], move |transaction| Ok(root_key::insert(transaction, &key, 0)?))
    }

    fn names(&self) -> Vec<String> {
        let keys = self.store.read(|connection| Ok(root_key::all(connection)?)).unwrap();
        keys.into_iter().map(|key| key.name).collect()
    }

    fn head(&self) -> Head {
        self.store.read(|connection| Ok(audit_head::read(connection)?)).unwrap().unwrap().head
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
        let known = both.store.read(|connection| Ok(audit_head::read(connection)?)).unwrap().unwrap();
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
    both.store.write(|_| Ok(())).unwrap();
}

#[test]
fn a_commit_that_fails_is_retracted() {
    let both = open(Trail::new());
    both.insert("a").unwrap();
    let failed = both.store.write_recorded(vec![change_of("b", 1), change_of("c", 1)], |transaction| {
        // Looked at when the transaction is committed.
        transaction.execute_batch("PRAGMA defer_foreign_keys = ON")?;
        transaction.execute("INSERT INTO object_name (name, number) VALUES ('x', 4711)", [])?;
        Ok(())
    });
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
