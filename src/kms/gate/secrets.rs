//! Reading and writing secrets with a grant.

use std::sync::Arc;

use super::super::cache;
use super::super::call::Call;
use super::super::error::Error;
use super::super::object::{Object, is_destroyed};
use super::super::secret_path::{DEFAULT_ACCOUNT, SecretPath};
use super::loading::new_object;
use super::prepared::{Made, Prepared};
use super::service::{Grant, Kms, NewGrant};
use crate::custody::{self, Cipher, Direction, Encrypted, TokenError};
use crate::kmip::enumerations::Operation;
use crate::kmip::{Attributes, UniqueIdentifier};
use crate::policy::{Action, Grants, Refusal, Resource, Rule};
use crate::secret::Bytes;
use crate::store::object::{self, Class};
use crate::store::secret_version::{self, SecretVersion};
use crate::store::{self, Command, secret_path};
use crate::turns::retry;

/// Distinguishes this use of a key from every other use.
const CONTEXT: &[u8] = b"claviger secret\0";

/// The length of the AES-GCM tag, in bits.
const TAG_BITS: usize = 128;

/// The additional authenticated data of a value: the identifier of its object, and its number.
fn additional_data(object: &str, number: i64) -> Vec<u8> {
    [CONTEXT, &number.to_be_bytes(), object.as_bytes()].concat()
}

/// Reason why a secret may not be added.
pub(super) struct NotAdded {
    pub(super) refusal: Refusal,
    /// Whether the caller has some other access to the account, so that it may be revealed.
    pub(super) may_know: bool,
}

impl NotAdded {
    /// The answer about the secret of this path: the same if it exists and belongs to another user, and if it does not exist.
    pub(super) fn into_error(self, path: &SecretPath) -> Error {
        match self {
            Self { refusal, may_know: true } => Error::NotPermitted { action: Action::WriteSecret.word(), refusal },
            Self { may_know: false, .. } => Error::NotFound(path.name()),
        }
    }
}

impl Kms {
    /// Decides whether the caller may perform an action on the secret of a path; `None` if the secret does not exist.
    /// If the decision fails, or if the secret does not exist and is not about to be added, a record is on disk before
    /// the answer, as for a refusal. Otherwise the response time would reveal which secrets exist.
    pub(in crate::kms) fn authorize_secret<'a>(
        &'a self,
        call: &'a Call<'a>,
        action: Action,
        path: &SecretPath,
    ) -> Result<Option<Grant<'a>>, Error> {
        let object = match self.secret_at(path) {
            Ok(Some(object)) => object,
            Ok(None) if action == Action::WriteSecret => return Ok(None),
            Ok(None) => {
                self.record(|| call.undecided(action, None, &Error::NotFound(path.name())))?;
                return Ok(None);
            }
            Err(error) => {
                self.record(|| call.undecided(action, None, &error))?;
                return Err(error);
            }
        };
        let rule = match self.decide(call, action, &object) {
            Ok(rule) => rule,
            // The same answer as for a secret that does not exist.
            Err(Error::NotFound(_)) if action == Action::WriteSecret => {
                let project = self.project_of_account(path)?;
                return Err(match self.decide_adding(call, project.as_deref(), &object.attributes) {
                    Ok(_) => Error::NotFound(path.name()),
                    Err(refused) => refused.into_error(path),
                });
            }
            Err(error) => return Err(error),
        };
        call.trail.permitted(action, Some(&object.id), rule);
        Ok(Some(Grant { kms: self, call, action, object }))
    }

    /// Decides whether the caller may add the secret of a path, to the project of its account.
    pub(in crate::kms) fn authorize_new_secret<'a>(
        &'a self,
        call: &'a Call<'a>,
        path: &SecretPath,
        attributes: &Attributes,
    ) -> Result<NewGrant<'a>, Error> {
        let (action, project) = (Action::WriteSecret, self.project_of_account(path)?);
        match self.decide_adding(call, project.as_deref(), attributes) {
            Ok(rule) => {
                call.trail.permitted(action, None, rule);
                Ok(NewGrant { kms: self, call, action, project })
            }
            Err(refused) => {
                self.refused(call, action, None, &refused.refusal)?;
                Err(refused.into_error(path))
            }
        }
    }

    /// The decision about adding a secret.
    pub(super) fn decide_adding(
        &self,
        call: &Call<'_>,
        project: Option<&str>,
        attributes: &Attributes,
    ) -> Result<Rule, NotAdded> {
        let (policy, caller, action) = (self.policy.load(), call.caller(), Action::WriteSecret);
        let id = attributes.unique_identifier.as_ref().and_then(UniqueIdentifier::as_text).unwrap_or_default();
        let grants = Grants::default();
        let owned_by = |owner| Resource { id, owner, project, grants: &grants, properties: attributes };
        // No user has an empty name.
        let (own, others) = (owned_by(caller.username.as_str()), owned_by(""));
        let by_role = if project.is_some() { policy.decide(caller, action, &others).map(drop) } else { Ok(()) };
        by_role.and_then(|()| policy.decide_create(caller, action, &own)).map_err(|refusal| {
            let may_know = policy.decide(caller, Action::Operation(Operation::Locate), &others).is_ok();
            NotAdded { refusal, may_know }
        })
    }

    /// The project for new secrets of an account: the one with the account's name, whether it exists or not. The
    /// default account is the exception: while no such project exists, it needs none. A removed project in which
    /// objects remain counts as existing.
    pub(super) fn project_of_account(&self, path: &SecretPath) -> Result<Option<String>, Error> {
        let account = path.account();
        Ok((!self.is_open(account)?).then(|| account.to_owned()))
    }

    /// Whether secrets of the account need no project: the default account, while no project has its name.
    pub(super) fn is_open(&self, account: &str) -> Result<bool, Error> {
        Ok(account == DEFAULT_ACCOUNT
            && !self.policy.load().has_project(account)
            && !object::any_in_project(&self.store, account)?)
    }

    /// The object that holds the secret of a path, if it exists and was not destroyed.
    pub(super) fn secret_at(&self, path: &SecretPath) -> Result<Option<Arc<Object>>, Error> {
        let name = path.name();
        let indexed = secret_path::find(&self.store, &name)?;
        let found = match &indexed {
            Some(id) => Some(self.load(id)?.ok_or_else(|| refuse_path(&name, id))?),
            None => self.load(&path.former_id())?,
        };
        match found {
            Some(object) if !path.is_of(&object) => Err(refuse_path(&name, &object.id)),
            found => Ok(found.filter(|object| !is_destroyed(object.attributes.state))),
        }
    }

    /// Refuses a value that is too long for one call of the HSM, before a key is made for it.
    pub(in crate::kms) fn expect_fits(&self, value: &Bytes) -> Result<(), Error> {
        let cipher = Cipher::AesGcm { iv: &[], aad: &[], tag_bits: TAG_BITS };
        Ok(self.custody.expect_fits(&cipher, Direction::Encrypt, value.len())?)
    }

    /// Encrypts a value by the object's key and returns its row. The first use of a key is not counted here: the row
    /// that is added with the key counts it.
    pub(super) fn seal(
        &self,
        object: &Object,
        number: i64,
        (created, writer): (i64, &str),
        value: &Bytes,
    ) -> Result<SecretVersion, Error> {
        let iv = self.custody.fresh_gcm_iv()?;
        let aad = additional_data(&object.id, number);
        let cipher = Cipher::AesGcm { iv: &iv, aad: &aad, tag_bits: TAG_BITS };
        let Encrypted { data, own_iv } = match number {
            1 => self.custody.encrypt_afresh(&object.key, &cipher, value)?,
            _ => self.encrypt_afresh(object, &cipher, value)?,
        };
        let (object, iv) = (object.id.clone(), own_iv.unwrap_or_else(|| iv.to_vec()));
        Ok(SecretVersion { object, number, created, iv, data, binding: Vec::new(), writer: writer.to_owned() })
    }
}

impl NewGrant<'_> {
    /// Adds a secret with its first value, owned by the caller.
    pub(in crate::kms) fn insert_secret(
        &self,
        path: &SecretPath,
        id: &str,
        attributes: Attributes,
        value: &Bytes,
    ) -> Result<(), Error> {
        self.insert_sealed(id, attributes, value, secret_path::insert(path.name(), id.to_owned()))
    }

    /// Adds an object with its value, encrypted by a key that is made for it, together with `beside`.
    pub(super) fn insert_sealed(
        &self,
        id: &str,
        attributes: Attributes,
        value: &Bytes,
        beside: Command,
    ) -> Result<(), Error> {
        let kms = self.kms;
        let material = self.sealing_key(&attributes)?;
        let made = Made::new(&kms.custody, &material);
        let object = new_object(1, self.access(), id, attributes, Class::Sealing, material)?;
        let mut version = kms.seal(&object, 1, self.call.written(), value)?;
        let (mut row, index) = (object.to_row(), object.index());
        let mut uses = kms.invocations.begin(id, 1);
        [row.binding, uses.binding, version.binding] =
            kms.custody.bind_together([&row.bound(), &uses.bound(), &version.bound()])?;
        let size = cache::size(&row) + version.data.len();
        let command = beside.then(row.insert(index)).then(uses.write()).then(version.insert(0));
        let command = command.then(self.count_of(&object)?);
        let command = command.recorded(vec![self.call.change(self.action, id, 1)]);
        self.note_added(object)?;
        kms.commit(self.call, Prepared::addition(command, made, size))
    }
}

impl Grant<'_> {
    /// Reads a value: the last one, or the one with this number.
    pub(in crate::kms) fn read_secret(&self, number: Option<i64>) -> Result<Bytes, Error> {
        self.note_use();
        let (kms, id) = (self.kms, &self.object.id);
        self.call.uncommitted.check_keyed(id)?;
        let mut present = Arc::clone(&self.object);
        retry(Error::Contention, || {
            let values = present.kind.values().ok_or_else(|| Error::NotASecret(id.clone()))?;
            let wanted = number.unwrap_or(*values.end());
            if !values.contains(&wanted) {
                return Err(Error::NoSecretVersion(wanted));
            }
            let found = match secret_version::find(&kms.store, id, wanted) {
                Err(store::Error::Malformed(_)) => return Err(kms.refuse_version(id, wanted)),
                found => found?,
            };
            let Some(row) = found else {
                // A newer value may have replaced it in the meantime. If not, its row was removed from the database.
                present = self.newer(&present, wanted)?;
                return Ok(None);
            };
            if !kms.custody.is_bound(&row.bound(), &row.binding)? {
                return Err(kms.refuse_version(id, wanted));
            }
            let aad = additional_data(id, wanted);
            let cipher = Cipher::AesGcm { iv: &row.iv, aad: &aad, tag_bits: TAG_BITS };
            match kms.custody.decrypt(&present.key, &cipher, &row.data) {
                Ok(value) => Ok(Some(Bytes::from(&value[..]))),
                // An import may have replaced the value and its key in the meantime.
                Err(custody::Error::Token(TokenError::DecryptionFailed)) => {
                    present = self.newer(&present, wanted)?;
                    Ok(None)
                }
                Err(error) => Err(error.into()),
            }
        })
    }

    /// The object after a change in the meantime, if the caller may still read it.
    ///
    /// # Errors
    /// Also [`Error::Integrity`], if it was not changed: then its value `wanted` was changed in the database.
    fn newer(&self, present: &Object, wanted: i64) -> Result<Arc<Object>, Error> {
        let (kms, id) = (self.kms, &self.object.id);
        kms.cache.forget(id);
        let newer = kms.load(id)?.ok_or_else(|| Error::NotFound(id.clone()))?;
        if newer.version == present.version {
            return Err(kms.refuse_version(id, wanted));
        }
        if is_destroyed(newer.attributes.state) {
            return Err(Error::NotFound(id.clone()));
        }
        kms.decide(self.call, self.action, &newer)?;
        Ok(newer)
    }
}

impl Kms {
    /// Logs that the row of a value is not what the server wrote, and returns the error.
    fn refuse_version(&self, id: &str, number: i64) -> Error {
        tracing::error!(
            id,
            number,
            "ROW REFUSED: a value of a secret was changed, exchanged or removed in the database"
        );
        Error::Integrity(id.to_owned())
    }
}

/// Logs that the index names a wrong object for a path, and returns the error.
fn refuse_path(name: &str, id: &str) -> Error {
    tracing::error!(id, name, "ROW REFUSED: the object does not hold the secret that the index of names has it for");
    Error::Integrity(id.to_owned())
}
