//! Asks services and nginx over HTTP, as an operator with curl would.

use anyhow::{Context, Result};
use std::time::Duration;

/// Nobody waits longer for one answer: what is asked here is answered from memory or with one statement.
const PATIENCE: Duration = Duration::from_secs(3);

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The body.
    pub body: String,
}

/// Asks without a proxy, a retry, a cache or a connection that is kept: an answer is about now.
#[derive(Clone, Debug)]
pub struct Client(reqwest::Client);

impl Client {
    /// A client.
    pub fn new() -> Result<Self> {
        #[expect(
            clippy::disallowed_methods,
            reason = "no call between services: no token to sign with, and a retry would hide what is asked about"
        )]
        let builder = reqwest::Client::builder();
        let client = builder.timeout(PATIENCE).connect_timeout(PATIENCE).no_proxy().pool_max_idle_per_host(0);
        let client = client.redirect(reqwest::redirect::Policy::none()).build();
        Ok(Self(client.context("an HTTP client")?))
    }

    /// The answer to a GET, whatever its status.
    pub async fn get(&self, url: &str) -> Result<Answer> {
        // The address stands in the error already; its causes say what happened.
        let response = self.0.get(url).send().await.map_err(reqwest::Error::without_url).context(url.to_owned())?;
        let status = response.status().as_u16();
        let body = response.text().await.map_err(reqwest::Error::without_url).context(url.to_owned())?;
        Ok(Answer { status, body })
    }
}

/// Runs what waits for answers to its end.
pub fn block_on<T>(work: impl Future<Output = T>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("a runtime")?;
    Ok(runtime.block_on(work))
}
