//! The environment variables of options: one value or a list in brackets. An empty variable counts as unset.

use std::fs;

use crate::gate_providers::checked;
use crate::harness::server::{P12_PASSWORD, Place, run};
use crate::harness::token::{PIN, write_private};

#[test]
fn the_environment_takes_one_or_a_list_in_brackets() {
    let place = Place::new();
    let two = "callers: JWTs of https://a/ for 1, keys at https://x/a; JWTs of https://b for 2, keys at https://x/b";
    for (issuers, uris, audiences) in [
        ("[https://a/,https://b]", "[https://x/a,https://x/b]", "[1,2]"),
        ("[ https://a/ , https://b ]", "[https://x/a, https://x/b]", "[1, 2]"),
    ] {
        let environment = [("KMS_JWT_ISSUER_URI", issuers), ("KMS_JWKS_URI", uris), ("KMS_JWT_AUDIENCE", audiences)];
        assert_eq!(checked(&place, &[], &environment), Ok(two.to_owned()));
    }
    let one = "callers: JWTs of https://a/ for 1, keys at https://x/a".to_owned();
    for (issuer, uri, audience) in [
        ("https://a/", "https://x/a", "1"),
        ("[https://a/]", "[https://x/a]", "[1]"),
        ("https://a/", "[https://x/a]", "1"),
    ] {
        let environment = [("KMS_JWT_ISSUER_URI", issuer), ("KMS_JWKS_URI", uri), ("KMS_JWT_AUDIENCE", audience)];
        assert_eq!(checked(&place, &[], &environment), Ok(one.clone()));
    }
    // The environment has no order.
    let environment = [("KMS_JWT_ISSUER_URI", "[https://a/,https://b]"), ("KMS_JWT_AUDIENCE", "[1]")];
    assert!(checked(&place, &[], &environment).unwrap_err().contains("cannot be paired"));
    // An empty list is an error and does not disable authentication. An empty place in a list is not removed.
    for (variable, value, fault) in [
        ("KMS_JWT_ISSUER_URI", "[]", "the list must not be empty"),
        ("KMS_JWT_ISSUER_URI", "[ ]", "the list must not be empty"),
        ("KMS_JWT_ISSUER_URI", "[https://a/,,https://b]", "a value must not be empty"),
        ("KMS_JWT_ISSUER_URI", "[https://a/,]", "a value must not be empty"),
        ("KMS_ADMINISTRATORS", "[alice,]", "a value must not be empty"),
    ] {
        let error = checked(&place, &[], &[(variable, value)]).expect_err(value);
        assert!(error.contains(&format!("{variable} {value:?}: {fault}")), "{value}: {error}");
    }
    let issuers = ("KMS_JWT_ISSUER_URI", "[https://a/,https://b]");
    for value in ["[]", "[,]", "[ , ]"] {
        let error = checked(&place, &[], &[issuers, ("KMS_JWT_AUDIENCE", value)]).expect_err(value);
        assert!(error.contains("the list must not be empty"), "{value}: {error}");
    }
    for (value, fault) in [("[]", "the list must not be empty"), ("[ca.pem,]", "a value must not be empty")] {
        let environment = [
            ("KMS_AUTHORITY_CERT_FILE", value),
            ("KMS_HTTPS_P12_FILE", "server.p12"),
            ("KMS_HTTPS_P12_PASSWORD", P12_PASSWORD),
        ];
        let error = checked(&place, &[], &environment).expect_err(value);
        assert!(error.contains(&format!("KMS_AUTHORITY_CERT_FILE {value:?}: {fault}")), "{value}: {error}");
    }
    for list in ["jwt_issuer_uri", "authority-cert-file"] {
        fs::write(place.path("empty.toml"), format!("{list} = []\n")).unwrap();
        let error = checked(&place, &["--config=empty.toml"], &[]).expect_err(list);
        assert!(error.contains("the list is empty"), "{list}: {error}");
    }
}

#[test]
fn a_list_of_the_environment_leaves_out_what_an_issuer_does_not_have() {
    let place = Place::new();
    // The two providers of the document. Only the first has an audience.
    let google = ("https://accounts.google.com", "https://www.googleapis.com/oauth2/v3/certs");
    let tenant = "https://login.microsoftonline.com/TENANT/discovery/v2.0/";
    let keys = format!("{tenant}keys");
    let (issuers, uris) = (format!("[{},{tenant}]", google.0), format!("[{},{keys}]", google.1));
    for (audiences, first, second) in [
        ("[cosmian_kms,]", "cosmian_kms", "any audience"),
        ("[ cosmian_kms , ]", "cosmian_kms", "any audience"),
        ("[,cosmian_kms]", "any audience", "cosmian_kms"),
    ] {
        let environment =
            [("KMS_JWT_ISSUER_URI", &*issuers), ("KMS_JWKS_URI", &*uris), ("KMS_JWT_AUDIENCE", audiences)];
        let both = format!(
            "callers: JWTs of {} for {first}, keys at {}; JWTs of {tenant} for {second}, keys at {keys}",
            google.0, google.1
        );
        assert_eq!(checked(&place, &[], &environment), Ok(both), "{audiences}");
    }
    // As in the command line of the document, and as a flag with a list in brackets.
    let flags = [
        format!("--jwt-issuer-uri={}", google.0),
        format!("--jwks-uri={}", google.1),
        "--jwt-audience=cosmian_kms".to_owned(),
        format!("--jwt-issuer-uri={tenant}"),
        format!("--jwks-uri={keys}"),
    ];
    let flags = checked(&place, &flags.each_ref().map(String::as_str), &[]).unwrap();
    let brackets = [
        format!("--jwt-issuer-uri={issuers}"),
        format!("--jwks-uri={uris}"),
        "--jwt-audience=[cosmian_kms,]".to_owned(),
    ];
    assert_eq!(checked(&place, &brackets.each_ref().map(String::as_str), &[]), Ok(flags));
    // Keys at the default URL, a prefix and a claim for one of them.
    let two = ("KMS_JWT_ISSUER_URI", "[https://a/,https://b]");
    for more in [
        ("KMS_JWKS_URI", "[,https://x/b]"),
        ("KMS_JWT_USERNAME_PREFIX", "[a:,]"),
        ("KMS_JWT_USERNAME_CLAIM", "[,email]"),
    ] {
        let said = checked(&place, &[], &[two, more]).unwrap();
        assert!(
            said.contains("JWTs of https://a/ for any audience, keys at https://a/.well-known/jwks.json"),
            "{said}"
        );
    }
    // An additional place belongs to no issuer.
    let error = checked(&place, &[], &[two, ("KMS_JWT_AUDIENCE", "[a,b,]")]).unwrap_err();
    assert!(error.contains("3 values of --jwt-audience cannot be paired with 2"), "{error}");
}

#[test]
fn what_was_meant_as_a_list_is_refused_with_what_to_write() {
    let place = Place::new();
    let a = ("KMS_JWT_ISSUER_URI", "https://a/");
    let refused: [(&[(&str, &str)], &str); 13] = [
        (
            &[("KMS_JWT_ISSUER_URI", "https://a/,https://b")],
            "KMS_JWT_ISSUER_URI \"https://a/,https://b\": a list is written in brackets: [https://a/,https://b]",
        ),
        (&[("KMS_JWT_ISSUER_URI", "https://a/, https://b")], "in brackets: [https://a/,https://b]"),
        (&[("KMS_JWT_ISSUER_URI", "\"https://a/\",\"https://b\"")], "in brackets: [https://a/,https://b]"),
        (&[a, ("KMS_JWKS_URI", "https://x/a,https://x/b")], "in brackets: [https://x/a,https://x/b]"),
        (&[a, ("KMS_JWT_AUDIENCE", "one,two")], "a value that has a comma of its own is given by --jwt-audience"),
        (
            &[("KMS_ADMINISTRATORS", "alice,bob")],
            "KMS_ADMINISTRATORS \"alice,bob\": a list is written in brackets: [alice,bob]",
        ),
        (&[("KMS_CREATE", "alice,bob")], "in brackets: [alice,bob]"),
        (&[("KMS_CRL_FILE", "a.crl,b.crl")], "in brackets: [a.crl,b.crl]"),
        (
            &[("KMS_JWT_ISSUER_URI", "[\"https://a/\",\"https://b\"]")],
            "write the values in brackets without quotation marks: [https://a/,https://b]",
        ),
        (&[("KMS_JWT_ISSUER_URI", "['https://a/']")], "without quotation marks: [https://a/]"),
        (&[a, ("KMS_JWT_AUDIENCE", "[\"one\",]")], "without quotation marks: [one,]"),
        (&[("KMS_JWT_ISSUER_URI", "\"https://a/\"")], "write it without quotation marks: https://a/"),
        (&[a, ("KMS_JWT_AUDIENCE", "'one'")], "KMS_JWT_AUDIENCE \"'one'\": write it without quotation marks: one"),
    ];
    for (environment, fault) in refused {
        let error = checked(&place, &[], environment).expect_err(fault);
        assert!(error.contains(fault), "{fault}\n{error}");
    }
    // Several URLs in one flag are one issuer that no JWT names. A comma in a name is a part of the name.
    let error = checked(&place, &["--jwt-issuer-uri=https://a/,https://b"], &[]).unwrap_err();
    assert!(
        error.contains(
            "--jwt-issuer-uri \"https://a/,https://b\": a list is written in brackets: [https://a/,https://b]"
        ),
        "{error}"
    );
    let error =
        checked(&place, &["--jwt-issuer-uri=https://a/,https://b", "--jwt-issuer-uri=https://c"], &[]).unwrap_err();
    assert!(error.contains("give one URL in each"), "{error}");
    let said = checked(&place, &["--jwt-issuer-uri=https://a/", "--jwt-audience=one,two"], &[]).unwrap();
    assert!(said.contains("JWTs of https://a/ for one,two"), "{said}");
    fs::write(place.path("comma.toml"), "jwt-issuer-uri = 'https://a/'\njwt-audience = 'one,two'\n").unwrap();
    assert_eq!(checked(&place, &["--config=comma.toml"], &[]), Ok(said));
    fs::write(place.path("comma.toml"), "jwt-issuer-uri = 'https://a/,https://b'\n").unwrap();
    let error = checked(&place, &["--config=comma.toml"], &[]).unwrap_err();
    assert!(error.contains("comma.toml, line 1, key `jwt-issuer-uri`: "), "{error}");
}

/// The variables that the help names.
fn variables(place: &Place) -> Vec<String> {
    let (status, help, error) = run(place.program().arg("--help"));
    assert!(status.success(), "{error}");
    let names = help.split("[env: ").skip(1).filter_map(|rest| rest.split(['=', ']']).next());
    names.map(str::to_owned).collect()
}

#[test]
fn an_empty_variable_counts_as_unset() {
    let place = Place::new();
    let variables = variables(&place);
    assert!(variables.len() > 45 && variables.iter().all(|name| name.starts_with("KMS_")), "{variables:?}");
    let check = |environment: &[(&str, &str)], arguments: &[&str]| {
        let mut command = place.program();
        command.env("KMS_HSM_PIN", PIN).envs(environment.iter().copied()).args(arguments).arg("--check-config");
        let (status, out, error) = run(&mut command);
        assert!(status.success(), "{environment:?}: {error}");
        (out, error)
    };
    let (bare, _) = check(&[], &[]);
    assert!(bare.contains("callers: no authentication, all as admin"), "{bare}");
    // Each one and all together; the log names them.
    for name in &variables {
        let (out, log) = check(&[(name, "")], &[]);
        assert_eq!(out, bare, "{name}");
        let told = |line: &str| line.contains(name.as_str()) && line.contains("is empty and counts as unset");
        assert!(log.lines().any(|line| line.contains("WARN") && told(line)), "{name}: {log}");
    }
    let all: Vec<(&str, &str)> = variables.iter().map(|name| (name.as_str(), "")).collect();
    assert_eq!(check(&all, &[]).0, bare);
    // If the variable is empty, the value of the file or the default applies. An empty flag is not the same.
    fs::write(place.path("config.toml"), "default_username = \"file\"\njwt_issuer_uri = \"https://a/\"\n").unwrap();
    let empty = [("KMS_DEFAULT_USERNAME", ""), ("KMS_JWT_ISSUER_URI", ""), ("KMS_CONFIG", "config.toml")];
    let (out, _) = check(&[&empty[..], &[("KMS_FORCE_DEFAULT_USERNAME", "true")]].concat(), &[]);
    assert!(out.contains("callers: JWTs of https://a/ for any audience") && out.contains("; all as file"), "{out}");
    let error = checked(&place, &["--jwt-issuer-uri="], &[]).unwrap_err();
    assert!(error.contains("must not be empty"), "{error}");
    let error = checked(&place, &["--api-token-id="], &[]).unwrap_err();
    assert!(error.contains("--api-token-id: it is empty"), "{error}");
    // Also the PIN, whose variable belongs to no option.
    write_private(&place.path("pin"), PIN.as_bytes());
    let mut command = place.program();
    command.env("KMS_HSM_PIN", "").args(["--hsm-pin-file=pin", "--check-config"]);
    let (status, _, error) = run(&mut command);
    assert!(status.success(), "{error}");
}
