//! Measures the cost of lists and reads in a project with very many secrets: `scripts/bench secrets [COUNT]`.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::harness::caller::Caller;
use crate::harness::costs::took;
use crate::harness::hanzo;
use crate::harness::shop::{PAGE, RAW, fill, shop_at};
use crate::harness::{Options, Server};

/// The number of pages of one kind, and of reads of one secret.
const PAGES: usize = 50;
const READS: usize = 5_000;

/// The longest time that the client may wait for a page of [`PAGE`] secrets, and the most CPU time of the server for a
/// read.
const LONGEST_PAGE: Duration = Duration::from_millis(50);
const MOST_CPU: Duration = Duration::from_millis(2);

pub fn measure(count: usize) {
    let count = count.next_multiple_of(PAGE);
    let mut options = hanzo::options(&[]);
    options.environment.push(("KMS_LOG".to_owned(), "info".to_owned()));
    let (server, _) = shop_at(Server::start_at(hanzo::place(), &options));
    let began = Instant::now();
    fill(&server, "dev", count);
    let filled = began.elapsed();
    println!("{count} secrets in {filled:.1?}, {:.0} a second", count as f64 / filled.as_secs_f64());
    println!("{} MiB resident", server.resident() >> 20);
    let mut alice = Caller::certificate(&server, "alice");
    for (what, offset, more) in [
        ("the first page", 0, ""),
        ("a page in the middle", count / 2, ""),
        ("the last page", count - PAGE, ""),
        ("the first page, without values", 0, "&viewSecretValue=false"),
    ] {
        page(&server, &mut alice, what, &format!("limit={PAGE}&offset={offset}{more}"));
    }
    for (what, more) in [("a get", ""), ("a get that expands references", "&expandSecretReferences=true")] {
        get(&server, &mut alice, what, more, count / PAGE);
    }
}

/// Prints the median and the longest time of pages, and fails if the median is too long.
fn page(server: &Server, alice: &mut Caller, what: &str, more: &str) {
    let path = format!("{RAW}?workspaceId=shop&environment=dev&{more}");
    let before = server.cpu();
    let mut times: Vec<Duration> =
        (0..PAGES).map(|_| took(|| assert_eq!(alice.get(&path)["secrets"].as_array().unwrap().len(), PAGE))).collect();
    let cpu = (server.cpu() - before) / u32::try_from(PAGES).unwrap();
    times.sort();
    let (median, longest) = (times[PAGES / 2], times[PAGES - 1]);
    println!("{what}, {PAGE} secrets: {median:.1?} (median), {longest:.1?} (longest), {cpu:.1?} of the server's CPU");
    assert!(median < LONGEST_PAGE, "{what} takes {median:?}");
}

/// Reads secrets from all parts of the project, one after the other, and prints the server's CPU time for each. Fails
/// if it is too much.
fn get(server: &Server, alice: &mut Caller, what: &str, more: &str, batches: usize) {
    let mut read = |number: usize| {
        // The factors are primes, so that consecutive reads are never of neighbouring secrets.
        let (batch, own) = (number * 37 % batches, number * 41 % PAGE);
        let path = format!("{RAW}/S{batch:03}_{own:02}?workspaceId=shop&environment=dev{more}");
        assert_eq!(alice.get(&path)["secret"]["secretValue"], json!("value"));
    };
    read(0);
    let (before, began) = (server.cpu(), Instant::now());
    (0..READS).for_each(&mut read);
    let (cpu, time) = (server.cpu() - before, began.elapsed());
    let reads = u32::try_from(READS).unwrap();
    let (cpu, time) = (cpu / reads, time / reads);
    println!("{what}: {cpu:.2?} of the server's CPU, {time:.2?} until the answer");
    assert!(cpu < MOST_CPU, "{what} takes {cpu:?} of the server's CPU");
}
