//! Measures the HSM token without the server: AES-GCM of 32 bytes with a session object, on one thread.

use std::process::Command;
use std::time::{Duration, Instant};

use claviger_pkcs11::{
    Cipher, Config, Device, Error, Pin, PinSource, SecretKeyKind, SecretKeySpec, Token, Uses, WrapMechanisms,
};

use crate::REQUESTS;
use crate::harness::Hsm;
use crate::harness::server::Place;
use crate::harness::token::{LABEL, PIN};

/// Returns the microseconds of one operation, measured in a process whose environment names the HSM token.
pub fn run(place: &Place) -> f64 {
    let mut command = Command::new(std::env::current_exe().unwrap());
    let hsm = Hsm::chosen();
    command.arg("raw").arg(hsm.module()).env(hsm.variable(), &place.token.configuration);
    let output = command.output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().parse().unwrap()
}

pub fn measure(module: &str) {
    let config = Config {
        module: module.into(),
        label: LABEL.to_owned(),
        pin: PinSource::new(|| Ok(Some(Pin::new(PIN.into())))),
        max_sessions: 4,
        wrap: WrapMechanisms::default(),
        session_deadline: Duration::from_secs(2),
        call_timeout: Duration::from_secs(10),
    };
    let measured = Token::open(config, |device: &Device| {
        let spec = SecretKeySpec {
            kind: SecretKeyKind::Aes { bytes: 32 },
            sensitive: true,
            extractable: false,
            uses: Uses { encrypt: true, ..Uses::default() },
        };
        let key = device.generate(&spec)?;
        let began = Instant::now();
        for _ in 0..REQUESTS {
            let cipher = Cipher::AesGcm { iv: &[3; 12], aad: &[], tag_bits: 128 };
            std::hint::black_box(device.encrypt(&key, &cipher, &[7; 32])?);
        }
        Ok::<_, Error>(began.elapsed().as_secs_f64() * 1e6 / REQUESTS as f64)
    });
    println!("{}", measured.unwrap().1);
}
