//! Signing in, refreshing, signing out.
//!
//! These take no `Idempotency-Key`: a stored answer would be a stored secret. A login sent twice makes two sessions, of
//! which one is never used and expires; a refresh whose answer was lost is repeated within ten seconds.

use crate::app::App;
use crate::error::Error;
use crate::origin::Origin;
use crate::passwords::domain::Password;
use crate::responses;
use crate::sessions::domain::RefreshToken;
use crate::sessions::flow::{self, SignedIn};
use crate::sessions::store::{self, EndReason, Key, SessionRow};
use crate::users::domain::EmailAddress;
use crate::users::handlers::UserView;
use actix_web::http::StatusCode;
use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpResponse, delete, get, post, web};
use jiff::Timestamp;
use rollcall_common::answer::Answer;
use rollcall_common::auth::{Caller, RevocationList, ServiceCaller};
use rollcall_common::describe::PageParams;
use rollcall_common::extract::{Json, Path, Query};
use rollcall_common::fault::Fault;
use rollcall_common::paging::{PageQuery, Paged};
use rollcall_common::pii::Pii;
use rollcall_common::validate::Fields;
use rollcall_ids::SessionId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Who signs in.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"email": "ada@example.org", "password": "correct horse battery staple"}))]
pub struct LogIn {
    /// E-mail address of the account, in any case.
    #[schema(value_type = String, format = Email)]
    email: Pii<String>,
    /// Its password.
    #[schema(value_type = String, format = Password)]
    password: Pii<String>,
}

/// A refresh token that is exchanged.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"refresh_token": "n3h2v0sYtqkq1q8m1D3m0o7r8J9x2cV5bN4mL6kJ7hG"}))]
pub struct Refresh {
    /// The refresh token of the last answer.
    #[schema(value_type = String, format = Password)]
    refresh_token: Pii<String>,
}

/// A signed-in session: what to show to the services, and what to exchange when that ends.
#[derive(Debug, Serialize, ToSchema)]
pub struct SessionView {
    /// Goes into `Authorization: Bearer …` of every request.
    #[schema(value_type = String, example = "eyJ0eXAiOiJKV1QiLCJhbGciOiJFZERTQSIsImtpZCI6Ii4uLiJ9.eyJpc3MiOiJyb2xsY2FsbCJ9.c2ln")]
    access_token: Pii<String>,
    /// Always `Bearer`.
    #[schema(example = "Bearer")]
    token_type: &'static str,
    /// Seconds for which the access token is valid.
    #[schema(example = 300)]
    expires_in: i64,
    /// Exchanged once at `POST /api/user/v1/sessions/refresh` for the next pair.
    #[schema(value_type = String, example = "n3h2v0sYtqkq1q8m1D3m0o7r8J9x2cV5bN4mL6kJ7hG")]
    refresh_token: Pii<String>,
    /// Id of the session, the same after every refresh.
    session_id: SessionId,
    /// Who is signed in.
    user: UserView,
}

/// Answers with tokens, which no cache may keep (RFC 6749 §5.1).
pub(crate) fn answer(status: StatusCode, app: &App, signed_in: SignedIn) -> HttpResponse {
    let view = SessionView {
        access_token: signed_in.access_token,
        token_type: "Bearer",
        expires_in: app.tokens.lifetime.as_secs(),
        refresh_token: signed_in.refresh_token.into_inner(),
        session_id: signed_in.session_id,
        user: signed_in.user.into(),
    };
    HttpResponse::build(status).insert_header((CACHE_CONTROL, "no-store")).json(view)
}

/// Sign in
///
/// No account and a wrong password are the same answer after the same time. With a second factor the answer is 401
/// `mfa_required`, and the problem has a `challenge` for `POST /api/user/v1/sessions/mfa`.
#[utoipa::path(
    tag = "sessions",
    request_body = LogIn,
    responses(
        (status = 201, description = "A new session", body = SessionView),
        responses::SigningIn,
    ),
)]
#[post("/api/user/v1/sessions")]
pub(crate) async fn log_in(app: web::Data<App>, origin: Origin, body: Json<LogIn>) -> Result<HttpResponse, Error> {
    let mut fields = Fields::new();
    let email = fields.take("/email", EmailAddress::parse(body.0.email.expose()));
    let (email,) = fields.all((email,))?;
    let signed_in = flow::log_in(&app, email, Password::presented(body.0.password.expose()), origin).await?;
    Ok(answer(StatusCode::CREATED, &app, signed_in))
}

/// Exchange a refresh token for the next pair
///
/// Each refresh token is exchanged once. The spent one is taken again for 10 seconds, because the answer may have been
/// lost; later it means that two parties hold it, and the whole session is ended (`refresh_reused`).
#[utoipa::path(
    tag = "sessions",
    request_body = Refresh,
    responses(
        (status = 200, description = "The next pair", body = SessionView),
        responses::Refreshing,
    ),
)]
#[post("/api/user/v1/sessions/refresh")]
pub(crate) async fn refresh(app: web::Data<App>, origin: Origin, body: Json<Refresh>) -> Result<HttpResponse, Error> {
    let signed_in = flow::refresh(&app, RefreshToken::presented(body.0.refresh_token), origin).await?;
    Ok(answer(StatusCode::OK, &app, signed_in))
}

/// Sign out
///
/// Ends the session of the access token: its refresh tokens are worth nothing from now on, and its access token is
/// refused, here at once and by the other services within two seconds.
#[utoipa::path(
    tag = "sessions",
    security(("bearer" = [])),
    responses(
        (status = 204, description = "Ended"),
        responses::Own,
    ),
)]
#[delete("/api/user/v1/sessions/current")]
pub(crate) async fn log_out(app: web::Data<App>, caller: Caller, origin: Origin) -> Result<Answer, Error> {
    caller.in_person()?;
    match flow::end(&app, caller.user_id, caller.session_id, EndReason::SignedOut, origin).await {
        // Signed out by a request that ran at the same time.
        Ok(()) | Err(Error::Fault(Fault::NotFound)) => Ok(Answer::no_content()),
        Err(error) => Err(error),
    }
}

/// A session that has not ended.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "session_id": "0193a6f0-7c1e-7000-8000-000000000002", "current": true, "device": "Firefox", "address": "203.0.113.7",
    "created_at": "2026-11-20T08:00:00Z", "last_used_at": "2026-11-20T08:05:00Z", "expires_at": "2027-05-19T08:00:00Z"
}))]
pub struct OwnSessionView {
    /// Its id.
    session_id: SessionId,
    /// Whether it is the one that asks.
    current: bool,
    /// What the client called itself when it last refreshed.
    #[schema(value_type = String)]
    device: Pii<String>,
    /// From which address it last refreshed.
    #[schema(value_type = String)]
    address: Pii<String>,
    /// When somebody signed in.
    created_at: Timestamp,
    /// When it was last refreshed.
    last_used_at: Timestamp,
    /// When it is over however busy it is.
    expires_at: Timestamp,
}

/// One's own sessions
///
/// Those that have not ended, newest first.
#[utoipa::path(
    tag = "sessions",
    security(("bearer" = [])),
    params(PageParams),
    responses(
        (status = 200, description = "A page", body = Paged<OwnSessionView>),
        responses::OwnList,
    ),
)]
#[get("/api/user/v1/sessions")]
pub(crate) async fn list_sessions(
    app: web::Data<App>,
    caller: Caller,
    Query(query): Query<PageQuery>,
) -> Result<Answer, Error> {
    caller.in_person()?;
    let page = query.page::<Key>()?;
    let (asked, now, user_id) = (page.clone(), app.core.clock.now(), caller.user_id);
    let alive_since = now.saturating_sub(app.lifetimes.idle).unwrap_or(Timestamp::MIN);
    let list = move |conn: &mut _| -> Result<_, Error> { Ok(store::of_user(conn, user_id, &asked, alive_since, now)?) };
    let rows = app.core.db.transaction(&caller, list).await?;
    let rows = Paged::new(rows, &page, |row| Key(row.created_at.to_jiff(), row.session_id))?;
    let view = |row: SessionRow| OwnSessionView {
        session_id: row.session_id,
        current: row.session_id == caller.session_id,
        device: row.device.into(),
        address: row.address.into(),
        created_at: row.created_at.to_jiff(),
        last_used_at: row.last_used_at.to_jiff(),
        expires_at: row.expires_at.to_jiff(),
    };
    Ok(Answer::ok(&rows.map(view))?)
}

/// End one of one's own sessions
///
/// As signing out there would. 404 when there is none, or it has ended.
#[utoipa::path(
    tag = "sessions",
    security(("bearer" = [])),
    params(("session_id" = SessionId, Path, description = "Id of the session")),
    responses(
        (status = 204, description = "Ended"),
        responses::OwnOne,
    ),
)]
#[delete("/api/user/v1/sessions/{session_id}")]
pub(crate) async fn end_session(
    app: web::Data<App>,
    caller: Caller,
    origin: Origin,
    path: Path<SessionId>,
) -> Result<Answer, Error> {
    caller.in_person()?;
    let here = path.0 == caller.session_id;
    let reason = if here { EndReason::SignedOut } else { EndReason::EndedElsewhere };
    flow::end(&app, caller.user_id, path.0, reason, origin).await?;
    Ok(Answer::no_content())
}

/// What services refuse although it has not expired
///
/// For a service that was down and wants to know what it missed.
#[utoipa::path(
    tag = "internal",
    security(("service" = [])),
    responses(
        (status = 200, description = "Everything that still matters", body = RevocationList),
        responses::InternalList,
    ),
)]
#[get("/internal/v1/revocations")]
pub(crate) async fn list_revocations(app: web::Data<App>, _caller: ServiceCaller) -> Result<Answer, Error> {
    Ok(Answer::ok(&app.core.revocations.current().await?)?)
}
