//! Which trace the work at hand belongs to: W3C Trace Context (<https://www.w3.org/TR/trace-context/>).
//!
//! A request that comes with a `traceparent` goes on in that trace, any other begins one; calls and events that it causes
//! carry it on, and every log line of the request has its `trace_id`. Where spans are sent to a collector
//! (`crate::telemetry`), OpenTelemetry makes them, and with them the ids; where they are not, all that is left of it is
//! this, and the flag that says "recorded" is passed on as it came.

use crate::secret;
use actix_web::http::header::HeaderMap;
use opentelemetry::trace::SpanContext;
use std::fmt;

/// Header that names trace and span.
pub(crate) const TRACEPARENT: &str = "traceparent";
/// Header with what tracing systems have to say besides; passed on as it came.
pub(crate) const TRACESTATE: &str = "tracestate";
/// Bytes of `tracestate` that are passed on: what the standard asks for at least.
const STATE: usize = 512;

/// A trace, and the span in it that the work at hand is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    id: TraceId,
    span: u64,
    flags: u8,
    state: Option<String>,
}

/// Id of a trace; prints as 32 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TraceId(u128);

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl Trace {
    /// Of a request: a span of its own in the trace that it came with, or in a new one.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let parent = text(TRACEPARENT).and_then(parse);
        let state = parent.and_then(|_| text(TRACESTATE)).filter(|state| state.len() <= STATE).map(str::to_owned);
        let (id, flags) = parent.unwrap_or_else(|| (TraceId(u128::from_be_bytes(random())), 0));
        Self { id, span: u64::from_be_bytes(random()), flags, state }
    }

    /// The same, as the span that was made for it says it.
    pub(crate) fn continued_by(self, span: &SpanContext) -> Self {
        if !span.is_valid() {
            return self;
        }
        let (id, own) =
            (u128::from_be_bytes(span.trace_id().to_bytes()), u64::from_be_bytes(span.span_id().to_bytes()));
        Self { id: TraceId(id), span: own, flags: span.trace_flags().to_u8(), state: self.state }
    }

    pub(crate) const fn id(&self) -> TraceId {
        self.id
    }

    /// What tells others to go on in it.
    pub(crate) fn traceparent(&self) -> String {
        format!("00-{}-{:016x}-{:02x}", self.id, self.span, self.flags)
    }

    /// What came with it.
    pub(crate) fn state(&self) -> Option<&str> {
        self.state.as_deref()
    }
}

/// Random bytes that are not all zero, which would be no id.
fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    secret::fill(&mut bytes);
    if bytes == [0; N] { [1; N] } else { bytes }
}

/// Trace and flags of a `traceparent`; of its versions after 00 what they have in common with it.
fn parse(text: &str) -> Option<(TraceId, u8)> {
    let mut parts = text.splitn(5, '-');
    let (version, id, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let version = u8::try_from(hex(version, 2)?).ok()?;
    if version == 0xff || (version == 0 && parts.next().is_some()) {
        return None;
    }
    let (id, span) = (hex(id, 32)?, hex(span, 16)?);
    // Of the flags only the one that says "recorded" has a meaning.
    let flags = u8::try_from(hex(flags, 2)?).ok()? & 1;
    (id != 0 && span != 0).then_some((TraceId(id), flags))
}

fn hex(text: &str, digits: usize) -> Option<u128> {
    let plain = text.len() == digits && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    plain.then(|| u128::from_str_radix(text, 16).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::{HeaderName, HeaderValue};

    const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn of(headers: &[(&'static str, &'static str)]) -> Trace {
        let each = headers.iter();
        let each = each.map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        Trace::of(&each.collect())
    }

    #[test]
    fn a_trace_goes_on_with_a_span_of_our_own() {
        let trace = of(&[(TRACEPARENT, PARENT), (TRACESTATE, "congo=t61rcWkgMzE")]);
        let told = trace.traceparent();
        assert!(told.starts_with("00-0af7651916cd43dd8448eb211c80319c-") && told.ends_with("-01"), "{told}");
        assert!(told.len() == PARENT.len() && !told.contains("b7ad6b7169203331"), "{told}");
        assert_eq!(trace.state(), Some("congo=t61rcWkgMzE"));
        assert_eq!(parse(&told).unwrap().0, trace.id());
    }

    #[test]
    fn what_is_no_traceparent_begins_a_new_trace() {
        for text in [
            "",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-+af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
        let (one, other) = (of(&[(TRACESTATE, "of=nobody")]), of(&[]));
        assert!(one.id() != other.id() && one.state().is_none());
        assert!(one.traceparent().ends_with("-00"), "nobody records it");
    }

    #[test]
    fn a_later_version_is_read_as_far_as_it_is_known() {
        let later = "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-03-what-the-future-brings";
        let (id, flags) = parse(later).unwrap();
        assert_eq!((id.to_string().as_str(), flags), ("0af7651916cd43dd8448eb211c80319c", 1));
    }
}
