//! The one way to call another service: with a deadline, a service token, a trace and retries that cannot do a thing
//! twice.
//!
//! | part | what |
//! |---|---|
//! | `retry` | what is sent again, and when |
//! | `budget` | how often in all |
//! | `target` | which instance is asked; how many calls are under way |
//! | `breaker` | when an instance is left alone |
//! | `attempt` | one request: its share of the time, its answer to the last byte |
//!
//! What may be repeated depends on the method: GET, PUT and DELETE (idempotent by RFC 9110 §9.2.2) and a POST that
//! carries an `Idempotency-Key` after 429, 502, 503, 504, a timeout or a broken connection; any other request only when
//! no connection was made, so that nothing was sent. All numbers are settings: `[calls]`.

mod attempt;
mod breaker;
mod budget;
mod retry;
mod settings;
mod target;

pub(crate) use retry::is_overload;
pub use settings::{CallOverrides, CallSettings};

use crate::auth::Identity;
use crate::context::{self, RequestContext};
use crate::idempotency::KEY_HEADER;
use crate::problem::Problem;
use crate::settings::BaseSettings;
use crate::trace::{TRACEPARENT, TRACESTATE};
use anyhow::Context as _;
use attempt::Attempt;
use http::{StatusCode, header};
use reqwest::{Method, Response};
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware, RequestBuilder};
use reqwest_retry::RetryTransientMiddleware;
use reqwest_tracing::TracingMiddleware;
use retry::{Repeat, Shared, Stop, Turn};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use target::Target;
use tokio::time::Instant;
use tracing::Instrument as _;

/// A connection on one network takes a millisecond; one that takes longer than this will not come.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(300);
/// How long an unused connection is kept: shorter than the time for which a peer that stops still answers
/// (`server.drain_ms`), so that no request is written into one that is about to be closed.
const POOL_IDLE: Duration = Duration::from_secs(1);

/// Why a call gave no answer to work with.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// 404: it is not there.
    #[error("{peer} knows no such thing")]
    NotFound {
        /// Who was called.
        peer: String,
    },
    /// Another 4xx: the call was wrong; trying again will not help.
    #[error("{peer} refused the call: {status} {code}")]
    Refused {
        /// Who was called.
        peer: String,
        /// What it answered.
        status: StatusCode,
        /// The problem's code.
        code: String,
    },
    /// No answer, too late an answer, 429 or a 5xx, after the retries that were allowed.
    #[error("{peer} is not available")]
    Unavailable {
        /// Who was called.
        peer: String,
        /// What it answered last; none: no whole answer came.
        status: Option<StatusCode>,
        /// What happened last.
        #[source]
        source: anyhow::Error,
    },
    /// An answer larger than `response_limit_bytes`.
    #[error("the answer of {peer} is too large: {source}")]
    TooLarge {
        /// Who was called.
        peer: String,
        /// How large an answer may be.
        source: anyhow::Error,
    },
    /// An answer that its contract does not know.
    #[error("{peer} broke its contract")]
    BrokenContract {
        /// Who was called.
        peer: String,
        /// What is wrong with it.
        #[source]
        source: anyhow::Error,
    },
}

impl CallError {
    /// Its name in the metrics.
    const fn name(&self) -> &'static str {
        match self {
            Self::NotFound { .. } => "not_found",
            Self::Refused { .. } => "refused",
            Self::Unavailable { .. } => "unavailable",
            Self::TooLarge { .. } => "too_large",
            Self::BrokenContract { .. } => "broken_contract",
        }
    }
}

/// The other services, by name.
#[derive(Clone)]
pub struct Peers(Arc<BTreeMap<String, Peer>>);

impl Peers {
    pub(crate) fn new(settings: &BaseSettings, identity: &Arc<Identity>, http: &reqwest::Client) -> Self {
        let peers = settings.peers.iter().filter(|(_, peer)| !peer.all_urls().is_empty()).map(|(name, peer)| {
            let target = Target::new(name, peer.all_urls(), settings.calls.with(&peer.calls));
            (name.clone(), Peer { target: Arc::new(target), identity: Arc::clone(identity), http: http.clone() })
        });
        Self(Arc::new(peers.collect()))
    }

    /// The peer of this name; an error that names the setting when it has no address.
    pub fn get(&self, name: &str) -> anyhow::Result<Peer> {
        self.0.get(name).cloned().with_context(|| format!("setting `peers.{name}.url` is needed"))
    }
}

/// Another service. Cheap to clone.
#[derive(Clone)]
pub struct Peer {
    target: Arc<Target>,
    identity: Arc<Identity>,
    http: reqwest::Client,
}

impl Peer {
    /// `GET path`, decoded.
    pub async fn get_json<T: DeserializeOwned>(&self, path: &str) -> Result<T, CallError> {
        self.call(Method::GET, path, Repeat::Anything, |request| request).await
    }

    /// `POST path` with a key that makes it safe to repeat, decoded.
    pub async fn post_json<T: DeserializeOwned>(
        &self,
        path: &str,
        idempotency_key: &str,
        body: &impl Serialize,
    ) -> Result<T, CallError> {
        let dress = |request: RequestBuilder| request.header(KEY_HEADER, idempotency_key).json(body);
        self.call(Method::POST, path, Repeat::Anything, dress).await
    }

    /// `POST path` once: whoever calls this repeats by a schedule of their own.
    pub(crate) async fn post_once<T: DeserializeOwned>(
        &self,
        path: &str,
        content_type: &'static str,
        body: Vec<u8>,
    ) -> Result<T, CallError> {
        let dress = |request: RequestBuilder| request.header(header::CONTENT_TYPE, content_type).body(body);
        self.call(Method::POST, path, Repeat::Unsent, dress).await
    }

    /// Whether it serves and has its database.
    pub(crate) async fn is_ready(&self) -> bool {
        let left = context::time_left().unwrap_or_else(|| self.target.settings.deadline());
        let turn = Arc::new(Turn::new(Arc::clone(&self.target), Repeat::Anything, Instant::now() + left, "/readyz"));
        match self.request(&turn, Method::GET) {
            Ok(request) => self.send(&turn, request).await.is_ok(),
            Err(_) => false,
        }
    }

    /// The same peer for whoever waits after a failure by themselves: no breaker, because then an event that the peer
    /// cannot take would shut everybody out, and whoever asks whether it is well would not be let through.
    pub(crate) fn patient(&self) -> Self {
        let mut settings = self.target.settings.clone();
        settings.breaker_failures = u32::MAX;
        settings.breaker_calls = u32::MAX;
        let target = Target::new(&self.target.name, self.target.urls(), settings);
        Self { target: Arc::new(target), identity: Arc::clone(&self.identity), http: self.http.clone() }
    }

    /// A call from its first attempt to its decoded answer, with its span and its metrics.
    async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        repeat: Repeat,
        dress: impl FnOnce(RequestBuilder) -> RequestBuilder,
    ) -> Result<T, CallError> {
        let started = Instant::now();
        let left = context::time_left().unwrap_or_else(|| self.target.settings.deadline());
        let turn = Arc::new(Turn::new(Arc::clone(&self.target), repeat, started + left, path));
        let peer = &*self.target.name;
        let span = tracing::info_span!(
            "call", otel.kind = "client", peer, %method,
            outcome = tracing::field::Empty, attempts = tracing::field::Empty,
        );
        let request = self.request(&turn, method).map(dress);
        let answer = async { self.decode(self.send(&turn, request?).await?).await }.instrument(span.clone()).await;
        let outcome = answer.as_ref().err().map_or("ok", CallError::name);
        span.record("outcome", outcome).record("attempts", turn.attempts());
        let labels = [("peer", peer.to_owned()), ("outcome", outcome.to_owned())];
        metrics::counter!("calls_total", &labels).increment(1);
        metrics::histogram!("call_duration_seconds", &labels[..1]).record(started.elapsed());
        answer
    }

    fn request(&self, turn: &Arc<Turn>, method: Method) -> Result<RequestBuilder, CallError> {
        let token = self.identity.token_for(&self.target.name).map_err(|error| self.broken(error))?;
        // Each attempt puts the address of its instance here.
        let url = self.target.any_url().join(&turn.path).map_err(|error| self.broken(error))?;
        let request = self.client(turn).request(method, url).bearer_auth(token);
        let Some(RequestContext { request_id, trace, .. }) = context::current() else { return Ok(request) };
        let mut request = request.header(context::REQUEST_ID_HEADER, request_id);
        if let Some(trace) = trace {
            // Where spans are sent, that of the attempt takes its place.
            request = request.header(TRACEPARENT, trace.traceparent());
            if let Some(state) = trace.state() {
                request = request.header(TRACESTATE, state);
            }
        }
        Ok(request)
    }

    /// The layers of one call, which share its turn. They are a few pointers; the connections are the process's.
    fn client(&self, turn: &Arc<Turn>) -> ClientWithMiddleware {
        let shared = Shared(Arc::clone(turn));
        ClientBuilder::new(self.http.clone())
            .with(RetryTransientMiddleware::new_with_policy_and_strategy(shared.clone(), shared))
            .with(Attempt(Arc::clone(turn)))
            .with(TracingMiddleware::default())
            .build()
    }

    async fn send(&self, turn: &Turn, request: RequestBuilder) -> Result<Response, CallError> {
        if turn.left().is_zero() {
            return Err(self.unavailable(anyhow::anyhow!("no time is left to ask")));
        }
        self.target.earn();
        let response = match tokio::time::timeout_at(turn.deadline, request.send()).await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => {
                return Err(match turn.stopped.get() {
                    Some(Stop::TooLarge(_)) => CallError::TooLarge { peer: self.name(), source: error.into() },
                    Some(Stop::Nobody(_)) | None => self.unavailable(error),
                });
            }
            Err(elapsed) => return Err(self.unavailable(elapsed)),
        };
        match response.status() {
            status if status.is_success() => Ok(response),
            StatusCode::NOT_FOUND => Err(CallError::NotFound { peer: self.name() }),
            status if status.is_client_error() && !is_overload(status) => {
                let code = response.json::<Problem>().await.map_or_else(|_| "unknown".into(), |problem| problem.code);
                Err(CallError::Refused { peer: self.name(), status, code: code.into_owned() })
            }
            status if status.is_server_error() || is_overload(status) => {
                let source = anyhow::anyhow!("answered {status}");
                Err(CallError::Unavailable { peer: self.name(), status: Some(status), source })
            }
            status => Err(self.broken(anyhow::anyhow!("answered {status}"))),
        }
    }

    /// The body is in memory already.
    async fn decode<T: DeserializeOwned>(&self, response: Response) -> Result<T, CallError> {
        let body = response.bytes().await.map_err(|error| self.unavailable(error))?;
        serde_json::from_slice(&body).map_err(|error| self.broken(error))
    }

    fn name(&self) -> String {
        self.target.name.to_string()
    }

    fn unavailable(&self, source: impl Into<anyhow::Error>) -> CallError {
        CallError::Unavailable { peer: self.name(), status: None, source: source.into() }
    }

    fn broken(&self, source: impl Into<anyhow::Error>) -> CallError {
        CallError::BrokenContract { peer: self.name(), source: source.into() }
    }
}

/// The connection pool that all calls of a process share.
#[expect(clippy::disallowed_methods, reason = "the one place that builds an HTTP client")]
pub(crate) fn http() -> anyhow::Result<reqwest::Client> {
    let builder = reqwest::Client::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .redirect(reqwest::redirect::Policy::none())
        .pool_idle_timeout(POOL_IDLE)
        .no_proxy()
        .user_agent(concat!("rollcall/", env!("CARGO_PKG_VERSION")));
    builder.build().context("cannot prepare the HTTP client")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The packaged defaults.
    pub(super) fn settings() -> CallSettings {
        let base: toml::Table = toml::from_str(include_str!("../../config/base.toml")).unwrap();
        base["calls"].clone().try_into().unwrap()
    }

    #[test]
    fn a_peer_may_have_numbers_of_its_own() {
        let own: CallOverrides = toml::from_str("retries = 0").unwrap();
        let settings = settings().with(&own);
        assert_eq!((settings.retries, settings.deadline_ms), (0, 5000));
    }
}
