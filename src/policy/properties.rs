//! What holds for every policy. The cases are the same in each run.

mod arbitrary;
mod model;

use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use self::arbitrary::{
    Object, PROJECTS, ROLES, actions, apply, caller, change, documents, grant, name, narrowing, object, statement,
};
use self::model::{is_allowed, is_described};
use super::*;
use crate::principal::{Caller, Username};

fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, rng_seed: RngSeed::Fixed(1), ..ProptestConfig::default() }
}

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

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn it_decides_as_the_model_does(documents in documents(), caller in caller(), object in object()) {
        let (policy, _) = Policy::lenient(&documents, false);
        for action in actions() {
            let decision = decide(&policy, &caller, action, &object);
            prop_assert_eq!(
                decision.is_ok(), is_allowed(&documents, &caller, action, &object), "{}: {:?}", action, decision
            );
        }
    }

    #[test]
    fn a_grant_takes_nothing_away(documents in documents(), caller in caller(), object in object(), grant in grant()) {
        let (policy, _) = Policy::lenient(&documents, false);
        let mut more = object.clone();
        more.grants.push(grant);
        for action in actions() {
            let before = decide(&policy, &caller, action, &object);
            prop_assert!(before.is_err() || decide(&policy, &caller, action, &more).is_ok(), "{}: {:?}", action, before);
        }
    }

    #[test]
    fn a_deny_gives_nothing(
        mut documents in documents(), caller in caller(), object in object(), role in name(&ROLES), deny in statement(),
    ) {
        let (before, _) = Policy::lenient(&documents, false);
        documents.policies.insert("more".to_owned(), PolicyDocument { policy_type: Effect::Deny, ..deny });
        documents.roles.entry(role).and_modify(|role| role.policies.push("more".to_owned()));
        let (after, _) = Policy::lenient(&documents, false);
        for action in actions() {
            let now = decide(&after, &caller, action, &object);
            prop_assert!(now.is_err() || decide(&before, &caller, action, &object).is_ok(), "{}: {:?}", action, now);
        }
    }

    #[test]
    fn a_deny_wins_over_every_allow(
        mut documents in documents(), caller in caller(), object in object(), grants in vec(grant(), 0..3),
    ) {
        let nobody = |name: &str| RoleDocument { capabilities: vec!["*".to_owned()], policies: vec![name.to_owned()] };
        let everything = |policy_type| PolicyDocument {
            policy_type, operations: vec!["*".to_owned()], resources: vec!["*".to_owned()], reasons: None,
        };
        documents.policies.insert("no".to_owned(), everything(Effect::Deny));
        documents.roles.insert("nobody".to_owned(), nobody("no"));
        let caller = Caller { role: Some(Arc::from("nobody")), ..caller };
        let (policy, _) = Policy::lenient(&documents, false);
        for action in actions() {
            let object = Object { owner: caller.username.to_string(), grants: grants.clone(), ..object.clone() };
            prop_assert!(decide(&policy, &caller, action, &object).is_err(), "{}", action);
        }
    }

    #[test]
    fn a_narrowed_credential_gives_nothing(
        documents in documents(), caller in caller(), object in object(), narrowing in narrowing(),
    ) {
        let (policy, _) = Policy::lenient(&documents, false);
        let whole = Caller { narrowing: None, ..caller };
        let narrowed = Caller { narrowing: Some(Arc::new(narrowing)), ..whole.clone() };
        for action in actions() {
            let decision = decide(&policy, &narrowed, action, &object);
            let is_of_whole = || decide(&policy, &whole, action, &object).is_ok();
            prop_assert!(decision.is_err() || is_of_whole(), "{}: {:?}", action, decision);
        }
        prop_assert!(policy.decide_administer(&narrowed).is_err());
    }

    #[test]
    fn a_caller_whom_nothing_names_gets_nothing(mut documents in documents(), caller in caller(), object in object()) {
        for project in documents.projects.values_mut() {
            project.members.remove("*");
        }
        let (policy, _) = Policy::lenient(&documents, false);
        let stranger = Caller { username: Username::new("mallory").unwrap(), role: None, ..caller };
        let mut object = object;
        object.grants.retain(|(to, _)| *to != Grantee::Everyone);
        for action in actions() {
            prop_assert!(decide(&policy, &stranger, action, &object).is_err(), "{}", action);
        }
        prop_assert!(policy.decide_administer(&stranger).is_err());
        prop_assert!(policy.projects_of(&stranger).is_empty());
    }

    #[test]
    fn what_is_permitted_with_all_secrets_is_permitted_with_each(
        documents in documents(), caller in caller(), objects in vec(object(), 8), project in name(&PROJECTS[..2]),
    ) {
        let (policy, _) = Policy::lenient(&documents, false);
        let with_all = |action: &Action| policy.permits_with_all(&caller, &project, *action);
        for action in [Action::ReadSecret, Action::WriteSecret].into_iter().filter(with_all) {
            for object in &objects {
                let account = Some(Account { name: project.clone(), is_former: false });
                let secret = Object { project: Some(project.clone()), account, ..object.clone() };
                let decision = decide(&policy, &caller, action, &secret);
                prop_assert!(decision.is_ok(), "{}: {:?}", action, decision);
            }
        }
    }

    #[test]
    fn definitions_one_by_one_are_what_all_at_once_are(
        changes in vec(change(), 1..40), caller in caller(), objects in vec(object(), 4),
    ) {
        let (mut policy, mut documents) = (Policy::default(), Documents::default());
        for change in changes {
            apply(change, &mut policy, &mut documents);
        }
        let (whole, _) = Policy::lenient(&documents, false);
        prop_assert_eq!(faults(&policy), faults(&whole));
        prop_assert_eq!(policy.projects_of(&caller), whole.projects_of(&caller));
        prop_assert_eq!(policy.counts.values().sum::<usize>(), whole.counts.values().sum::<usize>());
        for (action, object) in actions().into_iter().flat_map(|action| objects.iter().map(move |own| (action, own))) {
            let (one, other) = (decide(&policy, &caller, action, object), decide(&whole, &caller, action, object));
            prop_assert_eq!(one, other, "{}", action);
        }
    }
}

proptest! {
    #![proptest_config(cases(3_000))]

    #[test]
    fn a_glob_matches_what_trying_everything_finds(pattern in "[ab*?/é]{0,8}", text in "[ab*?/é]{0,10}") {
        prop_assert_eq!(glob::matches(&pattern, &text), is_described(&pattern, &text));
    }

    #[test]
    fn a_network_holds_the_addresses_that_begin_with_its_bits(
        address in any::<u32>(), other in any::<u32>(), prefix in 0..=32_usize,
    ) {
        let bits = |address: u32| format!("{address:032b}").chars().take(prefix).collect::<String>();
        let own = u32::from_str_radix(&format!("{:0<32}", bits(address)), 2).unwrap();
        let network: TrustedNetwork = format!("{}/{prefix}", std::net::Ipv4Addr::from(own)).parse().unwrap();
        // Most addresses are elsewhere: one that differs from it in its last bits is tried, too.
        for given in [other, own ^ other.checked_shr(u32::try_from(prefix).unwrap()).unwrap_or(0), own ^ 1] {
            let is_in = bits(given) == bits(own);
            let given = std::net::Ipv4Addr::from(given);
            prop_assert_eq!(network.contains(given.into()), is_in, "{} {}", network, given);
            prop_assert_eq!(network.contains(given.to_ipv6_mapped().into()), is_in);
            prop_assert!(!network.contains(given.to_ipv6_compatible().into()));
        }
    }
}
