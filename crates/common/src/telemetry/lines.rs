//! Events as JSON lines: one object a line, the fields of the event at its top, and under `span` those of the innermost
//! span, or of the request being served.
//!
//! A request costs a line, so at nine in the morning lines are a part of what a punch costs. Two things make them cheap.
//! A request is no span of `tracing`, which is made, entered at every turn and dropped, whether or not anything is said
//! meanwhile: what a line tells of the request stands in its [`RequestContext`] anyway. And the fields of a span are kept as
//! they stand in the line, without the braces: what comes later is appended, and an event copies them. The JSON formatter
//! of tracing-subscriber keeps them as the text of an object, and parses it anew for each later field and each event.

use crate::context::{CURRENT, RequestContext};
use std::fmt::{self, Write};
use tracing::field::{Field, Visit};
use tracing::span::Record;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime as _, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, FormattedFields};
use tracing_subscriber::registry::LookupSpan;

/// One JSON object a line; for the journal with its priority before it (sd-daemon(3)), which the journal takes off, so
/// that `journalctl -p warning` finds what it should.
pub(super) struct Lines {
    /// Whether the journal reads them.
    pub(super) journal: bool,
}

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, ctx: &FmtContext<'_, S, N>, mut out: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let metadata = event.metadata();
        if self.journal {
            out.write_str(match *metadata.level() {
                Level::ERROR => "<3>",
                Level::WARN => "<4>",
                Level::INFO => "<6>",
                Level::DEBUG | Level::TRACE => "<7>",
            })?;
        }
        out.write_str("{\"timestamp\":\"")?;
        SystemTime.format_time(&mut out)?;
        write!(out, "\",\"level\":\"{}\"", metadata.level())?;
        let mut fields = Members { out: &mut out, first: false, log_target: None, result: Ok(()) };
        event.record(&mut fields);
        let Members { log_target, result, .. } = fields;
        result?;
        // What comes by the `log` crate has its own target as a field.
        member(&mut out, "target", log_target.as_deref().unwrap_or(metadata.target()))?;
        let span = event.parent().and_then(|id| ctx.span(id)).or_else(|| ctx.lookup_current());
        if let Some(span) = span {
            out.write_str(",\"span\":{\"name\":")?;
            text(&mut out, span.name())?;
            if let Some(fields) = span.extensions().get::<FormattedFields<N>>()
                && !fields.fields.is_empty()
            {
                out.write_char(',')?;
                out.write_str(&fields.fields)?;
            }
            out.write_char('}')?;
        } else {
            // Outside a request there is nothing to say of one.
            CURRENT.try_with(|context| request(&mut out, context)).unwrap_or(Ok(()))?;
        }
        out.write_str("}\n")
    }
}

/// What is said of the request being served.
fn request(out: &mut impl Write, context: &RequestContext) -> fmt::Result {
    let Some(asked) = &context.asked else { return Ok(()) };
    out.write_str(",\"span\":{\"name\":\"request\"")?;
    if let Some(trace) = &context.trace {
        write!(out, ",\"trace_id\":\"{}\"", trace.id())?;
    }
    member(out, "request_id", &context.request_id)?;
    member(out, "method", asked.method.as_str())?;
    if let Some(route) = asked.route.get() {
        member(out, "route", route)?;
    }
    out.write_char('}')
}

/// The fields of a span as members of a JSON object, without its braces. A field that is recorded twice stands there twice.
pub(super) struct Fragments;

impl<'w> FormatFields<'w> for Fragments {
    fn format_fields<R: RecordFields>(&self, mut writer: Writer<'w>, fields: R) -> fmt::Result {
        let mut members = Members { out: &mut writer, first: true, log_target: None, result: Ok(()) };
        fields.record(&mut members);
        members.result
    }

    fn add_fields(&self, current: &'w mut FormattedFields<Self>, fields: &Record<'_>) -> fmt::Result {
        let first = current.fields.is_empty();
        let mut members = Members { out: &mut current.fields, first, log_target: None, result: Ok(()) };
        fields.record(&mut members);
        members.result
    }
}

/// Writes members of an object.
struct Members<'a, W> {
    out: &'a mut W,
    /// Whether nothing stands before.
    first: bool,
    log_target: Option<String>,
    result: fmt::Result,
}

impl<W: Write> Members<'_, W> {
    fn write(&mut self, field: &Field, value: impl FnOnce(&mut W) -> fmt::Result) {
        // Of the `log` crate: where in the source it was said.
        if self.result.is_err() || field.name().starts_with("log.") {
            return;
        }
        if !std::mem::take(&mut self.first) {
            self.result = self.out.write_char(',');
        }
        let name = field.name().strip_prefix("r#").unwrap_or(field.name());
        let written = text(self.out, name).and_then(|()| self.out.write_char(':')).and_then(|()| value(self.out));
        self.result = self.result.and(written);
    }
}

impl<W: Write> Visit for Members<'_, W> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.write(field, |out| if value.is_finite() { write!(out, "{value}") } else { out.write_str("null") });
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.write(field, |out| write!(out, "{value}"));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.write(field, |out| write!(out, "{value}"));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.write(field, |out| write!(out, "{value}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "log.target" {
            self.log_target = Some(value.to_owned());
        }
        self.write(field, |out| text(out, value));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.write(field, |out| {
            out.write_char('"')?;
            write!(Escaped(out), "{value:?}")?;
            out.write_char('"')
        });
    }
}

fn member(out: &mut impl Write, name: &str, value: &str) -> fmt::Result {
    out.write_char(',')?;
    text(out, name)?;
    out.write_char(':')?;
    text(out, value)
}

fn text(out: &mut impl Write, value: &str) -> fmt::Result {
    out.write_char('"')?;
    Escaped(out).write_str(value)?;
    out.write_char('"')
}

/// The inside of a JSON string (RFC 8259 §7).
struct Escaped<'a, W>(&'a mut W);

impl<W: Write> Write for Escaped<'_, W> {
    fn write_str(&mut self, value: &str) -> fmt::Result {
        let mut rest = value;
        while let Some(at) = rest.bytes().position(|byte| matches!(byte, 0..0x20 | b'"' | b'\\')) {
            self.0.write_str(&rest[..at])?;
            match rest.as_bytes()[at] {
                b'\n' => self.0.write_str("\\n"),
                byte @ 0..0x20 => write!(self.0, "\\u{byte:04x}"),
                byte => write!(self.0, "\\{}", char::from(byte)),
            }?;
            rest = &rest[at + 1..];
        }
        self.0.write_str(rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::Asked;
    use actix_web::http::Method;
    use proptest::prelude::*;
    use serde_json::{Value, json};
    use std::io;
    use std::sync::{Arc, Mutex, OnceLock};
    use tracing_subscriber::layer::SubscriberExt as _;

    #[derive(Clone, Default)]
    struct Said(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Said {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn said(journal: bool, say: impl FnOnce()) -> String {
        let said = Said::default();
        let writer = said.clone();
        let layer = tracing_subscriber::fmt::layer()
            .event_format(Lines { journal })
            .fmt_fields(Fragments)
            .with_writer(move || writer.clone());
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), say);
        let bytes = said.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    fn object(line: &str) -> Value {
        let mut object: Value = serde_json::from_str(line).unwrap();
        let at = object.as_object_mut().unwrap().remove("timestamp").unwrap();
        at.as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
        object
    }

    #[test]
    fn an_event_has_its_fields_and_those_of_the_innermost_span() {
        let lines = said(false, || {
            let outer = tracing::info_span!("outer", hidden = 1);
            let _outer = outer.enter();
            let span = tracing::info_span!("request", method = %"POST", route = tracing::field::Empty);
            span.record("route", "/a\"b");
            let _entered = span.enter();
            tracing::warn!(status = 503_u16, share = 0.5, late = true, cause = ?"x\ny", "request");
        });
        let expected = json!({
            "level": "WARN", "message": "request", "status": 503, "share": 0.5, "late": true, "cause": "\"x\\ny\"",
            "target": module_path!(), "span": { "name": "request", "method": "POST", "route": "/a\"b" },
        });
        assert_eq!(object(&lines), expected);
    }

    #[test]
    fn an_event_of_a_request_says_of_which() {
        let asked = Asked { method: Method::POST, route: OnceLock::new() };
        let context = RequestContext {
            request_id: "a-request".to_owned(),
            deadline: None,
            trace: None,
            asked: Some(Arc::new(asked)),
        };
        let lines = said(false, || {
            CURRENT.sync_scope(context.clone(), || tracing::info!("begun"));
            context.asked.as_ref().unwrap().route.set("/a/{b}".to_owned()).unwrap();
            CURRENT.sync_scope(context, || tracing::info!("done"));
        });
        let spans: Vec<Value> = lines.lines().map(|line| object(line)["span"].clone()).collect();
        let begun = json!({ "name": "request", "request_id": "a-request", "method": "POST" });
        let done = json!({ "name": "request", "request_id": "a-request", "method": "POST", "route": "/a/{b}" });
        assert_eq!(spans, [begun, done]);
    }

    #[test]
    fn for_the_journal_a_line_begins_with_its_priority() {
        let lines = said(true, || {
            tracing::error!("first");
            tracing::info!("second");
        });
        let [first, second] = lines.lines().collect::<Vec<_>>()[..] else { panic!("{lines}") };
        assert!(first.starts_with("<3>{\"timestamp\":\"") && second.starts_with("<6>{"), "{lines}");
        let expected = json!({ "level": "INFO", "message": "second", "target": module_path!() });
        assert_eq!(object(&second[3..]), expected);
    }

    #[test]
    fn a_span_without_fields_is_its_name() {
        let lines = said(false, || tracing::info_span!("work").in_scope(|| tracing::info!("done")));
        assert_eq!(object(&lines)["span"], json!({ "name": "work" }));
    }

    proptest! {
        #[test]
        fn any_text_is_read_back_as_it_was(value in any::<String>()) {
            let mut written = String::new();
            text(&mut written, &value).unwrap();
            prop_assert!(!written.contains('\n'));
            prop_assert_eq!(serde_json::from_str::<String>(&written).unwrap(), value);
        }
    }
}
