//! `/livez` (the process), `/readyz` (fit to serve; never a peer, or one sick service would take all down) and a
//! readable sum of both.

use super::{Core, Service};
use crate::db::Unscoped;
use crate::fault::Fault;
use crate::telemetry;
use actix_web::http::header::{self, ContentType};
use actix_web::{HttpRequest, HttpResponse, web};
use bytes::Bytes;
use diesel_migrations::EmbeddedMigrations;
use serde_json::json;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// A database that needs longer than this to say which migrations it has cannot serve.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long an answer is taken for true.
const FRESH: Duration = Duration::from_millis(500);

pub(super) fn routes<S: Service>(config: &mut web::ServiceConfig) {
    config
        .route("/livez", web::get().to(|| async { "alive\n" }))
        .route("/readyz", web::get().to(readyz::<S>))
        .route("/health", web::get().to(health::<S>))
        .route(&format!("/api/{}/health", S::NAME), web::get().to(health::<S>))
        .route(&format!("/api/{}/openapi.json", S::NAME), web::get().to(description))
        .route("/internal/metrics", web::get().to(metrics::<S>))
        .route("/internal/openapi.json", web::get().to(whole_description::<S>));
}

/// What the database is good for, as last looked at. Looking costs a statement, and `/api/<service>/health` is open to
/// everybody, so it is done at most twice a second.
#[derive(Debug, Default)]
pub(crate) struct Readiness(Mutex<Option<(Instant, Database)>>);

/// See [`Readiness`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Database {
    Ok,
    /// It answers, and has not all the migrations of this binary.
    Behind,
    Unavailable,
}

impl Database {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Behind => "behind the migrations of this binary",
            Self::Unavailable => "unavailable",
        }
    }
}

pub(super) async fn database<S: Service>(core: &Core) -> Database {
    let mut seen = core.readiness.0.lock().await;
    if let Some((at, found)) = *seen
        && at.elapsed() < FRESH
    {
        return found;
    }
    let look = core.db.probe(|conn| crate::db::pending_on(conn, S::MIGRATIONS));
    let found = match tokio::time::timeout(PATIENCE, look).await {
        Ok(Ok(pending)) if pending.is_empty() => Database::Ok,
        Ok(Ok(_)) => Database::Behind,
        Ok(Err(_)) | Err(_) => Database::Unavailable,
    };
    *seen = Some((Instant::now(), found));
    found
}

async fn readyz<S: Service>(core: web::Data<Core>) -> HttpResponse {
    let not = |why: String| HttpResponse::ServiceUnavailable().insert_header((header::RETRY_AFTER, "1")).body(why);
    if core.drain.is_draining() {
        return not("draining\n".to_owned());
    }
    match database::<S>(&core).await {
        Database::Ok => HttpResponse::Ok().body("ready\n"),
        found => not(format!("database: {}\n", found.as_str())),
    }
}

async fn health<S: Service>(core: web::Data<Core>) -> HttpResponse {
    let database = database::<S>(&core).await;
    let draining = core.drain.is_draining();
    let ok = database == Database::Ok && !draining;
    let body = json!({
        "status": if ok { "ok" } else { "unavailable" },
        "service": core.name,
        "version": env!("CARGO_PKG_VERSION"),
        "checks": { "database": database.as_str(), "draining": draining },
    });
    if ok { HttpResponse::Ok().json(body) } else { HttpResponse::ServiceUnavailable().json(body) }
}

/// The description of the service as JSON text, made once.
#[derive(Clone)]
pub(super) struct Description(Bytes);

impl Description {
    pub(super) fn of<S: Service>() -> anyhow::Result<Self> {
        Ok(Self(serde_json::to_vec(&super::openapi::<S>())?.into()))
    }
}

async fn description(description: web::Data<Description>) -> HttpResponse {
    HttpResponse::Ok().content_type(ContentType::json()).body(description.0.clone())
}

/// Prometheus text. nginx proxies nothing under `/internal`; what comes from elsewhere is told nothing.
async fn metrics<S: Service>(request: HttpRequest, core: web::Data<Core>) -> Result<String, Fault> {
    watched_from(&request, &core)?;
    let available = database::<S>(&core).await != Database::Unavailable;
    metrics::gauge!("database_available").set(f64::from(u8::from(available)));
    core.db.measure();
    telemetry::measure_process();
    Ok(telemetry::metrics().render())
}

/// The description with what services say to each other: what a release of this or another service is compared with.
/// Made anew each time, because it is asked for that seldom.
async fn whole_description<S: Service>(request: HttpRequest, core: web::Data<Core>) -> Result<HttpResponse, Fault> {
    watched_from(&request, &core)?;
    Ok(HttpResponse::Ok().json(super::openapi_with_internal::<S>()))
}

fn watched_from(request: &HttpRequest, core: &Core) -> Result<(), Fault> {
    let peer = request.peer_addr().ok_or(Fault::NotFound)?.ip().to_canonical();
    let known = core.base.telemetry.watchers.0.iter().any(|network| network.contains(&peer));
    if known { Ok(()) } else { Err(Fault::NotFound) }
}

/// An error when this binary has migrations that the database has not. A database that is away says nothing:
/// then the service starts, is not ready, and its statements fail until it is back.
pub(super) async fn refuse_old_schema(core: &Core, own: EmbeddedMigrations) -> anyhow::Result<()> {
    let pending =
        core.db.transaction(Unscoped, move |conn| crate::db::pending_on(conn, own).map_err(Fault::from)).await;
    match pending {
        Ok(pending) if pending.is_empty() => Ok(()),
        Ok(pending) => {
            anyhow::bail!("the database is behind this binary, run `migrate` first; missing: {}", pending.join(", "))
        }
        Err(Fault::Unavailable { source, .. }) => {
            let error = source.map_or_else(String::new, |source| format!("{source:#}"));
            tracing::warn!(error, "the database is away; starting without having seen its migrations");
            Ok(())
        }
        Err(error) => {
            Err(anyhow::Error::new(error).context("cannot read which migrations are applied; was `migrate` run?"))
        }
    }
}
