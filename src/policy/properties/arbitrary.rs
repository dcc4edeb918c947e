//! Any policy, caller and object: of few names, so that they meet.

use std::collections::BTreeSet;
use std::sync::Arc;

use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::super::*;
use crate::kmip::enumerations::Operation;
use crate::principal::{Caller, Method, Narrowing, Username};

pub(super) const ROLES: [&str; 3] = ["r0", "r1", "r2"];
pub(super) const POLICIES: [&str; 4] = ["p0", "p1", "p2", "p3"];
pub(super) const PROJECTS: [&str; 3] = ["q0", "q1", "gone"];
pub(super) const SUBJECTS: [&str; 4] = ["alice", "bob", "jwt:https://issuer#alice", "*"];
pub(super) const OPERATIONS: [&str; 9] =
    ["*", "get", "encrypt", "e*", "?et", "destroy", "*_secret", "transfer", "get_attributes"];
pub(super) const RESOURCES: [&str; 8] =
    ["*", "objects/*", "objects/k", "projects/q0/*", "projects/*/k", "tags/t", "tags/*", "objects/?"];
pub(super) const CAPABILITIES: [&str; 8] = ["*", "create", "read", "use", "export", "manage", "access", "secrets"];

pub(super) fn name(names: &'static [&'static str]) -> impl Strategy<Value = String> {
    select(names).prop_map(str::to_owned)
}

pub(super) fn names(names: &'static [&'static str], least: usize) -> impl Strategy<Value = Vec<String>> {
    subsequence(names, least..=2).prop_map(|all| all.into_iter().map(str::to_owned).collect())
}

pub(super) fn statement() -> impl Strategy<Value = PolicyDocument> {
    let effect = prop_oneof![2 => Just(Effect::Allow), 1 => Just(Effect::Deny)];
    (effect, names(&OPERATIONS, 1), names(&RESOURCES, 1)).prop_map(|(policy_type, operations, resources)| {
        PolicyDocument { policy_type, operations, resources, reasons: None }
    })
}

pub(super) fn role() -> impl Strategy<Value = RoleDocument> {
    // Everything is as frequent as one kind, and no policy is missing from most documents.
    (names(&CAPABILITIES, 0), names(&POLICIES, 0))
        .prop_map(|(capabilities, policies)| RoleDocument { capabilities, policies })
}

pub(super) fn project() -> impl Strategy<Value = ProjectDocument> {
    let members = btree_map(name(&SUBJECTS), name(&ROLES), 0..3);
    members.prop_map(|members| ProjectDocument { members, ..ProjectDocument::default() })
}

pub(super) fn documents() -> impl Strategy<Value = Documents> {
    (
        btree_map(name(&POLICIES), statement(), 2..=4),
        btree_map(name(&ROLES), role(), 1..=3),
        btree_map(name(&SUBJECTS[..3]), name(&ROLES).prop_map(|role| UserDocument { role }), 0..2),
        btree_map(name(&PROJECTS[..2]), project(), 0..=2),
    )
        .prop_map(|(policies, roles, users, projects)| Documents {
            policies,
            roles,
            users,
            projects,
            ..Documents::default()
        })
}

pub(super) fn narrowing() -> impl Strategy<Value = Narrowing> {
    let operations = vec(select(vec![Operation::Get, Operation::Encrypt, Operation::Destroy]), 1..3);
    let property = (Just("tag".to_owned()), names(&["t", "u"], 1));
    (option::of(name(&ROLES)), option::of(names(&PROJECTS, 1)), option::of(operations), vec(property, 0..2))
        .prop_map(|(role, projects, operations, properties)| Narrowing { role, projects, operations, properties })
}

pub(super) fn caller() -> impl Strategy<Value = Caller> {
    let method = select(vec![
        Method::Certificate { thumbprint: [0; 32] },
        Method::Jwt { issuer: Arc::from("https://issuer"), table: None },
    ]);
    let narrowing = option::weighted(0.3, narrowing().prop_map(Arc::new));
    let role = option::weighted(0.2, name(&ROLES).prop_map(|role| Arc::from(role.as_str())));
    (name(&["alice", "bob", "mallory"]), method, narrowing, role).prop_map(|(name, method, narrowing, role)| Caller {
        username: Username::new(&name).unwrap(),
        method,
        narrowing,
        role,
    })
}

/// What stands in a resource, whose parts are borrowed.
#[derive(Debug, Clone)]
pub(super) struct Object {
    pub(super) id: String,
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

    fn account(&self) -> Option<Account> {
        self.account.clone()
    }
}

pub(super) fn actions() -> Vec<Action> {
    Action::words().split(", ").map(|word| Action::from_word(word).unwrap()).collect()
}

pub(super) fn grant() -> impl Strategy<Value = (Grantee, BTreeSet<Action>)> {
    let to = prop_oneof![
        4 => name(&["alice", "bob"]).prop_map(Grantee::User),
        2 => name(&ROLES).prop_map(Grantee::Role),
        1 => Just(Grantee::Everyone),
    ];
    (to, subsequence(actions(), 1..4).prop_map(|all| all.into_iter().collect()))
}

pub(super) fn object() -> impl Strategy<Value = Object> {
    let account = (name(&PROJECTS), any::<bool>()).prop_map(|(name, is_former)| Account { name, is_former });
    (
        name(&["k", "kk"]),
        name(&["alice", "bob"]),
        option::weighted(0.7, name(&PROJECTS)),
        names(&["t", "u"], 0),
        vec(grant(), 0..3),
        option::weighted(0.3, account),
    )
        .prop_map(|(id, owner, project, tags, grants, account)| Object {
            id,
            owner,
            project,
            tags,
            grants,
            account,
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

pub(super) fn change() -> impl Strategy<Value = Change> {
    let user = name(&ROLES).prop_map(|role| UserDocument { role });
    prop_oneof![
        (name(&POLICIES), option::of(statement())).prop_map(|(name, own)| Change::Policy(name, own)),
        (name(&ROLES), option::of(role())).prop_map(|(name, own)| Change::Role(name, own)),
        (name(&SUBJECTS[..3]), option::of(user)).prop_map(|(name, own)| Change::User(name, own)),
        (name(&PROJECTS), option::of(project())).prop_map(|(name, own)| Change::Project(name, own)),
    ]
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
