//! What holds for every policy. The cases are the same in each run.

mod arbitrary;
mod model;

use std::collections::BTreeSet;
use std::sync::Arc;

use claviger_cases::{check, list, one, perhaps, text_of};

use self::arbitrary::{
    Object, PROJECTS, ROLES, actions, apply, caller, change, documents, grant, narrowing, object, statement,
};
use self::model::{is_allowed, is_described};
use super::*;
use crate::kmip::enumerations::Operation;
use crate::network::TrustedNetwork;
use crate::principal::{Caller, Username};

fn decide(policy: &Policy, caller: &Caller, action: Action, object: &Object) -> Decision {
    let mut grants = Grants::default();
    for (to, actions) in &object.grants {
        grants.give(to, actions);
    }
    let Object { id, owner, project, .. } = object;
    let resource = Resource { id, owner, project: project.as_deref(), grants: &grants, properties: object };
    policy.decide(caller, action, &resource)
}

/// Everything that is wrong, in one order.
fn faults(policy: &Policy) -> Vec<String> {
    let each = policy.faults.iter().flat_map(|(name, own)| own.iter().map(move |fault| format!("{name:?} {fault}")));
    let mut all: Vec<String> = each.collect();
    all.sort();
    all
}

#[test]
fn it_decides_as_the_model_does() {
    check(300, |source| {
        let documents = documents(source)?;
        let (caller, object) = (caller(source)?, object(source)?);
        let (policy, _) = Policy::lenient(&documents, false);
        for action in actions() {
            let decision = decide(&policy, &caller, action, &object);
            assert_eq!(
                decision.is_ok(),
                is_allowed(&documents, &caller, action, &object),
                "{}: {:?}",
                action,
                decision
            );
        }
        Ok(())
    });
}

#[test]
fn a_grant_takes_nothing_away() {
    check(300, |source| {
        let documents = documents(source)?;
        let (caller, object) = (caller(source)?, object(source)?);
        let grant = grant(source)?;
        let (policy, _) = Policy::lenient(&documents, false);
        let mut more = object.clone();
        more.grants.push(grant);
        for action in actions() {
            let before = decide(&policy, &caller, action, &object);
            assert!(before.is_err() || decide(&policy, &caller, action, &more).is_ok(), "{}: {:?}", action, before);
        }
        Ok(())
    });
}

#[test]
fn a_deny_gives_nothing() {
    check(300, |source| {
        let mut documents = documents(source)?;
        let (caller, object) = (caller(source)?, object(source)?);
        let (role, deny) = (one(source, &ROLES)?, statement(source)?);
        let (before, _) = Policy::lenient(&documents, false);
        documents.policies.insert("more".to_owned(), PolicyDocument { policy_type: Effect::Deny, ..deny });
        documents.roles.entry(role.to_owned()).and_modify(|role| role.policies.push("more".to_owned()));
        let (after, _) = Policy::lenient(&documents, false);
        for action in actions() {
            let now = decide(&after, &caller, action, &object);
            assert!(now.is_err() || decide(&before, &caller, action, &object).is_ok(), "{}: {:?}", action, now);
        }
        Ok(())
    });
}

#[test]
fn a_deny_wins_over_every_allow() {
    check(300, |source| {
        let mut documents = documents(source)?;
        let (caller, object) = (caller(source)?, object(source)?);
        let grants = list(source, 0..=2, grant)?;
        let nobody = |name: &str| RoleDocument { capabilities: vec!["*".to_owned()], policies: vec![name.to_owned()] };
        let everything = |policy_type| PolicyDocument {
            policy_type,
            operations: vec!["*".to_owned()],
            resources: vec!["*".to_owned()],
            reasons: None,
        };
        documents.policies.insert("no".to_owned(), everything(Effect::Deny));
        documents.roles.insert("nobody".to_owned(), nobody("no"));
        let caller = Caller { role: Some(Arc::from("nobody")), ..caller };
        let (policy, _) = Policy::lenient(&documents, false);
        for action in actions() {
            let object = Object { owner: caller.username.to_string(), grants: grants.clone(), ..object.clone() };
            assert!(decide(&policy, &caller, action, &object).is_err(), "{}", action);
        }
        Ok(())
    });
}

#[test]
fn a_narrowed_credential_gives_nothing() {
    check(300, |source| {
        let documents = documents(source)?;
        let (caller, object) = (caller(source)?, object(source)?);
        let narrowing = narrowing(source)?;
        let (policy, _) = Policy::lenient(&documents, false);
        let whole = Caller { narrowing: None, ..caller };
        let narrowed = Caller { narrowing: Some(Arc::new(narrowing)), ..whole.clone() };
        for action in actions() {
            let decision = decide(&policy, &narrowed, action, &object);
            let is_of_whole = || decide(&policy, &whole, action, &object).is_ok();
            assert!(decision.is_err() || is_of_whole(), "{}: {:?}", action, decision);
        }
        assert!(policy.decide_administer(&narrowed).is_err());
        Ok(())
    });
}

#[test]
fn a_caller_whom_nothing_names_gets_nothing() {
    check(300, |source| {
        let mut documents = documents(source)?;
        let (caller, mut object) = (caller(source)?, object(source)?);
        for project in documents.projects.values_mut() {
            project.members.remove("*");
        }
        let (policy, _) = Policy::lenient(&documents, false);
        let stranger = Caller { username: Username::new("mallory").unwrap(), role: None, ..caller };
        object.grants.retain(|(to, _)| *to != Grantee::Everyone);
        for action in actions() {
            assert!(decide(&policy, &stranger, action, &object).is_err(), "{}", action);
        }
        assert!(policy.decide_administer(&stranger).is_err());
        assert!(policy.projects_of(&stranger).is_empty());
        Ok(())
    });
}

#[test]
fn what_is_permitted_with_all_secrets_is_permitted_with_each() {
    let mut permitted = BTreeSet::new();
    check(1_000, |source| {
        let mut documents = documents(source)?;
        // Without these it would rarely be permitted.
        for statement in documents.policies.values_mut() {
            if source.arbitrary()? {
                statement.resources = vec!["*".to_owned()];
            }
        }
        for role in documents.roles.values_mut() {
            if source.arbitrary()? {
                role.capabilities = vec!["*".to_owned()];
            }
        }
        let caller = Caller { narrowing: perhaps(source, 1, narrowing)?.map(Arc::new), ..caller(source)? };
        let objects = list(source, 8..=8, object)?;
        let project = one(source, &PROJECTS[..2])?.to_owned();
        let (policy, _) = Policy::lenient(&documents, false);
        let with_all = |action: &Action| policy.permits_with_all(&caller, &project, *action);
        for action in actions().into_iter().filter(with_all) {
            permitted.insert(action);
            for object in &objects {
                let account = Some(Account { name: project.clone(), is_former: false });
                let secret = Object { project: Some(project.clone()), account, ..object.clone() };
                let decision = decide(&policy, &caller, action, &secret);
                assert!(decision.is_ok(), "{action}: {decision:?}");
            }
        }
        Ok(())
    });
    let tried: BTreeSet<Action> = Action::on_objects().filter(|action| *action != Action::Transfer).collect();
    assert!(permitted.is_superset(&tried), "not tried: {:?}", tried.difference(&permitted).collect::<Vec<_>>());
    assert!(permitted.contains(&Action::Operation(Operation::Locate)));
}

#[test]
fn definitions_one_by_one_are_what_all_at_once_are() {
    check(300, |source| {
        let changes = list(source, 1..=39, change)?;
        let caller = caller(source)?;
        let objects = list(source, 4..=4, object)?;
        let (mut policy, mut documents) = (Policy::default(), Documents::default());
        for change in changes {
            apply(change, &mut policy, &mut documents);
        }
        let (whole, _) = Policy::lenient(&documents, false);
        assert_eq!(faults(&policy), faults(&whole));
        assert_eq!(policy.projects_of(&caller), whole.projects_of(&caller));
        assert_eq!(policy.counts.values().sum::<usize>(), whole.counts.values().sum::<usize>());
        for (action, object) in actions().into_iter().flat_map(|action| objects.iter().map(move |own| (action, own))) {
            let (one, other) = (decide(&policy, &caller, action, object), decide(&whole, &caller, action, object));
            assert_eq!(one, other, "{}", action);
        }
        Ok(())
    });
}

#[test]
fn a_glob_matches_what_trying_everything_finds() {
    check(3_000, |source| {
        let pattern = text_of(source, 0..=8, "ab*?/é")?;
        let text = text_of(source, 0..=10, "ab*?/é")?;
        assert_eq!(glob::matches(&pattern, &text), is_described(&pattern, &text));
        Ok(())
    });
}

#[test]
fn a_network_holds_the_addresses_that_begin_with_its_bits() {
    check(3_000, |source| {
        let (address, other) = (source.arbitrary::<u32>()?, source.arbitrary::<u32>()?);
        let prefix = source.int_in_range(0..=32_usize)?;
        let bits = |address: u32| format!("{address:032b}").chars().take(prefix).collect::<String>();
        let own = u32::from_str_radix(&format!("{:0<32}", bits(address)), 2).unwrap();
        let network: TrustedNetwork = format!("{}/{prefix}", std::net::Ipv4Addr::from(own)).parse().unwrap();
        // Most addresses are elsewhere: one that differs from it in its last bits is tried, too.
        for given in [other, own ^ other.checked_shr(u32::try_from(prefix).unwrap()).unwrap_or(0), own ^ 1] {
            let is_in = bits(given) == bits(own);
            let given = std::net::Ipv4Addr::from(given);
            assert_eq!(network.contains(given.into()), is_in, "{} {}", network, given);
            assert_eq!(network.contains(given.to_ipv6_mapped().into()), is_in);
            assert!(!network.contains(given.to_ipv6_compatible().into()));
        }
        Ok(())
    });
}
