//! Any policy, caller and object: of few names, so that they meet.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use claviger_cases::{Result, Source, list, one, perhaps, some};

use super::super::*;
use crate::kmip::enumerations::Operation;
use crate::principal::{Caller, Method, Narrowing, Username};

pub(super) const ROLES: [&str; 3] = ["r0", "r1", "r2"];
const POLICIES: [&str; 4] = ["p0", "p1", "p2", "p3"];
pub(super) const PROJECTS: [&str; 3] = ["q0", "q1", "gone"];
const SUBJECTS: [&str; 4] = ["alice", "bob", "jwt:https://issuer#alice", "*"];
/// Names of users and members, among them one in two spellings, and some that are faulty.
const SPELLINGS: [&str; 6] = ["alice", "certificate:alice", "bob", "jwt:https://issuer#alice", "*", "role:r0"];
const OPERATIONS: [&str; 10] =
    ["*", "get", "encrypt", "e*", "?et", "destroy", "*_secret", "transfer", "get_attributes", "locate"];
const RESOURCES: [&str; 8] =
    ["*", "objects/*", "objects/k", "projects/q0/*", "projects/*/k", "tags/t", "tags/*", "objects/?"];
const CAPABILITIES: [&str; 8] = ["*", "create", "read", "use", "export", "manage", "access", "secrets"];

fn name(source: &mut Source<'_>, names: &[&str]) -> Result<String> {
    one(source, names).map(str::to_owned)
}

/// At least `least` and at most two of these names.
fn names(source: &mut Source<'_>, names: &[&str], least: usize) -> Result<Vec<String>> {
    Ok(some(source, least..=2, names)?.into_iter().map(str::to_owned).collect())
}

/// So many definitions, each with its name.
fn table<T>(
    source: &mut Source<'_>,
    least: usize,
    of: &[&str],
    mut document: impl FnMut(&mut Source<'_>) -> Result<T>,
) -> Result<BTreeMap<String, T>> {
    let names = some(source, least..=of.len(), of)?;
    names.into_iter().map(|name| Ok((name.to_owned(), document(source)?))).collect()
}

pub(super) fn statement(source: &mut Source<'_>) -> Result<PolicyDocument> {
    Ok(PolicyDocument {
        policy_type: one(source, &[Effect::Allow, Effect::Allow, Effect::Deny])?,
        operations: names(source, &OPERATIONS, 1)?,
        resources: names(source, &RESOURCES, 1)?,
        reasons: None,
    })
}

fn role(source: &mut Source<'_>) -> Result<RoleDocument> {
    // Everything is as frequent as one kind, and no policy is missing from most documents.
    Ok(RoleDocument { capabilities: names(source, &CAPABILITIES, 0)?, policies: names(source, &POLICIES, 0)? })
}

fn user(source: &mut Source<'_>) -> Result<UserDocument> {
    Ok(UserDocument { role: name(source, &ROLES)? })
}

fn project_of(source: &mut Source<'_>, subjects: &[&str]) -> Result<ProjectDocument> {
    let members = list(source, 0..=2, |source| Ok((name(source, subjects)?, name(source, &ROLES)?)))?;
    Ok(ProjectDocument { members: members.into_iter().collect(), ..ProjectDocument::default() })
}

pub(super) fn documents(source: &mut Source<'_>) -> Result<Documents> {
    let users = list(source, 0..=1, |source| Ok((name(source, &SUBJECTS[..3])?, user(source)?)))?;
    Ok(Documents {
        policies: table(source, 2, &POLICIES, statement)?,
        roles: table(source, 1, &ROLES, role)?,
        users: users.into_iter().collect(),
        projects: table(source, 0, &PROJECTS[..2], |source| project_of(source, &SUBJECTS))?,
        ..Documents::default()
    })
}

pub(super) fn narrowing(source: &mut Source<'_>) -> Result<Narrowing> {
    const NARROWED: [Operation; 3] = [Operation::Get, Operation::Encrypt, Operation::Destroy];
    let operations = |source: &mut Source<'_>| list(source, 1..=2, |source| one(source, &NARROWED));
    let property = |source: &mut Source<'_>| Ok(("tag".to_owned(), names(source, &["t", "u"], 1)?));
    Ok(Narrowing {
        role: perhaps(source, 5, |source| name(source, &ROLES))?,
        projects: perhaps(source, 5, |source| names(source, &PROJECTS, 1))?,
        operations: perhaps(source, 5, operations)?,
        properties: list(source, 0..=1, property)?,
    })
}

pub(super) fn caller(source: &mut Source<'_>) -> Result<Caller> {
    let method = match source.arbitrary()? {
        true => Method::Certificate { thumbprint: [0; 32] },
        false => Method::Jwt { issuer: Arc::from("https://issuer"), table: None },
    };
    Ok(Caller {
        username: Username::new(one(source, &["alice", "bob", "mallory"])?).unwrap(),
        method,
        narrowing: perhaps(source, 3, |source| narrowing(source).map(Arc::new))?,
        role: perhaps(source, 2, |source| one(source, &ROLES).map(Arc::from))?,
    })
}

/// What stands in a resource, whose parts are borrowed.
#[derive(Debug, Clone)]
pub(super) struct Object {
    pub(super) id: String,
    pub(super) formers: Vec<String>,
    pub(super) owner: String,
    pub(super) project: Option<String>,
    pub(super) tags: Vec<String>,
    pub(super) grants: Vec<(Grantee, BTreeSet<Action>)>,
    pub(super) account: Option<Account>,
}

impl Properties for Object {
    fn tags(&self) -> Vec<String> {
        self.tags.clone()
    }

    fn values(&self, property: &str) -> Vec<String> {
        if property == "tag" { self.tags() } else { Vec::new() }
    }

    fn formers(&self) -> Vec<String> {
        self.formers.clone()
    }

    fn account(&self) -> Option<Account> {
        self.account.clone()
    }
}

pub(super) fn actions() -> Vec<Action> {
    Action::words().split(", ").map(|word| Action::from_word(word).unwrap()).collect()
}

pub(super) fn grant(source: &mut Source<'_>) -> Result<(Grantee, BTreeSet<Action>)> {
    let to = match source.int_in_range(0..=6)? {
        0..=3 => Grantee::User(name(source, &["alice", "bob"])?),
        4..=5 => Grantee::Role(name(source, &ROLES)?),
        _ => Grantee::Everyone,
    };
    Ok((to, some(source, 1..=3, &actions())?.into_iter().collect()))
}

pub(super) fn object(source: &mut Source<'_>) -> Result<Object> {
    let account =
        |source: &mut Source<'_>| Ok(Account { name: name(source, &PROJECTS)?, is_former: source.arbitrary()? });
    Ok(Object {
        id: name(source, &["k", "kk"])?,
        formers: names(source, &["k", "kkk"], 0)?,
        owner: name(source, &["alice", "bob"])?,
        project: perhaps(source, 7, |source| name(source, &PROJECTS))?,
        tags: names(source, &["t", "u"], 0)?,
        grants: list(source, 0..=2, grant)?,
        account: perhaps(source, 3, account)?,
    })
}

/// One change among the definitions.
#[derive(Debug, Clone)]
pub(super) enum Change {
    Policy(String, Option<PolicyDocument>),
    Role(String, Option<RoleDocument>),
    User(String, Option<UserDocument>),
    Project(String, Option<ProjectDocument>),
}

pub(super) fn change(source: &mut Source<'_>) -> Result<Change> {
    let project = |source: &mut Source<'_>| project_of(source, &SPELLINGS);
    Ok(match source.int_in_range(0..=3)? {
        0 => Change::Policy(name(source, &POLICIES)?, perhaps(source, 5, statement)?),
        1 => Change::Role(name(source, &ROLES)?, perhaps(source, 5, role)?),
        2 => Change::User(name(source, &SPELLINGS)?, perhaps(source, 5, user)?),
        _ => Change::Project(name(source, &PROJECTS)?, perhaps(source, 5, project)?),
    })
}

pub(super) fn apply(change: Change, policy: &mut Policy, documents: &mut Documents) {
    macro_rules! apply {
        ($name:ident, $document:ident, $kind:ident, $table:ident) => {
            match $document {
                Some(document) => {
                    policy.put(&$name, Definition::$kind(Box::new(document.clone())));
                    documents.$table.insert($name, document);
                }
                None => {
                    policy.remove(Kind::$kind, &$name);
                    documents.$table.remove(&$name);
                }
            }
        };
    }
    match change {
        Change::Policy(name, document) => apply!(name, document, Policy, policies),
        Change::Role(name, document) => apply!(name, document, Role, roles),
        Change::User(name, document) => apply!(name, document, User, users),
        Change::Project(name, document) => apply!(name, document, Project, projects),
    }
}
