//! For whoever has forgotten their password.

use crate::app::App;
use crate::error::Error;
use crate::origin::Origin;
use crate::passwords::domain::Password;
use crate::resets::flow;
use crate::responses;
use crate::sessions::domain::RefreshToken;
use crate::users::domain::EmailAddress;
use actix_web::{HttpResponse, post, put, web};
use rollcall_common::answer::Answer;
use rollcall_common::extract::{Json, Path};
use rollcall_common::pii::Pii;
use rollcall_common::validate::Fields;
use serde::Deserialize;
use utoipa::ToSchema;

/// Whose password is forgotten.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"email": "ada@example.org"}))]
pub struct ResetRequest {
    /// E-mail address of the account, in any case.
    #[schema(value_type = String, format = Email)]
    email: Pii<String>,
}

/// A new password.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"password": "another horse, another stable"}))]
pub struct NewPassword {
    /// 8 to 128 characters of any script, not one of the most used passwords. No composition rules.
    #[schema(value_type = String, format = Password, min_length = 8, max_length = 128)]
    password: Pii<String>,
}

/// Ask for a mail with which to choose a new password
///
/// Always 202, whether there is an account or not.
#[utoipa::path(
    tag = "users",
    request_body = ResetRequest,
    responses(
        (status = 202, description = "If there is such an account, a mail is on its way"),
        responses::AskingForMail,
    ),
)]
#[post("/api/user/v1/password-resets")]
pub(crate) async fn request_reset(
    app: web::Data<App>,
    origin: Origin,
    body: Json<ResetRequest>,
) -> Result<HttpResponse, Error> {
    let mut fields = Fields::new();
    let email = fields.take("/email", EmailAddress::parse(body.0.email.expose()));
    let (email,) = fields.all((email,))?;
    flow::request(&app.into_inner(), email, origin).await?;
    Ok(HttpResponse::Accepted().finish())
}

/// Choose a new password
///
/// With the token of the mail, once and within 30 minutes. Every session ends; nobody is signed in by this.
#[utoipa::path(
    tag = "users",
    params(("token" = String, Path, description = "The token of the mail")),
    request_body = NewPassword,
    responses(
        (status = 204, description = "Changed"),
        responses::ChoosingPassword,
    ),
)]
#[put("/api/user/v1/password-resets/{token}")]
pub(crate) async fn choose_password(
    app: web::Data<App>,
    origin: Origin,
    path: Path<String>,
    body: Json<NewPassword>,
) -> Result<Answer, Error> {
    let mut fields = Fields::new();
    let password = fields.take("/password", Password::chosen(body.0.password.expose()));
    let (password,) = fields.all((password,))?;
    flow::choose(&app, RefreshToken::presented(path.0.into()), password, origin).await?;
    Ok(Answer::no_content())
}
