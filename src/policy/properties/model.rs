//! The rules of [`Policy::decide`], written down once more: too slow to be used, and simple enough to be seen to be right.

use super::super::*;
use super::arbitrary::Object;
use crate::kmip::enumerations::Operation;
use crate::principal::Caller;

/// A pattern, matched by trying everything.
fn describes(pattern: &[char], text: &[char]) -> bool {
    match (pattern, text) {
        ([], []) => true,
        (['*', rest @ ..], _) => (0..=text.len()).any(|taken| describes(rest, &text[taken..])),
        (['?', rest @ ..], [_, after @ ..]) => describes(rest, after),
        ([own, rest @ ..], [found, after @ ..]) => own == found && describes(rest, after),
        _ => false,
    }
}

pub(super) fn is_described(pattern: &str, text: &str) -> bool {
    let characters = |text: &str| text.chars().collect::<Vec<_>>();
    pattern == text || describes(&characters(pattern), &characters(text))
}

/// What one role says of an action.
#[derive(PartialEq)]
enum Says {
    Nothing,
    Allows,
    /// A deny, or a role that cannot be known.
    Forbids,
}

fn says(documents: &Documents, role: &str, action: Action, object: &Object) -> Says {
    let role = documents.roles.get(role);
    let statements = role.and_then(|role| role.policies.iter().map(|name| documents.policies.get(name)).collect());
    let (Some(role), Some(statements)): (_, Option<Vec<&PolicyDocument>>) = (role, statements) else {
        return Says::Forbids;
    };
    let ids: Vec<&String> = object.formers.iter().chain([&object.id]).collect();
    let named = |ids: &[&String]| {
        let mut named: Vec<String> = object.tags.iter().map(|tag| format!("tags/{tag}")).collect();
        for id in ids {
            named.push(format!("objects/{id}"));
            named.extend(object.project.iter().map(|project| format!("projects/{project}/{id}")));
        }
        named
    };
    let speaks = |statement: &&PolicyDocument| {
        // A replacement is denied by each of its names, and allowed by the first only.
        let named = if statement.policy_type == Effect::Deny { named(&ids) } else { named(&ids[..1]) };
        statement.operations.iter().any(|pattern| is_described(pattern, action.word()))
            && statement.resources.iter().any(|pattern| named.iter().any(|name| is_described(pattern, name)))
    };
    let speaking: Vec<Effect> = statements.into_iter().filter(speaks).map(|own| own.policy_type).collect();
    let capability = action.capability().unwrap().word();
    let is_capable = role.capabilities.iter().any(|own| own == "*" || own == capability);
    if speaking.contains(&Effect::Deny) {
        Says::Forbids
    } else if is_capable && speaking.contains(&Effect::Allow) {
        Says::Allows
    } else {
        Says::Nothing
    }
}

/// What [`Policy::decide`] is to decide, by its documentation: all limits first, then anything that gives it.
pub(super) fn is_allowed(documents: &Documents, caller: &Caller, action: Action, object: &Object) -> bool {
    if action == Action::Operation(Operation::Locate) {
        return Action::on_objects().any(|action| is_allowed(documents, caller, action, object));
    }
    let says = |role: &str| says(documents, role, action, object);
    let me = Subject::of(caller).to_string();
    let own = caller.role.as_deref().or_else(|| documents.users.get(&me).map(|user| user.role.as_str()));
    let project = object.project.as_ref().and_then(|name| documents.projects.get(name));
    let members = project.into_iter().flat_map(|project| [project.members.get(&me), project.members.get("*")]);
    let member_of: Vec<&String> = members.flatten().collect();
    let of_project = object
        .account
        .as_ref()
        .is_some_and(|account| !account.is_former && object.project.as_deref() == Some(account.name.as_str()));
    let narrowing = caller.narrowing.as_deref().cloned().unwrap_or_default();
    let limits = [
        !of_project || project.is_some(),
        narrowing.operations.is_none_or(|all| all.iter().any(|own| Action::Operation(*own) == action)),
        narrowing.projects.is_none_or(|all| object.project.as_ref().is_some_and(|own| all.contains(own))),
        narrowing.properties.iter().all(|(_, wanted)| object.tags.iter().any(|tag| wanted.contains(tag))),
        narrowing.role.is_none_or(|role| says(&role) == Says::Allows),
        own.is_none_or(|role| says(role) == Says::Allows),
        member_of.iter().all(|role| says(role) != Says::Forbids),
    ];
    let is_secret = [Action::ReadSecret, Action::WriteSecret].contains(&action);
    let has_role = own.is_some() || !member_of.is_empty();
    let owns = object.owner == caller.username.as_str() && (!of_project || !is_secret && has_role);
    let is_me = |to: &Grantee| match to {
        Grantee::User(name) => name == caller.username.as_str(),
        Grantee::Role(role) => Some(role.as_str()) == own,
        Grantee::Everyone => true,
    };
    let is_granted = object.grants.iter().any(|(to, actions)| is_me(to) && actions.contains(&action));
    let by_role = member_of.iter().any(|role| says(role) == Says::Allows) || own.is_some() && project.is_some();
    limits.iter().all(|holds| *holds) && (owns || action != Action::Transfer && (is_granted || by_role))
}
