//! Rows of the credentials that the server issues, and the MACs by which it recognizes them.

use std::sync::Arc;

use super::super::call::Call;
use super::super::error::Error;
use super::service::{AdministrationGrant, Kms, Use};
use crate::audit::Record;
use crate::auth::{Comparing, Lockouts};
use crate::custody::CredentialKind;
use crate::policy::{Action, HostDocument, IdentityDocument, UniversalAuthDocument};
use crate::secret::{Password, is_equal};
use crate::store;
use crate::store::api_key::{self, ApiKey};
use crate::store::client_secret::{self, ClientSecret};
use crate::turns::{Crowded, Turn, retry};

/// How often a revocation is tried while others count uses.
const REVOCATIONS: usize = 50;

/// Maximum number of client secrets of one identity that are not revoked.
pub(in crate::kms) const MAX_CLIENT_SECRETS: i64 = 1_000;

/// The lock to change the API key of a host.
pub(super) struct KeyTurn {
    host: String,
    _turn: Turn,
}

impl Kms {
    /// The identity with this client id, and its identifier. Called before the caller is authenticated.
    pub(in crate::kms) fn client(&self, client_id: &str) -> Option<(String, Arc<IdentityDocument>)> {
        let policy = self.policy.load();
        let id = policy.client(client_id)?;
        Some((id.to_owned(), policy.identity(id)?))
    }

    /// The networks that are locked out.
    pub(in crate::kms) fn lockouts(&self) -> &Lockouts {
        &self.lockouts
    }

    /// The MAC of a credential that an unauthenticated caller presents. This is one call of the HSM, for which `_place`
    /// reserves a place.
    pub(in crate::kms) fn presented_mac(
        &self,
        kind: CredentialKind,
        holder: &str,
        presented: &str,
        _place: &Comparing<'_>,
    ) -> Result<Vec<u8>, Error> {
        Ok(self.custody.credential_mac(kind, holder, presented.as_bytes())?)
    }

    /// The client secret with this MAC. Returns [`Error::Integrity`] if the row is not what the server wrote.
    pub(in crate::kms) fn client_secret_with(&self, mac: &[u8]) -> Result<Option<ClientSecret>, Error> {
        let ids = client_secret::with_mac(&self.store, mac)?;
        let id = match ids.as_slice() {
            [] => return Ok(None),
            [id] => id,
            // Two client secrets are never the same.
            [id, ..] => return Err(refuse(&client_secret::name(id))),
        };
        Ok(self.client_secret_row(id)?.filter(|row| is_equal(&row.mac, mac)))
    }

    /// The row of a client secret, checked in the same way.
    fn client_secret_row(&self, id: &str) -> Result<Option<ClientSecret>, Error> {
        let name = client_secret::name(id);
        let found = believed(&name, client_secret::find(&self.store, id))?;
        match found {
            Some(row) if !self.custody.is_bound(&row.bound(), &row.binding)? => Err(refuse(&name)),
            found => Ok(found),
        }
    }

    /// Counts one use of a client secret at `now`; the count is on disk when this returns. A secret is never used more
    /// often than its limit. Simultaneous uses are counted in one write.
    pub(in crate::kms) fn use_client_secret(&self, known: &ClientSecret, now: i64) -> Result<Use, Error> {
        self.uses.ask(&self.turns, &client_secret::name(&known.id), (), |wanted| {
            let wanted = i64::try_from(wanted.len()).unwrap_or(i64::MAX);
            // Another server may count at the same time.
            let (mut counted, beyond) = retry(Error::Contention, || match self.count_uses(&known.id, now, wanted) {
                Err(Error::Contention) => Ok(None),
                counted => counted.map(Some),
            })?;
            Ok(move || {
                counted -= 1;
                if counted >= 0 { Use::Counted } else { beyond }
            })
        })
    }

    /// Counts `wanted` uses, or as many as are left. Returns how many were counted, and the outcome of the others.
    fn count_uses(&self, id: &str, now: i64, wanted: i64) -> Result<(i64, Use), Error> {
        let before = match self.client_secret_row(id) {
            Ok(Some(row)) => row,
            Ok(None) => {
                let _ = refuse(&client_secret::name(id));
                return Ok((0, Use::Refused));
            }
            Err(Error::Integrity(_)) => return Ok((0, Use::Refused)),
            Err(error) => return Err(error),
        };
        if before.revoked {
            return Ok((0, Use::Revoked));
        }
        let left = if before.uses_limit > 0 { before.uses_limit.saturating_sub(before.uses) } else { wanted };
        let counted = left.min(wanted);
        if counted <= 0 {
            return Ok((0, Use::Spent));
        }
        let mut next = ClientSecret { uses: before.uses.saturating_add(counted), updated: now, ..before.clone() };
        next.binding = self.custody.bind(&next.bound())?;
        self.store.write(next.update(before))?;
        Ok((counted, Use::Spent))
    }

    /// The API key of a host. Returns [`Error::Integrity`] if the row is not what the server wrote.
    pub(in crate::kms) fn api_key(&self, host: &str) -> Result<Option<ApiKey>, Error> {
        let name = api_key::name(host);
        let found = believed(&name, api_key::find(&self.store, host))?;
        match found {
            Some(row) if !self.custody.is_bound(&row.bound(), &row.binding)? => Err(refuse(&name)),
            found => Ok(found),
        }
    }

    /// Takes the lock to change the API key of a host, for administrators. They wait for each other, but not for a host
    /// that changes its own key again and again.
    pub(super) fn key_turn(&self, host: &str) -> Result<KeyTurn, Error> {
        Ok(KeyTurn { host: host.to_owned(), _turn: self.turns.take(&api_key::name(host))? })
    }

    /// Gives a host a new API key in place of that of `row`; the former key is not valid any more when this returns.
    /// Returns [`Error::Contention`] if the key is changed at the same time: administrators go first.
    pub(in crate::kms) fn rotate_api_key(
        &self,
        call: &Call<'_>,
        document: &HostDocument,
        row: &ApiKey,
    ) -> Result<Password, Error> {
        let turn = self.turns.take_free(&api_key::name(&row.host)).map_err(|Crowded| Error::Contention)?;
        let turn = KeyTurn { host: row.host.clone(), _turn: turn };
        self.issue_api_key_row(&turn, call, Action::AccessToken, document, row.version)
    }

    fn issue_api_key_row(
        &self,
        turn: &KeyTurn,
        call: &Call<'_>,
        action: Action,
        document: &HostDocument,
        version: i64,
    ) -> Result<Password, Error> {
        let (key, holder) = (self.custody.new_credential()?, document.api_key_holder(&turn.host));
        let mac = self.custody.credential_mac(CredentialKind::ApiKey, &holder, key.as_bytes())?;
        let row = self.next_api_key((&turn.host, &document.account), version, call.now.0, Some(mac))?;
        self.write_api_key(call, action, row)?;
        Ok(key)
    }

    fn next_api_key(
        &self,
        (host, account): (&str, &str),
        version: i64,
        changed: i64,
        mac: Option<Vec<u8>>,
    ) -> Result<ApiKey, Error> {
        let (host, account, version) = (host.to_owned(), account.to_owned(), version + 1);
        let row = ApiKey { host, version, account, changed, mac, binding: Vec::new() };
        Ok(ApiKey { binding: self.custody.bind(&row.bound())?, ..row })
    }

    fn write_api_key(&self, call: &Call<'_>, action: Action, row: ApiKey) -> Result<(), Error> {
        let record = call.change(action, &api_key::name(&row.host), row.version);
        self.commit(call, row.write().recorded(vec![record]))
    }

    /// The row that removes the API key of a host that is added or removed, and its record: another host of the same
    /// name must not inherit the key. `None` if the host has no key.
    pub(super) fn without_api_key(
        &self,
        turn: &KeyTurn,
        now: i64,
        record: impl FnOnce(&str, i64) -> Record,
    ) -> Result<Option<(ApiKey, Record)>, Error> {
        let host = &turn.host;
        let version = api_key::version(&self.store, host)?;
        let account = match self.api_key(host) {
            Ok(None | Some(ApiKey { mac: None, .. })) => return Ok(None),
            Ok(Some(row)) => row.account,
            // The content of a faulty row does not matter: it is replaced.
            Err(Error::Integrity(_)) => String::new(),
            Err(error) => return Err(error),
        };
        let row = self.next_api_key((host, &account), version, now, None)?;
        let record = record(&api_key::name(host), row.version);
        Ok(Some((row, record)))
    }
}

impl AdministrationGrant<'_> {
    /// The Universal Auth configuration of an identity.
    pub(in crate::kms) fn universal_auth(&self, identity: &str) -> Result<UniversalAuthDocument, Error> {
        let (_, document) = self.identity(identity)?;
        let missing = || Error::Undefined { kind: "Universal Auth of the identity", name: identity.to_owned() };
        document.universal_auth.ok_or_else(missing)
    }

    /// Writes the row of a new client secret and returns the secret. `row` is complete except MAC and binding; its
    /// prefix is put before the random digits of the secret.
    pub(in crate::kms) fn add_client_secret(&self, mut row: ClientSecret) -> Result<(Password, ClientSecret), Error> {
        let kms = self.kms;
        let secret = Password::from(format!("{}{}", row.prefix, &*kms.custody.new_credential()?));
        row.mac = kms.custody.credential_mac(CredentialKind::ClientSecret, &row.auth, secret.as_bytes())?;
        row.binding = kms.custody.bind(&row.bound())?;
        let record = self.call.change(Action::Administer, &client_secret::name(&row.id), row.version);
        let added = kms.commit(self.call, row.clone().insert(MAX_CLIENT_SECRETS).recorded(vec![record]));
        added.map_err(|error| match error {
            Error::Store(store::Error::Full) => Error::TooManyClientSecrets(MAX_CLIENT_SECRETS),
            error => error,
        })?;
        Ok((secret, row))
    }

    /// Identifiers of the client secrets of a Universal Auth that are not revoked, at most `limit`, after `after`.
    pub(in crate::kms) fn client_secrets(&self, auth: &str, after: &str, limit: usize) -> Result<Vec<String>, Error> {
        Ok(client_secret::of_auth(&self.kms.store, auth, after, limit)?)
    }

    /// The client secret with this identifier, if it belongs to the Universal Auth.
    pub(in crate::kms) fn client_secret(&self, auth: &str, id: &str) -> Result<ClientSecret, Error> {
        let found = self.kms.client_secret_row(id)?.filter(|row| row.auth == auth);
        found.ok_or_else(|| Error::Undefined { kind: "client secret", name: id.to_owned() })
    }

    /// Revokes a client secret; one that is revoked already stays as it is. Logins with it continue in the meantime and
    /// do not delay the revocation.
    pub(in crate::kms) fn revoke_client_secret(&self, auth: &str, id: &str) -> Result<ClientSecret, Error> {
        let (kms, name) = (self.kms, client_secret::name(id));
        let _turn = kms.turns.take(&name)?;
        // Logins at another server count uses at the same time, and must not keep the revocation away.
        for _ in 0..REVOCATIONS {
            let known = self.client_secret(auth, id)?;
            if known.revoked {
                return Ok(known);
            }
            let (version, updated) = (known.version + 1, self.call.now.0);
            let mut next = ClientSecret { version, revoked: true, updated, ..known.clone() };
            next.binding = kms.custody.bind(&next.bound())?;
            let record = self.call.change(Action::Administer, &name, version);
            match kms.commit(self.call, next.clone().update(known).recorded(vec![record])) {
                Err(Error::Contention) => {}
                committed => return committed.map(|()| next),
            }
        }
        Err(Error::Contention)
    }

    /// Clears the failures of a Universal Auth; returns the number of networks that were locked out.
    pub(in crate::kms) fn clear_lockouts(&self, auth: &str) -> usize {
        self.kms.lockouts.clear_all(auth)
    }

    /// The host with this name, if it belongs to the account.
    fn host(&self, account: &str, host: &str) -> Result<Arc<HostDocument>, Error> {
        let found = self.kms.host(host).filter(|document| document.account == account);
        found.ok_or_else(|| Error::Undefined { kind: "host", name: host.to_owned() })
    }

    /// Gives a host a new API key.
    pub(in crate::kms) fn issue_api_key(&self, account: &str, host: &str) -> Result<Password, Error> {
        let turn = self.kms.key_turn(host)?;
        let document = self.host(account, host)?;
        // The content of the present row does not matter: it is replaced.
        let version = api_key::version(&self.kms.store, host)?;
        self.kms.issue_api_key_row(&turn, self.call, Action::Administer, &document, version)
    }

    /// Removes the API key of a host. The host itself may have been removed before.
    pub(in crate::kms) fn revoke_api_key(&self, account: &str, host: &str) -> Result<(), Error> {
        let missing = || Error::Undefined { kind: "API key of the host", name: host.to_owned() };
        let _turn = self.kms.key_turn(host)?;
        let version = api_key::version(&self.kms.store, host)?;
        match self.kms.api_key(host) {
            Ok(Some(row)) if row.mac.is_some() && row.account == account => {}
            Err(Error::Integrity(_)) => {}
            Err(error) => return Err(error),
            Ok(_) => return Err(missing()),
        }
        let row = self.kms.next_api_key((host, account), version, self.call.now.0, None)?;
        self.kms.write_api_key(self.call, Action::Administer, row)
    }
}

/// Returns the row that was read, or refuses a row whose columns are invalid.
fn believed<T>(name: &str, found: Result<Option<T>, store::Error>) -> Result<Option<T>, Error> {
    match found {
        Err(store::Error::Malformed(_)) => {
            tracing::error!(name, "ROW REFUSED: its columns make no sense, so it was changed in the database");
            Err(Error::Integrity(name.to_owned()))
        }
        found => Ok(found?),
    }
}

/// Logs that a row is not what the server wrote, and returns the error.
fn refuse(name: &str) -> Error {
    tracing::error!(name, "ROW REFUSED: its binding is wrong, so it was changed or exchanged in the database");
    Error::Integrity(name.to_owned())
}
