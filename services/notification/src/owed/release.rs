//! Hands what is due to its channel, until the service drains.

use super::store::{self, Creditor};
use crate::app::App;
use crate::channels::{self, Contact, Outside, Parcel};
use crate::facts::store::Reader;
use crate::rules::templates::Language;
use diesel::pg::PgConnection;
use futures_util::StreamExt as _;
use futures_util::stream;
use jiff::SignedDuration;
use rollcall_common::db::Unscoped;
use rollcall_common::fault::Fault;
use rollcall_common::problem::chain;
use rollcall_common::secret::full_jitter;
use rollcall_common::server::Drain;
use std::sync::Arc;
use std::time::Duration;

/// Between two looks when nothing wakes the task.
const PAUSE: Duration = Duration::from_secs(1);
/// People served by one round.
const AT_A_TIME: usize = 64;
/// People served side by side.
const SIDE_BY_SIDE: usize = 4;
/// Before whoever could not be reached is tried again; up to half of it is added, so that all do not come together.
const AGAIN_AFTER: Duration = Duration::from_secs(20);
/// For how long a digest is remembered: a message may be stored late for a period, but not by this much.
const DIGESTS_KEPT: SignedDuration = SignedDuration::from_hours(24 * 90);
/// Digests dropped by one statement.
const DROPPED_AT_A_TIME: i64 = 5_000;

/// Hands over what is due, until the service drains. What a transaction has not finished then is as if not begun.
pub async fn run(app: Arc<App>, drain: Drain) {
    while !drain.is_draining() {
        let more = round(&app).await.unwrap_or_else(|fault| {
            tracing::warn!(error = chain(&fault), "cannot hand over what is owed");
            false
        });
        if !more {
            tokio::select! {
                () = drain.started() => {}
                () = app.wakes.owed.notified() => {}
                () = tokio::time::sleep(PAUSE) => {}
            }
        }
    }
}

/// One look; true: there may be more.
pub async fn round(app: &App) -> Result<bool, Fault> {
    let now = app.core.clock.now();
    let announced = app.core.db.transaction(Unscoped, move |conn| store::owe_announcement(conn, now)).await?;
    let most = i64::try_from(AT_A_TIME).unwrap_or(1);
    let creditors =
        app.core.db.transaction(Unscoped, move |conn| Ok::<_, Fault>(store::creditors(conn, now, most)?)).await?;
    let found = creditors.len();
    let served: Vec<Result<(), Fault>> = stream::iter(creditors)
        .map(|creditor| try_to_serve(app, creditor))
        .buffer_unordered(SIDE_BY_SIDE)
        .collect()
        .await;
    served.into_iter().collect::<Result<(), Fault>>()?;
    Ok(announced || found == AT_A_TIME)
}

/// Who cannot be served now is tried again later, and holds up nobody until then.
async fn try_to_serve(app: &App, creditor: Creditor) -> Result<(), Fault> {
    let Err(fault) = serve(app, creditor.clone()).await else { return Ok(()) };
    tracing::warn!(user_id = %creditor.user_id, error = chain(&fault), "what is owed to somebody waits");
    put_off(app, creditor).await
}

/// Drops old digests, for ever.
pub async fn prune(app: Arc<App>) {
    loop {
        let before = app.core.clock.now() - DIGESTS_KEPT;
        let drop_some = move |conn: &mut PgConnection| Ok::<_, Fault>(store::prune(conn, before, DROPPED_AT_A_TIME)?);
        if let Err(fault) = app.core.db.transaction(Unscoped, drop_some).await {
            tracing::warn!(error = chain(&fault), "cannot drop old digests");
        }
        tokio::time::sleep(Duration::from_mins(10)).await;
    }
}

async fn serve(app: &App, creditor: Creditor) -> Result<(), Fault> {
    let now = app.core.clock.now();
    let Some(channel) = channels::channel(&creditor.channel) else {
        // A later release owes it by a channel that this one does not have; it is back soon.
        return put_off(app, creditor).await;
    };
    let Some(contact) = contact(app, &creditor).await? else {
        let forget = move |conn: &mut PgConnection| Ok::<_, Fault>(store::forget_all(conn, creditor.user_id)?);
        return app.core.db.transaction(Unscoped, forget).await;
    };
    let teller = Arc::clone(&app.teller);
    let hand_over = move |conn: &mut PgConnection| {
        let ready = store::take(conn, &creditor, &contact.zone, now)?;
        let alone = ready.alone.into_iter().map(Parcel::One);
        let digest = ready.digest.map(|(id, messages)| Parcel::Digest { id, messages });
        for parcel in alone.chain(digest) {
            channel.owe(conn, &teller.templates, &contact, &parcel, now)?;
        }
        Ok::<_, Fault>(())
    };
    app.core.db.transaction(Unscoped, hand_over).await?;
    Outside::wake(channel, app);
    Ok(())
}

async fn put_off(app: &App, creditor: Creditor) -> Result<(), Fault> {
    let now = app.core.clock.now();
    let at = now + AGAIN_AFTER + full_jitter(AGAIN_AFTER / 2);
    let put_off = move |conn: &mut PgConnection| Ok::<_, Fault>(store::try_at(conn, &creditor, now, at)?);
    app.core.db.transaction(Unscoped, put_off).await
}

/// Where somebody is reached. What is old is asked for anew, and used all the same if it is not to be had; who was never
/// known has to be asked for. None: there is no such account.
async fn contact(app: &App, creditor: &Creditor) -> Result<Option<Contact>, Fault> {
    let user_id = creditor.user_id;
    let known = || {
        app.core.db.transaction(Unscoped, move |conn: &mut PgConnection| Ok::<_, Fault>(store::reach(conn, user_id)?))
    };
    let whole = |reader: Option<Reader>| {
        let reader = reader?;
        let language = Language::closest_to(&reader.locale);
        Some(Contact { user_id, email: reader.email?, name: reader.name?, language, zone: reader.time_zone? })
    };
    let reader = known().await?;
    let old =
        reader.as_ref().is_none_or(|it| app.core.clock.now().duration_since(it.fetched_at) >= app.teller.language_kept);
    let kept = whole(reader);
    match kept {
        Some(contact) if !old => Ok(Some(contact)),
        Some(contact) => match app.owners.ask_user(user_id).await {
            Ok(true) => Ok(whole(known().await?)),
            Ok(false) => Ok(None),
            Err(_) => Ok(Some(contact)),
        },
        None => {
            if !app.owners.ask_user(user_id).await? {
                return Ok(None);
            }
            let contact = whole(known().await?);
            contact.map(Some).ok_or_else(|| Fault::internal(anyhow::anyhow!("user was asked and nothing was kept")))
        }
    }
}
