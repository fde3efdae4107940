//! Sessions that ended before their tokens did.
//!
//! The user service says so by an event; each service keeps what it was told in its own database until the last
//! token concerned has expired, and refuses those tokens from the moment it knows. The set is small (what ended
//! within minutes), so all of it is in memory and a look costs no query. Other instances of the service, which did
//! not get the event, read what is new once a second; a service that starts reads what it knew, and asks user what
//! it missed, before it serves.
//!
//! Clocks may jump. When a row was noted is the database's time, the same for all who write and read it; what this
//! service has forgotten because its own clock was ahead, it reads again when that clock goes back, and asks user again
//! for what it could not keep.
//!
//! Rejected: asking user for each request (everybody would need it to be up), and tokens so short that nobody would
//! mind (every client would refresh all the time).

use crate::client::Peer;
use crate::clock::Clock;
use crate::context;
use crate::db::{Database, Unscoped};
use crate::events::CloudEvent;
use crate::events::letters::{FORGET, in_steps};
use crate::fault::Fault;
use crate::problem::chain;
use crate::schema::revocations as table;
use diesel::dsl::sql;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Timestamptz};
use diesel::upsert::excluded;
use jiff::Timestamp;
use jiff_diesel::ToDiesel as _;
use rollcall_ids::{SessionId, UserId};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::broadcast;

/// Type of the event that a session has been ended.
pub const SESSION_ENDED: &str = "user.session.ended.v1";
/// Type of the event that an account has been disabled.
pub const USER_DISABLED: &str = "user.disabled.v1";
/// Type of the event that an API token has been revoked.
pub const API_TOKEN_REVOKED: &str = "user.api_token.revoked.v1";
/// Where the user service answers all revocations that still matter, as a [`RevocationList`].
pub const REVOCATIONS_PATH: &str = "/internal/v1/revocations";

/// Between two looks at what other instances have heard: half of the two seconds that an end may take to be felt.
const FOLLOW: Duration = Duration::from_secs(1);
/// Rows that were noted this long before the last known one are read again: a transaction may have begun earlier
/// and committed later. A term of SQL.
const OVERLAP: &str = "interval '15 seconds'";
/// How long a start waits for user to say what was missed.
const CATCH_UP: Duration = Duration::from_millis(1_500);
/// Revocations that a listener may be behind before it has to look at everything itself.
const BACKLOG: usize = 1_024;

/// What tokens are refused by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RevocationKind {
    /// The session (or the API token) they belong to.
    Session,
    /// The user they speak for, if they were issued before.
    User,
}

impl RevocationKind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::User => "user",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Session, Self::User].into_iter().find(|kind| kind.as_str() == text)
    }
}

/// Tokens that are refused although they have not expired. It is also the data of the three events above.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(example = json!({
    "kind": "session", "id": "0193a6f0-7c1e-7000-8000-000000000002",
    "user_id": "0193a6f0-7c1e-7000-8000-000000000001",
    "revoked_at": "2026-11-20T08:00:00Z", "until": "2026-11-20T08:06:00Z"
}))]
pub struct Revocation {
    /// What `id` is.
    pub kind: RevocationKind,
    /// The session, the API token or the user.
    #[schema(value_type = String, format = Uuid)]
    pub id: SessionId,
    /// Whose tokens they are.
    pub user_id: UserId,
    /// Since when.
    pub revoked_at: Timestamp,
    /// When the last of them has expired.
    pub until: Timestamp,
}

impl Revocation {
    /// A session, or an API token, which has been ended.
    pub const fn of_session(id: SessionId, user_id: UserId, revoked_at: Timestamp, until: Timestamp) -> Self {
        Self { kind: RevocationKind::Session, id, user_id, revoked_at, until }
    }

    /// A user whose account has been disabled.
    pub const fn of_user(user_id: UserId, revoked_at: Timestamp, until: Timestamp) -> Self {
        Self { kind: RevocationKind::User, id: SessionId(user_id.0), user_id, revoked_at, until }
    }

    /// What an event of the user service says, if it is one of these.
    pub(crate) fn of_event(event: &CloudEvent) -> Result<Option<Self>, Fault> {
        match event.kind.as_str() {
            SESSION_ENDED | USER_DISABLED | API_TOKEN_REVOKED if event.source == "/rollcall/user" => {
                event.data().map(Some)
            }
            _ => Ok(None),
        }
    }
}

/// All revocations that still matter.
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct RevocationList {
    /// In no order.
    pub items: Vec<Revocation>,
}

#[derive(Default)]
struct Known {
    sessions: HashMap<SessionId, Revocation>,
    users: HashMap<UserId, Revocation>,
    /// When the last one was noted, by the database's clock.
    newest: Option<Timestamp>,
    /// When news was last read, by this service's clock.
    looked: Option<Timestamp>,
}

impl Known {
    /// Takes one over; false when it was known.
    fn add(&mut self, revocation: &Revocation) -> bool {
        let known = match revocation.kind {
            RevocationKind::Session => self.sessions.entry(revocation.id).or_insert_with(|| revocation.clone()),
            RevocationKind::User => self.users.entry(revocation.user_id).or_insert_with(|| revocation.clone()),
        };
        let news = known.revoked_at < revocation.revoked_at;
        if news {
            known.clone_from(revocation);
        }
        news
    }

    /// Since when news is wanted; none: everything, because nothing was read yet, or what is remembered lacks what
    /// had expired by a clock that was ahead.
    fn news_since(&self, now: Timestamp) -> Option<Timestamp> {
        self.newest.filter(|_| self.looked.is_some_and(|looked| looked <= now))
    }

    /// Whether this service's clock has gone back since news was last read.
    fn is_from_later(&self, now: Timestamp) -> bool {
        self.looked.is_some_and(|looked| now < looked)
    }

    fn len(&self) -> usize {
        self.sessions.len() + self.users.len()
    }
}

/// The revocations that a service knows. Cheap to clone.
#[derive(Clone)]
pub struct Revocations(Arc<Inner>);

struct Inner {
    db: Database,
    clock: Clock,
    known: RwLock<Known>,
    loaded: AtomicBool,
    told: broadcast::Sender<Revocation>,
}

impl Revocations {
    pub(crate) fn new(db: Database, clock: Clock) -> Self {
        let told = broadcast::Sender::new(BACKLOG);
        Self(Arc::new(Inner { db, clock, known: RwLock::default(), loaded: AtomicBool::new(false), told }))
    }

    /// Notes a revocation in the caller's transaction. It takes effect here with [`Revocations::committed`], and in
    /// other instances within a second.
    pub fn note(&self, conn: &mut PgConnection, revocation: &Revocation) -> QueryResult<()> {
        diesel::insert_into(table::table)
            .values((
                table::kind.eq(revocation.kind.as_str()),
                table::id.eq(revocation.id),
                table::user_id.eq(revocation.user_id),
                table::revoked_at.eq(revocation.revoked_at.to_diesel()),
                table::until.eq(revocation.until.to_diesel()),
                table::noted_at.eq(sql::<Timestamptz>("clock_timestamp()")),
            ))
            .on_conflict((table::kind, table::id))
            .do_update()
            .set((
                table::revoked_at.eq(excluded(table::revoked_at)),
                table::until.eq(excluded(table::until)),
                table::noted_at.eq(excluded(table::noted_at)),
            ))
            .execute(conn)
            .map(drop)
    }

    /// Refuses the tokens of a revocation from now on, and tells whoever listens.
    pub fn committed(&self, revocation: &Revocation) {
        let mut known = self.0.known.write().unwrap_or_else(PoisonError::into_inner);
        let before = known.len();
        let news = known.add(revocation) || known.len() > before;
        drop(known);
        if news {
            // Nobody listens: nothing to end.
            let _ = self.0.told.send(revocation.clone());
        }
    }

    /// Whether tokens of this session, issued to this user at `issued_at`, are refused.
    pub fn refuses(&self, user_id: UserId, session_id: SessionId, issued_at: Timestamp) -> bool {
        let known = self.0.known.read().unwrap_or_else(PoisonError::into_inner);
        let disabled = known.users.get(&user_id);
        // A token says its time in whole seconds.
        disabled.is_some_and(|revoked| issued_at.as_second() <= revoked.revoked_at.as_second())
            || known.sessions.contains_key(&session_id)
    }

    /// Hears of every revocation from now on: for whatever lives longer than a request, like a stream, and has to end
    /// with its session. Whoever lags behind looks at [`Revocations::refuses`] for all that it has.
    pub fn subscribe(&self) -> broadcast::Receiver<Revocation> {
        self.0.told.subscribe()
    }

    /// All that still matter now, from the database.
    pub async fn current(&self) -> Result<RevocationList, Fault> {
        let now = self.0.clock.now();
        let rows = self.0.db.transaction(Unscoped, move |conn| Ok::<_, Fault>(rows_since(conn, None, now)?)).await?;
        Ok(RevocationList { items: rows.into_iter().filter_map(Row::revocation).collect() })
    }

    /// Unavailable as long as the database has not been read: a token could belong to a session that ended before
    /// this process began.
    pub(crate) async fn ready(&self) -> Result<(), Fault> {
        if self.0.loaded.load(Ordering::Acquire) { Ok(()) } else { self.read_news().await.map(drop) }
    }

    /// Reads what was noted since the last look, by this or another instance, and forgets what has expired. Answers
    /// whether the clock has gone back since then.
    pub(crate) async fn read_news(&self) -> Result<bool, Fault> {
        let now = self.0.clock.now();
        let (since, went_back) = {
            let known = self.0.known.read().unwrap_or_else(PoisonError::into_inner);
            (known.news_since(now), known.is_from_later(now))
        };
        let rows = self.0.db.transaction(Unscoped, move |conn| Ok::<_, Fault>(rows_since(conn, since, now)?)).await?;
        let newest = rows.iter().map(|row| row.5.to_jiff()).max();
        for revocation in rows.into_iter().filter_map(Row::revocation) {
            self.committed(&revocation);
        }
        let mut known = self.0.known.write().unwrap_or_else(PoisonError::into_inner);
        known.newest = if since.is_some() { known.newest.max(newest) } else { newest };
        known.looked = Some(now);
        known.sessions.retain(|_, revocation| revocation.until > now);
        known.users.retain(|_, revocation| revocation.until > now);
        drop(known);
        self.0.loaded.store(true, Ordering::Release);
        Ok(went_back)
    }

    /// Reads the news again and again, and asks user once more when the clock has gone back: what was only in memory may
    /// have been forgotten while it was ahead.
    pub(crate) async fn follow(self, user: Option<Peer>) {
        let mut failing = false;
        loop {
            tokio::time::sleep(FOLLOW).await;
            match self.read_news().await {
                Ok(went_back) => {
                    failing = false;
                    if let (true, Some(user)) = (went_back, &user) {
                        self.catch_up(user).await;
                    }
                }
                Err(error) if !failing => {
                    failing = true;
                    tracing::warn!(error = chain(&error), "cannot read which sessions have ended");
                }
                Err(_) => {}
            }
        }
    }

    /// Takes over what ended while this service was down. When user is away as well nothing can have been ended
    /// since, but for what waits in its outbox and comes when it is back.
    pub(crate) async fn catch_up(&self, user: &Peer) {
        let list = context::within(CATCH_UP, user.get_json::<RevocationList>(REVOCATIONS_PATH)).await;
        match list {
            Ok(list) => {
                let (notes, now) = (self.clone(), self.0.clock.now());
                let items: Vec<_> = list.items.into_iter().filter(|revocation| revocation.until > now).collect();
                for revocation in &items {
                    self.committed(revocation);
                }
                let kept = self.0.db.transaction(Unscoped, move |conn| {
                    items.iter().try_for_each(|revocation| notes.note(conn, revocation)).map_err(Fault::from)
                });
                if let Err(error) = kept.await {
                    tracing::warn!(error = chain(&error), "cannot keep which sessions have ended");
                }
            }
            Err(error) => {
                tracing::info!(error = chain(&error), "user does not say which sessions have ended; events will");
            }
        }
    }

    /// Deletes what has expired for a day by this service's clock and by the database's: one that is ahead, and goes
    /// back, must not cost a row that tokens are still refused by.
    pub(crate) async fn forget_old(&self) -> Result<usize, Fault> {
        let now = self.0.clock.now().to_diesel();
        in_steps(&self.0.db, move |conn| {
            let old = diesel::sql_query(
                "DELETE FROM revocations WHERE ctid IN (
                     SELECT ctid FROM revocations WHERE until <= least($1, now()) - interval '1 day' ORDER BY until LIMIT $2)",
            );
            Ok(old.bind::<Timestamptz, _>(now).bind::<BigInt, _>(FORGET).execute(conn)?)
        })
        .await
    }
}

#[derive(Queryable)]
struct Row(String, SessionId, UserId, jiff_diesel::Timestamp, jiff_diesel::Timestamp, jiff_diesel::Timestamp);

impl Row {
    fn revocation(self) -> Option<Revocation> {
        let Self(kind, id, user_id, revoked_at, until, _) = self;
        let kind = RevocationKind::parse(&kind)?;
        Some(Revocation { kind, id, user_id, revoked_at: revoked_at.to_jiff(), until: until.to_jiff() })
    }
}

fn rows_since(conn: &mut PgConnection, since: Option<Timestamp>, now: Timestamp) -> QueryResult<Vec<Row>> {
    let since = since.unwrap_or(Timestamp::UNIX_EPOCH).to_diesel();
    // A database whose clock has gone back notes what is new earlier than what is known.
    let since = sql::<Timestamptz>("least(").bind::<Timestamptz, _>(since).sql(", now()) - ").sql(OVERLAP);
    table::table
        .filter(table::noted_at.ge(since))
        .filter(table::until.gt(now.to_diesel()))
        .select((table::kind, table::id, table::user_id, table::revoked_at, table::until, table::noted_at))
        .load(conn)
}
