//! One attempt: a request that is bounded in time, in where it goes and in what is taken of its answer.

use super::resolver::{GuardedResolver, Lookup, NotFound, ON_BEHALF_OF};
use super::signature::{Secret, signatures};
use super::targets::{Guard, Refusal};
use anyhow::Context as _;
use jiff::Timestamp;
use reqwest::header::{HeaderMap, HeaderName, RETRY_AFTER};
use rollcall_common::problem::chain;
use rollcall_ids::{EventId, OrgId};
use rollcall_notification_api::webhooks::{GotAnswer, SentRequest};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use url::Url;

/// Bytes of an answer's body that are read and kept; with more the connection is closed.
const BODY_BYTES: usize = 4 * 1024;
/// Headers of an answer that are kept.
const HEADERS: usize = 32;
/// Characters of each.
const HEADER_CHARACTERS: usize = 256;
/// Headers that may hold credentials.
const NOT_KEPT: [&str; 5] =
    ["set-cookie", "authorization", "proxy-authorization", "www-authenticate", "proxy-authenticate"];
const USER_AGENT: &str = concat!("rollcall/", env!("CARGO_PKG_VERSION"));

/// What is posted.
#[derive(Clone, Debug)]
pub struct Message {
    request: SentRequest,
    signature: String,
    body: String,
}

impl Message {
    /// The body of an event with its headers, signed with every one of `secrets`.
    pub fn signed(url: &str, event_id: EventId, body: &str, secrets: &[Secret], now: Timestamp) -> Self {
        let (id, second) = (event_id.to_string(), now.as_second());
        let signature = signatures(secrets, &id, second, body.as_bytes());
        let headers = [
            ("content-type", "application/json".to_owned()),
            ("user-agent", USER_AGENT.to_owned()),
            ("webhook-id", id),
            ("webhook-timestamp", second.to_string()),
        ];
        let headers = headers.map(|(name, value)| (name.to_owned(), value));
        let request = SentRequest { at: now, url: url.to_owned(), headers: headers.into() };
        Self { request, signature, body: body.to_owned() }
    }
}

/// What was sent, and what came of it.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// The request.
    pub request: SentRequest,
    /// The answer, if one came.
    pub answer: Option<GotAnswer>,
    /// Its `Retry-After`.
    pub retry_after: Option<String>,
    /// Why there is none, or why it is a failure.
    pub error: Option<String>,
}

/// Sends messages.
pub struct Sender {
    client: reqwest::Client,
    /// Where they may go.
    pub guard: Guard,
    timeout: Duration,
}

/// Why no answer came.
#[derive(Debug, thiserror::Error)]
enum NoAnswer {
    #[error("not a URL")]
    Url(#[source] url::ParseError),
    #[error(transparent)]
    Refused(Refusal),
    #[error("no answer within {0} s")]
    Late(u64),
    #[error("the request failed")]
    Failed(#[source] reqwest::Error),
}

/// Nothing was sent, for a reason of this machine: the endpoint has no part in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many names are being looked up")]
pub struct NoRoom;

impl NoAnswer {
    fn is_ours(&self) -> bool {
        let mut next = std::error::Error::source(self);
        while let Some(error) = next {
            if matches!(error.downcast_ref(), Some(NotFound::Full)) {
                return true;
            }
            next = error.source();
        }
        false
    }
}

impl Sender {
    /// One that asks `lookup` for addresses.
    pub fn new(guard: Guard, lookup: Lookup, timeout: Duration) -> anyhow::Result<Self> {
        let resolver = GuardedResolver::new(guard.clone(), lookup);
        #[expect(
            clippy::disallowed_methods,
            reason = "these calls leave the installation: no service token, no retries"
        )]
        let builder = reqwest::Client::builder();
        let client = builder
            .dns_resolver(Arc::new(resolver))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .pool_max_idle_per_host(2)
            .pool_idle_timeout(Duration::from_secs(10))
            .connect_timeout(timeout)
            .build()
            .context("cannot prepare the HTTP client of webhooks")?;
        Ok(Self { client, guard, timeout })
    }

    /// Makes one attempt for an organisation.
    pub async fn send(&self, org_id: OrgId, message: Message) -> Result<Exchange, NoRoom> {
        let started = Instant::now();
        let Message { request, signature, body } = message;
        let posted = ON_BEHALF_OF.scope(org_id, self.post(&request, signature, body));
        let sent = tokio::time::timeout(self.timeout, posted).await;
        match sent.unwrap_or(Err(NoAnswer::Late(self.timeout.as_secs()))) {
            Ok(response) => Ok(self.read(request, response, started).await),
            Err(error) if error.is_ours() => Err(NoRoom),
            Err(error) => Ok(Exchange { request, answer: None, retry_after: None, error: Some(chain(&error)) }),
        }
    }

    async fn post(
        &self,
        request: &SentRequest,
        signature: String,
        body: String,
    ) -> Result<reqwest::Response, NoAnswer> {
        let url: Url = request.url.parse().map_err(NoAnswer::Url)?;
        // An address in the URL itself is never resolved, so it is looked at here, at every attempt.
        self.guard.check(&url).map_err(NoAnswer::Refused)?;
        let mut builder = self.client.post(url).body(body).header("webhook-signature", signature);
        for (name, value) in &request.headers {
            builder = builder.header(name, value);
        }
        // The URL may hold a secret of its own; it stands beside the error anyway.
        builder.send().await.map_err(|error| NoAnswer::Failed(error.without_url()))
    }

    /// Takes what is kept of an answer. A body that does not end in time, or is too long, is cut: the status counts.
    async fn read(&self, request: SentRequest, mut response: reqwest::Response, started: Instant) -> Exchange {
        let status = response.status();
        let retry_after = text_of(response.headers(), &RETRY_AFTER);
        let headers = kept(response.headers());
        let (mut body, mut cut) = (Vec::new(), false);
        let until = started + self.timeout;
        loop {
            match tokio::time::timeout_at(until, response.chunk()).await {
                Ok(Ok(Some(chunk))) => {
                    let room = BODY_BYTES - body.len();
                    body.extend_from_slice(&chunk[..chunk.len().min(room)]);
                    if chunk.len() > room {
                        cut = true;
                        break;
                    }
                }
                Ok(Ok(None)) => break,
                Ok(Err(_)) | Err(_) => {
                    cut = true;
                    break;
                }
            }
        }
        // The database takes no NUL in a text.
        let body = String::from_utf8_lossy(&body).replace('\0', "\u{fffd}");
        let took_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let error = (!status.is_success()).then(|| format!("answered {}", status.as_u16()));
        let answer = GotAnswer { status: status.as_u16(), headers, body, cut, took_ms };
        Exchange { request, answer: Some(answer), retry_after, error }
    }
}

fn text_of(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
}

fn kept(headers: &HeaderMap) -> BTreeMap<String, String> {
    let names = headers.keys().filter(|name| !NOT_KEPT.contains(&name.as_str())).take(HEADERS);
    let cut = |name| text_of(headers, name).unwrap_or_default().chars().take(HEADER_CHARACTERS).collect();
    names.map(|name| (name.as_str().to_owned(), cut(name))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::CONTENT_TYPE;
    use std::net::{IpAddr, Ipv4Addr};
    use tokio::net::TcpListener;

    fn message(url: &str) -> Message {
        Message::signed(url, EventId::generate(), "{}", &[Secret::generate()], Timestamp::UNIX_EPOCH)
    }

    /// A name that was public when the webhook was made and leads to this machine when it is called.
    #[tokio::test]
    async fn a_name_that_is_bound_anew_to_this_machine_is_never_connected_to() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let lookup: Lookup = Arc::new(|_| Ok(vec![IpAddr::V4(Ipv4Addr::LOCALHOST)]));
        let closed = Guard::new(true, &[]);
        let sender = Sender::new(closed, Arc::clone(&lookup), Duration::from_secs(2)).unwrap();
        for host in ["rebind.example", "127.0.0.1", "[::ffff:127.0.0.1]", "2130706433"] {
            let exchange = sender.send(OrgId::generate(), message(&format!("http://{host}:{port}/"))).await.unwrap();
            assert!(exchange.answer.is_none(), "{host}");
            assert!(exchange.error.unwrap().contains("the address is private"), "{host}");
        }
        let came = tokio::time::timeout(Duration::from_millis(200), listener.accept()).await;
        assert!(came.is_err(), "nobody connects");

        let open = Guard::new(true, &["127.0.0.0/8".parse().unwrap()]);
        let sender = Sender::new(open, lookup, Duration::from_millis(300)).unwrap();
        let message = message(&format!("http://rebind.example:{port}/"));
        let (exchange, came) = tokio::join!(sender.send(OrgId::generate(), message), listener.accept());
        assert!(came.is_ok(), "the same name leads there where the settings let it");
        assert_eq!(exchange.unwrap().error.as_deref(), Some("no answer within 0 s"));
    }

    /// Names whose server is silent hold all lookups of their organisation.
    #[tokio::test]
    async fn no_room_to_look_a_name_up_is_no_failure_of_the_endpoint() {
        let lookup: Lookup = Arc::new(|_| {
            std::thread::sleep(Duration::from_millis(3_500));
            Err(std::io::Error::other("silence"))
        });
        let sender = Sender::new(Guard::new(true, &[]), lookup, Duration::from_secs(3)).unwrap();
        let org_id = OrgId::generate();
        let attempt = |name: &str| sender.send(org_id, message(&format!("http://{name}.example/")));
        let (a, b, c, d, fifth) = tokio::join!(attempt("a"), attempt("b"), attempt("c"), attempt("d"), attempt("e"));
        for dead in [a, b, c, d] {
            assert!(dead.unwrap().error.is_some(), "silence is a failure");
        }
        assert_eq!(fifth.err(), Some(NoRoom));
    }

    #[test]
    fn what_is_kept_of_a_request_has_no_signature() {
        let message = message("https://example.org/");
        let names: Vec<_> = message.request.headers.keys().map(String::as_str).collect();
        assert_eq!(names, ["content-type", "user-agent", "webhook-id", "webhook-timestamp"]);
    }

    #[test]
    fn headers_with_credentials_are_not_kept_and_long_ones_are_cut() {
        let mut headers = HeaderMap::new();
        headers.insert("set-cookie", "session=1".parse().unwrap());
        headers.insert("x-long", "x".repeat(300).parse().unwrap());
        headers.insert(CONTENT_TYPE, "text/plain".parse().unwrap());
        let kept = kept(&headers);
        assert_eq!(kept.keys().map(String::as_str).collect::<Vec<_>>(), ["content-type", "x-long"]);
        assert_eq!(kept["x-long"].len(), 256);
    }
}
