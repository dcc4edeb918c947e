//! HSM tokens of each kind, from the first start: the server starts or says why not, and its answers are right.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use claviger_pkcs11_shim::{Deed, Fault, OwnIv};

use super::load::Load;
use super::{CLIENTS, LOSSES, USES, while_on};
use crate::harness::server::Place;
use crate::harness::{End, Hsm, Server, shim};

/// CKA_UNWRAP_TEMPLATE, CKA_MODIFIABLE, CKA_COPYABLE, CKA_DESTROYABLE, CKA_SENSITIVE, CKA_EXTRACTABLE.
const UNWRAP_TEMPLATE: u64 = 0x4000_0212;
const MODIFIABLE: u64 = 0x170;
const COPYABLE: u64 = 0x171;
const DESTROYABLE: u64 = 0x172;
const SENSITIVE: u64 = 0x103;
const EXTRACTABLE: u64 = 0x162;

/// CKR_FUNCTION_NOT_SUPPORTED and CKR_ATTRIBUTE_SENSITIVE.
const NO_FUNCTION: u64 = 0x54;
const HIDDEN: u64 = 0x11;

/// The HSM token, and the options that it needs.
type Kind = (&'static str, Fault, &'static [&'static str]);

fn kind(name: &'static str, deed: Deed) -> Kind {
    (name, Fault::new(deed, &[]), &[])
}

fn accepted(name: &'static str, attribute: u64, arguments: &'static [&'static str]) -> Kind {
    (name, Fault::new(Deed::RefuseAttribute(attribute), &[]), arguments)
}

/// Runs the load on a server with such a token, from its first start and after a restart: no request is refused, no
/// answer is wrong, and nothing is lost.
fn under_load((name, fault, arguments): &Kind) {
    let place = Arc::new(Place::new());
    let (options, control) = shim::options(&place, &[("kind", fault.clone())]);
    let server = Server::start_at(place, &options.with(arguments));
    let load = Load::new(CLIENTS);
    let mut clients: Vec<_> = (0..CLIENTS).map(|number| load.client(&server, number)).collect();
    let mut health = (0, 0);
    thread::scope(|scope| {
        let _end = End(&load.done);
        for client in &mut clients {
            let load = &load;
            scope.spawn(move || load.run(client));
        }
        let (began, alice) = (Instant::now(), server.alice());
        // Each client has done a few rounds, also on a busy machine.
        while began.elapsed() < while_on() || load.clean.iter().any(|clean| clean.load(Ordering::SeqCst) < 3) {
            assert!(began.elapsed() < crate::harness::PATIENCE, "{name}: {:?}", load.clean);
            match alice.get("/health").status {
                200 => health.0 += 1,
                _ => health.1 += 1,
            }
            thread::park_timeout(Duration::from_millis(50));
        }
    });
    let count = |counter: &std::sync::atomic::AtomicUsize| counter.load(Ordering::SeqCst);
    let wrong = load.wrong.lock().unwrap();
    let (good, refused) = (count(&load.good), count(&load.refused));
    let server = server.restart();
    let lost = load.lost(&server);
    eprintln!(
        "| {name} | starts | {} | {good} | {refused} | {} | {} | {} ok, {} unavailable |",
        control.hits("kind"),
        wrong.len(),
        lost.len(),
        health.0,
        health.1
    );
    assert!(wrong.is_empty(), "{name}: {} wrong answers: {:#?}", wrong.len(), &wrong[..wrong.len().min(10)]);
    assert_eq!((refused, health.1, lost), (0, 0, Vec::new()), "{name}");
    assert!(control.hits("kind") > 0, "{name}: it was never done");
    let log = server.log();
    assert!(!log.contains("panicked") && !log.contains(" ERROR "), "{name}: {log}");
    assert!(server.stop().1.success(), "{name}");
}

fn each(kinds: &[Kind]) {
    eprintln!("| token | start | done | good | refused | wrong | lost | health |");
    eprintln!("|---|---|---|---|---|---|---|---|");
    kinds.iter().for_each(under_load);
}

#[test]
fn that_does_it_in_another_way() {
    let wrap: &[&str] = match Hsm::chosen() {
        Hsm::SoftHsm => &["--hsm-wrap-mechanism=0x80002109", "--hsm-wrap-pad-mechanism=0x8000210a"],
        Hsm::Kryoptic => &["--hsm-wrap-mechanism=0x80002109", "--hsm-wrap-pad-mechanism=0x8000210b"],
    };
    each(&[
        kind("it makes the IV, and writes it over the one given", Deed::OwnIv(OwnIv::Written)),
        kind("it makes the IV, and writes it behind the tag", Deed::OwnIv(OwnIv::Appended(12))),
        kind("it makes the IV in place of zeros", Deed::OwnIv(OwnIv::Zeros)),
        kind("16,288 bytes a call", Deed::MostBytes(16_288)),
        ("key wrap under vendor numbers", Fault::new(Deed::VendorWrap, &[]), wrap),
        kind("points without OCTET STRING", Deed::BarePoints),
        kind("key sizes of HMAC are 0 to 0", Deed::HmacSizes(0, 0)),
        (
            "keys and data cross in another form",
            Fault::new(Deed::Scramble, &["C_CreateObject", "C_Encrypt", "C_Decrypt"]),
            &[],
        ),
        kind("it crashes when it is unloaded", Deed::CrashAtEnd),
    ]);
}

#[test]
fn that_does_less() {
    each(&[
        ("no C_CreateObject", Fault::new(Deed::Answer(NO_FUNCTION), &["C_CreateObject"]), &[]),
        kind("no CKA_VALUE", Deed::HideValue(HIDDEN)),
        ("no C_WrapKey", Fault::new(Deed::Answer(NO_FUNCTION), &["C_WrapKey"]), &[]),
        kind("CKA_UNWRAP_TEMPLATE is refused", Deed::RefuseAttribute(UNWRAP_TEMPLATE)),
        kind("every key is sensitive", Deed::RefuseValue(SENSITIVE, false)),
        kind("no key is extractable", Deed::RefuseValue(EXTRACTABLE, true)),
        accepted("CKA_MODIFIABLE is refused, and accepted", MODIFIABLE, &["--accept-weaker-custody=modifiable"]),
        accepted("CKA_COPYABLE is refused, and accepted", COPYABLE, &["--accept-weaker-custody=copyable"]),
        accepted("CKA_DESTROYABLE is refused, and accepted", DESTROYABLE, &["--accept-weaker-custody=destroyable"]),
    ]);
}

/// If the token fails at the first start, the start is refused and makes nothing, and the next start is like any other.
#[test]
fn that_fails_at_the_first_start() {
    eprintln!("| token | start |");
    eprintln!("|---|---|");
    let place = Arc::new(Place::new());
    let (options, control) = shim::options(&place, &[]);
    let refused = |name: &str, fault: &Fault, expected: &str| {
        control.set("kind", fault).unwrap();
        fs::write(place.path("server.log"), "").unwrap();
        let log = Server::try_start_at(Arc::clone(&place), &options).map(drop).unwrap_err();
        let why = log.lines().next_back().unwrap_or_default();
        eprintln!("| {name} | {} |", why.trim_start_matches("clavigerd: "));
        assert!(why.contains(expected) && !log.contains("panicked"), "{name}: {log}");
        assert_eq!(place.token.objects(), 0, "{name}: something was made");
        control.clear("kind").unwrap();
    };
    for (name, value) in LOSSES {
        let expected = format!("the token cannot do what is needed of it: AES keys: C_GenerateKey: CKR_{name}");
        refused(&format!("CKR_{name} for every use of a key"), &Fault::new(Deed::Answer(value), &USES), &expected);
    }
    for (name, attribute, word) in [
        ("CKA_MODIFIABLE", MODIFIABLE, "modifiable"),
        ("CKA_COPYABLE", COPYABLE, "copyable"),
        ("CKA_DESTROYABLE", DESTROYABLE, "destroyable"),
    ] {
        let expected = format!("accept it by --accept-weaker-custody {word}");
        refused(&format!("{name} is refused"), &Fault::new(Deed::RefuseAttribute(attribute), &[]), &expected);
    }
    let server = Server::start_at(Arc::clone(&place), &options);
    let mut alice = server.alice().connect().unwrap();
    let id = alice.aes();
    let sealed = alice.seal(&id, b"data");
    assert_eq!(alice.open(&sealed), b"data");
}
