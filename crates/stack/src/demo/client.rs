//! Calls of the public API, as any client would make them.

use anyhow::{Context, Result, bail};
use reqwest::{Method, StatusCode};
use serde_json::Value;
use std::time::Duration;

/// One signed-in, or not yet signed-in, person.
#[derive(Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    base_url: String,
    token: Option<String>,
}

/// An answer and its body.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Value,
}

impl Client {
    #[expect(clippy::disallowed_methods, reason = "a client from outside, like a browser: no service token")]
    pub(crate) fn new(base_url: &str) -> Result<Self> {
        let http = reqwest::Client::builder().timeout(Duration::from_secs(20)).no_proxy().build()?;
        Ok(Self { http, base_url: base_url.to_owned(), token: None })
    }

    pub(crate) fn signed_in(&self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self.clone() }
    }

    /// Sends a request; `key` makes a creating one repeatable.
    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        key: Option<&str>,
    ) -> Result<Answer> {
        let mut request = self.http.request(method, format!("{}{path}", self.base_url));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        if let Some(key) = key {
            request = request.header("Idempotency-Key", key);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request.send().await.with_context(|| format!("{} does not answer", self.base_url))?;
        let status = answer.status();
        let text = answer.text().await?;
        Ok(Answer { status, body: serde_json::from_str(&text).unwrap_or(Value::Null) })
    }

    /// Plans a roster, against its version now.
    pub(crate) async fn plan(&self, path: &str, day: jiff::civil::Date, body: &Value) -> Result<Answer> {
        let token = self.token.as_deref().unwrap_or_default();
        let day = format!("{}{path}?from={day}&to={day}", self.base_url);
        let read = self.http.get(day).bearer_auth(token).send().await?;
        let version = read.headers().get("etag").cloned().context("the roster has no version")?;
        let request = self.http.put(format!("{}{path}", self.base_url)).bearer_auth(token).header("If-Match", version);
        let answer = request.json(body).send().await?;
        let status = answer.status();
        Ok(Answer { status, body: answer.json().await.unwrap_or(Value::Null) })
    }

    pub(crate) async fn get(&self, path: &str) -> Result<Value> {
        self.send(Method::GET, path, None, None).await?.success(path)
    }

    pub(crate) async fn create(&self, path: &str, key: &str, body: &Value) -> Result<Value> {
        self.send(Method::POST, path, Some(body), Some(key)).await?.success(path)
    }

    pub(crate) async fn put(&self, path: &str, body: Option<&Value>) -> Result<Value> {
        self.send(Method::PUT, path, body, None).await?.success(path)
    }
}

impl Answer {
    /// The body of a 2xx.
    pub(crate) fn success(self, path: &str) -> Result<Value> {
        if !self.status.is_success() {
            bail!("{path} answered {}: {}", self.status, self.body);
        }
        Ok(self.body)
    }
}

/// A string of an answer.
pub(crate) fn text(body: &Value, field: &str) -> Result<String> {
    let value = body.pointer(field).and_then(Value::as_str);
    Ok(value.with_context(|| format!("no {field} in {body}"))?.to_owned())
}
