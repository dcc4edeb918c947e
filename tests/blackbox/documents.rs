//! Runs the command lines of the documents of the five systems, in the script `tests/documents`.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::harness::server::{P12_PASSWORD, Place, run};
use crate::harness::token::write_private;
use crate::harness::{Leaf, iam};

#[test]
fn their_command_lines_work_as_they_stand() {
    let place = Place::new();
    let identity = place.authority.issue(&Leaf::server());
    fs::write(place.path("kms.server.p12"), identity.pkcs12("password")).unwrap();
    fs::write(place.path("verifier.cert.pem"), place.authority.pem()).unwrap();
    fs::write(place.path("alice.p12"), place.alice.pkcs12(P12_PASSWORD)).unwrap();
    write_private(&place.path("alice.password"), P12_PASSWORD.as_bytes());
    fs::write(place.path("iam.toml"), format!("{}{}", iam::IDPS, iam::ROLES)).unwrap();
    fs::write(place.path("token.jwt"), iam::TOKEN).unwrap();
    let programs = Path::new(env!("CARGO_BIN_EXE_clavigerd")).parent().unwrap();
    let mut script = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/documents"));
    script.env_clear().current_dir(place.directory.path());
    script.env("PATH", format!("{}:/usr/bin:/bin", programs.display())).env("HOME", place.directory.path());
    script.env("SOFTHSM2_CONF", &place.token.configuration).env("KMS_HSM_PIN_FILE", &place.token.pin_file);
    let (status, out, error) = run(&mut script);
    assert!(status.success(), "{out}{error}{}", fs::read_to_string(place.path("server.log")).unwrap_or_default());
}
