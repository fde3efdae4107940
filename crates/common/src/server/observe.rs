//! The one middleware around every request: its id, its deadline, its trace, its line in the log, its metrics; and
//! whatever went wrong on the way becomes a problem.

use super::Core;
use super::limits::{Admitted, Standing};
use super::routes::Routes;
use crate::auth::{count_known, says_who};
use crate::context::{self, Asked, DEADLINE_HEADER, REQUEST_ID_HEADER, RequestContext};
use crate::fault::Fault;
use crate::problem::{Cause, Code, Problem};
use crate::secret;
use crate::telemetry;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::http::{ConnectionType, StatusCode};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage as _, HttpRequest, HttpResponse, ResponseError as _, web};
use futures_util::FutureExt as _;
use metrics::{Counter, Histogram};
use std::cell::RefCell;
use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::time::Instant;
use tracing::Instrument as _;

pub(super) async fn observe<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let started = Instant::now();
    let core = request.app_data::<web::Data<Core>>().cloned();
    let most = core.as_ref().map_or(10_000, |core| core.base.server.deadline_ms);
    let allowed = time_allowed(request.headers(), most);
    let asked = Arc::new(Asked { method: request.method().clone(), route: OnceLock::new() });
    let request_id = request_id(request.headers());
    let (trace, span) = telemetry::traced(&request, &request_id);
    let context = RequestContext {
        request_id,
        deadline: Some(started + allowed),
        trace: Some(trace),
        asked: Some(Arc::clone(&asked)),
    };
    let draining = core.as_ref().is_some_and(|core| core.drain.is_draining());
    let request_id = HeaderValue::from_str(&context.request_id);
    let shown = span.clone();

    let answered = async {
        let (mut served, route) =
            served(request, next, core.as_deref().map(Arc::as_ref), (started + allowed, allowed)).await;
        let standing = served.as_ref().ok().and_then(|r| r.request().extensions().get::<Standing>().cloned());
        let head = match &mut served {
            Ok(response) => response.response_mut(),
            Err(response) => response,
        };
        if let Ok(request_id) = request_id {
            head.headers_mut().insert(HeaderName::from_static(REQUEST_ID_HEADER), request_id);
        }
        if let Some(standing) = standing {
            standing.tell(head.headers_mut());
        }
        if draining {
            head.head_mut().set_connection_type(ConnectionType::Close);
        }
        let head = match &served {
            Ok(response) => response.response(),
            Err(response) => response,
        };
        let route = asked.route.get_or_init(|| route.unwrap_or_else(|| "unmatched".to_owned()));
        shown.record("route", route.as_str());
        record(asked.method.as_str(), route, head, started.elapsed());
        served.map_err(|response| InternalError::from_response("refused before a handler answered", response).into())
    };
    context::CURRENT.scope(context, answered).instrument(span).await
}

/// Has a request served, if it is let in; the answer, of a handler or in its place, and the route.
async fn served<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
    core: Option<&Core>,
    (deadline, allowed): (Instant, Duration),
) -> (Result<ServiceResponse<BoxBody>, HttpResponse>, Option<String>) {
    let routes = request.app_data::<web::Data<Routes>>().cloned();
    let path = request.path().to_owned();
    let served = async {
        let place = core.map_or(Ok(None), |core| admit(core, &request, allowed)).map_err(refuse)?;
        if let (Some(_), Some(core)) = (&place, core)
            && says_who(request.headers())
            && let Some(exhausted) = core.rates.refusal_of_stranger(request.request())
        {
            let known = tokio::time::timeout_at(deadline, count_known(request.request(), core, exhausted)).await;
            known
                .map_err(|_| refuse((Fault::DeadlineExceeded, None)))?
                .map_err(|(fault, s)| refuse((fault, Some(s))))?;
        }
        // A handler that panics must not take the others of its worker with it.
        let served = AssertUnwindSafe(next.call(request)).catch_unwind();
        match tokio::time::timeout_at(deadline, served).await {
            Ok(Ok(Ok(response))) => {
                if let (Some(_), Some(core)) = (&place, core) {
                    count_if_nobody_did(core, response.request());
                }
                Ok(response.map_into_boxed_body())
            }
            Ok(Ok(Err(error))) => Err(error.error_response()),
            Ok(Err(panic)) => {
                Err(Fault::internal(anyhow::anyhow!("panic: {}", panic_message(&*panic))).error_response())
            }
            Err(_) => Err(Fault::DeadlineExceeded.error_response()),
        }
    };
    match served.await {
        // A request that was routed knows its route without trying the patterns again.
        Ok(response) => {
            let route = response.request().match_pattern();
            (Ok(finish(response)), route)
        }
        Err(refused) => (Err(refused), routes.and_then(|routes| routes.of_path(&path).map(str::to_owned))),
    }
}

/// Lets a request in, before any work is done for it: while its caller still waits, while there is room, and while a
/// caller who is not signed in has not asked too often. Who is signed in is counted once that is known.
fn admit(
    core: &Core,
    request: &ServiceRequest,
    allowed: Duration,
) -> Result<Option<Admitted>, (Fault, Option<Standing>)> {
    // Whoever watches the service sees it all the more when it is busy.
    if is_watching(request.path(), core.name) {
        return Ok(None);
    }
    if allowed.is_zero() {
        return Err((Fault::DeadlineExceeded, None));
    }
    let full = || (Fault::unavailable("a place among the requests", anyhow::anyhow!("too many are under way")), None);
    let place = core.in_flight.admit().ok_or_else(full)?;
    if !says_who(request.headers())
        && let Some(standing) = core.rates.count_stranger(request.request())
    {
        if let Some(refusal) = standing.refusal() {
            return Err((refusal, Some(standing)));
        }
        request.extensions_mut().insert(standing);
    }
    Ok(Some(place))
}

fn is_watching(path: &str, service: &str) -> bool {
    matches!(path, "/livez" | "/readyz" | "/health" | "/internal/metrics")
        || path.strip_prefix("/api/").and_then(|path| path.strip_suffix("/health")) == Some(service)
}

fn refuse((fault, standing): (Fault, Option<Standing>)) -> HttpResponse {
    let mut response = fault.error_response();
    if let Some(standing) = standing {
        standing.tell(response.headers_mut());
    }
    response
}

/// Counts a request for its address when no handler asked who it is from: an `Authorization` header alone makes nobody
/// known. It was served; what comes next from there may not be.
fn count_if_nobody_did(core: &Core, request: &HttpRequest) {
    if request.extensions().contains::<Standing>() {
        return;
    }
    if let Some(standing) = core.rates.count_stranger(request) {
        request.extensions_mut().insert(standing);
    }
}

/// The client's id, when it is a sane one: it will stand in logs.
fn request_id(headers: &HeaderMap) -> String {
    headers
        .get(REQUEST_ID_HEADER)
        .and_then(|value| value.to_str().ok())
        .filter(|id| {
            (8..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        })
        .map_or_else(|| secret::random_token(12), str::to_owned)
}

fn time_allowed(headers: &HeaderMap, most: u64) -> Duration {
    let asked = headers.get(DEADLINE_HEADER).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    Duration::from_millis(asked.unwrap_or(most).min(most))
}

/// Errors that actix answers by itself (no such path, a method that a path has not) become problems as well.
fn finish(response: ServiceResponse<BoxBody>) -> ServiceResponse<BoxBody> {
    let status = response.status();
    if !(status.is_client_error() || status.is_server_error())
        || response.response().extensions().get::<Code>().is_some()
    {
        return response;
    }
    let problem = match status {
        StatusCode::NOT_FOUND => Fault::NotFound.problem(),
        StatusCode::METHOD_NOT_ALLOWED => Problem::new(status, "method_not_allowed", "The resource has no such method"),
        _ if status.is_client_error() => Problem::new(status, "bad_request", "The request cannot be served"),
        // `/readyz` and `/health` speak for themselves.
        _ => return response,
    };
    let (request, _) = response.into_parts();
    ServiceResponse::new(request, problem.into_response())
}

/// The one line of the request.
fn record(method: &str, route: &str, response: &HttpResponse, took: Duration) {
    let status = response.status().as_u16();
    let extensions = response.extensions();
    let code = extensions.get::<Code>().map_or("", |code| &*code.0);
    count(method_label(method), route, status, took);
    let milliseconds = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    match extensions.get::<Cause>() {
        Some(cause) if status == 500 => {
            tracing::error!(status, code, milliseconds, cause = cause.0, "request failed");
        }
        Some(cause) => tracing::warn!(status, code, milliseconds, cause = cause.0, "request failed"),
        None if matches!(route, "/livez" | "/readyz" | "/internal/metrics") => {
            tracing::debug!(status, milliseconds, "request");
        }
        None => tracing::info!(status, code, milliseconds, "request"),
    }
}

/// What is counted of the requests of one route and method that were answered alike.
struct Counted {
    method: &'static str,
    status: u16,
    requests: Counter,
    times: Histogram,
}

impl Counted {
    fn add(&self, took: Duration) {
        self.requests.increment(1);
        self.times.record(took);
    }
}

/// Counts a request. Looking a metric up by its labels costs more than counting with it, so each thread keeps those it
/// has used: by route, of which there are as many as the service has.
fn count(method: &'static str, route: &str, status: u16, took: Duration) {
    thread_local! {
        static USED: RefCell<HashMap<String, Vec<Counted>>> = RefCell::default();
    }
    USED.with_borrow_mut(|used| {
        let alike = |counted: &&Counted| counted.method == method && counted.status == status;
        if let Some(counted) = used.get(route).and_then(|counted| counted.iter().find(alike)) {
            return counted.add(took);
        }
        let labels = [("method", method.to_owned()), ("route", route.to_owned()), ("status", status.to_string())];
        let requests = metrics::counter!("http_requests_total", &labels);
        let times = metrics::histogram!("http_request_duration_seconds", &labels[..2]);
        let counted = Counted { method, status, requests, times };
        counted.add(took);
        used.entry(route.to_owned()).or_default().push(counted);
    });
}

/// The methods that a label may have: a client can send any word, and every new one would be kept for ever.
fn method_label(method: &str) -> &'static str {
    const KNOWN: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    KNOWN.into_iter().find(|known| *known == method).unwrap_or("other")
}

fn panic_message(panic: &(dyn std::any::Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without a message")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_sane_request_id_is_taken_over() {
        let with = |id: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(HeaderName::from_static(REQUEST_ID_HEADER), HeaderValue::from_static(id));
            request_id(&headers)
        };
        assert_eq!(with("abc-DEF_123"), "abc-DEF_123");
        assert_ne!(with("a b\" injected=1"), "a b\" injected=1");
        assert_ne!(with("short"), "short");
    }

    #[test]
    fn a_caller_may_shorten_the_deadline_but_not_lengthen_it() {
        let with = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(HeaderName::from_static(DEADLINE_HEADER), HeaderValue::from_static(value));
            time_allowed(&headers, 10_000).as_millis()
        };
        assert_eq!((with("250"), with("999999"), with("soon")), (250, 10_000, 10_000));
    }
}
