//! A body that is a file and not JSON: text of one media type, within a limit of its own.

use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::{FromRequest, HttpRequest};
use futures_util::StreamExt as _;
use rollcall_common::fault::Fault;
use rollcall_common::idempotency::{Guard, KEY_HEADER};
use rollcall_common::problem::FieldError;
use rollcall_common::secret;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;

/// What kind of file.
pub(crate) trait Kind: 'static {
    /// The `Content-Type` it has to come with.
    const MEDIA_TYPE: &'static str;
    /// Bytes at most.
    const LIMIT: usize;
}

/// A file of text, without the byte order mark that some programs put first.
pub(crate) struct Upload<K> {
    /// What it says.
    pub(crate) text: String,
    /// What makes a repetition recognisable.
    pub(crate) guard: Guard,
    kind: PhantomData<K>,
}

impl<K: Kind> FromRequest for Upload<K> {
    type Error = Fault;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Fault>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move { take(&request, payload).await })
    }
}

async fn take<K: Kind>(request: &HttpRequest, mut payload: Payload) -> Result<Upload<K>, Fault> {
    let text_of = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
    let announced = text_of(header::CONTENT_LENGTH).and_then(|length| length.parse::<usize>().ok()).unwrap_or(0);
    if announced > K::LIMIT {
        return Err(Fault::TooLarge(K::LIMIT));
    }
    let media_type = text_of(header::CONTENT_TYPE).and_then(|value| value.split(';').next()).map_or("", str::trim);
    if !media_type.eq_ignore_ascii_case(K::MEDIA_TYPE) {
        return Err(Fault::UnsupportedMediaType);
    }
    let key = key(request)?;
    let mut bytes = Vec::with_capacity(announced);
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| malformed("", "body_incomplete", "the body ended early"))?;
        if bytes.len() + chunk.len() > K::LIMIT {
            return Err(Fault::TooLarge(K::LIMIT));
        }
        bytes.extend_from_slice(&chunk);
    }
    let prefix = format!("{} {}?{}\n", request.method(), request.path(), request.query_string());
    let fingerprint = secret::sha256(&[prefix.as_bytes(), &bytes].concat());
    Ok(Upload { text: text(bytes)?, guard: Guard { key, fingerprint }, kind: PhantomData })
}

fn key(request: &HttpRequest) -> Result<Option<String>, Fault> {
    let Some(value) = request.headers().get(KEY_HEADER) else { return Ok(None) };
    let key = value.to_str().unwrap_or_default().trim().trim_matches('"');
    if key.is_empty() || key.len() > 200 {
        return Err(malformed("Idempotency-Key", "malformed_key", "must be 1 to 200 visible ASCII characters"));
    }
    Ok(Some(key.to_owned()))
}

/// UTF-8, or 400 with the line where it ends to be.
fn text(bytes: Vec<u8>) -> Result<String, Fault> {
    let mut text = String::from_utf8(bytes).map_err(|error| {
        let good = error.utf8_error().valid_up_to();
        let line = error.as_bytes()[..good].split(|byte| *byte == b'\n').count();
        malformed(&format!("line {line}"), "not_utf8", "must be UTF-8")
    })?;
    if text.starts_with('\u{feff}') {
        text.remove(0);
    }
    Ok(text)
}

fn malformed(pointer: &str, code: &'static str, detail: &str) -> Fault {
    Fault::Malformed(vec![FieldError { pointer: pointer.to_owned(), code: code.into(), detail: detail.to_owned() }])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_order_mark_is_no_text() {
        assert_eq!(text(b"\xef\xbb\xbfnumber".to_vec()).unwrap(), "number");
        assert_eq!(text("\u{feff}\u{feff}x".into()).unwrap(), "\u{feff}x");
    }

    #[test]
    fn what_is_not_utf8_is_named_by_its_line() {
        let Err(Fault::Malformed(errors)) = text(b"a\nb\n\xfc".to_vec()) else { panic!("Latin-1 is not UTF-8") };
        assert_eq!((errors[0].pointer.as_str(), errors[0].code.as_ref()), ("line 3", "not_utf8"));
    }
}
