//! One attempt: at an instance that is chosen for it, within its share of the time, read to its end.
//!
//! The body is read here and not by whoever waits for the answer, so that an instance that sends half of one is found
//! out, and a repeatable request is repeated.

use super::breaker::Health;
use super::retry::{Repeat, Stop, Turn, is_overload};
use crate::context::DEADLINE_HEADER;
use bytes::BytesMut;
use http::{Extensions, HeaderName, HeaderValue, StatusCode};
use reqwest::{Request, Response};
use reqwest_middleware::{Error, Middleware, Next};
use std::sync::Arc;
use tokio::time::Instant;

/// See the module.
pub(super) struct Attempt(pub(super) Arc<Turn>);

#[async_trait::async_trait]
impl Middleware for Attempt {
    async fn handle(
        &self,
        mut request: Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> reqwest_middleware::Result<Response> {
        let Self(turn) = self;
        let mut slot = turn.target.choose(turn.begin(), Instant::now()).map_err(|nobody| {
            turn.count("not_made");
            turn.stop(nobody.into())
        })?;
        turn.at(slot.at());
        *request.url_mut() = slot.url().join(&turn.path).map_err(Error::middleware)?;
        let share = match turn.repeat {
            Repeat::Anything => turn.target.settings.share(turn.left()),
            Repeat::Unsent => turn.left(),
        };
        let share = slot.limit(share, Instant::now());
        *request.timeout_mut() = Some(share);
        let milliseconds = HeaderValue::from_str(&share.as_millis().to_string()).ok();
        request.headers_mut().extend(milliseconds.map(|value| (HeaderName::from_static(DEADLINE_HEADER), value)));
        let answer = match next.run(request, extensions).await {
            Ok(response) => self.read(response).await,
            Err(error) => Err(error),
        };
        let (health, outcome) = judge(&answer);
        slot.settle(health, Instant::now());
        turn.count(outcome);
        answer
    }
}

impl Attempt {
    /// Ends a call whose answer is over the limit. That is not over by itself, so it is said loudly, once.
    fn too_large(&self, limit: usize) -> Error {
        let Turn { target, path, .. } = &*self.0;
        if target.found_too_large() {
            let peer = &*target.name;
            tracing::error!(
                peer,
                path,
                limit,
                "an answer is too large; peers.<name>.calls.response_limit_bytes bounds it"
            );
        }
        self.0.stop(Stop::TooLarge(limit))
    }

    /// The answer with its body in memory, within the limit.
    async fn read(&self, mut response: Response) -> reqwest_middleware::Result<Response> {
        let limit = self.0.target.settings.response_limit_bytes;
        let announced = response.content_length().and_then(|length| usize::try_from(length).ok()).unwrap_or(0);
        if announced > limit {
            return Err(self.too_large(limit));
        }
        let mut body = BytesMut::with_capacity(announced);
        while let Some(chunk) = response.chunk().await? {
            if body.len() + chunk.len() > limit {
                return Err(self.too_large(limit));
            }
            body.extend_from_slice(&chunk);
        }
        let mut whole = http::Response::new(body.freeze());
        *whole.status_mut() = response.status();
        std::mem::swap(whole.headers_mut(), response.headers_mut());
        Ok(whole.into())
    }
}

impl Turn {
    /// Ends the call, and remembers why.
    fn stop(&self, why: Stop) -> Error {
        let error = Error::Middleware(anyhow::anyhow!("{why}"));
        // The first reason is the reason.
        let _ = self.stopped.set(why);
        error
    }

    fn count(&self, outcome: &'static str) {
        let labels = [("peer", self.target.name.to_string()), ("outcome", outcome.to_owned())];
        metrics::counter!("call_attempts_total", &labels).increment(1);
    }
}

/// What an answer says of the instance, and its name in the metrics. That there is too much of us (429) or that an
/// answer is larger than we take says nothing of its health.
fn judge(answer: &reqwest_middleware::Result<Response>) -> (Health, &'static str) {
    match answer {
        Ok(response) => match response.status() {
            StatusCode::TOO_MANY_REQUESTS => (Health::Unknown, "too_many"),
            status if is_overload(status) => (Health::Bad, "overload"),
            status if status.is_server_error() => (Health::Bad, "failure"),
            status if status.is_client_error() => (Health::Good, "refused"),
            _ => (Health::Good, "ok"),
        },
        Err(Error::Reqwest(error)) if error.is_connect() => (Health::Bad, "no_connection"),
        Err(Error::Reqwest(error)) if error.is_timeout() => (Health::Bad, "timeout"),
        Err(Error::Reqwest(_)) => (Health::Bad, "cut_off"),
        Err(Error::Middleware(_)) => (Health::Good, "not_taken"),
    }
}
