//! Adding objects with a [`NewGrant`].

use std::sync::Arc;

use zeroize::Zeroizing;

use super::super::cipher_fault::CipherFault;
use super::super::error::Error;
use super::super::handover::Pending;
use super::super::key_pair::{Half, pair_kind};
use super::super::object::Object;
use super::super::object_kind::{ObjectKind, uses};
use super::super::ownership::Access;
use super::super::{cache, mechanism};
use super::loading::new_object;
use super::prepared::{Made, Prepared};
use super::service::{Kms, NewGrant};
use crate::custody::{Mac, PairKind, PrivateParts, SecretKeyKind, Uses};
use crate::kmip::enumerations::CryptographicAlgorithm;
use crate::kmip::{Attributes, Dialect, UsageMask};
use crate::policy::Grants;
use crate::store::object::{Class, Index, Material};
use crate::store::{self, Command};

/// Length in bytes of the shortest block of a hash: that of SHA-1 and SHA-256. Every HMAC takes a secret of this length.
const SHORTEST_BLOCK: usize = 64;

/// The HMACs that AES keys from outside make. SHA-3 has longer blocks than these hashes.
const HMACS: [Mac; 5] = [Mac::HmacSha1, Mac::HmacSha224, Mac::HmacSha256, Mac::HmacSha384, Mac::HmacSha512];

impl Kms {
    /// Refuses an algorithm that the operator does not allow, or that the HSM token does not have.
    pub(super) fn check_algorithm(&self, algorithm: CryptographicAlgorithm) -> Result<(), Error> {
        if let (false, Some(legacy)) = (self.legacy, mechanism::legacy(algorithm)) {
            return Err(CipherFault::Legacy(legacy).into());
        }
        if mechanism::optional(algorithm).is_some_and(|optional| !self.custody.has(optional)) {
            let token = self.custody.token_label().to_owned();
            return Err(CipherFault::Lacks { what: algorithm.name(Dialect::Oasis), token }.into());
        }
        Ok(())
    }
}

impl NewGrant<'_> {
    /// The key lengths in bytes that the HSM token accepts for a MAC.
    pub(in crate::kms) fn mac_key_size(&self, mechanism: Mac) -> Result<std::ops::RangeInclusive<usize>, Error> {
        let sizes = self.kms.custody.mac_key_size(mechanism);
        sizes.map_err(|error| self.kms.lacking(mechanism.name(), error))
    }

    /// The length in bytes to which a secret for this MAC is padded with zeros, which does not change an HMAC up to the block
    /// length of its hash (RFC 2104); `None` if it is not padded.
    pub(in crate::kms) fn padded(&self, mechanism: Mac, bytes: usize) -> Result<Option<usize>, Error> {
        let least = *self.mac_key_size(mechanism)?.start();
        let is_padded = bytes < least && least <= SHORTEST_BLOCK && !self.kms.custody.is_placing();
        Ok(is_padded.then_some(SHORTEST_BLOCK))
    }

    /// Refuses an algorithm that the operator does not allow, or that the HSM token does not have.
    pub(in crate::kms) fn check_algorithm(&self, algorithm: CryptographicAlgorithm) -> Result<(), Error> {
        self.kms.check_algorithm(algorithm)
    }

    /// The class for a key that must be as exportable as a key of this class.
    pub(in crate::kms) fn kept_as(&self, class: Class) -> Class {
        self.kms.custody.kept_as(class)
    }

    /// Imports a key into the HSM token. A value that is shorter than the kind is padded with zeros. So is an AES key that
    /// may make MACs and is too short for some HMAC: beside the key itself, for HMACs.
    pub(in crate::kms) fn import(
        &self,
        class: Class,
        kind: SecretKeyKind,
        mask: UsageMask,
        value: &[u8],
    ) -> Result<Material, Error> {
        let import = |kind: SecretKeyKind, uses| {
            let mut padded = Zeroizing::new(Vec::with_capacity(kind.bytes().max(value.len())));
            padded.extend_from_slice(value);
            padded.resize(kind.bytes().max(value.len()), 0);
            self.kms.custody.import(class, kind, uses, &padded)
        };
        let uses = uses(mask);
        let mut material = import(kind, uses)?;
        if let (SecretKeyKind::Aes { bytes }, Material::Wrapped { blob, .. }) = (kind, &mut material)
            && uses.sign
            && HMACS.into_iter().any(|mac| self.padded(mac, bytes).is_ok_and(|padded| padded.is_some()))
        {
            let signing = Uses { sign: true, ..Uses::default() };
            if let Material::Wrapped { blob: padded, .. } =
                import(SecretKeyKind::Generic { bytes: SHORTEST_BLOCK }, signing)?
            {
                blob.extend(padded);
            }
        }
        Ok(material)
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
        let command = row.insert(index).then(uses.write()).then(self.count_of(&object)?);
        let command = command.recorded(vec![self.call.change(self.action, id, 1)]);
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
        let (material, info) = kms.generate_pair(Some(self.call), private.class, kind, uses)?;
        let made = Made::new(&kms.custody, &material);
        let halves = [(self, private, material), (other, public, Material::Public { info })];
        let mut records = Vec::with_capacity(2);
        let mut new = |(grant, half, material): (&NewGrant<'_>, Half, Material)| {
            let object = new_object(1, grant.access(), &half.id, half.attributes, half.class, material)?;
            records.push(self.call.change(self.action, &half.id, 1));
            let new = (object.to_row(), object.index(), grant.count_of(&object)?);
            grant.note_added(object)?;
            Ok::<_, Error>(new)
        };
        let [private, public] = halves;
        let mut rows = [new(private)?, new(public)?];
        let [(one, ..), (other, ..)] = &mut rows;
        [one.binding, other.binding] = kms.custody.bind_together([&one.bound(), &other.bound()])?;
        let size = rows.iter().map(|(row, ..)| cache::size(row)).sum();
        let insert = |(row, index, count): (store::object::Object, Index, Command)| row.insert(index).then(count);
        let command = Command::all(rows.into_iter().map(insert)).recorded(records);
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
