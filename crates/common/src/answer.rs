//! Successful answers: [`Answer`] before it is bytes, which is what idempotency stores and replays, and [`LargeAnswer`],
//! which is made bytes where it is computed.

use crate::fault::Fault;
use actix_web::body::BoxBody;
use actix_web::http::header::ContentType;
use actix_web::http::{StatusCode, header};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse, Responder};
use serde::Serialize;
use serde_json::Value;

/// Header that says an answer was given before.
pub const REPLAYED_HEADER: &str = "Idempotency-Replayed";

/// A status, perhaps a body, a location and a version.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Option<Value>,
    pub(crate) location: Option<String>,
    pub(crate) etag: Option<String>,
    pub(crate) replayed: bool,
}

impl Answer {
    /// Any status with a JSON body.
    pub fn new(status: StatusCode, body: &impl Serialize) -> Result<Self, Fault> {
        let body = serde_json::to_value(body).map_err(Fault::internal)?;
        Ok(Self { status, body: Some(body), location: None, etag: None, replayed: false })
    }

    /// 200 with a JSON body.
    pub fn ok(body: &impl Serialize) -> Result<Self, Fault> {
        Self::new(StatusCode::OK, body)
    }

    /// 201 with a JSON body and where it can be read again.
    pub fn created(location: impl Into<String>, body: &impl Serialize) -> Result<Self, Fault> {
        let mut answer = Self::new(StatusCode::CREATED, body)?;
        answer.location = Some(location.into());
        Ok(answer)
    }

    /// 204.
    pub const fn no_content() -> Self {
        Self { status: StatusCode::NO_CONTENT, body: None, location: None, etag: None, replayed: false }
    }

    /// Sends the version of the resource as `ETag`.
    #[must_use]
    pub fn version(mut self, version: i64) -> Self {
        self.etag = Some(format!("\"{version}\""));
        self
    }

    /// Marks an answer as given before, with the status that a replay has.
    #[must_use]
    pub const fn replayed(mut self, status: StatusCode) -> Self {
        self.status = status;
        self.replayed = true;
        self
    }
}

impl Responder for Answer {
    type Body = BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        let mut response = HttpResponse::build(self.status);
        if let Some(location) = self.location {
            response.insert_header((header::LOCATION, location));
        }
        if let Some(etag) = self.etag {
            response.insert_header((header::ETAG, etag));
        }
        if self.replayed {
            response.insert_header((REPLAYED_HEADER, "true"));
        }
        match self.body {
            Some(body) => response.json(body),
            None => response.finish(),
        }
    }
}

/// 200 with a JSON body of megabytes. It is written where it was computed: to write one takes tens of milliseconds, and
/// on a thread that serves nobody else would be answered meanwhile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LargeAnswer(Bytes);

impl LargeAnswer {
    /// The body, of about so many bytes: it is right to say somewhat too many, and it only costs time to say too few.
    pub fn ok(body: &impl Serialize, about: usize) -> Result<Self, Fault> {
        let mut bytes = Vec::with_capacity(about);
        serde_json::to_writer(&mut bytes, body).map_err(Fault::internal)?;
        Ok(Self(bytes.into()))
    }
}

impl Responder for LargeAnswer {
    type Body = BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        HttpResponse::Ok().content_type(ContentType::json()).body(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::body::to_bytes;
    use actix_web::test::TestRequest;
    use serde_json::json;

    #[actix_web::test]
    async fn a_large_answer_is_on_the_wire_what_any_other_is() {
        let body = json!({"items": ["\u{e9}", 1, null], "next_cursor": null});
        let request = TestRequest::default().to_http_request();
        // Whatever was said of how long it is.
        for about in [0, 1_000] {
            let large = LargeAnswer::ok(&body, about).unwrap().respond_to(&request);
            let other = Answer::ok(&body).unwrap().respond_to(&request);
            let told = |answer: &HttpResponse| (answer.status(), answer.headers().get(header::CONTENT_TYPE).cloned());
            assert_eq!(told(&large), told(&other));
            assert_eq!(to_bytes(large.into_body()).await.unwrap(), to_bytes(other.into_body()).await.unwrap());
        }
    }
}
