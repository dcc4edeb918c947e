//! Changes to a policy, one definition at a time. The cost of a change depends on the definition and on the definitions
//! that refer to it, not on the size of the policy.

use std::collections::HashMap;
use std::sync::Arc;

use super::conjur::{AuthenticatorDocument, HostDocument, KnownHost, check_authenticator, check_host};
use super::definition::Kind;
use super::document::{PolicyDocument, ProjectDocument, RoleDocument, UserDocument};
use super::fault::{Fault, MAX_PARTS, check_count, check_name};
use super::identity::{Exchanged, IdentityDocument, check_identity, identity_username};
use super::model::{Listed, Policy};
use super::relation::Name;
use super::role::{Role, Statement};
use super::subject::{Subject, person};

/// The longest description of a project, in bytes.
const MAX_DESCRIPTION: usize = 1024;

impl Policy {
    /// Keeps count of the definitions of each kind. Returns a fault when the count exceeds the bound of the kind.
    pub(super) fn count(&mut self, own: &Name, is_there: bool) -> Vec<Fault> {
        let was_there = self.names.contains(own);
        let count = self.counts.entry(own.kind).or_default();
        match (was_there, is_there) {
            (false, true) => {
                self.names.insert_mut(own.clone());
                *count += 1;
                // The fault is reported once, not for each further definition.
                let first_too_many = own.kind.bound() + 1;
                if *count == first_too_many {
                    return check_count(&[own.kind.table()], *count, own.kind.bound()).err().into_iter().collect();
                }
            }
            (true, false) => {
                self.names.remove_mut(own);
                *count -= 1;
            }
            _ => {}
        }
        Vec::new()
    }

    /// Stores the faults of a definition. Returns those that did not exist before.
    fn settle(&mut self, own: &Name, faults: Vec<Fault>) -> Vec<Fault> {
        let before = self.faults.get(own);
        let is_new = |fault: &&Fault| before.is_none_or(|before| !before.contains(fault));
        let arisen = faults.iter().filter(is_new).cloned().collect();
        if faults.is_empty() {
            self.faults.remove_mut(own);
        } else {
            self.faults.insert_mut(own.clone(), faults);
        }
        arisen
    }

    pub(super) fn set_statement(&mut self, own: &Name, document: Option<&PolicyDocument>) -> Vec<Fault> {
        let name = &own.name;
        let read = |document| check_name(&["policies", name], name).and_then(|()| Statement::new(name, document));
        let (statement, fault) = split(document.map(read));
        match statement {
            Some(statement) => self.statements.insert_mut(name.clone(), Arc::new(statement)),
            None => drop(self.statements.remove_mut(name)),
        }
        let mut arisen = self.settle(own, fault);
        for role in self.references.sorted(own) {
            arisen.extend(self.compile_role(&role));
        }
        arisen
    }

    pub(super) fn set_role(&mut self, own: &Name, document: Option<RoleDocument>) -> Vec<Fault> {
        let policies = |document: Option<&RoleDocument>| -> Vec<Name> {
            let all = document.into_iter().flat_map(|document| &document.policies);
            all.map(|policy| Name::new(Kind::Policy, policy)).collect()
        };
        let (before, after) = (policies(self.role_documents.get(&own.name)), policies(document.as_ref()));
        self.refer(own, &before, &after);
        match document {
            Some(document) => self.role_documents.insert_mut(own.name.clone(), document),
            None => drop(self.role_documents.remove_mut(&own.name)),
        }
        self.compile_role(own)
    }

    /// Compiles a role from its document and the policies that are defined.
    fn compile_role(&mut self, own: &Name) -> Vec<Fault> {
        let name = &own.name;
        let find = |statement: &str| self.statements.get(statement).map(Arc::clone);
        let read = |document| check_name(&["roles", name], name).and_then(|()| Role::new(name, document, find));
        let (role, fault) = split(self.role_documents.get(name).map(read));
        let (was_there, is_there) = (self.roles.contains_key(name), role.is_some());
        match role {
            Some(role) => self.roles.insert_mut(name.clone(), role),
            None => drop(self.roles.remove_mut(name)),
        }
        let mut arisen = self.settle(own, fault);
        if was_there != is_there {
            arisen.extend(self.references.sorted(own).iter().flat_map(|user| self.settle_role(user, name, is_there)));
        }
        arisen
    }

    /// Updates the faults of a user or project that names a role which was added or removed.
    fn settle_role(&mut self, user: &Name, role: &str, is_there: bool) -> Vec<Fault> {
        let mut faults = self.faults.get(user).cloned().unwrap_or_default();
        if is_there {
            let problem = no_role(role);
            faults.retain(|fault| fault.problem != problem);
        } else if user.kind == Kind::User {
            faults.push(Fault::at(&["users", &user.name, "role"], no_role(role)));
        } else {
            let members = self.projects.get(&user.name).into_iter().flatten();
            let mut having: Vec<String> =
                members.filter(|(_, own)| own.role == role).map(|(_, own)| own.name.clone()).collect();
            having.sort();
            let fault = |member: String| Fault::at(&["projects", &user.name, "members", &member], no_role(role));
            faults.extend(having.into_iter().map(fault));
        }
        self.settle(user, faults)
    }

    fn check_role(&self, path: &[&str], role: &str) -> Result<(), Fault> {
        if self.has_role(role) { Ok(()) } else { Err(Fault::at(path, no_role(role))) }
    }

    pub(super) fn set_user(&mut self, own: &Name, document: Option<&UserDocument>) -> Vec<Fault> {
        let name = &own.name;
        let subject = match person(&["users", name], name) {
            Ok(subject) => subject,
            // No caller has this name: the definition gives no role, and refers to none.
            Err(fault) => return self.settle(own, document.map(|_| fault).into_iter().collect()),
        };
        let mut listed = self.users.get(&subject).cloned().unwrap_or_default();
        let role = |listed: &Listed| Name::new(Kind::Role, &listed.role);
        let before: Vec<Name> = listed.iter().filter(|listed| listed.name == *name).map(role).collect();
        listed.retain(|listed| listed.name != *name);
        let after = document.map(|document| Listed { name: name.clone(), role: document.role.clone() });
        self.refer(own, &before, &after.iter().map(role).collect::<Vec<_>>());
        listed.extend(after);
        listed.sort();
        let mut arisen = if document.is_none() { self.settle(own, Vec::new()) } else { Vec::new() };
        for (at, Listed { name, role }) in listed.iter().enumerate() {
            let mut faults: Vec<Fault> = self.check_role(&["users", name, "role"], role).err().into_iter().collect();
            if at > 0 {
                faults.push(Fault::at(&["users", name], "the same user is already listed in another spelling"));
            }
            arisen.extend(self.settle(&Name::new(Kind::User, name), faults));
        }
        if listed.is_empty() {
            self.users.remove_mut(&subject);
        } else {
            self.users.insert_mut(subject, listed);
        }
        arisen
    }

    pub(super) fn set_project(&mut self, own: &Name, document: Option<&ProjectDocument>) -> Vec<Fault> {
        let name = &own.name;
        let mut faults = Vec::new();
        let members = document.map(|document| {
            let bounded = check_name(&["projects", name], name)
                .and_then(|()| check_count(&["projects", name, "members"], document.members.len(), MAX_PARTS));
            faults.extend(bounded.err());
            let texts = [
                ("description", &document.description),
                ("display_name", &document.display_name),
                ("type", &document.project_type),
            ];
            for (key, _) in
                texts.into_iter().filter(|(_, text)| text.as_ref().is_some_and(|own| own.len() > MAX_DESCRIPTION))
            {
                let problem = format!("it is longer than {MAX_DESCRIPTION} bytes");
                faults.push(Fault::at(&["projects", name, key], problem));
            }
            self.members(name, document, &mut faults)
        });
        let roles = |members: Option<&HashMap<Subject, Listed>>| -> Vec<Name> {
            let all = members.into_iter().flat_map(HashMap::values);
            all.map(|own| Name::new(Kind::Role, &own.role)).collect()
        };
        let before = self.projects.get(name);
        let (named_before, named) = (roles(before), roles(members.as_ref()));
        let gone: Vec<Subject> = before.into_iter().flat_map(HashMap::keys).cloned().collect();
        self.refer(own, &named_before, &named);
        for member in gone {
            self.memberships.remove(&member, name);
        }
        for member in members.iter().flat_map(HashMap::keys) {
            self.memberships.add(member, name);
        }
        match members {
            Some(members) => self.projects.insert_mut(name.clone(), members),
            None => drop(self.projects.remove_mut(name)),
        }
        match document.and_then(|document| document.default_environments) {
            Some(false) => self.bare_projects.insert_mut(name.clone()),
            Some(true) | None => drop(self.bare_projects.remove_mut(name)),
        }
        self.settle(own, faults)
    }

    fn members(&self, project: &str, document: &ProjectDocument, faults: &mut Vec<Fault>) -> HashMap<Subject, Listed> {
        let mut members = HashMap::new();
        for (member, role) in &document.members {
            let path = ["projects", project, "members", member];
            // Only those who become members refer to their roles.
            match person(&path, member) {
                Ok(subject) if members.contains_key(&subject) => {
                    faults.push(Fault::at(&path, "the same member is already listed in another spelling"));
                }
                Ok(subject) => {
                    faults.extend(self.check_role(&path, role).err());
                    members.insert(subject, Listed { name: member.clone(), role: role.clone() });
                }
                Err(fault) => faults.push(fault),
            }
        }
        members
    }

    pub(super) fn set_identity(&mut self, own: &Name, document: Option<IdentityDocument>) -> Vec<Fault> {
        let username = identity_username(&own.name);
        if let Some(former) = self.exchanged.get(&username).map(|known| Arc::clone(&known.identity)) {
            for (way, id) in former.ways() {
                self.ways.remove_mut(&(way, id.to_owned()));
            }
            if let Some(auth) = &former.universal_auth {
                self.clients.remove_mut(&auth.client_id);
            }
        }
        let check = |read: IdentityDocument| {
            check_identity(&own.name, &read)?;
            let at = |way: &str, key: &str, problem| Err(Fault::at(&["identities", &own.name, way, key], problem));
            if let Some((way, _)) = read.ways().find(|(way, id)| self.ways.contains(&(*way, (*id).to_owned()))) {
                return at(way, "id", "another identity has this id");
            }
            match &read.universal_auth {
                Some(auth) if self.clients.contains_key(&auth.client_id) => {
                    at("universal_auth", "client_id", "another identity has this client id")
                }
                _ => Ok(read),
            }
        };
        // A faulty identity is left out, and so its access tokens are not valid.
        let (document, fault) = split(document.map(check));
        match document {
            Some(document) => {
                document.ways().for_each(|(way, id)| self.ways.insert_mut((way, id.to_owned())));
                if let Some(auth) = &document.universal_auth {
                    self.clients.insert_mut(auth.client_id.clone(), own.name.clone());
                }
                let known = Exchanged { bases: document.bases(), identity: Arc::new(document) };
                self.exchanged.insert_mut(username, known);
            }
            None => drop(self.exchanged.remove_mut(&username)),
        }
        self.settle(own, fault)
    }

    pub(super) fn set_authenticator(&mut self, own: &Name, document: Option<AuthenticatorDocument>) -> Vec<Fault> {
        let (document, fault) = split(document.map(|read| check_authenticator(&own.name, &read).map(|()| read)));
        match document {
            Some(document) => self.authenticators.insert_mut(own.name.clone(), Arc::new(document)),
            None => drop(self.authenticators.remove_mut(&own.name)),
        }
        self.settle(own, fault)
    }

    pub(super) fn set_host(&mut self, own: &Name, document: Option<HostDocument>) -> Vec<Fault> {
        let (document, fault) = split(document.map(|read| check_host(&own.name, &read).map(|()| read)));
        for authenticator in self.host(&own.name).iter().flat_map(|before| before.annotated()) {
            self.annotated.remove(&authenticator, &own.name);
        }
        for authenticator in document.iter().flat_map(HostDocument::annotated) {
            self.annotated.add(&authenticator, &own.name);
        }
        match document {
            Some(document) => self.hosts.insert_mut(own.name.clone(), KnownHost::new(document)),
            None => drop(self.hosts.remove_mut(&own.name)),
        }
        self.settle(own, fault)
    }

    /// Records that a definition names `after`, and no longer names `before`.
    fn refer(&mut self, own: &Name, before: &[Name], after: &[Name]) {
        before.iter().for_each(|named| self.references.remove(named, own));
        after.iter().for_each(|named| self.references.add(named, own));
    }
}

fn no_role(role: &str) -> String {
    format!("there is no role {role:?}")
}

/// Splits a result into the value and the faults.
fn split<T>(read: Option<Result<T, Fault>>) -> (Option<T>, Vec<Fault>) {
    match read {
        None => (None, Vec::new()),
        Some(Ok(read)) => (Some(read), Vec::new()),
        Some(Err(fault)) => (None, vec![fault]),
    }
}
