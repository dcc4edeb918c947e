use std::fs;

use tempfile::TempDir;

use super::*;

/// A configuration file of mode 0600.
fn file(text: &str) -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("claviger.toml");
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    (directory, path)
}

fn merged(given: Options, text: &str) -> Result<Settings, Error> {
    let (_directory, path) = file(text);
    settings(given, Some(Place::Named(path)))
}

fn refusal(given: Options, text: &str) -> String {
    merged(given, text).unwrap_err().to_string()
}

#[test]
fn defaults() {
    let settings = settings(Options::default(), None).unwrap();
    assert_eq!(settings.url.to_string(), "https://localhost:9998");
    assert_eq!(settings.timeout, Duration::from_secs(60));
    assert!(settings.ca_file.is_none() && settings.identity.is_none() && settings.access_token.is_none());
}

#[test]
fn what_is_given_beats_the_file_option_by_option() {
    let text = "url = 'https://a'\naccess-token = 'file'\ntimeout = 7\nca_file = 'ca.pem'";
    let given = Options { url: Some("https://b".into()), ..Options::default() };
    let (directory, path) = file(text);
    let settings = settings(given, Some(Place::Named(path))).unwrap();
    assert_eq!(settings.url.to_string(), "https://b");
    assert_eq!(settings.access_token.as_deref(), Some("file"));
    assert_eq!(settings.timeout, Duration::from_secs(7));
    assert_eq!(settings.ca_file, Some(directory.path().join("ca.pem")));
}

fn password_of(settings: Result<Settings, Error>) -> String {
    match settings.unwrap().identity.unwrap() {
        IdentityFiles::P12 { password, .. } => password.to_string(),
        IdentityFiles::Pem { .. } => panic!("a PKCS#12 file was given"),
    }
}

#[test]
fn a_client_certificate_is_a_pkcs12_file_or_two_pem_files() {
    let pem = |certificate: Option<&str>, key: Option<&str>| Options {
        client_cert_file: certificate.map(Into::into),
        client_key_file: key.map(Into::into),
        ..Options::default()
    };
    let of_file = "client_p12 = '/x.p12'\nclient_p12_password = 'file'";
    // What is given replaces the other form of the file, with its password.
    let both = merged(pem(Some("a.pem"), Some("a.key")), of_file).unwrap().identity;
    assert!(matches!(both, Some(IdentityFiles::Pem { .. })), "{both:?}");
    let given = Options { client_p12: Some("b.p12".into()), ..Options::default() };
    let both = merged(given, "client_cert_file = 'a.pem'\nclient_key_file = 'a.key'").unwrap().identity;
    assert!(matches!(both, Some(IdentityFiles::P12 { .. })), "{both:?}");
    for half in [pem(Some("a.pem"), None), pem(None, Some("a.key"))] {
        assert!(refusal(half, "").contains("belong together"));
    }
    let two = Options { client_p12: Some("b.p12".into()), ..pem(Some("a.pem"), Some("a.key")) };
    assert!(refusal(two, "").contains("give one"));
    assert!(refusal(Options::default(), &format!("{of_file}\nclient_key_file = 'a.key'")).contains("give one"));
    // Paths in the file are relative to it.
    let (directory, path) = file("client_cert_file = 'a.pem'\nclient_key_file = 'a.key'");
    let Some(IdentityFiles::Pem { key, .. }) = settings(Options::default(), Some(Place::Named(path))).unwrap().identity
    else {
        panic!("two PEM files were given")
    };
    assert_eq!(key, directory.path().join("a.key"));
}

#[test]
fn the_password_is_one_option_in_two_spellings() {
    let text = "client_p12 = '/x.p12'\nclient_p12_password = 'file'";
    assert_eq!(password_of(merged(Options::default(), text)), "file");
    let (_directory, password) = file("other\n");
    let given = Options { client_p12_password_file: Some(password.clone()), ..Options::default() };
    assert_eq!(password_of(merged(given, text)), "other");
    let both = Options {
        client_p12_password_file: Some(password),
        client_p12_password: Some(Password::default()),
        ..Options::default()
    };
    assert!(refusal(both, text).contains("give one"));
    assert!(refusal(Options::default(), "client_p12_password = 'x'").contains("no --client-p12"));
    assert!(refusal(Options::default(), "client_p12_password_file = 'x'").contains("no --client-p12"));
}

#[test]
fn faults_of_the_file_are_named_and_its_values_are_not() {
    for (text, expected) in [
        ("password = 'hunter2'", "`password`"),
        ("url = 'https://a'\nurl = 'hunter2'", "line 2: "),
        ("access_token = 'hunter2", "line 1: "),
        ("access_token = 'a'\naccess-token = 'hunter2'", "given twice"),
        ("access_token = ['hunter2']", "must be a string"),
        ("client-p12-password = 12345678", "must be a string"),
        ("timeout = 0", "1 to 3600"),
        ("timeout = 65536", "65536"),
        ("url = 'hunter2'", "--url: "),
    ] {
        let message = refusal(Options::default(), text);
        assert!(message.contains(expected), "{message}");
        assert!(!message.contains("hunter2") && !message.contains("12345678") && !message.contains('\n'), "{message}");
    }
}

#[test]
fn a_file_with_a_secret_is_the_owners_alone() {
    for (text, exposed) in
        [("access_token = 'x'", true), ("client_p12_password = 'x'", true), ("url = 'https://a'", false)]
    {
        let (_directory, path) = file(text);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let result = settings(Options::default(), Some(Place::Named(path.clone())));
        match result {
            Err(error @ Error::Exposed { .. }) if exposed => {
                assert!(error.to_string().ends_with(&format!("(mode 640): run `chmod 600 {}`", path.display())));
            }
            Ok(_) if !exposed => {}
            other => panic!("{text}: {other:?}"),
        }
    }
}

#[test]
fn only_the_usual_file_may_be_missing() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("none.toml");
    assert!(settings(Options::default(), Some(Place::Usual(path.clone()))).is_ok());
    assert!(settings(Options::default(), Some(Place::Named(path))).is_err());
    // One that is there and cannot be read is not missing.
    assert!(settings(Options::default(), Some(Place::Usual(directory.path().to_owned()))).is_err());
}

#[test]
fn the_usual_file_is_where_xdg_says() {
    let usual = |xdg: Option<&str>, home: Option<&str>| {
        Place::usual(xdg.map(PathBuf::from), home.map(PathBuf::from)).map(|place| match place {
            Place::Named(path) | Place::Usual(path) => path,
        })
    };
    assert_eq!(usual(Some("/x"), Some("/h")), Some("/x/claviger/claviger.toml".into()));
    assert_eq!(usual(Some("relative"), Some("/h")), Some("/h/.config/claviger/claviger.toml".into()));
    assert_eq!(usual(None, None), None);
}
