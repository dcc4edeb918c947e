use std::fs;
use std::path::Path;

use openssl::symm::{Cipher, decrypt_aead, encrypt_aead};
use tempfile::TempDir;

use super::*;
use crate::cli::target::Existing;

const KEY: [u8; 32] = [7; 32];
const SIZE: u32 = 10;
/// Magic, version, chunk size, file id, and a key id of three bytes with its length.
const HEADER: usize = 4 + 1 + 4 + 16 + 1 + 3;
const FULL: usize = 1 + 12 + 4 + 10 + 16;

struct Files(TempDir);

impl Files {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join(name)
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

async fn encrypt(plaintext: Bytes, aad: Bytes) -> Result<Chunk, CommandError> {
    let mut iv = [0; IV];
    openssl::rand::rand_bytes(&mut iv).unwrap();
    let mut tag = [0; TAG];
    let ciphertext = encrypt_aead(Cipher::aes_256_gcm(), &KEY, Some(&iv), &aad, &plaintext, &mut tag).unwrap();
    Ok(Chunk { iv, ciphertext: Bytes::from(ciphertext), tag })
}

async fn decrypt(chunk: Chunk, aad: Bytes) -> Result<Option<Bytes>, CommandError> {
    let Chunk { iv, ciphertext, tag } = chunk;
    Ok(decrypt_aead(Cipher::aes_256_gcm(), &KEY, Some(&iv), &aad, &ciphertext, &tag).ok().map(Bytes::from))
}

fn sealed(plaintext: &[u8], aad: &[u8]) -> Vec<u8> {
    let files = Files::new();
    fs::write(files.path("plain"), plaintext).unwrap();
    block_on(async {
        let mut source = Source::open(&files.path("plain")).unwrap();
        let mut target = Target::create(&files.path("sealed"), Existing::Keep).unwrap();
        let header = Header::new("key", SIZE).unwrap().unwrap();
        seal(&mut source, &header, aad, &mut target, encrypt).await.unwrap();
        target.finish().unwrap();
    });
    fs::read(files.path("sealed")).unwrap()
}

fn opened(sealed: &[u8], aad: &[u8]) -> Result<Vec<u8>, Error> {
    let files = Files::new();
    fs::write(files.path("sealed"), sealed).unwrap();
    let result = block_on(unseal(&files.path("sealed"), &files.path("plain"), aad));
    match result {
        Ok(()) => Ok(fs::read(files.path("plain")).unwrap()),
        Err(CommandError::Sealed { source, .. }) => {
            // Nothing that did not verify as a whole is left, under any name.
            assert_eq!(fs::read_dir(files.0.path()).unwrap().count(), 1);
            Err(source)
        }
        Err(other) => panic!("{other}"),
    }
}

async fn unseal(from: &Path, to: &Path, aad: &[u8]) -> Result<(), CommandError> {
    let mut source = Source::open(from)?;
    let header = Header::read(&mut source).await?;
    let mut target = Target::create(to, Existing::Keep)?;
    open(&mut source, &header, aad, &mut target, decrypt).await?;
    target.finish()
}

fn plaintext(length: usize) -> Vec<u8> {
    (0..=u8::MAX).cycle().take(length).collect()
}

#[test]
fn every_length_comes_back() {
    for length in [0, 1, 9, 10, 11, 19, 20, 21, 100] {
        let sealed = sealed(&plaintext(length), b"mine");
        let chunks = length.div_ceil(10).max(1);
        assert_eq!(sealed.len(), HEADER + length + chunks * (1 + 12 + 4 + 16), "{length}");
        assert_eq!(opened(&sealed, b"mine"), Ok(plaintext(length)), "{length}");
        assert_eq!(opened(&sealed, b""), Err(Error::Unverified(0)));
    }
}

#[test]
fn a_change_of_any_bit_is_seen() {
    let sealed = sealed(&plaintext(25), b"");
    for index in 0..sealed.len() {
        for bit in [0x01, 0x80] {
            let mut changed = sealed.clone();
            changed[index] ^= bit;
            assert!(opened(&changed, b"").is_err(), "byte {index}");
        }
    }
}

#[test]
fn every_truncation_is_seen() {
    let sealed = sealed(&plaintext(30), b"");
    for length in 0..sealed.len() {
        assert!(opened(&sealed[..length], b"").is_err(), "{length}");
    }
    assert_eq!(opened(&sealed[..HEADER + FULL], b""), Err(Error::Truncated(1)));
    assert_eq!(opened(&sealed[..HEADER + 2 * FULL], b""), Err(Error::Truncated(2)));
    // Saying that an earlier chunk is the last does not make it so.
    let mut cut = sealed[..HEADER + 2 * FULL].to_vec();
    cut[HEADER + FULL] = 1;
    assert_eq!(opened(&cut, b""), Err(Error::Unverified(1)));
}

#[test]
fn chunks_stay_at_their_place() {
    let sealed = sealed(&plaintext(40), b"");
    let chunk = |number: usize| sealed[HEADER + number * FULL..HEADER + (number + 1) * FULL].to_vec();
    let file = |numbers: &[usize]| {
        let chunks: Vec<u8> = numbers.iter().flat_map(|number| chunk(*number)).collect();
        [&sealed[..HEADER], &chunks].concat()
    };
    assert_eq!(opened(&file(&[0, 1, 2, 3]), b""), Ok(plaintext(40)));
    assert_eq!(opened(&file(&[1, 0, 2, 3]), b""), Err(Error::Unverified(0)));
    assert_eq!(opened(&file(&[0, 2, 1, 3]), b""), Err(Error::Unverified(1)));
    assert_eq!(opened(&file(&[0, 1, 3]), b""), Err(Error::Unverified(2)));
    assert_eq!(opened(&file(&[0, 0, 1, 2, 3]), b""), Err(Error::Unverified(1)));
    assert_eq!(opened(&file(&[0, 1, 2, 3, 3]), b""), Err(Error::Trailing));
    assert_eq!(opened(&[&sealed[..], b"x"].concat(), b""), Err(Error::Trailing));
}

#[test]
fn chunks_of_another_file_are_seen() {
    let (one, other) = (sealed(&plaintext(25), b""), sealed(&plaintext(25), b""));
    let spliced = [&one[..HEADER + FULL], &other[HEADER + FULL..]].concat();
    assert_eq!(opened(&spliced, b""), Err(Error::Unverified(1)));
}

#[test]
fn what_is_no_such_file_is_told() {
    assert_eq!(opened(b"", b""), Err(Error::NotSealed));
    assert_eq!(opened(b"hello, world, this is no such file", b""), Err(Error::NotSealed));
    assert_eq!(opened(b"CLVG", b""), Err(Error::Header));
    assert_eq!(opened(b"CLVG\x02\0\0\0\0", b""), Err(Error::Version(2)));
    let mut huge = sealed(b"", b"");
    huge[5] = 0xFF;
    assert_eq!(opened(&huge, b""), Err(Error::Header));
}

#[test]
fn the_file_names_its_key() {
    let files = Files::new();
    fs::write(files.path("sealed"), sealed(b"", b"")).unwrap();
    let header = block_on(Header::read(&mut Source::open(&files.path("sealed")).unwrap())).unwrap();
    assert_eq!(header.key_id(), "key");
    assert!(Header::new(&"k".repeat(255), SIZE).unwrap().is_some());
    assert!(Header::new(&"k".repeat(256), SIZE).unwrap().is_none());
    assert!(Header::new("", SIZE).unwrap().is_none());
}

/// Asks about as many chunks at one time as there may be, in the order of the file; answers come in another.
#[test]
fn two_chunks_are_asked_about_at_one_time_and_written_in_order() {
    use std::cell::Cell;
    use std::time::Duration;
    use tokio::sync::Barrier;
    use tokio::time::timeout;

    let files = Files::new();
    fs::write(files.path("plain"), plaintext(60)).unwrap();
    let (both, under_way, most) = (Barrier::new(2), Cell::new(0), Cell::new(0));
    let sealing = async {
        let mut source = Source::open(&files.path("plain")).unwrap();
        let mut target = Target::create(&files.path("sealed"), Existing::Keep).unwrap();
        let header = Header::new("key", SIZE).unwrap().unwrap();
        let ask = async |plaintext: Bytes, aad: Bytes| {
            under_way.set(under_way.get() + 1);
            most.set(most.get().max(under_way.get()));
            // The one that comes first is answered last.
            if !both.wait().await.is_leader() {
                tokio::task::yield_now().await;
            }
            under_way.set(under_way.get() - 1);
            encrypt(plaintext, aad).await
        };
        seal(&mut source, &header, b"", &mut target, ask).await.unwrap();
        target.finish().unwrap();
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let ended = runtime.block_on(async { timeout(Duration::from_secs(60), sealing).await });
    assert!(ended.is_ok(), "a chunk waits for the answer to the one before it");
    assert_eq!(most.get(), 2);
    assert_eq!(opened(&fs::read(files.path("sealed")).unwrap(), b""), Ok(plaintext(60)));
}
