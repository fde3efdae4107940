//! `application/problem+json` (RFC 9457): what every refused request is answered with.

use crate::context;
use actix_web::HttpResponse;
use actix_web::http::{StatusCode, header};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use utoipa::ToSchema;

/// Media type of a problem.
pub const CONTENT_TYPE: &str = "application/problem+json";

/// One thing that is wrong with the input.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FieldError {
    /// JSON pointer (RFC 6901) into the body, or `?name` for a query parameter, or the name of a header.
    #[schema(example = "/email")]
    pub pointer: String,
    /// Stable name of the rule that was broken.
    #[schema(example = "invalid_email")]
    pub code: Cow<'static, str>,
    /// What the rule is, for people.
    #[schema(example = "must be an e-mail address")]
    pub detail: String,
}

/// The body of every 4xx and 5xx answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// URN of the problem, made of `code`.
    #[serde(rename = "type")]
    #[schema(example = "urn:rollcall:problem:invalid_input")]
    pub kind: String,
    /// The kind of problem in a few words, always the same for one `code`.
    #[schema(example = "The input breaks a rule")]
    pub title: Cow<'static, str>,
    /// The HTTP status.
    #[schema(example = 422)]
    pub status: u16,
    /// This occurrence in a sentence.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub detail: Option<String>,
    /// Stable name of the problem: what programs should look at.
    #[schema(example = "invalid_input")]
    pub code: Cow<'static, str>,
    /// Id of the request, to be named when asking for help.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub request_id: Option<String>,
    /// Every bad field of the input.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub errors: Vec<FieldError>,
    /// Seconds after which trying again makes sense; sent as `Retry-After`.
    #[serde(skip)]
    pub retry_after: Option<u32>,
    /// A member that only this kind of problem has (RFC 9457 §3.2).
    #[serde(skip)]
    pub extension: Option<(&'static str, serde_json::Value)>,
}

impl Problem {
    /// A problem with a stable `code` and a `title` that belongs to it.
    pub fn new(status: StatusCode, code: &'static str, title: &'static str) -> Self {
        Self {
            kind: format!("urn:rollcall:problem:{code}"),
            title: Cow::Borrowed(title),
            status: status.as_u16(),
            detail: None,
            code: Cow::Borrowed(code),
            request_id: None,
            errors: Vec::new(),
            retry_after: None,
            extension: None,
        }
    }

    /// Says what happened this time.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// Names the bad fields.
    #[must_use]
    pub fn errors(mut self, errors: Vec<FieldError>) -> Self {
        self.errors = errors;
        self
    }

    /// Says when to try again, in seconds.
    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// Adds a member that only this kind of problem has (RFC 9457 §3.2).
    #[must_use]
    pub fn with(mut self, member: &'static str, value: impl Into<serde_json::Value>) -> Self {
        self.extension = Some((member, value.into()));
        self
    }

    /// The status as a type; 500 should the number not be one.
    pub fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// The answer, carrying the id of the request that is being served.
    pub fn into_response(mut self) -> HttpResponse {
        self.request_id = self.request_id.or_else(context::request_id);
        let mut response = HttpResponse::build(self.status_code());
        response.insert_header((header::CONTENT_TYPE, CONTENT_TYPE));
        if let Some(seconds) = self.retry_after {
            response.insert_header((header::RETRY_AFTER, seconds.to_string()));
        }
        if self.status == 401 {
            response.insert_header((header::WWW_AUTHENTICATE, "Bearer"));
        }
        let mut body = serde_json::to_value(&self).unwrap_or_default();
        if let Some((member, value)) = self.extension.take() {
            body[member] = value;
        }
        let body = body.to_string();
        let mut response = response.body(body);
        response.extensions_mut().insert(Code(self.code));
        response
    }
}

/// The code of the problem in a response, for the one log line of the request.
#[derive(Clone)]
pub(crate) struct Code(pub(crate) Cow<'static, str>);

/// Why it failed inside: logged once, never sent.
#[derive(Clone)]
pub(crate) struct Cause(pub(crate) String);

/// Answers `problem` for `error`; the causes of a 5xx go to the log with the request's own line.
pub fn respond(error: &(dyn std::error::Error + 'static), problem: Problem) -> HttpResponse {
    let server_side = problem.status >= 500;
    let mut response = problem.into_response();
    if server_side {
        response.extensions_mut().insert(Cause(chain(error)));
    }
    response
}

/// An error and all its sources in one line.
pub fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        source = inner.source();
    }
    text
}

/// Gives a service's closed error enum its place in HTTP: the enum has `fn problem(&self) -> Problem`, an
/// exhaustive match, and a variant `Fault(#[from] Fault)`.
#[macro_export]
macro_rules! api_error {
    ($error:ty) => {
        impl $crate::reexport::ResponseError for $error {
            fn status_code(&self) -> $crate::reexport::StatusCode {
                self.problem().status_code()
            }

            fn error_response(&self) -> $crate::reexport::HttpResponse {
                $crate::problem::respond(self, self.problem())
            }
        }

        impl From<$crate::reexport::DieselError> for $error {
            fn from(error: $crate::reexport::DieselError) -> Self {
                $crate::fault::Fault::from(error).into()
            }
        }
    };
}
