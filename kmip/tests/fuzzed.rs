//! Runs what the fuzz targets run, on their seeds and on many changes of them, which are the same in each run.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test that meets something unexpected is to fail there and say where"
)]

#[path = "../fuzz/src/checks.rs"]
mod checks;

use std::fs;
use std::path::Path;

use claviger_cases::{Result, Source, bytes, check};

type Check = fn(&[u8]);

const TARGETS: [(&str, Check); 3] = [("binary", checks::binary), ("json", checks::json), ("xml", checks::xml)];

/// The seeds of a target.
fn seeds(target: &str) -> Vec<Vec<u8>> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut files: Vec<_> = fs::read_dir(&directory).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    files.iter().map(|file| fs::read(file).unwrap()).collect()
}

#[test]
fn every_seed_is_read() {
    for (target, check) in TARGETS {
        let seeds = seeds(target);
        assert!(seeds.len() >= 10, "{target} has {} seeds", seeds.len());
        seeds.iter().for_each(|seed| check(seed));
    }
    let whole = |seed: &Vec<u8>| claviger_kmip::ttlv::binary::read(seed).is_ok();
    assert!(seeds("binary").iter().all(whole));
    seeds("binary").iter().for_each(|seed| checks::round_trip(seed));
}

#[test]
fn a_seed_may_end_anywhere_and_have_any_length() {
    for (target, check) in TARGETS {
        for seed in seeds(target) {
            (0..seed.len()).for_each(|end| check(&seed[..end]));
        }
    }
    for seed in seeds("binary") {
        // The length of the message, and of everything that looks like a length.
        for at in (4..seed.len().saturating_sub(4)).step_by(4) {
            let own = u32::from_be_bytes(seed[at..at + 4].try_into().unwrap());
            for changed in [own.wrapping_add(1), own.wrapping_sub(1), own.wrapping_add(8), 1 << 31, u32::MAX] {
                let mut seed = seed.clone();
                seed[at..at + 4].copy_from_slice(&changed.to_be_bytes());
                checks::binary(&seed);
            }
        }
    }
}

/// A seed with a few changes: bytes of other values, parts that are left out, repeated, or random.
fn changed(source: &mut Source<'_>, seeds: &[Vec<u8>]) -> Result<Vec<u8>> {
    let mut seed = source.choose(seeds)?.clone();
    for _ in 0..source.int_in_range(1..=6)? {
        let at = source.int_in_range(0..=seed.len())?;
        let end = source.int_in_range(at..=seed.len().min(at + 24))?;
        match source.int_in_range(0..=3)? {
            0 => drop(seed.drain(at..end)),
            1 => {
                let part = seed[at..end].to_vec();
                seed.splice(at..at, part);
            }
            2 => {
                let random = bytes(source, 0..=8)?;
                seed.splice(at..end, random);
            }
            _ => {
                if let Some(byte) = seed.get_mut(at) {
                    *byte = source.arbitrary()?;
                }
            }
        }
    }
    Ok(seed)
}

#[test]
fn no_change_of_a_seed_does_harm() {
    for (target, run) in TARGETS {
        let seeds = seeds(target);
        check(20_000, |source| {
            let changed = changed(source, &seeds)?;
            run(&changed);
            if target == "binary" {
                checks::round_trip(&changed);
            }
            Ok(())
        });
    }
}
