//! What a configuration means: who may connect and how, who has which duty, and which certificates end soon.

use crate::auth::{Expected, KeySource, TrustedIssuer};
use crate::config::Config;
use crate::policy::Documents;
use crate::tls::Setup;
use crate::x509;

/// The time before the end of a certificate at which warnings begin, in seconds.
const SOON: i64 = 14 * 24 * 60 * 60;

/// Returns the duties that the configuration gives, each with who has it.
pub(super) fn duties(config: &Config, documents: &Documents) -> Vec<(&'static str, String)> {
    let listed = |who: &Option<Vec<String>>| who.as_ref().filter(|who| !who.is_empty()).map(|who| who.join(", "));
    let in_default_mode = (!config.authenticates()).then(|| config.default_username.to_string());
    let administrators = listed(&documents.administrators).or(in_default_mode);
    let mut duties = vec![
        ("administrators", administrators.unwrap_or_else(|| "none".to_owned())),
        (
            "may create objects",
            match &documents.create {
                None => "every authenticated caller".to_owned(),
                create => listed(create).unwrap_or_else(|| "none".to_owned()),
            },
        ),
    ];
    let others = [("auditors", &documents.auditors), ("recoverers", &documents.recoverers)];
    duties.extend(others.into_iter().filter_map(|(duty, who)| Some((duty, listed(who)?))));
    duties
}

/// Names the networks whose connections begin with a header of the PROXY protocol; `None` if there are none.
pub(super) fn proxies(config: &Config) -> Option<String> {
    let names: Vec<String> = config.proxies.iter().map(ToString::to_string).collect();
    (!names.is_empty()).then(|| names.join(", "))
}

/// Returns the warnings about certificates: those of the server that clients may refuse, and each one that has expired or
/// does so soon.
pub(super) fn doubts(setup: &Setup, now: i64) -> Vec<String> {
    let certificate = ("the server's certificate", setup.subject.clone(), Some(setup.not_after));
    let authorities = setup.trust.iter().flat_map(|trust| trust.certificates());
    let authorities = authorities
        .map(|authority| ("the authority", x509::subject(authority), x509::unix_time(authority.not_after()).ok()));
    let warning = |(what, subject, end): (&str, String, Option<i64>)| {
        let (end, until) = (end?, x509::date(end?));
        match end - now {
            left if left < 0 => Some(format!("{what} {subject} has expired on {until}: replace it")),
            left if left < SOON => Some(format!("{what} {subject} expires on {until}: replace it before")),
            _ => None,
        }
    };
    setup.unfit.iter().cloned().chain(std::iter::once(certificate).chain(authorities).filter_map(warning)).collect()
}

/// Describes the ways in which callers can authenticate.
pub(super) fn callers(config: &Config, of_file: &[TrustedIssuer], api_token: Option<String>) -> String {
    let mut ways = Vec::new();
    if let Some(clients) = &config.client_certificates {
        let files: Vec<String> = clients.authorities.iter().map(|own| own.file.display().to_string()).collect();
        let whether = if clients.required { "" } else { "optional " };
        ways.push(format!("{whether}client certificates of {}", files.join(", ")));
    }
    for issuer in &config.jwt_issuers {
        let audience = issuer.audience.as_deref().unwrap_or("any audience");
        ways.push(format!("JWTs of {} for {audience}, keys at {}", issuer.issuer, issuer.jwks_uri));
    }
    for issuer in of_file {
        let (audience, table) =
            (issuer.audiences.first().map_or("any", Expected::as_str), issuer.table.as_deref().unwrap_or("-"));
        let keys = match &issuer.keys {
            KeySource::Uri(uri) | KeySource::Discovery(uri) => format!("keys at {uri}"),
            KeySource::Inline(set) => format!("{} keys in the file", set.len()),
        };
        let nobody =
            issuer.admits_nobody().map_or_else(String::new, |(_, why)| format!(", and accepts no caller: {why}"));
        ways.push(format!("JWTs of {} for {audience} by idps.{table}, {keys}{nobody}", issuer.issuer));
    }
    ways.extend(api_token);
    match (ways.is_empty(), config.force_default_username) {
        (true, _) => format!("no authentication, all as {}", config.default_username),
        (false, true) => format!("{}; all as {}", ways.join("; "), config.default_username),
        (false, false) => ways.join("; "),
    }
}
