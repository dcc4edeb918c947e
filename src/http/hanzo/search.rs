//! `POST /api/v2/identities/search`: identities by their names, for administrators.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::super::answer::Answer;
use super::super::app::App;
use super::super::caller_request::CallerRequest;
use super::super::page::Page;
use super::super::problem::Problem;
use super::super::typed::{Gives, Part, Typed, typed};
use super::identities::{Shown, shown};
use super::shapes::{COUNT, MAX_OFFSET, invalid, organization, read};
use crate::kms::{Identity, MAX_ENTRIES, PageBuilder};
use crate::policy::OrganizationRole;

/// Bodies of requests and answers, for the description of the routes.
pub(super) const TAKES: Typed = typed::<SearchRequest>;
pub(super) const GIVES: Gives = Gives::Object(&[("identities", Part::Array(typed::<Found>)), COUNT]);

/// The scope of every identity: none is limited to one project.
const SCOPE: &str = "organization";

/// The body of a request.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct SearchRequest {
    scope: Option<Vec<String>>,
    order_by: Option<String>,
    order_direction: Option<String>,
    #[serde(default)]
    offset: usize,
    limit: Option<usize>,
    #[serde(default)]
    search: BTreeMap<String, Value>,
}

/// The filter of names.
enum Wanted {
    All,
    /// Names that contain this text, which is in lower case. The comparison ignores case.
    Containing(String),
    /// Only this name.
    Equal(String),
}

/// A found identity in an answer.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Found {
    #[serde(flatten)]
    shown: Shown,
    scope: &'static str,
    project_id: Option<()>,
    project: Option<()>,
    roles: [Role; 1],
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Role {
    id: String,
    role: OrganizationRole,
    is_temporary: bool,
}

impl Wanted {
    /// Reads the filter. A search by another member is refused, because ignoring it would find more than was asked for.
    fn of(search: &BTreeMap<String, Value>) -> Result<Self, Problem> {
        if let Some(other) = search.keys().find(|key| *key != "name") {
            return Err(invalid(format!("search.{other} is not served: search by `name`, or leave it out")));
        }
        let Some(name) = search.get("name") else { return Ok(Self::All) };
        if let Some(text) = name.as_str() {
            return Ok(Self::Equal(text.to_owned()));
        }
        let members = name.as_object().filter(|members| members.len() == 1);
        let one = members.and_then(|members| members.iter().next());
        match one.and_then(|(how, text)| Some((how.as_str(), text.as_str()?))) {
            Some(("$contains", text)) => Ok(Self::Containing(text.to_lowercase())),
            Some(("$eq", text)) => Ok(Self::Equal(text.to_owned())),
            _ => Err(invalid("search.name: give {\"$contains\": TEXT} or {\"$eq\": TEXT}")),
        }
    }

    fn fits(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Containing(text) => name.to_lowercase().contains(text.as_str()),
            Self::Equal(text) => name == text,
        }
    }
}

/// Refuses any value other than the supported one.
fn expect(member: &str, given: Option<&str>, served: &str) -> Result<(), Problem> {
    match given.filter(|given| *given != served) {
        Some(other) => Err(invalid(format!("{member}: {other:?} is not served: give {served:?}, or leave it out"))),
        None => Ok(()),
    }
}

/// `POST /api/v2/identities/search`
pub(in crate::http) fn search(app: &App, request: &CallerRequest<'_>) -> Result<Answer, Problem> {
    let SearchRequest { scope, order_by, order_direction, offset, limit, search } = read(request.body)?;
    let wanted = Wanted::of(&search)?;
    expect("orderBy", order_by.as_deref(), "name")?;
    expect("orderDirection", order_direction.as_deref(), "asc")?;
    let limit = limit.unwrap_or(MAX_ENTRIES);
    if offset > MAX_OFFSET || limit > MAX_ENTRIES {
        return Err(invalid(format!("offset is at most {MAX_OFFSET}, and limit at most {MAX_ENTRIES}")));
    }
    let is_within = scope.is_none_or(|scopes| scopes.iter().any(|own| own == SCOPE));
    let organization = organization(app)?;
    let mut page = Page::named("identities");
    let mut write = |identity: Identity| {
        let (id, role) = (identity.id.clone(), identity.document.role);
        let roles = [Role { id, role, is_temporary: false }];
        page.put(&Found { shown: shown(identity, &organization), scope: SCOPE, project_id: None, project: None, roles })
    };
    let mut sheet = PageBuilder::new(&request.context, limit, &mut write);
    let fits = |name: &str| is_within && wanted.fits(name);
    let total = app.kms.find_identities(&request.context, &fits, offset, &mut sheet)?;
    Ok(page.end_with("totalCount", &total.into()))
}
