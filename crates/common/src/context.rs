//! What belongs to the request being served, wherever its code runs: its id and its deadline.

use std::time::Duration;
use tokio::time::Instant;

/// Header that carries how many milliseconds the caller still waits.
pub const DEADLINE_HEADER: &str = "request-deadline-ms";
/// Header that carries the id of a request.
pub const REQUEST_ID_HEADER: &str = "x-request-id";

/// The request being served.
#[derive(Clone, Debug)]
pub struct RequestContext {
    /// Its id.
    pub request_id: String,
    /// When its caller stops waiting.
    pub deadline: Instant,
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
    CURRENT.try_with(|context| context.deadline.saturating_duration_since(Instant::now())).ok()
}

/// When the caller of the request being served stops waiting; none outside a request.
pub(crate) fn deadline() -> Option<Instant> {
    CURRENT.try_with(|context| context.deadline).ok()
}

/// Runs `work` as part of something that ends after `limit`: a task in the background has a deadline too.
pub async fn within<F: Future>(limit: Duration, work: F) -> F::Output {
    let request_id = request_id().unwrap_or_else(|| crate::secret::random_token(12));
    CURRENT.scope(RequestContext { request_id, deadline: Instant::now() + limit }, work).await
}
