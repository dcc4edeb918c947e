//! The access token of a login in later commands, and its renewal.

use std::path::Path;

use super::exchange::now;
use super::kept::Kept;
use crate::api::logins::{Given, Presented};
use crate::cli::error::Error;
use crate::client::{Client, Settings};
use crate::secret::Password;

/// Returns the access token of the last login, which is kept at `place`, if this server issued it. It is renewed if it
/// expires soon.
pub(in crate::cli) async fn token(settings: &Settings, place: &Path) -> Result<Option<Password>, Error> {
    let Some(kept) = Kept::read(place)?.filter(|kept| kept.is_of(&settings.url)) else { return Ok(None) };
    let kept = if kept.is_due() { kept.renewed(&Client::new(settings)?, place).await? } else { kept };
    Ok(Some(kept.token))
}

impl Kept {
    /// Returns whether the token should be renewed: less than a quarter of its lifetime is left.
    fn is_due(&self) -> bool {
        let left = self.expires.saturating_sub(now());
        self.is_renewable && left > 0 && left < self.expires.saturating_sub(self.since) / 4
    }

    /// Lets the server renew the token. If this fails, the present token is used, and the server reports the error for
    /// it.
    async fn renewed(self, client: &Client, place: &Path) -> Result<Self, Error> {
        let body = Presented { access_token: &*self.token };
        let given = client.post_json("/api/v1/auth/token/renew", &body).await;
        let Ok(Given { access_token, expires_in, .. }) = given else { return Ok(self) };
        let next = Self { token: access_token, since: now(), expires: now().saturating_add(expires_in), ..self };
        next.write(place).await?;
        Ok(next)
    }
}
