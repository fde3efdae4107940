//! Signing up, the caller's own profile, and what other services may ask about somebody.

use crate::app::App;
use crate::error::Error;
use crate::origin::Origin;
use crate::passwords::domain::Password;
use crate::responses;
use crate::users::domain::{EmailAddress, Locale, PersonName, ProfileChange, TimeZoneName};
use crate::users::registration::{self, Request};
use crate::users::store::{self, User};
use actix_web::{get, patch, post, web};
use rollcall_common::answer::Answer;
use rollcall_common::auth::{Caller, ServiceCaller};
use rollcall_common::db::Unscoped;
use rollcall_common::extract::{IfMatch, Json, Path};
use rollcall_common::fault::Fault;
use rollcall_common::idempotency::Idempotent;
use rollcall_common::pii::Pii;
use rollcall_common::validate::Fields;
use rollcall_ids::UserId;
use rollcall_user_api::internal::Contact;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

/// A person who signs up.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "email": "ada@example.org", "password": "correct horse battery staple", "name": "Ada Lovelace",
    "locale": "en", "time_zone": "Europe/London"
}))]
pub struct SignUp {
    /// E-mail address to sign in with; at most 254 characters, unique without regard to case.
    #[schema(value_type = String, format = Email, max_length = 254)]
    email: Pii<String>,
    /// 8 to 128 characters of any script, not one of the most used passwords. No composition rules.
    #[schema(value_type = String, format = Password, min_length = 8, max_length = 128)]
    password: Pii<String>,
    /// Name as the person writes it.
    #[schema(value_type = String, min_length = 1, max_length = 200)]
    name: Pii<String>,
    /// BCP 47 tag of the language to write in; `en` when absent.
    locale: Option<String>,
    /// IANA name of the person's time zone; `UTC` when absent.
    time_zone: Option<String>,
}

/// Changes of one's own profile; what is absent stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"locale": "zh-CN", "time_zone": "Asia/Shanghai"}))]
pub struct ProfilePatch {
    /// Name as the person writes it.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, nullable = false, min_length = 1, max_length = 200)]
    name: Option<Pii<String>>,
    /// BCP 47 tag of the language to write in.
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    locale: Option<String>,
    /// IANA name of the person's time zone.
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    time_zone: Option<String>,
}

/// A field that may be absent but not `null`: nothing of a profile can be removed.
fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// A user.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "user_id": "0193a6f0-7c1e-7000-8000-000000000001", "email": "ada@example.org", "name": "Ada Lovelace",
    "locale": "en", "time_zone": "Europe/London", "version": 1, "created_at": "2026-11-20T08:00:00Z"
}))]
pub struct UserView {
    /// Id of the user.
    user_id: UserId,
    /// E-mail address to sign in with.
    #[schema(value_type = String, format = Email)]
    email: Pii<String>,
    /// Name as the person writes it.
    #[schema(value_type = String)]
    name: Pii<String>,
    /// BCP 47 tag of the language to write in.
    locale: String,
    /// IANA name of the person's time zone.
    time_zone: String,
    /// Ascends with every change; also sent as `ETag`.
    version: i64,
    /// When the person signed up.
    created_at: jiff::Timestamp,
}

impl From<User> for UserView {
    fn from(user: User) -> Self {
        Self {
            created_at: user.created_at(),
            user_id: user.user_id,
            email: user.email.into(),
            name: user.name.into(),
            locale: user.locale,
            time_zone: user.time_zone,
            version: user.version,
        }
    }
}

fn answer(user: User) -> Result<Answer, Fault> {
    let version = user.version;
    Ok(Answer::ok(&UserView::from(user))?.version(version))
}

fn parse_sign_up(body: &SignUp, key: Option<String>) -> Result<Request, Fault> {
    let mut fields = Fields::new();
    let email = fields.take("/email", EmailAddress::parse(body.email.expose()));
    let password = fields.take("/password", Password::chosen(body.password.expose()));
    let name = fields.take("/name", PersonName::parse(body.name.expose()));
    let locale = fields.take_optional("/locale", body.locale.as_deref().map(Locale::parse));
    let time_zone = fields.take_optional("/time_zone", body.time_zone.as_deref().map(TimeZoneName::parse));
    let (email, password, name, locale, time_zone) = fields.all((email, password, name, locale, time_zone))?;
    let locale = locale.unwrap_or_else(Locale::fallback);
    let time_zone = time_zone.unwrap_or_else(TimeZoneName::fallback);
    Ok(Request { email, password, name, locale, time_zone, key })
}

fn parse_patch(body: &ProfilePatch) -> Result<ProfileChange, Fault> {
    let mut fields = Fields::new();
    let name = fields.take_optional("/name", body.name.as_ref().map(|name| PersonName::parse(name.expose())));
    let locale = fields.take_optional("/locale", body.locale.as_deref().map(Locale::parse));
    let time_zone = fields.take_optional("/time_zone", body.time_zone.as_deref().map(TimeZoneName::parse));
    let (name, locale, time_zone) = fields.all((name, locale, time_zone))?;
    Ok(ProfileChange { name, locale, time_zone })
}

/// Sign up
///
/// Makes an account. With an `Idempotency-Key`, the same request sent again gets the account that the first one made
/// instead of 409 `email_taken`.
#[utoipa::path(
    tag = "users",
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition safe; any unique text, like a UUID", example = "5f0c7e58-6a0e-4d6e-9d8a-2f6d3f0f6c11")),
    request_body = SignUp,
    responses(
        (status = 201, description = "The new account", body = UserView, headers(
            ("Location" = String, description = "Where the signed-in user reads it"),
            ("ETag" = String, description = "Its version"),
            ("Idempotency-Replayed" = Option<String>, description = "`true` when the account was made by an earlier request with this key"),
        )),
        responses::SigningUp,
    ),
)]
#[post("/api/user/v1/users")]
pub(crate) async fn sign_up(app: web::Data<App>, origin: Origin, body: Idempotent<SignUp>) -> Result<Answer, Error> {
    let request = parse_sign_up(&body.body, body.guard.key)?;
    let registered = registration::register(&app, request, origin).await?;
    let version = registered.user.version;
    let view = UserView::from(registered.user);
    let answer = Answer::created("/api/user/v1/users/me", &view)?.version(version);
    Ok(if registered.replayed { answer.replayed(actix_web::http::StatusCode::CREATED) } else { answer })
}

/// Read one's own profile
#[utoipa::path(
    tag = "users",
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The caller", body = UserView, headers(("ETag" = String, description = "Its version"))),
        responses::Own,
    ),
)]
#[get("/api/user/v1/users/me")]
pub(crate) async fn read_me(app: web::Data<App>, caller: Caller) -> Result<Answer, Error> {
    let user = app
        .core
        .db
        .transaction(&caller, {
            let user_id = caller.user_id;
            move |conn| -> Result<_, Error> { Ok(store::by_id(conn, user_id)?) }
        })
        .await?
        .ok_or(store::NO_ACCOUNT)?;
    Ok(answer(user)?)
}

/// Change one's own profile
///
/// With `If-Match`, only when the profile still has that version.
#[utoipa::path(
    tag = "users",
    security(("bearer" = [])),
    params(("If-Match" = Option<String>, Header, description = "The `ETag` that the change is made against", example = "\"1\"")),
    request_body = ProfilePatch,
    responses(
        (status = 200, description = "The changed profile", body = UserView, headers(("ETag" = String, description = "Its new version"))),
        responses::OwnChange,
    ),
)]
#[patch("/api/user/v1/users/me")]
pub(crate) async fn change_me(
    app: web::Data<App>,
    caller: Caller,
    if_match: IfMatch,
    body: Json<ProfilePatch>,
) -> Result<Answer, Error> {
    let (change, now, user_id) = (parse_patch(&body.0)?, app.core.clock.now(), caller.user_id);
    let user =
        app.core.db.transaction(&caller, move |conn| store::update(conn, user_id, &change, if_match, now)).await?;
    Ok(answer(user)?)
}

/// How to reach somebody
///
/// For services only.
#[utoipa::path(
    tag = "internal",
    security(("service" = [])),
    params(("user_id" = UserId, Path, description = "Id of the user")),
    responses(
        (status = 200, description = "The user", body = Contact),
        responses::Internal,
    ),
)]
#[get("/internal/v1/users/{user_id}")]
pub(crate) async fn read_contact(
    app: web::Data<App>,
    _caller: ServiceCaller,
    path: Path<UserId>,
) -> Result<Answer, Error> {
    let user_id = path.0;
    let user = app
        .core
        .db
        .transaction(Unscoped, move |conn| -> Result<_, Error> { Ok(store::by_id(conn, user_id)?) })
        .await?
        .ok_or(Fault::NotFound)?;
    let User { email, name, locale, time_zone, .. } = user;
    Ok(Answer::ok(&Contact { user_id, email, name, locale, time_zone })?)
}
