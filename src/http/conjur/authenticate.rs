//! `POST /authn-jwt/SERVICE/ACCOUNT[/LOGIN]/authenticate`: a JWT for an access token.

use data_encoding::BASE64;
use serde_json::{Value, json};
use warp::http::StatusCode;

use super::super::fields::Fields;
use super::super::problem::Problem;
use super::super::visit::{Answering, Visit};
use super::super::{Answer, App};
use super::accepts_base64;
use super::code::Fault;
use super::trust::Authenticator;
use crate::auth::{NewToken, Unauthenticated, Verified};
use crate::kms;
use crate::policy::{HostDocument, TrustedNetwork, authenticator_name, host_username};
use crate::principal::Username;

/// The way by which somebody comes, for the log and the figures.
const METHOD: &str = "authn-jwt";

/// Seconds for which a token is good, and which no renewal prolongs.
const LIFETIME: i64 = 480;

/// What the path says.
pub(super) struct Asked<'a> {
    pub(super) service: &'a str,
    pub(super) account: &'a str,
    pub(super) login: Option<&'a str>,
}

pub(in crate::http) fn authenticate<'a>(app: &'a App, visit: Visit<'a>) -> Answering<'a> {
    Box::pin(async move {
        let [service, account, login] = [0, 1, 2].map(|number| visit.parameters.get(number).map(String::as_str));
        let asked = Asked { service: service.unwrap_or_default(), account: account.unwrap_or_default(), login };
        let jwt = match presented(visit.body) {
            Ok(jwt) => jwt,
            Err(problem) => return Err(refused(app, &visit, &Fault::no_token(), problem)),
        };
        let bearer = visit.bearer(app)?;
        let new = match vouched(app, &asked, &jwt).await {
            Ok(new) => NewToken { thumbprint: bearer.thumbprint, ..new },
            Err(Refused { fault, status }) => {
                return Err(refused(app, &visit, &fault, Problem::new(status, fault.to_string())));
            }
        };
        let issued = app.kms.issue_token(visit.origin(), &new)?;
        Ok(flattened(&issued.token, &visit))
    })
}

/// Why nobody is vouched for.
pub(super) struct Refused {
    pub(super) fault: Fault,
    status: StatusCode,
}

impl From<Fault> for Refused {
    fn from(fault: Fault) -> Self {
        Self { fault, status: StatusCode::UNAUTHORIZED }
    }
}

impl From<Unauthenticated> for Refused {
    fn from(reason: Unauthenticated) -> Self {
        let status = match reason {
            Unauthenticated::TooManyFetches => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::UNAUTHORIZED,
        };
        Self { fault: Fault::from(&reason), status }
    }
}

/// Counts, records and logs it by its code.
fn refused(app: &App, visit: &Visit<'_>, fault: &Fault, problem: Problem) -> Problem {
    visit.refused(app, METHOD, fault.code, fault, problem)
}

/// The token for the host for whom the authenticator vouches: the signature first, then the claims, then who it is.
async fn vouched(app: &App, asked: &Asked<'_>, jwt: &str) -> Result<NewToken, Refused> {
    let document = app.kms.authenticator(asked.account, asked.service).ok_or_else(Fault::no_authenticator)?;
    let authenticator = Authenticator::new(&document, app.authenticator.exchange().allows_http())?;
    let verified = app.authenticator.verify_for_exchange(&authenticator.issuer, jwt, kms::now()).await?;
    entitled(app, asked, &authenticator, &verified)
}

/// The token for the host whom a JWT names that verified, or the URL.
pub(super) fn entitled(
    app: &App,
    asked: &Asked<'_>,
    authenticator: &Authenticator<'_>,
    verified: &Verified,
) -> Result<NewToken, Refused> {
    let id = host_id(authenticator, asked.login, verified)?;
    let host = app.kms.host(&id).filter(|host| host.account == asked.account).ok_or_else(Fault::no_host)?;
    if !host.may_use(asked.service) {
        return Err(Refused { fault: Fault::no_privilege(), status: StatusCode::FORBIDDEN });
    }
    let restrictions = authenticator.restrictions(&host, asked.service)?;
    verified.check(&restrictions)?;
    let subject = Username::exchanged(&host_username(&id)).map_err(|_| Fault::no_host())?;
    let basis = authenticator_name(asked.account, asked.service);
    let vouched = format!("authn-jwt/{}/{}", asked.service, asked.account);
    let trusted = networks(&host)?;
    let narrowing = verified.narrowing.clone();
    let (ttl, max_ttl, uses_limit) = (LIFETIME, LIFETIME, 0);
    Ok(NewToken { subject, basis, vouched, ttl, max_ttl, uses_limit, trusted, thumbprint: None, narrowing, role: None })
}

/// The host that the URL names, or a claim: one of the two.
fn host_id(authenticator: &Authenticator<'_>, login: Option<&str>, verified: &Verified) -> Result<String, Fault> {
    match (login, authenticator.names_host()) {
        (Some(login), false) => {
            let id = login.strip_prefix("host/").ok_or_else(Fault::no_host)?;
            Ok(id.to_owned())
        }
        (None, true) => match verified.claim(&authenticator.issuer.username_claim) {
            Some(Value::String(name)) if !name.is_empty() => {
                Ok(format!("{}{name}", authenticator.issuer.username_prefix))
            }
            _ => Err(Fault::new("CONJ00084E", "the claim that names the host is missing, or not a string")),
        },
        (Some(_), true) => Err(Fault::new("CONJ00098E", "the host is named by the URL and by token-app-property")),
        (None, false) => {
            Err(Fault::new("CONJ00098E", "the host is named neither by the URL nor by token-app-property"))
        }
    }
}

fn networks(host: &HostDocument) -> Result<Vec<TrustedNetwork>, Fault> {
    let everywhere = ["0.0.0.0/0".to_owned(), "::/0".to_owned()];
    let own = if host.restricted_to.is_empty() { &everywhere[..] } else { &host.restricted_to };
    let network = |text: &String| {
        text.parse().map_err(|error| {
            Fault::new("CONJ00003E", format!("restricted_to contains an invalid network: {text:?}: {error}"))
        })
    };
    own.iter().map(network).collect()
}

/// The JWT of a form, whatever the form says that it is.
fn presented(form: &[u8]) -> Result<String, Problem> {
    let missing = || Problem::new(StatusCode::BAD_REQUEST, "the body must be a form with the field jwt");
    let fields = Fields::parse(std::str::from_utf8(form).map_err(|_| missing())?)?;
    fields.check(&["jwt"])?;
    fields.text("jwt").map(|jwt| jwt.trim().to_owned()).filter(|jwt| !jwt.is_empty()).ok_or_else(missing)
}

/// The token in the flattened form (RFC 7515 section 7.2.2), in base64 for those who accept that.
fn flattened(token: &str, visit: &Visit<'_>) -> Answer {
    let mut parts = token.split('.');
    let mut part = || parts.next().unwrap_or_default();
    let token = json!({ "protected": part(), "payload": part(), "signature": part() });
    if accepts_base64(visit.headers) {
        Answer::text(StatusCode::OK, BASE64.encode(token.to_string().as_bytes()).into_bytes()).in_base64()
    } else {
        Answer::json(StatusCode::OK, &token)
    }
}
