//! Extractors whose refusals are problems that name the field.

use crate::fault::Fault;
use crate::problem::FieldError;
use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::{FromRequest, HttpRequest, web};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use serde::de::DeserializeOwned;
use std::future::{Future, Ready, ready};
use std::pin::Pin;

/// Largest body taken, in bytes; registered per application, and per resource where more is due.
#[derive(Clone, Copy, Debug)]
pub struct BodyLimit(pub usize);

/// A JSON body.
#[derive(Debug)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned + 'static> FromRequest for Json<T> {
    type Error = Fault;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Fault>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let body = body(request, payload, &["application/json"]);
        Box::pin(async move { decode_object(&body.await?).map(Self) })
    }
}

/// A JSON body that may be left out: then it says nothing but defaults.
#[derive(Debug)]
pub struct OptionalJson<T>(pub T);

impl<T: DeserializeOwned + Default + 'static> FromRequest for OptionalJson<T> {
    type Error = Fault;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Fault>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let headers = request.headers();
        let empty = headers.get(header::CONTENT_LENGTH).is_none_or(|length| length == "0");
        if empty && !headers.contains_key(header::TRANSFER_ENCODING) && !headers.contains_key(header::CONTENT_TYPE) {
            return Box::pin(ready(Ok(Self(T::default()))));
        }
        let body = body(request, payload, &["application/json"]);
        Box::pin(async move { decode_object::<Option<T>>(&body.await?).map(|body| Self(body.unwrap_or_default())) })
    }
}

/// Reads a body of one of the media types, within the limit that is registered.
pub(crate) fn body(
    request: &HttpRequest,
    payload: &mut Payload,
    media_types: &[&str],
) -> impl Future<Output = Result<Bytes, Fault>> + use<> {
    let limit = request.app_data::<BodyLimit>().map_or(65_536, |limit| limit.0);
    body_within(limit, request, payload, media_types)
}

/// Reads a body of one of the media types, of at most `limit` bytes.
pub(crate) fn body_within(
    limit: usize,
    request: &HttpRequest,
    payload: &mut Payload,
    media_types: &[&str],
) -> impl Future<Output = Result<Bytes, Fault>> + use<> {
    let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
    let media_type = header(header::CONTENT_TYPE).and_then(|value| value.split(';').next()).map(str::trim);
    let accepted = media_type.is_some_and(|given| media_types.iter().any(|known| known.eq_ignore_ascii_case(given)));
    let announced = header(header::CONTENT_LENGTH).and_then(|length| length.parse::<usize>().ok()).unwrap_or(0);
    let mut payload = payload.take();
    async move {
        if announced > limit {
            return Err(Fault::TooLarge(limit));
        }
        if !accepted {
            return Err(Fault::UnsupportedMediaType);
        }
        let mut body = BytesMut::with_capacity(announced);
        while let Some(chunk) = payload.next().await {
            let chunk = chunk.map_err(|_| malformed("", "body_incomplete", "the body ended early"))?;
            if body.len() + chunk.len() > limit {
                return Err(Fault::TooLarge(limit));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body.freeze())
    }
}

/// Decodes JSON; what does not fit is named by its pointer.
pub(crate) fn decode<T: DeserializeOwned>(body: &[u8]) -> Result<T, Fault> {
    // Keeping the path costs as much again as decoding, and nearly every body is good: it is kept the second time.
    serde_json::from_slice(body).or_else(|_| decode_keeping_the_path(body))
}

fn decode_keeping_the_path<T: DeserializeOwned>(body: &[u8]) -> Result<T, Fault> {
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let pointer = json_pointer(error.path());
        let inner = error.into_inner();
        match inner.classify() {
            serde_json::error::Category::Data => malformed(pointer, "wrong_type", inner.to_string()),
            _ => malformed("", "not_json", inner.to_string()),
        }
    })?;
    deserializer.end().map_err(|error| malformed("", "not_json", error.to_string()))?;
    Ok(value)
}

/// Like `decode`, for a body that is an object. serde takes an array for a struct, its fields in the order of their
/// declaration: then `["a", "b"]` would be a sign-in, and a new field in the middle would change what it means.
pub(crate) fn decode_object<T: DeserializeOwned>(body: &[u8]) -> Result<T, Fault> {
    match body.iter().find(|byte| !byte.is_ascii_whitespace()) {
        Some(b'[') => Err(malformed("", "wrong_type", "must be a JSON object")),
        _ => decode(body),
    }
}

fn json_pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    path.iter()
        .filter_map(|segment| match segment {
            Segment::Seq { index } => Some(format!("/{index}")),
            Segment::Map { key } => Some(format!("/{}", key.replace('~', "~0").replace('/', "~1"))),
            Segment::Enum { .. } | Segment::Unknown => None,
        })
        .collect()
}

fn malformed(pointer: impl Into<String>, code: &'static str, detail: impl Into<String>) -> Fault {
    Fault::Malformed(vec![FieldError { pointer: pointer.into(), code: code.into(), detail: detail.into() }])
}

/// The query string. Fields are named `?name`.
#[derive(Debug)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned> FromRequest for Query<T> {
    type Error = Fault;
    type Future = Ready<Result<Self, Fault>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let pairs = form_pairs(request.query_string());
        let deserializer = serde::de::value::MapDeserializer::new(pairs.iter().map(|(k, v)| (k.as_str(), Text(v))));
        ready(serde_path_to_error::deserialize(deserializer).map(Self).map_err(|error| {
            let pointer = format!("?{}", error.path());
            malformed(pointer, "malformed_parameter", error.into_inner().to_string())
        }))
    }
}

fn form_pairs(query: &str) -> Vec<(String, String)> {
    url::form_urlencoded::parse(query.as_bytes()).map(|(k, v)| (k.into_owned(), v.into_owned())).collect()
}

/// A query value: text that becomes whatever type is asked for.
struct Text<'a>(&'a str);

macro_rules! parse_as {
    ($($method:ident $visit:ident $type:ty),+ $(,)?) => {$(
        fn $method<V: serde::de::Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
            match self.0.parse::<$type>() {
                Ok(value) => visitor.$visit(value),
                Err(error) => Err(serde::de::Error::custom(format!("`{}`: {error}", self.0))),
            }
        }
    )+};
}

impl<'de> serde::Deserializer<'de> for Text<'_> {
    type Error = serde::de::value::Error;

    fn deserialize_any<V: serde::de::Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        visitor.visit_str(self.0)
    }

    fn deserialize_option<V: serde::de::Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: serde::de::Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: serde::de::Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        visitor.visit_enum(serde::de::value::StrDeserializer::new(self.0))
    }

    parse_as! {
        deserialize_bool visit_bool bool,
        deserialize_u8 visit_u8 u8, deserialize_u16 visit_u16 u16, deserialize_u32 visit_u32 u32,
        deserialize_u64 visit_u64 u64, deserialize_i8 visit_i8 i8, deserialize_i16 visit_i16 i16,
        deserialize_i32 visit_i32 i32, deserialize_i64 visit_i64 i64,
        deserialize_f32 visit_f32 f32, deserialize_f64 visit_f64 f64,
    }

    serde::forward_to_deserialize_any! {
        char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

impl serde::de::IntoDeserializer<'_, serde::de::value::Error> for Text<'_> {
    type Deserializer = Self;
    fn into_deserializer(self) -> Self {
        self
    }
}

/// Parameters of the path. One that does not parse names nothing that exists: 404.
#[derive(Debug)]
pub struct Path<T>(pub T);

impl<T: DeserializeOwned> FromRequest for Path<T> {
    type Error = Fault;
    type Future = Ready<Result<Self, Fault>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let path = web::Path::<T>::from_request(request, payload).into_inner();
        ready(path.map(|path| Self(path.into_inner())).map_err(|_| Fault::NotFound))
    }
}

/// The version in `If-Match`, if the header came: `"7"` or `W/"7"`. `*` counts as absent: it protects from nothing.
#[derive(Clone, Copy, Debug)]
pub struct IfMatch(pub Option<i64>);

impl IfMatch {
    /// The version; 428 without one.
    pub fn required(self) -> Result<i64, Fault> {
        self.0.ok_or(Fault::PreconditionRequired)
    }

    /// 412 unless the header is absent or names `version`.
    pub fn check(self, version: i64) -> Result<(), Fault> {
        match self.0 {
            Some(expected) if expected != version => Err(Fault::PreconditionFailed),
            _ => Ok(()),
        }
    }
}

impl FromRequest for IfMatch {
    type Error = Fault;
    type Future = Ready<Result<Self, Fault>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let parsed = match request.headers().get(header::IF_MATCH).map(|value| value.to_str().unwrap_or("?").trim()) {
            None | Some("*") => Ok(None),
            Some(tag) => tag.trim_start_matches("W/").trim_matches('"').parse().map(Some),
        };
        ready(parsed.map(Self).map_err(|_| malformed("If-Match", "malformed_etag", "must be an ETag as it was sent")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;
    use rollcall_ids::UserId;
    use serde::Deserialize;

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(rename_all = "snake_case")]
    enum Colour {
        Red,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Ask {
        #[serde(default)]
        limit: Option<u32>,
        #[serde(default)]
        colour: Option<Colour>,
        #[serde(default)]
        user: Option<UserId>,
        #[serde(default)]
        from: Option<jiff::civil::Date>,
    }

    fn query(text: &str) -> Result<Ask, Fault> {
        let request = TestRequest::with_uri(&format!("/?{text}")).to_http_request();
        Query::<Ask>::from_request(&request, &mut Payload::None).into_inner().map(|Query(ask)| ask)
    }

    #[test]
    fn a_query_decodes_numbers_enums_ids_and_dates() {
        let user = UserId::generate();
        let ask = query(&format!("limit=7&colour=red&user={user}&from=2026-03-28")).unwrap();
        let expected = Ask {
            limit: Some(7),
            colour: Some(Colour::Red),
            user: Some(user),
            from: Some(jiff::civil::date(2026, 3, 28)),
        };
        assert_eq!(ask, expected);
    }

    #[test]
    fn a_bad_parameter_is_named() {
        for (text, pointer) in
            [("limit=-1", "?limit"), ("colour=blue", "?colour"), ("user=7", "?user"), ("from=tomorrow", "?from")]
        {
            let Fault::Malformed(errors) = query(text).unwrap_err() else { panic!("{text}") };
            assert_eq!(errors[0].pointer, pointer, "{errors:?}");
        }
        assert!(matches!(query("lmit=1").unwrap_err(), Fault::Malformed(_)));
    }

    #[test]
    fn an_array_is_not_taken_for_an_object() {
        #[derive(Debug, Deserialize)]
        struct Body {
            #[serde(rename = "a")]
            _a: u8,
        }
        assert!(decode_object::<Body>(br#" {"a":1}"#).is_ok());
        let Fault::Malformed(errors) = decode_object::<Body>(b" [1]").unwrap_err() else { panic!() };
        assert_eq!((errors[0].pointer.as_str(), errors[0].code.as_ref()), ("", "wrong_type"));
    }

    #[test]
    fn a_bad_body_is_named_by_its_pointer() {
        #[derive(Debug, Deserialize)]
        struct Body {
            #[serde(rename = "items")]
            _items: Vec<u8>,
        }
        let Fault::Malformed(errors) = decode::<Body>(br#"{"items":[1,"x"]}"#).unwrap_err() else { panic!() };
        assert_eq!((errors[0].pointer.as_str(), errors[0].code.as_ref()), ("/items/1", "wrong_type"));
        for broken in [&b"{"[..], b"", b"{\"items\":[]} x", b"\xff"] {
            let Fault::Malformed(errors) = decode::<Body>(broken).unwrap_err() else { panic!() };
            assert_eq!(errors[0].code.as_ref(), "not_json");
        }
    }
}
