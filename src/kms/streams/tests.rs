#![allow(clippy::unwrap_used, reason = "allowed in tests")]

use super::*;

const PART: usize = 1 << 20;

fn holder(user: &str) -> Holder {
    Holder { user: user.to_owned(), operation: Operation::MAC, key: Some(("k".to_owned(), Material::Destroyed)) }
}

fn first() -> MultiPart {
    MultiPart { init_indicator: Some(true), ..MultiPart::default() }
}

fn later(value: &Bytes) -> MultiPart {
    MultiPart { correlation_value: Some(value.clone()), ..MultiPart::default() }
}

/// Sends a part, and returns the correlation value.
fn send(streams: &Streams, user: &str, part: &MultiPart, bytes: usize, now: Instant) -> Result<Bytes, Error> {
    let stream = streams.at(|| holder(user), part, None, None, now)?;
    match stream.gather(Some(Bytes::from(vec![7; bytes])))? {
        Gathered::Open(value) => Ok(value),
        Gathered::All(_) => panic!("it is not the last part"),
    }
}

fn is_gone(sent: &Result<Bytes, Error>) -> bool {
    matches!(sent, Err(Error::Cipher(CipherFault::NoStream)))
}

#[test]
fn it_ends_when_it_is_idle_and_when_it_is_old() {
    let (streams, start) = (Streams::default(), Instant::now());
    let value = send(&streams, "alice", &first(), 1, start).unwrap();
    send(&streams, "alice", &later(&value), 1, start + IDLE - Duration::from_secs(1)).unwrap();
    assert!(is_gone(&send(&streams, "alice", &later(&value), 1, start + 2 * IDLE)));
    // However busy it is.
    let value = send(&streams, "alice", &first(), 1, start).unwrap();
    let mut now = start;
    while now + IDLE / 2 < start + TOTAL {
        now += IDLE / 2;
        send(&streams, "alice", &later(&value), 1, now).unwrap();
    }
    assert!(is_gone(&send(&streams, "alice", &later(&value), 1, start + TOTAL)));
    // The sweep ends it without a request.
    send(&streams, "alice", &first(), 1, start).unwrap();
    streams.sweep(start + IDLE);
    assert!(streams.lock().is_empty());
}

#[test]
fn the_bounds_of_all_callers_hold_too() {
    let (streams, now) = (Streams::default(), Instant::now());
    for number in 0..MOST {
        send(&streams, &format!("user {}", number / MOST_OF_ONE), &first(), 0, now).unwrap();
    }
    let refused = send(&streams, "one more", &first(), 0, now);
    assert!(matches!(refused, Err(Error::Cipher(CipherFault::TooManyStreams { most: MOST, .. }))));
    let streams = Streams::default();
    let mut held = 0;
    let refused = loop {
        match send(&streams, &format!("user {held}"), &first(), 3 * PART, now) {
            Ok(_) => held += 1,
            Err(error) => break error,
        }
        assert!(held * 3 * PART <= BYTES, "there is no bound");
    };
    assert!(matches!(refused, Error::Cipher(CipherFault::TooMuchStreamed { most: BYTES, .. })));
    // An operation that has ended does not count.
    streams.forget("k");
    send(&streams, "alice", &first(), 3 * PART, now).unwrap();
}

#[test]
fn two_parts_at_one_time_are_not_both_taken() {
    let (streams, now) = (Streams::default(), Instant::now());
    let value = send(&streams, "alice", &first(), 1, now).unwrap();
    let one = streams.at(|| holder("alice"), &later(&value), None, None, now).unwrap();
    assert!(is_gone(&send(&streams, "alice", &later(&value), 1, now)));
    // A key that was destroyed meanwhile does not go on.
    streams.forget("k");
    assert!(is_gone(&one.go_on(State::Data(Zeroizing::default()))));
    assert!(streams.lock().is_empty());
}

#[test]
fn a_part_that_fails_ends_it() {
    let (streams, now) = (Streams::default(), Instant::now());
    let value = send(&streams, "alice", &first(), 1, now).unwrap();
    drop(streams.at(|| holder("alice"), &later(&value), None, None, now).unwrap());
    assert!(is_gone(&send(&streams, "alice", &later(&value), 1, now)));
    // Another user does not end it.
    let value = send(&streams, "alice", &first(), 1, now).unwrap();
    streams.end("bob", &value);
    assert!(is_gone(&send(&streams, "bob", &later(&value), 1, now)));
    send(&streams, "alice", &later(&value), 1, now).unwrap();
    streams.end("alice", &value);
    assert!(is_gone(&send(&streams, "alice", &later(&value), 1, now)));
}
