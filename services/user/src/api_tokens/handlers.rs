//! One's own API tokens, and what services ask about one.
//!
//! Making one takes no `Idempotency-Key`: a stored answer would be a stored secret. One whose answer was lost shows in
//! the list, and is revoked.

use crate::api_tokens::authority::Own;
use crate::api_tokens::domain::{self, ApiToken, MOST};
use crate::api_tokens::store::{self, Key, NewApiToken, Row};
use crate::app::App;
use crate::audit::domain::Act;
use crate::audit::store::{self as audit, Entry};
use crate::error::Error;
use crate::notices::Notices;
use crate::origin::Origin;
use crate::responses;
use crate::sessions::fresh;
use actix_web::http::header::{CACHE_CONTROL, LOCATION};
use actix_web::{HttpResponse, delete, get, post, web};
use jiff::Timestamp;
use rollcall_common::answer::Answer;
use rollcall_common::auth::{ApiTokenAuthority as _, ApiTokenGrant, Caller, ServiceCaller, parse_api_token_hash};
use rollcall_common::describe::PageParams;
use rollcall_common::extract::{Json, Path, Query};
use rollcall_common::fault::Fault;
use rollcall_common::paging::{PageQuery, Paged};
use rollcall_common::pii::Pii;
use rollcall_common::validate::Fields;
use rollcall_ids::SessionId;
use rollcall_user_api::events::Credential;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A token to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "name": "Time clock at the gate", "scopes": ["attendance:write"], "expires_at": "2026-09-01T00:00:00Z"
}))]
pub struct ApiTokenRequest {
    /// What tells it apart; 1 to 100 characters.
    #[schema(min_length = 1, max_length = 100)]
    name: String,
    /// `<service>:read` or `<service>:write`, of what its owner may do; `user:write` does not exist.
    scopes: Vec<String>,
    /// When it ends; within 366 days.
    expires_at: Timestamp,
}

/// A token, without what it is made of.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "api_token_id": "0193a6f0-7c1e-7000-8000-000000000003", "name": "Time clock at the gate",
    "scopes": ["attendance:write"], "created_at": "2026-06-01T09:00:00Z", "expires_at": "2026-09-01T00:00:00Z",
    "last_used_at": "2026-06-01T10:00:00Z"
}))]
pub struct ApiTokenView {
    /// Its id.
    api_token_id: SessionId,
    /// What its owner calls it.
    name: String,
    /// What it may be used for.
    scopes: Vec<String>,
    /// When it was made.
    created_at: Timestamp,
    /// When it ends.
    expires_at: Timestamp,
    /// When it was last used, to a minute.
    last_used_at: Option<Timestamp>,
}

/// A token that was just made.
#[derive(Debug, Serialize, ToSchema)]
pub struct MadeApiTokenView {
    /// Goes into `Authorization: Bearer …`; it is not to be had again.
    #[schema(value_type = String, example = "rct_n3h2v0sYtqkq1q8m1D3m0o7r8J9x2cV5bN4mL6kJ7hG")]
    token: Pii<String>,
    /// What is known of it.
    #[serde(flatten)]
    about: ApiTokenView,
}

impl From<Row> for ApiTokenView {
    fn from(row: Row) -> Self {
        Self {
            scopes: row.scopes(),
            api_token_id: row.api_token_id,
            name: row.name,
            created_at: row.created_at.to_jiff(),
            expires_at: row.expires_at.to_jiff(),
            last_used_at: row.last_used_at.to_jiff(),
        }
    }
}

/// One's own API tokens
///
/// Those that are not revoked, newest first.
#[utoipa::path(
    tag = "api-tokens",
    security(("bearer" = [])),
    params(PageParams),
    responses(
        (status = 200, description = "A page", body = Paged<ApiTokenView>),
        responses::OwnList,
    ),
)]
#[get("/api/user/v1/api-tokens")]
pub(crate) async fn list_api_tokens(
    app: web::Data<App>,
    caller: Caller,
    Query(query): Query<PageQuery>,
) -> Result<Answer, Error> {
    caller.in_person()?;
    let page = query.page::<Key>()?;
    let (asked, user_id) = (page.clone(), caller.user_id);
    let list = move |conn: &mut _| -> Result<_, Error> { Ok(store::of_user(conn, user_id, &asked)?) };
    let rows = app.core.db.transaction(&caller, list).await?;
    let rows = Paged::new(rows, &page, |row| Key(row.created_at.to_jiff(), row.api_token_id))?;
    Ok(Answer::ok(&rows.map(ApiTokenView::from))?)
}

/// Make an API token
///
/// It is shown once. Needs a session that began within the last minutes (`sign_in_again`).
#[utoipa::path(
    tag = "api-tokens",
    security(("bearer" = [])),
    request_body = ApiTokenRequest,
    responses(
        (status = 201, description = "The token", body = MadeApiTokenView, headers(("Location" = String, description = "Where it is revoked"))),
        responses::MakingApiToken,
    ),
)]
#[post("/api/user/v1/api-tokens")]
pub(crate) async fn make_api_token(
    app: web::Data<App>,
    caller: Caller,
    origin: Origin,
    body: Json<ApiTokenRequest>,
) -> Result<HttpResponse, Error> {
    caller.in_person()?;
    let now = app.core.clock.now();
    let mut fields = Fields::new();
    let name = fields.take("/name", domain::name(&body.0.name));
    let scopes = fields.take("/scopes", domain::scopes(&body.0.scopes));
    let expires_at = fields.take("/expires_at", domain::expires_at(body.0.expires_at, now));
    let (name, scopes, expires_at) = fields.all((name, scopes, expires_at))?;
    let token = ApiToken::generate();
    let new = NewApiToken { user_id: caller.user_id, name, scopes, hash: token.hash(), expires_at };
    let row = make(&app, &caller, new, origin, now).await?;
    let location = format!("/api/user/v1/api-tokens/{}", row.api_token_id);
    let view = MadeApiTokenView { token: token.into_inner(), about: row.into() };
    Ok(HttpResponse::Created()
        .insert_header((LOCATION, location))
        .insert_header((CACHE_CONTROL, "no-store"))
        .json(view))
}

async fn make(app: &App, caller: &Caller, new: NewApiToken, origin: Origin, now: Timestamp) -> Result<Row, Error> {
    let (session_id, window, notices) = (caller.session_id, app.fresh_window(), Notices::of(app));
    app.core
        .db
        .transaction(caller, move |conn| {
            fresh::require(conn, new.user_id, session_id, window, now)?;
            if store::count(conn, new.user_id, now)? >= MOST {
                return Err(Error::TooManyApiTokens);
            }
            let row = store::insert(conn, &new, now)?;
            let session_id = Some(row.api_token_id);
            let act = Act::ApiTokenCreated;
            audit::record(conn, &Entry { user_id: Some(new.user_id), act, session_id, origin: &origin }, now)?;
            notices.changed(conn, new.user_id, Credential::ApiTokenCreated, now)?;
            Ok(row)
        })
        .await
}

/// Revoke an API token
///
/// It is refused here at once, and by the other services within two seconds. 404 when there is none, or it was revoked.
#[utoipa::path(
    tag = "api-tokens",
    security(("bearer" = [])),
    params(("api_token_id" = SessionId, Path, description = "Id of the token")),
    responses(
        (status = 204, description = "Revoked"),
        responses::OwnOne,
    ),
)]
#[delete("/api/user/v1/api-tokens/{api_token_id}")]
pub(crate) async fn revoke_api_token(
    app: web::Data<App>,
    caller: Caller,
    origin: Origin,
    path: Path<SessionId>,
) -> Result<Answer, Error> {
    caller.in_person()?;
    let (user_id, id, now, closer) = (caller.user_id, path.0, app.core.clock.now(), app.closer.clone());
    let ended = app
        .core
        .db
        .transaction(&caller, move |conn| {
            if !store::revoke(conn, user_id, id, now)? {
                return Err(Error::from(Fault::NotFound));
            }
            let act = Act::ApiTokenRevoked;
            audit::record(conn, &Entry { user_id: Some(user_id), act, session_id: Some(id), origin: &origin }, now)?;
            closer.revoke_api_token(conn, user_id, id, now)
        })
        .await?;
    app.closer.committed(&ended);
    Ok(Answer::no_content())
}

/// What an API token is worth
///
/// For services only; asked by the hash of the token.
#[utoipa::path(
    tag = "internal",
    security(("service" = [])),
    params(("hash" = String, Path, description = "SHA-256 of the token, base64url")),
    responses(
        (status = 200, description = "What it is worth", body = ApiTokenGrant),
        responses::Internal,
    ),
)]
#[get("/internal/v1/api-tokens/{hash}")]
pub(crate) async fn read_api_token(
    app: web::Data<App>,
    _caller: ServiceCaller,
    path: Path<String>,
) -> Result<Answer, Error> {
    let hash = parse_api_token_hash(&path.0).ok_or(Fault::NotFound)?;
    let grant = Own(app.core.clone()).grant(hash).await?.ok_or(Fault::NotFound)?;
    Ok(Answer::ok(&grant)?)
}
