//! The one way to call another service: with a deadline, a service token, a trace and retries that cannot do a thing
//! twice.
//!
//! reqwest-retry would by itself repeat any request after a timeout or a 5xx. Here what may be repeated depends on
//! the method: GET, PUT and DELETE (idempotent by RFC 9110 §9.2.2) and a POST that carries an `Idempotency-Key`
//! after 429, 502, 503, 504, a timeout or a broken connection; any other request only when no connection was made,
//! so that nothing was sent.

use crate::auth::Identity;
use crate::context::{self, DEADLINE_HEADER};
use crate::idempotency::KEY_HEADER;
use crate::problem::Problem;
use crate::settings::PeerSettings;
use anyhow::Context as _;
use http::{Extensions, StatusCode};
use reqwest::{Method, Request, Response};
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware, Middleware, Next, RequestBuilder};
use reqwest_retry::policies::ExponentialBackoff;
use reqwest_retry::{Jitter, RetryTransientMiddleware, Retryable, RetryableStrategy};
use reqwest_tracing::TracingMiddleware;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use url::Url;

/// A connection on one network takes a millisecond; one that takes longer than this will not come.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(300);
/// How long an unused connection is kept: shorter than the time for which a peer that stops still answers
/// (`server.drain_ms`), so that no request is written into one that is about to be closed.
const POOL_IDLE: Duration = Duration::from_secs(1);
/// A call made outside a request, by a task, may take this long in all.
const TASK_DEADLINE: Duration = Duration::from_secs(5);
/// Each attempt gets this share of what is left, so that there is time for another.
const ATTEMPT_SHARE: f64 = 0.5;
/// Repetitions of one call: with the shares above the fourth attempt has an eighth of the time.
const RETRIES: u32 = 3;
/// The pause before a repetition grows from the first to the second, with full jitter.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));

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
        /// What happened last.
        #[source]
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

/// The other services, by name.
#[derive(Clone)]
pub struct Peers(Arc<BTreeMap<String, Peer>>);

impl Peers {
    pub(crate) fn new(
        settings: &BTreeMap<String, PeerSettings>,
        identity: &Arc<Identity>,
        http: &reqwest::Client,
    ) -> Self {
        let peers = settings.iter().filter_map(|(name, peer)| {
            let url = peer.url.clone()?;
            Some((name.clone(), Peer::new(name, url, Arc::clone(identity), http)))
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
    name: Arc<str>,
    url: Url,
    identity: Arc<Identity>,
    repeatable: ClientWithMiddleware,
    once: ClientWithMiddleware,
}

impl Peer {
    fn new(name: &str, url: Url, identity: Arc<Identity>, http: &reqwest::Client) -> Self {
        let with = |what: Repeat| {
            let policy = ExponentialBackoff::builder()
                .retry_bounds(BACKOFF.0, BACKOFF.1)
                .jitter(Jitter::Full)
                .build_with_max_retries(RETRIES);
            ClientBuilder::new(http.clone())
                .with(RetryTransientMiddleware::new_with_policy_and_strategy(policy, what))
                .with(Attempt(what))
                .with(TracingMiddleware::default())
                .build()
        };
        Self { name: name.into(), url, identity, repeatable: with(Repeat::Anything), once: with(Repeat::Unsent) }
    }

    /// `GET path`, decoded.
    pub async fn get_json<T: DeserializeOwned>(&self, path: &str) -> Result<T, CallError> {
        let request = self.request(&self.repeatable, Method::GET, path)?;
        self.decode(self.send(request).await?).await
    }

    /// `POST path` with a key that makes it safe to repeat, decoded.
    pub async fn post_json<T: DeserializeOwned>(
        &self,
        path: &str,
        idempotency_key: &str,
        body: &impl Serialize,
    ) -> Result<T, CallError> {
        let request =
            self.request(&self.repeatable, Method::POST, path)?.header(KEY_HEADER, idempotency_key).json(body);
        self.decode(self.send(request).await?).await
    }

    /// `POST path` once: whoever calls this repeats by a schedule of their own.
    pub(crate) async fn post_once<T: DeserializeOwned>(
        &self,
        path: &str,
        content_type: &'static str,
        body: Vec<u8>,
    ) -> Result<T, CallError> {
        let request = self.request(&self.once, Method::POST, path)?.header(http::header::CONTENT_TYPE, content_type);
        self.decode(self.send(request.body(body)).await?).await
    }

    fn request(&self, client: &ClientWithMiddleware, method: Method, path: &str) -> Result<RequestBuilder, CallError> {
        let url = self.url.join(path).map_err(|error| self.broken(error))?;
        let token = self.identity.token_for(&self.name).map_err(|error| self.broken(error))?;
        let request = client.request(method, url).bearer_auth(token);
        Ok(match context::request_id() {
            Some(id) => request.header(context::REQUEST_ID_HEADER, id),
            None => request,
        })
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response, CallError> {
        let left = context::time_left().unwrap_or(TASK_DEADLINE);
        let deadline = Instant::now() + left;
        let answer = tokio::time::timeout_at(deadline, request.with_extension(Deadline(deadline)).send()).await;
        let response = match answer {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => return Err(self.unavailable(error)),
            Err(elapsed) => return Err(self.unavailable(elapsed)),
        };
        match response.status() {
            status if status.is_success() => Ok(response),
            StatusCode::NOT_FOUND => Err(CallError::NotFound { peer: self.name.to_string() }),
            status if status.is_client_error() && !is_overload(status) => {
                let code = response.json::<Problem>().await.map_or_else(|_| "unknown".into(), |problem| problem.code);
                Err(CallError::Refused { peer: self.name.to_string(), status, code: code.into_owned() })
            }
            status => Err(self.unavailable(anyhow::anyhow!("answered {status}"))),
        }
    }

    async fn decode<T: DeserializeOwned>(&self, response: Response) -> Result<T, CallError> {
        // Reading the body is part of the call, and ends with it.
        let left = context::time_left().unwrap_or(TASK_DEADLINE);
        let body = tokio::time::timeout(left, response.bytes()).await;
        let body = body.map_err(|error| self.unavailable(error))?.map_err(|error| self.unavailable(error))?;
        serde_json::from_slice(&body).map_err(|error| self.broken(error))
    }

    fn unavailable(&self, source: impl Into<anyhow::Error>) -> CallError {
        CallError::Unavailable { peer: self.name.to_string(), source: source.into() }
    }

    fn broken(&self, source: impl Into<anyhow::Error>) -> CallError {
        CallError::BrokenContract { peer: self.name.to_string(), source: source.into() }
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

/// When the call as a whole ends.
#[derive(Clone, Copy)]
struct Deadline(Instant);

/// What may be sent again.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Repeat {
    /// A request that has its effect once however often it comes.
    Anything,
    /// One that has not: only if it never left.
    Unsent,
}

/// 429 and the 5xx that say "not now" rather than "no".
fn is_overload(status: StatusCode) -> bool {
    matches!(status.as_u16(), 429 | 502 | 503 | 504)
}

impl RetryableStrategy for Repeat {
    fn handle(&self, result: &Result<Response, reqwest_middleware::Error>) -> Option<Retryable> {
        let transient = match (self, result) {
            (Self::Anything, Ok(response)) => is_overload(response.status()),
            (Self::Anything, Err(reqwest_middleware::Error::Reqwest(error))) => {
                error.is_timeout() || error.is_connect() || error.is_request()
            }
            (Self::Unsent, Err(reqwest_middleware::Error::Reqwest(error))) => error.is_connect(),
            (Self::Unsent, Ok(_)) | (_, Err(reqwest_middleware::Error::Middleware(_))) => false,
        };
        transient.then_some(Retryable::Transient)
    }
}

/// Gives each attempt its share of the time, and tells the peer how much that is.
struct Attempt(Repeat);

#[async_trait::async_trait]
impl Middleware for Attempt {
    async fn handle(
        &self,
        mut request: Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> reqwest_middleware::Result<Response> {
        if let Some(Deadline(deadline)) = extensions.get::<Deadline>().copied() {
            let left = deadline.saturating_duration_since(Instant::now());
            let share = match self.0 {
                Repeat::Anything => left.mul_f64(ATTEMPT_SHARE),
                Repeat::Unsent => left,
            };
            *request.timeout_mut() = Some(share);
            let milliseconds = http::HeaderValue::from_str(&share.as_millis().to_string());
            request
                .headers_mut()
                .extend(milliseconds.ok().map(|value| (http::HeaderName::from_static(DEADLINE_HEADER), value)));
        }
        next.run(request, extensions).await
    }
}
