//! The refusals that routes share; an operation lists those that apply to it.

use rollcall_common::describe::{
    BAD_REQUEST, DEADLINE, FORBIDDEN, INTERNAL, INVALID, INVALID_OR_KEY, MEDIA_TYPE, NOT_FOUND, NOT_SIGNED_IN,
    TOO_LARGE, UNAVAILABLE,
};
use rollcall_common::refusals;

refusals! {
    /// What every route below an organisation may answer.
    Refused [NOT_SIGNED_IN, NOT_FOUND, INTERNAL, UNAVAILABLE, DEADLINE];
    /// A route that nobody signs in for.
    OfNobody [NOT_FOUND, INTERNAL, UNAVAILABLE, DEADLINE];
    /// A route that asks for a right.
    NotAllowed [FORBIDDEN];
    /// A route that takes a body.
    BadBody [BAD_REQUEST, TOO_LARGE, MEDIA_TYPE, INVALID];
    /// A route that takes a body and an `Idempotency-Key`.
    BadKeyedBody [BAD_REQUEST, TOO_LARGE, MEDIA_TYPE, INVALID_OR_KEY];
    /// A route that takes a query.
    BadQuery [BAD_REQUEST, INVALID];
}
