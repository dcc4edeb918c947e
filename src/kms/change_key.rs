//! What keys are called, and whether they are disabled (Modify Attribute, KMIP 2.1 section 6.1.34).

use super::operation::Operation;
use super::pairs::{check_halves, public_half};
use super::{Call, Context, Error, Kms, disabled, gate, secret_path};
use crate::kmip::attributes::Name;
use crate::kmip::enumerations::Operation as Kmip;

/// A change of a key; `None` leaves what there is.
#[derive(Debug, Clone, Default)]
pub struct KeyChange {
    /// Another name, in the place of all that it has.
    pub name: Option<String>,
    /// Another description; none if empty.
    pub description: Option<String>,
    /// Whether its use is refused.
    pub is_disabled: Option<bool>,
}

impl Kms {
    /// Changes a key. A disabled key cannot be used, exported or wrapped until it is enabled; its lifecycle goes on. Of a pair the
    /// private key is named, and both are disabled or enabled: the caller must be permitted to change both, and the private key is
    /// the last one, so that it shows what holds for both.
    ///
    /// # Errors
    /// The caller may not, a text is longer than an attribute's may be, another key of the project has the name, or the key holds a
    /// secret.
    pub fn change_key(&self, context: &Context<'_>, id: &str, change: &KeyChange) -> Result<(), Error> {
        let call = Call::new(context, Operation::Kmip(Kmip::ModifyAttribute));
        let key = self.foresee(&call, id)?;
        let public = match (change.is_disabled, public_half(&key)) {
            (Some(_), Some(public)) => {
                let public = self.foresee(&call, public)?;
                check_halves(&key, &public)?;
                Some(public).filter(|public| !gate::is_destroyed(public.attributes.state))
            }
            _ => None,
        };
        if change.name.is_some() || change.description.is_some() {
            self.describe(context, id, change.name.as_deref(), change.description.as_deref())?;
        }
        if let Some(is_disabled) = change.is_disabled {
            let halves = public.iter().map(|public| &*public.id).chain([id]);
            halves.into_iter().try_for_each(|half| self.disable(context, half, is_disabled))?;
        }
        Ok(())
    }

    /// Gives an object another name or description.
    fn describe(
        &self,
        context: &Context<'_>,
        id: &str,
        name: Option<&str>,
        description: Option<&str>,
    ) -> Result<(), Error> {
        let call = Call::new(context, Operation::Kmip(Kmip::ModifyAttribute));
        self.recorded(&call, || {
            let grant = self.key_to_change(&call, id)?;
            let project = grant.object().access.project.clone();
            let is_own = |name: &&str| grant.object().attributes.names.iter().any(|own| own.value == **name);
            let turn = name.filter(|name| !is_own(name));
            let _turn =
                turn.map(|name| self.turn_of_key_name(&call, project.as_deref(), name, Some(id))).transpose()?;
            grant.change(|present, attributes| {
                // Where the name is free is the project of before.
                if present.access.project != project {
                    return Err(Error::Contention);
                }
                if let Some(name) = name {
                    attributes.names = vec![Name::text(name)];
                }
                if let Some(description) = description {
                    attributes.description = (!description.is_empty()).then(|| description.to_owned());
                }
                *attributes = attributes.overridden(None)?;
                if name.is_some() {
                    attributes.check_names()?;
                }
                grant.check_outcome(present, attributes)
            })
        })
    }

    /// Disables an object, or enables it; nothing changes if it is so already.
    fn disable(&self, context: &Context<'_>, id: &str, is_disabled: bool) -> Result<(), Error> {
        let call = Call::new(context, Operation::Kmip(Kmip::ModifyAttribute));
        call.describe(format!("isDisabled: {is_disabled}"));
        self.recorded(&call, || {
            let grant = self.key_to_change(&call, id)?;
            if disabled::is_disabled(&grant.object().attributes) == is_disabled {
                return Ok(());
            }
            // Whoever has the API token could use it again.
            if !is_disabled && self.is_api_token(id) {
                self.authorize_administration(&call)?;
            }
            grant.change(|present, attributes| {
                disabled::set(attributes, is_disabled);
                *attributes = attributes.overridden(None)?;
                grant.check_outcome(present, attributes)
            })
        })
    }

    fn key_to_change<'a>(&'a self, call: &'a Call<'a>, id: &str) -> Result<gate::Grant<'a>, Error> {
        let grant = self.authorize(call, Kmip::ModifyAttribute, Some(&id.into()))?.undestroyed()?;
        // A secret's name is its path.
        match secret_path::last_number(&grant.object().attributes) {
            Some(_) => Err(Error::ASecret),
            None => Ok(grant),
        }
    }
}
