//! Routes of preferences.

use super::domain::{Wishes, check, written};
use super::store;
use crate::app::App;
use crate::responses;
use actix_web::{get, put, web};
use rollcall_common::answer::Answer;
use rollcall_common::auth::Caller;
use rollcall_common::db::Scope;
use rollcall_common::extract::{IfMatch, Json};
use rollcall_common::fault::Fault;
use rollcall_notification_api::inbox::Category;
use rollcall_notification_api::preferences::{NewPreferences, Preferences};
use serde_json::json;

fn view(wishes: &Wishes, version: i64) -> Result<Answer, Fault> {
    let categories = Category::ALL.into_iter().map(|category| (category, wishes.ways(category))).collect();
    let quiet_hours = wishes.quiet.map(written);
    let preferences = Preferences { categories, quiet_hours, digest: wishes.digest, version };
    Ok(Answer::ok(&preferences)?.version(version))
}

fn example() -> serde_json::Value {
    let ways = |email: bool| json!({ "inbox": true, "email": email, "web_push": true, "webhook": false });
    json!({
        "categories": {
            "account": ways(true), "membership": ways(false), "attendance": ways(true), "requests": ways(true),
            "roster": ways(true), "leave": ways(true), "periods": ways(true), "announcements": ways(true),
            "integrations": ways(true),
        },
        "quiet_hours": { "start": "22:00", "end": "07:00" },
        "digest": "off",
        "version": 3,
    })
}

/// Read one's preferences
///
/// Every category is there, also where nothing was said: then by default. `version` is 0 as long as nothing was.
#[utoipa::path(
    tag = "preferences",
    operation_id = "get_preferences",
    security(("bearer" = [])),
    responses((status = 200, description = "What holds", body = Preferences, example = json!(example())), responses::Own)
)]
#[get("/api/notification/v1/preferences")]
pub(crate) async fn read(app: web::Data<App>, caller: Caller) -> Result<Answer, Fault> {
    let scope = Scope::from(&caller);
    let read = move |conn: &mut _| store::own(conn, &caller);
    let (wishes, version) = app.core.db.transaction(scope, read).await?;
    view(&wishes, version)
}

/// Replace one's preferences
///
/// What is left out is as if nothing had been said. The inbox is always on, and account mail too: `always_on`. Quiet
/// hours are on the wall clock of the zone that the account has; what would leave in them leaves when they end, but
/// for what is urgent.
#[utoipa::path(
    tag = "preferences",
    operation_id = "put_preferences",
    params(("If-Match" = Option<String>, Header, description = "The `ETag` that was read")),
    request_body(content = NewPreferences, example = json!({
        "categories": { "roster": { "inbox": true, "email": false, "web_push": true, "webhook": false } },
        "quiet_hours": { "start": "22:00", "end": "07:00" },
        "digest": "daily",
    })),
    security(("bearer" = [])),
    responses((status = 200, description = "What holds now", body = Preferences, example = json!(example())), responses::OwnChange)
)]
#[put("/api/notification/v1/preferences")]
pub(crate) async fn replace(
    app: web::Data<App>,
    caller: Caller,
    if_match: IfMatch,
    body: Json<NewPreferences>,
) -> Result<Answer, Fault> {
    let wishes = check(&body.0)?;
    let (scope, now) = (Scope::from(&caller), app.core.clock.now());
    let put = move |conn: &mut _| {
        let (_, before) = store::own(conn, &caller)?;
        if_match.check(before)?;
        let version = store::put(conn, &caller, &wishes, before, now)?.ok_or(Fault::PreconditionFailed)?;
        Ok::<_, Fault>((wishes, version))
    };
    let (wishes, version) = app.core.db.transaction(scope, put).await?;
    view(&wishes, version)
}
