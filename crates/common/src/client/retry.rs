//! Whether a call is made again, and when.
//!
//! reqwest-retry makes the repetitions; by itself it would repeat any request after a timeout or a 5xx, and it knows no
//! deadline, no `Retry-After` and no budget. So what it asks is answered here, by one value for each call: its
//! strategy, its policy and what its attempts have in common.

use super::target::{Nobody, Target};
use http::{StatusCode, header};
use reqwest::Response;
use reqwest_retry::{RetryDecision, RetryPolicy, Retryable, RetryableStrategy};
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, SystemTime};
use tokio::time::Instant;

/// What may be sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Repeat {
    /// A request that has its effect once however often it comes.
    Anything,
    /// One that has not: only if it never left.
    Unsent,
}

/// Why a call ended before its time, when no answer says so.
#[derive(Debug, thiserror::Error)]
pub(super) enum Stop {
    #[error(transparent)]
    Nobody(#[from] Nobody),
    #[error("the answer is over {0} bytes")]
    TooLarge(usize),
}

/// One call, with all its attempts.
pub(super) struct Turn {
    pub(super) target: Arc<Target>,
    pub(super) repeat: Repeat,
    pub(super) deadline: Instant,
    pub(super) path: String,
    pub(super) stopped: OnceLock<Stop>,
    attempts: AtomicU32,
    last: AtomicUsize,
    asked_to_wait: Mutex<Option<Duration>>,
}

/// A turn as reqwest-retry takes it.
#[derive(Clone)]
pub(super) struct Shared(pub(super) Arc<Turn>);

impl Turn {
    pub(super) fn new(target: Arc<Target>, repeat: Repeat, deadline: Instant, path: &str) -> Self {
        Self {
            target,
            repeat,
            deadline,
            path: path.to_owned(),
            stopped: OnceLock::new(),
            attempts: AtomicU32::new(0),
            last: AtomicUsize::new(usize::MAX),
            asked_to_wait: Mutex::new(None),
        }
    }

    pub(super) fn left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// Begins an attempt; the instance of the one before, which is not asked again if there is another.
    pub(super) fn begin(&self) -> Option<usize> {
        self.attempts.fetch_add(1, Ordering::Relaxed);
        Some(self.last.load(Ordering::Relaxed)).filter(|last| *last != usize::MAX)
    }

    pub(super) fn at(&self, instance: usize) {
        self.last.store(instance, Ordering::Relaxed);
    }

    pub(super) fn attempts(&self) -> u32 {
        self.attempts.load(Ordering::Relaxed)
    }

    /// The wait before the next attempt, after `past` repetitions; none: there is no next one.
    fn next(&self, past: u32) -> Result<Duration, &'static str> {
        if past >= self.target.settings.retries {
            return Err("enough");
        }
        let asked = self.asked_to_wait.lock().unwrap_or_else(PoisonError::into_inner).take();
        let wait = asked.unwrap_or_default() + crate::secret::full_jitter(self.target.settings.backoff(past));
        if wait >= self.left() {
            return Err("no_time");
        }
        if self.target.spend() { Ok(wait) } else { Err("no_budget") }
    }
}

/// 429 and the 5xx that say "not now" rather than "no".
pub(crate) fn is_overload(status: StatusCode) -> bool {
    matches!(status.as_u16(), 429 | 502 | 503 | 504)
}

/// The seconds of a `Retry-After`. Its other form, a date, is used by none of ours, and would need two clocks to agree.
fn retry_after(response: &Response) -> Option<Duration> {
    let value = response.headers().get(header::RETRY_AFTER)?.to_str().ok()?;
    value.trim().parse().ok().map(Duration::from_secs)
}

impl RetryableStrategy for Shared {
    fn handle(&self, result: &Result<Response, reqwest_middleware::Error>) -> Option<Retryable> {
        let Self(turn) = self;
        let transient = match (turn.repeat, result) {
            (Repeat::Anything, Ok(response)) => {
                *turn.asked_to_wait.lock().unwrap_or_else(PoisonError::into_inner) = retry_after(response);
                is_overload(response.status())
            }
            (Repeat::Anything, Err(reqwest_middleware::Error::Reqwest(error))) => !error.is_builder(),
            (Repeat::Unsent, Err(reqwest_middleware::Error::Reqwest(error))) => error.is_connect(),
            (Repeat::Unsent, Ok(_)) | (_, Err(reqwest_middleware::Error::Middleware(_))) => false,
        };
        transient.then_some(Retryable::Transient)
    }
}

impl RetryPolicy for Shared {
    #[expect(clippy::disallowed_methods, reason = "the trait speaks in times of day; only the distance to now is used")]
    fn should_retry(&self, _: SystemTime, past: u32) -> RetryDecision {
        let next = self.0.next(past);
        let decision = next.err().unwrap_or("again");
        let labels = [("peer", self.0.target.name.to_string()), ("decision", decision.to_owned())];
        metrics::counter!("call_repetitions_total", &labels).increment(1);
        match next {
            Ok(wait) => RetryDecision::Retry { execute_after: SystemTime::now() + wait },
            Err(_) => RetryDecision::DoNotRetry,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turn(repeat: Repeat, left: Duration) -> Shared {
        let url = "http://127.0.0.1:1".parse().unwrap();
        let target = Arc::new(Target::new("org", vec![url], super::super::tests::settings()));
        Shared(Arc::new(Turn::new(target, repeat, Instant::now() + left, "/thing")))
    }

    fn answer(status: u16, retry_after: Option<&str>) -> Response {
        let mut answer = http::Response::builder().status(status);
        if let Some(seconds) = retry_after {
            answer = answer.header("retry-after", seconds);
        }
        answer.body("").unwrap().into()
    }

    #[test]
    fn only_what_says_not_now_is_sent_again_and_only_when_it_cannot_have_its_effect_twice() {
        for (status, again) in
            [(200, false), (404, false), (409, false), (429, true), (500, false), (502, true), (503, true), (504, true)]
        {
            let handle = |repeat| turn(repeat, Duration::from_secs(5)).handle(&Ok(answer(status, None))).is_some();
            assert_eq!(handle(Repeat::Anything), again, "{status}");
            assert!(!handle(Repeat::Unsent), "{status}");
        }
    }

    #[test]
    fn a_wait_that_the_peer_asks_for_is_kept_and_none_beyond_the_deadline_is_begun() {
        let shared = turn(Repeat::Anything, Duration::from_secs(5));
        shared.handle(&Ok(answer(503, Some("2"))));
        let wait = shared.0.next(0).unwrap();
        assert!(wait >= Duration::from_secs(2) && wait < Duration::from_secs(3), "{wait:?}");
        assert!(shared.0.next(0).unwrap() < Duration::from_secs(1), "it is kept once");
        shared.handle(&Ok(answer(429, Some("5"))));
        assert_eq!(shared.0.next(0), Err("no_time"));
        shared.handle(&Ok(answer(503, Some("soon"))));
        assert!(shared.0.next(0).unwrap() < Duration::from_secs(1), "nonsense is no wait");
    }

    #[test]
    fn repetitions_end_by_number_and_by_budget() {
        let shared = turn(Repeat::Anything, Duration::from_secs(5));
        assert_eq!(shared.0.next(3), Err("enough"));
        let allowed = (0..50).filter(|_| shared.0.next(0).is_ok()).count();
        assert_eq!(allowed, 10, "what a second allows without any calls");
    }
}
