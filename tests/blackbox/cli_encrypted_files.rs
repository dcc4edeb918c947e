//! Files of any size are encrypted in chunks, and are decrypted completely or not at all.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::Stdio;

use openssl::sha::sha256;

use crate::harness::cli::TAMPERED;
use crate::harness::{Cli, Server, eventually, reference, within_patience};

const CHUNK: usize = 1 << 20;

/// The length of a chunk without its ciphertext: last(1) iv(12) length(4), and tag(16) after it.
const BEFORE: usize = 17;
const AFTER: usize = 16;
const WHOLE: usize = BEFORE + CHUNK + AFTER;

/// The length of a file's header: magic(4) version(1) chunk-size(4) file-id(16) key-id-length(1) key-id.
fn header(id: &str) -> usize {
    26 + id.len()
}

#[test]
fn files_of_any_size_come_back() {
    let server = Server::start();
    let alice = Cli::alice(&server);
    let id = alice.create(&[]);
    for size in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 20_000_000] {
        let plain = reference::random(size);
        alice.write("plain", &plain);
        alice.quiet(&["sym", "encrypt", "plain", "-k", &id, "-o", "sealed", "--force"]);
        let sealed = alice.read("sealed");
        let chunks = size.div_ceil(CHUNK).max(1);
        assert_eq!(sealed.len(), header(&id) + size + chunks * (BEFORE + AFTER), "{size}");
        // The file names its key.
        alice.quiet(&["sym", "decrypt", "sealed", "-o", "opened", "--force"]);
        assert!(alice.read("opened") == plain, "{size}");
    }
    assert_eq!(alice.files(), ["opened", "own.p12", "own.password", "plain", "sealed"]);
}

#[test]
fn pipes_carry_the_same() {
    let server = Server::start();
    let alice = Cli::alice(&server);
    let id = alice.create(&[]);
    for size in [0, 5, CHUNK + 5] {
        let plain = reference::random(size);
        let sealed = alice.pipe(&["sym", "encrypt", "-", "-k", &id, "-o", "-", "--json"], &plain);
        let opened = alice.pipe(&["sym", "decrypt", "-", "-o", "-", "--json"], &sealed);
        assert!(opened == plain, "{size}");
        // Also between a pipe and a file.
        alice.write("sealed", &sealed);
        assert!(alice.pipe(&["sym", "decrypt", "sealed", "-k", &id, "-o", "-"], b"") == plain);
    }
    // An error at the end is detected at the end: the chunks before are already written, and the exit status shows the
    // failure.
    let plain = reference::random(CHUNK + 5);
    let mut sealed = alice.pipe(&["sym", "encrypt", "-", "-k", &id, "-o", "-"], &plain);
    sealed.pop();
    let output = alice.output(&["sym", "decrypt", "-", "-o", "-"], &sealed);
    assert_eq!(output.status.code(), Some(TAMPERED));
    assert!(output.stdout == plain[..CHUNK]);
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "claviger: -: it is cut off after 1 whole chunks\n");
}

/// The connections of the requests since then, with the number of requests on each.
fn connections(server: &Server, since: usize) -> BTreeMap<String, usize> {
    let log = server.log();
    let answered = log[since..].lines().filter(|line| line.contains("answered") && line.contains("/kmip/2_1"));
    let mut seen = BTreeMap::new();
    for line in answered {
        let (_, peer) = line.split_once("peer=").unwrap();
        let end = peer.find(|letter: char| !letter.is_ascii_digit() && !".:".contains(letter)).unwrap();
        *seen.entry(peer[..end].to_owned()).or_default() += 1;
    }
    seen
}

#[test]
fn a_chunk_is_sent_while_the_one_before_is_answered() {
    let server = Server::start();
    let alice = Cli::alice(&server);
    let id = alice.create(&[]);
    alice.write("plain", &reference::random(6 * CHUNK));
    for command in
        [&["sym", "encrypt", "plain", "-k", &id, "-o", "sealed"][..], &["sym", "decrypt", "sealed", "-o", "opened"]]
    {
        let since = server.log().len();
        alice.quiet(command);
        let seen = connections(&server, since);
        // A request during another one has its own connection.
        assert_eq!((seen.len(), seen.values().sum::<usize>()), (2, 6), "{command:?}: {seen:?}");
    }
    assert!(alice.read("opened") == alice.read("plain"));
}

#[test]
fn a_chunk_is_out_before_the_next_one_comes() {
    let server = Server::start();
    let alice = Cli::alice(&server);
    let id = alice.create(&[]);
    let plain = reference::random(CHUNK + 5);
    let sealed = alice.pipe(&["sym", "encrypt", "-", "-k", &id, "-o", "-"], &plain);
    let mut command = alice.command(&["sym", "decrypt", "-", "-o", "-"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).process_group(0);
    let mut child = command.spawn().unwrap();
    let (mut input, mut output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    within_patience(child.id(), || {
        input.write_all(&sealed[..header(&id) + WHOLE]).unwrap();
        let mut first = vec![0; CHUNK];
        output.read_exact(&mut first).unwrap();
        assert!(first == plain[..CHUNK]);
        input.write_all(&sealed[header(&id) + WHOLE..]).unwrap();
        drop(input);
        let mut rest = Vec::new();
        output.read_to_end(&mut rest).unwrap();
        assert!(rest == plain[CHUNK..]);
        assert!(child.wait().unwrap().success());
    });
}

#[test]
fn a_file_can_be_opened_by_its_documentation_alone() {
    let server = Server::start();
    let alice = Cli::alice(&server);
    let id = alice.create(&[]);
    let key = server.alice().connect().unwrap().export(&id);
    let plain = reference::random(CHUNK + 3);
    for (options, own) in [(&[][..], &b""[..]), (&["--aad-hex", "C0ffee"], b"\xC0\xFF\xEE")] {
        let sealed = alice.pipe(&[&["sym", "encrypt", "-", "-k", &id, "-o", "-"], options].concat(), &plain);
        let (head, body) = sealed.split_at(header(&id));
        assert_eq!(head[..9], *b"CLVG\x01\x00\x10\x00\x00");
        assert_eq!(head[25..], *[&[id.len() as u8], id.as_bytes()].concat());
        let mut opened = Vec::new();
        for (number, chunk) in body.chunks(WHOLE).enumerate() {
            let last = u8::from(number == 1);
            let (before, rest) = chunk.split_at(BEFORE);
            let (data, tag) = rest.split_at(rest.len() - AFTER);
            assert_eq!(before[0], last);
            assert_eq!(before[13..], (data.len() as u32).to_be_bytes());
            let aad = [b"CLVG\x01", &sha256(head)[..], &(number as u64).to_be_bytes(), &[last], own].concat();
            opened.extend(reference::gcm_decrypt(&key, &before[1..13], &aad, data, tag).unwrap());
        }
        assert!(opened == plain);
        assert!(alice.pipe(&[&["sym", "decrypt", "-", "-o", "-"], options].concat(), &sealed) == plain);
    }
    // The additional data is needed again.
    alice.write("plain", b"x");
    alice.quiet(&["sym", "encrypt", "plain", "-k", &id, "-o", "sealed", "--aad-hex", "00"]);
    for aad in [&[][..], &["--aad-hex", "01"]] {
        alice.fails_with(&[&["sym", "decrypt", "sealed", "-o", "opened"], aad].concat(), &["sealed: ", "--aad-hex"]);
    }
}

#[test]
fn whatever_was_changed_is_refused_and_leaves_no_file() {
    let server = Server::start();
    let alice = Cli::alice(&server);
    let (id, other) = (alice.create(&[]), alice.create(&[]));
    assert_eq!(id.len(), other.len());
    let plain = reference::random(2 * CHUNK + 9);
    let seal = |plain: &[u8], id: &str| alice.pipe(&["sym", "encrypt", "-", "-k", id, "-o", "-"], plain);
    let sealed = seal(&plain, &id);
    let (first, second, third) = (header(&id), header(&id) + WHOLE, header(&id) + 2 * WHOLE);
    // A twin: the same plaintext under the same key in another file.
    let twin = seal(&plain, &id);
    let small = seal(b"small", &id);
    let flip = |at: usize| {
        let mut sealed = sealed.clone();
        sealed[at] ^= 1;
        sealed
    };
    let (chunk_0, chunk_1, chunk_2) = (&sealed[first..second], &sealed[second..third], &sealed[third..]);
    let last = |chunk: &[u8]| [&[1], &chunk[1..]].concat();
    let damaged = [
        ("a bit of the file id", flip(9), "chunk 0 does not verify"),
        ("the magic", flip(0), "not made by `claviger encrypt`"),
        ("the version", flip(4), "version 0"),
        ("the chunk size", flip(5), "its header is damaged"),
        ("a bit of the IV", flip(first + 3), "chunk 0 does not verify"),
        ("a bit of the length", flip(first + 14), "chunk 0 is damaged"),
        ("a bit of the ciphertext", flip(first + BEFORE), "chunk 0 does not verify"),
        ("a bit of the tag", flip(second - 1), "chunk 0 does not verify"),
        ("a bit at the end", flip(sealed.len() - 1), "chunk 2 does not verify"),
        ("a bit that says it is the last", flip(first), "chunk 0 does not verify"),
        ("a bit that says it is not", flip(third), "chunk 2 is damaged"),
        ("no byte", Vec::new(), "not made by `claviger encrypt`"),
        ("half a header", sealed[..20].to_vec(), "its header is damaged"),
        ("half a key id", sealed[..first - 1].to_vec(), "its header is damaged"),
        ("the header alone", sealed[..first].to_vec(), "cut off after 0 whole chunks"),
        ("within the first chunk", sealed[..first + 1000].to_vec(), "cut off after 0 whole chunks"),
        ("after a chunk", sealed[..second].to_vec(), "cut off after 1 whole chunks"),
        ("after two", sealed[..third].to_vec(), "cut off after 2 whole chunks"),
        ("by one byte", sealed[..sealed.len() - 1].to_vec(), "cut off after 2 whole chunks"),
        ("with the last flag put right", [&sealed[..first], &last(chunk_0)].concat(), "chunk 0 does not verify"),
        ("swapped", [&sealed[..first], chunk_1, chunk_0, chunk_2].concat(), "chunk 0 does not verify"),
        ("left out", [&sealed[..first], chunk_0, chunk_2].concat(), "chunk 1 does not verify"),
        ("twice", [&sealed[..first], chunk_0, chunk_0].concat(), "chunk 1 does not verify"),
        ("from a twin", [&sealed[..first], chunk_0, &twin[second..]].concat(), "chunk 1 does not verify"),
        ("under a twin's header", [&twin[..first], &sealed[first..]].concat(), "chunk 0 does not verify"),
        ("something after it", [&small[..], b"x"].concat(), "it has data after its end"),
        ("a whole file after it", [&small[..], &small].concat(), "it has data after its end"),
        (
            "another key's name",
            [&small[..26], other.as_bytes(), &small[first..]].concat(),
            "chunk 0 does not verify: the key or --aad-hex is wrong, or the file was changed",
        ),
        ("a plain file", b"attack at dawn, and bring a key".to_vec(), "not made by `claviger encrypt`"),
    ];
    for (what, content, expected) in damaged {
        alice.write("damaged", &content);
        let before = alice.files();
        let said = alice.fails(&["sym", "decrypt", "damaged", "-o", "opened"]);
        assert!(said.starts_with("damaged: ") && said.contains(expected), "{what}: {said}");
        assert_eq!(alice.files(), before, "{what}");
    }

    // Which key the file names is told, unless another is given.
    let named = |key: &str| format!("(the file names the key {key:?}: give another one with -k)");
    for key in ["none-such", &other] {
        let renamed = [&small[..25], &[u8::try_from(key.len()).unwrap()], key.as_bytes(), &small[first..]].concat();
        alice.write("renamed", &renamed);
        let said = alice.fails(&["sym", "decrypt", "renamed", "-o", "opened"]);
        assert!(said.contains(&named(key)), "{said}");
        let said = alice.fails(&["sym", "decrypt", "renamed", "-k", &id, "-o", "opened"]);
        assert!(!said.contains("the file names"), "{said}");
    }

    // An existing file is not changed, here with the wrong key.
    alice.write("sealed", &small);
    alice.write("opened", b"what was there");
    let before = alice.files();
    let forced = |words: &[&str], said: &[&str]| alice.fails_with(&[words, &["--force"]].concat(), said);
    forced(&["sym", "decrypt", "sealed", "-k", &other, "-o", "opened"], &["sealed: ", "the key or"]);
    forced(&["sym", "decrypt", "sealed", "-k", "none", "-o", "opened"], &["not found: "]);
    forced(&["sym", "encrypt", "missing", "-k", &id, "-o", "opened"], &["cannot read missing: "]);
    forced(&["sym", "encrypt", "sealed", "-k", "none", "-o", "opened"], &["not found: "]);
    forced(&["sym", "decrypt", "sealed", "-o", "/dev/null"], &["/dev/null is not a regular file"]);
    for command in [&["sym", "encrypt", "sealed", "-k", &id][..], &["sym", "decrypt", "sealed"]] {
        let command = [command, &["-o", "opened"]].concat();
        alice.fails_with(&command, &["opened exists already: name another file, or give --force"]);
    }
    assert_eq!(alice.files(), before);
    assert_eq!(alice.read("opened"), b"what was there");
    alice.quiet(&["sym", "decrypt", "sealed", "-o", "opened", "--force"]);
    assert_eq!(alice.read("opened"), b"small");
}

#[test]
fn an_interrupt_leaves_no_file() {
    let server = Server::start();
    let alice = Cli::alice(&server);
    let id = alice.create(&[]);
    let before = alice.files();
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let mut command = alice.command(&["sym", "encrypt", "-", "-k", &id, "-o", "sealed"]);
        // Standard input stays open, so the command waits for more.
        let mut child = command.stdin(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        eventually("the unfinished file", || (alice.files().len() > before.len()).then_some(()));
        let sent = std::process::Command::new("kill").args([&format!("-{signal}"), &child.id().to_string()]).status();
        assert!(sent.unwrap().success());
        let status = eventually("the command ends", || child.try_wait().unwrap());
        assert_eq!(status.code(), Some(code));
        assert_eq!(alice.files(), before);
    }
}
