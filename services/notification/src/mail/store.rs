//! Mail that is owed, in the database.

use crate::restored::MAY_HAVE_BEEN_SENT;
use crate::rules::templates::{Language, Text};
use crate::schema::mail_deliveries;
use diesel::dsl::{case_when, sql};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Int4, Nullable, Text as SqlText, Timestamptz, Uuid};
use jiff::{SignedDuration, Timestamp};
use jiff_diesel::ToDiesel as _;
use rollcall_common::fault::Fault;
use rollcall_common::tenant::Tenant;
use rollcall_ids::{EventId, NotificationId, OrgId};

/// A mail to be sent.
#[derive(Debug)]
pub struct NewMail<'a> {
    /// Where it goes.
    pub recipient: &'a str,
    /// How they are addressed.
    pub recipient_name: &'a str,
    /// What it is written in.
    pub language: Language,
    /// What it says.
    pub text: Text,
    /// Name of the template that it was written with.
    pub kind: &'a str,
    /// The organisation with whose mail it waits its turn; none: it is about an account, and waits behind none.
    pub turn_of: Option<OrgId>,
    /// When the event happened that it tells of; none: it tells of what has been stored here since.
    pub happened_at: Option<Timestamp>,
}

/// Owes somebody a mail about an event: once, however often it is tried. Without a tenant it belongs to no
/// organisation. Of what happened before this database was put back to a backup it may have been sent: it is given up at
/// once, and an operator may have it sent.
pub fn add(
    conn: &mut PgConnection,
    tenant: Option<&Tenant>,
    event_id: EventId,
    mail: &NewMail<'_>,
    now: Timestamp,
) -> QueryResult<()> {
    let lost = || {
        sql::<Bool>("EXISTS (SELECT FROM restores WHERE lost_at >= ")
            .bind::<Nullable<Timestamptz>, _>(mail.happened_at.map(jiff_diesel::ToDiesel::to_diesel))
            .sql(")")
    };
    let finished = case_when(lost(), now.to_diesel().into_sql::<Nullable<Timestamptz>>());
    diesel::insert_into(mail_deliveries::table)
        .values((
            mail_deliveries::state.eq(case_when(lost(), "dead".into_sql::<SqlText>()).otherwise("queued")),
            mail_deliveries::last_error.eq(case_when(lost(), MAY_HAVE_BEEN_SENT.into_sql::<Nullable<SqlText>>())),
            mail_deliveries::finished_at.eq(finished),
            mail_deliveries::org_id.eq(tenant.map(Tenant::org_id)),
            mail_deliveries::turn_of.eq(mail.turn_of),
            mail_deliveries::delivery_id.eq(NotificationId::generate()),
            mail_deliveries::event_id.eq(event_id),
            mail_deliveries::recipient.eq(mail.recipient),
            mail_deliveries::recipient_name.eq(mail.recipient_name),
            mail_deliveries::kind.eq(mail.kind),
            mail_deliveries::language.eq(mail.language.tag()),
            mail_deliveries::subject.eq(&mail.text.title),
            mail_deliveries::text_body.eq(&mail.text.body),
            mail_deliveries::html_body.eq(&mail.text.html),
            mail_deliveries::next_attempt_at.eq(now.to_diesel()),
            mail_deliveries::created_at.eq(now.to_diesel()),
        ))
        // To name the constraint would take the right to read rows, which nobody without a tenant has.
        .on_conflict_do_nothing()
        .execute(conn)
        .map(drop)
}

/// A mail that a worker has leased.
#[derive(QueryableByName)]
pub struct Delivery {
    /// Its id, the same at every attempt.
    #[diesel(sql_type = Uuid)]
    pub delivery_id: NotificationId,
    /// Where it goes.
    #[diesel(sql_type = SqlText)]
    pub recipient: String,
    /// How they are addressed.
    #[diesel(sql_type = SqlText)]
    pub recipient_name: String,
    /// BCP 47 tag of what it is written in.
    #[diesel(sql_type = SqlText)]
    pub language: String,
    /// Its subject.
    #[diesel(sql_type = SqlText)]
    pub subject: String,
    /// Its text.
    #[diesel(sql_type = SqlText)]
    pub text_body: String,
    /// The same as HTML.
    #[diesel(sql_type = Nullable<SqlText>)]
    pub html_body: Option<String>,
    /// How often it was tried, this time included.
    #[diesel(sql_type = Int4)]
    pub attempts: i32,
    /// When it was first owed.
    #[diesel(sql_type = Timestamptz, deserialize_as = jiff_diesel::Timestamp)]
    pub created_at: Timestamp,
    /// Until when nobody else takes it.
    #[diesel(sql_type = Timestamptz, deserialize_as = jiff_diesel::Timestamp)]
    pub leased_until: Timestamp,
}

/// Takes at most `most` mails that are due; nobody else gets them for as long as `lease`. Those about accounts, which are
/// worth something for minutes, come first, and leave one place to the rest; then the first of every organisation before
/// the second of any. Its cost grows with the organisations that owe mail, not with how much.
///
/// What a release owed that knew no turns passes for mail about accounts.
pub fn claim(
    conn: &mut PgConnection,
    now: Timestamp,
    lease: SignedDuration,
    most: i64,
) -> Result<Vec<Delivery>, Fault> {
    const STATEMENT: &str = "
        WITH RECURSIVE owing AS (
            (SELECT turn_of FROM mail_deliveries WHERE state = 'queued' AND turn_of IS NOT NULL ORDER BY turn_of LIMIT 1)
            UNION ALL
            SELECT further.turn_of FROM owing CROSS JOIN LATERAL (
                SELECT m.turn_of FROM mail_deliveries m WHERE m.state = 'queued' AND m.turn_of > owing.turn_of
                ORDER BY m.turn_of LIMIT 1) further
        ), waiting AS (
            (SELECT delivery_id, next_attempt_at, 0 AS turn FROM mail_deliveries
             WHERE turn_of IS NULL AND state = 'queued'
                 AND next_attempt_at <= $1 AND (leased_until IS NULL OR leased_until <= $1)
             ORDER BY next_attempt_at, delivery_id LIMIT greatest(1, $3 - 1))
            UNION ALL
            SELECT q.delivery_id, q.next_attempt_at, q.turn FROM owing CROSS JOIN LATERAL (
                SELECT delivery_id, next_attempt_at, row_number() OVER (ORDER BY next_attempt_at, delivery_id) AS turn
                FROM mail_deliveries
                WHERE turn_of = owing.turn_of AND state = 'queued'
                    AND next_attempt_at <= $1 AND (leased_until IS NULL OR leased_until <= $1)
                ORDER BY next_attempt_at, delivery_id LIMIT $3) q
        ), due AS (
            SELECT delivery_id FROM waiting ORDER BY turn, next_attempt_at LIMIT $3
        )
        UPDATE mail_deliveries m SET attempts = m.attempts + 1, leased_until = $2
        FROM due
        WHERE m.delivery_id = due.delivery_id
            AND m.state = 'queued' AND (m.leased_until IS NULL OR m.leased_until <= $1)
        RETURNING m.delivery_id, m.recipient, m.recipient_name, m.language, m.subject,
            coalesce(m.text_body, '') AS text_body, m.html_body, m.attempts, m.created_at, m.leased_until";
    work_for_all(conn)?;
    // One instance takes at a time, or two would choose the same.
    diesel::sql_query("SELECT pg_advisory_xact_lock(hashtextextended('claim mail deliveries', 0))").execute(conn)?;
    let until = now.checked_add(lease).map_err(Fault::internal)?;
    Ok(diesel::sql_query(STATEMENT)
        .bind::<Timestamptz, _>(now.to_diesel())
        .bind::<Timestamptz, _>(until.to_diesel())
        .bind::<BigInt, _>(most)
        .load(conn)?)
}

/// What became of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attempt {
    /// It was handed over.
    Sent,
    /// It failed, and is tried again.
    Again {
        /// When.
        at: Timestamp,
        /// What was said, for whoever looks for the fault.
        error: String,
    },
    /// It failed for good.
    Dead {
        /// What was said.
        error: String,
    },
}

/// Notes what became of an attempt, unless the lease ran out and somebody else has it now. A mail that was sent
/// loses its texts: they may hold a secret.
pub fn finish(conn: &mut PgConnection, delivery: &Delivery, attempt: &Attempt, now: Timestamp) -> QueryResult<()> {
    work_for_all(conn)?;
    let mine = mail_deliveries::table
        .find(delivery.delivery_id)
        .filter(mail_deliveries::leased_until.eq(delivery.leased_until.to_diesel()));
    let finished = Some(now.to_diesel());
    match attempt {
        Attempt::Sent => diesel::update(mine)
            .set((
                mail_deliveries::state.eq("sent"),
                mail_deliveries::text_body.eq(None::<String>),
                mail_deliveries::html_body.eq(None::<String>),
                mail_deliveries::last_error.eq(None::<String>),
                mail_deliveries::finished_at.eq(finished),
            ))
            .execute(conn),
        Attempt::Again { at, error } => diesel::update(mine)
            .set((
                mail_deliveries::next_attempt_at.eq(at.to_diesel()),
                mail_deliveries::leased_until.eq(None::<jiff_diesel::Timestamp>),
                mail_deliveries::last_error.eq(Some(error)),
            ))
            .execute(conn),
        Attempt::Dead { error } => diesel::update(mine)
            .set((
                mail_deliveries::state.eq("dead"),
                mail_deliveries::last_error.eq(Some(error)),
                mail_deliveries::finished_at.eq(finished),
            ))
            .execute(conn),
    }
    .map(drop)
}

/// The worker serves every organisation and account; row-level security lets it, until the transaction ends.
fn work_for_all(conn: &mut PgConnection) -> QueryResult<()> {
    diesel::sql_query("SELECT set_config('app.task', 'mail', true)").execute(conn).map(drop)
}
