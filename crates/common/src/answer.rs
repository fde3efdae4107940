//! A successful answer before it is bytes: what idempotency stores and replays.

use actix_web::body::BoxBody;
use actix_web::http::{StatusCode, header};
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
    pub fn new(status: StatusCode, body: &impl Serialize) -> Result<Self, crate::fault::Fault> {
        let body = serde_json::to_value(body).map_err(crate::fault::Fault::internal)?;
        Ok(Self { status, body: Some(body), location: None, etag: None, replayed: false })
    }

    /// 200 with a JSON body.
    pub fn ok(body: &impl Serialize) -> Result<Self, crate::fault::Fault> {
        Self::new(StatusCode::OK, body)
    }

    /// 201 with a JSON body and where it can be read again.
    pub fn created(location: impl Into<String>, body: &impl Serialize) -> Result<Self, crate::fault::Fault> {
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
