//! PIN and password are not visible in the process list or in the environment, nor in memory after their use, and the
//! process leaves no core dump without the option.

use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::process::Command;
use std::sync::Arc;

use claviger_pkcs11_shim::{Deed, Fault, scrambled};
use memchr::memmem;

use crate::harness::kmip::{self, Sealed};
use crate::harness::server::{P12_PASSWORD, Place};
use crate::harness::token::{PIN, write_private};
use crate::harness::{Options, Server, eventually, reference, shim};

/// A server whose PIN and password come from the environment, or from files.
fn server(place: &Arc<Place>, from_environment: bool) -> Server {
    let mut command = place.program();
    command
        .args(["--hostname", "127.0.0.1", "--port", "0", "--allow-core-dumps", "--sqlite-path"])
        .arg(place.database());
    command
        .arg("--authority-cert-file")
        .arg(place.path("ca.pem"))
        .arg("--https-p12-file")
        .arg(place.path("server.p12"));
    if from_environment {
        command.env("KMS_HSM_PIN", PIN).env("KMS_HTTPS_P12_PASSWORD", P12_PASSWORD);
    } else {
        let password = place.path("password");
        write_private(&password, P12_PASSWORD.as_bytes());
        command.arg("--hsm-pin-file").arg(&place.token.pin_file).arg("--https-p12-password-file").arg(password);
    }
    let started = Server::spawn(Arc::clone(place), command, &Options::default());
    started.unwrap_or_else(|log| panic!("it did not start: {log}"))
}

/// Returns the places of `text` in the writable memory of the process.
fn places(pid: u32, text: &[u8]) -> Vec<String> {
    let memory = File::open(format!("/proc/{pid}/mem")).unwrap();
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).unwrap();
    let mut places = Vec::new();
    for map in maps.lines().filter(|map| map.contains(" rw")) {
        let (from, to) = map.split_once(' ').unwrap().0.split_once('-').unwrap();
        let [from, to] = [from, to].map(|address| u64::from_str_radix(address, 16).unwrap());
        let mut bytes = vec![0; (to - from) as usize];
        // Guard pages and the like cannot be read.
        if memory.read_exact_at(&mut bytes, from).is_err() {
            continue;
        }
        // With the surrounding bytes, which may show the owner of the memory.
        places.extend(memmem::find_iter(&bytes, text).map(|at| {
            let around = &bytes[at.saturating_sub(64)..bytes.len().min(at + text.len() + 64)];
            format!("{map}: {:#x}: {}", from + at as u64, around.escape_ascii())
        }));
    }
    places
}

#[test]
fn pin_and_password_are_gone_once_they_were_used() {
    let place = Arc::new(Place::new());
    for from_environment in [true, false] {
        let server = server(&place, from_environment);
        let id = server.alice().connect().unwrap().aes();
        server.alice().connect().unwrap().ok(&kmip::encrypt(&id, b"data"));
        let environment = fs::read(format!("/proc/{}/environ", server.pid())).unwrap();
        for secret in [PIN, P12_PASSWORD] {
            assert_eq!(memmem::find(&environment, secret.as_bytes()), None, "environ");
            assert_eq!(places(server.pid(), secret.as_bytes()), [""; 0], "{from_environment}");
        }
        // They are needed again: the HSM token becomes unavailable and available again, and the certificate is
        // reloaded.
        let (token, aside) = (&place.token.tokens, place.path("aside"));
        fs::rename(token, &aside).unwrap();
        eventually("the token is missed", || server.log().contains("the token is unavailable").then_some(()));
        fs::rename(&aside, token).unwrap();
        eventually("the token is back", || server.log().contains("the token is back").then_some(()));
        server.signal("HUP");
        eventually("the files are read again", || server.log().contains("SIGHUP").then_some(()));
        assert_eq!(server.alice().get("/whoami").status, 200);
        for secret in [PIN, P12_PASSWORD] {
            assert_eq!(places(server.pid(), secret.as_bytes()), [""; 0], "{from_environment}, again");
        }
        server.stop();
        fs::write(place.path("server.log"), "").unwrap();
    }
}

/// The encodings of a secret in requests: raw, and in the text of a JSON body.
fn spellings(secret: &[u8]) -> [Vec<u8>; 4] {
    let hex = data_encoding::HEXLOWER.encode(secret);
    [secret.to_vec(), hex.to_uppercase().into(), hex.into(), data_encoding::BASE64.encode(secret).into()]
}

/// Waits until no encoding of the secret is in the memory of the process.
fn assert_gone(pid: u32, what: &str, secret: &[u8]) {
    for (spelling, text) in ["raw", "HEX", "hex", "base64"].into_iter().zip(spellings(secret)) {
        let mut left = Vec::new();
        eventually(&format!("the {what} is gone ({spelling})"), || {
            left = places(pid, &text);
            eprintln!("{what}, {spelling}: {left:?}");
            left.is_empty().then_some(())
        });
    }
}

/// With this module the HSM token has every key, every plaintext and the PIN in another form, so that only copies of
/// the server are found. The test makes every request that takes or returns a secret, in each of its forms.
#[test]
fn no_copy_of_the_servers_own_stays() {
    let place = Arc::new(Place::new());
    // A long secret, in the form that the HSM token has with this module.
    let pin = scrambled(PIN.as_bytes());
    write_private(&place.token.pin_file, &pin);
    let (options, control) = shim::options(&place, &[("scramble", Fault::new(Deed::Scramble, &[]))]);
    let server = Server::start_at(Arc::clone(&place), &options);
    let [aes, hmac, odd, value] = [32, 40, 33, 48].map(reference::random);
    let plaintexts = [48, 4095, 99_999].map(reference::random);
    {
        let mut alice = server.alice().connect().unwrap();
        let id = alice.new_key(&kmip::register("AES", &aes, &[]));
        assert_eq!(alice.export(&id), aes);
        for secret in [&hmac, &odd] {
            let id = alice.new_key(&kmip::register("HMACSHA256", secret, &[]));
            assert_eq!(alice.export(&id), *secret);
            alice.mac(&id, b"data");
        }
        alice.ok(&kmip::import("brought", None, "AES", &aes, &[]));
        for plaintext in &plaintexts {
            let sealed = alice.seal(&id, plaintext);
            assert_eq!(alice.open(&sealed), *plaintext);
            let mut damaged = sealed.clone();
            damaged.tag[0] ^= 1;
            alice.refused(&damaged.decrypt(), 422, "Cryptographic_Failure");
        }
        let path = "/secrets/default/variable/one";
        assert_eq!(alice.try_request("POST", path, &[], &value).unwrap().status, 201);
        assert_eq!(alice.try_request("GET", path, &[], b"").unwrap().body, value);
        // An incomplete request.
        let other = kmip::integer("CryptographicLength", 256);
        alice.refused(&kmip::register("AES", &odd, &[other]), 400, "Invalid_Attribute_Value");
        // An object that the HSM does not use.
        let id = alice.new_key(&kmip::register("AES", &odd, &[]));
        assert_eq!(alice.export(&id), odd);
    }
    assert!(control.hits("scramble") > 0);
    assert_eq!(places(server.pid(), &pin), [""; 0], "the PIN");
    for (what, secret) in [("AES key", &aes), ("secret of HMAC", &hmac), ("odd secret", &odd), ("value", &value)] {
        assert_gone(server.pid(), what, secret);
    }
    for plaintext in &plaintexts {
        // No part of a long secret may be found. These parts are whole groups of base64.
        assert_gone(server.pid(), "plaintext", &plaintext[..48]);
        assert_gone(server.pid(), "plaintext", &plaintext[plaintext.len() - 48..]);
    }
    let database = server.place.database();
    assert_ne!(places(server.pid(), database.to_str().unwrap().as_bytes()), [""; 0], "what is there is found");
    assert!(server.stop().1.success());

    // Without the module, the form of the HSM token is found.
    write_private(&place.token.pin_file, PIN.as_bytes());
    let server = Server::start_at(place, &Options::default());
    assert_eq!(server.alice().connect().unwrap().export("brought"), scrambled(&aes));
}

#[test]
fn keys_and_plaintext_are_gone_once_they_were_used() {
    let server = Server::start();
    let key = reference::random(32);
    let plaintext = reference::random(48);
    {
        let mut alice = server.alice().connect().unwrap();
        let id = alice.new_key(&kmip::register("AES", &key, &[]));
        let sealed = alice.ok(&kmip::encrypt(&id, &plaintext));
        let opened = alice.ok(&Sealed::of(&id, &sealed).decrypt());
        assert_eq!(kmip::octets(&opened, "Data"), plaintext);
        assert_eq!(alice.export(&id), key);
        assert_eq!(alice.try_request("POST", "/secrets/default/variable/one", &[], &plaintext).unwrap().status, 201);
        assert_eq!(alice.try_request("GET", "/secrets/default/variable/one", &[], b"").unwrap().body, plaintext);
    }
    for (what, secret) in [("key", key), ("plaintext", plaintext)] {
        assert_gone(server.pid(), what, &secret);
    }
}

/// Returns the command with the largest permitted core dumps.
fn with_dumps(command: &Command) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", r#"ulimit -S -c "$(ulimit -H -c)"; exec "$0" "$@""#]).arg(command.get_program());
    shell.args(command.get_args()).env_clear().env("PATH", "/usr/bin:/bin");
    shell.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    shell.current_dir(command.get_current_dir().unwrap());
    shell
}

/// Returns the soft and the hard limit of core dumps.
fn limits(pid: u32) -> Vec<String> {
    let limits = fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
    let limit = limits.lines().find_map(|line| line.strip_prefix("Max core file size")).unwrap();
    limit.split_whitespace().take(2).map(str::to_owned).collect()
}

#[test]
fn there_is_no_core_dump_unless_the_operator_wants_one() {
    let place = Arc::new(Place::new());
    // The system may be configured to write no core dumps.
    let mut control = with_dumps(Command::new("sleep").arg("600").current_dir(place.directory.path())).spawn().unwrap();
    let name = format!("/proc/{}/comm", control.id());
    eventually("the shell has become it", || (fs::read_to_string(&name).unwrap() == "sleep\n").then_some(()));
    let possible = limits(control.id());
    Command::new("kill").args(["-ABRT", &control.id().to_string()]).status().unwrap();
    let dumps = control.wait().unwrap().core_dumped();
    for allowed in [false, true] {
        let mut command = place.command(&Options::default());
        command.env("KMS_ALLOW_CORE_DUMPS", allowed.to_string());
        let mut server = Server::spawn(Arc::clone(&place), with_dumps(&command), &Options::default()).unwrap();
        let expected = if allowed { possible.clone() } else { vec!["0".to_owned(); 2] };
        assert_eq!(limits(server.pid())[1], expected[1]);
        server.signal("ABRT");
        let status = server.wait();
        assert_eq!(status.signal(), Some(6));
        assert_eq!(status.core_dumped(), allowed && dumps, "{allowed}");
    }
}
