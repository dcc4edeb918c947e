//! `/issuers`, for administrators: the trusted issuers of all dialects, and a test of a JWT against them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use warp::http::StatusCode;

use super::access::bad;
use super::answer::Answer;
use super::app::App;
use super::caller_request::CallerRequest;
use super::page::{Page, after, limit};
use super::problem::Problem;
use crate::api::issuers::{self as api, Tested, ToTest, Use, Verdicts};
use crate::auth::{Diagnosis, Expected, Issuer, KeySource, TrustedIssuer, Unverified};
use crate::kms::{self, HostLogin, IdentityWay, IssuerUse, PageBuilder, Vouching};
use crate::policy::{AuthenticatorDocument, IdentityDocument};

/// The largest number of issuers that one JWT is tested against.
const MAX_TRIED: usize = 16;

/// The time after which no further issuer is tested.
const PATIENCE: Duration = Duration::from_secs(5);

/// The beginning of an authenticator's name.
const AUTHENTICATOR: &str = "authn-jwt/";

/// A configured element that trusts an issuer.
enum Candidate<'a> {
    Direct(&'a Issuer),
    Identity(IdentityWay, &'a str, &'a Arc<IdentityDocument>),
    Authenticator(&'a str, &'a str, &'a Arc<AuthenticatorDocument>),
}

impl Candidate<'_> {
    /// Returns the name that the command line and logins use.
    fn name(&self) -> String {
        match self {
            Self::Direct(issuer) => match &issuer.config.table {
                Some(table) => format!("idps.{table}"),
                None => issuer.config.issuer.clone(),
            },
            Self::Identity(IdentityWay::JwtAuth, id, _) => (*id).to_owned(),
            Self::Identity(way @ IdentityWay::OidcAuth, id, _) => format!("{}/{id}", way.word()),
            Self::Authenticator(account, service, _) => format!("{AUTHENTICATOR}{service}/{account}"),
        }
    }

    fn purpose(&self) -> Use {
        if matches!(self, Self::Direct(_)) { Use::Direct } else { Use::Exchange }
    }

    /// Returns the trusted issuer, or the reason why there is none.
    fn trusted(&self, app: &App) -> Result<TrustedIssuer, String> {
        match self {
            Self::Direct(issuer) => Ok(issuer.config.clone()),
            Self::Identity(way, id, document) => {
                app.logins.trusted_by_identity(*way, id, document).map(|trusted| (*trusted).clone())
            }
            Self::Authenticator(account, service, document) => {
                let own = app.logins.host_authenticator(account, service, document);
                own.map(|own| own.issuer.clone()).map_err(|fault| fault.to_string())
            }
        }
    }

    /// Returns the login that follows the authenticator's own name in `name`.
    fn login<'a>(&self, name: &'a str) -> Option<&'a str> {
        match self {
            Self::Authenticator(..) => name.strip_prefix(&self.name())?.strip_prefix('/'),
            _ => None,
        }
    }

    fn is_called(&self, name: &str) -> bool {
        self.name() == name || self.login(name).is_some()
    }

    fn shown(&self, app: &App) -> api::Issuer {
        let (name, purpose) = (self.name(), self.purpose());
        let config = match self.trusted(app) {
            Ok(config) => config,
            Err(fault) => {
                let (audiences, bound_claims, fault) = (Vec::new(), Vec::new(), Some(fault));
                let (issuer, subject, keys, key_count) = (None, None, None, None);
                return api::Issuer { name, purpose, issuer, audiences, subject, bound_claims, keys, key_count, fault };
            }
        };
        let fetched = match self {
            Self::Direct(issuer) => issuer.keys().map(|keys| keys.set.len()),
            _ => None,
        };
        let (keys, key_count) = match &config.keys {
            KeySource::Uri(uri) => (uri.to_string(), fetched),
            KeySource::Discovery(uri) => (format!("{uri} (OpenID Connect discovery)"), fetched),
            KeySource::Inline(set) => ("configured".to_owned(), Some(set.len())),
        };
        api::Issuer {
            name,
            purpose,
            issuer: Some(config.issuer).filter(|issuer| !issuer.is_empty()).or(config.implied_issuer),
            audiences: config.audiences.iter().map(|own| own.as_str().to_owned()).collect(),
            subject: config.subject.as_ref().map(Expected::as_str).map(str::to_owned),
            bound_claims: config.bound_claims.into_iter().map(|(path, _)| path).collect(),
            keys: Some(keys),
            key_count,
            fault: None,
        }
    }

    /// Tests a JWT.
    async fn diagnose(&self, app: &App, jwt: &str, token: &Unverified<'_>, login: Option<&str>) -> Diagnosis {
        match self {
            Self::Direct(issuer) => app.authenticator.diagnose_direct(issuer, token, kms::now()).await,
            Self::Authenticator(account, service, document) => {
                app.logins.diagnose_host(document, &HostLogin { service, account, login }, (jwt, token)).await
            }
            Self::Identity(way, id, document) => app.logins.diagnose_identity(*way, id, document, (jwt, token)).await,
        }
    }
}

/// Returns all elements that trust an issuer.
fn candidates<'a>(direct: &'a [Arc<Issuer>], vouching: &'a Vouching) -> Vec<Candidate<'a>> {
    let mut all: Vec<Candidate<'a>> = direct.iter().map(|issuer| Candidate::Direct(issuer)).collect();
    for (id, document) in &vouching.identities {
        let jwt_auth = document.jwt_auth.iter().map(|_| IdentityWay::JwtAuth);
        let ways = jwt_auth.chain(document.oidc_auth.iter().map(|_| IdentityWay::OidcAuth));
        all.extend(ways.map(|way| Candidate::Identity(way, id, document)));
    }
    let authenticators = vouching.authenticators.iter();
    all.extend(authenticators.map(|(account, service, own)| Candidate::Authenticator(account, service, own)));
    all
}

/// `GET /issuers[?after=NAME][&limit=N]`
pub(super) fn list(app: &App, request: &CallerRequest<'_>) -> Result<Answer, Problem> {
    let vouching = app.kms.exchange_issuers(&request.context, IssuerUse::List)?;
    let direct = app.authenticator.direct_issuers();
    let all = candidates(&direct, &vouching);
    let begin = match after(request) {
        None => 0,
        Some(after) => {
            let place = all.iter().position(|own| own.name() == after);
            place.map(|place| place + 1).ok_or_else(|| bad(format!("after: no trusted issuer is called {after:?}")))?
        }
    };
    let mut page = Page::array();
    let mut write = |own: &Candidate<'_>| page.put(&own.shown(app));
    let mut sheet = PageBuilder::new(&request.context, limit(request)?, &mut write);
    for own in all.iter().skip(begin) {
        if !sheet.look()? {
            break;
        }
        sheet.put(own)?;
    }
    Ok(page.end())
}

/// `POST /issuers/test {jwt, issuer}`: tests a JWT against the named issuer, or against all issuers with its `iss`.
pub(super) fn test(app: &App, request: &CallerRequest<'_>) -> Result<Answer, Problem> {
    // The body has a credential, so the error does not quote it.
    let ToTest { jwt, issuer } = serde_json::from_slice(request.body).map_err(|_| {
        Problem::new(
            StatusCode::BAD_REQUEST,
            "the body must be a JSON object with jwt and optionally issuer, both texts",
        )
    })?;
    let vouching = app.kms.exchange_issuers(&request.context, IssuerUse::Test)?;
    let direct = app.authenticator.direct_issuers();
    let all = candidates(&direct, &vouching);
    let none = |says: String| Verdicts { accepted: false, says: Some(says), issuers: Vec::new(), others: all.len() };
    let token = match Unverified::parse(&jwt) {
        Ok(token) => token,
        Err(reason) => return Ok(Answer::json(StatusCode::OK, &none(format!("it cannot be verified: {reason}")))),
    };
    let mut asked: Vec<&Candidate<'_>> = match &issuer {
        Some(name) => all.iter().filter(|own| own.is_called(name)).collect(),
        None => all.iter().filter(|own| own.trusted(app).is_ok_and(|config| token.is_of(&config))).collect(),
    };
    if asked.is_empty() {
        return match issuer {
            Some(name) => Err(Problem::new(StatusCode::NOT_FOUND, format!("no trusted issuer is called {name:?}"))),
            None => {
                let says = format!("its issuer is not trusted: iss is {}", token.issuer());
                Ok(Answer::json(StatusCode::OK, &none(says)))
            }
        };
    }
    asked.truncate(MAX_TRIED);
    let diagnose = async {
        let mut tested = Vec::with_capacity(asked.len());
        // For each issuer, the test waits for keys no longer than a login does. After `PATIENCE` it does not test
        // further issuers.
        let began = Instant::now();
        for own in asked.iter().take_while(|_| began.elapsed() < PATIENCE) {
            let login = issuer.as_deref().and_then(|name| own.login(name));
            let Diagnosis { steps, refused } = own.diagnose(app, &jwt, &token, login).await;
            let accepted = refused.is_none();
            tested.push(Tested { name: own.name(), purpose: own.purpose(), accepted, refused, steps });
        }
        tested
    };
    let issuers = Handle::current().block_on(diagnose);
    let accepted = issuers.iter().any(|own| own.accepted);
    let others = all.len() - issuers.len();
    Ok(Answer::json(StatusCode::OK, &Verdicts { accepted, says: None, issuers, others }))
}
