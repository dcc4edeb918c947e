//! Client certificates: optional certificates, the names of their users, and the events that end them.

use std::fs;
use std::io::Read as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::harness::pki::Alternative::{Dns, Email, Uri};
use crate::harness::server::Place;
use crate::harness::{Authority, Client, Connection, Crl, Identity, Leaf, Options, Root, Server, eventually};

fn options(arguments: &[&str]) -> Options {
    Options { arguments: arguments.iter().map(|&argument| argument.to_owned()).collect(), ..Options::default() }
}

/// Makes one more request: 200, or 401 also for a connection that the server closed.
fn is_in(connection: &mut Connection) -> bool {
    match connection.try_request("GET", "/whoami", &[], b"") {
        Ok(answer) => {
            assert!([200, 401].contains(&answer.status), "{}", answer.status);
            answer.status == 200
        }
        Err(_) => false,
    }
}

fn may_enter(client: &Client) -> bool {
    client.connect().is_ok_and(|mut connection| is_in(&mut connection))
}

/// Writes a file, sends SIGHUP and waits for what the log says about it.
fn reload(server: &Server, file: &str, content: &[u8], told: &str) {
    let before = server.log().len();
    fs::write(server.place.path(file), content).unwrap();
    server.signal("HUP");
    eventually(told, || server.log()[before..].contains(told).then_some(()));
}

fn entered(server: &Server) -> Connection {
    let mut connection = server.alice().connect().unwrap();
    assert!(is_in(&mut connection));
    connection
}

#[test]
fn where_a_certificate_is_optional_a_bad_one_is_still_refused() {
    let server = Server::start_with(&options(&["--client-cert=optional"]));
    let authority = &server.place.authority;
    assert_eq!(server.alice().get("/whoami").json(), json!({"username": "alice", "method": "certificate"}));
    let answer = server.nobody().get("/whoami");
    assert_eq!((answer.status, answer.header("www-authenticate")), (401, Some("Bearer")));
    assert_eq!(server.nobody().get("/version").status, 200);
    let expired = authority.issue(&Leaf { not_before: -10, not_after: -1, ..Leaf::client("alice") });
    let for_servers = authority.issue(&Leaf { client: false, server: true, ..Leaf::client("alice") });
    let foreign = Authority::new("Test authority").issue(&Leaf::client("alice"));
    for (identity, reason) in [(expired, "has expired"), (for_servers, "purpose"), (foreign, "certificate: ")] {
        assert!(!may_enter(&server.client(&identity)), "{reason}");
        eventually(reason, || {
            server.log().lines().any(|line| line.contains("refused") && line.contains(reason)).then_some(())
        });
    }
    // A certificate without a user name is invalid too, and no other credential is used.
    let blank = server.client(&authority.issue(&Leaf::client("*")));
    let answer = blank.try_request("GET", "/whoami", &[("Authorization", "Bearer x")], b"").unwrap();
    assert_eq!(answer.status, 401);
    assert!(server.log().contains("authentication failed method=\"certificate\""));
}

#[test]
fn where_a_certificate_is_required_there_is_no_other_way() {
    for arguments in [&[][..], &["--client-cert=required"]] {
        let server = Server::start_with(&options(arguments));
        assert!(may_enter(&server.alice()));
        assert!(server.nobody().try_request("GET", "/version", &[], b"").is_err());
    }
}

#[test]
fn an_alternative_name_may_name_the_user() {
    let spiffe = Uri("spiffe://example.org/ns/default/sa/billing");
    let other = Uri("spiffe://example.org/other");
    for (option, good, name, bad) in [
        ("san-uri", spiffe.clone(), "spiffe://example.org/ns/default/sa/billing", vec![spiffe, other]),
        ("san-email", Email("carol@example.org"), "carol@example.org", vec![Email("a@b"), Email("c@d")]),
        ("san-dns", Dns("billing.example.org"), "billing.example.org", vec![Dns("a.example"), Dns("b.example")]),
    ] {
        let server = Server::start_with(&options(&[&format!("--client-cert-username={option}")]));
        let whoami = |alternative: Vec<_>| {
            let leaf = Leaf { alternative, ..Leaf::client("alice") };
            server.client(&server.place.authority.issue(&leaf)).get("/whoami")
        };
        let known = json!({"username": name, "method": "certificate"});
        assert_eq!(whoami(vec![good.clone()]).json(), known);
        let others = [Uri("https://x.example"), Email("x@example.org"), Dns("x.example")];
        let of_another_kind = |name: &_| std::mem::discriminant(name) != std::mem::discriminant(&good);
        let others: Vec<_> = others.into_iter().filter(of_another_kind).collect();
        assert_eq!(whoami([others.clone(), vec![good]].concat()).json(), known, "{option}");
        assert_eq!(whoami(bad).status, 401, "{option}, several");
        assert_eq!(whoami(others).status, 401, "{option}, none");
        assert_eq!(server.alice().get("/whoami").status, 401, "{option}, no names");
        let log = server.log();
        assert!(log.contains("the certificate has several subjectAltName"), "{log}");
        assert!(log.contains("the certificate has no subjectAltName"), "{log}");
    }
    let server = Server::start_with(&options(&["--client-cert-username=san-uri"]));
    for uri in ["identity:1", "*", "host/db", "a\u{1}b"] {
        let leaf = Leaf { alternative: vec![Uri(uri)], ..Leaf::client("alice") };
        assert_eq!(server.client(&server.place.authority.issue(&leaf)).get("/whoami").status, 401, "{uri}");
    }
}

#[test]
fn a_revoked_certificate_stops_with_the_next_request() {
    let place = Place::new();
    fs::write(place.path("list.crl"), Crl::of(&[]).by(&place.authority)).unwrap();
    let server = Server::start_at(Arc::new(place), &options(&["--crl-file=list.crl"]));
    let authority = &server.place.authority;
    let file = server.place.path("list.crl");
    let (mut kept, mut idle) = (entered(&server), entered(&server));
    let mut bob = server.bob().connect().unwrap();
    assert!(is_in(&mut bob));

    let revoked = Crl::of(&[&server.place.alice.certificate]).by(authority);
    reload(&server, "list.crl", &revoked, "reloaded");
    assert!(!is_in(&mut kept) && !may_enter(&server.alice()));
    assert!(is_in(&mut bob) && may_enter(&server.bob()));
    // A connection without requests is also closed.
    assert_eq!(idle.stream.read(&mut [0]).unwrap_or(0), 0);
    assert!(server.log().contains("is revoked"));

    // An invalid file changes nothing.
    for wrong in [b"".to_vec(), authority.pem(), Crl::of(&[]).by(&Authority::new("Test authority"))] {
        reload(&server, "list.crl", &wrong, "reload failed");
        assert!(!may_enter(&server.alice()) && is_in(&mut bob));
    }

    // Also without a signal.
    fs::write(&file, Crl::of(&[]).by(authority)).unwrap();
    eventually("alice is welcome again", || may_enter(&server.alice()).then_some(()));
    let mut kept = entered(&server);
    let new = server.place.path("new.crl");
    fs::write(&new, &revoked).unwrap();
    fs::rename(&new, &file).unwrap();
    let began = Instant::now();
    eventually("the change is seen", || (!is_in(&mut kept)).then_some(()));
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert!(!may_enter(&server.alice()) && is_in(&mut bob));
}

#[test]
fn a_list_speaks_for_its_issuer_alone() {
    let place = Place::new();
    let (one, two) = (Authority::new("One"), Authority::new("Two"));
    fs::write(place.path("ca.pem"), [one.pem(), two.pem()].concat()).unwrap();
    let leaf = Leaf { serial: Some(4711), ..Leaf::client("alice") };
    let (of_one, of_two) = (one.issue(&leaf), two.issue(&leaf));
    fs::write(place.path("one.crl"), Crl::of(&[&of_one.certificate]).by(&one)).unwrap();
    // The CRL of the other issuer expired long ago.
    fs::write(place.path("two.crl"), Crl { next_update: Some(-10), ..Crl::of(&[]) }.by(&two)).unwrap();
    let place = Arc::new(place);
    let server = Server::start_at(Arc::clone(&place), &options(&["--crl-file=one.crl"]));
    let client = |identity: &Identity| Client::tls(server.address, &server.place.authority.certificate, Some(identity));
    assert!(!may_enter(&client(&of_one)));
    assert!(may_enter(&client(&of_two)));
    let other_of_one = one.issue(&Leaf { serial: Some(4712), ..Leaf::client("alice") });
    assert!(may_enter(&client(&other_of_one)));
    server.stop();

    let environment = vec![("KMS_CRL_FILE".to_owned(), "[one.crl, two.crl]".to_owned())];
    let by_environment = Options { environment, ..Options::default() };
    for options in [options(&["--crl-file=one.crl", "--crl-file=two.crl"]), by_environment] {
        let server = Server::start_at(Arc::clone(&place), &options);
        let client =
            |identity: &Identity| Client::tls(server.address, &server.place.authority.certificate, Some(identity));
        assert!(server.log().contains("the CRL has passed its nextUpdate"));
        assert!(!may_enter(&client(&of_two)), "nobody knows what is revoked");
        assert!(!may_enter(&client(&of_one)) && may_enter(&client(&other_of_one)));
    }
    let environment = vec![("KMS_CRL_FILE".to_owned(), "[one.crl,]".to_owned())];
    let log = Server::try_start_at(place, &Options { environment, ..Options::default() }).err().unwrap();
    assert!(log.lines().last().unwrap().contains("a value must not be empty"), "a gap does not close: {log}");
}

#[test]
fn of_several_lists_of_an_issuer_the_last_one_decides_when_they_end() {
    let place = Place::new();
    let older = Crl { this_update: -7200, ..Crl::of(&[&place.bob.certificate]) };
    let newer = |next_update| Crl { next_update: Some(next_update), ..Crl::of(&[]) }.by(&place.authority);
    let (ended, lasting) = ([older.by(&place.authority), newer(-10)], [newer(600), older.by(&place.authority)]);
    fs::write(place.path("list.crl"), ended.concat()).unwrap();
    let server = Server::start_at(Arc::new(place), &options(&["--crl-file=list.crl"]));
    assert!(server.log().contains("the CRL has passed its nextUpdate"));
    assert!(!may_enter(&server.alice()), "an older list lasts longer, and knows less");
    reload(&server, "list.crl", &lasting.concat(), "reloaded");
    assert!(may_enter(&server.alice()));
    assert!(!may_enter(&server.bob()), "what any of them has revoked is revoked");
}

#[test]
fn a_list_that_ends_ends_its_callers() {
    let place = Place::new();
    let ending = |authority: &Authority, seconds| Crl { next_update: Some(seconds), ..Crl::of(&[]) }.by(authority);
    fs::write(place.path("list.crl"), ending(&place.authority, 3_600)).unwrap();
    let server = Server::start_at(Arc::new(place), &options(&["--crl-file=list.crl"]));
    assert!(server.log().contains("the CRL ends soon"));
    // On a busy machine, a list may end before a client has entered.
    let entered = [4, 16, 64].into_iter().find_map(|seconds| {
        reload(&server, "list.crl", &ending(&server.place.authority, seconds), "reloaded");
        let mut connection = server.alice().connect().ok()?;
        is_in(&mut connection).then_some(connection)
    });
    let mut kept = entered.unwrap();
    eventually("the list ends", || (!is_in(&mut kept)).then_some(()));
    assert!(!may_enter(&server.alice()));
    reload(&server, "list.crl", &Crl::of(&[]).by(&server.place.authority), "reloaded");
    assert!(may_enter(&server.alice()));
}

#[test]
fn an_intermediate_may_be_revoked_with_all_below_it() {
    let place = Place::new();
    let (good, bad) = (place.authority.subordinate("Good"), place.authority.subordinate("Bad"));
    let issued = |authority: &Authority| {
        let mut identity = authority.issue(&Leaf::client("alice"));
        identity.chain.push(authority.certificate.clone());
        identity
    };
    let (by_good, by_bad) = (issued(&good), issued(&bad));
    let server = with_place(place, |place| Crl::of(&[&bad.certificate]).by(&place.authority));
    assert!(may_enter(&server.client(&by_good)));
    assert!(!may_enter(&server.client(&by_bad)));
    assert!(server.log().contains("CN=Bad is revoked"));
    // It is not accepted because it is configured itself, also below several other authorities.
    let place = server.stop().0;
    let (middle, aside) = (bad.subordinate("Middle"), place.authority.subordinate("Aside"));
    let by_middle = middle.issue(&Leaf::client("alice"));
    let by_aside = aside.issue(&Leaf::client("alice"));
    let all = [&place.authority, &good, &bad, &middle, &aside].map(Authority::pem).concat();
    fs::write(place.path("ca.pem"), all).unwrap();
    let server = Server::start_at(place, &options(&["--crl-file=list.crl"]));
    for (identity, welcome) in [(&by_good, true), (&by_bad, false), (&by_middle, false), (&by_aside, true)] {
        let alone = Identity { chain: Vec::new(), ..identity.clone() };
        for identity in [identity, &alone] {
            assert_eq!(may_enter(&server.client(identity)), welcome);
        }
    }
}

#[test]
fn a_list_of_an_authority_that_may_sign_none_is_not_believed() {
    let place = Arc::new(Place::new());
    let of = |key_usage, key| Authority::of(&Root { key_usage, key, ..Root::new("Client authority") });
    let (without, silent) = (of(Some(false), None), of(None, None));
    let alice = |authority: &Authority| authority.issue(&Leaf::client("alice"));
    let start = |authorities: &[&Authority], crl: &[u8]| {
        let pem: Vec<u8> = authorities.iter().flat_map(|authority| authority.pem()).collect();
        fs::write(place.path("ca.pem"), pem).unwrap();
        fs::write(place.path("list.crl"), crl).unwrap();
        Server::try_start_at(Arc::clone(&place), &options(&["--crl-file=list.crl"]))
    };
    for revoked in [&[][..], &[&alice(&without).certificate]] {
        let log = start(&[&without], &Crl::of(revoked).by(&without)).err().unwrap();
        let last = log.lines().last().unwrap();
        assert!(
            last.contains("cRLSign") && last.contains("CN=Client authority") && last.contains("list.crl"),
            "{last}"
        );
    }
    // An authority without keyUsage may sign CRLs, and so may another certificate of the same key.
    let server = start(&[&silent], &Crl::of(&[]).by(&silent)).unwrap();
    assert!(may_enter(&server.client(&alice(&silent))));
    server.stop();
    let other = of(Some(true), Some(without.key.clone()));
    let (good, bad) = (alice(&without), alice(&without));
    let server = start(&[&without, &other], &Crl::of(&[&bad.certificate]).by(&without)).unwrap();
    assert!(may_enter(&server.client(&good)) && !may_enter(&server.client(&bad)));
    // At a reload the former state stays in force.
    reload(&server, "ca.pem", &without.pem(), "reload failed");
    assert!(server.log().lines().any(|line| line.contains("reload failed") && line.contains("cRLSign")));
    assert!(may_enter(&server.client(&good)) && !may_enter(&server.client(&bad)));
}

#[test]
fn beside_lists_nothing_vanishes() {
    let place = Arc::new(Place::new());
    let crl = Crl::of(&[&place.bob.certificate]).by(&place.authority);
    let key = place.bob.key.private_key_to_pem_pkcs8().unwrap();
    fs::write(place.path("list.crl"), [&key[..], &place.authority.pem(), &crl].concat()).unwrap();
    let server = Server::start_at(Arc::clone(&place), &options(&["--crl-file=list.crl"]));
    assert!(may_enter(&server.alice()) && !may_enter(&server.bob()));
    let log = server.log();
    for label in ["PRIVATE KEY", "CERTIFICATE"] {
        let told = |line: &str| line.contains("list.crl") && line.contains(&format!("block={label:?}"));
        assert!(log.lines().any(told), "{label}");
    }
    server.stop();
    let text = |crl: &[u8]| String::from_utf8(crl.to_vec()).unwrap();
    for (content, told) in [
        (text(&crl).replace("X509 CRL", "CRL"), "line 1 begins a block \"CRL\""),
        (text(&crl) + &text(&crl).replace("X509 CRL", "PKCS7"), "begins a block \"PKCS7\""),
        (text(&crl) + "-----BEGIN X509 CRL-----\nAAAA\n", "has no end"),
        (text(&crl) + "----BEGIN X509 CRL----\nAAAA\n", "looks like the beginning of a PEM block"),
    ] {
        fs::write(place.path("list.crl"), content).unwrap();
        let log = Server::try_start_at(Arc::clone(&place), &options(&["--crl-file=list.crl"])).err().unwrap();
        let last = log.lines().last().unwrap();
        assert!(last.contains(told) && last.contains("list.crl"), "{told}: {last}");
    }
}

fn with_place(place: Place, crl: impl FnOnce(&Place) -> Vec<u8>) -> Server {
    fs::write(place.path("list.crl"), crl(&place)).unwrap();
    Server::start_at(Arc::new(place), &options(&["--crl-file=list.crl"]))
}

#[test]
fn a_list_that_proves_nothing_keeps_the_server_from_starting() {
    let place = Arc::new(Place::new());
    let namesake = Authority::new("Test authority");
    for (crl, reason) in [
        (Crl::of(&[]).by(&namesake), "no certificate of the authority files signed the CRL of"),
        (Crl::of(&[]).by(&Authority::new("Somebody")), "no certificate of the authority files signed the CRL of"),
        ([Crl::of(&[]).by(&place.authority), Crl::of(&[]).by(&namesake)].concat(), "signed the CRL of"),
        (Crl { critical: true, ..Crl::of(&[]) }.by(&place.authority), "has a critical extension"),
        (Vec::new(), "it is empty"),
        (b"not PEM".to_vec(), "list.crl"),
        (place.authority.pem(), "it holds a \"CERTIFICATE\""),
    ] {
        fs::write(place.path("list.crl"), crl).unwrap();
        let log = Server::try_start_at(Arc::clone(&place), &options(&["--crl-file=list.crl"])).err().unwrap();
        assert!(log.lines().last().unwrap().contains(reason), "{reason}: {log}");
    }
    let log = Server::try_start_at(place, &options(&["--crl-file=missing.crl"])).err().unwrap();
    assert!(log.lines().last().unwrap().contains("missing.crl"), "{log}");
}

/// A server with two authority files.
fn two_authorities(arguments: &[&str]) -> (Server, [Authority; 2]) {
    let place = Place::new();
    let authorities = ["One", "Two"].map(Authority::new);
    fs::write(place.path("ca.pem"), authorities[0].pem()).unwrap();
    fs::write(place.path("two.pem"), authorities[1].pem()).unwrap();
    (Server::start_at(Arc::new(place), &options(arguments)), authorities)
}

#[test]
fn the_same_name_under_two_authorities_can_be_told_apart() {
    for (arguments, names) in [
        (
            &["--authority-cert-file=two.pem", "--username-prefix=one/", "--username-prefix=two/"][..],
            ["one/alice", "two/alice"],
        ),
        (&["--authority-cert-file=two.pem", "--username-prefix=two/"], ["alice", "two/alice"]),
        (&["--username-prefix=one/", "--authority-cert-file=two.pem"], ["one/alice", "alice"]),
    ] {
        let (server, authorities) = two_authorities(arguments);
        for (authority, name) in authorities.iter().zip(names) {
            let alice = server.client(&authority.issue(&Leaf::client("alice")));
            assert_eq!(alice.get("/whoami").json()["username"], name, "{arguments:?}");
            // A prefix does not make an invalid name valid.
            for user in ["*", " ", "identity:x"] {
                let answer = server.client(&authority.issue(&Leaf::client(user))).get("/whoami");
                assert_eq!(answer.status, 401, "{user}");
            }
        }
        // A name that contains the prefix does not get it either.
        for (authority, [own, other]) in authorities.iter().zip([names, [names[1], names[0]]]) {
            let whoami = |name: &str| server.client(&authority.issue(&Leaf::client(name))).get("/whoami");
            let (mine, theirs) = (own.trim_end_matches("alice"), other.trim_end_matches("alice"));
            if !theirs.is_empty() {
                let prefixed = whoami(other);
                let expected = if mine.is_empty() { None } else { Some(format!("{mine}{other}")) };
                assert_eq!(prefixed.json()["username"].as_str(), expected.as_deref(), "{arguments:?}");
                assert_eq!(prefixed.status, if mine.is_empty() { 401 } else { 200 });
                assert_eq!(whoami(theirs).status, prefixed.status, "{theirs}");
            }
        }
    }
    // The nearest authority counts: an intermediate in a file of its own has its own prefix.
    let place = Place::new();
    let root = Authority::new("Root");
    let below = root.subordinate("Below");
    fs::write(place.path("ca.pem"), root.pem()).unwrap();
    fs::write(place.path("two.pem"), below.pem()).unwrap();
    let arguments = ["--authority-cert-file=two.pem", "--username-prefix=root/", "--username-prefix=below/"];
    let server = Server::start_at(Arc::new(place), &options(&arguments));
    let mut alice = below.issue(&Leaf::client("alice"));
    alice.chain.push(below.certificate.clone());
    for (identity, name) in [(alice, "below/alice"), (root.issue(&Leaf::client("alice")), "root/alice")] {
        assert_eq!(server.client(&identity).get("/whoami").json()["username"], name);
    }
    let log = Server::try_start_at(server.stop().0, &options(&["--authority-cert-file=ca.pem"])).err().unwrap();
    assert!(log.lines().last().unwrap().contains("CN=Root is in two authority files"), "{log}");
}

#[test]
fn callers_of_an_authority_that_is_gone_are_disconnected() {
    let (server, [one, two]) = two_authorities(&["--authority-cert-file=two.pem"]);
    let mut of_one = server.client(&one.issue(&Leaf::client("alice"))).connect().unwrap();
    let bob = server.client(&two.issue(&Leaf::client("bob")));
    let (mut of_two, mut idle) = (bob.connect().unwrap(), bob.connect().unwrap());
    assert!(is_in(&mut of_one) && is_in(&mut of_two) && is_in(&mut idle));
    reload(&server, "two.pem", &Authority::new("Two").pem(), "reloaded");
    assert!(!is_in(&mut of_two) && !may_enter(&bob));
    assert_eq!(idle.stream.read(&mut [0]).unwrap_or(0), 0, "it is still open");
    assert!(server.log().contains("its certificate is no longer trusted"));
    assert!(is_in(&mut of_one));
    // It comes back by a change of the file alone.
    fs::write(server.place.path("two.pem"), two.pem()).unwrap();
    eventually("bob is welcome again", || may_enter(&bob).then_some(()));
    assert!(is_in(&mut of_one));
}

#[test]
fn a_certificate_ends_on_an_open_connection_too() {
    let server = Server::start();
    let leaf = Leaf { seconds: Some(3), ..Leaf::client("alice") };
    let short = server.client(&server.place.authority.issue(&leaf));
    let mut kept = short.connect().unwrap();
    assert_eq!(kept.get("/whoami").status, 200);
    let ended = eventually("the certificate ends", || {
        let answer = kept.get("/whoami");
        (answer.status != 200).then_some(answer)
    });
    assert_eq!(ended.status, 401);
    assert!(server.log().contains("has expired"));
    assert!(!may_enter(&short));
    assert!(may_enter(&server.alice()));
}
