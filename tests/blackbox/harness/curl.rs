//! The `curl` of the machine, as a caller.

use std::fs;
use std::process::{Command, Output};

use super::server::run_with;
use super::{Identity, Server};

/// An identity as PEM files for other programs.
pub struct Files {
    directory: tempfile::TempDir,
}

impl Files {
    pub fn new(identity: &Identity) -> Self {
        let files = Self { directory: super::directory() };
        fs::write(files.key(), identity.key.private_key_to_pem_pkcs8().unwrap()).unwrap();
        fs::write(files.certificate(), identity.certificate.to_pem().unwrap()).unwrap();
        files
    }

    pub fn path(&self, name: &str) -> String {
        self.directory.path().join(name).to_str().unwrap().to_owned()
    }

    pub fn key(&self) -> String {
        self.path("key.pem")
    }

    pub fn certificate(&self) -> String {
        self.path("certificate.pem")
    }
}

/// `curl` of one caller.
pub struct Curl<'a> {
    server: &'a Server,
    files: Option<Files>,
}

impl<'a> Curl<'a> {
    /// Without `identity` the caller has no certificate.
    pub fn new(server: &'a Server, identity: Option<&Identity>) -> Self {
        Self { server, files: identity.map(Files::new) }
    }

    /// Runs curl with bytes on standard input.
    pub fn run(&self, arguments: &[&str], path: &str, input: &[u8]) -> Output {
        let mut command = Command::new("curl");
        command.args(["--silent", "--show-error", "--max-time", "60", "--noproxy", "*", "--cacert"]);
        command.arg(self.server.place.path("ca.pem"));
        if let Some(files) = &self.files {
            command.args(["--cert", &files.certificate(), "--key", &files.key()]);
        }
        command.args(arguments).arg(format!("https://127.0.0.1:{}{path}", self.server.address.port()));
        run_with(&mut command, input)
    }

    /// Makes one request, and returns the status of the answer and, after a space, curl's error.
    pub fn says(&self, arguments: &[&str], path: &str, input: &[u8]) -> String {
        let told = [&["--output", "/dev/null", "--write-out", "%{http_code} %{errormsg}"], arguments].concat();
        String::from_utf8(self.run(&told, path, input).stdout).unwrap().trim().to_owned()
    }
}
