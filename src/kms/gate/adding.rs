//! Adding objects with a [`NewGrant`].

use std::sync::Arc;

use super::super::cache;
use super::super::error::Error;
use super::super::handover::Pending;
use super::super::key_pair::{Half, pair_kind};
use super::super::object::Object;
use super::super::object_kind::{ObjectKind, uses};
use super::super::ownership::Access;
use super::loading::new_object;
use super::prepared::{Made, Prepared};
use super::service::NewGrant;
use crate::custody::{Mac, PairKind, PrivateParts, SecretKeyKind, Uses};
use crate::kmip::{Attributes, UsageMask};
use crate::policy::Grants;
use crate::store::object::{Class, Material};
use crate::store::{self, Command};

impl NewGrant<'_> {
    /// The key lengths in bytes that the HSM token accepts for a MAC.
    pub(in crate::kms) fn mac_key_size(&self, mechanism: Mac) -> Result<std::ops::RangeInclusive<usize>, Error> {
        Ok(self.kms.custody.mac_key_size(mechanism)?)
    }

    /// The class for a key that must be as exportable as a key of this class.
    pub(in crate::kms) fn kept_as(&self, class: Class) -> Class {
        self.kms.custody.kept_as(class)
    }

    /// Imports a key into the HSM token.
    pub(in crate::kms) fn import(
        &self,
        class: Class,
        kind: SecretKeyKind,
        mask: UsageMask,
        value: &[u8],
    ) -> Result<Material, Error> {
        Ok(self.kms.custody.import(class, kind, uses(mask), value)?)
    }

    /// Whether private keys of this kind can be imported into the HSM token.
    pub(in crate::kms) fn imports_private(&self, kind: PairKind) -> bool {
        self.kms.custody.imports_private(kind)
    }

    /// Imports a private key into the HSM token.
    pub(in crate::kms) fn import_private(
        &self,
        class: Class,
        kind: PairKind,
        uses: Uses,
        parts: &PrivateParts,
    ) -> Result<Material, Error> {
        Ok(self.kms.custody.import_private(class, kind, uses, parts)?)
    }

    /// Generates a key in the HSM token. Returns also the SHA-256 of its value, if the HSM token computes it.
    pub(in crate::kms) fn generate(
        &self,
        class: Class,
        kind: SecretKeyKind,
        mask: UsageMask,
    ) -> Result<(Material, Option<Vec<u8>>), Error> {
        Ok(self.kms.custody.generate(class, kind, uses(mask))?)
    }

    /// Adds the object, owned by the caller. If this fails, the key that was made in the HSM token is removed.
    pub(in crate::kms) fn insert(
        &self,
        id: &str,
        attributes: Attributes,
        class: Class,
        material: Material,
    ) -> Result<(), Error> {
        let kms = self.kms;
        let made = Made::new(&kms.custody, &material);
        let object = new_object(1, self.access(), id, attributes, class, material)?;
        let (mut row, index) = (object.to_row(), object.index());
        let mut uses = kms.invocations.begin(id, 0);
        [row.binding, uses.binding] = kms.custody.bind_together([&row.bound(), &uses.bound()])?;
        let size = cache::size(&row);
        let command = row.insert(index).then(uses.write()).recorded(vec![self.call.change(self.action, id, 1)]);
        self.note_added(object)?;
        kms.commit(self.call, Prepared::addition(command, made, size))
    }

    /// Notes an object that later items of the message may find.
    ///
    /// # Errors
    /// The identifier is not free. An addition that is committed by itself fails for this reason when it is written, but
    /// here later items would take the object for the one that has the identifier.
    pub(super) fn note_added(&self, object: Object) -> Result<(), Error> {
        let uncommitted = &self.call.uncommitted;
        if !uncommitted.is_of_message() {
            return Ok(());
        }
        if uncommitted.get(&object.id).is_some() || store::object::find(&self.kms.store, &object.id)?.is_some() {
            return Err(Error::Exists(object.id));
        }
        uncommitted.note(&Arc::new(object), true);
        Ok(())
    }

    /// Makes a key pair and adds both halves, or neither. The permission of each half decides its project.
    pub(in crate::kms) fn insert_pair(&self, private: Half, other: &NewGrant<'_>, public: Half) -> Result<(), Error> {
        let kms = self.kms;
        let (kind, uses) = (pair_kind(&private.attributes)?, ObjectKind::PrivateKey.uses(&private.attributes));
        let (material, info) = kms.custody.generate_pair(private.class, kind, uses)?;
        let made = Made::new(&kms.custody, &material);
        let halves = [(self, private, material), (other, public, Material::Public { info })];
        let mut records = Vec::with_capacity(2);
        let mut new = |(grant, half, material): (&NewGrant<'_>, Half, Material)| {
            let object = new_object(1, grant.access(), &half.id, half.attributes, half.class, material)?;
            records.push(self.call.change(self.action, &half.id, 1));
            let new = (object.to_row(), object.index());
            grant.note_added(object)?;
            Ok::<_, Error>(new)
        };
        let [private, public] = halves;
        let mut rows = [new(private)?, new(public)?];
        let [(one, _), (other, _)] = &mut rows;
        [one.binding, other.binding] = kms.custody.bind_together([&one.bound(), &other.bound()])?;
        let size = rows.iter().map(|(row, _)| cache::size(row)).sum();
        let command = Command::all(rows.into_iter().map(|(row, index)| row.insert(index))).recorded(records);
        kms.commit(self.call, Prepared::addition(command, made, size))
    }

    /// The owner and project of the new object.
    pub(super) fn access(&self) -> Access {
        Access {
            owner: self.call.caller().username.as_str().to_owned(),
            project: self.project.clone(),
            grants: Grants::default(),
            pending: Pending::default(),
        }
    }
}
