//! What API tokens are worth, for this service itself and for the others.

use crate::api_tokens::store;
use async_trait::async_trait;
use rollcall_common::auth::{ApiTokenAuthority, ApiTokenGrant};
use rollcall_common::db::Unscoped;
use rollcall_common::fault::Fault;
use rollcall_common::server::Core;

/// Looks into the service's own table.
pub struct Own(pub Core);

#[async_trait]
impl ApiTokenAuthority for Own {
    async fn grant(&self, hash: [u8; 32]) -> Result<Option<ApiTokenGrant>, Fault> {
        let now = self.0.clock.now();
        let find = move |conn: &mut _| Ok::<_, Fault>(store::by_hash(conn, &hash, now)?);
        let row = self.0.db.transaction(Unscoped, find).await?;
        Ok(row.map(|row| ApiTokenGrant {
            api_token_id: row.api_token_id,
            user_id: row.user_id,
            scopes: row.scopes(),
            created_at: row.created_at.to_jiff(),
            expires_at: row.expires_at.to_jiff(),
        }))
    }
}
