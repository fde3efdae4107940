//! Logs as JSON lines for journald, spans to a collector where there is one, Prometheus metrics. No personal data: a line
//! and a span have the pattern of the route and the id of the request, never an address, a query or a name.

mod lines;
mod otlp;

use crate::trace::Trace;
use actix_web::dev::ServiceRequest;
use actix_web::http::header::{HeaderMap, HeaderName};
use jiff::Timestamp;
use lines::{Fragments, Lines};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use opentelemetry::propagation::Extractor;
use opentelemetry::trace::{TraceContextExt as _, TracerProvider as _};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracerProvider;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tracing::{Level, Span, Subscriber};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer};

/// Whether spans are sent to anybody.
static SENDS: AtomicBool = AtomicBool::new(false);

/// How long a stop waits for the collector of traces.
const LAST_SPANS: Duration = Duration::from_secs(2);

/// Spans that are not sent yet.
#[derive(Debug)]
pub struct Traces(Option<SdkTracerProvider>);

impl Traces {
    /// Sends what is left, for [`LAST_SPANS`] at most. To be called while the runtime still runs.
    pub async fn flush(self) {
        let Some(provider) = self.0 else { return };
        let ended = tokio::task::spawn_blocking(move || provider.shutdown_with_timeout(LAST_SPANS)).await;
        if let Ok(Err(error)) = ended {
            tracing::warn!(error = crate::problem::chain(&error), "the last spans are lost");
        }
    }
}

/// Starts logging, and tracing where the environment says so, for a process that serves; called within its runtime.
/// `filter` is in the syntax of `EnvFilter`.
pub fn init(service: &'static str, filter: &str) -> anyhow::Result<Traces> {
    opentelemetry::global::set_text_map_propagator(TraceContextPropagator::new());
    let (provider, sends) = otlp::provider(service)?;
    let spans = tracing_opentelemetry::layer().with_tracer(provider.tracer(service));
    let traces = Traces(sends.then(|| provider.clone()));
    opentelemetry::global::set_tracer_provider(provider);
    let registry = tracing_subscriber::registry();
    if sends {
        // What libraries say to themselves is no span of ours.
        let ours = filter_fn(|metadata| metadata.is_span() && *metadata.level() <= Level::INFO);
        registry.with(spans.with_filter(ours)).with(lines(filter)?).try_init()?;
        SENDS.store(true, Ordering::Relaxed);
    } else {
        registry.with(lines(filter)?).try_init()?;
    }
    Ok(traces)
}

fn lines<S>(filter: &str) -> anyhow::Result<impl Layer<S> + Send + Sync + use<S>>
where
    S: Subscriber + for<'a> LookupSpan<'a> + 'static,
{
    // Set by systemd where standard output is the journal.
    let journal = std::env::var_os("JOURNAL_STREAM").is_some();
    let lines = tracing_subscriber::fmt::layer().event_format(Lines { journal }).fmt_fields(Fragments);
    Ok(lines.with_filter(EnvFilter::try_new(filter)?))
}

/// The metrics of this process; the recorder is installed on first use.
pub fn metrics() -> &'static PrometheusHandle {
    static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
    HANDLE.get_or_init(|| {
        // Seconds; a punch takes milliseconds, a deadline is ten seconds.
        const BUCKETS: [f64; 10] = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 2.5, 10.0];
        let builder = PrometheusBuilder::new();
        let builder = builder
            .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &BUCKETS)
            .unwrap_or_else(|_| PrometheusBuilder::new());
        let recorder = builder.build_recorder();
        let handle = recorder.handle();
        // Fails only if something else installed a recorder; then the metrics go there.
        let _ = metrics::set_global_recorder(recorder);
        handle
    })
}

/// What this process is: since when, of which version.
pub(crate) fn describe_process(now: Timestamp) {
    metrics::gauge!("process_start_time_seconds").set(now.as_duration().as_secs_f64());
    metrics::gauge!("build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
}

/// Memory that this process holds; where the kernel does not say (proc(5)), nothing.
pub(crate) fn measure_process() {
    let Ok(status) = std::fs::read_to_string("/proc/self/status") else { return };
    let field = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB"));
    if let Some(kilobytes) = field.and_then(|kilobytes| kilobytes.parse::<u32>().ok()) {
        metrics::gauge!("process_resident_memory_bytes").set(f64::from(kilobytes) * 1024.0);
    }
}

/// The trace of a request, and its span where spans are sent. Where they are not there is none: making, entering and
/// closing one is a fifth of what a punch costs.
pub(crate) fn traced(request: &ServiceRequest, request_id: &str) -> (Trace, Span) {
    struct Headers<'a>(&'a HeaderMap);
    impl Extractor for Headers<'_> {
        fn get(&self, key: &str) -> Option<&str> {
            self.0.get(key).and_then(|value| value.to_str().ok())
        }
        fn keys(&self) -> Vec<&str> {
            self.0.keys().map(HeaderName::as_str).collect()
        }
    }
    let trace = Trace::of(request.headers());
    if !SENDS.load(Ordering::Relaxed) {
        return (trace, Span::none());
    }
    let span = tracing::info_span!(
        "request",
        otel.kind = "server",
        trace_id = tracing::field::Empty,
        request_id,
        method = %request.method(),
        route = tracing::field::Empty,
    );
    let parent = opentelemetry::global::get_text_map_propagator(|p| p.extract(&Headers(request.headers())));
    // Fails only where no OpenTelemetry layer listens.
    let _ = span.set_parent(parent);
    let context = span.context();
    let trace = trace.continued_by(context.span().span_context());
    span.record("trace_id", tracing::field::display(trace.id()));
    (trace, span)
}
