//! The refusals of each kind of operation, as its description lists them.

use rollcall_common::problem::{CONTENT_TYPE, Problem};
use std::collections::BTreeMap;
use utoipa::openapi::{ContentBuilder, Ref, RefOr, Response, ResponseBuilder};
use utoipa::{IntoResponses, ToSchema as _};

const BAD_REQUEST: (&str, &str) = ("400", "Not decodable: `malformed_input`, with a pointer to each bad field");
const NOT_SIGNED_IN: (&str, &str) = ("401", "Not signed in: `not_signed_in`");
const WRONG_PASSWORD: (&str, &str) = ("401", "No account with this address and password: `invalid_credentials`");
const WORTHLESS: (&str, &str) =
    ("401", "The refresh token is worth nothing: `invalid_refresh_token`, `refresh_reused`, `session_ended`");
const NO_SERVICE: (&str, &str) = ("401", "No valid service token: `not_signed_in`");
const NOT_FOUND: (&str, &str) = ("404", "There is no such user: `not_found`");
const TAKEN: (&str, &str) = ("409", "An account with this address exists, in whatever case: `email_taken`");
const VERSION: (&str, &str) = ("412", "`If-Match` names another version: `version_mismatch`");
const TOO_LARGE: (&str, &str) = ("413", "The body is too large: `too_large`");
const MEDIA_TYPE: (&str, &str) = ("415", "The body is not `application/json`: `unsupported_media_type`");
const INVALID: (&str, &str) = ("422", "Understood, and wrong: `invalid_input`, naming every bad field");
const INVALID_OR_KEY: (&str, &str) =
    ("422", "Understood, and wrong: `invalid_input`, naming every bad field; `idempotency_key_reused`");
const INTERNAL: (&str, &str) = ("500", "The service failed: `internal`");
const UNAVAILABLE: (&str, &str) =
    ("503", "Something needed is away or busy, nothing was done: `unavailable`, with `Retry-After`");
const DEADLINE: (&str, &str) = ("504", "The time of the request ran out: `deadline_exceeded`");

/// Declares a set of refusals.
macro_rules! refusals {
    ($($(#[$doc:meta])* $name:ident [$($refusal:ident),+];)+) => {$(
        $(#[$doc])*
        pub(crate) struct $name;

        impl IntoResponses for $name {
            fn responses() -> BTreeMap<String, RefOr<Response>> {
                [$($refusal),+].into_iter().map(problem).collect()
            }
        }
    )+};
}

refusals! {
    /// Of what everybody may read.
    Public [INTERNAL, UNAVAILABLE, DEADLINE];
    /// Of signing up.
    SigningUp [BAD_REQUEST, TAKEN, TOO_LARGE, MEDIA_TYPE, INVALID_OR_KEY, INTERNAL, UNAVAILABLE, DEADLINE];
    /// Of signing in.
    SigningIn [BAD_REQUEST, WRONG_PASSWORD, TOO_LARGE, MEDIA_TYPE, INVALID, INTERNAL, UNAVAILABLE, DEADLINE];
    /// Of refreshing.
    Refreshing [BAD_REQUEST, WORTHLESS, TOO_LARGE, MEDIA_TYPE, INTERNAL, UNAVAILABLE, DEADLINE];
    /// Of what the caller reads or ends of their own.
    Own [NOT_SIGNED_IN, INTERNAL, UNAVAILABLE, DEADLINE];
    /// Of what the caller changes of their own.
    OwnChange [
        BAD_REQUEST, NOT_SIGNED_IN, VERSION, TOO_LARGE, MEDIA_TYPE, INVALID, INTERNAL, UNAVAILABLE, DEADLINE
    ];
    /// Of a question by another service.
    Internal [NO_SERVICE, NOT_FOUND, INTERNAL, UNAVAILABLE, DEADLINE];
}

fn problem((status, description): (&'static str, &'static str)) -> (String, RefOr<Response>) {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(Problem::name()))).build();
    let response = ResponseBuilder::new().description(description).content(CONTENT_TYPE, content).build();
    (status.to_owned(), RefOr::T(response))
}
