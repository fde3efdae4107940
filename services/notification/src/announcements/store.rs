//! Announcements in the database, and the inboxes they go to.

use crate::schema::announcements;
use crate::stream::domain::{Entry, Fresh};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Jsonb, Text, Timestamptz, Uuid};
use jiff::Timestamp;
use jiff_diesel::ToDiesel as _;
use rollcall_common::fault::Fault;
use rollcall_common::tenant::Tenant;
use rollcall_ids::{AnnouncementId, EmployeeId, NotificationId, UserId};
use rollcall_notification_api::announcements::Announcement;
use rollcall_notification_api::inbox::{About, Category, Notification};
use rollcall_notification_api::stream::NOTIFICATION;

/// Name of the kind of message in the inbox.
const KIND: &str = "announcement";

/// Stores an announcement.
pub fn add(conn: &mut PgConnection, tenant: &Tenant, new: &Announcement) -> Result<(), Fault> {
    diesel::insert_into(announcements::table)
        .values((
            announcements::org_id.eq(tenant.org_id()),
            announcements::announcement_id.eq(new.announcement_id),
            announcements::title.eq(&new.title),
            announcements::body.eq(&new.body),
            announcements::audience.eq(serde_json::to_value(new.audience).map_err(Fault::internal)?),
            announcements::urgent.eq(new.urgent),
            announcements::recipients.eq(new.recipients),
            announcements::created_by.eq(new.created_by),
            announcements::created_at.eq(new.created_at.to_diesel()),
        ))
        .execute(conn)?;
    Ok(())
}

/// Puts an announcement that was just stored into the inboxes and streams of these users: one statement however many
/// they are. Rows of `user_streams` are locked in the order of their users, as whoever locks several does.
///
/// The text is the same for all, so it travels once: the JSON of a stream's event differs by its id alone, which is
/// put in by the database.
pub fn tell(
    conn: &mut PgConnection,
    tenant: &Tenant,
    announcement: &Announcement,
    users: &[UserId],
) -> Result<Announced, Fault> {
    const STATEMENT: &str = "
        WITH moved AS (
            INSERT INTO user_streams AS s (user_id, last_seq, unread)
            SELECT u, 1, 1 FROM unnest($1) AS u ORDER BY u
            ON CONFLICT (user_id) DO UPDATE SET last_seq = s.last_seq + 1, unread = s.unread + 1
            RETURNING s.user_id, s.epoch, s.last_seq, s.unread
        ), letters AS (
            SELECT m.user_id, m.epoch, m.last_seq, m.unread, l.notification_id
            FROM moved m JOIN unnest($1, $2) AS l (user_id, notification_id) USING (user_id)
        ), stored AS (
            INSERT INTO notifications
                (notification_id, org_id, user_id, event_id, seq, category, kind, title, body, about, created_at)
            SELECT notification_id, $3, user_id, $4, last_seq, $5, $6, $7, $8, $9, $10 FROM letters
        ), told AS (
            INSERT INTO stream_entries (user_id, seq, org_id, event, data, unread, created_at)
            SELECT user_id, last_seq, $3, $11, $12 || notification_id || $13, unread, $10 FROM letters
        )
        SELECT user_id, epoch, last_seq, unread, notification_id FROM letters";
    if users.is_empty() {
        return Ok(Announced::default());
    }
    let about = About { announcement_id: Some(announcement.announcement_id), ..About::default() };
    let placeholder = NotificationId::generate();
    let event = Notification {
        notification_id: placeholder,
        org_id: tenant.org_id(),
        category: Category::Announcements.as_str().to_owned(),
        kind: KIND.to_owned(),
        title: announcement.title.clone(),
        body: announcement.body.clone(),
        about: about.clone(),
        created_at: announcement.created_at,
        read_at: None,
    };
    let event = serde_json::to_string(&event).map_err(Fault::internal)?;
    let (before, after) = event
        .split_once(&placeholder.to_string())
        .ok_or_else(|| Fault::internal(anyhow::anyhow!("an event without its id")))?;
    let ids: Vec<NotificationId> = users.iter().map(|_| NotificationId::generate()).collect();
    let told: Vec<Told> = diesel::sql_query(STATEMENT)
        .bind::<Array<Uuid>, _>(users)
        .bind::<Array<Uuid>, _>(ids)
        .bind::<Uuid, _>(tenant.org_id())
        .bind::<Uuid, _>(announcement.announcement_id)
        .bind::<Text, _>(Category::Announcements.as_str())
        .bind::<Text, _>(KIND)
        .bind::<Text, _>(&announcement.title)
        .bind::<Text, _>(&announcement.body)
        .bind::<Jsonb, _>(serde_json::to_value(&about).map_err(Fault::internal)?)
        .bind::<Timestamptz, _>(announcement.created_at.to_diesel())
        .bind::<Text, _>(NOTIFICATION)
        .bind::<Text, _>(before)
        .bind::<Text, _>(after)
        .load(conn)?;
    Ok(Announced { before: before.to_owned(), after: after.to_owned(), told })
}

/// An announcement that is stored for everybody: the text once, and where each has it.
#[derive(Default)]
pub struct Announced {
    before: String,
    after: String,
    told: Vec<Told>,
}

impl Announced {
    /// What was added to streams, so many at a time: written out for all it would be megabytes.
    pub fn fresh(&self, at_a_time: usize) -> impl Iterator<Item = Vec<Fresh>> {
        self.told.chunks(at_a_time).map(|some| some.iter().map(|told| self.entry_of(told)).collect())
    }

    fn entry_of(&self, told: &Told) -> Fresh {
        let data = format!("{}{}{}", self.before, told.notification_id, self.after);
        let entry = Entry::new(told.last_seq, NOTIFICATION.to_owned(), data, told.unread);
        Fresh { user_id: told.user_id, epoch: told.epoch, entry }
    }
}

#[derive(QueryableByName)]
struct Told {
    #[diesel(sql_type = Uuid)]
    user_id: UserId,
    #[diesel(sql_type = BigInt)]
    epoch: i64,
    #[diesel(sql_type = BigInt)]
    last_seq: i64,
    #[diesel(sql_type = BigInt)]
    unread: i64,
    #[diesel(sql_type = Uuid)]
    notification_id: NotificationId,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = announcements, check_for_backend(diesel::pg::Pg))]
struct Row {
    announcement_id: AnnouncementId,
    title: String,
    body: String,
    audience: serde_json::Value,
    urgent: bool,
    recipients: i32,
    created_by: EmployeeId,
    #[diesel(deserialize_as = jiff_diesel::Timestamp)]
    created_at: Timestamp,
}

impl Row {
    fn view(self) -> Result<Announcement, Fault> {
        Ok(Announcement {
            announcement_id: self.announcement_id,
            title: self.title,
            body: self.body,
            audience: serde_json::from_value(self.audience).map_err(Fault::internal)?,
            urgent: self.urgent,
            recipients: self.recipients,
            created_by: self.created_by,
            created_at: self.created_at,
        })
    }
}

/// Whose announcements are shown.
#[derive(Clone, Copy, Debug)]
pub enum Shown {
    /// All of the organisation.
    All,
    /// Those to everyone, and those that this employee made.
    PublicAndOf(EmployeeId),
}

/// Announcements, newest first, before `before`.
pub fn list(
    conn: &mut PgConnection,
    tenant: &Tenant,
    shown: Shown,
    before: Option<AnnouncementId>,
    limit: i64,
) -> Result<Vec<Announcement>, Fault> {
    let mut query = visible(tenant, shown).order(announcements::announcement_id.desc()).limit(limit);
    if let Some(before) = before {
        query = query.filter(announcements::announcement_id.lt(before));
    }
    let rows: Vec<Row> = query.select(Row::as_select()).load(conn)?;
    rows.into_iter().map(Row::view).collect()
}

/// One announcement, if it is shown.
pub fn one(
    conn: &mut PgConnection,
    tenant: &Tenant,
    shown: Shown,
    announcement_id: AnnouncementId,
) -> Result<Announcement, Fault> {
    let query = visible(tenant, shown).filter(announcements::announcement_id.eq(announcement_id));
    let row: Row = query.select(Row::as_select()).first(conn)?;
    row.view()
}

fn visible<'a>(tenant: &Tenant, shown: Shown) -> announcements::BoxedQuery<'a, diesel::pg::Pg> {
    let all = announcements::table.filter(announcements::org_id.eq(tenant.org_id())).into_boxed();
    match shown {
        Shown::All => all,
        Shown::PublicAndOf(employee_id) => {
            let public = announcements::audience.eq(serde_json::json!({ "kind": "everyone" }));
            all.filter(announcements::created_by.eq(employee_id).or(public))
        }
    }
}
