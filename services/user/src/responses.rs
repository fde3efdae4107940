//! The refusals of each kind of operation, as its description lists them.

use rollcall_common::describe::{
    BAD_REQUEST, DEADLINE, INTERNAL, INVALID, INVALID_OR_KEY, MEDIA_TYPE, NO_SERVICE, NOT_FOUND, NOT_SIGNED_IN,
    Refusal, TOO_LARGE, UNAVAILABLE, VERSION,
};
use rollcall_common::refusals;

const WRONG_PASSWORD: Refusal = ("401", "No account with this address and password: `invalid_credentials`");
const WORTHLESS: Refusal =
    ("401", "The refresh token is worth nothing: `invalid_refresh_token`, `refresh_reused`, `session_ended`");
const TAKEN: Refusal = ("409", "An account with this address exists, in whatever case: `email_taken`");

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
