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

/// A database that needs longer than this for `SELECT 1` cannot serve.
const PATIENCE: Duration = Duration::from_secs(1);

pub(super) fn routes<S: Service>(config: &mut web::ServiceConfig) {
    config
        .route("/livez", web::get().to(|| async { "alive\n" }))
        .route("/readyz", web::get().to(readyz))
        .route("/health", web::get().to(health))
        .route(&format!("/api/{}/health", S::NAME), web::get().to(health))
        .route(&format!("/api/{}/openapi.json", S::NAME), web::get().to(description))
        .route("/internal/metrics", web::get().to(metrics));
}

async fn readyz(core: web::Data<Core>) -> HttpResponse {
    let not =
        |why: &'static str| HttpResponse::ServiceUnavailable().insert_header((header::RETRY_AFTER, "1")).body(why);
    if core.drain.is_draining() {
        return not("draining\n");
    }
    match database(&core).await {
        Ok(()) => HttpResponse::Ok().body("ready\n"),
        Err(_) => not("the database does not answer\n"),
    }
}

async fn health(core: web::Data<Core>) -> HttpResponse {
    let database = if database(&core).await.is_ok() { "ok" } else { "unavailable" };
    let draining = core.drain.is_draining();
    let status = if database == "ok" && !draining { "ok" } else { "unavailable" };
    let body = json!({
        "status": status,
        "service": core.name,
        "version": env!("CARGO_PKG_VERSION"),
        "checks": { "database": database, "draining": draining },
    });
    if status == "ok" { HttpResponse::Ok().json(body) } else { HttpResponse::ServiceUnavailable().json(body) }
}

async fn database(core: &Core) -> Result<(), Fault> {
    match tokio::time::timeout(PATIENCE, core.db.ping()).await {
        Ok(answer) => answer,
        Err(elapsed) => Err(Fault::unavailable("database", elapsed)),
    }
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

/// Prometheus text. nginx proxies nothing under `/internal`; what comes from another host is told nothing.
async fn metrics(request: HttpRequest) -> Result<String, Fault> {
    match request.peer_addr() {
        Some(peer) if peer.ip().is_loopback() => Ok(telemetry::metrics().render()),
        _ => Err(Fault::NotFound),
    }
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
