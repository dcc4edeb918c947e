//! Changes of names, descriptions and the disabled state of keys (Modify Attribute, KMIP 2.1 section 6.1.34).

use super::call::{Call, Gathering};
use super::context::Context;
use super::error::Error;
use super::gate::Kms;
use super::object::is_destroyed;
use super::operation::Operation;
use super::pairs::{check_halves, public_half};
use super::{disabled, gate};
use crate::kmip::attributes::Name;
use crate::kmip::enumerations::Operation as Kmip;
use crate::turns::Turn;

/// A change of a key; `None` leaves what there is.
#[derive(Debug, Clone, Default)]
pub struct KeyChange {
    /// The new name, which replaces all names of the key.
    pub name: Option<String>,
    /// The new description; an empty one removes it.
    pub description: Option<String>,
    /// Whether the key is disabled.
    pub is_disabled: Option<bool>,
}

impl KeyChange {
    /// The part of the change that applies to both halves of a pair.
    fn of_both(&self) -> Self {
        Self { is_disabled: self.is_disabled, ..Self::default() }
    }
}

impl Kms {
    /// Changes a key. A disabled key cannot be used, exported or wrapped until it is enabled; its lifecycle continues.
    /// To disable or enable a key pair, name its private key: both halves change, and the caller must be permitted to
    /// change both. All changes are made in one commit.
    ///
    /// # Errors
    /// The caller may not change the key, or may not revoke it to disable it or activate it to enable it; a text is too
    /// long for its attribute; another key of the project has the name; or the key holds a secret.
    pub fn change_key(&self, context: &Context<'_>, id: &str, change: &KeyChange) -> Result<(), Error> {
        let modifying = Operation::Kmip(Kmip::ModifyAttribute);
        let asked = Call::new(context, modifying);
        let key = self.foresee(&asked, id)?;
        let public = match (change.is_disabled, public_half(&key)) {
            (Some(_), Some(public)) => {
                let public = self.foresee(&asked, public)?;
                check_halves(&key, &public)?;
                Some(public).filter(|public| !is_destroyed(public.attributes.state))
            }
            _ => None,
        };
        let halves = [Some((id, change.clone())), public.as_ref().map(|public| (&*public.id, change.of_both()))];
        let halves: Vec<(&str, KeyChange)> = halves.into_iter().flatten().collect();
        let call = |number| {
            let gathering = if number == 0 { Gathering::First } else { Gathering::BesideOthers };
            let call = Call { gathering, ..Call::new(context, modifying) };
            if let Some(is_disabled) = change.is_disabled {
                call.describe(format!("isDisabled: {is_disabled}"));
            }
            call
        };
        let calls: Vec<Call<'_>> = (0..halves.len()).map(call).collect();
        calls.first().map_or(Ok(()), |first| self.begin(first))?;
        let prepared = calls.iter().zip(&halves).map(|(call, (half, change))| self.prepare_half(call, half, change));
        let prepared = prepared.collect::<Result<Vec<_>, _>>();
        // The locks on names are held until after the commit.
        let each: Vec<&Call<'_>> = calls.iter().collect();
        let answer = prepared.and_then(|_turns| self.commit_together(&each, None));
        if answer.is_err() {
            for call in &calls {
                call.give_up();
            }
        }
        self.conclude_all(&calls, answer)
    }

    /// Prepares the change of one object in its call, if anything changes. Returns the lock on its name.
    fn prepare_half<'a>(&'a self, call: &'a Call<'a>, id: &str, change: &KeyChange) -> Result<Option<Turn>, Error> {
        let grant = self.key_to_change(call, id)?;
        let KeyChange { name, description, is_disabled } = change;
        let is_disabled = is_disabled.filter(|wanted| disabled::is_disabled(&grant.object().attributes) != *wanted);
        if name.is_none() && description.is_none() && is_disabled.is_none() {
            return Ok(None);
        }
        // A disabled key can do less than a revoked one, and an enabled one as much as before.
        if let Some(is_disabled) = is_disabled {
            let also = if is_disabled { Kmip::Revoke } else { Kmip::Activate };
            self.authorize_beside(call, also, Some(&id.into()))?;
        }
        // Enabling the key makes the API token valid again.
        if is_disabled == Some(false) && self.is_api_token(id) {
            self.authorize_administration(call)?;
        }
        let project = grant.object().access.project.clone();
        let is_own = |name: &&String| grant.object().attributes.names.iter().any(|own| own.value == **name);
        let wanted = name.as_ref().filter(|name| !is_own(name));
        let turn = wanted.map(|name| self.turn_of_key_name(call, project.as_deref(), name, Some(id))).transpose()?;
        grant.change(|present, attributes| {
            // The name was checked in the former project only.
            if present.access.project != project {
                return Err(Error::Contention);
            }
            if let Some(name) = name {
                attributes.names = vec![Name::text(name)];
            }
            if let Some(description) = description {
                attributes.description = (!description.is_empty()).then(|| description.clone());
            }
            if let Some(is_disabled) = is_disabled {
                disabled::set(attributes, is_disabled);
            }
            *attributes = attributes.overridden(None)?;
            if name.is_some() {
                attributes.check_names()?;
            }
            grant.check_outcome(present, attributes)
        })?;
        Ok(turn.flatten())
    }

    fn key_to_change<'a>(&'a self, call: &'a Call<'a>, id: &str) -> Result<gate::Grant<'a>, Error> {
        let grant = self.authorize(call, Some(&id.into()))?.undestroyed()?;
        grant.object().kind.check_key()?;
        Ok(grant)
    }
}
