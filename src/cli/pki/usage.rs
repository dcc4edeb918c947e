//! What a caller or a server does with its certificate: configuration to copy.

use std::io;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::authority::{self, CERTIFICATE};
use super::error::Error as PkiError;
use super::leaf::Existing;
use crate::cli::error::Error;
use crate::file;
use crate::text::shell_word;
use crate::x509;

/// The paths of the files of a certificate. They are absolute, because they are used elsewhere.
pub(super) struct Files<'a> {
    directory: PathBuf,
    name: &'a str,
}

impl<'a> Files<'a> {
    pub(super) fn new(directory: &Path, name: &'a str) -> Result<Self, Error> {
        let absolute: io::Result<PathBuf> = std::path::absolute(directory);
        Ok(Self { directory: absolute.map_err(file::unreadable("", directory))?, name })
    }

    /// Returns the path of the file with this ending.
    pub(super) fn shown(&self, ending: &str) -> String {
        self.directory.join(format!("{}.{ending}", self.name)).display().to_string()
    }

    fn authority(&self) -> String {
        self.directory.join(CERTIFICATE).display().to_string()
    }

    /// Returns the options of a server in its configuration file.
    pub(super) fn server(&self) -> Vec<String> {
        vec![
            String::new(),
            "# clavigerd.toml".to_owned(),
            format!("https-p12-file = {}", quoted(&self.shown("p12"))),
            format!("https-p12-password-file = {}", quoted(&self.shown("password"))),
            format!("authority-cert-file = {}", quoted(&self.authority())),
        ]
    }

    /// Returns what callers in several languages write.
    pub(super) fn client(&self, url: &str) -> Vec<String> {
        let [pem, key, p12, password] = ["pem", "key", "p12", "password"].map(|ending| self.shown(ending));
        let ca = self.authority();
        let address = format!("{}/whoami", url.trim_end_matches('/'));
        let [ca_word, pem_word, key_word, url_word, address_word] =
            [&*ca, &*pem, &*key, url, &*address].map(shell_word);
        let [p12_word, password_word] = [&*p12, &*password].map(shell_word);
        let [ca, pem, key, address] = [&*ca, &*pem, &*key, &*address].map(quoted);
        let text = format!(
            "
# curl
curl --cacert {ca_word} --cert {pem_word} --key {key_word} {address_word}

# claviger
export CLAVIGER_URL={url_word} CLAVIGER_CA_FILE={ca_word}
export CLAVIGER_CLIENT_P12={p12_word} CLAVIGER_CLIENT_P12_PASSWORD_FILE={password_word}
claviger whoami

# Python
import ssl, urllib.request
tls = ssl.create_default_context(cafile={ca})
tls.load_cert_chain({pem}, {key})
print(urllib.request.urlopen({address}, context=tls).read().decode())

// Go: crypto/tls, crypto/x509, fmt, net/http, os
pair, err := tls.LoadX509KeyPair({pem}, {key})
ca, err := os.ReadFile({ca})
roots := x509.NewCertPool()
roots.AppendCertsFromPEM(ca)
config := &tls.Config{{Certificates: []tls.Certificate{{pair}}, RootCAs: roots}}
client := &http.Client{{Transport: &http.Transport{{TLSClientConfig: config}}}}
answer, err := client.Get({address})
fmt.Println(answer, err)"
        );
        text.lines().map(str::to_owned).collect()
    }

    /// Returns the paths for programs, without secrets, and what the certificate is for under its own key.
    pub(super) fn json(&self, existing: &Existing, key: &str, what: Value) -> Result<Value, Error> {
        let serial = authority::serial(&existing.certificate).map_err(PkiError::from)?;
        Ok(json!({
            "name": self.name, "certificate": self.shown("pem"), "key": self.shown("key"), "p12": self.shown("p12"),
            "password_file": self.shown("password"), "authority": self.authority(), "new": existing.is_new,
            "serial": serial, "not_after": x509::end(&existing.certificate), (key): what,
        }))
    }
}

/// Returns the text as a string of TOML, Python and Go, which share the escapes of JSON.
fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}
