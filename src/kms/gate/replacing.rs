//! Replacing keys by new ones (Re-key and Re-key Key Pair), for a caller or by the clock.

use std::sync::Arc;

use super::super::cache;
use super::super::call::Call;
use super::super::error::Error;
use super::super::formers;
use super::super::handover::Pending;
use super::super::key_pair::{Half, pair_kind};
use super::super::lifecycle_fault::LifecycleFault;
use super::super::object::Object;
use super::super::object_kind::{Half as Terms, ObjectKind, secret_key_kind, uses};
use super::super::operations::create_key_pair::{link_halves, linked};
use super::super::ownership::Access;
use super::super::pairs::check_halves;
use super::super::proposal::{Proposal, digest_of};
use super::super::{rotation, uuid};
use super::loading::new_object;
use super::prepared::{Made, Prepared};
use super::service::{Grant, Kms};
use crate::audit::Record;
use crate::custody::SecretKeyKind;
use crate::kmip::enumerations::State;
use crate::kmip::ttlv::{DateTime, Interval};
use crate::kmip::{Attributes, Tag};
use crate::store::object::{Class, Material};
use crate::store::{self, Command};
use crate::turns::Turn;

/// A key that is replaced, and the lock on its changes; no lock if an earlier item of the same message has it.
pub(super) struct Former {
    pub(super) present: Arc<Object>,
    pub(super) turn: Option<Turn>,
}

/// A replacement that is made.
pub(super) struct New {
    id: String,
    attributes: Attributes,
    class: Class,
    material: Material,
}

impl Grant<'_> {
    /// Replaces the symmetric key by a new one with the attributes that `propose` returns for the present key. Returns the
    /// identifier of the new one. The locks on new names are held until the change is committed.
    pub(in crate::kms) fn re_key(
        &self,
        names: Vec<Turn>,
        propose: impl FnOnce(&Object) -> Result<Proposal, Error>,
    ) -> Result<String, Error> {
        let (turn, present) = self.turn()?;
        rotation::check_replaceable(&present, ObjectKind::SymmetricKey, self.call.now)?;
        let Proposal { id, mut attributes, kind, class } = propose(&present)?;
        rotation::complete(&present, &mut attributes, self.call.now)?;
        let (new, made) = self.kms.make_secret(id, attributes, kind, class)?;
        self.commit_replacement(vec![(Former { present, turn }, new)], made, names).map(|mut ids| ids.remove(0))
    }

    /// Replaces a pair by a new one. `public` is the grant on the public half.
    pub(in crate::kms) fn re_key_pair(
        &self,
        public: &Grant<'_>,
        names: Vec<Turn>,
        propose: impl FnOnce(&Object, &Object) -> Result<[Half; 2], Error>,
    ) -> Result<[String; 2], Error> {
        let (turn, private) = self.turn()?;
        let (other_turn, other) = public.turn_beside()?;
        rotation::check_replaceable(&private, ObjectKind::PrivateKey, self.call.now)?;
        rotation::check_replaceable(&other, ObjectKind::PublicKey, self.call.now)?;
        check_halves(&private, &other)?;
        let halves = propose(&private, &other)?;
        let formers = [Former { present: private, turn }, Former { present: other, turn: other_turn }];
        let (news, made) = self.kms.make_pair(Some(self.call), &formers, halves, self.call.now)?;
        let ids = self.commit_replacement(formers.into_iter().zip(news).collect(), made, names)?;
        <[String; 2]>::try_from(ids).map_err(|_| Error::Contention)
    }

    /// The present object and its lock, for a caller that holds the lock on another object: it does not wait.
    fn turn_beside(&self) -> Result<(Option<Turn>, Arc<Object>), Error> {
        let id = &self.object.id;
        if let Some(present) = self.call.uncommitted.get(id) {
            return Ok((None, present));
        }
        let turn = self.kms.turns.take_free(id)?;
        let present = self.kms.load(id)?.ok_or_else(|| Error::NotFound(id.clone()))?;
        if present.version != self.object.version {
            self.kms.decide(self.call, self.action, &present)?;
        }
        Ok((Some(turn), present))
    }

    fn commit_replacement(
        &self,
        couples: Vec<(Former, New)>,
        made: Made,
        names: Vec<Turn>,
    ) -> Result<Vec<String>, Error> {
        let record = |id: &str, version| self.call.change(self.action, id, version);
        let (prepared, added) = self.kms.replacement(couples, made, self.call.now, &record)?;
        let ids = added.iter().map(|object| object.id.clone()).collect();
        for object in added {
            self.note_added(object)?;
        }
        self.kms.commit(self.call, prepared.holding(names))?;
        Ok(ids)
    }

    fn note_added(&self, object: Object) -> Result<(), Error> {
        let uncommitted = &self.call.uncommitted;
        if uncommitted.is_of_message() {
            if uncommitted.get(&object.id).is_some() || store::object::find(&self.kms.store, &object.id)?.is_some() {
                return Err(Error::Exists(object.id));
            }
            uncommitted.note(&Arc::new(object), true);
        }
        Ok(())
    }
}

impl Kms {
    /// Replaces a key, or both halves of a pair by its private key, because its time has come. Returns the change, and the
    /// objects that it adds; `None` if another call is changing the key.
    pub(super) fn rotated(&self, former: Former, now: DateTime) -> Result<Option<Prepared>, Error> {
        let offset = former.present.attributes.rotate_offset;
        let record = |id: &str, version| Record::clock("ReKey", id, version, None);
        let (couples, made) = match former.present.kind {
            ObjectKind::PrivateKey => {
                let Some(public) = linked(&former.present.attributes, Terms::PRIVATE.link).map(str::to_owned) else {
                    return Ok(None);
                };
                let Ok(turn) = self.turns.take_free(&public) else { return Ok(None) };
                let other = self.load(&public)?.ok_or(Error::NotFound(public))?;
                check_halves(&former.present, &other)?;
                rotation::check_replaceable(&other, ObjectKind::PublicKey, now)?;
                if other.state(now) == State::Deactivated {
                    return Err(LifecycleFault::Ended(other.id.clone()).into());
                }
                let halves = [own_half(&former.present, now, offset)?, own_half(&other, now, offset)?];
                let formers = [former, Former { present: other, turn: Some(turn) }];
                let (news, made) = self.make_pair(None, &formers, halves, now)?;
                (formers.into_iter().zip(news).collect(), made)
            }
            _ => {
                let Half { id, mut attributes, class } = own_half(&former.present, now, offset)?;
                let kind = secret_key_kind(&attributes).ok_or(Error::Missing(Tag::CryptographicLength))?;
                if let Some(algorithm) = attributes.cryptographic_algorithm {
                    self.check_algorithm(algorithm)?;
                }
                // A key of this length that the HSM makes would make no MAC.
                if former.present.padded_from().is_some() {
                    return Err(LifecycleFault::TooShort.into());
                }
                rotation::complete(&former.present, &mut attributes, now)?;
                let (new, made) = self.make_secret(id, attributes, kind, class)?;
                (vec![(former, new)], made)
            }
        };
        self.replacement(couples, made, now, &record).map(|(prepared, _)| Some(prepared))
    }

    fn make_secret(
        &self,
        id: String,
        mut attributes: Attributes,
        kind: SecretKeyKind,
        class: Class,
    ) -> Result<(New, Made), Error> {
        let mask = attributes.cryptographic_usage_mask.unwrap_or_default();
        let (material, digest) = self.custody.generate(class, kind, uses(mask))?;
        let made = Made::new(&self.custody, &material);
        attributes.digests.extend(digest_of(digest, &attributes));
        Ok((New { id, attributes, class, material }, made))
    }

    fn make_pair(
        &self,
        call: Option<&Call<'_>>,
        formers: &[Former; 2],
        halves: [Half; 2],
        now: DateTime,
    ) -> Result<(Vec<New>, Made), Error> {
        let [mut private, mut public] = halves;
        link_halves(&mut private, &mut public)?;
        let [former, other] = formers;
        rotation::complete(&former.present, &mut private.attributes, now)?;
        rotation::complete(&other.present, &mut public.attributes, now)?;
        let (kind, uses) = (pair_kind(&private.attributes)?, ObjectKind::PrivateKey.uses(&private.attributes));
        let (material, info) = self.generate_pair(call, private.class, kind, uses)?;
        let made = Made::new(&self.custody, &material);
        let new = |Half { id, attributes, class }, material| New { id, attributes, class, material };
        Ok((vec![new(private, material), new(public, Material::Public { info })], made))
    }

    /// The change that replaces keys, with the objects that it adds. The replacement has the owner, the project and the
    /// grants of the key that it replaces, whoever asks for it. Only the server sets the links between both.
    fn replacement(
        &self,
        couples: Vec<(Former, New)>,
        made: Made,
        now: DateTime,
        record: &dyn Fn(&str, i64) -> Record,
    ) -> Result<(Prepared, Vec<Object>), Error> {
        let (mut commands, mut records) = (Vec::new(), Vec::new());
        let (mut changed, mut added) = (Vec::new(), Vec::new());
        for (Former { present, turn }, New { id, mut attributes, class, material }) in couples {
            let project = present.access.project.as_deref();
            formers::follow(&mut attributes, (&present.id, &present.attributes), &id);
            let lasting = self.policy.load().lasting(formers::of(&attributes), &id, project);
            formers::set(&mut attributes, &lasting)?;
            let version = present.version + 1;
            let (access, key) = (present.access.clone(), present.material.clone());
            let own = rotation::replaced(&present.attributes, &id, now)?;
            let object = new_object(version, access.clone(), &present.id, own, present.class, key)?;
            let (row, index) = (self.bind(&object)?, object.index());
            let (object, size) = Self::successor(&row, &present)?;
            commands.push(row.update(index));
            records.push(record(&object.id, version));
            changed.push((Arc::new(object), size, turn));

            let access = Access { pending: Pending::default(), ..access };
            // A row above the bounds could not be read again.
            let object = new_object(1, access, &id, attributes.overridden(None)?, class, material)?;
            let (row, index) = (self.bind(&object)?, object.index());
            let mut command = row.insert(index).then(self.count_of(&object, None, false)?);
            if object.kind == ObjectKind::SymmetricKey {
                let mut uses = self.invocations.begin(&id, 0);
                uses.binding = self.custody.bind(&uses.bound())?;
                command = command.then(uses.write());
            }
            commands.push(command);
            records.push(record(&id, 1));
            added.push(object);
        }
        let size: usize = added.iter().map(|object| cache::size(&object.to_row())).sum();
        let mut prepared = Prepared::replacement(Command::all(commands).recorded(records), made, changed);
        prepared.size += size;
        Ok((prepared, added))
    }
}

/// The attributes of a replacement that nobody asks for: those of the key, and what Create sets.
fn own_half(present: &Object, now: DateTime, offset: Option<Interval>) -> Result<Half, Error> {
    let id = uuid::ordered()?;
    let mut attributes = rotation::copied(present, now, offset);
    attributes.initial_date = Some(now);
    attributes.last_change_date = Some(now);
    attributes.original_creation_date = Some(now);
    attributes.fresh = Some(true);
    let class = present.class;
    attributes.always_sensitive = Some(class.is_sensitive());
    attributes.never_extractable = Some(!class.is_extractable());
    Ok(Half { id, attributes, class })
}
