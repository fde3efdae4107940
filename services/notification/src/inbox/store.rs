//! Messages in the database. Whatever changes the inbox holds the lock of the user's log, which orders it, and
//! keeps the count of unread messages beside it.

use crate::rules::domain::Rule;
use crate::schema::notifications;
use crate::stream::domain::{Entry, Fresh};
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
pub struct Letter<'a> {
    /// The event it comes from.
    pub event_id: EventId,
    /// What it came under.
    pub rule: &'static Rule,
    /// What a client may open from it.
    pub about: &'a About,
    /// To whom.
    pub user_id: UserId,
    /// One line.
    pub title: String,
    /// The text.
    pub body: String,
}

/// A message that was stored.
#[derive(Debug)]
pub struct Stored {
    /// The event it comes from.
    pub event_id: EventId,
    /// What it came under.
    pub rule: &'static Rule,
    /// Its id.
    pub notification_id: NotificationId,
    /// The entry of its recipient's stream.
    pub fresh: Fresh,
}

/// Stores messages in their order, each at most once by event and recipient however often it is tried, and adds them to
/// their recipients' streams. Answers those that had not been stored before. One statement for any number of them; the
/// rows of `user_streams` are locked in the order of users, as whoever locks several does.
pub fn add(
    conn: &mut PgConnection,
    tenant: &Tenant,
    letters: Vec<Letter<'_>>,
    now: Timestamp,
) -> Result<Vec<Stored>, Fault> {
    const STATEMENT: &str = "
        WITH fresh AS (
            SELECT l.*, row_number() OVER (PARTITION BY user_id ORDER BY place) AS nth,
                count(*) OVER (PARTITION BY user_id) AS many
            FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9) WITH ORDINALITY AS
                l (notification_id, user_id, event_id, category, kind, title, body, about, data, place)
            WHERE NOT EXISTS (
                SELECT 1 FROM notifications n WHERE n.event_id = l.event_id AND n.user_id = l.user_id)
        ), moved AS (
            INSERT INTO user_streams AS s (user_id, last_seq, unread)
            SELECT user_id, many, many FROM fresh WHERE nth = 1 ORDER BY user_id
            ON CONFLICT (user_id) DO UPDATE SET
                last_seq = s.last_seq + excluded.last_seq, unread = s.unread + excluded.unread
            RETURNING s.user_id, s.epoch, s.last_seq, s.unread
        ), numbered AS (
            SELECT f.*, m.epoch, m.last_seq - f.many + f.nth AS seq, m.unread - f.many + f.nth AS unread
            FROM fresh f JOIN moved m USING (user_id)
        ), stored AS (
            INSERT INTO notifications
                (notification_id, org_id, user_id, event_id, seq, category, kind, title, body, about, created_at)
            SELECT notification_id, $10, user_id, event_id, seq, category, kind, title, body, about, $11 FROM numbered
        ), told AS (
            INSERT INTO stream_entries (user_id, seq, org_id, event, data, unread, created_at)
            SELECT user_id, seq, $10, $12, data, unread, $11 FROM numbered
        )
        SELECT place, epoch, seq, unread FROM numbered ORDER BY place";
    if letters.is_empty() {
        return Ok(Vec::new());
    }
    let org_id = tenant.org_id();
    let mut ids = Vec::with_capacity(letters.len());
    let mut data = Vec::with_capacity(letters.len());
    let mut about = Vec::with_capacity(letters.len());
    for letter in &letters {
        let notification = Notification {
            notification_id: NotificationId::generate(),
            org_id,
            category: letter.rule.category.as_str().to_owned(),
            kind: letter.rule.template.to_owned(),
            title: letter.title.clone(),
            body: letter.body.clone(),
            about: letter.about.clone(),
            created_at: now,
            read_at: None,
        };
        ids.push(notification.notification_id);
        data.push(serde_json::to_string(&notification).map_err(Fault::internal)?);
        about.push(serde_json::to_value(letter.about).map_err(Fault::internal)?);
    }
    let numbered: Vec<Numbered> = diesel::sql_query(STATEMENT)
        .bind::<Array<Uuid>, _>(&ids)
        .bind::<Array<Uuid>, _>(each(&letters, |letter| letter.user_id))
        .bind::<Array<Uuid>, _>(each(&letters, |letter| letter.event_id))
        .bind::<Array<Text>, _>(each(&letters, |letter| letter.rule.category.as_str()))
        .bind::<Array<Text>, _>(each(&letters, |letter| letter.rule.template))
        .bind::<Array<Text>, _>(each(&letters, |letter| &letter.title))
        .bind::<Array<Text>, _>(each(&letters, |letter| &letter.body))
        .bind::<Array<Jsonb>, _>(about)
        .bind::<Array<Text>, _>(&data)
        .bind::<Uuid, _>(org_id)
        .bind::<Timestamptz, _>(now.to_diesel())
        .bind::<Text, _>(NOTIFICATION)
        .load(conn)?;
    let mut sent: Vec<_> = letters.into_iter().zip(ids).zip(data).map(Some).collect();
    let stored = |row: Numbered| {
        let place = usize::try_from(row.place - 1).ok()?;
        let ((letter, notification_id), data) = sent.get_mut(place)?.take()?;
        let entry = Entry::new(row.seq, NOTIFICATION.to_owned(), data, row.unread);
        let fresh = Fresh { user_id: letter.user_id, epoch: row.epoch, entry };
        Some(Stored { event_id: letter.event_id, rule: letter.rule, notification_id, fresh })
    };
    Ok(numbered.into_iter().filter_map(stored).collect())
}

fn each<'a, T>(letters: &'a [Letter<'_>], of: impl Fn(&'a Letter<'_>) -> T) -> Vec<T> {
    letters.iter().map(of).collect()
}

#[derive(QueryableByName)]
struct Numbered {
    #[diesel(sql_type = BigInt)]
    place: i64,
    #[diesel(sql_type = BigInt)]
    epoch: i64,
    #[diesel(sql_type = BigInt)]
    seq: i64,
    #[diesel(sql_type = BigInt)]
    unread: i64,
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
