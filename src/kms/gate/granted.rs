//! The operations on an object that a [`Grant`] permits.

use std::sync::Arc;

use openssl::sha::sha256;

use super::super::cipher_fault::CipherFault;
use super::super::error::Error;
use super::super::formers;
use super::super::handover::Pending;
use super::super::object::{Object, is_destroyed};
use super::super::operations::Purpose;
use super::super::ownership::Access;
use super::super::{disabled, mechanism};
use super::leases::LEASE;
use super::loading::new_object;
use super::prepared::{Made, Prepared};
use super::service::{Grant, Kms, NewGrant, Usable};
use crate::custody::{self, Secret, Signature, is_signature};
use crate::kmip::attributes::RandomNumberGenerator;
use crate::kmip::state::{self, Dates};
use crate::kmip::{Attributes, UniqueIdentifier, UsageMask};
use crate::policy::{Decision, Resource};
use crate::secret::Bytes;
use crate::store::object::{Class, Material};
use crate::store::{Command, secret_path, secret_version};
use crate::turns::Turn;

/// Length of a Short Unique Identifier, in bytes: the beginning of the SHA-256 of the Unique Identifier.
const SHORT: usize = 16;

/// The next version of an object.
struct Successor {
    attributes: Attributes,
    access: Access,
    class: Class,
    material: Material,
    /// The key, if it was made for this version.
    made: Option<Made>,
    /// The value of a kept object, if it is new.
    value: Option<Bytes>,
}

/// What replaces the attributes and the key of an object.
pub(in crate::kms) struct Exchange {
    pub(in crate::kms) attributes: Attributes,
    pub(in crate::kms) class: Class,
    pub(in crate::kms) material: Material,
    /// The value of a kept object.
    pub(in crate::kms) value: Option<Bytes>,
}

impl Successor {
    /// A successor that is equal to the present version.
    fn of(object: &Object) -> Self {
        Self {
            attributes: object.attributes.clone(),
            access: object.access.clone(),
            class: object.class,
            material: object.material.clone(),
            made: None,
            value: None,
        }
    }
}

impl<'a> Grant<'a> {
    pub(in crate::kms) fn object(&self) -> &Object {
        &self.object
    }

    /// The object's attributes at the time of the call, with those that are the same for all objects.
    pub(in crate::kms) fn attributes(&self) -> Result<Attributes, Error> {
        let mut attributes = self.counted(self.object.shown(self.call.now))?;
        let digest = sha256(self.object.id.as_bytes());
        attributes.short_unique_identifier = Some(Bytes::from(digest.get(..SHORT).unwrap_or_default().to_vec()));
        attributes.lease_time = Some(LEASE);
        attributes.protection_storage_mask = Some(self.kms.storage());
        // Only Create sets this date, on what the HSM generated.
        if attributes.original_creation_date.is_some() {
            attributes.random_number_generator.get_or_insert(RandomNumberGenerator::unspecified());
        }
        Ok(attributes)
    }

    /// Records that the object is given out for the first time: its attribute Fresh becomes false.
    pub(in crate::kms) fn note_giving(&self) -> Result<(), Error> {
        if self.object.attributes.fresh != Some(true) {
            return Ok(());
        }
        self.change(|_, attributes| {
            attributes.fresh = Some(false);
            Ok(())
        })
    }

    /// Refuses an object that was destroyed.
    pub(in crate::kms) fn undestroyed(self) -> Result<Self, Error> {
        self.object.check_undestroyed(self.call.now)?;
        Ok(self)
    }

    /// Checks whether the key may be used now for the purpose of the operation: state, dates and usage mask.
    pub(in crate::kms) fn usable(self) -> Result<Usable<'a>, Error> {
        let operation = self.call.operation;
        let purpose = operation.purpose().ok_or(Error::UsageMask(operation.name()))?;
        self.usable_for(purpose)
    }

    /// Checks whether the key may be used now for another purpose.
    pub(in crate::kms) fn usable_for(self, purpose: Purpose) -> Result<Usable<'a>, Error> {
        let grant = self.undestroyed()?;
        grant.call.uncommitted.check_keyed(&grant.object.id)?;
        grant.object.kind.check_use(&grant.object.id, purpose.mask)?;
        disabled::check(&grant.object)?;
        if let (false, Some(legacy)) = (grant.kms.legacy, grant.object.algorithm().and_then(mechanism::legacy)) {
            return Err(CipherFault::Legacy(legacy).into());
        }
        let dates = Dates::of(&grant.object.attributes);
        state::permit(grant.object.state(grant.call.now), &dates, purpose.kind, grant.call.now)?;
        if !grant.object.permits(purpose.mask) {
            return Err(Error::UsageMask(purpose.name));
        }
        // The use of a wrapping key is noted only after the wrapped key was checked.
        if purpose.mask != UsageMask::WRAP_KEY {
            grant.note_use();
        }
        Ok(Usable(grant))
    }

    /// Notes that the key is used today.
    pub(super) fn note_use(&self) {
        self.kms.note_use_of(&self.object, self.call.now);
    }

    /// The key in clear. The class is checked first, so that the error names the reason; the HSM token would refuse as
    /// well.
    pub(in crate::kms) fn value(&self) -> Result<Secret, Error> {
        self.check_in_clear()?;
        let value = self.kms.custody.value(&self.object.key)?;
        Ok(match self.object.padded_from() {
            Some(bytes) => Secret::new(value.get(..bytes).unwrap_or_default().to_vec().into()),
            None => value,
        })
    }

    /// Refuses a key whose class does not permit that it leaves in clear. Notes the use.
    pub(super) fn check_in_clear(&self) -> Result<(), Error> {
        disabled::check(&self.object)?;
        match (self.object.class, self.kms.custody.kept_as(Class::Exporting)) {
            (Class::Sealing, Class::Sealing) => Err(Error::NoneLeaves),
            (Class::Sealing, _) => Err(Error::NotExtractable),
            (Class::Guarding, Class::Exporting) => Err(Error::Sensitive),
            (Class::Guarding, _) => Err(Error::NoneInClear),
            (Class::Exporting, _) => {
                self.note_use();
                Ok(())
            }
        }
    }

    /// The public half of a pair: a SubjectPublicKeyInfo in DER.
    pub(in crate::kms) fn public_key(&self) -> Result<&[u8], Error> {
        disabled::check(&self.object)?;
        match &self.object.material {
            Material::Public { info } => Ok(info),
            _ => Err(Error::NotExtractable),
        }
    }

    /// Refuses attributes under which the caller would not be permitted to perform this action.
    pub(in crate::kms) fn check_outcome(&self, present: &Object, attributes: &Attributes) -> Result<(), Error> {
        let id = attributes.unique_identifier.as_ref().and_then(UniqueIdentifier::as_text).unwrap_or(&present.id);
        let mut judged = attributes.clone();
        formers::follow(&mut judged, (&present.id, &present.attributes), id);
        let resource = Resource { id, properties: &judged, ..present.resource() };
        self.refuse(self.kms.policy.load().decide(self.call.caller(), self.action, &resource))
    }

    /// The permission to replace `present` by an object with these attributes, for callers who may add objects. With
    /// `is_addition`, the request names the project and therefore needs the permission to add to it.
    pub(in crate::kms) fn successor(
        &self,
        present: &Object,
        attributes: &Attributes,
        is_addition: bool,
    ) -> Result<NewGrant<'a>, Error> {
        let project = present.access.project.clone();
        let policy = self.kms.policy.load();
        self.refuse(if is_addition {
            let resource = Resource { properties: attributes, ..present.resource() };
            policy.decide_create(self.call.caller(), self.action, &resource)
        } else {
            policy.decide_adding(self.call.caller(), project.as_deref())
        })?;
        self.check_outcome(present, attributes)?;
        Ok(NewGrant { kms: self.kms, call: self.call, action: self.action, project })
    }

    /// Turns a refusal of the policy into an error, and records it.
    fn refuse(&self, decision: Decision) -> Result<(), Error> {
        let Err(refusal) = decision else { return Ok(()) };
        self.kms.refused(self.call, self.action, Some(&self.object.id), &refusal)?;
        Err(Error::NotPermitted { action: self.action.word(), refusal })
    }

    /// Changes attributes. `change` receives the present object.
    pub(in crate::kms) fn change(
        &self,
        change: impl FnOnce(&Object, &mut Attributes) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.change_holding(None, change)
    }

    /// Changes attributes, and holds the lock on a new name of the object until the change is committed.
    pub(in crate::kms) fn change_holding(
        &self,
        name: Option<Turn>,
        change: impl FnOnce(&Object, &mut Attributes) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.replace_holding(name.into_iter().collect(), |object| {
            let mut attributes = object.attributes.clone();
            change(object, &mut attributes)?;
            Ok(Successor { attributes, ..Successor::of(object) })
        })
    }

    /// Changes the owner and grants of the object.
    pub(in crate::kms) fn change_access(
        &self,
        change: impl FnOnce(&Object, &mut Access) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.replace(|object| {
            let mut access = object.access.clone();
            change(object, &mut access)?;
            Ok(Successor { access, ..Successor::of(object) })
        })
    }

    /// Changes attributes and gives up the key. When this returns the key cannot be used any more. Its bytes are
    /// removed soon after from the database's files, or from the HSM token if that fails now ([`Kms::erase`]).
    pub(in crate::kms) fn destroy(
        &self,
        change: impl FnOnce(&Object, &mut Attributes) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.replace(|object| {
            let mut attributes = object.attributes.clone();
            change(object, &mut attributes)?;
            // The name of a token object is not secret. It is needed to remove the object even after a crash.
            let material = match &object.material {
                Material::Token { cka_id } => Material::Token { cka_id: cka_id.clone() },
                Material::Wrapped { .. } | Material::Public { .. } | Material::Destroyed => Material::Destroyed,
            };
            Ok(Successor { attributes, material, ..Successor::of(object) })
        })
    }

    /// Replaces attributes and key, or value, by those that `make` returns for the present object. Pending changes of
    /// owner end: their approvers agreed to the former key. The locks on new names are held until the change is committed.
    pub(in crate::kms) fn exchange(
        &self,
        names: Vec<Turn>,
        make: impl FnOnce(&Object) -> Result<Exchange, Error>,
    ) -> Result<(), Error> {
        self.replace_holding(names, |object| {
            let Exchange { attributes, class, material, value } = make(object)?;
            let made = Some(Made::new(&self.kms.custody, &material));
            let access = Access { pending: Pending::default(), ..object.access.clone() };
            for (operation, what) in object.access.pending.ended() {
                self.call.conclude(operation, format!("{what}: the key was replaced"));
            }
            Ok(Successor { attributes, access, class, material, made, value })
        })
    }

    /// The present object, and the lock to change it; no lock if an earlier item of the same message has it, whose
    /// change is committed together with this one.
    pub(super) fn turn(&self) -> Result<(Option<Turn>, Arc<Object>), Error> {
        let id = &self.object.id;
        if let Some(present) = self.call.uncommitted.get(id) {
            return Ok((None, present));
        }
        let turn = self.kms.take_turn(self.call, id)?;
        let present = self.kms.load(id)?.ok_or_else(|| Error::NotFound(id.clone()))?;
        if present.version != self.object.version {
            // The permission may be what has changed.
            self.kms.decide(self.call, self.action, &present)?;
        }
        Ok((Some(turn), present))
    }

    fn replace(&self, successor: impl FnOnce(&Object) -> Result<Successor, Error>) -> Result<(), Error> {
        self.replace_holding(Vec::new(), successor)
    }

    /// Writes the next version of the row. A key that only the former version has is removed from the HSM token. The
    /// locks on new names are held until the change is committed.
    fn replace_holding(
        &self,
        names: Vec<Turn>,
        successor: impl FnOnce(&Object) -> Result<Successor, Error>,
    ) -> Result<(), Error> {
        let (kms, id) = (self.kms, &self.object.id);
        let (turn, present) = self.turn()?;
        let Successor { mut attributes, mut access, class, material, made, value } = successor(&present)?;
        attributes.last_change_date = Some(self.call.now);
        if is_destroyed(attributes.state) {
            access.pending = Pending::default();
        }
        let version = present.version + 1;
        let object = new_object(version, access, id, attributes, class, material)?;
        let is_gone = is_destroyed(object.attributes.state);
        let former = (is_gone || object.material != present.material).then(|| present.material.clone());
        let erasure = former.as_ref().map(|former| kms.erasure(&object, Some(former))).transpose()?;
        let has_values = object.kind.values().is_some();
        let index = object.index();
        let (row, sealed) = kms.bound_with(&object, value.as_ref(), self.call.written())?;
        let (object, size) = Kms::successor(&row, &present)?;
        let sealed_size = sealed.as_ref().map_or(0, |sealed| sealed.data.len());
        let gone = || secret_path::remove(id.clone()).then(secret_version::remove(id.clone()));
        let kept = sealed.map(|sealed| secret_version::remove(id.clone()).then(sealed.insert(0)));
        let count = kms.count_of(&object, Some(&present), is_gone)?;
        let beside = (is_gone && has_values).then(gone).into_iter().chain(kept).chain([count]);
        let command = row.update(index).then(Command::all(beside));
        let mut records = vec![self.call.change(self.action, id, version)];
        records.extend(self.call.conclusions(self.action, id, version));
        let mut prepared = Prepared::succession(command.erasing(erasure).recorded(records), object, size, turn);
        prepared.size += sealed_size;
        kms.commit(self.call, prepared.holding(names).with_keys(made, former).ending(is_gone))
    }
}

impl Usable<'_> {
    pub(in crate::kms) fn object(&self) -> &Object {
        &self.0.object
    }

    pub(in crate::kms) fn sign(&self, mechanism: Signature, digest: &[u8]) -> Result<Vec<u8>, Error> {
        Ok(self.0.kms.custody.sign(&self.0.object.key, mechanism, digest)?)
    }

    pub(in crate::kms) fn is_signature(
        &self,
        mechanism: Signature,
        digest: &[u8],
        signature: &[u8],
    ) -> Result<bool, Error> {
        let public_key = self.0.public_key()?;
        let verified = is_signature(public_key, mechanism, digest, signature);
        verified.map_err(|error| Error::Internal(custody::Error::PublicKey(error)))
    }
}
