//! Messages in the database. Whatever changes the inbox holds the lock of the user's log, which orders it, and
//! keeps the count of unread messages beside it.

use crate::rules::domain::Rule;
use crate::schema::notifications;
use crate::stream::store as log;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Jsonb, Text, Timestamptz, Uuid};
use jiff::Timestamp;
use jiff_diesel::ToDiesel as _;
use rollcall_common::auth::Caller;
use rollcall_common::fault::Fault;
use rollcall_common::tenant::Tenant;
use rollcall_ids::{EventId, NotificationId, OrgId, UserId};
use rollcall_notification_api::inbox::{About, Category, Notification};
use rollcall_notification_api::stream::{NOTIFICATION, READ, Read};

/// A message to one recipient, written in their language.
#[derive(Clone, Debug)]
pub struct Letter {
    /// To whom.
    pub user_id: UserId,
    /// One line.
    pub title: String,
    /// The text.
    pub body: String,
}

/// Stores what an event says to these recipients, at most once each however often it is tried, and adds it to
/// their streams. Answers those who had not been told before, with the ids of their messages. Two statements for any number of recipients.
pub fn add(
    conn: &mut PgConnection,
    tenant: &Tenant,
    event_id: EventId,
    rule: &Rule,
    about: &About,
    letters: &[Letter],
    now: Timestamp,
) -> Result<Vec<(UserId, NotificationId)>, Fault> {
    const STATEMENT: &str = "
        WITH fresh AS (
            SELECT * FROM unnest($1, $2, $3, $4, $5) AS letter (notification_id, user_id, title, body, data)
            WHERE NOT EXISTS (
                SELECT 1 FROM notifications n WHERE n.event_id = $6 AND n.user_id = letter.user_id)
        ), moved AS (
            UPDATE user_streams s SET last_seq = s.last_seq + 1, unread = s.unread + 1
            FROM fresh WHERE s.user_id = fresh.user_id
            RETURNING s.user_id, s.last_seq, s.unread
        ), stored AS (
            INSERT INTO notifications
                (notification_id, org_id, user_id, event_id, seq, category, kind, title, body, about, created_at)
            SELECT notification_id, $7, user_id, $6, last_seq, $8, $9, title, body, $10, $11
            FROM fresh JOIN moved USING (user_id)
        ), told AS (
            INSERT INTO stream_entries (user_id, seq, org_id, event, data, unread, created_at)
            SELECT user_id, last_seq, $7, $12, data, unread, $11 FROM fresh JOIN moved USING (user_id)
        )
        SELECT user_id, notification_id FROM fresh JOIN moved USING (user_id)";
    if letters.is_empty() {
        return Ok(Vec::new());
    }
    let org_id = tenant.org_id();
    let mut ids = Vec::with_capacity(letters.len());
    let mut data = Vec::with_capacity(letters.len());
    for letter in letters {
        let notification = Notification {
            notification_id: NotificationId::generate(),
            org_id,
            category: rule.category.as_str().to_owned(),
            kind: rule.template.to_owned(),
            title: letter.title.clone(),
            body: letter.body.clone(),
            about: about.clone(),
            created_at: now,
            read_at: None,
        };
        ids.push(notification.notification_id);
        data.push(serde_json::to_string(&notification).map_err(Fault::internal)?);
    }
    let users: Vec<UserId> = letters.iter().map(|letter| letter.user_id).collect();
    let titles: Vec<&str> = letters.iter().map(|letter| letter.title.as_str()).collect();
    let bodies: Vec<&str> = letters.iter().map(|letter| letter.body.as_str()).collect();
    log::begin(conn, &users)?;
    let told: Vec<Told> = diesel::sql_query(STATEMENT)
        .bind::<Array<Uuid>, _>(ids)
        .bind::<Array<Uuid>, _>(users)
        .bind::<Array<Text>, _>(titles)
        .bind::<Array<Text>, _>(bodies)
        .bind::<Array<Text>, _>(data)
        .bind::<Uuid, _>(event_id)
        .bind::<Uuid, _>(org_id)
        .bind::<Text, _>(rule.category.as_str())
        .bind::<Text, _>(rule.template)
        .bind::<Jsonb, _>(serde_json::to_value(about).map_err(Fault::internal)?)
        .bind::<Timestamptz, _>(now.to_diesel())
        .bind::<Text, _>(NOTIFICATION)
        .load(conn)?;
    Ok(told.into_iter().map(|told| (told.user_id, told.notification_id)).collect())
}

#[derive(QueryableByName)]
struct Told {
    #[diesel(sql_type = Uuid)]
    user_id: UserId,
    #[diesel(sql_type = Uuid)]
    notification_id: NotificationId,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = notifications, check_for_backend(diesel::pg::Pg))]
struct Row {
    seq: i64,
    notification_id: NotificationId,
    org_id: OrgId,
    category: String,
    kind: String,
    title: String,
    body: String,
    about: serde_json::Value,
    #[diesel(deserialize_as = jiff_diesel::Timestamp)]
    created_at: Timestamp,
    #[diesel(deserialize_as = jiff_diesel::NullableTimestamp)]
    read_at: Option<Timestamp>,
}

impl Row {
    fn view(self) -> Result<Notification, Fault> {
        Ok(Notification {
            notification_id: self.notification_id,
            org_id: self.org_id,
            // A later release may have stored one that this one does not know.
            category: self.category,
            kind: self.kind,
            title: self.title,
            body: self.body,
            about: serde_json::from_value(self.about).map_err(Fault::internal)?,
            created_at: self.created_at,
            read_at: self.read_at,
        })
    }
}

/// Which messages of an inbox are listed.
#[derive(Clone, Copy, Debug)]
pub struct Filter {
    /// Only those not read yet.
    pub unread: bool,
    /// Only those of this category.
    pub category: Option<Category>,
    /// Only those from this organisation.
    pub org_id: Option<OrgId>,
    /// Only those up to this number: a page and the position given with it then speak of the same moment.
    pub up_to: i64,
    /// Only those before this number.
    pub before: Option<i64>,
}

/// The caller's messages with their numbers, newest first.
pub fn list(
    conn: &mut PgConnection,
    caller: &Caller,
    filter: Filter,
    limit: i64,
) -> Result<Vec<(i64, Notification)>, Fault> {
    let mut query = notifications::table
        .filter(notifications::user_id.eq(caller.user_id))
        .filter(notifications::seq.le(filter.up_to))
        .order(notifications::seq.desc())
        .limit(limit)
        .select(Row::as_select())
        .into_boxed();
    if filter.unread {
        query = query.filter(notifications::read_at.is_null());
    }
    if let Some(category) = filter.category {
        query = query.filter(notifications::category.eq(category.as_str()));
    }
    if let Some(org_id) = filter.org_id {
        query = query.filter(notifications::org_id.eq(org_id));
    }
    if let Some(before) = filter.before {
        query = query.filter(notifications::seq.lt(before));
    }
    let rows: Vec<Row> = query.load(conn)?;
    rows.into_iter().map(|row| Ok((row.seq, row.view()?))).collect()
}

/// Marks one of the caller's messages as read; doing it again changes nothing.
pub fn mark_read(
    conn: &mut PgConnection,
    caller: &Caller,
    notification_id: NotificationId,
    now: Timestamp,
) -> Result<Notification, Fault> {
    let locked = log::lock(conn, caller)?.ok_or(Fault::NotFound)?;
    let mine = notifications::table
        .filter(notifications::notification_id.eq(notification_id))
        .filter(notifications::user_id.eq(caller.user_id));
    let row: Row = mine.select(Row::as_select()).first(conn)?;
    let mut notification = row.view()?;
    if notification.read_at.is_none() {
        diesel::update(mine).set(notifications::read_at.eq(now.to_diesel())).execute(conn)?;
        notification.read_at = Some(now);
        let read = Read { notification_id: Some(notification_id), read_at: now };
        let data = serde_json::to_string(&read).map_err(Fault::internal)?;
        log::append(conn, &locked, READ, &data, locked.unread - 1, now)?;
    }
    Ok(notification)
}

/// Marks all of the caller's messages as read: one entry of the stream says so, however many they were.
pub fn mark_all_read(conn: &mut PgConnection, caller: &Caller, now: Timestamp) -> Result<(), Fault> {
    let Some(locked) = log::lock(conn, caller)? else { return Ok(()) };
    let unread =
        notifications::table.filter(notifications::user_id.eq(caller.user_id)).filter(notifications::read_at.is_null());
    if diesel::update(unread).set(notifications::read_at.eq(now.to_diesel())).execute(conn)? > 0 {
        let data = serde_json::to_string(&Read { notification_id: None, read_at: now }).map_err(Fault::internal)?;
        log::append(conn, &locked, READ, &data, 0, now)?;
    }
    Ok(())
}

/// Drops messages that were read and are older than `before`, at most so many, of whomever; answers how many.
pub fn prune(conn: &mut PgConnection, before: Timestamp, most: i64) -> QueryResult<usize> {
    diesel::sql_query("SELECT set_config('app.task', 'prune_inboxes', true)").execute(conn)?;
    diesel::sql_query(
        "DELETE FROM notifications WHERE notification_id IN (
             SELECT notification_id FROM notifications WHERE read_at IS NOT NULL AND created_at < $1
             ORDER BY created_at LIMIT $2)",
    )
    .bind::<Timestamptz, _>(before.to_diesel())
    .bind::<BigInt, _>(most)
    .execute(conn)
}
