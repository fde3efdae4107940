//! Owed messages and digests in the database.

use crate::channels::{self, CHANNELS, Message, Outside};
use crate::facts::store as facts;
use crate::preferences::domain::{Wishes, is_critical};
use crate::preferences::due::{Due, due};
use crate::preferences::store as preferences;
use crate::schema::{announcements, digests, owed_messages};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Nullable, Text, Timestamptz, Uuid};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use jiff_diesel::ToDiesel as _;
use rollcall_common::fault::Fault;
use rollcall_common::tenant::Tenant;
use rollcall_ids::{AnnouncementId, EventId, NotificationId, OrgId, UserId};
use rollcall_notification_api::inbox::Category;
use std::collections::HashMap;

/// People an announcement is owed to by one statement.
const OWED_AT_A_TIME: i64 = 500;

/// A message that is in an inbox.
#[derive(Clone, Copy, Debug)]
pub struct Told {
    /// Whose.
    pub user_id: UserId,
    /// It.
    pub notification_id: NotificationId,
    /// What it is about.
    pub category: Category,
    /// Whether it waits for nothing.
    pub urgent: bool,
    /// When the event happened.
    pub happened_at: Timestamp,
}

/// Messages of one organisation, and what decides when they leave by other ways than the inbox.
pub struct Owing<'a> {
    /// The messages.
    pub told: &'a [Told],
    /// What is known of their owners.
    pub readers: &'a HashMap<UserId, facts::Reader>,
    /// The zone of those whose own is not known.
    pub zone: &'a str,
}

/// Owes messages by every channel that their readers want for the category. True: something is owed. Of what happened
/// before this database was put back to a backup nothing is: it may have been sent.
pub fn add(conn: &mut PgConnection, tenant: &Tenant, owing: &Owing<'_>, now: Timestamp) -> Result<bool, Fault> {
    const STATEMENT: &str = "
        INSERT INTO owed_messages
            (notification_id, user_id, channel, due_at, gathered, org_id, category, next_attempt_at, created_at)
        SELECT id, user_id, channel, due_at, gathered, $8, category, due_at, $9
        FROM unnest($1, $2, $3, $4, $5, $6, $7) AS o (id, user_id, channel, due_at, gathered, category, happened_at)
        WHERE NOT EXISTS (SELECT FROM restores WHERE lost_at >= o.happened_at)
        ON CONFLICT DO NOTHING";
    let users: Vec<UserId> = owing.told.iter().map(|told| told.user_id).collect();
    let wishes = preferences::of(conn, &users)?;
    let nothing_said = Wishes::default();
    let (mut ids, mut whose, mut channels) = (Vec::new(), Vec::new(), Vec::new());
    let (mut instants, mut gathered) = (Vec::new(), Vec::new());
    let (mut categories, mut happened) = (Vec::new(), Vec::new());
    for Told { user_id, notification_id, category, urgent, happened_at } in owing.told {
        let wishes = wishes.get(user_id).unwrap_or(&nothing_said);
        let urgent = *urgent || is_critical(*category);
        let zone = owing.readers.get(user_id).and_then(|reader| reader.time_zone.as_deref()).unwrap_or(owing.zone);
        let due = when(wishes, zone, urgent, now);
        for channel in CHANNELS.iter().map(|channel| channel.channel()) {
            if wishes.wants(*category, channel) {
                ids.push(*notification_id);
                whose.push(*user_id);
                channels.push(channel.as_str());
                instants.push(due.at.to_diesel());
                gathered.push(due.gathered);
                categories.push(category.as_str());
                happened.push(happened_at.to_diesel());
            }
        }
    }
    if ids.is_empty() {
        return Ok(false);
    }
    diesel::sql_query(STATEMENT)
        .bind::<Array<Uuid>, _>(ids)
        .bind::<Array<Uuid>, _>(whose)
        .bind::<Array<Text>, _>(channels)
        .bind::<Array<Timestamptz>, _>(instants)
        .bind::<Array<Bool>, _>(gathered)
        .bind::<Array<Text>, _>(categories)
        .bind::<Array<Timestamptz>, _>(happened)
        .bind::<Uuid, _>(tenant.org_id())
        .bind::<Timestamptz, _>(now.to_diesel())
        .execute(conn)?;
    Ok(true)
}

fn when(wishes: &Wishes, zone: &str, urgent: bool, now: Timestamp) -> Due {
    let zone = TimeZone::get(zone).unwrap_or(TimeZone::UTC);
    due(now, &zone, wishes.quiet, wishes.digest, urgent)
}

/// An announcement that is in inboxes and not yet owed by other ways.
#[derive(Queryable)]
pub struct Unowed {
    org_id: OrgId,
    announcement_id: AnnouncementId,
    urgent: bool,
}

/// Owes one announcement by other ways than the inbox. True: there was one. It is not done where the announcement is
/// made, so that ten thousand inboxes have it sooner.
pub fn owe_announcement(conn: &mut PgConnection, now: Timestamp) -> Result<bool, Fault> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Uuid)]
        user_id: UserId,
        #[diesel(sql_type = Uuid)]
        notification_id: NotificationId,
    }
    work_for_all(conn)?;
    let unowed: Option<Unowed> = announcements::table
        .filter(announcements::owed_at.is_null())
        .order(announcements::created_at)
        .select((announcements::org_id, announcements::announcement_id, announcements::urgent))
        .for_update()
        .skip_locked()
        .first(conn)
        .optional()?;
    let Some(unowed) = unowed else { return Ok(false) };
    #[expect(clippy::disallowed_methods, reason = "the row was written under the tenant of whoever made it")]
    let tenant = Tenant::of_capability(unowed.org_id);
    diesel::sql_query("SELECT set_config('app.org_id', $1, true)")
        .bind::<Text, _>(unowed.org_id.to_string())
        .execute(conn)?;
    let zone = facts::org(conn, &tenant)?.map_or_else(|| "UTC".to_owned(), |org| org.time_zone);
    let (category, urgent) = (Category::Announcements, unowed.urgent);
    // Ten thousand wishes at once would be tens of megabytes, and the process would keep them.
    let mut after: Option<UserId> = None;
    loop {
        let rows: Vec<Row> = diesel::sql_query(
            "SELECT user_id, notification_id FROM notifications
             WHERE event_id = $1 AND org_id = $2 AND ($3 IS NULL OR user_id > $3) ORDER BY user_id LIMIT $4",
        )
        .bind::<Uuid, _>(unowed.announcement_id)
        .bind::<Uuid, _>(unowed.org_id)
        .bind::<Nullable<Uuid>, _>(after)
        .bind::<BigInt, _>(OWED_AT_A_TIME)
        .load(conn)?;
        let of =
            |Row { user_id, notification_id }| Told { user_id, notification_id, category, urgent, happened_at: now };
        let told: Vec<_> = rows.into_iter().map(of).collect();
        let Some(last) = told.last() else { break };
        after = Some(last.user_id);
        let users: Vec<UserId> = told.iter().map(|told| told.user_id).collect();
        let readers = facts::readers(conn, &users)?;
        add(conn, &tenant, &Owing { told: &told, readers: &readers, zone: &zone }, now)?;
    }
    diesel::update(announcements::table.find((unowed.org_id, unowed.announcement_id)))
        .set(announcements::owed_at.eq(Some(now.to_diesel())))
        .execute(conn)?;
    Ok(true)
}

/// Somebody to whom a channel owes something that is due.
#[derive(Clone, Debug, PartialEq, Eq, Hash, QueryableByName)]
pub struct Creditor {
    /// Who.
    #[diesel(sql_type = Uuid)]
    pub user_id: UserId,
    /// Name of the channel.
    #[diesel(sql_type = Text)]
    pub channel: String,
}

/// At most `most` of them, those who wait longest first.
pub fn creditors(conn: &mut PgConnection, now: Timestamp, most: i64) -> QueryResult<Vec<Creditor>> {
    let statement = "SELECT user_id, channel FROM owed_messages WHERE next_attempt_at <= $1 \
                     GROUP BY user_id, channel ORDER BY min(next_attempt_at) LIMIT $2";
    work_for_all(conn)?;
    diesel::sql_query(statement).bind::<Timestamptz, _>(now.to_diesel()).bind::<BigInt, _>(most).load(conn)
}

/// A message that is due.
#[derive(QueryableByName)]
pub struct Owed {
    #[diesel(sql_type = Uuid)]
    notification_id: NotificationId,
    #[diesel(sql_type = Uuid)]
    org_id: OrgId,
    #[diesel(sql_type = Timestamptz, deserialize_as = jiff_diesel::Timestamp)]
    due_at: Timestamp,
    #[diesel(sql_type = Bool)]
    gathered: bool,
    #[diesel(sql_type = Text)]
    category: String,
    #[diesel(sql_type = Text)]
    title: String,
    #[diesel(sql_type = Text)]
    body: String,
    #[diesel(sql_type = Timestamptz, deserialize_as = jiff_diesel::Timestamp)]
    created_at: Timestamp,
}

/// What is to be handed over now.
#[derive(Default)]
pub struct Ready {
    /// Those that go alone.
    pub alone: Vec<Message>,
    /// Those that go together, as the digest of this id.
    pub digest: Option<(EventId, Vec<Message>)>,
}

/// Takes what a channel owes to somebody out of the database, for this transaction to hand over: it is locked until
/// then, so another instance waits and finds nothing. What is no longer wanted is dropped.
///
/// A digest is unique by user, channel and period. A message that was stored for a period whose digest has left goes
/// into the next.
pub fn take(conn: &mut PgConnection, creditor: &Creditor, zone: &str, now: Timestamp) -> Result<Ready, Fault> {
    const STATEMENT: &str = "
        SELECT o.notification_id, o.org_id, o.due_at, o.gathered, o.category, n.title, n.body, n.created_at
        FROM owed_messages o JOIN notifications n USING (notification_id)
        WHERE o.user_id = $1 AND o.channel = $2 AND o.next_attempt_at <= $3
        ORDER BY n.seq FOR UPDATE OF o";
    work_for_all(conn)?;
    diesel::sql_query("SELECT set_config('app.user_id', $1, true)")
        .bind::<Text, _>(creditor.user_id.to_string())
        .execute(conn)?;
    let owed: Vec<Owed> = diesel::sql_query(STATEMENT)
        .bind::<Uuid, _>(creditor.user_id)
        .bind::<Text, _>(&creditor.channel)
        .bind::<Timestamptz, _>(now.to_diesel())
        .load(conn)?;
    let wishes = preferences::of(conn, &[creditor.user_id])?.remove(&creditor.user_id).unwrap_or_default();
    let channel = channels::channel(&creditor.channel).map(Outside::channel);
    let wanted = |owed: &Owed| match (Category::from_name(&owed.category), channel) {
        (Some(category), Some(channel)) => wishes.wants(category, channel),
        _ => true,
    };
    let (wanted, unwanted): (Vec<_>, Vec<_>) = owed.into_iter().partition(wanted);
    let (gathered, alone): (Vec<_>, Vec<_>) = wanted.into_iter().partition(|owed| owed.gathered);
    let mut done: Vec<NotificationId> = alone.iter().chain(&unwanted).map(|owed| owed.notification_id).collect();
    let mut ready = Ready { alone: alone.into_iter().map(Owed::message).collect(), digest: None };
    if let Some(period) = gathered.iter().map(|owed| owed.due_at).max() {
        let ids: Vec<NotificationId> = gathered.iter().map(|owed| owed.notification_id).collect();
        if let Some(id) = begin_digest(conn, creditor, period, &ids, now)? {
            done.extend(&ids);
            ready.digest = Some((id, gathered.into_iter().map(Owed::message).collect()));
        } else {
            put_off(conn, creditor, &ids, when(&wishes, zone, false, now))?;
        }
    }
    forget(conn, creditor, &done)?;
    Ok(ready)
}

impl Owed {
    fn message(self) -> Message {
        Message {
            notification_id: self.notification_id,
            org_id: self.org_id,
            title: self.title,
            body: self.body,
            created_at: self.created_at,
        }
    }
}

/// Notes the digest of a period; none: there is one.
fn begin_digest(
    conn: &mut PgConnection,
    creditor: &Creditor,
    period: Timestamp,
    messages: &[NotificationId],
    now: Timestamp,
) -> QueryResult<Option<EventId>> {
    let id = EventId::generate();
    let rows = diesel::insert_into(digests::table)
        .values((
            digests::user_id.eq(creditor.user_id),
            digests::channel.eq(&creditor.channel),
            digests::due_at.eq(period.to_diesel()),
            digests::digest_id.eq(id),
            digests::notification_ids.eq(messages),
            digests::created_at.eq(now.to_diesel()),
        ))
        .on_conflict_do_nothing()
        .execute(conn)?;
    Ok((rows == 1).then_some(id))
}

fn put_off(conn: &mut PgConnection, creditor: &Creditor, messages: &[NotificationId], due: Due) -> QueryResult<()> {
    diesel::update(
        owed_messages::table
            .filter(owed_messages::channel.eq(&creditor.channel))
            .filter(owed_messages::notification_id.eq_any(messages)),
    )
    .set((
        owed_messages::due_at.eq(due.at.to_diesel()),
        owed_messages::gathered.eq(due.gathered),
        owed_messages::next_attempt_at.eq(due.at.to_diesel()),
    ))
    .execute(conn)
    .map(drop)
}

fn forget(conn: &mut PgConnection, creditor: &Creditor, messages: &[NotificationId]) -> QueryResult<()> {
    diesel::delete(
        owed_messages::table
            .filter(owed_messages::channel.eq(&creditor.channel))
            .filter(owed_messages::notification_id.eq_any(messages)),
    )
    .execute(conn)
    .map(drop)
}

/// Tries again at `at`: where to reach them is not to be had now. Which period a message belongs to stays.
pub fn try_at(conn: &mut PgConnection, creditor: &Creditor, now: Timestamp, at: Timestamp) -> QueryResult<()> {
    work_for_all(conn)?;
    let due = owed_messages::table
        .filter(owed_messages::user_id.eq(creditor.user_id))
        .filter(owed_messages::channel.eq(&creditor.channel))
        .filter(owed_messages::next_attempt_at.le(now.to_diesel()));
    diesel::update(due).set(owed_messages::next_attempt_at.eq(at.to_diesel())).execute(conn).map(drop)
}

/// Forgets what is owed to an account that does not exist.
pub fn forget_all(conn: &mut PgConnection, user_id: UserId) -> QueryResult<()> {
    work_for_all(conn)?;
    diesel::delete(owed_messages::table.filter(owed_messages::user_id.eq(user_id))).execute(conn).map(drop)
}

/// Drops at most `most` digests that left before `before`; what is owed now is of no period that old. Answers how many.
pub fn prune(conn: &mut PgConnection, before: Timestamp, most: i64) -> QueryResult<usize> {
    work_for_all(conn)?;
    let statement = "DELETE FROM digests WHERE digest_id IN \
                     (SELECT digest_id FROM digests WHERE created_at < $1 ORDER BY created_at LIMIT $2)";
    diesel::sql_query(statement).bind::<Timestamptz, _>(before.to_diesel()).bind::<BigInt, _>(most).execute(conn)
}

/// The task serves every organisation and account; row-level security lets it, until the transaction ends.
fn work_for_all(conn: &mut PgConnection) -> QueryResult<()> {
    diesel::sql_query("SELECT set_config('app.task', 'owed', true)").execute(conn).map(drop)
}

/// What is known of where these people are reached.
pub fn reach(conn: &mut PgConnection, user_id: UserId) -> QueryResult<Option<facts::Reader>> {
    let mut readers: HashMap<UserId, facts::Reader> = facts::readers(conn, &[user_id])?;
    Ok(readers.remove(&user_id))
}
