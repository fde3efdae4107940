//! Changing one's password.

use crate::app::App;
use crate::audit::domain::Act;
use crate::audit::store::{self as audit, Entry};
use crate::error::Error;
use crate::mfa::store as mfa;
use crate::notices::Notices;
use crate::origin::Origin;
use crate::passwords::domain::Password;
use crate::responses;
use crate::sessions::store::{EndReason, Which};
use crate::throttle::charge::Charge;
use crate::throttle::domain::Bucket;
use crate::throttle::store as throttle;
use crate::users::store as users;
use actix_web::{put, web};
use rollcall_common::answer::Answer;
use rollcall_common::auth::Caller;
use rollcall_common::extract::Json;
use rollcall_common::pii::Pii;
use rollcall_common::validate::Fields;
use rollcall_user_api::events::Credential;
use serde::Deserialize;
use utoipa::ToSchema;

/// A new password for one's own account.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"current_password": "correct horse battery staple", "new_password": "another horse, another stable"}))]
pub struct PasswordChange {
    /// The password until now.
    #[schema(value_type = String, format = Password)]
    current_password: Pii<String>,
    /// 8 to 128 characters of any script, not one of the most used passwords. No composition rules.
    #[schema(value_type = String, format = Password, min_length = 8, max_length = 128)]
    new_password: Pii<String>,
}

/// Change one's password
///
/// Every other session ends. API tokens stay: devices go on working; revoke those that are not trusted.
#[utoipa::path(
    tag = "users",
    security(("bearer" = [])),
    request_body = PasswordChange,
    responses(
        (status = 204, description = "Changed"),
        responses::ChangingPassword,
    ),
)]
#[put("/api/user/v1/users/me/password")]
pub(crate) async fn change_password(
    app: web::Data<App>,
    caller: Caller,
    origin: Origin,
    body: Json<PasswordChange>,
) -> Result<Answer, Error> {
    caller.in_person()?;
    let mut fields = Fields::new();
    let new = fields.take("/new_password", Password::chosen(body.0.new_password.expose()));
    let (new,) = fields.all((new,))?;
    change(&app, &caller, Password::presented(body.0.current_password.expose()), new, origin).await?;
    Ok(Answer::no_content())
}

async fn change(app: &App, caller: &Caller, current: Password, new: Password, origin: Origin) -> Result<(), Error> {
    let (user_id, session_id, now) = (caller.user_id, caller.session_id, app.core.clock.now());
    let bucket = [(Bucket::user("password", user_id), app.settings.throttling.rules().account)];
    let stored = app
        .core
        .db
        .transaction(caller, move |conn| {
            throttle::charge(conn, &bucket, now)?;
            Ok::<_, Error>(users::password_hash(conn, user_id)?.ok_or(users::NO_ACCOUNT)?)
        })
        .await?;
    let charge = Charge::of(app, &bucket, now);
    if !app.passwords.verify(current, Some(stored.clone()), || charge.stands()).await? {
        return Err(Error::WrongPassword);
    }
    // It was right: nothing is to be held against them from here on.
    let charge = Charge::of(app, &bucket, now);
    let hash = app.passwords.hash(new).await?;
    let (closer, notices) = (app.closer.clone(), Notices::of(app));
    let ended = app
        .core
        .db
        .transaction(caller, move |conn| {
            if !users::set_password(conn, user_id, Some(&stored), &hash, now)? {
                return Err(Error::WrongPassword);
            }
            throttle::clear(conn, bucket[0].0)?;
            mfa::end_challenges(conn, user_id)?;
            let act = Act::PasswordChanged;
            audit::record(
                conn,
                &Entry { user_id: Some(user_id), act, session_id: Some(session_id), origin: &origin },
                now,
            )?;
            notices.changed(conn, user_id, Credential::PasswordChanged, now)?;
            closer.end(conn, user_id, Which::Others(session_id), EndReason::PasswordChanged, now)
        })
        .await?;
    // What was counted is cleared.
    charge.stands();
    app.closer.committed(&ended);
    Ok(())
}
