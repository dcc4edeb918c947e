//! The steps about certificates: the own one, and that of the server.

use openssl::nid::Nid;
use openssl::x509::{X509, X509Ref, X509VerifyResult};
use tokio::net::TcpStream;

use super::step::{CONNECT, CONNECTION, Steps, Wrong};
use crate::cli::error::{FAILURE, NOT_AUTHENTICATED, UNAVAILABLE};
use crate::client::Settings;
use crate::client::handshake::{Failure, Handshake, handshake};
use crate::pem::Identity;
use crate::x509::{self, unix_time};

/// Results of a verification, by their numbers in OpenSSL (X509_STORE_CTX_get_error(3)).
const CERT_NOT_YET_VALID: i32 = 9;
const CERT_HAS_EXPIRED: i32 = 10;
const INVALID_PURPOSE: i32 = 26;
const HOSTNAME_MISMATCH: i32 = 62;
const IP_ADDRESS_MISMATCH: i32 = 64;

/// The name of the step about the handshake.
const TLS: &str = "TLS";

/// The name of the step about the own certificate.
pub(super) const CERTIFICATE: &str = "certificate";

/// How to give a client certificate.
pub(super) const GIVE: &str =
    "give --client-p12 or --client-cert-file; with an authority of your own: claviger pki client NAME";

/// The most names that a line has.
const MOST: usize = 8;

/// The certificates of the settings.
pub(super) struct Files {
    /// The client's certificate with its key.
    pub(super) own: Option<Identity>,
    /// The authorities of servers; `None` for the system's.
    pub(super) authorities: Option<Vec<X509>>,
}

/// Checks whether the own certificate can be used now.
pub(super) fn check_own(own: &Identity, now: i64, steps: &mut Steps) -> Result<(), Wrong> {
    let certificate = &own.certificate;
    let (subject, issuer) = (x509::subject(certificate), x509::issuer(certificate));
    let wrong =
        |fault, detail, remedy: String| Err(Wrong { name: CERTIFICATE, fault, detail, remedy, status: FAILURE });
    let date = x509::date(now);
    if unix_time(certificate.not_after()).is_ok_and(|end| end < now) {
        let detail = format!("your certificate {subject} expired on {}; it is {date} now", x509::end(certificate));
        let remedy = format!("{}, or set the clock of this machine if it is not {date}", renewal(&issuer));
        return wrong("certificate-expired", detail, remedy);
    }
    if unix_time(certificate.not_before()).is_ok_and(|begin| begin > now) {
        let detail =
            format!("your certificate {subject} begins on {}, and the clock says {date}", x509::begin(certificate));
        return wrong("clock", detail, "set the clock of this machine".to_owned());
    }
    let purposes = x509::purposes(certificate);
    if purposes != "any" && !purposes.contains("clientAuth") && !purposes.contains("anyExtendedKeyUsage") {
        let detail = format!("your certificate {subject} is for {purposes}, not for clientAuth");
        return wrong("certificate-purpose", detail, renewal(&issuer));
    }
    steps.good(CERTIFICATE, format!("yours is {subject}, issued by {issuer}, until {}", x509::end(certificate)));
    if let Some(names) = common_names(certificate) {
        steps.warning(CERTIFICATE, names);
    }
    Ok(())
}

/// Returns what is unusual about the number of common names; `None` for one. A server takes the user name from another
/// part of the certificate only if it is configured so.
pub(super) fn common_names(certificate: &X509Ref) -> Option<String> {
    let has = match certificate.subject_name().entries_by_nid(Nid::COMMONNAME).count() {
        1 => return None,
        0 => "has no CN".to_owned(),
        several => format!("has {several} CNs"),
    };
    Some(format!(
        "your certificate {has}, and a server wants exactly one, unless its --client-cert-username names a subjectAltName: \
         have one issued with your user name as its CN"
    ))
}

fn renewal(issuer: &str) -> String {
    format!("have {issuer} issue another one; with an authority of your own: claviger pki client NAME")
}

/// Makes a handshake, and checks what the server presents.
pub(super) async fn check_server(
    settings: &Settings,
    files: &Files,
    tcp: TcpStream,
    now: i64,
    steps: &mut Steps,
) -> Result<(), Wrong> {
    let host = settings.url.host();
    let made = handshake(tcp, host, files.authorities.as_deref(), files.own.as_ref(), CONNECT).await;
    let made = made.map_err(|error| Wrong {
        name: TLS,
        fault: "tls",
        detail: format!("OpenSSL cannot begin a handshake: {error}"),
        remedy: "check the certificate and its key with `openssl verify`".to_owned(),
        status: FAILURE,
    })?;
    if let (Some(fault), Some(own)) = (made.fault, made.path.first()) {
        return Err(untrusted(settings, files, &made, own, fault, now));
    }
    if let Some(error) = &made.error {
        return Err(failed(settings, files, error));
    }
    let Some(own) = made.path.first() else {
        return Err(failed(settings, files, &Failure::Other("the server has no certificate".to_owned())));
    };
    let authority = made.path.last().map_or_else(|| x509::issuer(own), |last| x509::subject(last));
    let (version, subject, end) = (made.version, x509::subject(own), x509::end(own));
    steps.good(TLS, format!("{version}, the server is {subject} until {end}, trusted because of {authority}"));
    Ok(())
}

/// Returns the fault of a server's certificate that does not verify.
fn untrusted(
    settings: &Settings,
    files: &Files,
    made: &Handshake,
    own: &X509Ref,
    fault: X509VerifyResult,
    now: i64,
) -> Wrong {
    let host = settings.url.host();
    let (subject, issuer) = (x509::subject(own), x509::issuer(own));
    let trusted = || match (&settings.ca_file, &files.authorities) {
        (Some(path), Some(authorities)) => {
            let subjects: Vec<String> = authorities.iter().take(MOST).map(|own| x509::subject(own)).collect();
            format!("{} has {}", path.display(), subjects.join(", "))
        }
        _ => "only the system's authorities are trusted".to_owned(),
    };
    let is_over = |certificate: &&X509| unix_time(certificate.not_after()).is_ok_and(|end| end < now);
    let (fault, detail, remedy) = match fault.as_raw() {
        CERT_HAS_EXPIRED => {
            let gone = made.path.iter().find(is_over).map_or(own, |gone| &**gone);
            let detail = format!("{} of the server expired on {}", x509::subject(gone), x509::end(gone));
            let date = x509::date(now);
            (
                "server-expired",
                detail,
                format!(
                    "renew the server's certificate (claviger pki server NAME), or set the clock of this machine if it is not {date}"
                ),
            )
        }
        CERT_NOT_YET_VALID => {
            let (begin, date) = (x509::begin(own), x509::date(now));
            let detail =
                format!("{subject} of the server begins on {begin}, and the clock of this machine says {date}");
            ("clock", detail, "set the clock of this machine, or of the one that issued the certificate".to_owned())
        }
        HOSTNAME_MISMATCH | IP_ADDRESS_MISMATCH => {
            let names = names(own);
            let detail = format!("the server's certificate is for {names}, not for {host}");
            ("wrong-name", detail, format!("give one of these names in --url, or issue a certificate for {host}"))
        }
        INVALID_PURPOSE => {
            let detail = format!("{subject} is for {}, not for serverAuth", x509::purposes(own));
            ("server-purpose", detail, "give the server a certificate for serverAuth".to_owned())
        }
        _ => {
            let detail = format!("{subject} was issued by {issuer} ({}), but {}", fault.error_string(), trusted());
            ("wrong-ca", detail, format!("give --ca-file with the certificate of {issuer}, from who runs the server"))
        }
    };
    Wrong { name: TLS, fault, detail, remedy, status: FAILURE }
}

/// Returns the names of a certificate for a line.
fn names(certificate: &X509Ref) -> String {
    let names = certificate.subject_alt_names().into_iter().flatten();
    let name = |name: &openssl::x509::GeneralNameRef| {
        let bytes = name.ipaddress();
        let four = bytes.and_then(|bytes| <[u8; 4]>::try_from(bytes).ok()).map(std::net::IpAddr::from);
        let sixteen = bytes.and_then(|bytes| <[u8; 16]>::try_from(bytes).ok()).map(std::net::IpAddr::from);
        name.dnsname().map(str::to_owned).or_else(|| Some(four.or(sixteen)?.to_string()))
    };
    let names: Vec<String> = names.filter_map(|own| name(&own)).take(MOST).collect();
    if names.is_empty() { "no name (it has no subjectAltName)".to_owned() } else { names.join(", ") }
}

/// Returns the fault of a handshake that failed for another reason.
fn failed(settings: &Settings, files: &Files, error: &Failure) -> Wrong {
    let url = &settings.url;
    let (fault, remedy, status) = match error {
        Failure::NotTls => (
            "plain-http",
            format!(
                "give the server a certificate (--https-p12-file), use http://{} if that is meant, or correct the port: this may be the probe port",
                url.authority()
            ),
            FAILURE,
        ),
        Failure::Alert(alert) => return refused(files, alert),
        Failure::Closed => (
            "closed",
            "is it a Claviger server, or is there a proxy that ended the connection?".to_owned(),
            UNAVAILABLE,
        ),
        Failure::Timeout(_) => {
            ("timeout", "is it a Claviger server? Its log has a line about the handshake".to_owned(), UNAVAILABLE)
        }
        Failure::Other(_) => ("tls", "the server's log has a line about the handshake".to_owned(), FAILURE),
    };
    let name = if matches!(error, Failure::Closed | Failure::Timeout(_)) { CONNECTION } else { TLS };
    Wrong { name, fault, detail: format!("{url}: {error}"), remedy, status }
}

/// Returns the fault of a client certificate that the server refused with this alert, or of its absence.
pub(super) fn refused(files: &Files, alert: &str) -> Wrong {
    let log = "the server's log says what it saw and what it wanted";
    let Some(own) = &files.own else {
        let detail = format!("the server demands a client certificate ({alert}), and none is given");
        let (fault, remedy) = ("no-certificate", GIVE.to_owned());
        return Wrong { name: CERTIFICATE, fault, detail, remedy, status: NOT_AUTHENTICATED };
    };
    let (subject, issuer) = (x509::subject(&own.certificate), x509::issuer(&own.certificate));
    let (fault, remedy) = match alert {
        "certificate expired" => ("certificate-expired", format!("{}, or set the server's clock", renewal(&issuer))),
        "certificate revoked" => ("certificate-revoked", renewal(&issuer)),
        _ => (
            "foreign-certificate",
            format!(
                "use a certificate of an authority that the server trusts, or add {issuer} to --authority-cert-file: {log}"
            ),
        ),
    };
    let detail = format!("the server refuses your certificate {subject}, issued by {issuer}: {alert}");
    Wrong { name: CERTIFICATE, fault, detail, remedy, status: NOT_AUTHENTICATED }
}
