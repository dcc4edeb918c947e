//! systemd learns when the server is ready, reloads and stops (sd_notify(3)). Its watchdog is fed while the database's writer moves,
//! also while a call of the HSM hangs.

use std::fs;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use claviger_pkcs11_shim::{Deed, Fault};

use crate::harness::kmip::create;
use crate::harness::server::{P12_PASSWORD, Place};
use crate::harness::service_manager::ServiceManager;
use crate::harness::{Leaf, Options, Server, Shim, eventually, preload};

const FED: &str = "WATCHDOG=1\n";

#[test]
fn it_learns_of_start_reload_and_end() {
    let place = Arc::new(Place::new());
    let manager = ServiceManager::at(&place.path("notify"));
    let mut server = Server::start_at(Arc::clone(&place), &manager.options(None, &Options::default()));
    let listening = format!("STATUS=listening on https://{}\n", server.address);
    assert_eq!(manager.next(), format!("READY=1\n{listening}"));
    assert_eq!(server.alice().get("/whoami").status, 200);
    let reload = || {
        server.signal("HUP");
        let message = manager.next();
        let rest = message.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").unwrap_or_else(|| panic!("{message}"));
        let (time, status) = rest.split_once('\n').unwrap();
        assert!(time.parse::<u64>().unwrap() > 0 && status == "STATUS=reloading\n", "{message}");
    };
    reload();
    assert_eq!(manager.next(), format!("READY=1\n{listening}"));
    // A file that cannot be used, and then a good one.
    let whole = place.authority.issue(&Leaf::server()).pkcs12(P12_PASSWORD);
    fs::write(place.path("server.p12"), &whole[..100]).unwrap();
    reload();
    let failed = "STATUS=the last reload failed: see the log\n";
    // The server may notice the file before the signal or after it.
    assert!(manager.next().ends_with(failed));
    fs::write(place.path("server.p12"), &whole).unwrap();
    eventually("the failure is over", || {
        let message = manager.next();
        assert!(message.ends_with(failed) || message == listening, "{message}");
        (message == listening).then_some(())
    });
    server.signal("TERM");
    assert_eq!(manager.next(), "STOPPING=1\nSTATUS=finishing the requests under way\n");
    assert_eq!(server.wait().code(), Some(0));
    assert!(manager.drain().is_empty(), "without a watchdog, nothing is fed");
}

/// The command with `WATCHDOG_PID` of the process that it becomes.
fn of_itself(command: &Command) -> Command {
    let mut shell = Command::new("/bin/sh");
    shell.env_clear().args(["-c", "WATCHDOG_PID=$$ exec \"$0\" \"$@\""]);
    shell.arg(command.get_program()).args(command.get_args());
    shell.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    shell.current_dir(command.get_current_dir().unwrap());
    shell
}

#[test]
fn the_process_that_is_named_feeds_the_watchdog() {
    let place = Arc::new(Place::new());
    let manager = ServiceManager::abstractly(&format!("claviger-test-{}", std::process::id()));
    let mut options = manager.options(Some(Duration::from_millis(100)), &Options::default());
    let server = Server::spawn(Arc::clone(&place), of_itself(&place.command(&options)), &options).unwrap();
    assert!(manager.next().starts_with("READY=1\n"));
    for _ in 0..5 {
        assert_eq!(manager.next(), FED);
    }
    let (_, status) = server.stop();
    assert!(status.success());
    assert!(manager.drain().iter().any(|message| message.starts_with("STOPPING=1\n")));
    // Another process was named.
    options.environment.push(("WATCHDOG_PID".to_owned(), "1".to_owned()));
    let server = Server::start_at(place, &options);
    assert_eq!(server.alice().get("/whoami").status, 200);
    server.stop();
    let messages = manager.drain();
    assert!(messages.iter().any(|message| message.starts_with("STOPPING=1\n")), "{messages:?}");
    assert!(!messages.iter().any(|message| message == FED), "{messages:?}");
}

#[test]
fn what_cannot_be_used_is_logged_and_ignored() {
    for (name, micros, words) in [
        ("vsock:2:1234", "", "it begins neither with / nor with @"),
        ("/nowhere/at-all", "", "the service manager was not notified"),
        ("/nowhere/at-all", "soon", "WATCHDOG_USEC is not a number of microseconds"),
    ] {
        let environment = [("NOTIFY_SOCKET", name), ("WATCHDOG_USEC", micros)];
        let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        let server = Server::start_with(&Options { environment, ..Options::default() });
        assert_eq!(server.alice().get("/whoami").status, 200);
        eventually(words, || server.log().contains(words).then_some(()));
    }
}

/// The call of the HSM that the writer makes for each change takes longer than the writer's steps may.
#[test]
fn a_hanging_hsm_does_not_stop_the_watchdog() {
    const CALL: u64 = 6;
    const WATCHDOG: Duration = Duration::from_secs(4);
    let socket = tempfile::tempdir().unwrap();
    let manager = ServiceManager::at(&socket.path().join("notify"));
    let arguments = vec![format!("--hsm-call-timeout={CALL}")];
    let shim = Shim::start(&manager.options(Some(WATCHDOG), &Options { arguments, ..Options::default() }));
    let (mut alice, mut bob) = (shim.server.alice().connect().unwrap(), shim.server.bob().connect().unwrap());
    alice.aes();
    // The first call binds the new object, the second one the end of the audit log: it is the writer's.
    shim.set("hang", &Fault::new(Deed::Hang, &["C_Sign"]).after(1).times(1));
    std::thread::scope(|scope| {
        scope.spawn(|| alice.kmip(&create("AES", 256, &[])));
        eventually("a call hangs", || (shim.hits("hang") == 1).then_some(()));
        let began = Instant::now();
        let other = scope.spawn(|| bob.kmip(&create("AES", 256, &[])).status);
        manager.drain();
        while began.elapsed() < Duration::from_secs(CALL - 2) {
            assert_eq!(manager.next(), FED);
        }
        assert_eq!(other.join().unwrap(), 200);
        assert!(began.elapsed() > Duration::from_secs(CALL - 2), "the writer waited for the call");
    });
    assert!(!shim.server.log().contains("the watchdog is not fed"), "{}", shim.server.log());
}

#[test]
fn a_stuck_writer_stops_the_watchdog() {
    const WATCHDOG: Duration = Duration::from_secs(1);
    let place = Arc::new(Place::new());
    let manager = ServiceManager::at(&place.path("notify"));
    let options = preload::with(&place, "commits", "CLAVIGER_TEST_COMMITS", Options::default());
    let server = Server::start_at(Arc::clone(&place), &manager.options(Some(WATCHDOG), &options));
    let mut alice = server.alice().connect().unwrap();
    alice.aes();
    std::thread::scope(|scope| {
        let stuck = place.path("commits");
        fs::write(&stuck, "").unwrap();
        let made = scope.spawn(|| alice.kmip(&create("AES", 256, &[])).status);
        eventually("it is noticed", || server.log().contains("the watchdog is not fed").then_some(()));
        manager.drain();
        // The server still accepts connections, and answers what needs no change.
        assert_eq!(server.bob().get("/whoami").status, 200);
        let message = manager.next_within(2 * WATCHDOG);
        fs::remove_file(&stuck).unwrap();
        assert_eq!(message, None);
        assert_eq!(manager.next(), FED);
        assert_eq!(made.join().unwrap(), 200);
    });
    assert!(server.log().contains("the database's writer moves again"), "{}", server.log());
}
