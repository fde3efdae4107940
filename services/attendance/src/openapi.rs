//! The refusals that routes share, described once.

use rollcall_common::problem::{self, Problem};
use std::collections::BTreeMap;
use utoipa::openapi::{ContentBuilder, Ref, RefOr, ResponseBuilder, response::Response};
use utoipa::{IntoResponses, ToSchema as _};

fn problems(of: &[(&str, &str)]) -> BTreeMap<String, RefOr<Response>> {
    let content = || ContentBuilder::new().schema(Some(Ref::from_schema_name(Problem::name()))).build();
    of.iter()
        .map(|(status, description)| {
            let response =
                ResponseBuilder::new().description(*description).content(problem::CONTENT_TYPE, content()).build();
            ((*status).to_owned(), RefOr::T(response))
        })
        .collect()
}

macro_rules! refusals {
    ($($(#[$doc:meta])* $name:ident { $($status:literal $description:literal)+ })+) => {$(
        $(#[$doc])*
        pub(crate) struct $name;

        impl IntoResponses for $name {
            fn responses() -> BTreeMap<String, RefOr<Response>> {
                problems(&[$(($status, $description)),+])
            }
        }
    )+};
}

refusals! {
    /// What every route below an organisation may answer.
    Refused {
        "401" "Not signed in"
        "404" "No such thing, or it belongs to an organisation the caller is no member of"
        "500" "The service failed"
        "503" "Something that is needed is away or busy; try again after `Retry-After`"
        "504" "The time of the request ran out"
    }
    /// A route that asks for a right.
    NotAllowed {
        "403" "A member, but without the right"
    }
    /// A route that takes a body.
    BadBody {
        "400" "Not JSON, or not decodable; `errors` says where"
        "413" "The body is too large"
        "415" "The body is not application/json"
        "422" "Understood and wrong; `errors` names every bad field"
    }
    /// A route that takes a query.
    BadQuery {
        "400" "A parameter is missing or not decodable"
        "422" "A parameter breaks a rule"
    }
}
