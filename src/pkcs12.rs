//! PKCS#12 files (RFC 7292): opening one, and why it cannot be opened.

use openssl::error::ErrorStack;
use openssl::pkcs12::{ParsedPkcs12_2, Pkcs12};

/// The largest file, in bytes.
pub const MAX_FILE: u64 = 1 << 20;

/// Why a PKCS#12 file cannot be opened.
#[derive(Debug, Clone)]
pub enum Fault {
    /// Its MAC does not verify.
    WrongPassword,
    /// It has no MAC, so that nothing shows whether it was changed.
    NoMac,
    /// Its MAC is of an algorithm that OpenSSL does not know.
    MacAlgorithm,
    /// It is encrypted with an algorithm that OpenSSL 3 keeps in its legacy provider.
    Legacy,
    /// It is not a PKCS#12 structure.
    Form(ErrorStack),
}

/// Opens the file.
///
/// # Errors
/// Why it cannot be opened.
pub fn open(der: &[u8], password: &str) -> Result<ParsedPkcs12_2, Fault> {
    Pkcs12::from_der(der).map_err(Fault::Form)?.parse2(password).map_err(fault)
}

/// OpenSSL tells the causes apart by the reasons of its errors only, and says "mac verify failure" after each cause of one.
fn fault(stack: ErrorStack) -> Fault {
    let has = |text: &str| stack.errors().iter().any(|error| error.reason() == Some(text));
    if has("mac absent") {
        Fault::NoMac
    } else if has("unknown digest algorithm") || has("mac generation error") || has("mac setup error") {
        Fault::MacAlgorithm
    } else if has("mac verify failure") {
        Fault::WrongPassword
    } else if has("unsupported") {
        Fault::Legacy
    } else {
        Fault::Form(stack)
    }
}

impl Fault {
    /// What is wrong with the file of this path, and what to do about it; `hint` says where a password is given.
    #[must_use]
    pub fn told(&self, path: &std::path::Path, hint: &str) -> String {
        let p = path.display();
        match self {
            Self::WrongPassword => format!("wrong password for the PKCS#12 file {p}{hint}"),
            Self::NoMac => format!(
                "the PKCS#12 file {p} has no MAC, so that nothing shows whether it was changed: re-export it with `openssl pkcs12 \
                 -in {p} -nodes -out plain.pem && openssl pkcs12 -export -in plain.pem -out {p} && rm plain.pem`"
            ),
            Self::MacAlgorithm => format!(
                "the MAC of the PKCS#12 file {p} is of an algorithm that OpenSSL does not know here: re-export it, where it was \
                 made, with `openssl pkcs12 -export -macalg sha256`"
            ),
            Self::Legacy => format!(
                "the PKCS#12 file {p} is encrypted with a legacy algorithm (RC2-40): re-export it with \
                 `openssl pkcs12 -legacy -in {p} -nodes -out plain.pem && openssl pkcs12 -export -in plain.pem -out {p} && rm plain.pem`"
            ),
            Self::Form(source) => format!("{p} is not a PKCS#12 file: {source}"),
        }
    }
}
