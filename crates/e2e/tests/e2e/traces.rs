//! One request through nginx and two services is one trace, told to a collector; one that is away disturbs nothing.

use crate::PLACES;
use crate::company::{Client, Company, eventually};
use anyhow::{Context as _, Result, bail, ensure};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use reqwest::Method;
use rollcall_ids::OrgId;
use rollcall_stack::Stack;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00f067aa0ba902b7";

/// A span, and whose it is.
struct Told {
    service: String,
    span: Span,
}

async fn told(collector: &MockServer) -> Result<Vec<Told>> {
    let mut all = Vec::new();
    for request in collector.received_requests().await.context("requests are recorded")? {
        for of in ExportTraceServiceRequest::decode(&*request.body)?.resource_spans {
            let attributes = of.resource.map(|resource| resource.attributes).unwrap_or_default();
            let name = attributes.into_iter().find(|one| one.key == "service.name").context("service.name")?;
            let Some(Any::StringValue(service)) = name.value.and_then(|value| value.value) else {
                bail!("service.name is no text");
            };
            let spans = of.scope_spans.into_iter().flat_map(|scope| scope.spans);
            all.extend(spans.map(|span| Told { service: service.clone(), span }));
        }
    }
    Ok(all)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn one_request_through_nginx_and_two_services_is_one_trace() -> Result<()> {
    let _place = PLACES.acquire().await?;
    let collector = MockServer::start().await;
    let taken = Mock::given(method("POST")).and(path("/v1/traces")).respond_with(ResponseTemplate::new(200));
    taken.mount(&collector).await;
    let builder = Stack::builder().sign_in_limit("1000r/s", 1000);
    // A minute between two batches: what comes sooner was sent because the service stopped.
    let builder = builder.environment("OTEL_BSP_SCHEDULE_DELAY", "60000");
    let mut stack = builder.environment("OTEL_EXPORTER_OTLP_ENDPOINT", collector.uri()).start().await?;
    let client = Client::of(&stack)?;
    let person = client.sign_up("Wanderer").await?;
    // Attendance has never heard of the organisation and asks org.
    let asked = format!("/api/attendance/v1/orgs/{}/punches", OrgId::generate());
    let request = client.request(Method::GET, &asked).bearer_auth(&person.token);
    let answer = client.send(request.header("traceparent", format!("00-{TRACE}-{CALLER}-01"))).await?;
    ensure!(answer.status == 404, "{answer:?}");
    for service in ["attendance", "org"] {
        stack.stop_service(service).await?;
    }
    let ours: Vec<_> = told(&collector).await?.into_iter().filter(|told| hex(&told.span.trace_id) == TRACE).collect();
    let spans: BTreeMap<_, _> = ours.iter().map(|told| (hex(&told.span.span_id), told)).collect();
    let of = |service: &str| {
        let found = ours.iter().find(|told| told.service == service && told.span.name == "request");
        found.with_context(|| format!("no request of {service} among {} spans", ours.len()))
    };
    // Up from org's request to attendance's, through the call, to the caller outside.
    let mut at = of("rollcall-org")?;
    let mut way = vec![];
    loop {
        way.push((at.service == "rollcall-org", at.span.name.clone()));
        let parent = hex(&at.span.parent_span_id);
        if parent == CALLER {
            break;
        }
        at = spans.get(&parent).with_context(|| format!("{way:?} has a parent that nobody told of"))?;
    }
    ensure!(way.first() == Some(&(true, "request".to_owned())), "{way:?}");
    ensure!(way.last() == Some(&(false, "request".to_owned())) && way.len() >= 3, "{way:?}");
    ensure!(hex(&of("rollcall-attendance")?.span.parent_span_id) == CALLER, "nginx does not pass traceparent on");

    // The logs know the same trace: nginx's and the services'.
    let logs = stack.run_dir().join("logs");
    for log in ["nginx-access.log", "attendance.log", "org.log"] {
        let log = std::fs::read_to_string(logs.join(log)).with_context(|| log.to_owned())?;
        let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        ensure!(lines.filter(|line| line.to_string().contains(TRACE)).count() > 0, "no line of the trace in {log}");
    }
    stack.shutdown().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_away_disturbs_nothing() -> Result<()> {
    let _place = PLACES.acquire().await?;
    let builder = Stack::builder().sign_in_limit("1000r/s", 1000).environment("OTEL_BSP_SCHEDULE_DELAY", "100");
    // A port that nobody listens on.
    let nobody = format!("http://127.0.0.1:{}", rollcall_stack::ports::free()?);
    let mut stack = builder.environment("OTEL_EXPORTER_OTLP_ENDPOINT", nobody).start().await?;
    let client = Client::of(&stack)?;
    let company = Company::found(&client).await?;
    company.known_to_attendance().await?;
    let metrics = format!("{}/internal/metrics", stack.service_url("org")?);
    eventually("exports fail and are counted", || async {
        let text = client.get_text(&metrics).await.ok()?;
        text.contains(r#"otlp_exports_total{outcome="failed"}"#).then_some(())
    })
    .await?;
    stack.restart("org").await?;
    company.owner.get(&format!("/api/org/v1/orgs/{}/me", company.org_id)).await?;
    let log = std::fs::read_to_string(stack.run_dir().join("logs/org.log"))?;
    let warned = log.lines().filter(|line| line.contains("the collector of traces takes none")).count();
    // Once in each of two lives.
    ensure!((1..=2).contains(&warned), "warned {warned} times");
    stack.shutdown().await
}
