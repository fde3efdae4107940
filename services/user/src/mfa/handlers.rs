//! One's own second factor, and signing in with it.

use crate::app::App;
use crate::error::Error;
use crate::mfa::domain::{Code, RecoveryCode};
use crate::mfa::flow;
use crate::origin::Origin;
use crate::responses;
use crate::sessions::domain::RefreshToken;
use crate::sessions::handlers::{SessionView, answer};
use actix_web::http::StatusCode;
use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpResponse, delete, post, web};
use rollcall_common::answer::Answer;
use rollcall_common::auth::Caller;
use rollcall_common::extract::Json;
use rollcall_common::fault::Fault;
use rollcall_common::pii::Pii;
use rollcall_common::validate::Fields;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The second step of signing in.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"challenge": "n3h2v0sYtqkq1q8m1D3m0o7r8J9x2cV5bN4mL6kJ7hG", "code": "123456"}))]
pub struct SecondStep {
    /// `challenge` of the answer to the first step; valid for five minutes and five codes.
    #[schema(value_type = String, format = Password)]
    challenge: Pii<String>,
    /// The six digits of the app, or a recovery code.
    #[schema(value_type = String, format = Password)]
    code: Pii<String>,
}

/// A code of the app.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"code": "123456"}))]
pub struct Confirmation {
    /// The six digits of the app.
    #[schema(value_type = String, format = Password)]
    code: Pii<String>,
}

/// A secret for an authenticator app.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "secret": "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ",
    "otpauth_uri": "otpauth://totp/Rollcall:ada%40example.org?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Rollcall&algorithm=SHA1&digits=6&period=30"
}))]
pub struct EnrolmentView {
    /// To be typed into the app (base32).
    #[schema(value_type = String)]
    secret: Pii<String>,
    /// To be shown as a QR code.
    #[schema(value_type = String)]
    otpauth_uri: Pii<String>,
}

/// Codes for whoever has lost the app.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"recovery_codes": ["GEZDG-NBVGY-3TQOJ-QGEZD-GNBVG"]}))]
pub struct RecoveryCodesView {
    /// Ten, each good for one sign-in; they are not to be had again.
    #[schema(value_type = Vec<String>)]
    recovery_codes: Vec<Pii<String>>,
}

fn parse(code: &Pii<String>) -> Result<Code, Fault> {
    let mut fields = Fields::new();
    let code = fields.take("/code", Code::parse(code.expose()));
    let (code,) = fields.all((code,))?;
    Ok(code)
}

/// Sign in with the second factor
///
/// Answers a `challenge` with a code of the app, which is taken once, or with a recovery code.
#[utoipa::path(
    tag = "sessions",
    request_body = SecondStep,
    responses(
        (status = 201, description = "A new session", body = SessionView),
        responses::SecondStep,
    ),
)]
#[post("/api/user/v1/sessions/mfa")]
pub(crate) async fn log_in_mfa(
    app: web::Data<App>,
    origin: Origin,
    body: Json<SecondStep>,
) -> Result<HttpResponse, Error> {
    let code = parse(&body.0.code)?;
    let signed_in = flow::sign_in(&app, RefreshToken::presented(body.0.challenge), code, origin).await?;
    Ok(answer(StatusCode::CREATED, &app, signed_in))
}

/// Enrol a second factor
///
/// Makes a secret; it is asked for at sign-in once it is confirmed. Repeating this before makes another one. Needs a
/// session that began within the last minutes (`sign_in_again`).
#[utoipa::path(
    tag = "users",
    security(("bearer" = [])),
    responses(
        (status = 201, description = "The secret", body = EnrolmentView),
        responses::Enrolling,
    ),
)]
#[post("/api/user/v1/users/me/mfa/totp")]
pub(crate) async fn enrol_totp(app: web::Data<App>, caller: Caller) -> Result<HttpResponse, Error> {
    caller.in_person()?;
    let enrolment = flow::enrol(&app, &caller).await?;
    let view = EnrolmentView { secret: enrolment.secret.base32().into(), otpauth_uri: enrolment.uri.into() };
    Ok(HttpResponse::Created().insert_header((CACHE_CONTROL, "no-store")).json(view))
}

/// Confirm the second factor
///
/// From here on sign-in asks for it.
#[utoipa::path(
    tag = "users",
    security(("bearer" = [])),
    request_body = Confirmation,
    responses(
        (status = 200, description = "The recovery codes, shown once", body = RecoveryCodesView),
        responses::Confirming,
    ),
)]
#[post("/api/user/v1/users/me/mfa/totp/confirm")]
pub(crate) async fn confirm_totp(
    app: web::Data<App>,
    caller: Caller,
    origin: Origin,
    body: Json<Confirmation>,
) -> Result<HttpResponse, Error> {
    caller.in_person()?;
    let codes = flow::confirm(&app, &caller, parse(&body.0.code)?, origin).await?;
    let view = RecoveryCodesView { recovery_codes: codes.iter().map(RecoveryCode::shown).collect() };
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(view))
}

/// Remove the second factor
///
/// Its recovery codes go with it. Needs a session that began within the last minutes (`sign_in_again`).
#[utoipa::path(
    tag = "users",
    security(("bearer" = [])),
    responses(
        (status = 204, description = "Removed"),
        responses::RemovingFactor,
    ),
)]
#[delete("/api/user/v1/users/me/mfa/totp")]
pub(crate) async fn remove_totp(app: web::Data<App>, caller: Caller, origin: Origin) -> Result<Answer, Error> {
    caller.in_person()?;
    flow::remove(&app, &caller, origin).await?;
    Ok(Answer::no_content())
}
