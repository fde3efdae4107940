//! The refusals of each kind of operation, as its description lists them.

use rollcall_common::problem::{CONTENT_TYPE, Problem};
use std::collections::BTreeMap;
use utoipa::openapi::{ContentBuilder, Ref, RefOr, Response, ResponseBuilder};
use utoipa::{IntoResponses, ToSchema as _};

const BAD_REQUEST: (&str, &str) = ("400", "Not decodable: `malformed_input`, with a pointer to each bad field");
const NOT_SIGNED_IN: (&str, &str) = ("401", "Not signed in: `not_signed_in`");
const FORBIDDEN: (&str, &str) = ("403", "Signed in, not allowed: `forbidden`");
const NOT_FOUND: (&str, &str) =
    ("404", "Not there, of another organisation, or out of the caller's sight: `not_found`");
const CONFLICT: (&str, &str) = (
    "409",
    "Conflicts with the state: `last_owner`, `unit_cycle`, `root_unit`, `unit_code_taken`, `number_taken`, \
     `assignment_overlap`, `already_linked`, `already_member`, `invitation_used`, `idempotency_in_progress`",
);
const GONE: (&str, &str) = ("410", "The invitation's time is over, or a newer one replaced it: `invitation_expired`");
const VERSION: (&str, &str) = ("412", "`If-Match` names another version: `version_mismatch`");
const TOO_LARGE: (&str, &str) = ("413", "The body is too large: `too_large`");
const MEDIA_TYPE: (&str, &str) = ("415", "The body is not `application/json`: `unsupported_media_type`");
const INVALID: (&str, &str) =
    ("422", "Understood, and wrong: `invalid_input` naming every bad field, `idempotency_key_reused`");
const INTERNAL: (&str, &str) = ("500", "The service failed: `internal`");
const UNAVAILABLE: (&str, &str) =
    ("503", "Something needed is away or busy, nothing was done: `unavailable`, with `Retry-After`");
const DEADLINE: (&str, &str) = ("504", "The time of the request ran out: `deadline_exceeded`");

/// `limit` and `cursor` of a list, for its description.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "described, never made: PageQuery of common is what is decoded")]
pub(crate) struct PageParams {
    /// Rows wanted; 50 when absent.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

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
    /// Of a read.
    Read [NOT_SIGNED_IN, FORBIDDEN, NOT_FOUND, INTERNAL, UNAVAILABLE, DEADLINE];
    /// Of a list.
    List [BAD_REQUEST, NOT_SIGNED_IN, FORBIDDEN, NOT_FOUND, INVALID, INTERNAL, UNAVAILABLE, DEADLINE];
    /// Of a list across organisations.
    OwnList [BAD_REQUEST, NOT_SIGNED_IN, INVALID, INTERNAL, UNAVAILABLE, DEADLINE];
    /// Of adding something.
    Create [
        BAD_REQUEST, NOT_SIGNED_IN, FORBIDDEN, NOT_FOUND, CONFLICT, TOO_LARGE, MEDIA_TYPE, INVALID, INTERNAL,
        UNAVAILABLE, DEADLINE
    ];
    /// Of founding an organisation.
    Found [
        BAD_REQUEST, NOT_SIGNED_IN, CONFLICT, TOO_LARGE, MEDIA_TYPE, INVALID, INTERNAL, UNAVAILABLE, DEADLINE
    ];
    /// Of changing something.
    Change [
        BAD_REQUEST, NOT_SIGNED_IN, FORBIDDEN, NOT_FOUND, CONFLICT, VERSION, TOO_LARGE, MEDIA_TYPE, INVALID, INTERNAL,
        UNAVAILABLE, DEADLINE
    ];
    /// Of changing something by its path alone.
    Toggle [
        BAD_REQUEST, NOT_SIGNED_IN, FORBIDDEN, NOT_FOUND, CONFLICT, VERSION, INTERNAL, UNAVAILABLE, DEADLINE
    ];
    /// Of accepting an invitation.
    Accept [
        BAD_REQUEST, NOT_SIGNED_IN, NOT_FOUND, CONFLICT, GONE, TOO_LARGE, MEDIA_TYPE, INVALID, INTERNAL, UNAVAILABLE,
        DEADLINE
    ];
    /// Of a call by another service.
    Internal [BAD_REQUEST, NOT_SIGNED_IN, NOT_FOUND, INVALID, INTERNAL, UNAVAILABLE, DEADLINE];
}

fn problem((status, description): (&'static str, &'static str)) -> (String, RefOr<Response>) {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(Problem::name()))).build();
    let response = ResponseBuilder::new().description(description).content(CONTENT_TYPE, content).build();
    (status.to_owned(), RefOr::T(response))
}
