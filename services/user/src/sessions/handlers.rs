//! Signing in, refreshing, signing out.
//!
//! These take no `Idempotency-Key`: a stored answer would be a stored secret. A login sent twice makes two sessions, of
//! which one is never used and expires; a refresh whose answer was lost is repeated within ten seconds.

use crate::app::App;
use crate::error::Error;
use crate::passwords::domain::Password;
use crate::responses;
use crate::sessions::domain::RefreshToken;
use crate::sessions::flow::{self, SignedIn};
use crate::users::domain::EmailAddress;
use crate::users::handlers::UserView;
use actix_web::http::StatusCode;
use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpResponse, delete, post, web};
use rollcall_common::answer::Answer;
use rollcall_common::auth::Caller;
use rollcall_common::extract::Json;
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
fn answer(status: StatusCode, app: &App, signed_in: SignedIn) -> HttpResponse {
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
/// No account and a wrong password are the same answer after the same time.
#[utoipa::path(
    tag = "sessions",
    request_body = LogIn,
    responses(
        (status = 201, description = "A new session", body = SessionView),
        responses::SigningIn,
    ),
)]
#[post("/api/user/v1/sessions")]
pub(crate) async fn log_in(app: web::Data<App>, body: Json<LogIn>) -> Result<HttpResponse, Error> {
    let mut fields = Fields::new();
    let email = fields.take("/email", EmailAddress::parse(body.0.email.expose()));
    let (email,) = fields.all((email,))?;
    let signed_in = flow::log_in(&app, email, Password::presented(body.0.password.expose())).await?;
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
pub(crate) async fn refresh(app: web::Data<App>, body: Json<Refresh>) -> Result<HttpResponse, Error> {
    let signed_in = flow::refresh(&app, RefreshToken::presented(body.0.refresh_token)).await?;
    Ok(answer(StatusCode::OK, &app, signed_in))
}

/// Sign out
///
/// Ends the session of the access token: its refresh tokens are worth nothing from now on. The access token itself is
/// believed until it expires, five minutes at most.
#[utoipa::path(
    tag = "sessions",
    security(("bearer" = [])),
    responses(
        (status = 204, description = "Ended"),
        responses::Own,
    ),
)]
#[delete("/api/user/v1/sessions/current")]
pub(crate) async fn log_out(app: web::Data<App>, caller: Caller) -> Result<Answer, Error> {
    flow::log_out(&app, caller.user_id, caller.session_id).await?;
    Ok(Answer::no_content())
}
