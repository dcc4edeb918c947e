//! Opening PKCS#12 files (RFC 7292).

use openssl::error::ErrorStack;
use openssl::pkcs12::{ParsedPkcs12_2, Pkcs12};

/// The largest file, in bytes.
pub const MAX_FILE: u64 = 1 << 20;

/// The reason why a PKCS#12 file cannot be opened.
#[derive(Debug, Clone)]
pub enum Fault {
    /// The password is wrong: the MAC does not verify.
    WrongPassword,
    /// The file has no MAC, so changes to it cannot be detected.
    NoMac,
    /// OpenSSL does not know the algorithm of the MAC.
    MacAlgorithm,
    /// The file is encrypted with an algorithm that OpenSSL 3 supports only in its legacy provider.
    Legacy,
    /// The file is not a PKCS#12 structure.
    Form(ErrorStack),
}

/// Opens a PKCS#12 file.
///
/// # Errors
/// See [`Fault`].
pub fn open(der: &[u8], password: &str) -> Result<ParsedPkcs12_2, Fault> {
    Pkcs12::from_der(der).map_err(Fault::Form)?.parse2(password).map_err(fault)
}

/// OpenSSL distinguishes the causes only by the reasons of its errors. It adds "mac verify failure" after each other
/// cause that concerns the MAC, so those are checked first.
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
    /// Returns what is wrong with the file and what to do about it. `hint` is added for a wrong password and says where
    /// to give it.
    #[must_use]
    pub fn message(&self, path: &std::path::Path, hint: &str) -> String {
        let p = path.display();
        match self {
            Self::WrongPassword => format!("wrong password for the PKCS#12 file {p}{hint}"),
            Self::NoMac => format!(
                "the PKCS#12 file {p} has no MAC, so changes to it cannot be detected: re-export it with `openssl pkcs12 \
                 -in {p} -nodes -out plain.pem && openssl pkcs12 -export -in plain.pem -out {p} && rm plain.pem`"
            ),
            Self::MacAlgorithm => format!(
                "the MAC of the PKCS#12 file {p} has an algorithm that this OpenSSL does not know: re-export it, where it was \
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
