//! What belongs to the request being served, wherever its code runs: its id, its deadline and its trace.

use crate::trace::Trace;
use actix_web::http::Method;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::time::Instant;
use tracing::Instrument as _;

/// Header that carries how many milliseconds the caller still waits.
pub const DEADLINE_HEADER: &str = "request-deadline-ms";
/// Header that carries the id of a request.
pub const REQUEST_ID_HEADER: &str = "x-request-id";

/// The request being served.
#[derive(Clone, Debug)]
pub struct RequestContext {
    /// Its id.
    pub request_id: String,
    /// When its caller stops waiting; none: others wait too, and each call in it has an end of its own.
    pub deadline: Option<Instant>,
    /// The trace that it belongs to; none: work in the background.
    pub trace: Option<Trace>,
    /// What it asks for; none: work in the background.
    pub(crate) asked: Option<Arc<Asked>>,
}

/// What a request asks for, as far as a log may say it.
#[derive(Debug)]
pub(crate) struct Asked {
    /// Its method.
    pub(crate) method: Method,
    /// The pattern of its route, once that is known.
    pub(crate) route: OnceLock<String>,
}

tokio::task_local! {
    pub(crate) static CURRENT: RequestContext;
}

/// Id of the request being served, if one is.
pub fn request_id() -> Option<String> {
    CURRENT.try_with(|context| context.request_id.clone()).ok()
}

/// What is left until the caller of the request being served stops waiting; none outside a request.
pub fn time_left() -> Option<Duration> {
    deadline().map(|deadline| deadline.saturating_duration_since(Instant::now()))
}

/// The trace of the request being served.
pub(crate) fn trace() -> Option<Trace> {
    CURRENT.try_with(|context| context.trace.clone()).ok()?
}

/// All of it, to be taken to another thread.
pub(crate) fn current() -> Option<RequestContext> {
    CURRENT.try_with(RequestContext::clone).ok()
}

/// Runs `work`, which does not wait, as part of the request that `context` is of.
pub(crate) fn within_request<T>(context: Option<RequestContext>, work: impl FnOnce() -> T) -> T {
    match context {
        Some(context) => CURRENT.sync_scope(context, work),
        None => work(),
    }
}

/// When the caller of the request being served stops waiting; none outside a request.
pub(crate) fn deadline() -> Option<Instant> {
    CURRENT.try_with(|context| context.deadline).ok()?
}

/// `work` as part of the request being served and of its trace, for a task of its own that goes on when the caller of the
/// request has gone.
pub(crate) fn beyond_request<F: Future>(work: F) -> impl Future<Output = F::Output> {
    let around = current().map(|context| RequestContext { deadline: None, ..context });
    let work = work.in_current_span();
    async move {
        match around {
            Some(context) => CURRENT.scope(context, work).await,
            None => work.await,
        }
    }
}

/// Runs `work` as part of something that ends after `limit`: a task in the background has a deadline too.
pub async fn within<F: Future>(limit: Duration, work: F) -> F::Output {
    let request_id = request_id().unwrap_or_else(|| crate::secret::random_token(12));
    let around = current();
    let trace = around.as_ref().and_then(|context| context.trace.clone());
    let asked = around.and_then(|context| context.asked);
    let deadline = Some(Instant::now() + limit);
    CURRENT.scope(RequestContext { request_id, deadline, trace, asked }, work).await
}
