//! `/resources`: the resources that an authenticated caller may see.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};
use warp::http::StatusCode;

use super::super::answer::Answer;
use super::super::app::App;
use super::super::caller_request::CallerRequest;
use super::super::hanzo::iso;
use super::super::page::{Page, limit, offset};
use super::super::problem::Problem;
use super::super::typed::{Gives, Part, typed};
use super::role::{caller_of, role_id};
use super::secrets::variable_error;
use crate::kms::{Error, PageBuilder, Privilege, Resource, ResourceFilter, SecretPath, Variable};

/// The supported kinds of resources.
const KINDS: [&str; 3] = ["variable", "host", "webservice"];

/// Kinds of Conjur that are not supported.
const OTHERS: [&str; 6] = ["group", "host_factory", "layer", "policy", "public_key", "user"];

/// The beginning of the identifier of an authenticator's resource.
const AUTHENTICATOR: &str = "conjur/authn-jwt/";

/// Bodies of answers, for the description of the routes.
pub(super) const ONE: Gives = Gives::OneOrNothing(typed::<ResourceEntry<'static>>);
pub(super) const ALL: Gives = Gives::AnyOf(&[
    Gives::Array(typed::<ResourceEntry<'static>>),
    Gives::Object(&[("count", Part::One(typed::<u64>))]),
]);

#[derive(Serialize, JsonSchema)]
struct ResourceEntry<'a> {
    created_at: Option<String>,
    id: &'a str,
    owner: Option<String>,
    policy: Option<&'a str>,
    permissions: Vec<Value>,
    annotations: [Value; 0],
    #[serde(skip_serializing_if = "Option::is_none")]
    secrets: Option<Vec<Value>>,
}

/// Returns a variable with the caller's privileges on it.
fn variable(request: &CallerRequest<'_>, account: &str, own: &Variable) -> Value {
    let role = role_id(account, request.context.caller.username.as_str());
    let permission = |privilege: &Privilege| json!({ "privilege": privilege.word(), "role": role, "policy": null });
    let secret = |version| json!({ "version": version, "expires_at": null });
    json!(ResourceEntry {
        created_at: own.created.map(iso),
        id: &own.name,
        owner: Some(role_id(account, &own.owner)),
        policy: None,
        permissions: own.permitted.iter().map(permission).collect(),
        annotations: [],
        secrets: Some(own.values.clone().map(secret).collect()),
    })
}

/// Returns a host or an authenticator. These are defined by administrators and have no owner.
fn defined(account: &str, kind: &str, id: &str) -> Value {
    let id = format!("{account}:{kind}:{id}");
    json!(ResourceEntry {
        created_at: None,
        id: &id,
        owner: None,
        policy: None,
        permissions: Vec::new(),
        annotations: [],
        secrets: None,
    })
}

fn listed(request: &CallerRequest<'_>, account: &str, resource: &Resource) -> Value {
    match resource {
        Resource::Variable(own) => variable(request, account, own),
        Resource::Host(id) => defined(account, "host", id),
        Resource::Authenticator(service) => defined(account, "webservice", &format!("{AUTHENTICATOR}{service}")),
    }
}

/// `GET /resources/ACCOUNT[/KIND][?kind=KIND][&search=WORDS][&limit=N][&offset=N][&count=true]`
pub(in crate::http) fn list(app: &App, request: &CallerRequest<'_>) -> Result<Answer, Problem> {
    let account = request.parameter("account");
    for name in ["role", "acting_as"] {
        let role = request.query.text(name);
        let own = role.is_none_or(|role| {
            caller_of(app, request, account, role).is_some_and(|who| who.username == request.context.caller.username)
        });
        if !own {
            return Err(not_served(&format!("a list is what its caller sees: leave {name} out, or name the caller")));
        }
    }
    if request.query.text("owner").is_some() {
        return Err(not_served("lists by owner are not served: leave owner out"));
    }
    let kind = request.parameters.get("kind").or_else(|| request.query.text("kind"));
    let search = request.query.text("search").unwrap_or_default().to_lowercase();
    let is_between = |character: char| character.is_whitespace() || "./-".contains(character);
    let filter = ResourceFilter {
        account: account.to_owned(),
        kinds: KINDS.map(|own| kind.is_none_or(|kind| kind == own)),
        words: search.split(is_between).filter(|word| !word.is_empty()).map(str::to_owned).collect(),
    };
    if request.query.boolean("count")? == Some(true) {
        let count = app.kms.count_resources(&request.context, &filter)?;
        return Ok(Answer::json(StatusCode::OK, &json!({ "count": count })));
    }
    let offset = usize::try_from(offset(request)?).unwrap_or(usize::MAX);
    let mut page = Page::array();
    let mut write = |resource: Resource| page.put(&listed(request, account, &resource));
    app.kms.resources(
        &request.context,
        &filter,
        offset,
        &mut PageBuilder::new(&request.context, limit(request)?, &mut write),
    )?;
    Ok(page.end())
}

/// `GET /resources/ACCOUNT/KIND/ID[?check=true&privilege=PRIVILEGE[&role=ROLE]]`
pub(in crate::http) fn show(app: &App, request: &CallerRequest<'_>) -> Result<Answer, Problem> {
    let (account, kind, id) = (request.parameter("account"), request.parameter("kind"), request.parameter("id"));
    if request.query.value("permitted_roles").is_some() {
        return Err(not_served(
            "permitted_roles is not served: ask for one role with check=true&privilege=...&role=...",
        ));
    }
    if !KINDS.contains(&kind) {
        let is_conjurs = OTHERS.contains(&kind);
        let what = if is_conjurs { "are not served" } else { "are unknown" };
        return Err(not_served(&format!("resources of the kind {kind:?} {what}: there are {}", KINDS.join(", "))));
    }
    if request.query.value("check").is_some() && request.query.boolean("check")? != Some(false) {
        return check(app, request);
    }
    let own = request.context.caller;
    match kind {
        "variable" => {
            let path = SecretPath::new(account, id)?;
            let found = app.kms.variable(&request.context, &path).map_err(|error| variable_error(&path, error))?;
            Ok(Answer::json(StatusCode::OK, &variable(request, account, &found)))
        }
        "host" if app.kms.sees_host(&request.context, account, id, own)? => {
            Ok(Answer::json(StatusCode::OK, &defined(account, kind, id)))
        }
        "webservice" if app.kms.sees_authenticator(&request.context, (account, service(id)), own)?.0 => {
            Ok(Answer::json(StatusCode::OK, &defined(account, kind, id)))
        }
        _ => Err(missing(request)),
    }
}

/// Checks whether a role has a privilege. The answer is 204 if it has, and 404 if it has not or if the caller may not
/// know.
fn check(app: &App, request: &CallerRequest<'_>) -> Result<Answer, Problem> {
    let (account, kind, id) = (request.parameter("account"), request.parameter("kind"), request.parameter("id"));
    let word = request.query.text("privilege").ok_or_else(|| {
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "privilege is missing: read, execute, update or authenticate")
    })?;
    let privilege = Privilege::ALL.into_iter().find(|own| own.word() == word);
    let who = match request.query.text("role") {
        None => Some(request.context.caller.clone()),
        Some(role) => caller_of(app, request, account, role),
    };
    let Some(who) = who else { return Err(missing(request)) };
    let allowed = match (kind, privilege) {
        ("variable", Some(privilege)) => {
            let path = SecretPath::new(account, id)?;
            app.kms.may_with_variable(&request.context, &path, privilege, &who)
        }
        ("host", Some(Privilege::Read)) => app.kms.sees_host(&request.context, account, id, &who),
        ("webservice", _) if word == "read" || word == "authenticate" => {
            let found = app.kms.sees_authenticator(&request.context, (account, service(id)), &who);
            found.map(|(is_seen, may_authenticate)| if word == "read" { is_seen } else { may_authenticate })
        }
        // No role has any other privilege.
        _ => Ok(false),
    };
    match allowed {
        Ok(true) => Ok(Answer::text(StatusCode::NO_CONTENT, Vec::new())),
        Ok(false) | Err(Error::NotFound(_) | Error::NotPermitted { .. }) => Err(missing(request)),
        Err(error) => Err(error.into()),
    }
}

/// Returns the service of an authenticator's resource. Another resource gives an empty text, which no service has as
/// its name.
fn service(id: &str) -> &str {
    id.strip_prefix(AUTHENTICATOR).unwrap_or_default()
}

/// Returns the error for a resource that does not exist, for one that the caller may not see, and for a privilege that
/// a role does not have. The three cases cannot be told apart.
fn missing(request: &CallerRequest<'_>) -> Problem {
    let name = format!("{}:{}:{}", request.parameter("account"), request.parameter("kind"), request.parameter("id"));
    Problem::new(
        StatusCode::NOT_FOUND,
        format!("{name:?} does not exist, or the role does not have this privilege on it"),
    )
}

pub(super) fn not_served(what: &str) -> Problem {
    Problem::new(StatusCode::NOT_IMPLEMENTED, what)
}
