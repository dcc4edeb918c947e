//! `claviger keys list`

use std::collections::HashMap;

use serde_json::{Value as Json, json};

use crate::api::{about, access};
use crate::cli::access_rights::all;
use crate::cli::error::Error;
use crate::cli::named::KEYS;
use crate::cli::report::Report;
use crate::cli::{table, words};
use crate::client::{self, Client};
use crate::kmip::attributes::Name;
use crate::kmip::enumerations::{CryptographicAlgorithm, ObjectType, RecommendedCurve, State};
use crate::kmip::payloads::get_attributes;
use crate::kmip::payloads::locate::{Criteria, Request};
use crate::kmip::ttlv::{Document, Field as _, json as ttlv};
use crate::kmip::{Attributes, StorageStatusMask};

/// The number of identifiers in one request. The server returns at most 1000.
const PAGE: i32 = 500;

/// Print a table of the keys that you may use: your own, and those by a grant or by a role in a project
#[derive(clap::Args)]
pub(in crate::cli) struct List {
    /// Kind of the keys: symmetric-key, private-key or public-key [default: all three]
    #[arg(long, value_name = "KIND", value_parser = words::key_type())]
    kind: Option<ObjectType>,
    /// Algorithm of the keys, by its KMIP name, as in aes, rsa, ec or hmac-sha256
    #[arg(long, value_name = "ALGORITHM", value_parser = words::any_algorithm)]
    algorithm: Option<CryptographicAlgorithm>,
    #[command(flatten)]
    filter: Filter,
}

/// What objects of a list must have.
#[derive(clap::Args)]
pub(in crate::cli) struct Filter {
    /// Name
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Tag; for several, repeat the option: the object must have all of them
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,
    /// Project that holds the object
    #[arg(long, value_name = "PROJECT")]
    project: Option<String>,
    /// State [default: any except destroyed]
    #[arg(long, value_name = "STATE", value_parser = words::state())]
    state: Option<State>,
}

impl List {
    pub(super) async fn run(self, client: &Client) -> Result<Report, Error> {
        let types = self.kind.map_or_else(|| KEYS.to_vec(), |kind| vec![kind]);
        listed(client, &types, self.algorithm, &self.filter).await
    }
}

/// Returns the table of the objects of these types.
pub(in crate::cli) async fn listed(
    client: &Client,
    types: &[ObjectType],
    algorithm: Option<CryptographicAlgorithm>,
    filter: &Filter,
) -> Result<Report, Error> {
    let mut ids = Vec::new();
    for object_type in types {
        located(client, &filter.criteria(*object_type, algorithm), filter.state, &mut ids).await?;
    }
    let known = if ids.is_empty() { Known::default() } else { Known::fetched(client).await? };
    let mut rows = Vec::with_capacity(ids.len());
    for id in ids {
        rows.push(known.row(client, id).await?);
    }
    let header = ["IDENTIFIER", "NAME", "KIND", "STATE", "ALGORITHM", "OWNER", "PROJECT"];
    let cells: Vec<[String; 7]> = rows.iter().map(Row::cells).collect();
    Ok(Report::new(table::lines(header, &cells), rows.iter().map(Row::json).collect()))
}

impl Filter {
    fn criteria(&self, object_type: ObjectType, algorithm: Option<CryptographicAlgorithm>) -> Attributes {
        let mut attributes = Attributes {
            names: self.name.iter().map(Name::text).collect(),
            object_type: Some(object_type),
            state: self.state,
            cryptographic_algorithm: algorithm,
            ..Attributes::default()
        };
        attributes.set_tags(&self.tags);
        if let Some(project) = &self.project {
            attributes.set_project(project);
        }
        attributes
    }
}

/// Appends the identifiers of all objects that match.
async fn located(
    client: &Client,
    criteria: &Attributes,
    state: Option<State>,
    found: &mut Vec<String>,
) -> Result<(), Error> {
    // Destroyed objects are no longer on line (KMIP 2.1 section 12.3).
    let is_destroyed = matches!(state, Some(State::Destroyed | State::DestroyedCompromised));
    let mut last: Option<String> = None;
    loop {
        let mut attributes = criteria.clone();
        if let Some(last) = &last {
            attributes.set_after(last);
        }
        let request = Request {
            maximum_items: Some(PAGE),
            offset_items: None,
            storage_status_mask: is_destroyed.then_some(StorageStatusMask::ON_LINE | StorageStatusMask::DESTROYED),
            object_group_member: None,
            criteria: Some(Box::new(Criteria { attributes, ranges: Vec::new() })),
        };
        let answer = client.execute(request).await?;
        last = answer.unique_identifiers.last().cloned();
        found.extend(answer.unique_identifiers);
        // The server returns the number of items with the last page only.
        if last.is_none() || answer.located_items.is_some() {
            return Ok(());
        }
    }
}

/// What the server's lists say about objects.
#[derive(Default)]
struct Known {
    user: String,
    /// The attributes of the caller's own objects.
    owned: HashMap<String, Attributes>,
    /// The owners of other objects.
    owners: HashMap<String, String>,
}

/// An object of the list.
struct Row {
    id: String,
    /// `None` if the caller may not read them.
    attributes: Option<Attributes>,
    owner: Option<String>,
}

impl Known {
    async fn fetched(client: &Client) -> Result<Self, Error> {
        let answer: about::WhoAmI = client.get_json("/whoami").await?;
        let owned = allowed(all(client, "/access/owned?", |object: &access::Owned| &object.object_id).await)?;
        let obtained = allowed(all(client, "/access/obtained?", |object: &access::Obtained| &object.object_id).await)?;
        let read = |object: access::Owned| Some((object.object_id, attributes(&object.attributes)?));
        Ok(Self {
            user: answer.username,
            owned: owned.into_iter().filter_map(read).collect(),
            owners: obtained.into_iter().map(|object| (object.object_id, object.owner_id)).collect(),
        })
    }

    async fn row(&self, client: &Client, id: String) -> Result<Row, Error> {
        if let Some(own) = self.owned.get(&id) {
            return Ok(Row { id, attributes: Some(own.clone()), owner: Some(self.user.clone()) });
        }
        let owner = self.owners.get(&id).cloned();
        let request =
            get_attributes::Request { unique_identifier: Some(id.as_str().into()), attribute_references: Vec::new() };
        match client.execute(request).await {
            Ok(answer) => Ok(Row { id, attributes: Some(*answer.attributes), owner }),
            // The right to use a key does not include the right to read its attributes.
            Err(client::Error::Refused(refusal)) if matches!(refusal.status.as_u16(), 403 | 404) => {
                Ok(Row { id, attributes: None, owner })
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// Returns the entries of a list; none if the caller's credential does not permit the list.
fn allowed<T>(list: Result<Vec<T>, Error>) -> Result<Vec<T>, Error> {
    match list {
        Err(Error::Client(client::Error::Refused(refusal))) if refusal.status.as_u16() == 403 => Ok(Vec::new()),
        list => list,
    }
}

/// Reads attributes in KMIP's JSON.
fn attributes(written: &Json) -> Option<Attributes> {
    let Document { value, .. } = ttlv::read(written.to_string().as_bytes()).ok()?;
    Attributes::read(value).ok()
}

impl Row {
    fn project(&self) -> Option<String> {
        self.attributes.clone()?.take_project().ok()?
    }

    fn names(&self) -> Vec<&str> {
        let names = self.attributes.iter().flat_map(|own| &own.names);
        names.map(|name| name.value.as_str()).collect()
    }

    fn curve(&self) -> Option<RecommendedCurve> {
        self.attributes.as_ref()?.cryptographic_domain_parameters.as_ref()?.recommended_curve
    }

    fn algorithm(&self) -> Option<String> {
        let own = self.attributes.as_ref()?;
        let algorithm = own.cryptographic_algorithm?;
        if let Some(curve) = self.curve() {
            return Some(format!("{algorithm}-{curve}"));
        }
        Some(own.cryptographic_length.map_or_else(|| algorithm.to_string(), |bits| format!("{algorithm}-{bits}")))
    }

    fn cells(&self) -> [String; 7] {
        let own = self.attributes.as_ref();
        let text = |value: Option<String>| value.unwrap_or_default();
        [
            self.id.clone(),
            self.names().join(", "),
            text(own.and_then(|own| own.object_type).map(|kind| kind.to_string())),
            text(own.and_then(|own| own.state).map(|state| state.to_string())),
            text(self.algorithm()),
            text(self.owner.clone()),
            text(self.project()),
        ]
    }

    fn json(&self) -> Json {
        let own = self.attributes.as_ref();
        json!({
            "unique_identifier": self.id,
            "names": self.names(),
            "object_type": own.and_then(|own| own.object_type).map(|kind| kind.to_string()),
            "state": own.and_then(|own| own.state).map(|state| state.to_string()),
            "cryptographic_algorithm": own.and_then(|own| own.cryptographic_algorithm).map(|own| own.to_string()),
            "cryptographic_length": own.and_then(|own| own.cryptographic_length),
            "recommended_curve": self.curve().map(|curve| curve.to_string()),
            "owner": self.owner,
            "project": self.project(),
        })
    }
}
