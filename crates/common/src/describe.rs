//! What the descriptions of all services say alike: the refusals of an operation, the parameters of a list, events.

use crate::problem::{CONTENT_TYPE, Problem};
use std::collections::BTreeMap;
use utoipa::ToSchema;
use utoipa::openapi::path::{HttpMethod, OperationBuilder, PathItem};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::{ContentBuilder, OpenApi, Ref, RefOr, Response, ResponseBuilder, Schema};

/// A status and what it means.
pub type Refusal = (&'static str, &'static str);

/// The input cannot be decoded.
pub const BAD_REQUEST: Refusal = ("400", "Not decodable: `malformed_input`, with a pointer to each bad field");
/// No valid access token.
pub const NOT_SIGNED_IN: Refusal = ("401", "Not signed in: `not_signed_in`");
/// No valid service token.
pub const NO_SERVICE: Refusal = ("401", "No valid service token: `not_signed_in`");
/// A member without the right, or an API token without the scope.
pub const FORBIDDEN: Refusal =
    ("403", "Signed in, not allowed: `forbidden`; with an API token that has not the scope: `insufficient_scope`");
/// Nothing the caller may know of.
pub const NOT_FOUND: Refusal = ("404", "Not there, of another organisation, or out of the caller's sight: `not_found`");
/// Somebody else changed it.
pub const VERSION: Refusal = ("412", "`If-Match` names another version: `version_mismatch`");
/// Over the limit.
pub const TOO_LARGE: Refusal = ("413", "The body is too large: `too_large`");
/// No JSON by its header.
pub const MEDIA_TYPE: Refusal = ("415", "The body is not `application/json`: `unsupported_media_type`");
/// Input that breaks a rule.
pub const INVALID: Refusal = ("422", "Understood, and wrong: `invalid_input`, naming every bad field");
/// The same, where an `Idempotency-Key` is taken.
pub const INVALID_OR_KEY: Refusal =
    ("422", "Understood, and wrong: `invalid_input`, naming every bad field; `idempotency_key_reused`");
/// The rate limit of the session, the API token, the service or the address.
pub const TOO_MANY: Refusal = ("429", "Too many requests in a short time: `too_many_requests`, with `Retry-After`");
/// A defect.
pub const INTERNAL: Refusal = ("500", "The service failed: `internal`");
/// Away or busy.
pub const UNAVAILABLE: Refusal =
    ("503", "Something needed is away or busy, nothing was done: `unavailable`, with `Retry-After`");
/// Out of time.
pub const DEADLINE: Refusal = ("504", "The time of the request ran out: `deadline_exceeded`");

/// `limit` and `cursor` of a list; [`PageQuery`](crate::paging::PageQuery) is what decodes them.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "described, never made")]
pub struct PageParams {
    /// Rows wanted; 50 when absent.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// An event that a service tells others: its type, and the schema of its data with those it needs.
#[derive(Clone)]
pub struct EventDescription {
    kind: &'static str,
    data: String,
    schemas: Vec<(String, RefOr<Schema>)>,
    secret: bool,
}

impl EventDescription {
    /// An event of type `kind` whose data is a `T`.
    pub fn of<T: ToSchema>(kind: &'static str) -> Self {
        let data = T::name().into_owned();
        let mut schemas = vec![(data.clone(), T::schema())];
        T::schemas(&mut schemas);
        Self { kind, data, schemas, secret: false }
    }

    /// Says that its data hold a secret. It leaves the outbox with the last of its deliveries, where others are kept for
    /// days; so it is not sent again to a subscriber that was put back to a backup.
    #[must_use]
    pub fn with_secret(self) -> Self {
        Self { secret: true, ..self }
    }

    /// The types of those whose data hold a secret.
    pub(crate) fn secret_kinds(all: &[Self]) -> Vec<&'static str> {
        all.iter().filter(|event| event.secret).map(|event| event.kind).collect()
    }

    /// Adds it where OpenAPI has what goes out: a webhook with the type's name, whose body is the data alone. What is
    /// around it is CloudEvents' and the same for all.
    pub(crate) fn add_to(self, document: &mut OpenApi) {
        let components = document.components.get_or_insert_default();
        for (name, schema) in self.schemas {
            components.schemas.entry(name).or_insert(schema);
        }
        let data = ContentBuilder::new().schema(Some(Ref::from_schema_name(self.data))).build();
        let body = RequestBodyBuilder::new().content("application/json", data).build();
        let operation = OperationBuilder::new().request_body(Some(body));
        let item = PathItem::new(HttpMethod::Post, operation);
        document.webhooks.get_or_insert_default().paths.insert(self.kind.to_owned(), item);
    }
}

/// Refusals as responses, each a problem.
pub fn responses(refusals: &[Refusal]) -> BTreeMap<String, RefOr<Response>> {
    let response = |description: &str| {
        let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(Problem::name()))).build();
        RefOr::T(ResponseBuilder::new().description(description).content(CONTENT_TYPE, content).build())
    };
    refusals.iter().map(|(status, description)| ((*status).to_owned(), response(description))).collect()
}

/// Declares sets of refusals, each a type for `responses(…)` of `#[utoipa::path]`.
#[macro_export]
macro_rules! refusals {
    ($($(#[$doc:meta])* $name:ident [$($refusal:ident),+ $(,)?];)+) => {$(
        $(#[$doc])*
        pub(crate) struct $name;

        impl $crate::reexport::IntoResponses for $name {
            fn responses() -> std::collections::BTreeMap<String, $crate::reexport::RefOr<$crate::reexport::Response>> {
                $crate::describe::responses(&[$($refusal),+])
            }
        }
    )+};
}
