//! The refusals of each kind of operation, as its description lists them.

use rollcall_common::problem::{CONTENT_TYPE, Problem};
use std::collections::BTreeMap;
use utoipa::openapi::{ContentBuilder, Ref, RefOr, Response, ResponseBuilder};
use utoipa::{IntoResponses, ToSchema as _};

const BAD_REQUEST: (&str, &str) = ("400", "Not decodable: `malformed_input`, naming the parameter");
const NOT_SIGNED_IN: (&str, &str) = ("401", "Not signed in: `not_signed_in`");
const NOT_FOUND: (&str, &str) = ("404", "Not there, or somebody else's: `not_found`");
const INVALID: (&str, &str) = ("422", "Understood, and wrong: `invalid_input`, naming every bad parameter");
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
    /// Of whatever concerns the whole inbox.
    Own [NOT_SIGNED_IN, INTERNAL, UNAVAILABLE, DEADLINE];
    /// Of a list.
    List [BAD_REQUEST, NOT_SIGNED_IN, INVALID, INTERNAL, UNAVAILABLE, DEADLINE];
    /// Of one message.
    One [NOT_SIGNED_IN, NOT_FOUND, INTERNAL, UNAVAILABLE, DEADLINE];
    /// Of opening a stream.
    Open [BAD_REQUEST, NOT_SIGNED_IN, INTERNAL, UNAVAILABLE, DEADLINE];
}

fn problem((status, description): (&'static str, &'static str)) -> (String, RefOr<Response>) {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(Problem::name()))).build();
    let response = ResponseBuilder::new().description(description).content(CONTENT_TYPE, content).build();
    (status.to_owned(), RefOr::T(response))
}
