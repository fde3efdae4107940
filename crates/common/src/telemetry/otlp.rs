//! Spans to a collector (OTLP over HTTP, protobuf), told by the standard `OTEL_*` variables and off without them.
//!
//! | variable | what |
//! |---|---|
//! | `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT`, or `OTEL_EXPORTER_OTLP_ENDPOINT` to which `/v1/traces` is added | where to; none: nothing is sent, and nothing is made for it |
//! | `OTEL_SDK_DISABLED=true`, `OTEL_TRACES_EXPORTER=none` | off all the same |
//! | `OTEL_EXPORTER_OTLP_HEADERS`, `OTEL_SERVICE_NAME` (else `rollcall-<service>`), `OTEL_RESOURCE_ATTRIBUTES` | as the specification has them |
//! | `OTEL_TRACES_SAMPLER`, `OTEL_TRACES_SAMPLER_ARG` | what is sent; without them everything whose caller has not said otherwise |
//! | `OTEL_BSP_…` | how much waits to be sent, and how long |
//!
//! A request never waits for the collector: what does not fit into the queue is dropped, and one that is away is warned
//! of once and counted (`otlp_exports_total`).

use crate::client;
use anyhow::{Context as _, ensure};
use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_otlp::{SpanExporter, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::runtime::Handle;

/// How long the collector may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// The variable `name`, unless it is empty, which the specification takes for unset.
#[expect(
    clippy::disallowed_methods,
    reason = "the specification of OpenTelemetry tells every program by these variables"
)]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn is_on(variable: impl Fn(&str) -> Option<String>) -> anyhow::Result<bool> {
    let off = variable("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true"))
        || variable("OTEL_TRACES_EXPORTER").is_some_and(|value| value == "none");
    let ways = ["OTEL_EXPORTER_OTLP_TRACES", "OTEL_EXPORTER_OTLP"];
    if off || ways.iter().all(|way| variable(&format!("{way}_ENDPOINT")).is_none()) {
        return Ok(false);
    }
    let protocol = ways.iter().find_map(|way| variable(&format!("{way}_PROTOCOL")));
    let protocol = protocol.as_deref().unwrap_or("http/protobuf");
    ensure!(protocol == "http/protobuf", "OTEL_EXPORTER_OTLP_PROTOCOL = {protocol}: only http/protobuf is spoken here");
    Ok(true)
}

/// What makes spans, and whether they are sent anywhere. Called within the runtime that sends them.
pub(super) fn provider(service: &str) -> anyhow::Result<(SdkTracerProvider, bool)> {
    if !is_on(variable)? {
        return Ok((SdkTracerProvider::builder().build(), false));
    }
    let courier = Courier { http: client::http()?, runtime: Handle::try_current()?, failing: AtomicBool::new(false) };
    let exporter = SpanExporter::builder().with_http().with_http_client(courier).build();
    let exporter = exporter.context("the collector of OTEL_EXPORTER_OTLP_ENDPOINT cannot be told")?;
    let resource = Resource::builder();
    let resource = match variable("OTEL_SERVICE_NAME") {
        Some(_) => resource,
        None => resource.with_service_name(format!("rollcall-{service}")),
    };
    Ok((SdkTracerProvider::builder().with_resource(resource.build()).with_batch_exporter(exporter).build(), true))
}

/// Carries spans with the client that all calls have, whose connections live in the runtime; the exporter has a thread
/// of its own, outside of it.
#[derive(Debug)]
struct Courier {
    http: reqwest::Client,
    runtime: Handle,
    failing: AtomicBool,
}

impl Courier {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let mut request = reqwest::Request::try_from(request)?;
        *request.timeout_mut() = Some(PATIENCE);
        let http = self.http.clone();
        let sent = self.runtime.spawn(async move {
            let answer = http.execute(request).await?.error_for_status()?;
            let mut response = Response::new(Bytes::new());
            *response.status_mut() = answer.status();
            *response.headers_mut() = answer.headers().clone();
            *response.body_mut() = answer.bytes().await?;
            Ok::<_, reqwest::Error>(response)
        });
        Ok(sent.await??)
    }
}

#[async_trait]
impl HttpClient for Courier {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let sent = self.send(request).await;
        let failed = sent.as_ref().err();
        let outcome = if failed.is_some() { "failed" } else { "ok" };
        metrics::counter!("otlp_exports_total", "outcome" => outcome).increment(1);
        let failed_before = self.failing.swap(failed.is_some(), Ordering::Relaxed);
        match failed {
            Some(error) if !failed_before => {
                tracing::warn!(error = crate::problem::chain(&**error), "the collector of traces takes none");
            }
            None if failed_before => tracing::info!("the collector of traces is back"),
            _ => {}
        }
        sent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(variables: &[(&str, &str)]) -> anyhow::Result<bool> {
        is_on(|name| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn traces_are_sent_where_an_endpoint_says_so_and_nothing_says_otherwise() {
        let somewhere = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318");
        assert!(!told(&[]).unwrap());
        assert!(told(&[somewhere]).unwrap());
        assert!(told(&[("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://collector:4318/v1/traces")]).unwrap());
        assert!(!told(&[somewhere, ("OTEL_SDK_DISABLED", "TRUE")]).unwrap());
        assert!(!told(&[somewhere, ("OTEL_TRACES_EXPORTER", "none")]).unwrap());
        assert!(told(&[somewhere, ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")]).unwrap());
        let refused = told(&[somewhere, ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")]).unwrap_err();
        assert!(refused.to_string().contains("grpc"), "{refused}");
    }
}
