//! A reader of Server-Sent Events (WHATWG HTML §9.2), small and strict enough for tests.

use crate::company::Person;
use anyhow::{Context as _, Result, bail, ensure};
use futures_util::StreamExt as _;
use reqwest::{Method, RequestBuilder};
use serde_json::Value;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// One event.
#[derive(Clone, Debug)]
pub struct Event {
    pub kind: String,
    pub id: Option<String>,
    pub data: Value,
}

/// An open stream.
pub struct Stream {
    body: std::pin::Pin<Box<dyn futures_util::Stream<Item = reqwest::Result<Vec<u8>>> + Send>>,
    buffer: String,
}

impl Stream {
    /// Opens the person's stream, after `last_event_id` if there is one.
    pub async fn open(person: &Person, last_event_id: Option<&str>) -> Result<Self> {
        let request = person.client.request(Method::GET, "/api/notification/v1/stream").bearer_auth(&person.token);
        Self::of(request, last_event_id).await
    }

    /// Opens the stream that `request` asks for.
    pub async fn of(request: RequestBuilder, last_event_id: Option<&str>) -> Result<Self> {
        let request = request.timeout(Duration::from_mins(2));
        let request = match last_event_id {
            Some(id) => request.header("Last-Event-ID", id),
            None => request,
        };
        let response = request.send().await?;
        ensure!(response.status() == 200, "the stream was refused: {}", response.status());
        ensure!(response.headers()["content-type"].to_str()?.starts_with("text/event-stream"), "not a stream");
        let body = Box::pin(response.bytes_stream().map(|chunk| chunk.map(|bytes| bytes.to_vec())));
        Ok(Self { body, buffer: String::new() })
    }

    /// The next event of the kind, within the time.
    pub async fn next(&mut self, kind: &str, within: Duration) -> Result<Event> {
        let deadline = Instant::now() + within;
        loop {
            if let Some(event) = self.received(&[kind]) {
                return Ok(event);
            }
            match timeout_at(deadline, self.receive()).await {
                Ok(received) => received?,
                Err(_) => bail!("no {kind} within {within:?}; read so far: {:?}", self.buffer),
            }
        }
    }

    /// The next event of one of the kinds, however late, as long as the stream is never silent for so long.
    pub async fn next_of(&mut self, kinds: &[&str], silence: Duration) -> Result<Event> {
        loop {
            if let Some(event) = self.received(kinds) {
                return Ok(event);
            }
            tokio::time::timeout(silence, self.receive()).await.context("the stream is silent")??;
        }
    }

    fn received(&mut self, kinds: &[&str]) -> Option<Event> {
        while let Some(end) = self.buffer.find("\n\n") {
            let block: String = self.buffer.drain(..end + 2).collect();
            if let Some(event) = parse(&block).filter(|event| kinds.contains(&event.kind.as_str())) {
                return Some(event);
            }
        }
        None
    }

    async fn receive(&mut self) -> Result<()> {
        let chunk = self.body.next().await.context("the stream ended")??;
        self.buffer.push_str(&String::from_utf8(chunk)?.replace('\r', ""));
        Ok(())
    }
}

fn parse(block: &str) -> Option<Event> {
    let field = |name: &str| {
        let prefix = format!("{name}:");
        block.lines().find_map(|line| line.strip_prefix(&prefix).map(|value| value.trim_start().to_owned()))
    };
    let data = field("data")?;
    let data = serde_json::from_str(&data).unwrap_or(Value::String(data));
    Some(Event { kind: field("event").unwrap_or_else(|| "message".to_owned()), id: field("id"), data })
}

/// The id of an event as the pair it is made of.
pub fn position(event: &Event) -> Result<(String, u64)> {
    let id = event.id.as_deref().context("an event without an id")?;
    let (epoch, seq) = id.split_once(':').context("an id without a colon")?;
    Ok((epoch.to_owned(), seq.parse()?))
}
