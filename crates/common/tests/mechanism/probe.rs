//! The smallest service there can be: notes of an organisation. It stands in org's place, so that a database and
//! roles are there for it, and does what the tests need to see the mechanism do.

use actix_web::{HttpRequest, HttpResponse, get, post, web};
use bytes::Bytes;
use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use diesel_migrations::{EmbeddedMigrations, embed_migrations};
use futures_util::Stream;
use rollcall_common::answer::Answer;
use rollcall_common::auth::{Caller, ServiceCaller};
use rollcall_common::backfill::Generation;
use rollcall_common::db::Unscoped;
use rollcall_common::describe::EventDescription;
use rollcall_common::events::{CloudEvent, EventConsumer, NewEvent};
use rollcall_common::extract::Json;
use rollcall_common::fault::Fault;
use rollcall_common::idempotency::{Idempotent, Principal};
use rollcall_common::server::{Core, Service};
use rollcall_common::tenant::{InTenant, Tenant, TenantAuthority};
use rollcall_ids::{OrgId, UserId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::atomic::{AtomicI16, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use utoipa_actix_web::service_config::ServiceConfig;

diesel::table! {
    notes (org_id, note_id) {
        org_id -> Uuid,
        note_id -> Uuid,
        text -> Text,
    }
}

/// The probe.
pub struct Probe {
    core: Core,
    members: Arc<Members>,
    /// How many streams are open.
    pub open: Arc<AtomicUsize>,
    generation: Arc<AtomicI16>,
}

/// Who is a member where; tests say.
#[derive(Default)]
pub struct Members(Mutex<BTreeSet<(UserId, OrgId)>>);

impl Members {
    pub fn admit(&self, user_id: UserId, org_id: OrgId) {
        self.0.lock().unwrap().insert((user_id, org_id));
    }
}

impl TenantAuthority for Members {
    type Member = ();

    async fn member(&self, caller: &Caller, org_id: OrgId) -> Result<Option<()>, Fault> {
        Ok(self.0.lock().unwrap().contains(&(caller.user_id, org_id)).then_some(()))
    }
}

impl Probe {
    pub fn admit(&self, user_id: UserId, org_id: OrgId) {
        self.members.admit(user_id, org_id);
    }

    /// Tells of a note through a lane of its own.
    pub async fn tell_beside(&self, text: &'static str) {
        let (lane, outbox) = (self.core.db.lane(&self.core.base.database, 1), self.core.outbox.clone());
        let tell = move |conn: &mut PgConnection| {
            let (kind, subject) = ("org.note.added.v1", "note".to_owned());
            outbox.emit(conn, &NewEvent { kind, subject, org_id: None, version: None, data: &text })
        };
        lane.transaction(Unscoped, tell).await.unwrap();
    }

    /// From now on its consumer is of this generation.
    pub fn is_of(&self, generation: Generation) {
        self.generation.store(generation, Ordering::SeqCst);
    }
}

/// A type of event that holds a secret.
pub const SECRET: &str = "org.secret.told.v1";

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NoSettings {}

impl Service for Probe {
    const NAME: &'static str = "org";
    const DEFAULTS: &'static str = "";
    const MIGRATIONS: EmbeddedMigrations = embed_migrations!("tests/mechanism/migrations");
    const CONSUMES_EVENTS: bool = true;
    const STREAMS: &'static [&'static str] = &["/ticks"];
    type Settings = NoSettings;

    async fn build(core: Core, _: NoSettings) -> anyhow::Result<Self> {
        Ok(Self { core, members: Arc::default(), open: Arc::default(), generation: Arc::default() })
    }

    fn core(&self) -> &Core {
        &self.core
    }

    fn routes(config: &mut ServiceConfig<'_>) {
        config
            .service(add)
            .service(add_all)
            .service(list)
            .service(echo)
            .service(panics)
            .service(hangs)
            .service(blocks)
            .service(takes_long)
            .service(slow)
            .service(asks)
            .service(ticks)
            .service(inside);
    }

    fn describe() -> utoipa::openapi::OpenApi {
        utoipa::openapi::OpenApi::default()
    }

    fn events() -> Vec<EventDescription> {
        vec![EventDescription::of::<String>(SECRET).with_secret()]
    }

    fn data(self: &Arc<Self>, config: &mut web::ServiceConfig) {
        config.app_data(web::Data::from(Arc::clone(&self.members)));
        config.app_data(web::Data::from(Arc::clone(&self.open)));
    }

    fn consumer(self: &Arc<Self>) -> Option<Arc<dyn EventConsumer>> {
        Some(Arc::new(Consumer { generation: Arc::clone(&self.generation) }))
    }
}

/// Writes a note for each event; refuses those that say so.
struct Consumer {
    generation: Arc<AtomicI16>,
}

impl EventConsumer for Consumer {
    fn generation(&self) -> Generation {
        self.generation.load(Ordering::SeqCst)
    }

    fn apply(&self, conn: &mut PgConnection, tenant: Option<&Tenant>, event: &CloudEvent) -> Result<(), Fault> {
        let text: String = event.data()?;
        let tenant = tenant.ok_or(Fault::NotFound)?;
        write(conn, tenant, &text)?;
        match text.as_str() {
            "endless" => conn.batch_execute("SELECT pg_sleep(30)")?,
            // As a deadlock does it: only together with others.
            "quarrel" => conn.batch_execute(
                "DO $$ BEGIN
                     IF (SELECT count(*) FROM consumed_events WHERE xmin = pg_current_xact_id()::xid) > 1 THEN
                         RAISE EXCEPTION 'deadlock detected' USING ERRCODE = '40P01';
                     END IF;
                 END $$",
            )?,
            _ => {}
        }
        if text == "poison" { Err(Fault::Forbidden) } else { Ok(()) }
    }
}

fn write(conn: &mut PgConnection, tenant: &Tenant, text: &str) -> Result<(), Fault> {
    let row = (notes::org_id.eq(tenant.org_id()), notes::note_id.eq(OrgId::generate()), notes::text.eq(text));
    diesel::insert_into(notes::table).values(row).execute(conn)?;
    Ok(())
}

#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Note {
    pub text: String,
}

/// Adds a note, and tells of it.
#[utoipa::path(responses((status = 201)))]
#[post("/orgs/{org_id}/notes")]
async fn add(ctx: InTenant<Members>, core: web::Data<Core>, request: Idempotent<Note>) -> Result<Answer, Fault> {
    let Idempotent { body, guard } = request;
    let now = core.clock.now();
    let (tenant, outbox) = (ctx.tenant, core.outbox.clone());
    let principal = Principal { user_id: ctx.caller.user_id, org_id: Some(tenant.org_id()) };
    core.db
        .transaction(&tenant, move |conn| {
            guard.once(conn, principal, now, |conn| {
                write(conn, &tenant, &body.text)?;
                if body.text == "slow" {
                    conn.batch_execute("SELECT pg_sleep(0.5)")?;
                }
                let event = NewEvent {
                    kind: "org.note.added.v1",
                    subject: "note".to_owned(),
                    org_id: Some(tenant.org_id()),
                    version: Some(1),
                    data: &body.text,
                };
                outbox.emit(conn, &event)?;
                Ok(Answer::created("/note", &body)?.version(1))
            })
        })
        .await
}

#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Notes {
    pub texts: Vec<String>,
}

/// Tells of many notes at once; those that begin with `unheard` are of a type that nobody wants, those that begin with
/// `secret` of one that holds a secret.
#[utoipa::path(responses((status = 200)))]
#[post("/orgs/{org_id}/notes/batch")]
async fn add_all(ctx: InTenant<Members>, core: web::Data<Core>, notes: Json<Notes>) -> Result<Answer, Fault> {
    let (tenant, outbox) = (ctx.tenant, core.outbox.clone());
    let ids = core
        .db
        .transaction(&tenant, move |conn| {
            let event = |text| NewEvent {
                kind: "org.note.added.v1",
                subject: "note".to_owned(),
                org_id: Some(tenant.org_id()),
                version: Some(1),
                data: text,
            };
            let mut events: Vec<_> = notes.0.texts.iter().map(event).collect();
            for event in events.iter_mut().filter(|event| event.data.starts_with("unheard")) {
                event.kind = "private.note.v1";
            }
            for event in events.iter_mut().filter(|event| event.data.starts_with("secret")) {
                event.kind = SECRET;
            }
            outbox.emit_all(conn, &events)
        })
        .await?;
    Answer::ok(&ids)
}

/// All notes that the transaction sees: row-level security alone chooses them.
#[utoipa::path(responses((status = 200)))]
#[get("/orgs/{org_id}/notes")]
async fn list(ctx: InTenant<Members>, core: web::Data<Core>) -> Result<Answer, Fault> {
    let texts: Vec<String> = core
        .db
        .transaction(&ctx.tenant, |conn| {
            Ok::<_, Fault>(notes::table.select(notes::text).order(notes::note_id).load(conn)?)
        })
        .await?;
    Answer::ok(&texts)
}

/// Answers what it was given.
#[utoipa::path(responses((status = 200)))]
#[post("/echo")]
async fn echo(Json(note): Json<Note>) -> Result<Answer, Fault> {
    Answer::ok(&note)
}

/// Panics.
#[utoipa::path(responses((status = 500)))]
#[get("/panics")]
async fn panics() -> HttpResponse {
    panic!("the secret is sesame")
}

/// Never answers.
#[utoipa::path(responses((status = 504)))]
#[get("/hangs")]
async fn hangs() -> HttpResponse {
    std::future::pending::<()>().await;
    HttpResponse::Ok().finish()
}

/// Holds its worker's thread for three seconds, as no handler may.
#[utoipa::path(responses((status = 200)))]
#[get("/blocks")]
async fn blocks() -> HttpResponse {
    std::thread::sleep(std::time::Duration::from_secs(3));
    HttpResponse::Ok().finish()
}

/// Answers with the number of its process after half a second.
#[utoipa::path(responses((status = 200)))]
#[get("/takes-long")]
async fn takes_long() -> String {
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    std::process::id().to_string()
}

/// Holds a connection for half a second.
#[utoipa::path(responses((status = 200)))]
#[get("/slow")]
async fn slow(core: web::Data<Core>) -> Result<Answer, Fault> {
    let hold = |conn: &mut PgConnection| Ok::<_, Fault>(conn.batch_execute("SELECT pg_sleep(0.5)")?);
    core.db.transaction(Unscoped, hold).await?;
    Ok(Answer::no_content())
}

/// Asks the peer `user`, with a POST when told to.
#[utoipa::path(responses((status = 200)))]
#[get("/asks/{how}")]
async fn asks(how: web::Path<String>, core: web::Data<Core>) -> Result<Answer, Fault> {
    let peer = core.peers.get("user").map_err(Fault::internal)?;
    let answer: serde_json::Value = match how.as_str() {
        "get" => peer.get_json("/thing").await?,
        _ => peer.post_json("/thing", "a-key-of-this-call", &"body").await?,
    };
    Answer::ok(&answer)
}

/// Only for services.
#[utoipa::path(responses((status = 200)))]
#[get("/internal/v1/who")]
async fn inside(service: ServiceCaller) -> String {
    service.name().to_owned()
}

/// A tick, then nothing more for ever, or the end for whoever says `?end`.
#[utoipa::path(responses((status = 200)))]
#[get("/ticks")]
async fn ticks(_: Caller, open: web::Data<AtomicUsize>, request: HttpRequest) -> HttpResponse {
    open.fetch_add(1, Ordering::SeqCst);
    let ends = request.query_string() == "end";
    HttpResponse::Ok().streaming(Ticks { open: open.into_inner(), ticked: false, ends })
}

struct Ticks {
    open: Arc<AtomicUsize>,
    ticked: bool,
    ends: bool,
}

impl Stream for Ticks {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match (std::mem::replace(&mut self.ticked, true), self.ends) {
            (false, _) => Poll::Ready(Some(Ok(Bytes::from_static(b"tick")))),
            (true, true) => Poll::Ready(None),
            (true, false) => Poll::Pending,
        }
    }
}

impl Drop for Ticks {
    fn drop(&mut self) {
        self.open.fetch_sub(1, Ordering::SeqCst);
    }
}
