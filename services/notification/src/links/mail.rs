//! Links in mails: where the settings name a page for what a mail is about, the mail has a link to it that carries its
//! token. In the fragment, which no server is sent and none can log.

use super::domain::Target;
use super::store;
use crate::settings::LinkSettings;
use anyhow::Context as _;
use diesel::pg::PgConnection;
use jiff::Timestamp;
use rollcall_common::fault::Fault;
use rollcall_common::seal::SealingKey;
use serde::Deserialize;
use std::sync::Arc;
use url::Url;
use url::form_urlencoded::byte_serialize;

/// Makes links.
pub struct Links {
    base: Url,
    invitation: Option<String>,
    password_reset: Option<String>,
    sealing: Arc<SealingKey>,
}

/// What of an event a link is made of.
#[derive(Deserialize)]
struct Pass {
    token: String,
    expires_at: Timestamp,
}

impl Links {
    /// Checks the pages that the settings name: each is a path below the base address.
    pub fn new(settings: &LinkSettings, sealing: Arc<SealingKey>) -> anyhow::Result<Self> {
        let pages = [
            ("links.invitation_page", &settings.invitation_page),
            ("links.password_reset_page", &settings.password_reset_page),
        ];
        for (name, page) in pages {
            if let Some(page) = page {
                let target = Target::new(&settings.base_url, page.as_str());
                let fits = target.is_ok() && !page.contains(['#', '?']);
                fits.then_some(()).with_context(|| format!("{name} = {page:?} must be a path below links.base_url"))?;
            }
        }
        Ok(Self {
            base: settings.base_url.clone(),
            invitation: settings.invitation_page.clone(),
            password_reset: settings.password_reset_page.clone(),
            sealing,
        })
    }

    /// The link of a mail by its template and what its event says; none where there is no page for it. It ends with the
    /// token that it carries.
    pub fn of(
        &self,
        conn: &mut PgConnection,
        template: &str,
        event: &serde_json::Value,
        now: Timestamp,
    ) -> Result<Option<String>, Fault> {
        let page = match template {
            "invitation" => &self.invitation,
            "password_reset" => &self.password_reset,
            _ => &None,
        };
        let Some(page) = page else { return Ok(None) };
        let Pass { token, expires_at } = Pass::deserialize(event).map_err(Fault::internal)?;
        let token: String = byte_serialize(token.as_bytes()).collect();
        let target = Target::new(&self.base, format!("{page}#token={token}")).map_err(Fault::internal)?;
        store::add(conn, &self.base, &target, &self.sealing, expires_at, now).map(Some)
    }
}
